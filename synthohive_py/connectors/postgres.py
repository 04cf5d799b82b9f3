"""PostgreSQL: rows come and go as Arrow, by the server's own bulk protocol."""

from __future__ import annotations

import contextlib
import logging
import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any
from urllib.parse import quote, unquote, urlencode

import adbc_driver_postgresql.dbapi as adbc
import pyarrow as pa

from synthohive_py.connectors.base import (
    BATCH_ROWS,
    Connector,
    Place,
    Relation,
    check_columns,
    check_places,
    quoted,
)
from synthohive_py.connectors.postgres_made import MadeValues
from synthohive_py.connectors.postgres_types import COLUMNS, Column, Reading, column_of, fitted, sql_type
from synthohive_py.connectors.reflection import Reflected, as_metadata
from synthohive_py.connectors.urls import Address
from synthohive_py.errors import ConnectorError
from synthohive_py.schema import ForeignKey, Metadata

__all__ = ["PostgresConnector"]

logger = logging.getLogger(__name__)

CONNECT_SECONDS = 3
LOCK_SECONDS = 60  # that a writer waits for another one, or for readers of a table that is replaced
MAX_NAME = 63  # bytes; PostgreSQL cuts longer names without a word

# A side that has vanished without a word is given up after two minutes, by the server too: until then it
# holds our locks. Seconds, seconds, how often.
KEEPALIVES = {"tcp_keepalives_idle": "60", "tcp_keepalives_interval": "10", "tcp_keepalives_count": "6"}

# Text of any value is to be read back the same way, whatever this server's or user's habits are.
SETTINGS = {
    "bytea_output": "hex",
    "datestyle": "ISO, MDY",
    "extra_float_digits": "1",
    "intervalstyle": "postgres",
    "lc_monetary": "C",
    # Rows in the order in which they lie: the same ones are drawn for a seed each time.
    "max_parallel_workers_per_gather": "0",
    "synchronize_seqscans": "off",
    "timezone": "UTC",
    "xmloption": "content",
    "idle_in_transaction_session_timeout": "0",  # rows may be long in the making
    **KEEPALIVES,
}

TABLES = """
select c.relname::text as name
from pg_catalog.pg_class as c
inner join pg_catalog.pg_namespace as n on c.relnamespace = n.oid
where n.nspname = $1 and c.relkind in ('r', 'p') and not c.relispartition
    and has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select')
order by c.relname
"""
UNIQUE = """
select
    c.relname::text as name, i.indisprimary as is_primary,
    array(
        select a.attname::text
        from unnest(i.indkey::int2[]) with ordinality as k (attnum, place)
        inner join pg_catalog.pg_attribute as a on a.attrelid = c.oid and k.attnum = a.attnum
        where k.place <= i.indnkeyatts
        order by k.place
    ) as columns
from pg_catalog.pg_index as i
inner join pg_catalog.pg_class as c on i.indrelid = c.oid
inner join pg_catalog.pg_namespace as n on c.relnamespace = n.oid
where n.nspname = $1 and i.indisunique and i.indisvalid and i.indpred is null and i.indexprs is null
order by c.relname, i.indexrelid
"""
# Those of partitions repeat their table's. One that was never validated may not hold.
FOREIGN_KEYS = """
select
    c.relname::text as name, p.relname::text as parent,
    array(
        select a.attname::text
        from unnest(f.conkey) with ordinality as k (attnum, place)
        inner join pg_catalog.pg_attribute as a on a.attrelid = f.conrelid and k.attnum = a.attnum
        order by k.place
    ) as columns,
    array(
        select a.attname::text
        from unnest(f.confkey) with ordinality as k (attnum, place)
        inner join pg_catalog.pg_attribute as a on a.attrelid = f.confrelid and k.attnum = a.attnum
        order by k.place
    ) as parent_columns
from pg_catalog.pg_constraint as f
inner join pg_catalog.pg_class as c on f.conrelid = c.oid
inner join pg_catalog.pg_class as p on f.confrelid = p.oid and c.relnamespace = p.relnamespace
inner join pg_catalog.pg_namespace as n on c.relnamespace = n.oid
where n.nspname = $1 and f.contype = 'f' and f.conparentid = 0 and f.convalidated
order by c.relname, f.conname
"""
KIND = """
select c.relkind::text as kind
from pg_catalog.pg_class as c
inner join pg_catalog.pg_namespace as n on c.relnamespace = n.oid
where n.nspname = $1 and c.relname = $2
"""

LOST = "check that the server runs and can be reached, and try again"

