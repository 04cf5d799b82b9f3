"""MySQL and MariaDB: rows come as Arrow, and go as a file that the server loads."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import re
import secrets
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pymysql

from synthohive_py.connectors.base import BATCH_ROWS, Connector, Place, Relation, check_columns, check_places
from synthohive_py.connectors.mysql_door import (
    LOST,
    Door,
    Session,
    checked,
    code_of,
    message_of,
    named,
    refusing,
)
from synthohive_py.connectors.mysql_types import (
    Reading,
    as_texts,
    csv_of,
    definitions,
    json_columns,
    made_right,
    name_of,
    sql_type,
)
from synthohive_py.connectors.reflection import Reflected, as_metadata
from synthohive_py.connectors.urls import Address
from synthohive_py.errors import ConnectorError
from synthohive_py.schema import ForeignKey, Metadata

__all__ = ["MySQLConnector"]

logger = logging.getLogger(__name__)

LOCK_SECONDS = 60  # that anybody waits: for another writer, or for a table that another program holds
CLEANING_SECONDS = 5  # that the tables of a run that failed are waited for
OWN = "synthohive_tmp_"  # how the names of our unfinished tables begin

OWN_SCHEMAS = ("information_schema", "mysql", "performance_schema", "sys")  # the server's own

TABLES = """
select table_name as name from information_schema.tables
where table_schema = %s and table_type in ('BASE TABLE', 'SYSTEM VERSIONED')
order by table_name
"""
UNIQUE = """
select table_name as name, index_name as key_name, column_name as column_name
from information_schema.statistics
where table_schema = %s and non_unique = 0
order by table_name, index_name, seq_in_index
"""
FOREIGN_KEYS = """
select
    table_name as name, constraint_name as key_name, column_name as column_name,
    referenced_table_name as parent, referenced_column_name as parent_column
