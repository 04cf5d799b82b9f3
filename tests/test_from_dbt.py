"""A dbt project's manifest says of its sources what the model `synthohive_schema` says."""

from __future__ import annotations

import json
import os
import subprocess
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from dbt_commands import run_dbt
from shop import SOURCES

from synthohive_py import Constraint, ForeignKey, Metadata, SchemaError, Synthesizer
from synthohive_py.dbt.schema import read_schema
from synthohive_py.errors import SchemaValidationError, SettingError

pytest.importorskip("dbt.adapters.duckdb")
NAMES = ("kind", "source_name", "table_name", "name", "payload")
ROWS = """
create schema shop;
create table shop.countries as select unnest(['AT', 'DE', 'FR']) as code;
create table shop.customers as
    select i as customer_id, ['AT', 'DE'][1 + i % 2] as country, nullif(i // 2, 0) as referred_by,
        date '2020-01-01' + i::integer as joined, i / 4 as credit
    from range(80) as r (i);
create table shop.orders as
    select 1 + i % 3 as shop_no, i // 3 as order_no, i % 70 as customer_id, 'paid' as status
    from range(300) as r (i);
create table shop.order_lines as
    select shop_no, order_no, j as line, 1 + j as quantity, 2.5 * j + 2 as price, 'box ' || j as note
    from shop.orders, range(2) as r (j);
"""
GENERIC = """
{% test expression_is_true(model, expression, column_name=none) %}
select * from {{ model }} where not ({{ column_name or '' }} {{ expression }})
{% endtest %}
{% test accepted_range(model, column_name, min_value=none, max_value=none, inclusive=true) %}
select * from {{ model }} where {{ column_name }} < {{ min_value }}
{% endtest %}
"""


ROOT = Path(__file__).parents[1]


