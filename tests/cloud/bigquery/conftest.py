"""One emulator for all tests here, and datasets for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest
from bigquery_emulator import emulator
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery
from google.cloud.bigquery_storage_v1 import BigQueryReadClient
from google.cloud.bigquery_storage_v1.services.big_query_read.transports import BigQueryReadGrpcTransport

from synthohive_py.connectors.bigquery import BigQueryConnector

Sql = Callable[[str], list[dict[str, Any]]]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    with emulator(tmp_path_factory.mktemp("bigquery")) as found:
        yield found


@pytest.fixture(scope="session")
def client(server: tuple[str, int]) -> bigquery.Client:
    options = {"api_endpoint": server[0]}
    client = bigquery.Client("acme", credentials=AnonymousCredentials(), client_options=options)
    plain = client.copy_table

    def copy_table(source: Any, target: Any, *, job_config: bigquery.CopyJobConfig) -> Any:
        """Over a table with other columns the emulator can't copy; BigQuery can, if it is to be truncated."""
        assert job_config.write_disposition == "WRITE_TRUNCATE"
        client.delete_table(target)
        return plain(source, target)

    client.copy_table = copy_table
    return client


@pytest.fixture
def sql(client: bigquery.Client) -> Sql:
    """Runs statements, with an empty dataset `shop` and none of our tests' others."""
    for name in ("shop", "twins"):
        client.delete_dataset(name, delete_contents=True, not_found_ok=True)
    client.create_dataset("shop")

    def run(statement: str) -> list[dict[str, Any]]:
        return [dict(row) for row in client.query_and_wait(statement)]

    return run


@pytest.fixture(params=["storage", "client"])
def connector(request, client, server, sql) -> BigQueryConnector:  # noqa: ARG001  after the dataset is there
    """A connector that reads by the Storage API, and one without it."""
    if request.param == "client":
        return BigQueryConnector(client)
    channel = grpc.insecure_channel(
        f"127.0.0.1:{server[1]}", options=[("grpc.max_receive_message_length", -1)]
    )
    storage = BigQueryReadClient(transport=BigQueryReadGrpcTransport(channel=channel))
    return BigQueryConnector(client, storage)