from information_schema.key_column_usage
where table_schema = %s and referenced_table_schema = table_schema
order by table_name, constraint_name, ordinal_position
"""
REFERRING = """
select table_schema as a, table_name as b, referenced_table_name as c
from information_schema.key_column_usage where referenced_table_schema = %s
"""


class MySQLConnector(Connector):
    """Reads and writes the databases of one MySQL or MariaDB server: there, a schema is a database."""

    def __init__(self, address: Address) -> None:
        self._door = Door(address)
        self.default_schema = unquote(address.path.strip("/"))
        if not (self.default_schema or address.schema):
            raise ConnectorError(
                "the URL names no database",
                expected="mysql://user:password@host:port/database",
                remedy="add the database",
            )

    @classmethod
    def open(cls, address: Address) -> MySQLConnector:
        connector = cls(address)
        with connector._session(connector.default_schema or None):  # is there anybody?
            pass
        return connector

    def _session(self, database: str | None = None) -> AbstractContextManager[Session]:
        return self._door.session(database, lock_seconds=LOCK_SECONDS)

    # ------------------------------------------------------------ reading

    def relation(self, schema: str, identifier: str) -> Relation:
        return checked(Relation("", schema, identifier))

    def name(self, relation: Relation) -> str:
        return named(relation)

    def identity(self, relation: Relation) -> Relation:
        """A server whose disk does not tell upper case from lower does not tell names apart either."""
        if not self._is_caseless:
            return relation
        return Relation("", relation.schema.lower(), relation.identifier.lower())

    def home(self) -> str:
        """The number that MySQL or a newer MariaDB has given itself; empty for older ones."""
        with self._session() as session, refusing("the server can't be asked"):
            found = session.ask("show global variables where variable_name in ('server_uuid', 'server_uid')")
        return str(found[0]["Value"]) if found else ""

    @cached_property
    def _is_caseless(self) -> bool:
        with self._session() as session, refusing("the server can't be asked"):
            return bool(session.ask("select @@lower_case_table_names as it")[0]["it"])

    def reflect(self, schema: str) -> Metadata:
        with self._session() as session, refusing(f"the database {schema!r} can't be read"):
            names = [row["name"] for row in session.ask(TABLES, schema)]
            tables = {name: Reflected() for name in names if not name.startswith(OWN)}
            for (name, key), rows in _grouped(session.ask(UNIQUE, schema)).items():
                columns = tuple(row["column_name"] for row in rows)
                if key == "PRIMARY":
                    tables.get(name, Reflected()).pk = columns
                elif None not in columns:  # an expression
                    tables.get(name, Reflected()).unique.append(columns)
            for (name, _), rows in _grouped(session.ask(FOREIGN_KEYS, schema)).items():
                found = ForeignKey(
                    columns=tuple(row["column_name"] for row in rows),
                    parent=rows[0]["parent"],
                    parent_columns=tuple(row["parent_column"] for row in rows),
                )
                tables.get(name, Reflected()).foreign_keys.append(found)
        return as_metadata(schema, tables)

    def count(self, relation: Relation) -> int:
        where = named(checked(relation))
        with self._session() as session, refusing("can't be read", relation):
            session.columns(relation)
            return int(session.ask(f"select count(*) as n from {where}")[0]["n"])  # noqa: S608  quoted

    def batches(self, relation: Relation, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        where = named(checked(relation))
        with self._session() as session, refusing("can't be read", relation):
            found = {column.name: column for column in session.columns(relation)}
            check_columns(where, columns or (), found)
            asked = list(found.values()) if columns is None else [found[name] for name in columns]
            reading = Reading(where, asked)
            session.ask(f"{reading.query} limit 0")  # the server's own error, if there is one
            # What a view reads may have a history; not all users may see whether it does.
            is_prepared = session.tables(relation.schema).get(relation.identifier) == "BASE TABLE"
        yield reading.schema.empty_table()
        rows = self._door.stream(reading, where, is_prepared=is_prepared, lock_seconds=LOCK_SECONDS)
        for batch in rows:
            for start in range(0, batch.num_rows, BATCH_ROWS):
                yield reading.exact(batch.slice(start, BATCH_ROWS))

    # ------------------------------------------------------------ writing

    @contextlib.contextmanager
    def writing(self, places: Mapping[str, Place]) -> Iterator[Callable[[str, pa.Table], None]]:
        check_places(places, self.identity)
        for place in places.values():
            _check_target(place.target)
        current: list[Place] = []  # those that are being written, for the error
        summary = "the twin can't be written; no twin was changed"
        with (
            self._session() as session,
            refusing(summary, lambda: ", ".join(named(place.target) for place in current) or None),
            _reserved(self._door, session, sorted({place.target.schema for place in places.values()})) as own,
        ):
            drafts = {}
            for name, place in places.items():
                current[:] = [place]
                drafts[name] = _Draft(session, place, own)
            current.clear()

            def add(name: str, rows: pa.Table) -> None:
                current[:] = [places[name]]
                drafts[name].add(rows)

            yield add
            for draft in drafts.values():
                draft.tell()
            current[:] = places.values()
            _swap(session, list(drafts.values()))
        logger.info("%d twins written", len(places))

    def close(self) -> None:
        """Nothing is open between the calls."""


class _Draft:
    """A twin while it grows, under a name of its own beside its place."""

    def __init__(self, session: Session, place: Place, own: list[Relation]) -> None:
        self.session, self.target, self.own = session, place.target, own
        self.old: Relation | None = None
        there = session.tables(self.target.schema)
        if self.target.identifier in there:
            kind = there[self.target.identifier]
            if kind == "SYSTEM VERSIONED":
                raise self._refused(
                    "the old twin has a history, which would be lost with it",
                    "drop it, or its system versioning, or give the twin another database",
                )
            if kind != "BASE TABLE":
                raise self._refused("what stands in the twin's place is no table", "drop it")
            self.old = self._beside()
        self.new = self._beside()
        self.is_made, self.json, self.replaced = place.is_made, set[str](), Counter[str]()
        self._create(place)
        self.columns = {column.name: column for column in session.columns(self.new)}

    def _beside(self) -> Relation:
        self.own.append(Relation("", self.target.schema, OWN + secrets.token_hex(8)))
        return self.own[-1]

    def _create(self, place: Place) -> None:
        if place.source is not None:
            # An error of the real table is none of its twin.
            with refusing("can't be read; no twin was changed", place.source):
                self.session.columns(place.source)
                self.session.ask(f"select 1 from {named(place.source)} limit 0")  # noqa: S608  quoted
                shown = self.session.ask(f"show create table {named(place.source)}")[0]
            if "Create Table" in shown:
                self.json = json_columns(shown["Create Table"])
                # No keys: rules on twins are ours to keep, and to report when they don't hold.
                self.session.ask(f"create table {named(self.new)} {definitions(shown['Create Table'])}")
            else:
                self.session.ask(
                    f"create table {named(self.new)} as select * from {named(place.source)} limit 0"  # noqa: S608
                )
            return
        listed = []
        for field in place.schema or ():
            kind = sql_type(field.type)
            if kind is None:
                what = f"has the type {field.type}, which can't be written"
                raise self._refused(what, "leave the column out", column=field.name)
            listed.append(f"{name_of(field.name)} {kind}")
        self.session.ask(f"create table {named(self.new)} ({', '.join(listed)}) default charset utf8mb4")

    def add(self, rows: pa.Table) -> None:
        """Write rows; columns are matched by name."""
        texts = {}
        for name, values in zip(rows.column_names, rows.columns, strict=True):
            if name not in self.columns:
                raise self._refused(
                    "there is no such column in the source", "leave the column out", column=name
                )
            if self.columns[name].is_generated:  # the database computes it
                continue
            try:
                texts[name] = as_texts(self.columns[name], values)
            except pa.ArrowException as error:
                raise self._refused(
                    "values don't fit the column's type",
                    "check the types of the rows",
                    column=name,
                    expected=self.columns[name].declared,
                    received=str(values.type),
                ) from error
            if self.is_made:
                texts[name], wrong = made_right(self.columns[name], texts[name], is_json=name in self.json)
                self.replaced[name] += wrong
        if not rows.num_rows or not texts:
            return
        if self.session.ask("select @@local_infile as it")[0]["it"]:
            self._load(texts)
        else:
            self._insert(texts)

    def tell(self) -> None:
        """Log which generated values were none of their column's type."""
        for name, count in self.replaced.items():
            if count:
                other = "another value" if self.columns[name].is_required else "null"
                where = f"{named(self.target)}.{name}"
                logger.warning(
                    "%s: %d made-up values are none of its type; %s stands there", where, count, other
                )

    def _load(self, texts: Mapping[str, pa.Array]) -> None:
        variables = {name: f"@v{place}" for place, name in enumerate(texts)}
        taken = ", ".join(
            f"{name_of(name)} = {self.columns[name].given.format(variable)}"
            for name, variable in variables.items()
        )
        with self._file(csv_of(list(texts.values()))) as path, self.session.connection.cursor() as cursor:
            cursor.execute(
                f"load data local infile {self.session.connection.escape(path)} "
                f"into table {named(self.new)} character set utf8mb4 fields terminated by ',' "
                f"enclosed by '\"' escaped by '' lines terminated by '\\n' "
                f"({', '.join(variables.values())}) set {taken}"
            )
        # From a local file the server loads what it can, and warns of the rest.
        for row in self.session.ask("show warnings"):
            if row["Level"] != "Note":
                raise pymysql.DataError(row["Code"], row["Message"])

    @contextlib.contextmanager
    def _file(self, content: pa.Buffer) -> Iterator[str]:
        """The path of a file; without a name, where possible: a process that is killed leaves none."""
        with contextlib.ExitStack() as stack:
            try:
                if Path("/dev/fd").exists():
                    file: Any = stack.enter_context(tempfile.TemporaryFile())
                    path = f"/dev/fd/{file.fileno()}"
                else:
                    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="synthohive-"))
                    path = str(Path(folder) / "rows.csv")
                    file = stack.enter_context(Path(path).open("wb"))
                file.write(content)
                file.flush()
                file.seek(0)
            except OSError as error:
                raise self._refused(
                    "rows can't be kept in a file on their way to the server",
                    "make room there, or name another folder in the environment variable TMPDIR",
                    expected=f"room for {content.size:,} bytes in {tempfile.gettempdir()}",
                    received=error.strerror or type(error).__name__,
                ) from error
            yield path

    def _insert(self, texts: Mapping[str, pa.Array]) -> None:
        """For servers that load no local files; several times slower."""
        names = ", ".join(map(name_of, texts))
        where = f"{named(self.new)} ({names})".replace("%", "%%")  # the driver takes % for a place of a value
        values = ", ".join(self.columns[name].given.format("%s") for name in texts)
        with self.session.connection.cursor() as cursor:
            cursor.executemany(
                f"insert into {where} values ({values})",  # noqa: S608  quoted
                list(zip(*(column.to_pylist() for column in texts.values()), strict=True)),
            )

    def _refused(self, summary: str, remedy: str, **facts: str) -> ConnectorError:
        return ConnectorError(
            f"{summary}; no twin was changed", table=named(self.target), remedy=remedy, **facts
        )


