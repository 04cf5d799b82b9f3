"""dbt parses the package and the demo's project for Databricks, and calls nothing deprecated."""

from __future__ import annotations

from pathlib import Path

from parsing import deprecations


def test_nothing_is_deprecated(tmp_path: Path) -> None:
    profile = {"type": "databricks", "host": "h", "http_path": "/sql/p", "token": "t", "schema": "s"}

    assert deprecations(tmp_path, profile) == []
