"""dbt parses the package and the demo's project for BigQuery, and calls nothing deprecated."""

from __future__ import annotations

from pathlib import Path

from parsing import deprecations


def test_nothing_is_deprecated(tmp_path: Path) -> None:
    profile = {"type": "bigquery", "method": "oauth", "project": "p", "schema": "s"}

    assert deprecations(tmp_path, profile) == []
