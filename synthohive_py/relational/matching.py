"""Children to parents: every child gets a parent like the one it asks for, every parent its children.

Several passes, each over what the one before left: parents that agree in everything, in all but the last
code, and so on, and in the end any parent, in the order of the first code. Every slot of a parent is used
once, so that the numbers of children stay exactly as generated.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from synthohive_py.columns.base import Codes

__all__ = ["cells_of", "match"]

Rows = npt.NDArray[np.int64]


def match(
    children: Codes,
    parents: Codes,
    slots: Rows,
    rng: np.random.Generator,
    *,
    child_groups: Rows | None = None,
    parent_groups: Rows | None = None,
) -> Rows:
    """A parent row for each child row.

    Args:
        children: (children, codes) that the children ask for, the most important code first.
        parents: (parents, codes) that the parents have.
        slots: How many children each parent should have.
        rng: Decides among equals.
        child_groups: Children may only have parents of their own group (they share key columns).
        parent_groups: The group of each parent.

    Returns:
        Row numbers of parents; -1 for a child whose group has no parent at all.
    """
    grouped = child_groups is not None and parent_groups is not None
    child_group = child_groups if grouped else np.zeros(len(children), np.int64)
    parent_group = parent_groups if grouped else np.zeros(len(parents), np.int64)
    assert child_group is not None  # for the type checker
    assert parent_group is not None
    offered = np.repeat(np.arange(len(parents)), slots)
    if not grouped:
        offered = _fill_up(offered, slots, len(children), rng)
    found = np.full(len(children), -1, np.int64)
    free = np.ones(len(offered), bool)
    cells = _cells(np.concatenate([child_group, parent_group]), np.concatenate([children, parents]))
    for detail in reversed(range(len(cells))):
        open_children, open_slots = np.flatnonzero(found < 0), np.flatnonzero(free)
        ours = cells[detail][open_children]
        theirs = cells[detail][len(children) + offered[open_slots]]
        # In the last pass neighbours by the first code meet; before, all in a cell are equal.
        by = rng.random(len(ours)), rng.random(len(theirs))
        if detail == 0 and children.shape[1]:
            by = children[open_children, 0] + by[0], parents[offered[open_slots], 0] + by[1]
        taker, taken = _pair(ours, theirs, *by)
        found[open_children[taker]] = offered[open_slots[taken]]
        free[open_slots[taken]] = False
    left = np.flatnonzero(found < 0)
    found[left] = _any_of_group(child_group[left], parent_group, slots, rng)
    return found


def cells_of(groups: Sequence[Rows | None], codes: Sequence[Codes]) -> list[Rows]:
    """For each of several sets of rows their cells: equal numbers for equal groups and codes."""
    joined = np.concatenate(codes)
    known = [np.zeros(len(c), np.int64) if g is None else g for g, c in zip(groups, codes, strict=True)]
    cells = _cells(np.concatenate(known), joined)[-1]
    return np.split(cells, np.cumsum([len(c) for c in codes])[:-1])


def _cells(groups: Rows, codes: Codes) -> list[Rows]:
    """Per number of leading codes, from none to all: equal numbers for rows that agree in them."""
    cells = [np.unique(groups, return_inverse=True)[1].astype(np.int64)]
    for j in range(codes.shape[1]):
        joined = cells[-1] * (int(codes[:, j].max(initial=0)) + 1) + codes[:, j]
        cells.append(np.unique(joined, return_inverse=True)[1].astype(np.int64))
    return cells


def _fill_up(offered: Rows, slots: Rows, size: int, rng: np.random.Generator) -> Rows:
    """Exactly `size` slots: some dropped, or some added where there are many."""
    if len(offered) >= size:
        return offered[np.sort(rng.permutation(len(offered))[:size])]
    if not len(slots):
        return offered
    weight = slots if slots.sum() else np.ones(len(slots))
    extra = rng.choice(len(slots), size - len(offered), p=weight / weight.sum())
    return np.concatenate([offered, extra])


def _pair(
    ours: Rows, theirs: Rows, our_order: npt.NDArray[np.float64], their_order: npt.NDArray[np.float64]
) -> tuple[Rows, Rows]:
    """Pairs of equal cells: the n-th of ours in a cell with the n-th of theirs, while both last."""
    cells, dense = np.unique(np.concatenate([ours, theirs]), return_inverse=True)
    left, right = dense[: len(ours)], dense[len(ours) :]
    common = np.minimum(np.bincount(left, minlength=len(cells)), np.bincount(right, minlength=len(cells)))
    return _first_in_cell(left, our_order, common), _first_in_cell(right, their_order, common)


def _first_in_cell(cells: Rows, by: npt.NDArray[np.float64], keep: Rows) -> Rows:
    """The first keep[c] members of each cell c, cell by cell."""
    order = np.lexsort((by, cells))
    sizes = np.bincount(cells, minlength=len(keep))
    rank = np.arange(len(cells)) - (np.cumsum(sizes) - sizes)[cells[order]]
    return order[rank < keep[cells[order]]]


def _any_of_group(groups: Rows, parent_groups: Rows, slots: Rows, rng: np.random.Generator) -> Rows:
    """A parent of each group, those with more slots more often; -1 where the group has none."""
    if not len(groups) or not len(parent_groups):
        return np.full(len(groups), -1, np.int64)
    order = np.argsort(parent_groups, kind="stable")
    heap = np.cumsum(slots[order] + 1e-3)  # a parent without slots is a last resort, not impossible
    start = np.searchsorted(parent_groups[order], groups, side="left")
    end = np.searchsorted(parent_groups[order], groups, side="right")
    before = np.where(start > 0, heap[start - 1], 0.0)
    upto = heap[np.maximum(end - 1, 0)]
    target = before + rng.random(len(groups)) * (upto - before)
    place = np.clip(np.searchsorted(heap, target, side="right"), start, np.maximum(end - 1, start))
    return np.where(end > start, order[np.minimum(place, len(order) - 1)], -1)
