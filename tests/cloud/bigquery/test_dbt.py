"""dbt's adapter for BigQuery: the same models, macros and tests, and what it submits, run on the emulator."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import bigframes.pandas as bpd
import duckdb
import pandas as pd
import pytest
from bigquery_runtimes import SESSION, Cloud
from dbt.cli.main import dbtRunner
from dbt.contracts.results import NodeStatus
from google.cloud import bigquery
from sail_server import sail_server
from shop import SOURCES, Database, Project, load

from synthohive_py.connectors import Place
from synthohive_py.connectors.bigquery import BigQueryConnector
from synthohive_py.dbt.native import as_native

TABLES = ("countries", "customers", "orders", "order_lines")
SCRIPTS = {f"gs://code/analytics/synthohive_{name}.py" for name in ("models", "tables", "quality")}
TYPES = {
    "synthohive_models": "STRING INTEGER STRING STRING STRING",
    "synthohive_tables": "STRING STRING STRING STRING INTEGER INTEGER",
    "synthohive_quality": "STRING STRING STRING STRING FLOAT FLOAT FLOAT BOOLEAN STRING",
}
RUNTIME = {"version": "2.2", "container_image": "europe-docker.pkg.dev/acme/images/synthohive"}
DATASETS = ("shop", "shop_synthetic", "analytics", SESSION)


class Emulated(Database):
    """A profile for the emulator."""

    def __init__(self, client: bigquery.Client) -> None:
        self.client = client

    def output(self) -> dict[str, Any]:
        where = {"project": "acme", "location": "US", "threads": 1}
        runs = {"gcs_bucket": "code", "compute_region": "europe-west1", "dataproc_cluster_name": "spark"}
        batch = {"dataproc_batch": {"runtime_config": RUNTIME}}  # as docs/warehouses.md says it
        return {"type": "bigquery", "method": "oauth", **where, **runs, **batch}

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.client.query_and_wait(sql)]

    def copied(self, folder: Path) -> Database:
        raise AssertionError(folder)


@pytest.fixture
def cloud(server: tuple[str, int], monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    # The server runs what the session registers: it has to find the module.
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", server[0])
    with sail_server() as spark:
        yield Cloud(server, spark).replaces(monkeypatch)


@pytest.fixture
def project(tmp_path: Path, client: bigquery.Client, cloud: Cloud) -> Project:  # noqa: ARG001
    for name in DATASETS:
        client.delete_dataset(name, delete_contents=True, not_found_ok=True)
    client.create_dataset(SESSION)
    with duckdb.connect(str(load(tmp_path / "warehouse.duckdb").path)) as connection:
        rows = {name: connection.sql(f"from shop.{name}").to_arrow_table() for name in TABLES}
    connector = BigQueryConnector(client)
    places = {
        name: Place(None, connector.relation("shop", name), table.schema) for name, table in rows.items()
    }
    with connector.writing(places) as add:
        for name, table in rows.items():
            add(name, table)
    variables = {"synthohive_seed": 3, "synthohive_model": "gaussian_copula"}
    return Project(tmp_path / "project", deepcopy(SOURCES), variables, Emulated(client)).write()


def build(project: Project, method: str) -> None:
    """Build all of the package, whose Python models are submitted by a method."""
    declared = {
        "name": "shop",
        "profile": "shop",
        "vars": project.variables,
        "models": {"synthohive": {"+submission_method": method, "+packages": ["synthohive-py"]}},
    }
    project.text("dbt_project.yml", json.dumps(declared))
    where = ["--project-dir", str(project.folder), "--profiles-dir", str(project.folder)]

    done = dbtRunner().invoke(["build", "--select", "package:synthohive", *where])

    assert done.result, done.exception
    statuses = {result.node.name: result.status for result in done.result}
    # What the quickest model learns need not be good enough.
    quality = statuses.pop("synthohive_quality_is_enough")
    assert quality in (NodeStatus.Pass, NodeStatus.Fail)
    assert set(statuses.values()) == {NodeStatus.Success, NodeStatus.Pass}, statuses
    assert len(statuses) == 7


def assert_all_is_there(project: Project, client: bigquery.Client) -> None:
    countries = "select * from {}.countries order by code"
    assert project.query(countries.format("shop_synthetic")) == project.query(countries.format("shop"))
    assert project.query("select count(*) from shop_synthetic.customers") == [(200,)]
    assert client.get_table("shop_synthetic.orders").schema == client.get_table("shop.orders").schema
    assert project.query("select count(*) from analytics.synthohive_tables") == [(4,)]
    for table, kinds in TYPES.items():
        found = client.get_table(f"analytics.{table}").schema
        assert [field.field_type for field in found] == kinds.split()
    # Of a whole table, where there is no column.
    odd = "select distinct column_name is null, column_name = 'nan' from analytics.synthohive_quality"
    assert sorted(project.query(odd), key=str) == [(False, False), (True, None)]


def test_twins_are_built_by_spark_on_dataproc(project: Project, cloud: Cloud, client) -> None:
    build(project, "serverless")

    assert set(cloud.batches) == SCRIPTS
    for batch in cloud.batches.values():
        config = batch.runtime_config
        assert (config.version, config.container_image) == tuple(RUNTIME.values())
    assert not cloud.jobs

    build(project, "cluster")  # and now everything is there

    assert set(cloud.jobs) == SCRIPTS
    assert len(cloud.jobs) == 3
    assert_all_is_there(project, client)


def test_twins_are_built_by_bigframes_in_notebooks(project: Project, cloud: Cloud, client) -> None:
    for _ in range(2):  # the second time everything is there
        build(project, "bigframes")

    assert sorted(cloud.notebooks) == sorted([*SCRIPTS, *SCRIPTS])
    assert_all_is_there(project, client)


def test_a_column_without_any_value_has_a_type_in_bigframes(cloud: Cloud) -> None:
    frame = pd.DataFrame({"text": [None, None], "count": [1, 2], "share": [0.5, 1], "is_so": [True, False]})

    with cloud.bigframes():
        found = as_native(frame, bpd.get_global_session())
        kinds = [str(found[name].dtype) for name in frame]

    assert kinds == ["string", "Int64", "Float64", "boolean"]
