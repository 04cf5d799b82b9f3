"""The dbt package's folder, which dbt also imports as a plugin module because of its name.

DuckDB runs Python models by itself, so there is nothing to plug in yet. This module imports nothing: an
error here would end every dbt command on the machine.
"""

from __future__ import annotations

from typing import Any

__all__ = ["plugins"]

plugins: list[Any] = []  # dbt looks for this name
