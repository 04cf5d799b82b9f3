"""One emulator for all tests here, and a schema for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import snowflake.connector
from dbt.adapters.snowflake.impl import SnowflakeAdapter
from shop import Project
from snowflake_emulator import emulator
from snowflake_project import Submitted, new_project

from synthohive_py.connectors import open_url
from synthohive_py.connectors.snowflake import SnowflakeConnector

Sql = Callable[[str], list[tuple]]


@pytest.fixture(scope="session")
def server() -> Iterator[dict[str, Any]]:
    with emulator() as options:
        yield options


@pytest.fixture
def sql(server: dict[str, Any]) -> Iterator[Sql]:
    """Runs statements, in the database ACME with an empty schema SHOP and none of our tests' others."""
    # The driver asks again and again where the emulator failed: without a limit a test would never end.
    with snowflake.connector.connect(**server, network_timeout=30) as connection:

        def run(statement: str) -> list[tuple]:
            return connection.cursor().execute(statement).fetchall()

        run("use database ACME")
        for name in ("SHOP", "SHOP_SYNTHETIC", "TWINS"):
            run(f"drop schema if exists {name} cascade")
        run("create schema SHOP")
        yield run


@pytest.fixture
def url(server: dict[str, Any], sql: Sql) -> str:  # noqa: ARG001  after the schema is there
    where = f"host={server['host']}&port={server['port']}&protocol=http"
    return f"snowflake://me:s3cret@account/acme?{where}"


@pytest.fixture
def connector(url: str) -> Iterator[SnowflakeConnector]:
    connector, _ = open_url(url)
    yield connector
    connector.close()


@pytest.fixture
def submitted(server: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Submitted:
    found = Submitted(server)

    def submit_python_job(adapter: Any, parsed_model: dict[str, Any], compiled_code: str) -> Any:
        return found.submit(adapter, parsed_model, compiled_code)

    monkeypatch.setattr(SnowflakeAdapter, "submit_python_job", submit_python_job)
    return found


@pytest.fixture
def project(tmp_path: Path, server: dict[str, Any], url: str) -> Project:
    return new_project(tmp_path, server, url)
