"""A small shop: its tables, its dbt project, and commands to run on them."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import duckdb
import numpy as np
import pytest
import yaml
from dbt_commands import run_dbt

# Tests marked so run on both databases.
BOTH = pytest.mark.parametrize("loaded", ["duckdb", "postgres"], indirect=True, scope="session")
ROOT = Path(__file__).parents[2]
KEY = {"data_tests": ["unique", "not_null"]}
QUICK = {"synthohive_model_options": {"epochs": 3, "critic_steps": 5}}


def foreign_key(to: str, field: str, severity: str = "error") -> dict[str, Any]:
    arguments = {"to": f"source('shop', '{to}')", "field": field}
    return {"relationships": {"arguments": arguments, "config": {"severity": severity}}}


SOURCES: dict[str, Any] = {
    "name": "shop",
    "schema": "shop",
    "config": {"meta": {"synthohive": {"enabled": True}}},
    "tables": [
        {
            "name": "countries",
            "config": {"meta": {"synthohive": {"mode": "reference"}}},
            "columns": [{"name": "code", **KEY}],
        },
        {
            "name": "customers",
            "columns": [
                {"name": "customer_id", **KEY},
                {"name": "country", "data_tests": [foreign_key("countries", "code")]},
                {
                    "name": "referred_by",
                    "config": {"meta": {"synthohive": {"orphans": "keep"}}},
                    "data_tests": [foreign_key("customers", "customer_id", "warn")],
                },
            ],
        },
        {
            "name": "orders",
            "data_tests": [
                {"synthohive.unique_combination": {"arguments": {"columns": ["shop_no", "order_no"]}}}
            ],
            "columns": [
                {"name": "shop_no", "data_tests": ["not_null"]},
                {"name": "order_no", "data_tests": ["not_null"]},
                {"name": "customer_id", "data_tests": ["not_null", foreign_key("customers", "customer_id")]},
                {
                    "name": "status",
                    "data_tests": [{"accepted_values": {"arguments": {"values": ["new", "paid", "lost"]}}}],
                },
            ],
        },
        {
            "name": "order_lines",
            "data_tests": [
                {
                    "synthohive.unique_combination": {
                        "arguments": {"columns": ["shop_no", "order_no", "line"]}
                    }
                },
                {
                    "synthohive.relationships_composite": {
                        "arguments": {
                            "columns": ["shop_no", "order_no"],
                            "to": "source('shop', 'orders')",
                            "to_columns": ["shop_no", "order_no"],
                        }
                    }
                },
            ],
            "columns": [
                {"name": name, "data_tests": ["not_null"]} for name in ("shop_no", "order_no", "line")
            ],
        },
    ],
}
DDL = """
create schema shop;
create table shop.countries (code varchar, name varchar);
insert into shop.countries values ('AT', 'Austria'), ('DE', 'Germany'), ('FR', 'France');
create table shop.customers (
    customer_id bigint, country varchar, referred_by bigint, joined date, vip boolean, credit decimal(9, 2)
);
create table shop.orders (
    shop_no smallint, order_no integer, customer_id bigint, status varchar, ordered_at timestamp
);
create table shop.order_lines (
    shop_no smallint, order_no integer, line tinyint, quantity integer, price double precision, note varchar
);
"""


class Database(ABC):
    """Where the shop is."""

    @abstractmethod
    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Run statements; the rows of the last one, if it has some."""

    @abstractmethod
    def output(self) -> dict[str, Any]:
        """What a profile says of it."""

    @abstractmethod
    def copied(self, folder: Path) -> Database:
        """A copy that a test may change."""


@dataclass
class DuckDB(Database):
    """A file."""

    path: Path

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.path)) as connection:
            return connection.execute(sql).fetchall()

    def output(self) -> dict[str, Any]:
        return {"type": "duckdb", "path": str(self.path), "threads": 1}

    def copied(self, folder: Path) -> DuckDB:
        folder.mkdir(parents=True, exist_ok=True)
        copy = DuckDB(folder / "warehouse.duckdb")
        copy.path.write_bytes(self.path.read_bytes())
        return copy


@dataclass
class Postgres(Database):
    """A database of the tests' own server."""

    server: str  # its URI, up to the database's name
    name: str

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        import psycopg2

        connection = psycopg2.connect(f"{self.server}/{self.name}")
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def output(self) -> dict[str, Any]:
        at = urlsplit(self.server)
        return {
            "type": "postgres",
            "host": at.hostname,
            "port": at.port,
            "user": at.username,
            "password": at.password,
            "dbname": self.name,
            "threads": 1,
        }

    def copied(self, folder: Path) -> Postgres:  # noqa: ARG002
        copy = Postgres(self.server, f"shop_{secrets.token_hex(4)}")
        Postgres(self.server, "postgres").query(f"create database {copy.name} template {self.name}")
        if copy.query("select to_regclass('analytics.synthohive_schema') is not null") == [(True,)]:
            # What is written there names the database, and here copies can't be called as their original.
            named = f"replace(payload, '{self.name}', '{copy.name}')"
            copy.query(f"update analytics.synthohive_schema set payload = {named}")
        return copy

    def fill(self, source: DuckDB) -> None:
        """The same rows as those in DuckDB."""
        import psycopg2
        from psycopg2.extras import execute_values

        self.query(DDL.replace("tinyint", "smallint"))
        connection = psycopg2.connect(f"{self.server}/{self.name}")
        with connection, connection.cursor() as cursor:
            for table in ("countries", "customers", "orders", "order_lines"):
                rows = source.query(f"select * from shop.{table}")
                cursor.execute(f"truncate shop.{table}")
                execute_values(cursor, f"insert into shop.{table} values %s", rows)
        connection.close()


