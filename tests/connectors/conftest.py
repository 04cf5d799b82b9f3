"""Servers of our own, one of each kind for all tests here."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import adbc_driver_postgresql.dbapi as adbc
import pymysql
import pytest
from mariadb_server import mariadb_server
from postgres_server import postgres_server

from synthohive_py.connectors import open_url
from synthohive_py.connectors.mysql import MySQLConnector
from synthohive_py.connectors.postgres import PostgresConnector
from synthohive_py.connectors.urls import Address

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


@pytest.fixture(scope="session")
def mysql_url() -> Iterator[str]:
    with mariadb_server() as url:
        yield url


@pytest.fixture(scope="session")
def mysql_root(mysql_url: str) -> Iterator[pymysql.Connection]:
    at = Address.read(mysql_url)
    options = {"password": at.password, "charset": "utf8mb4", "autocommit": True}
    with pymysql.connect(host=at.host, port=at.port, user=at.user, **options) as connection:
        yield connection


@pytest.fixture
def mysql_sql(mysql_root: pymysql.Connection) -> Sql:
    """Runs statements as root, on a server with an empty database `shop` and none of our tests' others."""

    def run(statement: str) -> list[tuple]:
        with mysql_root.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall())

    for name in ("shop", "twins", "other"):
        run(f"drop database if exists {name}")
    run("create database shop default charset utf8mb4")
    return run


@pytest.fixture
def mysql(mysql_url: str, mysql_sql: Sql) -> MySQLConnector:  # noqa: ARG001  after `shop` is there
    return open_url(f"{mysql_url}/shop")[0]
