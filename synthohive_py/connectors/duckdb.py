"""DuckDB, through the connection that dbt or the caller has open."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import duckdb
import pyarrow as pa

from synthohive_py.connectors.base import Connector, Relation, Twin, quoted
from synthohive_py.errors import ConnectorError

__all__ = ["DuckDBConnector"]

logger = logging.getLogger(__name__)


class DuckDBConnector(Connector):
    """Reads and writes one DuckDB database.

    Args:
        connection: An open connection, or dbt-duckdb's session. It is not changed: every call works on
            a cursor of its own, because dbt's may have a result open.
    """

    def __init__(self, connection: Any) -> None:
        self.connection = connection

    def read(self, relation: Relation) -> pa.Table:
        cursor = self.connection.cursor()
        try:
            return cursor.query(f"select * from {relation}").to_arrow_table()  # noqa: S608  quoted
        except duckdb.Error as error:
            raise ConnectorError(
                "can't be read",
                table=str(relation),
                received=_first_line(error),
                remedy="check that the table exists and that this user may read it",
            ) from error
        finally:
            cursor.close()

    def write_twins(self, twins: Sequence[Twin]) -> None:
        cursor = self.connection.cursor()
        current = None
        try:
            cursor.begin()
            for schema in dict.fromkeys((twin.target.database, twin.target.schema) for twin in twins):
                cursor.execute(f"create schema if not exists {'.'.join(map(quoted, schema))}")
            for twin in twins:
                current = twin.target
                _write(cursor, twin)
                logger.info("%s: %d rows written", twin.target, twin.rows.num_rows)
            cursor.commit()
        except duckdb.Error as error:
            raise ConnectorError(
                "the twin can't be written; no twin was changed",
                table=str(current) if current else None,
                received=_first_line(error),
                remedy="check that no other program holds the database and that this user may write there",
            ) from error
        finally:
            # Closing a cursor with an open transaction takes it back, after whatever ended it.
            cursor.close()


def _write(cursor: Any, twin: Twin) -> None:
    # The source's own types, which types inferred from the rows would not be. Not `create table ... as select
    # ... where false`: after that, DuckDB 2.0.0 shows none of over 122,880 rows until the next checkpoint.
    described = cursor.execute(f"describe {twin.source}").fetchall()
    columns = ", ".join(f"{quoted(name)} {kind}" for name, kind, *_ in described)
    cursor.execute(f"create or replace table {twin.target} ({columns})")
    cursor.register("synthohive_rows", twin.rows)
    cursor.execute(f"insert into {twin.target} by name select * from synthohive_rows")  # noqa: S608
    cursor.unregister("synthohive_rows")


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0][:300]
