"""dbt's adapter for Databricks: the same models, macros and tests, and what it submits, run on Sail."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import duckdb
import pytest
from databricks_workspace import CATALOG, Workspace
from dbt.cli.main import dbtRunner
from dbt.contracts.results import NodeStatus
from sail_server import sail_server, sail_session
from shop import SOURCES, Database, Project, load

TABLES = ("countries", "customers", "orders", "order_lines")
WHEEL = {"whl": "/Volumes/tools/wheels/synthohive_py.whl"}  # as docs/warehouses.md says it
MODELS = {"synthohive_models", "synthohive_tables", "synthohive_quality"}


class Databricks(Database):
    """A profile for the workspace."""

    def __init__(self, session: Any) -> None:
        self.session = session

    def output(self) -> dict[str, Any]:
        where = {"host": "none.example.com", "http_path": "sql/protocolv1/o/1/0101-010101-cluster1"}
        return {"type": "databricks", **where, "token": "t", "catalog": CATALOG, "threads": 1}

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.session.sql(sql).collect()]

    def copied(self, folder: Path) -> Database:
        raise AssertionError(folder)


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    monkeypatch.setenv("SAIL_CATALOG__DEFAULT_CATALOG", CATALOG)
    monkeypatch.setenv(
        "SAIL_CATALOG__LIST", f'[{{type="memory", name="{CATALOG}", initial_database=["default"]}}]'
    )
    with sail_server() as server, sail_session(server, tmp_path / "warehouse") as (_, session):
        yield Workspace(session).replaces(monkeypatch)


@pytest.fixture
def project(tmp_path: Path, workspace: Workspace) -> Project:
    session = workspace.session
    session.sql("create schema shop")
    with duckdb.connect(str(load(tmp_path / "warehouse.duckdb").path)) as connection:
        for name in TABLES:
            rows = connection.sql(f"from shop.{name}").to_arrow_table()
            session.createDataFrame(rows).write.format("delta").saveAsTable(f"shop.{name}")
    variables = {"synthohive_seed": 3, "synthohive_model": "gaussian_copula"}
    return Project(tmp_path / "project", deepcopy(SOURCES), variables, Databricks(session)).write()


def build(project: Project, *, as_notebooks: bool) -> None:
    """Build all of the package, whose Python models go to the cluster as notebooks or as commands."""
    settings = {"+create_notebook": as_notebooks, "+additional_libs": [WHEEL]}
    declared = {
        "name": "shop",
        "profile": "shop",
        "vars": project.variables,
        "models": {"synthohive": settings},
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


def test_twins_are_built_and_proved(project: Project, workspace: Workspace) -> None:
    build(project, as_notebooks=True)

    assert {path.rpartition("/")[2] for path in workspace.notebooks} == MODELS
    assert [task["libraries"] for task in workspace.tasks] == [[WHEEL]] * 3
    assert not workspace.commands

    build(project, as_notebooks=False)  # and now everything is there

    assert len(workspace.tasks) == len(workspace.commands) == 3
    assert project.query("select * from shop_synthetic.countries order by 1") == project.query(
        "select * from shop.countries order by 1"
    )
    assert project.query("select count(*) from shop_synthetic.customers") == [(200,)]
    assert project.query("describe table shop_synthetic.orders") == project.query(
        "describe table shop.orders"
    )
    assert project.query("select count(*) from analytics.synthohive_tables") == [(4,)]