@dataclass
class Project:
    """A dbt project, and its database."""

    folder: Path
    sources: dict[str, Any]

    @property
    def database(self) -> Path:
        return self.folder / "warehouse.duckdb"

    def table(self, name: str) -> dict[str, Any]:
        return next(table for table in self.sources["tables"] if table["name"] == name)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.database)) as connection:
            return connection.execute(sql).fetchall()

    def write(self) -> None:
        output = {"type": "duckdb", "path": str(self.database), "schema": "analytics", "threads": 1}
        files = {
            "dbt_project.yml": {"name": "shop", "profile": "shop"},
            "packages.yml": {"packages": [{"local": str(ROOT)}]},
            "profiles.yml": {"shop": {"target": "dev", "outputs": {"dev": output}}},
            "models/sources.yml": {"sources": [self.sources]},
        }
        for folder in ("models", "tests/generic", "dbt_packages"):
            (self.folder / folder).mkdir(parents=True)
        for name, content in files.items():
            (self.folder / name).write_text(yaml.safe_dump(content, sort_keys=False))
        (self.folder / "tests" / "generic" / "declaring.sql").write_text(GENERIC)
        (self.folder / "dbt_packages" / "synthohive").symlink_to(ROOT, target_is_directory=True)

    def dbt(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        own = {"DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "DBT_PROFILES_DIR": "."}
        return run_dbt(*arguments, cwd=self.folder, env={**os.environ, **own})


def says(expression: str, **config: object) -> dict[str, object]:
    return {"expression_is_true": {"arguments": {"expression": expression}, "config": config}}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that declares in every way there is."""
    project = Project(tmp_path_factory.mktemp("dbt"), deepcopy(SOURCES))
    customers, lines, orders = (project.table(name) for name in ("customers", "order_lines", "orders"))
    customers["config"] = {"meta": {"synthohive": {"order_by": "joined", "rules": ["customer_id > credit"]}}}
    customers["columns"] += [
        {"name": "credit", "config": {"meta": {"synthohive": {"min": 0}}}},
        {"name": "joined", "data_tests": ["unique"]},
    ]
    orders["columns"][2] = {
        "name": "customer_id",
        "constraints": [
            {"type": "not_null"},
            {"type": "foreign_key", "to": "source('shop', 'customers')", "to_columns": ["customer_id"]},
        ],
    }
    lines["config"] = {"meta": {"synthohive": {"unique": [["note", "line"]], "orphans": "keep"}}}
    lines["data_tests"] += [
        says("quantity <= line"),
        says("length(note) > 2"),
        says("price > 0", severity="warn"),
        says("line < price", meta={"synthohive": {"ignore": True}}),
        says("line > 0", where="quantity > 1"),
    ]
    lines["columns"] += [
        {
            "name": "quantity",
            "data_tests": [
                says("<= price"),
                {"accepted_range": {"arguments": {"min_value": 1, "max_value": 50}}},
            ],
        },
        {
            "name": "price",
            "data_tests": [{"accepted_range": {"arguments": {"min_value": 0, "inclusive": False}}}],
        },
    ]
    project.sources["tables"].append(
        {"name": "unmarked", "config": {"meta": {"synthohive": {"enabled": False}}}}
    )
    project.query(ROWS)
    project.write()
    done = project.dbt("run", "--select", "synthohive_schema")
    assert done.returncode == 0, done.stdout
    return project


@pytest.fixture
def manifest(project: Project) -> dict[str, Any]:
    return json.loads((project.folder / "target" / "manifest.json").read_text())


def written(folder: Path, manifest: object) -> Path:
    path = folder / "manifest.json"
    path.write_text(json.dumps(manifest))
    return path


def test_the_manifest_says_what_the_model_says(project: Project) -> None:
    rows = project.query(f"select {', '.join(NAMES)} from analytics.synthohive_schema")
    expected = read_schema([dict(zip(NAMES, row, strict=True)) for row in rows]).metadata

    assert Metadata.from_dbt(project.folder) == expected
    assert Metadata.from_dbt(project.folder / "target") == expected
    assert Metadata.from_dbt(str(project.folder / "target" / "manifest.json")) == expected


def test_tests_constraints_and_settings_are_read(project: Project) -> None:
    tables = Metadata.from_dbt(project.folder).tables
    orders, lines = tables["orders"], tables["order_lines"]

    assert sorted(tables) == ["countries", "customers", "order_lines", "orders"]
    assert tables["countries"].mode == "reference"
    assert tables["customers"].pk == ("customer_id",)
    assert tables["customers"].unique == (("joined",),)
    assert tables["customers"].order_by == "joined"
    assert tables["customers"].constraints == {"credit": Constraint(min=0)}
    assert [(key.columns, key.orphans) for key in tables["customers"].foreign_keys] == [
        (("country",), "drop"),
        (("referred_by",), "keep"),
    ]
    assert orders.accepted_values == {"status": ["new", "paid", "lost"]}
    assert orders.foreign_keys == (
        ForeignKey(columns="customer_id", parent="customers", parent_columns="customer_id"),
    )
    assert lines.pk == ("shop_no", "order_no", "line")
    assert lines.unique == (("note", "line"),)
    assert lines.constraints == {"quantity": Constraint(min=1, max=50)}
    assert set(lines.rules) == {"quantity <= line", "quantity <= price"}
    assert lines.foreign_keys[0].orphans == "keep"


def test_a_project_can_be_learned_from_its_database(project: Project) -> None:
    metadata = Metadata.from_dbt(project.folder)
    for name in ("customers", "order_lines"):  # rules that these rows do not keep
        metadata.tables[name] = metadata.tables[name].model_copy(update={"rules": (), "unique": ()})
    synthesizer = Synthesizer(metadata, model="gaussian_copula", progress=False)

    written = synthesizer.fit(f"duckdb:///{project.database}").sample(
        output_path=f"duckdb:///{project.database}?schema=twins"
    )

    assert metadata.tables["orders"].relation == ("warehouse", "shop", "orders")
    assert sorted(written) == ["countries", "customers", "order_lines", "orders"]
    assert project.query("select count(*) from twins.customers") == [(80,)]


def test_fields_that_dbt_2_lacks_are_not_needed(
    project: Project, manifest: dict[str, Any], tmp_path: Path
) -> None:
    """Table settings lie in `meta` alone there, columns have their table's `meta`, tests name no model."""
    for source in manifest["sources"].values():
        settings = {**source["source_meta"]["synthohive"], **source["config"]["meta"]["synthohive"]}
        meta = {"synthohive": settings}
        for unneeded in ("source_meta", "relation_name", "fqn", "quoting"):
            source.pop(unneeded)
        source |= {"meta": meta, "config": {"enabled": True, "meta": None}}
        for column in source["columns"].values():
            column["meta"] = meta
    for test in manifest["nodes"].values():
        if test["resource_type"] == "test" and test.get("test_metadata"):
            test["test_metadata"]["kwargs"].pop("model")
            test["depends_on"]["nodes"].reverse()
            test["config"] = {
                k: v for k, v in test["config"].items() if v and k in ("severity", "where", "meta")
            }

    assert Metadata.from_dbt(written(tmp_path, manifest)) == Metadata.from_dbt(project.folder)


def test_a_relationship_without_its_parent_is_told(
    manifest: dict[str, Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for test in manifest["nodes"].values():
        if (test.get("test_metadata") or {}).get("name") == "relationships":
            test["test_metadata"]["kwargs"].pop("to")

    tables = Metadata.from_dbt(written(tmp_path, manifest)).tables

    assert not tables["customers"].foreign_keys
    assert "relationships_shop_customers_country" in caplog.text


def test_combinations_of_dbt_utils_are_keys(manifest: dict[str, Any], tmp_path: Path) -> None:
    for test in manifest["nodes"].values():
        if (test.get("test_metadata") or {}).get("name") == "unique_combination":
            kwargs = test["test_metadata"]["kwargs"]
            kwargs["combination_of_columns"] = kwargs.pop("columns")
            test["test_metadata"] |= {"name": "unique_combination_of_columns", "namespace": "dbt_utils"}

    assert Metadata.from_dbt(written(tmp_path, manifest)).tables["orders"].pk == ("shop_no", "order_no")


@pytest.mark.parametrize("content", [None, "{", "[]", "{}", '{"nodes": {}}'])
def test_what_is_no_manifest_is_refused_with_what_to_do(tmp_path: Path, content: str | None) -> None:
    if content:
        (tmp_path / "manifest.json").write_text(content)

    with pytest.raises(SchemaError, match=r"manifest.*What to do: run `dbt parse`"):
        Metadata.from_dbt(tmp_path)


def test_a_project_without_marked_sources_is_refused(manifest: dict[str, Any], tmp_path: Path) -> None:
    for source in manifest["sources"].values():
        source |= {"source_meta": {}, "meta": {}, "config": {}}

    with pytest.raises(SchemaError, match=r"no source is marked.*What to do: mark"):
        Metadata.from_dbt(written(tmp_path, manifest))


def test_a_parent_that_is_not_marked_is_named(manifest: dict[str, Any], tmp_path: Path) -> None:
    manifest["sources"]["source.shop.shop.countries"]["config"]["meta"]["synthohive"] = {"enabled": False}

    with pytest.raises(SchemaValidationError, match=r"customers\.country: refers to .*countries.*no part"):
        Metadata.from_dbt(written(tmp_path, manifest))


def test_settings_that_are_none_are_refused(manifest: dict[str, Any], tmp_path: Path) -> None:
    manifest["sources"]["source.shop.shop.orders"]["config"]["meta"]["synthohive"] = "yes"

    with pytest.raises(SettingError, match=r"shop\.orders.*no mapping"):
        Metadata.from_dbt(written(tmp_path, manifest))