# What the server's codes mean, and what helps.
REMEDIES = {
    "25006": "write to a server, and as a user, that may write (default_transaction_read_only)",
    "28": "correct the user and the password, or have the server's pg_hba.conf let this user in",
    "3D000": "correct the database's name in the URL",
    "3F000": "correct the schema's name",
    "42P01": "correct the name of the table, or of its schema",
    "42501": "grant this user the right that is missing",
    "53100": "make room on the server's disk",
    "53": "give the server more room, memory or connections",
    "55P03": "wait until the other program that writes there has ended, and try again",
    "2BP01": "drop what depends on the old twin, or give the twin another schema",
    "22": "check that the twin's rows fit the types of the source's columns",
    "23502": "give the rows a value where the source's column needs one",
    "23": "drop the constraint that was added to the twin, or give the twin another schema",
    "08": LOST,
    "57P": LOST,
    "57": "see why the server ends long statements (statement_timeout), and try again",
    "58": "look into the server's log: its disk or its files are not in order",
}
# Where the server gives no code of its own.
SAID = {
    "server closed the connection|connection to server|connection not open|no connection": LOST,
    "No space left|File too large": "make room on the server's disk",
}
CONNECTING = {
    "authentication failed|no password supplied|no pg_hba.conf entry|role .* does not exist": REMEDIES["28"],
    "database .* does not exist|permission denied for database": REMEDIES["3D000"],
    "SSL|certificate": "set sslmode in the URL (?sslmode=require) as the server wants it",
    "URI query parameter|connection option": "correct the options that follow the question mark of the URL",
    "too many": REMEDIES["53"],
}