def _check_target(target: Relation) -> None:
    checked(target)
    if target.schema.lower() in OWN_SCHEMAS:
        raise ConnectorError(
            f"the database {target.schema!r} is the server's own; no twin was changed",
            table=named(target),
            remedy="name another one in the URL (?schema=...)",
        )


@contextlib.contextmanager
def _reserved(door: Door, session: Session, schemas: Sequence[str]) -> Iterator[list[Relation]]:
    """Let no second writer into the databases, make those that are missing, and leave nothing unfinished.

    The context gives a list, for the names of tables that are not to stay.
    """
    made: list[str] = []
    own: list[Relation] = []
    for schema in schemas:  # sorted, so that two writers never wait for each other
        lock = "synthohive " + hashlib.sha256(schema.encode()).hexdigest()[:40]
        if session.ask("select get_lock(%s, %s) as it", lock, LOCK_SECONDS)[0]["it"] != 1:
            raise ConnectorError(
                f"another program is writing twins to the database {schema!r}; no twin was changed",
                remedy="wait until it has ended, and try again",
            )
    try:
        for schema in schemas:
            if session.has(schema):
                _drop_own(session, schema)  # of a run that was killed
            else:
                session.ask(f"create database {name_of(schema)} default charset utf8mb4")
                made.append(schema)
        yield own
    except BaseException:
        try:
            for schema in schemas:
                _drop_own(session, schema)
            for schema in made:
                if not session.tables(schema):
                    session.ask(f"drop database {name_of(schema)}")
        except pymysql.Error as error:
            if session.connection.open or not _dropped(door, own):
                _warn_of_left(session, own, error)
        raise


