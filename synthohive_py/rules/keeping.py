"""Make generated rows keep the rules: a few values are changed, each as little as possible."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from synthohive_py.columns.bins import nearest
from synthohive_py.columns.scalars import from_numbers, is_ordered_type, to_numbers
from synthohive_py.rules.kinds import (
    AtMost,
    Computed,
    Depends,
    Intervals,
    Nulls,
    Relatives,
    Repeats,
    Rising,
    Rule,
    followers,
    rule_from_state,
    spread,
)
from synthohive_py.states import table_from_state, table_state

__all__ = ["Keeper", "highest_so_far"]

logger = logging.getLogger(__name__)

SWAPS = 8  # rounds of exchanging two values that are in the wrong order
BORROWS = 8  # rounds of taking the values of another row, for rows that still break a rule
RARE = 0.01  # share of rows that borrow values, rather than have one moved
MAX_LEFT_OUT = 0.05  # share of rows; if more break a rule, they stay, and a warning says so

Mask = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Keeper:
    """The rules of a table, and what is needed to keep them.

    Attributes:
        name: The table's name, for warnings.
        rules: What holds.
        free: The columns whose values may be changed.
        order: The column that the rows of a parent are sorted by.
        is_strict: Whether no two rows of a parent share a value of it.
        answers: Per dependent column, the values that decide it and its values (both columns).
    """

    name: str = ""
    rules: tuple[Rule, ...] = ()
    free: tuple[str, ...] = ()
    order: str | None = None
    is_strict: bool = False
    answers: Mapping[str, pa.Table] = field(default_factory=dict)

    @classmethod
    def fit(
        cls,
        rules: Sequence[Rule],
        table: pa.Table,
        *,
        name: str,
        free: Collection[str],
        order: str | None,
        is_strict: bool,
        threshold: int,
    ) -> Keeper:
        """Learn what follows from what, for values that are common enough to be stored."""
        answers = {}
        for rule in rules:
            if isinstance(rule, Depends):
                pairs = table.select([rule.on, rule.column]).group_by([rule.on, rule.column])
                counted = pairs.aggregate([([], "count_all")]).filter(pc.field("count_all") >= threshold)
                answers[rule.column] = counted.select([rule.on, rule.column]).filter(
                    pc.field(rule.on).is_valid()
                )
        return cls(name, tuple(rules), tuple(free), order, is_strict, answers)

    def keep(
        self,
        table: pa.Table,
        rng: np.random.Generator,
        *,
        relatives: Relatives | None = None,
        fixed: Collection[str] = (),
    ) -> tuple[pa.Table, set[str], Mask]:
        """The rows with all rules kept, the columns that changed, and which rows are to stay.

        A row that can't keep a rule (its parent was born and died in one year) is to be left out.

        Args:
            table: Generated rows.
            rng: Decides who lends values where a row can't keep its own.
            relatives: The parent of each row.
            fixed: Columns that stay as they are.
        """
        if not self.rules or not table.num_rows:
            return table, set(), np.ones(table.num_rows, bool)
        work = _Work(table, {*self.free} - {*fixed}, rng)
        work.nulls([r for r in self.rules if isinstance(r, Nulls)])
        for rule in self.rules:
            if isinstance(rule, Depends) and rule.column not in fixed:
                work.depend(rule, self.answers[rule.column])
        settled = {c for r in self.rules if isinstance(r, Depends) for c in r.columns}
        work.free -= settled
        limits = [r for r in self.rules if isinstance(r, AtMost)]
        if relatives is not None:
            self._keep_between_rows(work, limits, relatives)
        work.sort_within_rows([r for r in limits if r.of_parent is None])
        bad = self._broken(work.table, relatives)
        for _ in range(BORROWS):
            if not bad.any() or bad.all():
                break
            work.borrow({*self.free} - {*fixed}, bad)
            bad = self._broken(work.table, relatives)
        is_rare = bad.mean() <= MAX_LEFT_OUT
        if bad.any():
            self._warn(work.table, relatives, is_left_out=is_rare)
        return work.table, work.changed, ~bad | (not is_rare)

    def _breakable(self) -> list[Rule]:
        """The rules that do not hold by construction."""
        return [rule for rule in self.rules if not isinstance(rule, Computed | Repeats)]

    def _broken(self, table: pa.Table, relatives: Relatives | None) -> Mask:
        broken = [rule.broken(table, relatives) for rule in self._breakable()]
        return np.logical_or.reduce([np.zeros(table.num_rows, bool), *broken])

    def _warn(self, table: pa.Table, relatives: Relatives | None, *, is_left_out: bool) -> None:
        for rule in self._breakable():
            count = int(rule.broken(table, relatives).sum())
            fate = " and are left out" if is_left_out else ""
            if count:
                logger.warning(
                    "%s: %d of %d rows break a rule%s: %s", self.name, count, table.num_rows, fate, rule
                )

    def _keep_between_rows(self, work: _Work, limits: Sequence[AtMost], relatives: Relatives) -> None:
        for rule in limits:
            if rule.of_parent == "lower" and rule.upper == self.order:
                work.lift_families(rule, relatives, is_strict=self.is_strict)
            elif rule.of_parent is not None and rule.columns[0] in work.free:
                work.clamp(rule, relatives)
        for other in self.rules:
            if isinstance(other, Rising) and other.column in work.free:
                work.sort_families(other, relatives)
            elif isinstance(other, Intervals) and other.end in work.free:
                work.close_intervals(other, relatives)

    def state(self) -> dict[str, Any]:
        """All fields, for an artefact; tables as Arrow streams."""
        return {
            "name": self.name,
            "rules": [rule.state() for rule in self.rules],
            "free": list(self.free),
            "order": self.order,
            "is_strict": self.is_strict,
            "answers": {k: table_state(v) for k, v in self.answers.items()},
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Keeper:
        """The keeper that `state` was taken from."""
        return cls(
            state["name"],
            tuple(rule_from_state(r) for r in state["rules"]),
            tuple(state["free"]),
            state["order"],
            state["is_strict"],
            {k: table_from_state(v) for k, v in state["answers"].items()},
        )


class _Work:
    """Rows while they are changed."""

    def __init__(self, table: pa.Table, free: set[str], rng: np.random.Generator) -> None:
        self.table, self.free, self.rng = table, free, rng
        self.changed: set[str] = set()

    def put(self, name: str, values: pa.Array | pa.ChunkedArray) -> None:
        """Replace a column."""
        self.table = self.table.set_column(self.table.column_names.index(name), name, values)
        self.changed.add(name)

    def put_numbers(self, name: str, values: npt.NDArray[Any], where: Mask) -> None:
        """Replace some values of a column; others keep theirs, nulls too."""
        if not where.any():
            return
        old, null = spread(self.table.column(name).combine_chunks())
        new = np.where(where, values.astype(old.dtype), old)
        self.put(name, from_numbers(new, null & ~where, self.table.schema.field(name).type))

    def borrow(self, names: set[str], bad: Mask) -> None:
        """Bad rows take all these columns from rows that keep the rules, one from one."""
        take = np.arange(len(bad))
        take[bad] = self.rng.choice(np.flatnonzero(~bad), int(bad.sum()))
        for name in sorted(names):
            self.put(name, self.table.column(name).take(pa.array(take)))

    def nulls(self, rules: Sequence[Nulls]) -> None:
        """Rows with a combination of nulls that does not occur take all these columns from another row."""
        for group in _connected([set(r.columns) for r in rules]):
            ours = [r for r in rules if set(r.columns) <= group]
            bad = np.logical_or.reduce([r.broken(self.table) for r in ours])
            good = np.flatnonzero(~bad)
            if not bad.any() or not len(good) or not group <= self.free:
                continue
            take = np.arange(self.table.num_rows)
            take[bad] = self.rng.choice(good, int(bad.sum()))
            for name in sorted(group):
                self.put(name, self.table.column(name).take(pa.array(take)))

    def depend(self, rule: Depends, answers: pa.Table) -> None:
        """Give the dependent column the value that follows; of numbers never seen, that of the nearest."""
        known = answers.column(rule.on).combine_chunks()
        if rule.column not in self.free or not len(known):
            return
        on = self.table.column(rule.on).combine_chunks()
        place = pc.index_in(on, value_set=known)
        if is_ordered_type(on.type):
            ticks = to_numbers(known)[0]
            order = np.argsort(ticks)
            values, null = spread(on)
            place = pa.array(order[nearest(ticks[order], values)], mask=null)
        follows = answers.column(rule.column).combine_chunks().take(place)
        kept = pc.if_else(place.is_valid(), follows, self.table.column(rule.column).combine_chunks())
        self.put(rule.column, kept)

    def clamp(self, rule: AtMost, relatives: Relatives | None = None) -> None:
        """Move the own column of a rule just as far as needed."""
        low, high, _ = rule.ends(self.table, relatives)
        name = rule.columns[0]
        moved = rule.above(low) if name == rule.upper else rule.below(high)
        self.put_numbers(name, moved, rule.broken(self.table, relatives))

    def lift_families(self, rule: AtMost, relatives: Relatives, *, is_strict: bool) -> None:
        """Siblings that come too early come later, and still differ if they have to."""
        low, high, known = rule.ends(self.table, relatives)
        order = np.lexsort((high, relatives.rows))
        family = relatives.rows[order]
        start = np.searchsorted(family, family, side="left")
        place = (np.arange(len(order)) - start) * is_strict
        raised = np.where(known, np.maximum(high, rule.above(low)), high)[order] - place
        top = np.zeros(len(order), raised.dtype)
        number = np.unique(start, return_inverse=True)[1].astype(np.int64)
        top[order] = highest_so_far(raised, number) + place
        self.put_numbers(rule.upper, top, (relatives.rows >= 0) & (top != high) & known)

    def sort_families(self, rule: Rising, relatives: Relatives) -> None:
        """Each parent's values in ascending order."""
        values = to_numbers(self.table.column(rule.column).combine_chunks())[0]
        along = to_numbers(self.table.column(rule.order).combine_chunks())[0]
        own = relatives.rows >= 0
        out = values.copy()
        places = np.flatnonzero(own)[np.lexsort((along[own], relatives.rows[own]))]
        sources = np.flatnonzero(own)[np.lexsort((values[own], relatives.rows[own]))]
        out[places] = values[sources]
        self.put_numbers(rule.column, out, out != values)

    def close_intervals(self, rule: Intervals, relatives: Relatives) -> None:
        """Each row ends no later than the next one begins, and no earlier than it begins itself."""
        start = to_numbers(self.table.column(rule.start).combine_chunks())[0]
        end, is_open = spread(self.table.column(rule.end).combine_chunks())
        before, after = followers(relatives.rows, self.table.column(rule.start).combine_chunks())
        latest = np.full(len(start), np.iinfo(np.int64).max, start.dtype)
        latest[before] = start[after]
        closed = np.maximum(np.minimum(end, latest), start)
        self.put_numbers(rule.end, closed, (closed != end) & ~is_open)

    def sort_within_rows(self, rules: Sequence[AtMost]) -> None:
        """Values of a row in their order: exchanged where both are free, else moved."""
        for _ in range(SWAPS):
            for rule in rules:
                bad = rule.broken(self.table)
                if bad.any() and {rule.lower, rule.upper} <= self.free:
                    low, high, _ = rule.ends(self.table, None)
                    self.put_numbers(rule.lower, high, bad)
                    self.put_numbers(rule.upper, low, bad)
        for rule in _smallest_first(rules):
            low, high, _ = rule.ends(self.table, None)
            bad = rule.broken(self.table)
            if bad.mean() <= RARE:  # such rows borrow: a value just beyond another may be none that occurs
                continue
            if rule.upper in self.free:
                self.put_numbers(rule.upper, rule.above(low), bad)
            elif rule.lower in self.free:
                self.put_numbers(rule.lower, rule.below(high), bad)


def _smallest_first(rules: Sequence[AtMost]) -> list[AtMost]:
    """Rules such that a column is settled before others are measured by it."""
    out, waiting = [], list(rules)
    while waiting:
        uppers = {rule.upper for rule in waiting}
        ready = [rule for rule in waiting if rule.lower not in uppers] or waiting
        out += ready
        waiting = [rule for rule in waiting if rule not in ready]
    return out


def _connected(sets: Sequence[set[str]]) -> list[set[str]]:
    """Sets that share members, joined."""
    out: list[set[str]] = []
    for members in sets:
        joined = set(members).union(*(group for group in out if group & members))
        out = [group for group in out if not group & members] + [joined]
    return out


def highest_so_far(values: npt.NDArray[Any], family: Rows) -> npt.NDArray[Any]:
    """Running maximum within each family of neighbouring rows; families are numbered from 0 upwards."""
    # Families are lifted above each other, so that one running maximum serves all.
    rank = np.unique(values, return_inverse=True)[1].astype(np.int64)
    width = int(rank.max(initial=0)) + 1
    highest = np.maximum.accumulate(rank + family * width) - family * width
    return np.unique(values)[highest]
