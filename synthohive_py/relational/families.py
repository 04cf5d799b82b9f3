"""Rows sorted into families: the children of one parent, in their order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["LONGEST", "Families"]

LONGEST = (
    256  # rows that are generated one after the other; longer families are generated in several stretches
)

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Families:
    """Which row follows which.

    A family of more than `LONGEST` rows is cut into stretches of so many, which know nothing of each other:
    otherwise a single parent with a million children would take a million steps.

    Attributes:
        rows: Row numbers, stretch by stretch.
        first: Per stretch, its first place in `rows`.
        size: Per stretch, how many rows it has.
    """

    rows: Rows
    first: Rows
    size: Rows

    @classmethod
    def of(cls, parents: Rows, values: npt.NDArray[np.int64] | None = None) -> Families:
        """The families of rows with these parents.

        Args:
            parents: (rows,) parent row of each row; a row with a negative number is a family of its own.
            values: (rows,) what siblings are sorted by; otherwise they stay in the order of the rows.
        """
        alone = parents < 0
        ids = np.where(alone, parents.max(initial=-1) + 1 + np.arange(len(parents)), parents)
        order = np.argsort(ids, kind="stable") if values is None else np.lexsort((values, ids))
        is_first = np.ones(len(order), bool)
        is_first[1:] = ids[order][1:] != ids[order][:-1]
        start = np.flatnonzero(is_first)
        place = np.arange(len(order)) - np.repeat(start, np.diff(np.append(start, len(order))))
        first = np.flatnonzero(place % LONGEST == 0)
        return cls(order, first, np.diff(np.append(first, len(order))))

    @property
    def longest(self) -> int:
        """Rows of the longest stretch."""
        return int(self.size.max(initial=0))

    @property
    def following(self) -> Rows:
        """(rows,) how many rows of its stretch come after each row."""
        out = np.zeros(len(self.rows), np.int64)
        out[self.rows] = np.repeat(self.first + self.size, self.size) - np.arange(len(self.rows)) - 1
        return out

    def steps(self) -> Iterator[tuple[int, Rows, Rows]]:
        """All first rows, all second rows, and so on.

        Yields:
            The place in the stretch, the numbers of the stretches that have one, and their rows.
        """
        for place in range(self.longest):
            stretches = np.flatnonzero(self.size > place)
            yield place, stretches, self.rows[self.first[stretches] + place]
