"""Servers of our own, one of each kind for all tests here."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import adbc_driver_postgresql.dbapi as adbc
import pytest
from postgres_server import postgres_server

from synthohive_py.connectors.postgres import PostgresConnector

Sql = Callable[[str], list[tuple]]


@pytest.fixture(scope="session")
def postgres_uri() -> Iterator[str]:
    with postgres_server() as uri:
        yield uri


@pytest.fixture(scope="session")
def superuser(postgres_uri: str) -> Iterator[adbc.Connection]:
    with adbc.connect(postgres_uri, autocommit=True) as connection:
        yield connection


@pytest.fixture
def sql(superuser: adbc.Connection) -> Sql:
    """Runs statements as superuser, in a database without the schemas that our tests use."""

    def run(statements: str) -> list[tuple]:
        with superuser.cursor() as cursor:
            for statement in statements.split(";\n"):
                cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []

    run("drop schema if exists shop, twins, other cascade;\ncreate schema shop")
    return run


@pytest.fixture
def postgres(postgres_uri: str, sql: Sql) -> PostgresConnector:  # noqa: ARG001  after the schemas are dropped
    return PostgresConnector(postgres_uri)
