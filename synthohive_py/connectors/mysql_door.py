"""The way to a MySQL or MariaDB: host or socket, TLS, a session there, and what its errors mean."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import connectorx
import pyarrow as pa
import pymysql
from pymysql.cursors import DictCursor, SSCursor

from synthohive_py.connectors.base import BATCH_ROWS, Relation
from synthohive_py.connectors.mysql_types import COLUMNS, Column, Reading, column_of, name_of
from synthohive_py.connectors.urls import Address
from synthohive_py.errors import ConnectorError

__all__ = ["LOST", "Door", "Session", "checked", "code_of", "message_of", "named", "refusing"]

CONNECT_SECONDS = 3
MAX_NAME = 64  # characters

# A server that has vanished without a word is given up after two minutes, however long a statement may take:
# the system asks whether it is there. Option of the socket, where the system knows it: seconds, seconds, how
# often, milliseconds for what was sent and is not confirmed.
ALIVE = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 6, "TCP_USER_TIMEOUT": 120_000}
# The same for the driver of rows, as options of its URL.
ASKING = "tcp_keepalive_time_ms=60000"
if sys.platform in ("linux", "darwin"):
    ASKING += "&tcp_keepalive_probe_interval_secs=10&tcp_keepalive_probe_count=6"

SETTINGS = (
    "set time_zone = '+00:00'",  # `timestamp` is a moment
    "set sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,NO_ZERO_DATE,NO_ZERO_IN_DATE'",
    "set wait_timeout = 604800",  # rows may be long in the making
)

PANIC = "PanicException"  # of drivers that are written in Rust

OPTIONS = ("socket", "ssl_mode", "ssl_ca", "ssl_cert", "ssl_key")
MODES = ("required", "verify_ca", "verify_identity")  # of TLS

UNREACHABLE = "check host and port in the URL, and that the server runs"
AGAIN = "check that the server runs and can be reached, and try again"
USER = "correct the user and the password"
RIGHT = "grant this user the right that is missing"
ROOM = "make room on the server's disk"
BUSY = "wait until the other program that holds the table has ended, and try again"
RAISED = 1644  # by `signal`
LOST = {0: AGAIN, 1053: AGAIN, 1927: AGAIN, 2006: AGAIN, 2013: AGAIN, 2055: AGAIN}
REMEDIES = {
    1044: RIGHT,
    1045: USER,
    1049: "correct the database's name in the URL; one that is to be made for a twin is named by ?schema=",
    1060: "rename one of the columns: MySQL tells no upper case from lower in their names",
    1059: "choose a shorter name",
    1142: RIGHT,
    1143: RIGHT,
    1698: USER,
    1227: RIGHT,
    1146: "correct the name of the table, or of its database",
    3: ROOM,
    1021: ROOM,
    1030: "look into the server's log: its disk is full, or its files are not in order",
    1114: ROOM,
    1153: "raise max_allowed_packet on the server, or leave the column out",
    1205: BUSY,
    1213: BUSY,
    1041: "give the server more memory",
    1040: "give the server more connections",
    2003: UNREACHABLE,
    2026: "set ssl_mode and ssl_ca in the URL (?ssl_mode=verify_ca&ssl_ca=...) as the server wants",
    3159: "set ssl_mode in the URL (?ssl_mode=required): the server lets nobody in without TLS",
    **LOST,
}


class Door:
    """How sessions are opened, as a URL says it. Nothing is opened yet.

    Raises:
        ConnectorError: An option of the URL is unknown, or has no such value.
    """

    def __init__(self, address: Address) -> None:
        unknown = [name for name in address.options if name not in OPTIONS]
        if unknown:
            # Of a password with a question mark in it, the rest is taken for an option.
            shown = ("..." if "@" in address.options[name] else name for name in unknown)
            raise ConnectorError(
                "the URL has options that no connector to MySQL knows",
                expected=", ".join(("schema", *OPTIONS)),
                received=", ".join(shown),
                remedy="remove them; in a password write %3F for ?",
            )
        self._address = address
        self._socket = address.options.get("socket")
        self._tls = _tls(address.options)

    @contextlib.contextmanager
    def session(self, database: str | None = None, *, lock_seconds: int) -> Iterator[Session]:
        """A connection, as long as the context lasts.

        Args:
            database: Where it begins.
            lock_seconds: How long it waits for a table that another program holds; the server's own is a day.

        Raises:
            ConnectorError: Nobody is there, or we are not let in.
        """
        with contextlib.closing(self._connected(database)) as connection:
            session = Session(connection)
            with refusing("the server refused the first question"):
                for setting in _settings(lock_seconds):
                    session.ask(setting)
            yield session

    def _connected(self, database: str | None) -> Any:
        address = self._address
        if self._socket and not Path(self._socket).exists():
            raise ConnectorError(
                "there is no such socket",
                expected="the path of a file as socket in the URL",
                remedy="correct it, and check that the server runs",
            )
        where = {"unix_socket": self._socket} if self._socket else {"host": address.host or "127.0.0.1"}
        try:
            connection = pymysql.connect(
                **where,
                port=address.port or 3306,
                user=address.user or "root",
                password=(address.password or "").encode(),  # or it would be taken for Latin
                database=database,
                charset="utf8mb4",
                connect_timeout=CONNECT_SECONDS,
                read_timeout=CONNECT_SECONDS,
                local_infile=True,
                autocommit=True,
                cursorclass=DictCursor,
                ssl=self._tls,
            )
        except (pymysql.Error, RuntimeError, UnicodeError, ssl.SSLError) as error:
            code = 2026 if "SSL" in str(error) else code_of(error)
            raise ConnectorError(
                "MySQL can't be reached, or does not let us in",
                received=message_of(error),
                remedy=REMEDIES.get(code, UNREACHABLE) if code else UNREACHABLE,
            ) from None  # frames of the driver hold the password
        # The time limit for connecting does not count the server's greeting. Later, reads may be long.
        connection._read_timeout = None  # noqa: SLF001  there is no other way
        if not self._socket:
            for name, value in ALIVE.items():
                if hasattr(socket, name):
                    connection._sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)  # noqa: SLF001
        return connection

    def stream(
        self, reading: Reading, table: str, *, is_prepared: bool, lock_seconds: int
    ) -> Iterator[pa.RecordBatch]:
        """The rows of a query, in pieces.

        Args:
            reading: The query.
            table: What it reads, for errors.
            is_prepared: Whether it may be a prepared statement, which is quicker. Of a table with a history,
                and of views on one, MariaDB 10.11 gives such a statement no rows where the session's zone is
                not the server's.
            lock_seconds: As for a session.

        Raises:
            ConnectorError: The server refused, or the connection was lost.
        """
        if self._tls:
            return self._fetched(reading, table, lock_seconds)
        return self._read(reading.query, table, "binary" if is_prepared else "text", lock_seconds)

    def _read(
        self, query: str, table: str, protocol: Literal["binary", "text"], lock_seconds: int
    ) -> Iterator[pa.RecordBatch]:
        address = self._address
        who = ":".join(quote(part, safe="") for part in (address.user or "root", address.password or ""))
        url = f"mysql://{who}@{address.host or '127.0.0.1'}:{address.port or 3306}"
        url += f"/?socket={quote(self._socket, safe='')}" if self._socket else f"/?{ASKING}"
        try:
            yield from connectorx.read_sql(
                url,
                query,
                return_type="arrow_stream",
                protocol=protocol,
                batch_size=BATCH_ROWS,
                pre_execution_query=_settings(lock_seconds),
            )
        except BaseException as error:
            # A connection that is lost makes the driver panic: no `Exception`, and no class to import.
            if not isinstance(error, RuntimeError | pa.ArrowException) and type(error).__name__ != PANIC:
                raise
            said = re.search(r"ERROR (\d+) \(\w+\): ([^}]*)", str(error))
            code = int(said.group(1)) if said else 0
            raise ConnectorError(
                "can't be read",
                table=table,
                received=message_of(pymysql.Error(code, said.group(2))) if said else "an error of the driver",
                remedy=REMEDIES.get(code, AGAIN),
            ) from None  # the driver's own error may show the URL

    def _fetched(self, reading: Reading, table: str, lock_seconds: int) -> Iterator[pa.RecordBatch]:
        """Row by row, many times slower: the quick driver knows no TLS."""
        kinds = reading.kinds
        with (
            self.session(lock_seconds=lock_seconds) as session,
            refusing("can't be read", table),
            session.connection.cursor(SSCursor) as cursor,
        ):
            cursor.execute(reading.query)
            while rows := cursor.fetchmany(BATCH_ROWS):
                arrays = [
                    pa.array(values, kind)
                    for values, kind in zip(zip(*rows, strict=True), kinds, strict=True)
                ]
                yield pa.record_batch(arrays, names=[f"c{place}" for place in range(len(kinds))])


def _settings(lock_seconds: int) -> list[str]:
    return [*SETTINGS, f"set lock_wait_timeout = {int(lock_seconds)}"]


class Session:
    """A connection, and what is asked there."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection

    def ask(self, statement: str, *values: object) -> list[dict[str, Any]]:
        """Run a statement and give its rows."""
        with self.connection.cursor() as cursor:
            cursor.execute(statement, values or None)
            return list(cursor.fetchall())

    def columns(self, relation: Relation) -> list[Column]:
        """The columns of a table.

        Raises:
            ConnectorError: There is no such table that this user can see.
        """
        rows = self.ask(COLUMNS, relation.schema, relation.identifier)
        if not rows:
            raise ConnectorError(
                f"can't be read: there is no such {'table' if self.has(relation.schema) else 'database'} "
                "that this user can see",
                table=named(relation),
                remedy="correct the name, or grant this user the right that is missing",
            )
        return [column_of(row) for row in rows]

    def has(self, schema: str) -> bool:
        """Whether there is such a database."""
        return bool(self.ask("select 1 from information_schema.schemata where schema_name = %s", schema))

    def tables(self, schema: str) -> dict[str, str]:
        """Per table its kind, views among them."""
        query = (
            "select table_name as a, table_type as b from information_schema.tables where table_schema = %s"
        )
        return {row["a"]: row["b"] for row in self.ask(query, schema)}


