"""dbt parses the package and the demo's project for Snowflake, and calls nothing deprecated."""

from __future__ import annotations

from pathlib import Path

from parsing import deprecations


def test_nothing_is_deprecated(tmp_path: Path) -> None:
    profile = {"type": "snowflake", "account": "a", "user": "u", "password": "p", "database": "d"}

    assert deprecations(tmp_path, {**profile, "warehouse": "w", "schema": "s"}) == []
