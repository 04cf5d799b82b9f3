"""Whom a row belongs to: a customer who pays to one account each month has not made its number common.

A value is stored only if enough rows hold it (k-anonymity). Where a table's rows belong to customers,
accounts or machines, and a column says the same again for each of them, enough customers have to share it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from synthohive_py.plan import Link

__all__ = ["CROWD", "count_once", "entities_of"]

CROWD = 100  # of fewer parents each is a kind of row (a shop, a country), not an individual
MIN_GAIN = 0.1  # share of the information in a column that knowing the entity saves beyond chance
MAX_ROWS = 20_000  # that are looked at

Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


def entities_of(
    name: str,
    links: Mapping[str, Sequence[Link]],
    parents: Mapping[str, Mapping[str, Rows]],
) -> list[Rows]:
    """Ways to tell whom the rows of a table belong to: its parents, and the parents of these.

    Args:
        name: The table.
        links: Per table its foreign keys.
        parents: Per table and link, the parent row of each row; negative for none.

    Returns:
        Per way, (rows,) the number of the entity; negative for rows that belong to none.
    """
    found: list[Rows] = []
    for link in links[name]:
        own = parents[name][link.name]
        if np.unique(own[own >= 0]).size >= CROWD:
            found.append(own)
        if link.role == "driver":
            further = entities_of(link.key.parent, links, parents)
            found += [np.where(own >= 0, above[own], -1) for above in further]
    return found


def count_once(values: Rows, entities: Sequence[Rows], *, threshold: int) -> tuple[Mask, Mask]:
    """Which rows count when it is asked how common a value is, and which hold a common one.

    Args:
        values: (rows,) equal numbers from 0 on for equal values.
        entities: Ways to tell whom each row belongs to.
        threshold: Of so many entities a value is common.
    """
    counted, common = np.ones(len(values), bool), np.ones(len(values), bool)
    for whose in entities:
        if _is_own(values, whose):
            # Rows of nobody are an entity each.
            each = np.where(whose < 0, whose.max(initial=-1) + 1 + np.arange(len(whose)), whose)
            first = np.zeros(len(values), bool)
            first[np.unique(_paired(each, values), return_index=True)[1]] = True
            shared = np.bincount(values[first])[values] >= threshold
            counted &= first | shared
            common &= shared
    return counted, common


def _is_own(values: Rows, whose: Rows) -> bool:
    """Whether rows of one entity share values more often than rows that are dealt to any."""
    order = np.argsort(whose, kind="stable")
    order = order[whose[order] >= 0][:MAX_ROWS]  # whole entities but for the last
    if len(order) < 2:
        return False
    own, entity = values[order], whose[order]
    dealt = np.random.default_rng(0).permutation(own)  # a test; nothing is drawn from it
    saved = _conditional_entropy(dealt, entity) - _conditional_entropy(own, entity)
    return bool(saved > MIN_GAIN * _entropy(own))


def _conditional_entropy(values: Rows, given: Rows) -> float:
    """Bits per row that tell the values, given the entities."""
    return _entropy(_paired(given, values)) - _entropy(given)


def _paired(one: Rows, other: Rows) -> Rows:
    """(rows,) equal numbers for equal pairs."""
    return one * (other.max(initial=0) + 1) + other


def _entropy(values: Rows) -> float:
    """Bits per row that tell the values."""
    share = np.unique(values, return_counts=True)[1] / len(values)
    return float(-(share * np.log2(share)).sum())