def checked(relation: Relation) -> Relation:
    """The relation itself.

    Raises:
        ConnectorError: Its name can't be one in MySQL.
    """
    for name in (relation.schema, relation.identifier):
        if len(name) > MAX_NAME or "\0" in name:
            raise ConnectorError(
                "the name can't be one in MySQL",
                table=named(relation),
                expected=f"at most {MAX_NAME} characters",
                received=f"{len(name)} characters",
                remedy="choose a shorter name",
            )
    return relation


def named(relation: Relation) -> str:
    """Its name as SQL has it."""
    return name_of(relation.schema, relation.identifier)


@contextlib.contextmanager
def refusing(summary: str, table: Relation | str | Callable[[], str | None] | None = None) -> Iterator[None]:
    """Make errors of the driver ours.

    Args:
        summary: What could not be done.
        table: Which table is meant.

    Raises:
        ConnectorError: In place of the driver's.
    """
    try:
        yield
    except pymysql.Error as error:
        where = table() if callable(table) else table
        raise ConnectorError(
            summary,
            table=named(where) if isinstance(where, Relation) else where,
            received=message_of(error),
            remedy=REMEDIES.get(code_of(error), "see the server's message"),
        ) from None  # the driver's own error may show values


def code_of(error: Exception) -> int:
    """The server's or the driver's number of the error; 0 if it has none."""
    return error.args[0] if error.args and isinstance(error.args[0], int) else 0


