"""The data source `bigquery` of Spark, as far as dbt's code asks for it: tables of the emulator.

On Dataproc it is Google's connector, a jar. Sail runs no jars, but data sources that are written in Python.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery
from pyspark.sql.datasource import DataSource, DataSourceReader, DataSourceWriter, WriterCommitMessage

# BigQuery's types, Spark's, and how Arrow calls them; our models have no others.
KINDS = [
    ("STRING", "string", "string"),
    ("INTEGER", "bigint", "int64"),
    ("FLOAT", "double", "double"),
    ("BOOLEAN", "boolean", "bool"),
]
OF_SPARK = {ours: theirs for ours, theirs, _ in KINDS}
OF_BIGQUERY = {theirs: ours for ours, _, theirs in KINDS}


def client() -> bigquery.Client:
    """Google's client finds the emulator by the environment variable BIGQUERY_EMULATOR_HOST."""
    return bigquery.Client("acme", credentials=AnonymousCredentials())


class BigQuery(DataSource):
    """A table."""

    @classmethod
    def name(cls) -> str:
        return "bigquery"

    def schema(self) -> str:
        fields = client().get_table(self.options["path"]).schema
        return ", ".join(f"{field.name} {OF_SPARK[field.field_type]}" for field in fields)

    def reader(self, schema: Any) -> Reader:  # noqa: ARG002
        return Reader(self.options["path"])

    def writer(self, schema: pa.Schema, overwrite: bool) -> Writer:  # Spark would give a type of its own
        assert overwrite
        assert self.options["writedisposition"] == "WRITE_TRUNCATE"
        # By jobs of BigQuery, without files in a bucket.
        assert self.options["writemethod"] == "direct"
        return Writer(self.options["path"], schema)


@dataclass
class Reader(DataSourceReader):
    """Its rows."""

    table: str

    def read(self, partition: Any) -> Iterator[tuple[Any, ...]]:  # noqa: ARG002
        for row in client().list_rows(client().get_table(self.table)):
            yield tuple(row.values())


@dataclass
class Written(WriterCommitMessage):
    """The rows of one partition."""

    rows: list[dict[str, Any]]


@dataclass
class Writer(DataSourceWriter):
    """Rows that take the places of the others."""

    table: str
    schema: pa.Schema

    def write(self, iterator: Iterator[Any]) -> Written:
        return Written([row.asDict() for row in iterator])

    def commit(self, messages: list[Any]) -> None:
        rows = [row for message in messages for row in message.rows]
        fields = [bigquery.SchemaField(field.name, OF_BIGQUERY[str(field.type)]) for field in self.schema]
        found = client()
        # The emulator truncates no table that is not there yet, and changes no columns.
        found.delete_table(self.table, not_found_ok=True)
        table = found.create_table(bigquery.Table(self.table, fields))
        file = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(rows, self.schema), file)
        config = bigquery.LoadJobConfig(source_format="PARQUET", schema=fields)
        found.load_table_from_file(file, table, rewind=True, job_config=config).result()
