"""Which rows belong together: those of one parent, or of one of its own parents.

Rows of a family are not independent of each other. All invoices of a customer go to one city, so half of the
customers knows nothing of the other half's cities, and a second sample of customers has other ones again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import numpy as np

from synthohive_py.quality.keys import parent_of

if TYPE_CHECKING:
    from synthohive_py.quality.judged import Judged
    from synthohive_py.schema import ForeignKey

__all__ = ["ENOUGH", "Families", "effective"]

Array = np.ndarray
Side = Literal["real", "twin"]
ENOUGH = 20  # families, or there are no halves of them to speak of


def effective(families: Array) -> float:
    """How many families there are, if large and small ones are not to count alike."""
    sizes = np.bincount(families).astype(np.float64)
    return float(sizes.sum() ** 2 / (sizes**2).sum()) if len(families) else 0.0


class Families:
    """The families of all tables' rows, on both sides.

    Args:
        tables: All tables by name.
    """

    def __init__(self, tables: Mapping[str, Judged]) -> None:
        self.tables = tables
        self._places: dict[tuple[str, ForeignKey, Side], Array] = {}
        self._along: dict[tuple[str, ForeignKey], tuple[Array, Array]] = {}

    def main(self, table: str) -> tuple[Array, Array]:
        """Numbers of families by the foreign key with the most parents; without one each row is its own."""
        keys = self._keys(table)
        if keys:
            return self.along(table, self._finest(keys))
        pair = self.tables[table]
        return np.arange(pair.real.num_rows), np.arange(pair.twin.num_rows)

    def of_real(self, table: str) -> list[Array]:
        """Numbers of families of the real rows, by each key to enough parents and by that of `main`."""
        keys = self._keys(table)
        finest = self._finest(keys) if keys else None
        found = [(key, self.along(table, key)[0]) for key in keys]
        return [families for key, families in found if key is finest or effective(families) >= ENOUGH]

    def ways(self, table: str, first: ForeignKey | None = None) -> list[tuple[Array, Array]]:
        """Numbers of families on both sides: by one key, `main`'s by default, then by each other one.

        What an item says of its product tells which one it is, whatever order it is in.
        """
        keys = self._keys(table)
        if first is None:
            if not keys:
                return [self.main(table)]
            first = self._finest(keys)
        found = [self.along(table, key) for key in keys if key != first]
        return [self.along(table, first), *(pair for pair in found if effective(pair[0]) >= ENOUGH)]

    def along(self, table: str, key: ForeignKey) -> tuple[Array, Array]:
        """Numbers of families by one key: by its parents, or by theirs as long as they are enough."""
        known = table, key
        if known not in self._along:
            self._along[known] = self._climb(table, key)
        return self._along[known]

    def _climb(self, table: str, key: ForeignKey) -> tuple[Array, Array]:
        if self.tables[key.parent].config.mode == "reference":
            return self.main(table)  # such a parent is the same on both sides, so its rows are no family
        seen = {table, key.parent}
        sides: list[Array] = [self._place(table, key, "real"), self._place(table, key, "twin")]
        above = self._keys(key.parent)
        while above:
            key, child = self._finest(above), key.parent
            if key.parent in seen:
                break
            seen.add(key.parent)
            higher = [
                _lifted(sides[0], self._place(child, key, "real")),
                _lifted(sides[1], self._place(child, key, "twin")),
            ]
            if effective(_numbered(higher[0])) < ENOUGH:
                break
            sides, above = higher, self._keys(key.parent)
        real, twin = map(_numbered, sides)
        return real, twin

    def _place(self, table: str, key: ForeignKey, side: Side) -> Array:
        known = table, key, side
        if known not in self._places:
            child, parent = (getattr(self.tables[name], side) for name in (table, key.parent))
            self._places[known] = parent_of(child, key.columns, parent, key.parent_columns)
        return self._places[known]

    def _finest(self, keys: list[ForeignKey]) -> ForeignKey:
        return max(keys, key=lambda key: self.tables[key.parent].real.num_rows)

    def _keys(self, table: str) -> list[ForeignKey]:
        """The foreign keys to parents of which a twin has other ones, as far as it has their columns."""
        return [
            key
            for key in self.tables[table].config.foreign_keys
            if key.parent != table
            and key.parent in self.tables
            and self.tables[key.parent].config.mode != "reference"
            and {*key.columns} <= {*self.tables[table].twin.column_names}
            and {*key.parent_columns} <= {*self.tables[key.parent].twin.column_names}
        ]


def _lifted(families: Array, above: Array) -> Array:
    """The parents of families; below -1 stand those that have none, and stay what they are."""
    if not len(above):
        return families
    higher = np.where(families >= 0, above[np.maximum(families, 0)], families)
    stays = (families >= 0) & (higher < 0)
    return np.where(stays, families.min(initial=-1) - 1 - families, higher)


def _numbered(families: Array) -> Array:
    """The families from 0 on without gaps, and each row without one as a family of its own."""
    if not len(families):
        return families
    without = families == -1
    families = np.where(without, families.max() + np.cumsum(without), families)
    families -= families.min()
    return (np.cumsum(np.bincount(families) > 0) - 1)[families]
