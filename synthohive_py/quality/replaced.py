"""Columns that hold what was made up on purpose, so that they can't be compared with the real ones."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from synthohive_py.frames import to_arrow
from synthohive_py.quality.metrics import TV, choose_metric

__all__ = ["replaced_columns"]


def replaced_columns(
    invented: Iterable[tuple[str, str]], texts: Mapping[str, Collection[str]], real: Mapping[str, Any]
) -> dict[str, set[str]]:
    """Per table the columns that hold made-up people instead of what was learned.

    Args:
        invented: Tables and their columns of which all values are invented.
        texts: Per table the columns of free text in which some names were. Only the lengths of these can be
            compared, so those that are categories are left out.
        real: The real tables.
    """
    found: dict[str, set[str]] = {}
    for table, column in invented:
        found.setdefault(table, set()).add(column)
    for name, columns in texts.items():
        if not columns or name not in real:
            continue
        rows = to_arrow(real[name], name)
        for column in columns:
            if column in rows.column_names and choose_metric(rows.column(column)) is TV:
                found.setdefault(name, set()).add(column)
    return found
