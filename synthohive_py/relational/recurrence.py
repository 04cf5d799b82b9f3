"""Values that a family uses again: the account a customer pays the rent to, month after month.

The codes of siblings say that their values look alike, not that they are one and the same. So a code of its
own says which of the values that the family used lately comes again: its place in a list from which a used
value moves to the front (move-to-front coding, Bentley, Sleator, Tarjan and Wei 1986). A family has one list
for each category of another column, if that tells more: one account for the rent, another for the insurance.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from synthohive_py.arrowtypes import is_nested_type
from synthohive_py.columns import TableCodec
from synthohive_py.columns.base import Codes, ColumnCodec
from synthohive_py.columns.derived import DerivedCodec
from synthohive_py.relational.families import Families
from synthohive_py.rules.kinds import codes_of

__all__ = ["NULL", "Recent", "Recurrence", "find_recurrence", "find_recurrences", "numbered"]

KEPT = 4  # values in a list
AGAIN, NEW, NULL = 0, 1, KEPT + 1  # the code of the list's first value, of one not in it, and of null
MIN_GAIN = 0.15  # of the information in a column, that its recurrence must save beyond chance
MIN_ROWS = 200  # that are not null; fewer tell nothing
MAX_ROWS = 20_000  # that are looked at
MAX_CATEGORIES = 32  # of the column that has lists of its own

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Recurrence:
    """How the values of a column come again among siblings.

    The first of siblings, who has no list yet, has the code `AGAIN` as well: so a column that is always the
    same in a family has that code alone.

    Attributes:
        by: The column each of whose categories has a list of its own; None if there is one list.
        categories: How many of them there are; 1 if there is one list.
        null: The codes of a null; none if there are no nulls.
    """

    by: str | None
    categories: int
    null: tuple[int, ...] = ()

    @property
    def cardinalities(self) -> tuple[int, ...]:
        return (KEPT + 2,)

    def with_null_of(self, codec: ColumnCodec, column: pa.ChunkedArray) -> Recurrence:
        """The same, for a column in the codes of this codec."""
        null = codec.encode(pa.nulls(1, column.type))[0].tolist() if column.null_count else ()
        return replace(self, null=tuple(null))

    def are_null(self, codes: Codes) -> npt.NDArray[np.bool_]:
        """(rows,) which codes of the column, (rows, its code columns), stand for null."""
        if not self.null:
            return np.zeros(len(codes), bool)
        null: npt.NDArray[np.bool_] = (codes == np.array(self.null)).all(axis=1)
        return null

    def category(self, codec: TableCodec, codes: Codes) -> Rows:
        """(rows,) the category in the column `by`, zeros without one.

        Args:
            codec: The table's codec.
            codes: (rows, code columns) of it.
        """
        if self.by is None:
            return np.zeros(len(codes), np.int64)
        return codes[:, codec.span(self.by).start].astype(np.int64)

    def encode(self, values: Rows, families: Families, categories: Rows) -> Codes:
        """(rows, 1) codes of real rows.

        Args:
            values: (rows,) equal numbers for equal values; negative ones for nulls.
            families: The siblings.
            categories: (rows,) the code in the column `by`, zeros without one.
        """
        return self._walk(values, families, categories)[0][:, None]

    def _walk(
        self, values: Rows, families: Families, categories: Rows
    ) -> tuple[Codes, npt.NDArray[np.bool_]]:
        """(rows,) codes, and which values are new."""
        recent = Recent(len(families.size), self.categories)
        codes, new = np.full(len(values), NULL, np.int32), np.zeros(len(values), bool)
        for _, stretches, every in families.steps():
            valid = values[every] >= 0
            rows = every[valid]
            lists = recent.lists(stretches[valid], categories[rows])
            codes[rows] = recent.codes(lists, values[rows])
            new[rows] = (codes[rows] == NEW) | recent.are_empty(lists)
            recent.use(lists, values[rows])
        return codes, new

    def information(self, values: Rows, rows: Rows, families: Families, categories: Rows) -> float:
        """Bits that tell the values of these rows, given the categories: their codes, and new values."""
        codes, new = self._walk(values, families, categories)
        codes, new, categories = codes[rows], new[rows], categories[rows]
        return _information(codes, categories) + int(new.sum()) * _entropy(values[rows])

    def state(self) -> dict[str, Any]:
        """All fields, for an artefact."""
        return asdict(self)

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Recurrence:
        """The recurrence that `state` was taken from."""
        return cls(state["by"], state["categories"], tuple(state["null"]))


class Recent:
    """The values that stretches of siblings used lately, while they grow.

    Args:
        stretches: How many stretches there are.
        categories: How many lists each has.
    """

    def __init__(self, stretches: int, categories: int) -> None:
        self.categories = categories
        self.used = np.full((stretches * categories, KEPT), -1, np.int64)

    def lists(self, stretches: Rows, categories: Rows) -> Rows:
        """The numbers of the lists of these categories in these stretches."""
        return stretches * self.categories + np.minimum(categories, self.categories - 1)

    def codes(self, lists: Rows, values: Rows) -> Codes:
        """(rows,) which of the values in its list each value is."""
        codes: Codes = self._places(lists, values).astype(np.int32)
        codes[codes > AGAIN] += 1  # to leave room for the code of new values
        codes[codes == KEPT + 1] = NEW
        codes[self.are_empty(lists)] = AGAIN
        return codes

    def are_empty(self, lists: Rows) -> npt.NDArray[np.bool_]:
        """Which lists have no value yet."""
        empty: npt.NDArray[np.bool_] = self.used[lists, 0] < 0
        return empty

    def values(self, lists: Rows, codes: Codes) -> Rows:
        """(rows,) the value in its list that each code stands for; -1 for a new one or null."""
        places = np.where(codes == AGAIN, 0, np.clip(codes - 1, 0, KEPT - 1))
        found = self.used[lists, places]
        found = np.where(found < 0, self.used[lists, 0], found)  # the list is not that long yet
        return np.where((codes == NEW) | (codes == NULL), -1, found)

    def use(self, lists: Rows, values: Rows) -> None:
        """Move these values to the front of their lists."""
        places, used = self._places(lists, values), self.used[lists]
        for k in range(KEPT - 1, 0, -1):
            self.used[lists, k] = np.where(places >= k, used[:, k - 1], used[:, k])
        self.used[lists, 0] = values

    def _places(self, lists: Rows, values: Rows) -> Rows:
        """The place of each value in its list; `KEPT` if it is not in it."""
        same = self.used[lists] == values[:, None]
        return np.where(same.any(axis=1), same.argmax(axis=1), KEPT)


def find_recurrences(
    table: pa.Table,
    codec: TableCodec,
    codes: Codes,
    families: Families,
    *,
    known: Collection[str],
    rng: np.random.Generator,
) -> dict[str, Recurrence]:
    """The columns whose values come again among siblings, and how.

    Args:
        table: The real rows.
        codec: Their codec.
        codes: (rows, code columns) of the codec.
        families: The siblings.
        known: Columns that are drawn before the others, and can't be drawn from a list.
        rng: Tells recurrence from chance.
    """
    if families.longest < 2:
        return {}
    computed = [c for c in codec.codecs if isinstance(c, DerivedCodec)]
    fixed = {*known, *(part for c in computed for part in c.parts)}
    categories = {
        name: (codes[:, codec.span(name).start].astype(np.int64), c.cardinalities[0])
        for name, c in zip(codec.names, codec.codecs, strict=True)
        if len(c.cardinalities) == 1 and c.cardinalities[0] <= MAX_CATEGORIES
    }
    found: dict[str, Recurrence] = {}
    for name, column in zip(codec.names, codec.codecs, strict=True):
        is_candidate = bool(column.cardinalities) and name not in fixed | {r.by for r in found.values()}
        if not is_candidate or is_nested_type(table.schema.field(name).type):
            continue
        others = {k: v for k, v in categories.items() if k != name and k not in found}
        values = numbered(table.column(name))
        how = find_recurrence(values, families, others, rng)
        if how:
            found[name] = how.with_null_of(column, table.column(name))
    return found


def numbered(column: pa.ChunkedArray) -> Rows:
    """(rows,) equal numbers for equal values; -1 for nulls."""
    numbers = codes_of(column.combine_chunks()).copy()
    numbers[np.asarray(column.is_null())] = -1
    return numbers


def find_recurrence(
    values: Rows,
    families: Families,
    others: Mapping[str, tuple[Rows, int]],
    rng: np.random.Generator,
) -> Recurrence | None:
    """How a column's values come again among siblings; None if they don't, or no more than by chance.

    Args:
        values: (rows,) equal numbers for equal values; negative ones for nulls.
        families: The siblings.
        others: Columns whose categories may have lists of their own: (rows,) codes, and how many there are.
        rng: Deals the values of a category to any families, to see what chance does.
    """
    stretches = max(int(np.searchsorted(np.cumsum(families.size), MAX_ROWS, side="right")), 1)
    some = Families(families.rows, families.first[:stretches], families.size[:stretches])
    rows = families.rows[: int(some.size.sum())]
    own = rows[values[rows] >= 0]
    if len(own) < MIN_ROWS:
        return None
    whole = len(own) * _entropy(values[own])
    best, least, dealt = None, whole, rng.random(len(values))
    for by, (categories, size) in {"": (np.zeros_like(values), 1), **others}.items():
        found = Recurrence(by or None, size)
        needed = found.information(values, own, some, categories)
        without = _information(values[own], categories[own])
        if needed > least - 0.02 * whole or without - needed < MIN_GAIN * whole:
            continue
        by_chance = values.copy()
        by_chance[own[np.argsort(categories[own], kind="stable")]] = values[
            own[np.lexsort((dealt[own], categories[own]))]
        ]
        if found.information(by_chance, own, some, categories) - needed > MIN_GAIN * whole:
            best, least = found, needed
    return best


def _information(values: npt.NDArray[np.integer], categories: Rows) -> float:
    """Bits that tell the values, given the categories."""
    each = (values[categories == c] for c in np.unique(categories))
    return sum(len(own) * _entropy(own) for own in each)


def _entropy(values: npt.NDArray[np.integer]) -> float:
    """Bits per value."""
    if not len(values):
        return 0.0
    share = np.unique(values, return_counts=True)[1] / len(values)
    return float(-(share * np.log2(share)).sum())