def message_of(error: Exception) -> str:
    """The server's own first line, without the values in it."""
    if code_of(error) == RAISED:
        return "an error that a function or a trigger of the database raised, whose text may show a value"
    line = str(error.args[-1] if error.args else error).strip().split("\n")[0]
    return re.sub(r"(value:?|entry) '.*?'( for|$)", r"\1 '...'\2", line)[:300] or "the connection was lost"


def _tls(options: dict[str, str]) -> ssl.SSLContext | None:
    """What `ssl_mode` and the like ask for; None if nothing. The names are those of MySQL's own programs."""
    given = {name: value for name, value in options.items() if name.startswith("ssl_")}
    if not given:
        return None
    mode = given.pop("ssl_mode", "verify_identity").lower()
    if mode not in MODES:
        raise ConnectorError(
            "the URL's ssl_mode is unknown",
            expected=f"one of {', '.join(MODES)}",
            remedy="correct it, or leave it out",
        )
    try:
        context = ssl.create_default_context(cafile=given.get("ssl_ca"))
        if "ssl_cert" in given or "ssl_key" in given:
            context.load_cert_chain(given.get("ssl_cert", ""), given.get("ssl_key"))
    except (OSError, ssl.SSLError) as error:
        raise ConnectorError(
            "the URL's certificates can't be read",
            expected="files in PEM format as ssl_ca, ssl_cert and ssl_key",
            received=str(error),
            remedy="correct the paths",
        ) from error
    context.check_hostname = mode == "verify_identity"
    context.verify_mode = ssl.CERT_NONE if mode == "required" else ssl.CERT_REQUIRED
    return context
