"""A dbt project on an emulated Snowflake.

The emulator runs no procedures. So the code that dbt would put into one runs here, with a Snowpark session.
"""

from __future__ import annotations

import secrets
from copy import deepcopy
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
from dbt.cli.main import dbtRunner
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
        session.cancel_all = lambda: None  # asked for at its end; the emulator lacks it
        try:
            assert scope["main"](session) == "OK"
        finally:
            session.close()  # else it would be closed, again and again, after the emulator has gone
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


def new_project(folder: Path, server: dict[str, Any], url: str) -> Project:
    """The shop in the schema SHOP, and its project."""
    source = load(folder / "warehouse.duckdb")
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
    return Project(folder / "project", deepcopy(SOURCES), variables, Emulated(server)).write()


def dbt(project: Project, *arguments: str) -> Any:
    """Run dbt in this process, where its adapter submits Python models as `Submitted` does."""
    where = ["--project-dir", str(project.folder), "--profiles-dir", str(project.folder)]
    return dbtRunner().invoke([*arguments, *where])
