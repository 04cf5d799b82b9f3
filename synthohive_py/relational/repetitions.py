"""Columns of a table that repeat a column of its parent in every row."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from synthohive_py.joins import comparable

__all__ = ["find_repetitions"]

MIN_ROWS = 20  # in fewer rows it may be a coincidence
PROBED_ROWS = 64  # looked at before all rows are

Rows = npt.NDArray[np.int64]


def find_repetitions(
    table: pa.Table,
    columns: Sequence[str],
    parent: pa.Table,
    parent_columns: Sequence[str],
    parents: Rows,
) -> dict[str, str]:
    """Per column that equals one of the parent in every row: which one.

    Args:
        table: The child rows.
        columns: Its columns to look at.
        parent: The parent rows.
        parent_columns: Its columns to look at.
        parents: (child rows,) the parent row of each row; negative for none, where nothing can be repeated.
    """
    if len(parents) < MIN_ROWS or (parents < 0).any():
        return {}
    found = {}
    probe = np.unique(np.linspace(0, len(parents) - 1, PROBED_ROWS).astype(np.int64))
    for column in columns:
        for other in parent_columns:
            ours, theirs = table.column(column), parent.column(other)
            if not _are_comparable(ours.type, theirs.type):
                continue
            if not _are_equal(ours.take(pa.array(probe)), theirs.take(pa.array(parents[probe]))):
                continue
            if _are_equal(ours, theirs.take(pa.array(parents))) and _varies(ours):
                found[column] = other
                break
    return found


def _are_comparable(ours: pa.DataType, theirs: pa.DataType) -> bool:
    t = pa.types
    if t.is_nested(ours) or t.is_null(ours):
        return False
    return bool(ours.equals(theirs) or (t.is_integer(ours) and t.is_integer(theirs)))


def _are_equal(ours: pa.ChunkedArray, theirs: pa.ChunkedArray) -> bool:
    """Whether all values are, nulls being equal to nulls."""
    if not pc.all(pc.equal(ours.is_null(), theirs.is_null()), min_count=0).as_py():
        return False
    return bool(pc.all(pc.equal(*comparable(ours, theirs)), min_count=0, skip_nulls=True).as_py())


def _varies(column: pa.ChunkedArray) -> bool:
    values = column.drop_null()
    return bool(len(values)) and not pc.all(pc.equal(values, values[0])).as_py()
