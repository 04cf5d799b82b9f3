"""Numbers within groups: the third invoice of a country, the second line of an order.

A key of several columns of its own, one of which counts 1, 2, 3, ... among the rows that share the others,
grows with the table: each group counts on.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from synthohive_py.errors import GenerationError
from synthohive_py.joins import group_ids

__all__ = ["Numbering", "counts_up", "find_numbered"]

COMPLETE = 0.8  # of the largest group's rows; if most groups have as many, no group grows

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Numbering:
    """How a column numbers the rows of a group.

    Attributes:
        group: The columns that the rows of a group have in common.
        start: The first number.
    """

    group: tuple[str, ...]
    start: int

    def numbers(self, table: pa.Table, name: str, existing: pa.Table | None) -> pa.ChunkedArray:
        """The numbers of generated rows, in the order of the values that were drawn for them.

        Args:
            table: The generated rows.
            name: The column.
            existing: Rows that are there already, whose numbers are taken.

        Raises:
            GenerationError: The column's type has no room for so many.
        """
        tables = [table] if existing is None else [table, existing]
        groups = group_ids(tables, [self.group] * len(tables))
        first = np.full(max(g.max(initial=-1) for g in groups) + 1, self.start)
        if existing is not None:
            np.maximum.at(first, groups[1], _numbers(existing.column(name)) + 1)
        numbers = first[groups[0]] + _places(_numbers(table.column(name)), groups[0])
        kind = table.schema.field(name).type
        try:
            return pa.chunked_array([pc.cast(pa.array(numbers), kind)])
        except pa.ArrowInvalid as error:
            raise GenerationError(
                f"a key of type {kind} has no room for so many rows of one group",
                column=name,
                expected=f"numbers that fit into {kind}",
                received=f"up to {numbers.max()} rows that share ({', '.join(self.group)})",
                remedy="widen the column's type in the source, or generate fewer rows",
            ) from error


def find_numbered(
    table: pa.Table, sets: Sequence[tuple[str, ...]], others: Collection[str | None]
) -> dict[str, Numbering]:
    """Columns that count up within the rows that share the rest of a unique combination.

    Where most groups are about as large as the largest, they are complete: the hours of a day.

    Args:
        table: The real rows.
        sets: Its unique combinations.
        others: Columns that get their values in another way.
    """
    found: dict[str, Numbering] = {}
    for columns in sets:
        for name in columns:
            rest = tuple(c for c in columns if c != name)
            column = table.column(name)
            if name in others or not rest or not pa.types.is_integer(column.type):
                continue
            if any(table.column(c).null_count for c in columns) or not table.num_rows:
                continue
            groups = group_ids([table], [rest])[0]
            sizes = np.bincount(groups)
            numbers = _numbers(column)
            if (sizes >= COMPLETE * sizes.max()).mean() < 0.5 and counts_up(numbers, groups):
                found[name] = Numbering(rest, int(numbers.min()))
                break
    return found


def counts_up(values: Rows, groups: Rows) -> bool:
    """Whether each group's values are start, start + 1, ... in some order, with one start for all."""
    if not len(values) or (groups < 0).any():
        return False
    places = _places(values, groups)
    return bool((values - places == values.min()).all())


def _places(values: Rows, groups: Rows) -> Rows:
    """Each row's place among its group's values."""
    order = np.lexsort((values, groups))
    sizes = np.bincount(groups)
    out = np.empty(len(values), np.int64)
    out[order] = np.arange(len(values)) - (np.cumsum(sizes) - sizes)[groups[order]]
    return out


def _numbers(column: pa.ChunkedArray) -> Rows:
    values = pc.cast(column, pa.int64(), safe=False)
    return np.asarray(values.to_numpy())
