"""Who holds a value: rows, and the customers, accounts or machines that the rows belong to.

A customer with a hundred orders has not made their address common. So what k rows hold is shown only if these
rows belong to k different ones, along each foreign key and those of the parents.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthohive_py.joins import parent_rows
from synthohive_py.quality.judged import Judged
from synthohive_py.relational.entities import CROWD
from synthohive_py.schema import ForeignKey

__all__ = ["Holders", "holders_of"]

GLANCE = 100  # times the threshold: so many rows nearly always have enough holders

Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Holders:
    """Whom the rows of a column belong to.

    Attributes:
        threshold: So many make a value common.
        ways: Per way to tell, (rows,) whose each row is; equal numbers for the same one.
    """

    threshold: int
    ways: tuple[Rows, ...] = ()

    def of(self, kept: Mask) -> Holders:
        """Those of some of the rows."""
        return Holders(self.threshold, tuple(whose[kept] for whose in self.ways))

    def are_enough(self, rows: Rows) -> bool:
        """Whether so many rows, of so many different ones, are among these row numbers."""
        return len(rows) >= self.threshold and all(
            self._distinct(whose[rows[: GLANCE * self.threshold]]) >= self.threshold
            or self._distinct(whose[rows]) >= self.threshold
            for whose in self.ways
        )

    def enough_after(self, order: Rows) -> int | None:
        """The place in an order of all rows up to which there are enough of them; None if never."""
        places = [self.threshold - 1] if len(order) >= self.threshold else []
        for whose in self.ways:
            first = np.sort(np.unique(whose[order], return_index=True)[1])
            if len(first) < self.threshold:
                return None
            places.append(int(first[self.threshold - 1]))
        return max(places, default=None)

    @staticmethod
    def _distinct(whose: Rows) -> int:
        return len(np.unique(whose))


def holders_of(name: str, tables: Mapping[str, Judged], *, threshold: int) -> Holders:
    """Whom the real rows of a table belong to: its parents, and the parents of these.

    Args:
        name: The table.
        tables: All tables.
        threshold: So many make a value common.
    """
    own = np.arange(tables[name].real.num_rows, dtype=np.int64)
    seen, ways = {name}, []
    front = [(name, own)]
    while front:
        table, rows = front.pop(0)
        for key in tables[table].config.foreign_keys:
            if key.parent not in tables or (table != name and key.parent in seen):
                continue
            if tables[key.parent].config.mode == "reference":
                continue  # public rows, and no one's
            seen.add(key.parent)
            above = _parents(tables, table, key)
            found = np.where(rows >= 0, above[np.maximum(rows, 0)], -1) if len(above) else rows
            if np.unique(found[found >= 0]).size >= CROWD:
                # Rows of nobody are one each.
                ways.append(np.where(found < 0, -1 - own, found))
            if key.parent != name:  # above a table that refers to itself there is nothing new
                front.append((key.parent, found))
    return Holders(threshold, tuple(ways))


def _parents(tables: Mapping[str, Judged], name: str, key: ForeignKey) -> Rows:
    return parent_rows(tables[name].real, key.columns, tables[key.parent].real, key.parent_columns)
