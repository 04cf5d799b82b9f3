"""dbt on an emulated Snowflake: the same models, macros and tests, and dbt's own code around the models.

The emulator runs no procedures. So the code that dbt would put into one runs here, with a Snowpark session.
"""

from __future__ import annotations

import secrets
from copy import deepcopy
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
from dbt.adapters.snowflake.impl import SnowflakeAdapter
from dbt.cli.main import dbtRunner
from dbt.contracts.results import NodeStatus
from shop import SOURCES, Database, Project, load
from snowflake.snowpark import Session

from synthohive_py.connectors import Place, open_url

TABLES = ("countries", "customers", "orders", "order_lines")


class Emulated(Database):
    """A profile for the emulator."""

    def __init__(self, server: dict[str, Any]) -> None:
        self.server = server

    def output(self) -> dict[str, Any]:
        return {"type": "snowflake", **self.server, "database": "acme", "warehouse": "w", "threads": 1}

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        raise AssertionError(sql)

    def copied(self, folder: Path) -> Database:
        raise AssertionError(folder)


class Submitted:
    """What dbt would have sent, per model."""

    def __init__(self, server: dict[str, Any]) -> None:
        self.server, self.code = server, {}

    def submit(self, adapter: Any, parsed_model: dict[str, Any], compiled_code: str) -> Any:
        self.code[parsed_model["name"]] = compiled_code
        scope: dict[str, Any] = {"__name__": parsed_model["name"]}
        exec(compile(compiled_code, parsed_model["name"], "exec"), scope)  # noqa: S102  as Snowflake would
        session = Session.builder.configs({**self.server, "database": "ACME"}).create()
        session.createDataFrame = lambda frame: inserted(session, frame)
        try:
            assert scope["main"](session) == "OK"
        finally:
            session.connection.close()  # the session's own end asks for what the emulator lacks
        return adapter.execute("select 1")[0]


def inserted(session: Session, frame: pd.DataFrame) -> Any:
    """What `createDataFrame` does: the emulator takes no files for it."""
    kinds = {"i": "number(38,0)", "f": "float", "b": "boolean"}
    columns = ", ".join(f'"{name}" {kinds.get(frame[name].dtype.kind, "varchar")}' for name in frame)
    name = f"ACME.ANALYTICS.FRAME_{secrets.token_hex(4)}"
    session.sql(f"create table {name} ({columns})").collect()
    rows = [tuple(row) for row in frame.astype(object).where(frame.notna(), None).to_numpy().tolist()]
    marks = ", ".join(["?"] * len(frame.columns))
    session.connection.cursor().executemany(f"insert into {name} values ({marks})", rows)
    return session.table(name)


@pytest.fixture
def submitted(server: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Submitted:
    found = Submitted(server)

    def submit_python_job(adapter: Any, parsed_model: dict[str, Any], compiled_code: str) -> Any:
        return found.submit(adapter, parsed_model, compiled_code)

    monkeypatch.setattr(SnowflakeAdapter, "submit_python_job", submit_python_job)
    return found


@pytest.fixture
def project(tmp_path: Path, server: dict[str, Any], url: str) -> Project:
    source = load(tmp_path / "warehouse.duckdb")
    connector, _ = open_url(url)
    with duckdb.connect(str(source.path)) as connection:
        rows = {name: connection.sql(f"from shop.{name}").to_arrow_table() for name in TABLES}
    rows = {
        name.upper(): table.rename_columns([column.upper() for column in table.column_names])
        for name, table in rows.items()
    }
    places = {
        name: Place(None, connector.relation("shop", name), table.schema) for name, table in rows.items()
    }
    with connector.writing(places) as add:
        for name, table in rows.items():
            add(name, table)
    connector.close()
    variables = {"synthohive_seed": 3, "synthohive_model": "gaussian_copula"}
    return Project(tmp_path / "project", deepcopy(SOURCES), variables, Emulated(server)).write()


def dbt(project: Project, *arguments: str) -> Any:
    where = ["--project-dir", str(project.folder), "--profiles-dir", str(project.folder)]
    return dbtRunner().invoke([*arguments, *where])


def test_twins_are_built_and_proved(project: Project, submitted: Submitted, sql) -> None:
    for _ in range(2):  # the second time everything is there
        done = dbt(project, "build", "--select", "package:synthohive")

        statuses = {result.node.name: result.status for result in done.result}
        # What the quickest model learns need not be good enough.
        quality = statuses.pop("synthohive_quality_is_enough")
        assert quality in (NodeStatus.Pass, NodeStatus.Fail)
        assert set(statuses.values()) == {NodeStatus.Success, NodeStatus.Pass}, statuses
        assert len(statuses) == 7

    assert set(submitted.code) == {"synthohive_models", "synthohive_tables", "synthohive_quality"}
    assert not any("$$" in code for code in submitted.code.values())  # which would end the procedure's text
    for name, rows in (("COUNTRIES", 3), ("CUSTOMERS", 200)):
        assert sql(f"select count(*) from ACME.SHOP_SYNTHETIC.{name}") == [(rows,)]
    assert sql("select count(*) from ACME.ANALYTICS.SYNTHOHIVE_TABLES") == [(4,)]
