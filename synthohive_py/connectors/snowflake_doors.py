"""The two ways into Snowflake: a connection of our own, and the Snowpark session that dbt gives a model."""

from __future__ import annotations

import contextlib
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import snowflake.connector
from snowflake.connector import DictCursor
from snowflake.connector.errors import Error

from synthohive_py.connectors.urls import Address
from synthohive_py.errors import ConnectorError

__all__ = ["ConnectionDoor", "Door", "RefusedError", "SnowparkDoor"]

LOGIN_SECONDS = 3
LOCK_SECONDS = 60  # that a writer waits for another one
OPTIONS = ("authenticator", "host", "port", "private_key_file", "protocol", "role", "warehouse")

# How Snowflake shows a value in a message.
VALUE = re.compile(
    r"\b(value|string|number|date|time|timestamp|boolean) (\"[^\"]*\"|'[^']*'|[-\d][^\s,]*)", re.IGNORECASE
)


class RefusedError(Exception):
    """Snowflake's answer, if it is no.

    Attributes:
        code: Its number.
        message: One line, without the values in it.
    """

    def __init__(self, code: int, message: str) -> None:
        self.code = code
        line = " ".join(message.split())
        self.message = VALUE.sub(r"\1 ...", line)[:300]
        super().__init__(self.message)


class Door(ABC):
    """What a connector asks of Snowflake."""

    @abstractmethod
    def ask(self, statement: str) -> list[dict[str, Any]]:
        """Run a statement; its rows, with the names of the columns in lower case.

        Raises:
            RefusedError: Snowflake did not run it.
        """

    @abstractmethod
    def stream(self, query: str) -> Iterator[pa.Table]:
        """The rows of a query in pieces, without any piece if there are none.

        Raises:
            RefusedError: Snowflake did not run it.
        """

    @abstractmethod
    def put(self, path: Path, stage: str) -> None:
        """Upload a file.

        Raises:
            RefusedError: Snowflake did not take it.
        """

    @abstractmethod
    def close(self) -> None:
        """Give back what was opened."""


class ConnectionDoor(Door):
    """A connection of our own.

    Args:
        address: Where to; the database is not entered yet.

    Raises:
        ConnectorError: There is no such account, user or password, or an option is unknown.
    """

    def __init__(self, address: Address) -> None:
        unknown = [name for name in address.options if name not in OPTIONS]
        if unknown or not address.host:
            raise ConnectorError(
                "the URL names no account" if not address.host else "the URL has options that are not known",
                expected="snowflake://user:password@account/database?schema=name, and of the options "
                f"{', '.join(OPTIONS)}",
                received=", ".join(unknown) or None,
                remedy="correct the URL",
            )
        try:
            self.connection: Any = snowflake.connector.connect(
                account=address.host,
                user=address.user,
                # With `authenticator=oauth` it is the token.
                **{
                    "token"
                    if address.options.get("authenticator") == "oauth"
                    else "password": address.password
                },
                login_timeout=LOGIN_SECONDS,
                client_session_keep_alive=True,
                session_parameters={
                    "TIMEZONE": "UTC",
                    "LOCK_TIMEOUT": LOCK_SECONDS,
                    "QUERY_TAG": "synthohive",
                },
                **address.options,
            )
        except Error as error:
            raise ConnectorError(
                "Snowflake can't be reached, or does not let us in",
                received=RefusedError(error.errno or 0, error.raw_msg or str(error)).message,
                remedy="check account, user, password and role in the URL, and the network",
            ) from None  # frames of the driver hold the password

    def ask(self, statement: str) -> list[dict[str, Any]]:
        with self._cursor(statement) as cursor:
            return [_lowered(row) for row in cursor.fetchall()]

    def stream(self, query: str) -> Iterator[pa.Table]:
        with self._cursor(query) as cursor, _telling():
            yield from cursor.fetch_arrow_batches()

    def put(self, path: Path, stage: str) -> None:
        self.ask(f"put '{path.as_uri()}' {stage} auto_compress = false")

    def _cursor(self, statement: str) -> Any:
        with _telling():
            return self.connection.cursor(DictCursor).execute(statement)

    def close(self) -> None:
        self.connection.close()


class SnowparkDoor(Door):
    """The session of a stored procedure, or of a Snowpark client.

    Args:
        session: It stays open, and keeps its database, schema and settings.
    """

    def __init__(self, session: Any) -> None:
        self.session = session

    def ask(self, statement: str) -> list[dict[str, Any]]:
        return [_lowered(row.as_dict()) for row in self._run(lambda: self.session.sql(statement).collect())]

    def stream(self, query: str) -> Iterator[pa.Table]:
        yield from self._run(lambda: self.session.sql(query).to_arrow_batches())

    def put(self, path: Path, stage: str) -> None:
        # A stored procedure takes no statement `put`.
        self._run(lambda: self.session.file.put(str(path), stage, auto_compress=False))

    def _run(self, work: Any) -> Any:
        from snowflake.snowpark.exceptions import SnowparkClientException, SnowparkSQLException

        try:
            return work()
        except SnowparkSQLException as error:
            raise RefusedError(error.sql_error_code or 0, error.raw_message or error.message) from None
        except (SnowparkClientException, Error) as error:
            raise RefusedError(0, str(error)) from None

    def close(self) -> None:
        """The session is not ours."""


@contextlib.contextmanager
def _telling() -> Iterator[None]:
    try:
        yield
    except Error as error:
        raise RefusedError(error.errno or 0, error.raw_msg or str(error)) from None  # it may show values


def _lowered(row: dict[str, Any]) -> dict[str, Any]:
    return {name.strip('"').lower(): value for name, value in row.items()}