class PostgresConnector(Connector):
    """Reads and writes one PostgreSQL database. Every call has a connection, and a transaction, of its own.

    Args:
        uri: A libpq URI: `postgresql://user:password@host:port/database?option=value`. Nothing is opened yet.

    Raises:
        ConnectorError: It is no URI.
    """

    default_schema = "public"

    def __init__(self, uri: str) -> None:
        self._uri = _libpq_uri(Address.read(uri))

    @classmethod
    def open(cls, address: Address) -> PostgresConnector:
        connector = cls.__new__(cls)
        connector._uri = _libpq_uri(address)  # noqa: SLF001  its own
        with connector._session():  # noqa: SLF001  is there anybody?
            pass
        return connector

    # ------------------------------------------------------------ reading

    def relation(self, schema: str, identifier: str) -> Relation:
        return _checked(Relation(self._database, schema, identifier))

    @cached_property
    def _database(self) -> str:
        with self._session() as session:
            return str(session.ask("select current_database()::text as name")[0]["name"])

    def reflect(self, schema: str) -> Metadata:
        _checked(Relation("", schema, ""))
        with self._session() as session, _refusing(f"the schema {schema!r} can't be read"):
            tables = {row["name"]: Reflected() for row in session.ask(TABLES, schema)}
            for row in session.ask(UNIQUE, schema):
                table, columns = tables.get(row["name"], Reflected()), tuple(row["columns"])
                if row["is_primary"]:
                    table.pk = columns
                else:
                    table.unique.append(columns)
            for row in session.ask(FOREIGN_KEYS, schema):
                key = ForeignKey(
                    columns=tuple(row["columns"]),
                    parent=row["parent"],
                    parent_columns=tuple(row["parent_columns"]),
                )
                tables.get(row["name"], Reflected()).foreign_keys.append(key)
        return as_metadata(schema, tables)

    def count(self, relation: Relation) -> int:
        _checked(relation)
        with self._session() as session, _refusing("can't be read", relation):
            session.columns(relation)
            return int(session.ask(f"select count(*) as n from {relation}")[0]["n"])  # noqa: S608  quoted

    def batches(self, relation: Relation, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        _checked(relation)
        # One view of the rows, for their number of digits and for the rows themselves.
        with self._session("repeatable read") as session, _refusing("can't be read", relation):
            found = {column.name: column for column in session.columns(relation)}
            check_columns(str(relation), columns or (), found)
            asked = list(found.values()) if columns is None else [found[name] for name in columns]
            reading = Reading(str(relation), asked, session.ask)
            yield reading.schema.empty_table()
            with session.connection.cursor() as cursor:
                cursor.execute(reading.query)
                for batch in cursor.fetch_record_batch():
                    for start in range(0, batch.num_rows, BATCH_ROWS):
                        yield reading.exact(batch.slice(start, BATCH_ROWS))

    # ------------------------------------------------------------ writing

    @contextlib.contextmanager
    def writing(self, places: Mapping[str, Place]) -> Iterator[Callable[[str, pa.Table], None]]:
        check_places(places, self.identity)
        for place in places.values():
            _checked(place.target)
        current: list[Place] = []  # those that are being written, for the error
        summary = "the twin can't be written; no twin was changed"
        with self._session() as session, _refusing(summary, lambda: _names(current)):
            _reserve(session, {place.target.schema for place in places.values()})
            drafts = {}
            for name, place in places.items():
                current[:] = [place]
                drafts[name] = _Draft(session, place)
            kept = {name: draft for name, draft in drafts.items() if draft.is_kept}
            for name, draft in kept.items():
                current[:] = [places[name]]
                session.run(
                    f"lock table {draft.target} in row exclusive mode"
                )  # to name the one that is held
            current[:] = [places[name] for name in kept]
            _empty(list(kept.values()))
            current.clear()

            def add(name: str, rows: pa.Table) -> None:
                current[:] = [places[name]]
                drafts[name].add(rows)

            yield add
            for name, draft in drafts.items():
                current[:] = [places[name]]
                draft.finish()
            current[:] = places.values()
            _commit(session, _names(current))
        logger.info("%d twins written", len(places))

    @contextlib.contextmanager
    def _session(self, isolation: str = "read committed") -> Iterator[_Session]:
        """A transaction. Closing its connection takes back what was not committed, whatever ended it."""
        try:
            connection = adbc.connect(self._uri)
        except adbc.Error as error:
            raise _not_connected(error) from None  # the driver's own error may show the URI
        with contextlib.closing(connection):
            session = _Session(connection)
            with _refusing("the server refused the first question"):
                session.run(f"set transaction isolation level {isolation}")
                session.set(SETTINGS)
            yield session

    def close(self) -> None:
        """Nothing is open between the calls."""


class _Session:
    """A connection within its transaction."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection

    def run(self, statement: str, *values: str) -> None:
        with self.connection.cursor() as cursor:
            cursor.execute(statement, values or None)

    def ask(self, query: str, *values: str) -> list[dict[str, Any]]:
        with self.connection.cursor() as cursor:
            cursor.execute(query, values or None)
            return cursor.fetch_arrow_table().to_pylist()

    def set(self, settings: Mapping[str, str]) -> None:
        """Settings that end with the transaction; those that this server does not know are left out."""
        listed = ", ".join(f"('{name}', '{value}')" for name, value in settings.items())
        self.ask(
            f"select set_config(s.name, v.value, true) as x from (values {listed}) as v (name, value) "  # noqa: S608
            "inner join pg_catalog.pg_settings as s on s.name = lower(v.name)"
        )

    def columns(self, relation: Relation) -> list[Column]:
        """The columns of a table.

        Raises:
            ConnectorError: There is no such table.
        """
        rows = self.ask(COLUMNS, relation.schema, relation.identifier)
        if not rows:
            known = "select from pg_catalog.pg_namespace where nspname = $1"
            schemas = self.ask(f"select exists ({known}) as it", relation.schema)
            what = "table" if schemas[0]["it"] else "schema"
            raise ConnectorError(
                f"can't be read: there is no such {what}",
                table=str(relation),
                remedy=f"correct the {what}'s name",
            )
        return [column_of(row) for row in rows]


class _Draft:
    """A twin while it grows, within its transaction: nobody else sees it.

    A twin that was there, with the columns that the new one has, is kept with all that the user has tied to
    it: views, indexes, grants; only its rows are replaced. Otherwise a new table takes its place.
    """

    def __init__(self, session: _Session, place: Place) -> None:
        self.session, self.target = session, place.target
        self.kind = _kind_of_old(session, self.target)
        self.table = Relation(self.target.database, self.target.schema, _own_name())
        self._create(place)
        columns = session.columns(self.table)
        self.columns = {column.name: column for column in columns}
        self.staging: dict[tuple[str, ...], str] = {}
        self.made = MadeValues(session.ask, str(self.target), self.columns) if place.is_made else None
        self.is_kept = self.kind is not None and [c.declared for c in columns] == [
            c.declared for c in session.columns(self.target)
        ]
        if self.is_kept:
            session.run(f"drop table {self.table}")
            self.table = self.target

    def _create(self, place: Place) -> None:
        if place.source is None:
            listed = []
            for field in place.schema or ():
                kind = sql_type(field.type)
                if kind is None:
                    what = f"has the type {field.type}, which can't be written"
                    raise self._refused(field.name, what, "leave the column out")
                listed.append(f"{quoted(field.name)} {kind}")
            self.session.run(f"create table {self.table} ({', '.join(listed)})")
            return
        found = self.session.columns(place.source)
        # No keys, checks and identities: rules on twins are ours to keep, and to report when they don't hold.
        self.session.run(
            f"create table {self.table} "
            f"(like {place.source} including defaults including generated including storage)"
        )
        # A sequence is the source's own: it must not count, or be kept from being dropped, for a twin's sake.
        for column in found:
            if column.is_counted:
                self.session.run(f"alter table {self.table} alter {quoted(column.name)} drop default")

    def add(self, rows: pa.Table) -> None:
        """Write rows; columns are matched by name."""
        for name in rows.column_names:
            if name not in self.columns:
                raise self._refused(name, "there is no such column in the source", "leave the column out")
        arrays, from_text = {}, []
        for name, values in zip(rows.column_names, rows.columns, strict=True):
            column = self.columns[name]
            if column.is_generated:  # PostgreSQL computes it
                continue
            try:
                arrays[name], is_text = fitted(column, values)
                if self.made:
                    arrays[name] = self.made.fitted(name, arrays[name])
            except pa.ArrowException as error:
                raise self._refused(
                    name,
                    "values don't fit the column's type",
                    "check the types of the rows",
                    expected=column.plain,
                    received=str(values.type),
                ) from error
            if is_text:
                from_text.append(name)
        if not rows.num_rows or not arrays:
            return
        checked = self.made.checked(list(arrays)) if self.made else []
        if from_text or checked:
            texts = [name for name in checked if self.columns[name].is_text]
            self._stage(pa.table(arrays), list(dict.fromkeys((*from_text, *texts))), checked)
        else:
            with self.session.connection.cursor() as cursor:
                cursor.adbc_ingest(
                    self.table.identifier, pa.table(arrays), "append", db_schema_name=self.table.schema
                )

    def _stage(self, rows: pa.Table, from_text: Sequence[str], checked: Sequence[str]) -> None:
        """Let PostgreSQL make values of text: the driver writes no such types."""
        key = (*rows.column_names, "", *from_text)
        if key not in self.staging:
            self.staging[key] = _own_name()
            kinds = {
                name: "text" if name in from_text else self.columns[name].base for name in rows.column_names
            }
            listed = ", ".join(f"{quoted(name)} {kind}" for name, kind in kinds.items())
            self.session.run(f"create temporary table {self.staging[key]} ({listed}) on commit drop")
        staging = self.staging[key]
        with self.session.connection.cursor() as cursor:
            cursor.adbc_ingest(staging, rows, "append", temporary=True)
        names = ", ".join(map(quoted, rows.column_names))
        given = {name: quoted(name) for name in rows.column_names}
        if self.made and checked:
            self.made.count(checked, f"pg_temp.{staging}")
            given |= {name: f"({self.made.right(name)})" for name in checked}
        values = ", ".join(f"{value}::{self.columns[name].plain}" for name, value in given.items())
        self.session.run(
            f"insert into {self.table} ({names}) select {values} from pg_temp.{staging}"  # noqa: S608  quoted
        )
        self.session.run(f"truncate pg_temp.{staging}")

    def finish(self) -> None:
        """Take the old twin's place."""
        if self.made:
            self.made.tell()
        if self.is_kept:
            return
        if self.kind is not None:
            self.session.run(f"drop table {self.target}")  # refused if a view needs it: its columns change
        self.session.run(f"alter table {self.table} rename to {quoted(self.target.identifier)}")

    def _refused(self, column: str, summary: str, remedy: str, **facts: str) -> ConnectorError:
        return ConnectorError(
            f"{summary}; no twin was changed", table=str(self.target), column=column, remedy=remedy, **facts
        )


def _own_name() -> str:
    return f"synthohive_{secrets.token_hex(8)}"


def _reserve(session: _Session, schemas: set[str]) -> None:
    """Let no second writer into the schemas until the transaction ends, and make those that are missing."""
    session.set({"lock_timeout": f"{LOCK_SECONDS}s"})
    for schema in sorted(schemas):  # all in one order, so that two never wait for each other
        session.ask(
            "select pg_advisory_xact_lock(hashtextextended('synthohive ' || $1::text, 0))::text", schema
        )
        known = "select from pg_catalog.pg_namespace where nspname = $1"
        # Without asking, a user who may make no schemas is refused though there is nothing to make.
        if not session.ask(f"select exists ({known}) as it", schema)[0]["it"]:
            session.run(f"create schema if not exists {quoted(schema)}")


def _empty(drafts: Sequence[_Draft]) -> None:
    """Delete the rows of the twins that stay, in one statement: keys among them hold before and after it.

    Not `truncate`: that lets nobody read until all is written.
    """
    if drafts:
        parts = [f"d{i} as (delete from {draft.target})" for i, draft in enumerate(drafts)]  # noqa: S608  quoted
        drafts[0].session.ask(f"with {', '.join(parts)} select 1 as one")


def _commit(session: _Session, tables: str | None) -> None:
    """End the transaction well.

    Raises:
        ConnectorError: The connection was lost; nobody can say whether the server had done it.
    """
    try:
        session.connection.commit()
    except adbc.Error as error:
        if error.sqlstate and not error.sqlstate.startswith(("08", "57P")):
            raise
        raise ConnectorError(
            "the connection was lost at the last moment: either all twins are new, or all are old",
            table=tables,
            received=_first_line(str(error), hide=False),
            remedy="check that the server runs, look at the twins, and write them again if they are old",
        ) from None  # as elsewhere


def _names(places: Sequence[Place]) -> str | None:
    return ", ".join(str(place.target) for place in places) or None


def _kind_of_old(session: _Session, target: Relation) -> str | None:
    """What there is in the twin's place.

    Raises:
        ConnectorError: It is no table.
    """
    found = session.ask(KIND, target.schema, target.identifier)
    if found and found[0]["kind"] not in ("r", "p"):
        raise ConnectorError(
            "what stands in the twin's place is no table; no twin was changed",
            table=str(target),
            expected="a table, or nothing",
            remedy="drop it, or give the twin another schema",
        )
    return found[0]["kind"] if found else None


def _checked(relation: Relation) -> Relation:
    for name in (relation.schema, relation.identifier):
        if len(name.encode()) > MAX_NAME or "\0" in name:
            raise ConnectorError(
                "the name can't be one in PostgreSQL",
                table=str(relation),
                expected=f"at most {MAX_NAME} bytes in UTF-8",
                received=f"{len(name.encode())} bytes",
                remedy="choose a shorter name",
            )
    return relation


def _libpq_uri(address: Address) -> str:
    """All parts as parameters, quoted, so that no character of a password is taken for anything else."""
    parts = {
        "connect_timeout": str(CONNECT_SECONDS),
        **{name.removeprefix("tcp_"): value for name, value in KEEPALIVES.items()},
        "fallback_application_name": "synthohive",
        **address.options,
        "client_encoding": "UTF8",  # Arrow's, whatever the database has or the environment says
        "host": address.host or address.options.get("host"),
        "port": address.port or address.options.get("port"),
        "user": address.user or address.options.get("user"),
        "password": address.password or address.options.get("password"),
        "dbname": unquote(address.path[1:]) or address.options.get("dbname"),
    }
    given = {name: value for name, value in parts.items() if value}
    return f"postgresql://?{urlencode(given, quote_via=quote)}"


@contextlib.contextmanager
def _refusing(summary: str, table: Relation | Callable[[], str | None] | None = None) -> Iterator[None]:
    try:
        yield
    except adbc.Error as error:
        where = table() if callable(table) else table
        state, message = error.sqlstate or "", str(error)
        remedies = [REMEDIES[key] for key in (state, state[:3], state[:2]) if key in REMEDIES]
        remedies += [remedy for pattern, remedy in SAID.items() if re.search(pattern, message)]
        raise ConnectorError(
            summary,
            table=None if where is None else str(where),
            received=_first_line(message, hide=state.startswith(("22", "23", "P0"))),
            remedy=next(iter(remedies), "see the server's message"),
        ) from None  # the driver's own error may show values


def _not_connected(error: adbc.Error) -> ConnectorError:
    message = re.sub(r"^.*Failed to connect: ", "", str(error).strip().split("\n")[0])
    found = (remedy for pattern, remedy in CONNECTING.items() if re.search(pattern, message))
    return ConnectorError(
        "PostgreSQL can't be reached, or does not let us in",
        received=message[:300],
        remedy=next(found, "check host and port in the URL, and that the server runs"),
    )


def _first_line(message: str, *, hide: bool) -> str:
    """The server's own first line; without the values in it, if it may show some."""
    found = re.search(r"(?:ERROR|FATAL|PANIC):\s+(.*)", message)
    line = found.group(1) if found else message.strip().split("\n")[0]
    line = re.sub(r"^.*?\[libpq\] (Failed to execute query '.*?': )?", "", line)
    return (re.sub(r'(: |value )".*"', r'\1"..."', line) if hide else line)[:300]
