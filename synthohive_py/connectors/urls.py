"""Where a database is, said as a URL; and the connector that goes there."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from synthohive_py.errors import ConnectorError

if TYPE_CHECKING:
    from synthohive_py.connectors.base import Connector

__all__ = ["Address", "open_url"]

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
    path: str
    options: dict[str, str]
    schema: str | None

    @classmethod
    def read(cls, url: str) -> Address:
        """Take a URL apart.

        Raises:
            ConnectorError: It is none. The message does not show it: it may hold a password.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise _no_url("it can't be read (quote special characters of the password: %40 for @)") from error
        if not parts.scheme or "://" not in url:
            raise _no_url("it has no scheme")
        options = dict(parse_qsl(parts.query))
        return cls(
            parts.scheme.lower(),
            None if parts.username is None else unquote(parts.username),
            None if parts.password is None else unquote(parts.password),
            unquote(_host(parts.netloc)) or None,
            port,
            parts.path,
            {key: value for key, value in options.items() if key != "schema"},
            options.get("schema"),
        )


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


def _no_url(why: str) -> ConnectorError:
    return ConnectorError(
        "this is no URL of a database",
        expected=f"scheme://user:password@host:port/database?schema=name with one of {', '.join(CONNECTORS)}",
        received=why,
        remedy="correct the URL",
    )
