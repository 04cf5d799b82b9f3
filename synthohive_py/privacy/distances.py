"""Distances between rows of mixed types: Gower's (1971), with numbers by their rank among the real ones.

Two rows differ in a column by 0 to 1: in numbers and times by the share of real values that lies between
them, in all else by 1 unless the values are equal. Their distance is the mean over the columns.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from synthohive_py.arrowtypes import is_nested_type
from synthohive_py.columns.scalars import is_ordered_type, to_numbers

__all__ = ["MixedRows", "nearest_two"]

CHUNK_CELLS = 2**22  # pairs of rows that are compared at a time
COARSE = 20  # steps that numbers are divided into where equality is asked for

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class MixedRows:
    """Rows as numbers that can be compared with those of other tables made by the same `of`.

    Attributes:
        ranks: (rows, ordered columns) from 0 to 1, the place among the first table's values; -1 for null.
        exact: (rows, ordered columns) equal numbers for equal values.
        categories: (rows, other columns) equal numbers for equal values, null one of them.
    """

    ranks: npt.NDArray[np.float32]
    exact: Rows
    categories: Rows

    @classmethod
    def of(cls, tables: Sequence[pa.Table]) -> list[MixedRows]:
        """The rows of tables that have the same columns; ranks are those among the first one's."""
        sizes = [table.num_rows for table in tables]
        ranks: list[Floats] = []
        exact: list[Rows] = []
        categories: list[Rows] = []
        for name in tables[0].column_names:
            columns = [table.column(name).combine_chunks() for table in tables]
            if all(is_ordered_type(column.type) for column in columns):
                numbers = [_numbers(column) for column in columns]
                known = np.sort(numbers[0][~np.isnan(numbers[0])])
                ranks.append(np.concatenate([_ranks(values, known) for values in numbers]))
                exact.append(np.unique(np.concatenate(numbers), return_inverse=True, equal_nan=True)[1])
            else:
                categories.append(_equal_numbers(columns))
        whole = cls(
            np.stack(ranks, 1).astype(np.float32) if ranks else np.zeros((sum(sizes), 0), np.float32),
            np.stack(exact, 1) if exact else np.zeros((sum(sizes), 0), np.int64),
            np.stack(categories, 1) if categories else np.zeros((sum(sizes), 0), np.int64),
        )
        ends = np.cumsum([0, *sizes])
        return [whole.take(np.arange(*span)) for span in itertools.pairwise(ends)]

    def __len__(self) -> int:
        return len(self.ranks)

    @property
    def columns(self) -> int:
        """How many columns there are."""
        return self.ranks.shape[1] + self.categories.shape[1]

    def take(self, rows: Rows) -> MixedRows:
        """Some of the rows."""
        return MixedRows(self.ranks[rows], self.exact[rows], self.categories[rows])

    def whole_rows(self, *others: MixedRows) -> list[Rows]:
        """Per table, here first, equal numbers for rows that are equal in all columns."""
        return _group([np.hstack([m.exact, m.categories]) for m in (self, *others)])

    def coarse_rows(self, columns: Sequence[int], *others: MixedRows) -> list[Rows]:
        """Per table, equal numbers for rows that agree in some columns, in numbers only about."""

        def cells(rows: MixedRows) -> Rows:
            steps = np.where(rows.ranks < 0, -1, np.minimum(rows.ranks * COARSE, COARSE - 1))
            return np.hstack([steps.astype(np.int64), rows.categories])[:, list(columns)]

        return _group([cells(m) for m in (self, *others)])


def nearest_two(rows: MixedRows, real: MixedRows) -> Floats:
    """(rows, 2): how far the nearest and the second nearest of some other rows are."""
    out = np.empty((len(rows), 2))
    step = max(CHUNK_CELLS // max(len(real), 1), 1)
    for start in range(0, len(rows), step):
        part = slice(start, start + step)
        total = np.zeros((len(rows.ranks[part]), len(real)), np.float32)
        for ours, theirs in zip(rows.ranks[part].T, real.ranks.T, strict=True):
            apart = np.abs(ours[:, None] - theirs)
            # A null is as far from every value as two values can be.
            apart[(ours < 0)[:, None] != (theirs < 0)] = 1
            total += apart
        for one, other in zip(rows.categories[part].T, real.categories.T, strict=True):
            total += one[:, None] != other
        if len(real) < 2:
            total = np.repeat(total, 2, axis=1)
        out[part] = np.sort(np.partition(total, 1, axis=1)[:, :2], axis=1) / max(rows.columns, 1)
    return out


def _numbers(column: pa.Array) -> Floats:
    values, null = to_numbers(column)
    out = np.full(len(column), np.nan)
    out[~null] = values
    return out


def _ranks(values: Floats, known: Floats) -> Floats:
    """The middle place of each value among the known ones, from 0 to 1; -1 for null."""
    below, upto = np.searchsorted(known, values, "left"), np.searchsorted(known, values, "right")
    middle = (below + upto) / (2 * max(len(known), 1))
    return np.where(np.isnan(values), -1, middle)


def _equal_numbers(columns: Sequence[pa.Array]) -> Rows:
    if is_nested_type(columns[0].type) or len({column.type for column in columns}) > 1:
        columns = [
            pa.array([None if v is None else str(v) for v in c.to_pylist()], pa.string()) for c in columns
        ]
    whole = pa.chunked_array(list(columns))
    return np.asarray(pc.fill_null(pc.index_in(whole, value_set=whole.unique().drop_null()), -1)).astype(
        np.int64
    )


def _group(tables: Iterable[Rows]) -> list[Rows]:
    """Per table, equal numbers for equal rows."""
    tables = list(tables)
    numbers = np.unique(np.vstack(tables), axis=0, return_inverse=True)[1].ravel()
    return np.split(numbers, np.cumsum([len(table) for table in tables])[:-1])
