"""The package on Spark with `method: session`: dbt and a server of Sail, each command a process."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sail_server import sail_server, sail_session
from shop import QUICK, SOURCES, Database, DuckDB, Project

from synthohive_py.connectors import Relation, connect

TABLES = ("countries", "customers", "orders", "order_lines")
MODEL = """\
def model(dbt, session):
    dbt.config(materialized="table")
    {body}
    return dbt.ref("spent")
"""


@dataclass
class Spark(Database):
    """A session of the server, which lasts longer than the processes of dbt that come to it."""

    session: Any
    warehouse: Path

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.session.sql(sql).collect()]

    def output(self) -> dict[str, Any]:
        own = {"spark.sql.warehouse.dir": str(self.warehouse)}
        return {"type": "spark", "method": "session", "host": "none", "server_side_parameters": own}

    def copied(self, folder: Path) -> Spark:
        raise NotImplementedError(folder)

    def fill(self, source: DuckDB) -> None:
        """The same rows as those in DuckDB."""
        import duckdb

        self.query("create schema shop")
        with duckdb.connect(str(source.path)) as connection:
            reader = connect(connection)
            for name in TABLES:
                rows = reader.read(Relation("warehouse", "shop", name))
                self.session.createDataFrame(rows).write.format("delta").saveAsTable(f"shop.{name}")


@pytest.fixture
def project(tmp_path: Path, duckdb_shop: DuckDB, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    with sail_server() as server, sail_session(server, tmp_path / "warehouse") as (url, session):
        monkeypatch.setenv("SPARK_REMOTE", url)
        database = Spark(session, tmp_path / "warehouse")
        database.fill(duckdb_shop)
        variables = {
            "synthohive_synthetic_targets": ["synthetic"],
            "synthohive_seed": 3,
            "synthohive_tolerance": 0.5,
            **QUICK,
        }
        yield Project(tmp_path / "project", deepcopy(SOURCES), variables, database).write()


def twins(project: Project) -> dict[str, list[tuple[Any, ...]]]:
    return {name: sorted(map(repr, project.query(f"select * from shop_synthetic.{name}"))) for name in TABLES}


def test_twins_are_built_and_a_project_on_them_and_a_failure_leaves_them(project: Project) -> None:
    done = project.build()
    assert done.returncode == 0, done.stdout
    first = twins(project)
    assert first["countries"] == sorted(map(repr, project.query("select * from shop.countries")))
    assert first["orders"] != sorted(map(repr, project.query("select * from shop.orders")))
    assert project.query("describe table shop_synthetic.orders") == project.query(
        "describe table shop.orders"
    )

    done = project.dbt("build", "--target", "synthetic", "--exclude", "package:synthohive")
    assert done.returncode == 0, done.stdout
    [(customers,)] = project.query("select count(distinct customer_id) from shop_synthetic.orders")
    assert project.query("select count(*) from analytics_synthetic.spent") == [(customers,)]

    done = project.build("--vars", "{synthohive_seed: 4}")
    assert done.returncode == 0, done.stdout
    second = twins(project)
    assert second["orders"] != first["orders"]

    project.query("insert into shop.orders select * from shop.orders")
    done = project.build()
    assert done.returncode == 1
    assert "SchemaValidationError" in done.stdout
    assert "Traceback" not in done.stdout
    assert twins(project) == second


def test_a_python_model_of_the_user_runs_and_its_error_is_told(project: Project) -> None:
    project.text("models/copied.py", MODEL.format(body=""))
    done = project.dbt("run", "--select", "spent", "copied")
    assert done.returncode == 0, done.stdout
    assert project.query("select count(*) from analytics.copied") == [(150,)]

    project.text("models/copied.py", MODEL.format(body="raise ValueError('on purpose')"))
    done = project.dbt("run", "--select", "copied")
    assert done.returncode == 1
    assert "ValueError: on purpose" in done.stdout
    assert "models/copied.py" in done.stdout
