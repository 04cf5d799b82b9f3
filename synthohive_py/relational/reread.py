"""A twin that rows are added to: it must be as it was read when they are written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import pyarrow as pa

from synthohive_py.arrowtypes import is_nested_type
from synthohive_py.errors import ConnectorError
from synthohive_py.joins import row_hashes

__all__ = ["ReadTwin"]

Pieces = Iterable[tuple[str, Iterable[pa.Table]]]


class ReadTwin(dict[str, pa.Table]):
    """The tables of a twin, and how to look at them again.

    Args:
        tables: What was read.
        again: Reads the twin once more: per table its rows in pieces, in any order.
    """

    def __init__(self, tables: Mapping[str, pa.Table], again: Callable[[], Pieces]) -> None:
        super().__init__(tables)
        self._again = again

    def check(self) -> None:
        """Look whether the twin still is as it was read. Who then writes keeps other writers out meanwhile.

        Raises:
            ConnectorError: It is not: what another run has written would be lost, or was read by half.
        """
        for name, pieces in self._again():
            if _mark(pieces) != _mark([self[name]]):
                raise ConnectorError(
                    "the twin was changed while rows were added to it; nothing was written",
                    table=name,
                    expected="the rows that were read at the beginning",
                    remedy="wait until the other program has ended, and run again",
                )


def _mark(pieces: Iterable[pa.Table]) -> tuple[int, int, list[str]]:
    """What tells two states of a table apart, whatever order its rows come in."""
    rows, total, names = 0, 0, list[str]()
    for piece in pieces:
        names = piece.column_names
        for batch in piece.to_batches(max_chunksize=65_536):
            part = pa.table([_plain(column) for column in batch.columns], names=names)
            total += int(row_hashes(part, names).sum())
            rows += batch.num_rows
    return rows, total % 2**64, names


def _plain(column: pa.Array) -> pa.Array:
    """Values that can be told apart; Arrow knows no equal lists, structs and UUIDs."""
    if is_nested_type(column.type) or isinstance(column.type, pa.BaseExtensionType):
        return pa.array([repr(value) for value in column.to_pylist()], pa.string())
    return column