@dataclass
class Project:
    """A dbt project and its database."""

    folder: Path
    sources: dict[str, Any]
    variables: dict[str, Any]
    database: Database

    def write(self) -> Project:
        self._yaml("dbt_project.yml", {"name": "shop", "profile": "shop", "vars": self.variables})
        self._yaml("packages.yml", {"packages": [{"local": str(ROOT)}]})
        # What `dbt deps` does, which a test of the README's first steps runs.
        (self.folder / "dbt_packages").mkdir(exist_ok=True)
        package = self.folder / "dbt_packages" / "synthohive"
        package.is_symlink() or package.symlink_to(ROOT, target_is_directory=True)
        self.write_profile()
        self._yaml("models/sources.yml", {"sources": [self.sources]})
        self.text(
            "macros/source.sql",
            "{% macro source(source_name, table_name) %}"
            "{{ return(synthohive.synthetic_source(source_name, table_name)) }}{% endmacro %}",
        )
        self.text(
            "models/spent.sql",
            "select customer_id, count(*) as orders from {{ source('shop', 'orders') }} group by 1",
        )
        return self

    def write_profile(self, **more: Any) -> None:
        """The profile alone, with more settings of the database."""
        outputs = {
            name: {**self.database.output(), "schema": schema, **more}
            for name, schema in (("dev", "analytics"), ("synthetic", "analytics_synthetic"))
        }
        self._yaml("profiles.yml", {"shop": {"target": "dev", "outputs": outputs}})

    def dbt(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run dbt; the caller looks at its exit code."""
        return run_dbt(*arguments, cwd=self.folder, env=self.environment(**environment))

    def environment(self, **more: str) -> dict[str, str]:
        """What dbt is to find in its environment."""
        own = {"DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "DBT_PROFILES_DIR": str(self.folder)}
        return {**os.environ, **own, **more}

    def build(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Build the package's models and run its tests."""
        return self.dbt("build", "--select", "package:synthohive", *arguments)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        return self.database.query(sql)

    def twins(self) -> list[str]:
        """Names of the twins that are there."""
        rows = self.query(
            "select table_name from information_schema.tables where table_schema = 'shop_synthetic' "
            "order by table_name"
        )
        return [name for (name,) in rows]

    def statuses(self) -> dict[str, str]:
        """What dbt says of each node it has just run."""
        results = json.loads((self.folder / "target" / "run_results.json").read_text())["results"]
        return {result["unique_id"].split(".")[2]: result["status"] for result in results}

    def table(self, name: str) -> dict[str, Any]:
        """The YAML of a source table, to be changed before `write`."""
        return next(table for table in self.sources["tables"] if table["name"] == name)

    def _yaml(self, name: str, content: object) -> None:
        self.text(name, yaml.safe_dump(content, sort_keys=False))

    def text(self, name: str, text: str) -> None:
        """Write a file of the project."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def load(path: Path) -> DuckDB:
    """200 customers, 600 orders, some 1,500 lines; a tenth of the references among customers lead nowhere."""
    rng = np.random.default_rng(7)
    with duckdb.connect(str(path)) as connection:
        connection.execute(DDL)
        connection.execute(
            """
            insert into shop.customers
            select
                i * 3 + 100, ['AT', 'DE', 'FR'][1 + i % 3],
                case when i % 4 = 0 then null when i % 10 = 1 then 9000 + i else (i // 2) * 3 + 100 end,
                date '2020-01-01' + i::integer, i % 7 = 0, (i % 90) * 1.25
            from range(200) as r (i)
            """
        )
        connection.execute(
            """
            insert into shop.orders
            select
                1 + i % 3, 10 + i // 3, ((i * 7) % 150) * 3 + 100, ['new', 'paid', 'paid', 'lost'][1 + i % 4],
                timestamp '2024-01-01' + interval (i * 37) minute
            from range(600) as r (i)
            """
        )
        lines = [
            (
                1 + i % 3,
                10 + i // 3,
                line + 1,
                int(rng.integers(1, 9)),
                float(rng.normal(20, 5)),
                f"box {line % 2}",
            )
            for i in range(600)
            for line in range(int(rng.integers(1, 5)))
        ]
        connection.executemany("insert into shop.order_lines values (?, ?, ?, ?, ?, ?)", lines)
    return DuckDB(path)
