"""Snowflake: rows come as Arrow, go as Parquet through a stage, and take their places in one transaction."""

from __future__ import annotations

import contextlib
import itertools
import logging
import re
import secrets
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq

from synthohive_py.connectors.base import (
    BATCH_ROWS,
    Connector,
    Place,
    Relation,
    check_columns,
    check_places,
    quoted,
)
from synthohive_py.connectors.reflection import Reflected, as_metadata
from synthohive_py.connectors.snowflake_doors import ConnectionDoor, Door, RefusedError, SnowparkDoor
from synthohive_py.connectors.snowflake_types import Column, Reading, as_texts, column_of, sql_type
from synthohive_py.connectors.urls import Address
from synthohive_py.errors import ConnectorError
from synthohive_py.schema import ForeignKey, Metadata

__all__ = ["SnowflakeConnector", "folded", "keys_of"]

logger = logging.getLogger(__name__)

OWN = "SYNTHOHIVE_TMP_"  # how the names of our unfinished tables begin
REMEDIES = {
    606: "name a warehouse that this user may use: ?warehouse=...",
    2003: "correct the name, or grant this user the right that is missing",
    2043: "correct the name, or grant this user the right that is missing",
    3001: "grant this user the right that is missing",
}


class SnowflakeConnector(Connector):
    """Reads and writes the databases of an account, from one that is entered first.

    Args:
        door: How it is reached.
        database: The one that names without a database mean.
    """

    default_schema = "PUBLIC"

    def __init__(self, door: Door, database: str) -> None:
        self._door, self._database = door, database

    @classmethod
    def open(cls, address: Address) -> SnowflakeConnector:
        database = folded(unquote(address.path.strip("/")))
        if not database:
            raise ConnectorError(
                "the URL names no database",
                expected="snowflake://user:password@account/database?schema=name",
                remedy="add the database",
            )
        door = ConnectionDoor(address)
        with contextlib.ExitStack() as stack:
            stack.callback(door.close)
            with _refusing(f"the database {database!r} can't be entered"):
                door.ask(f"use database {quoted(database)}")
            stack.pop_all()
        return cls(door, database)

    @classmethod
    def of_session(cls, session: Any) -> SnowflakeConnector:
        """The connector for a Snowpark session, such as a Python model gets from dbt."""
        return cls(SnowparkDoor(session), (session.get_current_database() or "").strip('"'))

    # ------------------------------------------------------------ reading

    def relation(self, schema: str, identifier: str) -> Relation:
        return Relation(self._database, folded(schema), identifier)

    def reflect(self, schema: str) -> Metadata:
        where = f"in schema {quoted(self._database)}.{quoted(folded(schema))}"
        with _refusing(f"the schema {schema!r} can't be read"):
            names = sorted(row["name"] for row in self._door.ask(f"show tables {where}"))
            tables = {name: Reflected() for name in names if not name.startswith(OWN)}
            primary, unique, imported = (
                self._door.ask(f"show {kind} keys {where}") for kind in ("primary", "unique", "imported")
            )
        keys_of(tables, primary, unique, imported)
        return as_metadata(schema, tables)

    def count(self, relation: Relation) -> int:
        with _refusing("can't be read", relation):
            return int(self._door.ask(f"select count(*) as n from {relation}")[0]["n"])  # noqa: S608  quoted

    def batches(self, relation: Relation, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        with _refusing("can't be read", relation):
            found = {column.name: column for column in self._columns(relation)}
            check_columns(str(relation), columns or (), found)
            asked = list(found.values()) if columns is None else [found[name] for name in columns]
            reading = Reading(str(relation), asked, self._ends(relation, asked))
            yield reading.schema.empty_table()
            for part in self._door.stream(reading.query):
                for start in range(0, part.num_rows, BATCH_ROWS):
                    yield reading.exact(part.slice(start, BATCH_ROWS))

    def _columns(self, relation: Relation) -> list[Column]:
        return [column_of(row) for row in self._door.ask(f"describe table {relation}")]

    def _ends(self, relation: Relation, columns: Sequence[Column]) -> dict[str, tuple[Any, Any]]:
        """Smallest and largest of the whole numbers; Snowflake knows them of every table without a scan."""
        names = [column.name for column in columns if column.type is None]
        if not names:
            return {}
        listed = ", ".join(
            f"min({quoted(n)}) as l{place}, max({quoted(n)}) as h{place}" for place, n in enumerate(names)
        )
        row = self._door.ask(f"select {listed} from {relation}")[0]  # noqa: S608  quoted
        return {name: (row[f"l{place}"], row[f"h{place}"]) for place, name in enumerate(names)}

    # ------------------------------------------------------------ writing

    @contextlib.contextmanager
    def writing(self, places: Mapping[str, Place]) -> Iterator[Callable[[str, pa.Table], None]]:
        check_places(places, self.identity)
        current: list[Place] = []  # the one that is being written, for the error
        summary = "the twin can't be written; no twin was changed"
        with (
            _refusing(summary, lambda: current[0].target if current else None),
            _workshop(self._door, [place.target for place in places.values()]) as workshop,
        ):
            drafts = {}
            for name, place in places.items():
                current[:] = [place]
                source = [] if place.source is None else self._columns(place.source)
                drafts[name] = _Draft(workshop, place, source)

            def add(name: str, rows: pa.Table) -> None:
                current[:] = [places[name]]
                drafts[name].add(rows)

            yield add
            for name, draft in drafts.items():
                current[:] = [places[name]]
                draft.load()
            current.clear()
            workshop.publish(list(drafts.values()))
        logger.info("%d twins written", len(places))

    def close(self) -> None:
        self._door.close()


class _Workshop:
    """A stage for the files, and what has to be taken away in the end.

    Args:
        door: The way in.
        targets: Where the twins go; their schemas are there.
    """

    def __init__(self, door: Door, targets: Sequence[Relation]) -> None:
        self.door = door
        self.stage = self.name_beside(targets[0])
        self.made: list[Relation] = []  # tables that go if there is an error
        self.helpers: list[Relation] = []  # tables that go in any case
        self.tables: dict[tuple[str, str], set[str]] = {}
        self.views: dict[tuple[str, str], set[str]] = {}
        for database, schema in {(t.database, t.schema) for t in targets}:
            where = f"in schema {quoted(database)}.{quoted(schema)}"
            for kind, found in (("tables", self.tables), ("views", self.views)):
                found[database, schema] = {row["name"] for row in door.ask(f"show {kind} {where}")}
        door.ask(f"create temporary stage {self.stage}")

    @staticmethod
    def name_beside(target: Relation) -> Relation:
        """A name of our own in the twin's schema."""
        return Relation(target.database, target.schema, OWN + secrets.token_hex(8).upper())

    def create(self, table: Relation, definition: str, kind: str, goes: list[Relation]) -> None:
        """Create a table that is taken away later."""
        self.door.ask(f"create {kind} {table} ({definition})")
        goes.append(table)

    def publish(self, drafts: Sequence[_Draft]) -> None:
        """Put all new rows into their places at once, as far as tables need not be replaced.

        A statement that creates or replaces a table ends a transaction, so these come before and after.
        """
        for draft in drafts:
            if draft.table == draft.target and not draft.is_there:
                self.create(draft.target, draft.definition, "table", self.made)
        self.door.ask("begin")
        try:
            for draft in sorted(drafts, key=lambda draft: str(draft.table)):  # no two wait for each other
                draft.fill()
            self.door.ask("commit")
        except BaseException:
            self.door.ask("rollback")
            raise
        self.made.clear()
        for draft in drafts:
            if draft.table != draft.target:
                self._replace(draft)

    def _replace(self, draft: _Draft) -> None:
        with _refusing(
            "has other columns than before, and could not be replaced; other twins were written", draft.target
        ):
            self.door.ask(f"create or replace table {draft.target} clone {draft.table} copy grants")

    def clear(self, tables: Sequence[Relation]) -> None:
        """Take tables away; what can't be is logged, as the twins are written or the error is on its way."""
        try:
            for table in tables:
                self.door.ask(f"drop table if exists {table}")
        except RefusedError as error:
            logger.warning("tables %s... may be left: %s", OWN, error.message)


@contextlib.contextmanager
def _workshop(door: Door, targets: Sequence[Relation]) -> Iterator[_Workshop]:
    """Make the schemas that are missing, and leave nothing unfinished."""
    made = []
    for database, schema in sorted({(target.database, target.schema) for target in targets}):
        there = {row["name"] for row in door.ask(f"show schemas in database {quoted(database)}")}
        if schema not in there:
            door.ask(f"create schema if not exists {quoted(database)}.{quoted(schema)}")
            made.append(Relation("", database, schema))
    workshop = _Workshop(door, targets)
    try:
        yield workshop
    except BaseException:
        workshop.clear(workshop.made)
        workshop.clear(workshop.helpers)
        with contextlib.suppress(RefusedError):  # an empty schema is left
            for where in made:
                if not door.ask(f"show objects in schema {where}"):
                    door.ask(f"drop schema {where}")
        raise
    workshop.clear(workshop.helpers)
    with contextlib.suppress(RefusedError):  # it ends with the session
        door.ask(f"drop stage {workshop.stage}")


class _Draft:
    """A twin while it grows: files on the stage, then texts in a temporary table, then rows.

    A twin that was there, with the columns that the new one has, is kept with what the user has tied to it;
    only its rows are replaced. One with other columns grows beside it.
    """

    def __init__(self, workshop: _Workshop, place: Place, source: Sequence[Column]) -> None:
        self.workshop, self.target = workshop, place.target
        at = (self.target.database, self.target.schema)
        if self.target.identifier in workshop.views[at]:
            raise self._refused("what stands in the twin's place is no table", "drop it")
        columns = list(source) if place.source is not None else self._nearest(place.schema)
        self.columns = {column.name: column for column in columns}
        self.definition = ", ".join(column.definition for column in columns)
        self.is_there = self.target.identifier in workshop.tables[at]
        self.table = self.target
        if self.is_there and self._old_definition() != self.definition:
            self.table = workshop.name_beside(self.target)
            workshop.create(self.table, self.definition, "table", workshop.helpers)
        written = (column.name for column in columns if not column.is_generated)
        self.wires = {name: f"C{place}" for place, name in enumerate(written)}
        self.texts = workshop.name_beside(self.target)
        kinds = ", ".join(f"{quoted(wire)} varchar" for wire in self.wires.values())
        workshop.create(self.texts, kinds or "C0 varchar", "temporary table", workshop.helpers)
        self.numbers = itertools.count()
        self.folder = _located(f"@{workshop.stage}/{self.texts.identifier}/")
        self.rows = 0

    def _old_definition(self) -> str:
        old = [column_of(row) for row in self.workshop.door.ask(f"describe table {self.target}")]
        return ", ".join(column.definition for column in old)

    def _nearest(self, schema: pa.Schema | None) -> list[Column]:
        columns = []
        for field in schema or ():
            kind = sql_type(field.type)
            if kind is None:
                what = f"has the type {field.type}, which can't be written"
                raise self._refused(what, "leave the column out", column=field.name)
            row = {"name": field.name, "type": kind, "default": None, "expression": None, "null?": "Y"}
            columns.append(column_of(row))
        return columns

    def add(self, rows: pa.Table) -> None:
        """Upload rows; columns are matched by name."""
        texts = {}
        for name, values in zip(rows.column_names, rows.columns, strict=True):
            if name not in self.columns:
                raise self._refused(
                    "there is no such column in the source", "leave the column out", column=name
                )
            if self.columns[name].is_generated:  # the database computes it
                continue
            try:
                texts[self.wires[name]] = as_texts(self.columns[name], values)
            except pa.ArrowException as error:
                raise self._refused(
                    "values don't fit the column's type",
                    "check the types of the rows",
                    column=name,
                    expected=self.columns[name].declared,
                    received=str(values.type),
                ) from error
        if not rows.num_rows or not texts:
            return
        with tempfile.TemporaryDirectory(prefix="synthohive-") as folder:
            path = Path(folder) / f"{next(self.numbers)}.parquet"
            pq.write_table(pa.table(texts), path)
            self.workshop.door.put(path, self.folder)
        self.rows += rows.num_rows

    def load(self) -> None:
        """Load what was uploaded into the temporary table."""
        if self.rows:
            self.workshop.door.ask(
                f"copy into {self.texts} from {self.folder} file_format = (type = parquet) "
                "match_by_column_name = case_insensitive"
            )

    def fill(self) -> None:
        """Replace the rows, within a transaction."""
        self.workshop.door.ask(f"delete from {self.table}")  # noqa: S608  quoted
        if self.rows:
            names = ", ".join(map(quoted, self.wires))
            values = ", ".join(self.columns[n].given.format(quoted(w)) for n, w in self.wires.items())
            self.workshop.door.ask(f"insert into {self.table} ({names}) select {values} from {self.texts}")  # noqa: S608

    def _refused(self, summary: str, remedy: str, **facts: str) -> ConnectorError:
        return ConnectorError(
            f"{summary}; no twin was changed", table=str(self.target), remedy=remedy, **facts
        )


def keys_of(
    tables: Mapping[str, Reflected],
    primary: Sequence[Mapping[str, Any]],
    unique: Sequence[Mapping[str, Any]],
    imported: Sequence[Mapping[str, Any]],
) -> None:
    """Add the keys that Snowflake tells of.

    Args:
        tables: The tables of one schema; what is told of others is left out.
        primary: The rows of `show primary keys`.
        unique: Those of `show unique keys`.
        imported: Those of `show imported keys`.
    """
    for (name, _), rows in _grouped(primary, "table_name", "constraint_name").items():
        tables.get(name, Reflected()).pk = tuple(row["column_name"] for row in rows)
    for (name, _), rows in _grouped(unique, "table_name", "constraint_name").items():
        tables.get(name, Reflected()).unique.append(tuple(row["column_name"] for row in rows))
    inside = [
        row
        for row in imported
        if (row["pk_database_name"], row["pk_schema_name"])
        == (row["fk_database_name"], row["fk_schema_name"])
    ]
    for (name, _), rows in _grouped(inside, "fk_table_name", "fk_name").items():
        key = ForeignKey(
            columns=tuple(row["fk_column_name"] for row in rows),
            parent=rows[0]["pk_table_name"],
            parent_columns=tuple(row["pk_column_name"] for row in rows),
        )
        tables.get(name, Reflected()).foreign_keys.append(key)


def _grouped(
    rows: Sequence[Mapping[str, Any]], table: str, key: str
) -> dict[tuple[str, str], list[Mapping[str, Any]]]:
    found: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in sorted(rows, key=lambda row: int(row["key_sequence"])):
        found.setdefault((row[table], row[key]), []).append(row)
    return found


def _located(path: str) -> str:
    """A path on a stage, in quotes where it has odd signs."""
    if re.fullmatch(r'[\w@."/$]+', path):
        return path
    return "'" + path.replace("\\", "\\\\").replace("'", "\\'") + "'"


def folded(name: str) -> str:
    """The name that Snowflake means by what SQL has there: capitals, unless it is quoted."""
    if re.fullmatch(r'"([^"]|"")+"', name):
        return name[1:-1].replace('""', '"')
    return name.upper() if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_$]*", name) else name


@contextlib.contextmanager
def _refusing(summary: str, table: Relation | Callable[[], Relation | None] | None = None) -> Iterator[None]:
    try:
        yield
    except RefusedError as error:
        where = table() if callable(table) else table
        raise ConnectorError(
            summary,
            table=None if where is None else str(where),
            received=error.message,
            remedy=REMEDIES.get(error.code, "see Snowflake's message"),
        ) from None
