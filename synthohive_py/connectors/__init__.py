"""Databases: exact types in, exact types out, all twins or none."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from synthohive_py.connectors.base import Connector, Place, Relation, Twin
from synthohive_py.connectors.urls import open_url
from synthohive_py.errors import ConnectorError
from synthohive_py.schema import Metadata

__all__ = ["Connector", "Place", "Relation", "Twin", "connect", "open_url", "reflect_url"]


def reflect_url(url: str) -> Metadata:
    """The tables of a database with the keys that it declares.

    Raises:
        ConnectorError: There is no such database, schema or driver, or it does not let us in.
    """
    connector, schema = open_url(url)
    with closing(connector):
        return connector.reflect(schema)


def connect(session: Any) -> Connector:
    """The connector for what dbt hands to a Python model as its session.

    Args:
        session: That of dbt-duckdb, Snowpark, BigFrames or Spark, or any object with an attribute `uri` that
            starts with `postgresql://`.

    Raises:
        ConnectorError: No connector knows the session.
    """
    module = type(session).__module__
    if module.lstrip("_").startswith("duckdb") or module.startswith("dbt.adapters.duckdb"):
        from synthohive_py.connectors.duckdb import DuckDBConnector

        return DuckDBConnector(session)
    if module.startswith("snowflake.snowpark."):
        from synthohive_py.connectors.snowflake import SnowflakeConnector

        return SnowflakeConnector.of_session(session)
    # dbt-bigquery gives every script on Dataproc this setting; there Spark reads BigQuery's tables.
    is_spark = module.startswith("pyspark.sql.")
    is_dataproc = is_spark and session.conf.get("temporaryGcsBucket", None) is not None
    if module.startswith("bigframes.") or is_dataproc:
        from synthohive_py.connectors.bigquery import BigQueryConnector

        return BigQueryConnector.of_session(session)
    if module.startswith("pyspark.sql."):
        from synthohive_py.connectors.spark import SparkConnector

        return SparkConnector(session)
    uri = getattr(session, "uri", None)
    if isinstance(uri, str) and uri.startswith("postgresql://"):
        from synthohive_py.connectors.postgres import PostgresConnector

        return PostgresConnector(uri)
    raise ConnectorError(
        "there is no connector for this database",
        expected="a session of dbt-duckdb, Snowpark, BigFrames or Spark, or one with the URI of a PostgreSQL",
        received=f"{type(session).__module__}.{type(session).__qualname__}",
        remedy="run the package on one of these databases, or use synthohive_py.Synthesizer on data frames",
    )
