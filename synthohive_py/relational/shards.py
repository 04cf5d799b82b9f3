"""A large twin in shards: small worlds, each with a share of every large table, that do not meet.

Memory is that of one shard, however large the twin; shards can be made side by side; and no row depends on
how many are. Tables that are small, or whose rows have to be compared with all others, are made whole before.
A shard holds the families of its own rows, so that every key is right within it; computed keys differ
between shards because each has a range of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from synthohive_py.plan import Link
from synthohive_py.relational.fitted import FittedSchema
from synthohive_py.rng import Part, Seed
from synthohive_py.rules import Depends, Intervals, Rising

__all__ = [
    "SHARD_ROWS",
    "WHOLE_ROWS",
    "Dealt",
    "Shard",
    "deal",
    "divide",
    "shards_of",
    "split",
    "whole_parts",
]

SHARD_ROWS = 2**18  # rows of all tables together
WHOLE_ROWS = 20_000  # a table with so few rows takes no memory worth dividing
SHARD_SHARE = 256  # rows of a table below which a share of it says little

LARGE_FAMILY = 0.25  # of the rows of a shard

GOLDEN = 0.6180339887498949  # multiples of it are spread evenly between whole numbers

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Shard:
    """One of the small worlds.

    Attributes:
        number: Which one; the tables that are made whole form the first of one.
        count: How many there are.
        parts: The tables that have rows of their own in it, and which; there may be fewer in the end.
    """

    number: int
    count: int
    parts: Mapping[str, Part]

    def offset(self, seed: Seed, link: Link) -> float | None:
        """Where the numbers of children begin, from 0 to 1, if not here alone; see `DegreeModel.dealt`."""
        if self.count == 1:
            return None
        return float((seed.child("offset", link.name).numpy().random() + GOLDEN * self.number) % 1)

    def state(self) -> dict[str, Any]:
        """All fields, for another process."""
        parts = {name: [part.first, part.stop, part.total] for name, part in self.parts.items()}
        return {"number": self.number, "count": self.count, "parts": parts}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Shard:
        """The shard that `state` was taken from."""
        return cls(state["number"], state["count"], {n: Part(*part) for n, part in state["parts"].items()})


def divide(fitted: FittedSchema, roots: Mapping[str, int], finer: int = 1) -> tuple[frozenset[str], int]:
    """Which tables are made whole, and how many shards the others have.

    Args:
        fitted: What was learned.
        roots: The rows of the root tables.
        finer: By how much shards are smaller than usual.
    """
    expected = _expected_rows(fitted, roots)
    count, whole = 1, frozenset(fitted.tables)
    # More shards make more tables too small for them, which leaves less to divide.
    for _ in range(len(fitted.tables) + 1):
        divided = sum(rows for name, rows in expected.items() if name not in whole or count == 1)
        wanted = max(-(-int(divided) * finer // SHARD_ROWS), 1)
        if wanted == count:
            break
        count = wanted
        whole = _whole(fitted, expected, count)
    return (whole, count) if count > 1 and len(whole) < len(fitted.tables) else (frozenset(fitted.tables), 1)


def _expected_rows(fitted: FittedSchema, roots: Mapping[str, int]) -> dict[str, float]:
    expected: dict[str, float] = {}
    for name in fitted.plan.order:
        table, driver = fitted.tables[name], fitted.plan.driver_of(name)
        if table.reference is not None or driver is None:
            expected[name] = roots.get(name, table.rows)
        else:
            parent = fitted.tables[driver.key.parent]
            expected[name] = expected[driver.key.parent] * table.rows / max(parent.rows, 1)
    return expected


def _whole(fitted: FittedSchema, expected: Mapping[str, float], count: int) -> frozenset[str]:
    """Reference tables, small ones, and those that have to be; with all that they are made from."""
    limit = max(WHOLE_ROWS, SHARD_SHARE * count)
    whole: set[str] = set()
    while True:
        before = len(whole)
        for name in fitted.plan.order:
            above = {link.key.parent for link in _early(fitted, name)}
            if fitted.tables[name].reference is not None or (expected[name] <= limit and above <= whole):
                whole.add(name)
            elif name in whole or not _can_be_divided(fitted, name, whole):
                whole |= {name, *above}
        if len(whole) == before:
            return frozenset(whole)


def _early(fitted: FittedSchema, name: str) -> list[Link]:
    """The links to tables that are made before this one."""
    return [link for link in fitted.plan.links_of(name) if link.role != "deferred"]


def _can_be_divided(fitted: FittedSchema, name: str, whole: Collection[str]) -> bool:
    """Whether rows of different shards can't break a key of the table."""
    links = fitted.plan.links_of(name)
    if not _is_unique_over_shards(fitted, name, whole, with_families=True):
        return False
    # Two keys that share columns are filled one after the other, so both parents have to be at hand.
    filled = [link for link in links if link.role in ("driver", "profile")]
    return not any(
        set(one.key.columns) & set(other.key.columns)
        and (one.key.parent in whole) != (other.key.parent in whole)
        for one in filled
        for other in filled
    )


