"""Databases: exact types in, exact types out, all twins or none."""

from __future__ import annotations

from typing import Any

from synthohive_py.connectors.base import Connector, Place, Relation, Twin
from synthohive_py.connectors.urls import open_url
from synthohive_py.errors import ConnectorError

__all__ = ["Connector", "Place", "Relation", "Twin", "connect", "open_url"]


def connect(session: Any) -> Connector:
    """The connector for what dbt hands to a Python model as its session.

    Raises:
        ConnectorError: No connector knows the session.
    """
    module = type(session).__module__
    if module.lstrip("_").startswith("duckdb") or module.startswith("dbt.adapters.duckdb"):
        from synthohive_py.connectors.duckdb import DuckDBConnector

        return DuckDBConnector(session)
    raise ConnectorError(
        "there is no connector for this database",
        expected="a session of dbt-duckdb",
        received=f"{type(session).__module__}.{type(session).__qualname__}",
        remedy="run the package on DuckDB, or use synthohive_py.Synthesizer on data frames",
    )
