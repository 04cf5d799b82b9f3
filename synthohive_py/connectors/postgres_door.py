"""The way to a PostgreSQL: libpq's URI, what a session there is, and what the server's errors mean."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote, urlencode

from synthohive_py.connectors.base import Relation
from synthohive_py.connectors.postgres_types import COLUMNS, Column, column_of
from synthohive_py.connectors.urls import Address
from synthohive_py.errors import ConnectorError

__all__ = ["SETTINGS", "Session", "broken", "checked", "first_line", "libpq_uri", "not_connected", "refused"]

CONNECT_SECONDS = 3
MAX_NAME = 63  # bytes; PostgreSQL cuts longer names without a word

# A side that has vanished without a word is given up after two minutes, by the server too: until then it
# holds our locks. Seconds, seconds, how often; and milliseconds, for what was sent and is not confirmed.
KEEPALIVES = {
    "tcp_keepalives_idle": "60",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "6",
    "tcp_user_timeout": "120000",
}

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

LOST = "check that the server runs and can be reached, and try again"
BUSY = "wait until the other program that holds the table has ended, and try again"
ENDED = "see why the server ends long statements (statement_timeout), and try again"
OPTIONS = "correct the options that follow the question mark of the URL"
ROOM = "make room on the server's disk"

# What the server's codes mean, and what helps.
REMEDIES = {
    "25006": "write to a server, and as a user, that may write (default_transaction_read_only)",
    "28": "correct the user and the password, or have the server's pg_hba.conf let this user in",
    "3D000": "correct the database's name in the URL",
    "3F000": "correct the schema's name",
    "42P01": "correct the name of the table, or of its schema",
    "42501": "grant this user the right that is missing",
    "42701": "rename the column: its name is taken by another one, or by PostgreSQL",
    "53100": ROOM,
    "53": "give the server more room, memory or connections",
    "55P03": BUSY,
    "2BP01": "drop what depends on the old twin, or give the twin another schema",
    "22": "check that the twin's rows fit the types of the source's columns",
    "23502": "give the rows a value where the source's column needs one",
    "23": "drop the constraint that was added to the twin, or give the twin another schema",
    "08": LOST,
    "57P": LOST,
    "57": ENDED,
    "58": "look into the server's log: its disk or its files are not in order",
}
# Where the server gives no code of its own.
SAID = {
    "server closed the connection|connection to server|connection not open|no connection": LOST,
    "could not (receive data from|send data to) server": LOST,
    "No space left|File too large": ROOM,
}
CONNECTING = {
    "authentication failed|no password supplied|no pg_hba.conf entry|role .* does not exist": REMEDIES["28"],
    "database .* does not exist|permission denied for database": REMEDIES["3D000"],
    r"URI query parameter|connection option|invalid \w+ value|invalid port number": OPTIONS,
    "SSL|certificate": "set sslmode in the URL (?sslmode=require) as the server wants it",
    "too many": REMEDIES["53"],
    "invalid byte sequence": "rename the tables and types of this database whose names are no text in UTF-8",
    "canceling statement": ENDED,
}

# Classes of codes whose texts show no values of rows.
PLAIN = ("08", "0A", "25", "28", "3D", "3F", "40", "42", "53", "54", "55", "57", "58")
FAILS = "correct the value that the view or the column fails on, or leave the column out"
# What may be shown of all other texts, while real rows are read; and what helps.
SHOWN = {
    r'invalid byte sequence for encoding "\w+"|has no equivalent in encoding "\w+"': (
        "correct the text that is none in the database's encoding, or leave the column out"
    ),
    r"invalid input syntax for type [\w ]+": FAILS,
    r"division by zero": FAILS,
    r"out of range( for type [\w ]+)?": FAILS,
    r"value too long for type [\w ]+": FAILS,
    r"canceling statement due to lock timeout": BUSY,
    r"canceling statement due to [\w ]+": ENDED,
    r"(terminating|server closed the) connection[\w ]*": LOST,
    r"could not (receive data from|send data to) server": LOST,
    r"No space left on device|File too large": ROOM,
    r"could not (read|open|access|extend|write)": REMEDIES["58"],
    r"out of memory": REMEDIES["53"],
}
UNSHOWN = "an error whose text may show a value"
ASK = "read it with a program of PostgreSQL's (psql): what that says may show values"


class Session:
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


def libpq_uri(address: Address) -> str:
    """All parts as parameters, quoted, so that no character of a password is taken for anything else."""
    parts = {
        "connect_timeout": str(CONNECT_SECONDS),
        **{name.replace("tcp_keepalives", "keepalives"): value for name, value in KEEPALIVES.items()},
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


def checked(relation: Relation, column: str = "") -> Relation:
    """The relation itself.

    Raises:
        ConnectorError: Its name, or that of a column, can't be one in PostgreSQL.
    """
    for name in (relation.schema, relation.identifier, column):
        if len(name.encode()) > MAX_NAME or "\0" in name:
            raise ConnectorError(
                "the name can't be one in PostgreSQL",
                table=str(relation),
                column=column or None,
                expected=f"at most {MAX_NAME} bytes in UTF-8",
                received=f"{len(name.encode())} bytes",
                remedy="choose a shorter name",
            )
    return relation


# ---------------------------------------------------------------- errors


def refused(
    error: Exception, state: str, summary: str, table: str | None, *, is_reading: bool
) -> ConnectorError:
    """An error of the server as ours.

    Args:
        error: The driver's.
        state: The server's code; empty if it gave none.
        summary: What could not be done.
        table: Which table is meant.
        is_reading: Whether the server's text may show values of real rows.
    """
    if is_reading and state and not state.startswith(PLAIN):
        return broken(error, table, state)
    message = str(error)
    remedies = [REMEDIES[key] for key in (state, state[:3], state[:2]) if key in REMEDIES]
    remedies += [remedy for pattern, remedy in SAID.items() if re.search(pattern, message)]
    return ConnectorError(
        summary,
        table=table,
        received=first_line(message, hide=state.startswith(("22", "23", "P0"))),
        remedy=next(iter(remedies), "see the server's message"),
    )


def broken(error: Exception, table: str | None, state: str = "") -> ConnectorError:
    """An error while real rows come: its text may show any of them, so only what is known of it is shown."""
    found = ((re.search(pattern, str(error)), remedy) for pattern, remedy in SHOWN.items())
    shown, remedy = next(((match.group(0), remedy) for match, remedy in found if match), (UNSHOWN, ASK))
    return ConnectorError(
        "can't be read",
        table=table,
        received=f"{shown} (SQLSTATE {state})" if state else shown,
        remedy=remedy,
    )


def not_connected(error: Exception, options: Mapping[str, str]) -> ConnectorError:
    """An error of connecting as ours.

    Args:
        error: The driver's.
        options: Those of the URL: what was meant as a password may stand there, so no value is shown.
    """
    text = str(error)
    text = str(error)
    is_asked = "Failed to execute query" in text
    said = first_line(text, hide=True) if is_asked else text.strip().split("\n")[0]
    message, option = _without(re.sub(r"^.*Failed to connect: ", "", said), options)
    found = (remedy for pattern, remedy in CONNECTING.items() if re.search(pattern, message))
    remedy = next(found, "check host and port in the URL, and that the server runs")
    return ConnectorError(
        "PostgreSQL refuses the driver's first question"
        if is_asked
        else "PostgreSQL can't be reached, or does not let us in",
        received=message[:300],
        remedy=f"correct the value of {option} in the URL" if option else remedy,
    )


def _without(message: str, options: Mapping[str, str]) -> tuple[str, str | None]:
    """A text without the values of options, and the option whose value was in it."""
    # Of a password with a question mark in it, the rest is taken for an option.
    for name in (name for name, value in options.items() if "@" in value):
        message = message.replace(f'"{name}"', '"..."')
    option = None
    # The three stand in other places of a URL, too, and are needed to see what is wrong.
    for name in options.keys() - {"host", "user", "dbname"}:
        for part in filter(None, (options[name], *re.split(r"[\s=]+", options[name]))):
            if f'"{part}"' in message:
                message, option = message.replace(f'"{part}"', '"..."'), name
    return message, option


def first_line(message: str, *, hide: bool) -> str:
    """The server's own first line; without the values in it, if it may show some."""
    found = re.search(r"(?:ERROR|FATAL|PANIC):\s+(.*)", message)
    line = found.group(1) if found else message.strip().split("\n")[0]
    line = re.sub(r"^.*?\[libpq\] (Failed to execute query '.*?': )?", "", line)
    if hide:
        line = re.sub(r'(: |value )".*"', r'\1"..."', line)
        line = re.sub(r"0x[0-9a-f]{2}( 0x[0-9a-f]{2})*", "...", line)
    return line[:300]