def _is_unique_over_shards(
    fitted: FittedSchema, name: str, whole: Collection[str], *, with_families: bool
) -> bool:
    """Whether each unique combination holds a key that no other shard has, or families that none has."""
    links, driver = fitted.plan.links_of(name), fitted.plan.driver_of(name)
    apart = [{column} for column in fitted.tables[name].keys]
    apart += [set(link.key.columns) for link in links if link.key.parent not in whole]
    if with_families and driver:
        apart.append(set(driver.key.columns))
    # Orphans of different shards may have the same values.
    lost = {link.key.columns[-1] for link in links if link.name in fitted.tables[name].orphans}
    sets = fitted.metadata.tables[name].unique_sets
    return all(any(key <= set(columns) and not key & lost for key in apart) for columns in sets)


@dataclass(frozen=True)
class Dealt:
    """The children of the rows of a whole table, of which each shard makes some.

    Attributes:
        degrees: Their numbers in all shards.
        is_torn: Whether the children of one row may come about in several shards.
    """

    degrees: Rows
    is_torn: bool

    def of(self, shard: Shard, seed: Seed) -> Rows:
        """Their numbers in one shard."""
        if self.is_torn:
            return split(self.degrees, shard, seed)
        # Whole families, and equally many children in each shard.
        middle = np.cumsum(self.degrees) - self.degrees / 2
        owner = (middle * shard.count / max(int(self.degrees.sum()), 1)).astype(np.int64)
        return np.where(np.minimum(owner, shard.count - 1) == shard.number, self.degrees, 0)


def deal(fitted: FittedSchema, name: str, whole: Collection[str], count: int, degrees: Rows) -> Dealt:
    """Decide how the children of a whole table's rows are divided.

    Families stay together unless some are so large that shards would differ much in size. Then they are torn,
    if neither a key nor a rule is about the rows of one family.

    Args:
        fitted: What was learned.
        name: The children's table.
        whole: The tables that are made whole.
        count: How many shards.
        degrees: The children of each row in all shards.
    """
    is_large = bool(degrees.max(initial=0) * count > LARGE_FAMILY * degrees.sum())
    driver = fitted.plan.driver_of(name)
    bound = any(
        isinstance(rule, Rising | Intervals)
        or (isinstance(rule, Depends) and driver is not None and rule.on in driver.key.columns)
        for rule in fitted.tables[name].keeper.rules
    )
    is_unique = _is_unique_over_shards(fitted, name, whole, with_families=False)
    return Dealt(degrees, is_large and is_unique and not bound)


def whole_parts(fitted: FittedSchema, whole: Collection[str], roots: Mapping[str, int]) -> Shard:
    """The world of the tables that are made whole."""
    names = [name for name in fitted.plan.order if name in whole]
    sizes = _sizes(fitted, names, Shard(0, 1, {}), roots=roots, dealt={}, seed=Seed(0))
    return Shard(0, 1, {name: Part(0, size, size) for name, size in sizes.items()})


def shards_of(
    fitted: FittedSchema,
    whole: Collection[str],
    count: int,
    *,
    roots: Mapping[str, int],
    dealt: Mapping[str, Dealt],
    seed: Seed,
) -> list[Shard]:
    """The shards of the other tables.

    Args:
        fitted: What was learned.
        whole: The tables that are made whole.
        count: How many shards.
        roots: The rows of the root tables.
        dealt: Per driver link to a whole table, the number of children of each of its rows.
        seed: Everything random derives from it.
    """
    names = [name for name in fitted.plan.order if name not in whole]
    sizes = []
    for k in range(count):
        own = {n: roots[n] * (k + 1) // count - roots[n] * k // count for n in names if n in roots}
        shard = Shard(k, count, {})
        mine = {name: children.of(shard, seed.child("split", name)) for name, children in dealt.items()}
        sizes.append(_sizes(fitted, names, shard, roots=own, dealt=mine, seed=seed))
    totals = {name: sum(size[name] for size in sizes) for name in names}
    ends = dict.fromkeys(names, 0)
    out = []
    for k, size in enumerate(sizes):
        parts = {n: Part(ends[n], ends[n] + size[n], totals[n]) for n in names}
        ends = {n: parts[n].stop for n in names}
        out.append(Shard(k, count, parts))
    return out


def _sizes(
    fitted: FittedSchema,
    names: Iterable[str],
    shard: Shard,
    *,
    roots: Mapping[str, int],
    dealt: Mapping[str, Rows],
    seed: Seed,
) -> dict[str, int]:
    """The most rows that each table can have: a number of children is never larger than the one dealt."""
    sizes: dict[str, int] = {}
    for name in names:
        table, driver = fitted.tables[name], fitted.plan.driver_of(name)
        if table.reference is not None:
            sizes[name] = table.reference.num_rows
        elif driver is None:
            sizes[name] = roots[name]
        else:
            above = fitted.tables[driver.key.parent]
            if driver.name in dealt:
                children = int(dealt[driver.name].sum())
            elif driver.name in above.fixed_degrees:
                children = int(above.fixed_degrees[driver.name].sum())
            else:
                offset = shard.offset(seed, driver)
                children = int(above.degrees[driver.name].dealt(sizes[driver.key.parent], offset).sum())
            sizes[name] = children + round(table.unparented * children)
    return sizes


def split(degrees: Rows, shard: Shard, seed: Seed) -> Rows:
    """The children of each row of a whole table that are in this shard; over all shards, all of them."""
    start = seed.numpy().random(len(degrees))
    upto, before = (
        (degrees * k / shard.count + start).astype(np.int64) for k in (shard.number + 1, shard.number)
    )
    return upto - before
