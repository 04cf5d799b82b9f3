"""DuckDB: a file, or the connection that dbt or the caller has open."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import duckdb
import pyarrow as pa

from synthohive_py.connectors.base import BATCH_ROWS, Connector, Place, Relation, check_places, quoted
from synthohive_py.connectors.reflection import Reflected, as_metadata
from synthohive_py.connectors.urls import Address
from synthohive_py.errors import ConnectorError
from synthohive_py.schema import ForeignKey, Metadata

__all__ = ["DuckDBConnector"]

logger = logging.getLogger(__name__)


class DuckDBConnector(Connector):
    """Reads and writes one DuckDB database.

    Args:
        connection: An open connection, or dbt-duckdb's session. It is not changed: every call works on
            a cursor of its own, because dbt's may have a result open.
    """

    default_schema = "main"

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.is_own = False

    @classmethod
    def open(cls, address: Address) -> DuckDBConnector:
        """The database in a file: `duckdb:///relative/path`, `duckdb:////absolute/path`.

        Raises:
            ConnectorError: There is no such file, or it can't be opened.
        """
        path = Path(unquote(address.path.removeprefix("/")))
        if not path.is_file():
            raise ConnectorError(
                f"there is no DuckDB database {path}",
                expected="duckdb:///relative/path or duckdb:////absolute/path of a file",
                remedy=f"correct the path; a new database is made with duckdb.connect({str(path)!r})",
            )
        try:
            connector = cls(duckdb.connect(str(path)))
        except duckdb.Error as error:
            raise ConnectorError(
                f"the DuckDB database {path} can't be opened",
                received=_first_line(error),
                remedy="end the program that holds it, or copy the file",
            ) from error
        connector.is_own = True
        return connector

    # ------------------------------------------------------------ reading

    def relation(self, schema: str, identifier: str) -> Relation:
        with self._cursor() as cursor:
            database = cursor.execute("select current_database()").fetchone()[0]
        return Relation(database, schema, identifier)

    def reflect(self, schema: str) -> Metadata:
        with self._cursor() as cursor:
            names = cursor.execute(
                "select table_name from duckdb_tables() where database_name = current_database() "
                "and schema_name = ? order by table_name",
                [schema],
            ).fetchall()
            found = cursor.execute(
                "select table_name, constraint_type, constraint_column_names, referenced_table, "
                "referenced_column_names from duckdb_constraints() "
                "where database_name = current_database() and schema_name = ?",
                [schema],
            ).fetchall()
        tables = {name: Reflected() for (name,) in names}
        for name, kind, columns, parent, theirs in found:
            if kind == "PRIMARY KEY":
                tables[name].pk = tuple(columns)
            elif kind == "UNIQUE":
                tables[name].unique.append(tuple(columns))
            elif kind == "FOREIGN KEY":
                key = ForeignKey(columns=tuple(columns), parent=parent, parent_columns=tuple(theirs))
                tables[name].foreign_keys.append(key)
        return as_metadata(schema, tables)

    def count(self, relation: Relation) -> int:
        with self._cursor() as cursor, _refused(relation):
            return int(cursor.execute(f"select count(*) from {relation}").fetchone()[0])  # noqa: S608  quoted

    def batches(self, relation: Relation, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        what = ", ".join(map(quoted, columns)) if columns else "*"
        with self._cursor() as cursor, _refused(relation):
            reader = cursor.query(f"select {what} from {relation}").to_arrow_reader(BATCH_ROWS)  # noqa: S608
            yield pa.Table.from_batches([], reader.schema)
            for batch in reader:
                yield pa.Table.from_batches([batch])

    # ------------------------------------------------------------ writing

    @contextlib.contextmanager
    def writing(self, places: Mapping[str, Place]) -> Iterator[Callable[[str, pa.Table], None]]:
        check_places(places)
        current: list[Place] = []  # the one that is being written, for the error
        with self._cursor() as cursor:
            try:
                cursor.begin()
                for schema in dict.fromkeys((p.target.database, p.target.schema) for p in places.values()):
                    cursor.execute(f"create schema if not exists {'.'.join(map(quoted, schema))}")
                for place in places.values():
                    current[:] = [place]
                    _create(cursor, place)

                def add(name: str, rows: pa.Table) -> None:
                    current[:] = [places[name]]
                    cursor.register("synthohive_rows", rows)
                    target = places[name].target
                    cursor.execute(f"insert into {target} by name select * from synthohive_rows")  # noqa: S608
                    cursor.unregister("synthohive_rows")

                yield add
                cursor.commit()
            except duckdb.Error as error:
                raise ConnectorError(
                    "the twin can't be written; no twin was changed",
                    table=str(current[0].target) if current else None,
                    received=_first_line(error),
                    remedy="check that no other program holds the database and that you may write there",
                ) from error
        logger.info("%d twins written", len(places))

    @contextlib.contextmanager
    def _cursor(self) -> Iterator[Any]:
        """A cursor. Closing one with an open transaction takes it back, after whatever ended it."""
        cursor = self.connection.cursor()
        try:
            yield cursor
        finally:
            cursor.close()

    def close(self) -> None:
        if self.is_own:
            self.connection.close()


@contextlib.contextmanager
def _refused(relation: Relation) -> Iterator[None]:
    try:
        yield
    except duckdb.Error as error:
        raise ConnectorError(
            "can't be read",
            table=str(relation),
            received=_first_line(error),
            remedy="check that the table exists and that this user may read it",
        ) from error


def _create(cursor: Any, place: Place) -> None:
    # The source's own types, which types inferred from the rows would not be. Not `create table ... as select
    # ... where false`: after that, DuckDB 2.0.0 shows none of over 122,880 rows until the next checkpoint.
    if place.source is None and place.schema is not None:
        cursor.register("synthohive_rows", place.schema.empty_table())
    described = cursor.execute(f"describe {place.source or 'synthohive_rows'}").fetchall()
    kinds = {name: "integer" if kind == '"NULL"' else kind for name, kind, *_ in described}
    columns = ", ".join(f"{quoted(name)} {kind}" for name, kind in kinds.items())
    cursor.execute(f"create or replace table {place.target} ({columns})")


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0][:300]