def _dropped(door: Door, own: Sequence[Relation]) -> bool:
    """Drop the tables of a connection that was lost, or ended by Ctrl-C, through another one.

    The lock went with that connection, so another writer may be there: nothing but these names is touched.
    """
    try:
        with door.session(lock_seconds=CLEANING_SECONDS) as session:
            if own:
                session.ask("set foreign_key_checks = 0")
                session.ask(f"drop table if exists {', '.join(map(named, own))}")
    except (pymysql.Error, ConnectorError):
        return False
    return True


def _warn_of_left(session: Session, own: Sequence[Relation], error: pymysql.Error) -> None:
    left = list(own)
    with contextlib.suppress(pymysql.Error):
        left = [table for table in own if table.identifier in session.tables(table.schema)]
    if left:
        logger.warning(
            "unfinished or old tables are left; drop them, or let the next run do it: %s (%s)",
            *(", ".join(map(named, left)), message_of(error)),
        )


def _drop_own(session: Session, schema: str) -> None:
    names = [name for name in session.tables(schema) if re.fullmatch(OWN + "[0-9a-f]{16}", name)]
    if names:
        session.ask("set foreign_key_checks = 0")
        session.ask(f"drop table {', '.join(name_of(schema, name) for name in names)}")
        session.ask("set foreign_key_checks = 1")


def _swap(session: Session, drafts: Sequence[_Draft]) -> None:
    """Put all new twins into their places at once: the server renames all tables or none."""
    replaced = {(draft.target.schema, draft.target.identifier) for draft in drafts if draft.old}
    for schema in sorted({schema for schema, _ in replaced}):
        for row in session.ask(REFERRING, schema):
            if (schema, row["c"]) in replaced and (row["a"], row["b"]) not in replaced:
                raise ConnectorError(
                    "a foreign key needs the old twin; no twin was changed",
                    table=name_of(schema, row["c"]),
                    received=f"a key of {name_of(row['a'], row['b'])}",
                    remedy="drop that key, or give the twin another database",
                )
    renamed = []
    for draft in drafts:
        if draft.old is not None:
            renamed.append(f"{named(draft.target)} to {named(draft.old)}")
        renamed.append(f"{named(draft.new)} to {named(draft.target)}")
    if renamed:
        try:
            session.ask(f"rename table {', '.join(renamed)}")
        except pymysql.Error as error:
            if code_of(error) not in LOST:
                raise
            raise ConnectorError(
                "the connection was lost at the last moment: either all twins are new, or all are old",
                table=", ".join(named(draft.target) for draft in drafts),
                received=message_of(error),
                remedy="check that the server runs, look at the twins, and write them again if they are old",
            ) from None  # as elsewhere
    try:
        for schema in sorted({draft.target.schema for draft in drafts}):
            _drop_own(session, schema)
    except pymysql.Error as error:  # the twins are in their places
        _warn_of_left(session, [draft.old for draft in drafts if draft.old], error)


def _grouped(rows: Sequence[dict[str, Any]]) -> dict[tuple[str, str], list[dict[str, Any]]]:
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault((row["name"], row["key_name"]), []).append(row)
    return found
