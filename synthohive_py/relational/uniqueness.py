"""Unique combinations of columns: rows are drawn until they differ, or repaired after matching.

Rows are compared by 64-bit hashes of their values. A false match only costs one more draw; equal values
always match.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from synthohive_py.columns.base import Codes
from synthohive_py.joins import row_hashes

__all__ = ["Taken", "draw_until_unique", "reassign_repeats", "repeats"]

ROUNDS = 24
MAX_COPIES = 256  # candidates drawn at once for one row
LEAST_DRAWN = 4096  # candidates that cost hardly more than one
REASSIGN_ROUNDS = 40

Rows = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]


class Draw(Protocol):
    """Draws codes and their decoded values for some rows."""

    def __call__(self, rows: Rows, attempt: int) -> tuple[Codes, pa.Table]:
        """One candidate for each entry of rows; an entry may come several times."""


class Taken:
    """The combinations that are in use, as sorted runs of hashes, each at least twice as long as the next.

    Args:
        sets: How many kinds of combinations there are.
    """

    def __init__(self, sets: int) -> None:
        self.runs: list[list[Hashes]] = [[] for _ in range(sets)]
        self.nulls = 2**63

    @classmethod
    def of(cls, existing: pa.Table | None, sets: Sequence[tuple[str, ...]]) -> Taken:
        """The combinations of rows that exist."""
        taken = cls(len(sets))
        for kind, columns in enumerate(sets if existing is not None else ()):
            taken.add(kind, np.unique(_hash_or_free(existing, columns, taken)))
        return taken

    def holds(self, kind: int, hashes: Hashes) -> npt.NDArray[np.bool_]:
        """Which of these combinations are in use."""
        found = np.zeros(len(hashes), bool)
        for run in self.runs[kind]:
            place = np.minimum(np.searchsorted(run, hashes), len(run) - 1)
            found |= run[place] == hashes
        return found

    def beyond_repeat(self, count: int) -> Hashes:
        """Numbers for rows that repeat nothing: each is given once."""
        self.nulls += count
        return np.arange(self.nulls - count, self.nulls, dtype=np.uint64)

    def add(self, kind: int, hashes: Hashes) -> None:
        """Mark combinations as in use."""
        if not len(hashes):
            return
        runs, new = self.runs[kind], np.sort(hashes)
        while runs and len(runs[-1]) < 2 * len(new):
            new = np.sort(np.concatenate([runs.pop(), new]))
        runs.append(new)


def draw_until_unique(
    size: int, draw: Draw, fixed: pa.Table | None, sets: Sequence[tuple[str, ...]], taken: Taken
) -> tuple[Codes, pa.Table, npt.NDArray[np.bool_]]:
    """Draw the key columns of all rows so that each combination is unique.

    Drawing again only for the rows that clash is sampling without replacement: where a combination is
    nearly used up (every hour of a year), the draws fill what is left.

    Args:
        size: How many rows.
        draw: Draws candidates.
        fixed: Columns of the combinations that are known already (the driver's key), if any.
        sets: The combinations.
        taken: Those in use; the new ones are added.

    Returns:
        Codes, decoded values, and which rows found a place; there is none for more rows than values.
    """
    codes, values = draw(np.arange(size), 0)
    placed = np.zeros(size, bool)
    chosen = np.full(size, -1, np.int64)  # row of the pool of candidates below
    pool_codes, pool_values = [codes], [values]
    offset = 0
    rows = np.arange(size)
    for attempt in range(1, ROUNDS + 1):
        hashes = _set_hashes(pool_values[-1], fixed, rows, sets, taken)
        winners = _first_free(rows, hashes, taken, placed)
        chosen[rows[winners]] = offset + winners
        placed[rows[winners]] = True
        for kind, found in enumerate(hashes):
            taken.add(kind, found[winners])
        offset += len(rows)
        waiting = np.flatnonzero(~placed)
        if not len(waiting) or attempt == ROUNDS:
            break
        copies = int(np.clip(max(size, LEAST_DRAWN) // len(waiting), 1, MAX_COPIES))
        rows = np.tile(waiting, copies)
        more_codes, more_values = draw(rows, attempt)
        pool_codes.append(more_codes)
        pool_values.append(more_values)
    found = np.where(placed, chosen, np.arange(size))
    return np.concatenate(pool_codes)[found], pa.concat_tables(pool_values).take(found), placed


def _set_hashes(
    values: pa.Table,
    fixed: pa.Table | None,
    rows: Rows,
    sets: Sequence[tuple[str, ...]],
    taken: Taken,
) -> list[Hashes]:
    table = values
    for name in fixed.column_names if fixed is not None else ():
        assert fixed is not None  # for the type checker
        table = table.append_column(name, fixed.column(name).take(rows))
    return [_hash_or_free(table, columns, taken) for columns in sets]


def _hash_or_free(table: pa.Table, columns: Sequence[str], taken: Taken) -> Hashes:
    """Hashes of rows; a row with a null among the columns repeats nothing, so it gets one of its own."""
    hashes = row_hashes(table, columns)
    null = np.zeros(table.num_rows, bool)
    for column in columns:
        null |= np.asarray(table.column(column).is_null())
    hashes[null] = taken.beyond_repeat(int(null.sum()))
    return hashes


def _first_free(rows: Rows, hashes: Sequence[Hashes], taken: Taken, placed: npt.NDArray[np.bool_]) -> Rows:
    """Candidates that clash with nothing: not with what is taken, nor with each other, one for each row."""
    free = ~placed[rows]
    for kind, ours in enumerate(hashes):
        free &= ~taken.holds(kind, ours)
    candidates = np.flatnonzero(free)
    # Several candidates may want one value, and several values offer themselves to one row: the first
    # of each wins; who loses here draws again.
    for numbers in [*hashes, rows]:
        candidates = candidates[np.sort(np.unique(numbers[candidates], return_index=True)[1])]
    return candidates


def repeats(table: pa.Table, columns: tuple[str, ...], existing: pa.Table | None = None) -> Rows:
    """Rows whose values in the columns an earlier row has already; rows with nulls repeat nothing."""
    taken = Taken.of(existing, [columns])
    hashes = _hash_or_free(table, columns, taken)
    first = np.unique(hashes, return_index=True)[1]
    is_repeat = np.ones(table.num_rows, bool)
    is_repeat[first] = False
    return np.flatnonzero(is_repeat | taken.holds(0, hashes))


def reassign_repeats(
    table: pa.Table,
    columns: tuple[str, ...],
    reassign: Callable[[pa.Table, Rows, int], pa.Table],
    existing: pa.Table | None = None,
) -> tuple[pa.Table, Rows]:
    """Give rows that repeat another one new parents until all differ.

    Args:
        table: The rows.
        columns: The unique combination.
        reassign: Returns the table with other parents for the given rows; called with the attempt.
        existing: Rows whose combinations are taken already.

    Returns:
        The table, and the rows that still repeat another one.
    """
    repeated = repeats(table, columns, existing)
    for attempt in range(REASSIGN_ROUNDS):
        if not len(repeated):
            break
        table = reassign(table, repeated, attempt)
        repeated = repeats(table, columns, existing)
    return table, repeated
