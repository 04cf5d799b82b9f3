"""PostgreSQL: rows come and go as Arrow, by the server's own bulk protocol."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property

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
from synthohive_py.connectors.postgres_catalog import reflected
from synthohive_py.connectors.postgres_door import (
    SETTINGS,
    Session,
    broken,
    checked,
    first_line,
    libpq_uri,
    not_connected,
    refused,
)
from synthohive_py.connectors.postgres_twins import Draft, empty
from synthohive_py.connectors.postgres_types import Reading
from synthohive_py.connectors.reflection import as_metadata
from synthohive_py.connectors.urls import Address
from synthohive_py.errors import ConnectorError
from synthohive_py.schema import Metadata

__all__ = ["PostgresConnector"]

logger = logging.getLogger(__name__)

LOCK_SECONDS = 60  # that anybody waits: for another writer, or for a table that another program holds
HOME = (
    "select concat(s.system_identifier, '/', d.oid) as home "
    "from pg_control_system() as s, pg_database as d where d.datname = current_database()"
)
OWN_SCHEMAS = ("information_schema", "pg_")  # how the names of the server's own begin


class PostgresConnector(Connector):
    """Reads and writes one PostgreSQL database. Every call has a connection, and a transaction, of its own.

    Args:
        uri: A libpq URI: `postgresql://user:password@host:port/database?option=value`. Nothing is opened yet.

    Raises:
        ConnectorError: It is no URI.
    """

    default_schema = "public"

    def __init__(self, uri: str) -> None:
        self._address = Address.read(uri)

    @classmethod
    def open(cls, address: Address) -> PostgresConnector:
        connector = cls.__new__(cls)
        connector._address = address  # noqa: SLF001  its own
        with connector._session():  # noqa: SLF001  is there anybody?
            pass
        return connector

    # ------------------------------------------------------------ reading

    def relation(self, schema: str, identifier: str) -> Relation:
        return checked(Relation(self._database, schema, identifier))

    @cached_property
    def _database(self) -> str:
        with self._session() as session:
            return str(session.ask("select current_database()::text as name")[0]["name"])

    def home(self) -> str:
        """The number that the server's files got when they were made, and that of the database."""
        with self._session() as session, contextlib.suppress(adbc.Error):  # a server may refuse to tell
            return str(session.ask(HOME)[0]["home"])
        return ""

    def reflect(self, schema: str) -> Metadata:
        checked(Relation("", schema, ""))
        with self._session() as session, _refusing(f"the schema {schema!r} can't be read"):
            tables = reflected(session, schema)
        return as_metadata(schema, tables)

    def count(self, relation: Relation) -> int:
        checked(relation)
        with self._session() as session, _refusing("can't be read", relation, is_reading=True):
            session.columns(relation)
            return int(session.ask(f"select count(*) as n from {relation}")[0]["n"])  # noqa: S608  quoted

    def batches(self, relation: Relation, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        checked(relation)
        # One view of the rows, for their number of digits and for the rows themselves.
        with (
            self._session("repeatable read") as session,
            _refusing("can't be read", relation, is_reading=True),
        ):
            found = {column.name: column for column in session.columns(relation)}
            check_columns(str(relation), columns or (), found)
            asked = list(found.values()) if columns is None else [found[name] for name in columns]
            reading = Reading(str(relation), asked, session.ask)
            yield reading.schema.empty_table()
            with session.connection.cursor() as cursor:
                cursor.execute(reading.query)
                for batch in _whole(cursor.fetch_record_batch(), relation):
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
        with self._session() as session, _refusing(summary, lambda: _names(current)):
            _reserve(session, {place.target.schema for place in places.values()})
            drafts = {}
            for name, place in places.items():
                current[:] = [place]
                _hold(session, place.source)
                drafts[name] = Draft(session, place, list(places.values()))
            kept = {name: draft for name, draft in drafts.items() if draft.is_kept}
            for name, draft in kept.items():
                current[:] = [places[name]]
                session.run(
                    f"lock table {draft.target} in row exclusive mode"
                )  # to name the one that is held
            current[:] = [places[name] for name in kept]
            empty(list(kept.values()))
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
    def _session(self, isolation: str = "read committed") -> Iterator[Session]:
        """A transaction. Closing its connection takes back what was not committed, whatever ended it."""
        try:
            connection = adbc.connect(libpq_uri(self._address))
        except adbc.Error as error:
            # The driver's own error may show the URI.
            raise not_connected(error, self._address.options) from None
        with contextlib.closing(connection):
            session = Session(connection)
            with _refusing("the server refused the first question"):
                session.run(f"set transaction isolation level {isolation}")
                session.set({**SETTINGS, "lock_timeout": f"{LOCK_SECONDS}s"})
            yield session

    def close(self) -> None:
        """Nothing is open between the calls."""


def _whole(batches: pa.RecordBatchReader, relation: Relation) -> Iterator[pa.RecordBatch]:
    """The batches to the last one.

    Raises:
        ConnectorError: The server ended them. What the driver raises shows the server's text, and no code.
    """
    while True:
        try:
            batch = batches.read_next_batch()
        except StopIteration:
            return
        except (OSError, pa.ArrowException) as error:
            raise broken(error, str(relation)) from None
        yield batch


def _check_target(target: Relation) -> None:
    checked(target)
    if target.schema.startswith(OWN_SCHEMAS):
        raise ConnectorError(
            f"the schema {target.schema!r} is the server's own; no twin was changed",
            table=str(target),
            remedy="name another schema in the URL (?schema=...)",
        )


def _reserve(session: Session, schemas: set[str]) -> None:
    """Let no second writer into the schemas until the transaction ends, and make those that are missing.

    Raises:
        ConnectorError: Another program has been writing there for a minute.
    """
    session.set({"row_security": "off"})  # an error in place of rows that are not seen, and so stay
    for schema in sorted(schemas):  # all in one order, so that two never wait for each other
        try:
            session.ask(
                "select pg_advisory_xact_lock(hashtextextended('synthohive ' || $1::text, 0))::text", schema
            )
        except adbc.Error as error:
            if error.sqlstate != "55P03":
                raise
            raise ConnectorError(
                f"another program is writing twins to the schema {schema!r}; no twin was changed",
                remedy="wait until it has ended, and try again",
            ) from None  # it says no more
        known = "select from pg_catalog.pg_namespace where nspname = $1"
        # Without asking, a user who may make no schemas is refused though there is nothing to make.
        if not session.ask(f"select exists ({known}) as it", schema)[0]["it"]:
            session.run(f"create schema if not exists {quoted(schema)}")


def _hold(session: Session, source: Relation | None) -> None:
    """See whether the real table can be read: an error of it is none of its twin."""
    if source is not None:
        with _refusing("can't be read; no twin was changed", source, is_reading=True):
            session.columns(source)
            session.ask(f"select 1 as one from {source} limit 0")  # noqa: S608  quoted


def _commit(session: Session, tables: str | None) -> None:
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
            received=first_line(str(error), hide=False),
            remedy="check that the server runs, look at the twins, and write them again if they are old",
        ) from None  # as elsewhere


def _names(places: Sequence[Place]) -> str | None:
    return ", ".join(str(place.target) for place in places) or None


@contextlib.contextmanager
def _refusing(
    summary: str, table: Relation | Callable[[], str | None] | None = None, *, is_reading: bool = False
) -> Iterator[None]:
    try:
        yield
    except adbc.Error as error:
        where = table() if callable(table) else table
        name = None if where is None else str(where)
        # The driver's own error may show values.
        raise refused(error, error.sqlstate or "", summary, name, is_reading=is_reading) from None
