"""DuckDB: a file, or the connection that dbt or the caller has open."""

from __future__ import annotations

import contextlib
import logging
import re
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

NO_TYPE = '"NULL"'  # of a column of nulls, in a description

AS_TEXT = re.compile(r"(BIT|TIME WITH TIME ZONE|UHUGEINT)((\[\d*\])*)")  # Arrow would get other values

# What the first line of an error says, and what helps; the first that fits.
REMEDIES = {
    "Could not set lock|different configuration": "end the program that holds the database, or copy the file",
    "No space left|File too large|max_temp_directory_size": "make room on the disk of the database",
    "read-only": "open the database for writing",
    "[Cc]onflict": "wait until the other program or thread that writes there has ended, and try again",
    "is of type": "drop it, or give the twin another schema",
    "depend|foreign key|main key table": "drop what depends on the old twin, or give the twin another schema",
    "NOT NULL constraint": "give the rows a value where the source's column needs one",
    "does not exist|not found|No such": "correct the name of the table, or of its schema",
    "Conversion|Binder|cast": "check that the twin's rows fit names and types of the source's columns",
}


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
        if address.options:
            raise ConnectorError(
                "the URL of a DuckDB database has unknown options",
                expected="only schema",
                received=", ".join(address.options),
                remedy="correct the URL",
            )
        if not path.is_file():
            raise ConnectorError(
                f"there is no DuckDB database {path}",
                expected="duckdb:///relative/path or duckdb:////absolute/path of a file",
                remedy=f"correct the path; a new database is made with duckdb.connect({str(path)!r})",
            )
        connector = cls(_opened(path))
        connector.is_own = True
        return connector

    # ------------------------------------------------------------ reading

    def relation(self, schema: str, identifier: str) -> Relation:
        with self._cursor() as cursor:
            database = cursor.execute("select current_database()").fetchone()[0]
        return Relation(database, schema, identifier)

    def identity(self, relation: Relation) -> Relation:
        """DuckDB knows names in any case of letters, in quotes too."""
        return Relation(relation.database.lower(), relation.schema.lower(), relation.identifier.lower())

    def home(self) -> str:
        """The file, by whatever path it is reached."""
        with self._cursor() as cursor:
            found = cursor.execute(
                "select path from duckdb_databases() where database_name = current_database()"
            ).fetchone()
        if not found[0]:
            return ""  # in memory
        file = Path(found[0]).stat()
        return f"{file.st_dev}:{file.st_ino}"

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
        with self._cursor() as cursor, _refused(relation):
            kinds = {name: kind for name, kind, *_ in cursor.execute(f"describe {relation}").fetchall()}
            what = ", ".join(_asked(name, kinds.get(name, "")) for name in columns or kinds)
            reader = cursor.query(f"select {what} from {relation}").to_arrow_reader(BATCH_ROWS)  # noqa: S608
            yield pa.Table.from_batches([], reader.schema)
            for batch in reader:
                yield pa.Table.from_batches([batch])

    # ------------------------------------------------------------ writing

    @contextlib.contextmanager
    def writing(self, places: Mapping[str, Place]) -> Iterator[Callable[[str, pa.Table], None]]:
        check_places(places, self.identity)
        current: list[Place] = []  # the one that is being written, for the error
        with self._cursor() as cursor:
            try:
                cursor.begin()
                drafts = {}
                for schema in dict.fromkeys((p.target.database, p.target.schema) for p in places.values()):
                    cursor.execute(f"create schema if not exists {'.'.join(map(quoted, schema))}")
                for name, place in places.items():
                    current[:] = [place]
                    drafts[name] = _Draft(cursor, place)

                def add(name: str, rows: pa.Table) -> None:
                    current[:] = [places[name]]
                    drafts[name].add(rows)

                yield add
                cursor.commit()
            except duckdb.Error as error:
                raise ConnectorError(
                    "the twin can't be written; no twin was changed",
                    table=str(current[0].target) if current else None,
                    received=_first_line(error),
                    remedy=_remedy(error, "see DuckDB's message"),
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


def _opened(path: Path) -> duckdb.DuckDBPyConnection:
    try:
        return duckdb.connect(str(path))
    except duckdb.Error as error:
        # To be read, a file may be on a medium that can't be written, or open elsewhere to be read, too.
        with contextlib.suppress(duckdb.Error):
            return duckdb.connect(str(path), read_only=True)
        raise ConnectorError(
            f"the DuckDB database {path} can't be opened",
            received=_first_line(error),
            remedy=_remedy(error, "check that this is a file of DuckDB, and you may write there"),
        ) from error


def _asked(name: str, kind: str) -> str:
    is_text = AS_TEXT.fullmatch(kind)
    return f"{quoted(name)}::varchar{is_text.group(2)} as {quoted(name)}" if is_text else quoted(name)


@contextlib.contextmanager
def _refused(relation: Relation) -> Iterator[None]:
    try:
        yield
    except duckdb.Error as error:
        raise ConnectorError(
            "can't be read",
            table=str(relation),
            received=_first_line(error),
            remedy=_remedy(error, "see DuckDB's message"),
        ) from error


class _Draft:
    """A twin while it grows, within its transaction: nobody else sees it."""

    def __init__(self, cursor: Any, place: Place) -> None:
        # The source's own types, which types inferred from the rows would not be. Not `create table ... as
        # select ... where false`: after that, DuckDB 2.0.0 shows none of over 122,880 rows until the next
        # checkpoint.
        self.cursor, self.target = cursor, place.target
        if place.source is None and place.schema is not None:
            cursor.register("synthohive_rows", place.schema.empty_table())
        described = cursor.execute(f"describe {place.source or 'synthohive_rows'}").fetchall()
        self.computed = _computed(cursor, place.source) if place.source else {}
        columns = []
        for name, kind, is_nullable, _, default, *_ in described:
            column = f"{quoted(name)} {kind.replace(NO_TYPE, 'integer')}"
            if name in self.computed:
                column += f" generated always as ({self.computed[name]})"
            # A sequence is the source's own: it must not count for a twin's sake.
            elif default is not None and "nextval(" not in default:
                column += f" default ({default})"
            columns.append(column if is_nullable == "YES" else f"{column} not null")
        cursor.execute(f"create or replace table {place.target} ({', '.join(columns)})")

    def add(self, rows: pa.Table) -> None:
        """Write rows; columns are matched by name. What DuckDB computes is left to it."""
        given = rows.drop_columns([name for name in rows.column_names if name in self.computed])
        self.cursor.register("synthohive_rows", given)
        self.cursor.execute(f"insert into {self.target} by name select * from synthohive_rows")  # noqa: S608
        self.cursor.unregister("synthohive_rows")


def _computed(cursor: Any, source: Relation) -> dict[str, str]:
    """The columns that DuckDB computes, with their expressions; older versions do not tell them apart."""
    found = cursor.execute(
        "select * from duckdb_columns() where database_name = ? and schema_name = ? and table_name = ?",
        [source.database, source.schema, source.identifier],
    )
    names = [name for name, *_ in found.description]
    rows = (dict(zip(names, row, strict=True)) for row in found.fetchall())
    return {row["column_name"]: row["generation_expression"] for row in rows if row.get("is_generated")}


def _remedy(error: Exception, otherwise: str) -> str:
    line = _first_line(error)
    return next((remedy for pattern, remedy in REMEDIES.items() if re.search(pattern, line)), otherwise)


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0][:300]
