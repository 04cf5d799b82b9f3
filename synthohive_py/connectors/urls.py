"""Where a database is, said as a URL; and the connector that goes there."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from synthohive_py.errors import ConnectorError

if TYPE_CHECKING:
    from synthohive_py.connectors.base import Connector

__all__ = ["CONNECTORS", "Address", "open_url"]

QUOTE = "quote special characters of names and passwords: %40 for @, %2F for /, %3F for ?, %23 for #"

# Scheme of the URL: module and class of its connector, and the extra that installs the driver.
CONNECTORS = {
    "duckdb": ("duckdb", "DuckDBConnector", "duckdb"),
    "postgresql": ("postgres", "PostgresConnector", "postgres"),
    "postgres": ("postgres", "PostgresConnector", "postgres"),
    "mysql": ("mysql", "MySQLConnector", "mysql"),
    "mariadb": ("mysql", "MySQLConnector", "mysql"),
    "sc": ("spark", "SparkConnector", "spark"),
    "snowflake": ("snowflake", "SnowflakeConnector", "snowflake"),
    "bigquery": ("bigquery", "BigQueryConnector", "bigquery"),
    "parquet": ("folders", "FolderConnector", "deltalake"),
    "csv": ("folders", "FolderConnector", "deltalake"),
    "delta": ("folders", "FolderConnector", "deltalake"),
}


@dataclass(frozen=True)
class Address:
    """The parts of a URL `scheme://user:password@host:port/path?option=value`, decoded but for the path.

    Attributes:
        scheme: What kind of database, in lower case.
        user: Who.
        password: Never shown, not even by `repr`.
        host: Where; None for a local socket or a file.
        port: The port.
        path: The rest, with its first slash.
        options: What follows the question mark, without `schema`.
        schema: The schema whose tables are meant; None for the connector's default.
    """

    scheme: str
    user: str | None
    password: str | None = field(repr=False)
    host: str | None
    port: int | None
    path: str = field(repr=False)  # Spark's has the token
    options: dict[str, str] = field(repr=False)  # `password` may be among them
    schema: str | None

    @classmethod
    def read(cls, url: str) -> Address:
        """Take a URL apart.

        Raises:
            ConnectorError: It is none. The message does not show it: it may hold a password.
        """
        parts = _split(url)
        if parts is None:
            raise _no_url(f"it can't be read ({QUOTE}, and name a port up to 65535)")
        if not parts.scheme or "://" not in url:
            raise _no_url(
                "it has no scheme", "put one before it: a folder of Parquet files is parquet:///folder"
            )
        # Of a password `12/34` the rest would be a database, which errors show.
        after = url.partition("://")[2].removeprefix(parts.netloc)
        is_cut = parts.netloc and "@" not in parts.netloc and "@" in after.partition("=")[0]
        if is_cut or parts.fragment:
            raise _no_url(f"it ends too early ({QUOTE})")
        if "%00" in url or "\0" in url:
            raise _no_url("it has a character that no database takes (%00)")
        given = parse_qsl(parts.query, keep_blank_values=True)
        options = dict(given)
        if len(options) < len(given) or not all(options.values()):
            raise _no_url("an option after the question mark has no value, or two")
        return cls(
            parts.scheme.lower(),
            None if parts.username is None else unquote(parts.username),
            None if parts.password is None else unquote(parts.password),
            unquote(_host(parts.netloc)) or None,
            parts.port,
            parts.path,
            {key: value for key, value in options.items() if key != "schema"},
            options.get("schema"),
        )


def _split(url: str) -> SplitResult | None:
    """The parts; None in place of Python's error, which shows the URL, or some of it."""
    try:
        url.encode()  # not all of Python's texts can be sent
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _host(netloc: str) -> str:
    """As it is written: urllib makes it lower case, which the folder of a socket must not be."""
    where = netloc.rpartition("@")[2]
    return where[1:].partition("]")[0] if where.startswith("[") else where.partition(":")[0]


def open_url(url: str) -> tuple[Connector, str]:
    """The connector to a database, and the schema that is meant.

    Raises:
        ConnectorError: There is no such database, driver or connector, or it does not let us in.
    """
    address = Address.read(url)
    if address.scheme not in CONNECTORS:
        raise _no_url(f"no connector takes {address.scheme}://")
    module, name, extra = CONNECTORS[address.scheme]
    try:
        connector_class: Any = getattr(import_module(f"synthohive_py.connectors.{module}"), name)
    except ImportError as error:
        raise ConnectorError(
            f"the driver for {address.scheme}:// is missing",
            received=str(error),
            remedy=f"pip install 'synthohive-py[{extra}]'",
        ) from error
    connector: Connector = connector_class.open(address)
    return connector, address.schema or connector.default_schema


def _no_url(why: str, remedy: str = "correct the URL") -> ConnectorError:
    return ConnectorError(
        "this is no URL of a database",
        expected=f"scheme://user:password@host:port/database?schema=name with one of {', '.join(CONNECTORS)}",
        received=why,
        remedy=remedy,
    )
