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
from synthohive_py.columns.scalars import Numbers, from_numbers, is_ordered_type, to_numbers
from synthohive_py.rules.kinds import (
    AtMost,
    Computed,
    Depends,
    Intervals,
    NullBy,
    Nulls,
    Relatives,
    Repeats,
    Rising,
    Rule,
    codes_of,
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
        answers: Per rule that one column decides another, or its nulls, what is known to follow from what.
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
        storable: Mask,
    ) -> Keeper:
        """Learn what follows from what, for values that are common enough to be stored.

        Args:
            rules: What holds.
            table: The real rows.
            name: The table's name, for warnings.
            free: The columns whose values may be changed.
            order: The column that the rows of a parent are sorted by.
            is_strict: Whether no two rows of a parent share a value of it.
            threshold: Values held by fewer rows than this are not stored.
            storable: (rows,) those without a value that belongs to one family.
        """
        common = table.filter(pa.array(storable))
        answers = {
            str(rule): _answers(rule, common, threshold, table.num_rows)
            for rule in rules
            if isinstance(rule, Depends | NullBy)
        }
        return cls(name, tuple(rules), tuple(free), order, is_strict, answers)

    def keep(
        self,
        table: pa.Table,
        rng: np.random.Generator,
        *,
        relatives: Relatives | None = None,
        fixed: Collection[str] = (),
        since: Mapping[str, str] | None = None,
        starts: Mapping[str, pa.Array] | None = None,
    ) -> tuple[pa.Table, set[str], Mask]:
        """The rows with all rules kept, the columns that changed, and which rows are to stay.

        A row that can't keep a rule (its parent was born and died in one year) is to be left out. If none
        can, because of the values that are fixed, they stay.

        Args:
            table: Generated rows.
            rng: Decides who lends values where a row can't keep its own.
            relatives: The parent of each row.
            fixed: Columns that stay as they are.
            since: Per time that closely follows another one of its row, that one: what is lent is how long
                after it.
            starts: Likewise, per time that closely follows one of the row's parent, that one.
        """
        if not self.rules or not table.num_rows:
            return table, set(), np.ones(table.num_rows, bool)
        work = _Work(table, {*self.free} - {*fixed}, rng, since or {}, starts or {})
        work.aligned = {c for r in self.rules if isinstance(r, Rising | Intervals) for c in r.columns}
        nulls = [r for r in self.rules if isinstance(r, Nulls | NullBy)]
        work.nulls(nulls, self.answers)
        self._keep_decided(work)
        work.nulls(nulls, self.answers)  # what decides may have been decided
        limits = [r for r in self.rules if isinstance(r, AtMost)]
        if relatives is not None:
            self._keep_between_rows(work, limits, relatives, fixed)
        work.sort_within_rows([r for r in limits if r.of_parent is None])
        bad = self._broken(work.table, relatives)
        for _ in range(BORROWS):
            if not bad.any() or bad.all():
                break
            work.borrow({*self.free} - {*fixed}, bad)
            bad = self._broken(work.table, relatives)
        if bad.any():
            self._warn(work.table, relatives, is_left_out=not bad.all())
        return work.table, work.changed, ~bad | bad.all()

    def _keep_decided(self, work: _Work) -> None:
        """What is decided by other columns; these and it are settled then."""
        deciding = [rule for rule in self.rules if isinstance(rule, Depends)]
        for again in range(len(deciding)):  # what is decided may decide
            for rule in deciding:
                if not again or rule.broken(work.table).any():
                    work.depend(rule, self.answers[str(rule)])
        work.free -= {c for rule in deciding for c in rule.columns}

    def _breakable(self) -> list[Rule]:
        """The rules that do not hold by construction."""
        return [rule for rule in self.rules if not isinstance(rule, Computed | Repeats)]

    def _broken(self, table: pa.Table, relatives: Relatives | None) -> Mask:
        broken = [self._broken_by(rule, table, relatives) for rule in self._breakable()]
        return np.logical_or.reduce([np.zeros(table.num_rows, bool), *broken])

    def _broken_by(self, rule: Rule, table: pa.Table, relatives: Relatives | None) -> Mask:
        if isinstance(rule, NullBy):  # by what is known of real rows, which may be few of ours
            null = np.asarray(table.column(rule.column).is_null())
            return _nulls_wanted(rule, self.answers[str(rule)], table) != null
        return rule.broken(table, relatives)

    def _warn(self, table: pa.Table, relatives: Relatives | None, *, is_left_out: bool) -> None:
        for rule in self._breakable():
            count = int(self._broken_by(rule, table, relatives).sum())
            fate = " and are left out" if is_left_out else ""
            if count:
                logger.warning(
                    "%s: %d of %d rows break a rule%s: %s", self.name, count, table.num_rows, fate, rule
                )

    def _keep_between_rows(
        self, work: _Work, limits: Sequence[AtMost], relatives: Relatives, fixed: Collection[str]
    ) -> None:
        for rule in limits:
            if rule.of_parent is None:
                continue
            if rule.columns[0] == self.order and self.order not in fixed:
                work.move_families(rule, relatives, is_strict=self.is_strict)
            elif rule.columns[0] in work.free:
                work.clamp(rule, rule.columns[0], relatives)
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

    def __init__(
        self,
        table: pa.Table,
        free: set[str],
        rng: np.random.Generator,
        since: Mapping[str, str],
        starts: Mapping[str, pa.Array],
    ) -> None:
        self.table, self.free, self.rng, self.since, self.starts = table, free, rng, since, starts
        self.changed: set[str] = set()
        self.aligned: set[str] = set()  # with siblings: these are moved no farther than needed

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
        self._lend(names, take)

    def _lend(self, names: set[str], take: Rows) -> None:
        """Each row takes these columns from one row, most rows from themselves."""
        borrowed = take != np.arange(len(take))
        before = {name: self._start(name, names) for name in names}
        for name in sorted(names):
            lent, base = self.table.column(name).take(pa.array(take)), before[name]
            if base is not None:
                start, no_start = spread(base)
                lent = self._moved(lent, start - start[take], borrowed & ~no_start & ~no_start[take])
            self.put(name, lent)

    def _start(self, name: str, lent: set[str]) -> pa.Array | None:
        """What a time is measured from, at last, of what is not lent with it."""
        while self.since.get(name) in lent:
            name = self.since[name]
        if name in self.starts:
            return self.starts[name]
        return self.table.column(self.since[name]).combine_chunks() if name in self.since else None

    def _moved(self, lent: pa.ChunkedArray, by: Numbers, where: Mask) -> pa.Array:
        """Times that are so much later, but never beyond the others."""
        times, null = spread(lent.combine_chunks())
        known = times[~null]
        moved = np.clip(times + by, known.min(), known.max()) if len(known) else times
        return from_numbers(np.where(where, moved, times), null, lent.type)

    def nulls(self, rules: Sequence[Nulls | NullBy], answers: Mapping[str, pa.Table]) -> None:
        """Rows with a combination of nulls that does not occur take all these columns from another row.

        It agrees with them in what decides where nulls are, or has nulls where they should be. Where nothing
        decides, it agrees in one of the columns, so that each keeps its share of nulls.
        """
        for group in _connected([_with_nulls(r) for r in rules]):
            ours = [r for r in rules if _with_nulls(r) <= group]
            decided = {
                r: _nulls_wanted(r, answers[str(r)], self.table) for r in ours if isinstance(r, NullBy)
            }
            broken = [r.broken(self.table) for r in ours if isinstance(r, Nulls)]
            broken += [wanted != self._is_null(r.column) for r, wanted in decided.items()]
            bad = np.logical_or.reduce(broken)
            good, movable = np.flatnonzero(~bad), group & self.free
            if not bad.any() or not movable:
                continue
            if len(good):
                # Who lends has the same nulls where they can't be changed.
                fixed = [self._is_null(name).astype(np.int64) for name in sorted(group - movable)]
                self._lend(movable, self._lenders(bad, good, sorted(movable), decided, fixed))
            for rule, wanted in decided.items():
                if rule.column in movable:
                    self._empty(rule.column, wanted)

    def _lenders(
        self,
        bad: Mask,
        good: Rows,
        names: Sequence[str],
        decided: Mapping[NullBy, Mask],
        fixed: Sequence[Rows],
    ) -> Rows:
        """The row that each row takes values from: itself, or for a bad row a good one like it."""
        if decided:
            codes = [codes_of(self.table.column(r.on).combine_chunks()) for r in decided]
            take = self._alike(bad, good, [_numbered([*codes, *fixed])])
            nulls = [wanted.astype(np.int64) for wanted in decided.values()]
            take = np.where(take < 0, self._alike(bad, good, [_numbered([*nulls, *fixed])]), take)
        else:
            nulls = [self._is_null(name).astype(np.int64) for name in names]
            take = self._alike(bad, good, [_numbered([null, *fixed]) for null in nulls])
        return np.where(take < 0, self.rng.choice(good, len(bad)), take)

    def _empty(self, name: str, wanted: Mask) -> None:
        """Put nulls where they should be and nobody could lend them."""
        if (wanted & ~self._is_null(name)).any():
            column = self.table.column(name)
            self.put(name, pc.if_else(pa.array(wanted), pa.scalar(None, column.type), column))

    def _is_null(self, name: str) -> Mask:
        return np.asarray(self.table.column(name).is_null())

    def _alike(self, bad: Mask, good: Rows, likeness: Sequence[npt.NDArray[Any]]) -> Rows:
        """Each row itself; for a bad row a good one that is like it in one way, negative for none."""
        take = np.arange(len(bad))
        ways = self.rng.integers(0, len(likeness), len(bad))
        for way, values in enumerate(likeness):
            for value in np.unique(values[bad & (ways == way)]):
                some = np.flatnonzero(bad & (ways == way) & (values == value))
                lenders = good[values[good] == value]
                take[some] = self.rng.choice(lenders, len(some)) if len(lenders) else -1
        return take

    def depend(self, rule: Depends, answers: pa.Table) -> None:
        """Give the dependent column the value that follows: the known one, else that of the first such row.

        Numbers never seen follow their nearest neighbour.
        """
        if rule.column not in self.free:
            return
        on, column = (self.table.column(name).combine_chunks() for name in (rule.on, rule.column))
        known = answers.column(rule.on).combine_chunks()
        place = pc.index_in(on, value_set=known)
        if is_ordered_type(on.type) and len(known):
            ticks = to_numbers(known)[0]
            order = np.argsort(ticks)
            values, null = spread(on)
            place = pa.array(order[nearest(ticks[order], values)], mask=null)
        follows = answers.column(rule.column).combine_chunks().take(place)
        codes = codes_of(on)
        first = np.unique(codes, return_index=True)[1]
        agreed = pc.if_else(on.is_valid(), column.take(pa.array(first[codes])), column)
        self.put(rule.column, pc.if_else(place.is_valid(), follows, agreed))

    def clamp(self, rule: AtMost, name: str, relatives: Relatives | None = None) -> None:
        """Move a column of a rule as far from the other one as it is in a row that keeps the rule.

        Just as far as needed, it would say in hundreds of rows that a visit took the shortest time there is.
        """
        low, high, known = rule.ends(self.table, relatives)
        bad = rule.broken(self.table, relatives)
        good = np.flatnonzero(known & ~bad)
        own, other, sign = (high, low, 1) if name == rule.upper else (low, high, -1)
        moved = rule.above(low) if name == rule.upper else rule.below(high)
        is_time = pa.types.is_temporal(self.table.schema.field(name).type)
        if len(good) and is_time and name not in self.aligned:
            far = (high - low)[self.rng.choice(good, len(bad))]
            wanted = other + sign * far
            step = _step(own[good])
            if step:  # dates have no time of the day, whatever they are compared with
                wanted = sign * -(-sign * wanted // step) * step
                moved = sign * -(-sign * moved // step) * step
            within = (wanted >= own[good].min()) & (wanted <= own[good].max())
            moved = np.where(within, wanted, moved)
        self.put_numbers(name, moved, bad)

    def move_families(self, rule: AtMost, relatives: Relatives, *, is_strict: bool) -> None:
        """Siblings beyond a limit of their parent move to it, and still differ if they have to."""
        low, high, known = rule.ends(self.table, relatives)
        is_lower = rule.of_parent == "lower"
        # An upper limit is a lower one of the negative values.
        values, limit = (high, rule.above(low)) if is_lower else (-low, -rule.below(high))
        order = np.lexsort((values, relatives.rows))
        family = relatives.rows[order]
        start = np.searchsorted(family, family, side="left")
        place = (np.arange(len(order)) - start) * is_strict
        raised = np.where(known, np.maximum(values, limit), values)[order] - place
        moved = np.zeros(len(order), raised.dtype)
        number = np.unique(start, return_inverse=True)[1].astype(np.int64)
        moved[order] = highest_so_far(raised, number) + place
        changed = (relatives.rows >= 0) & (moved != values) & known
        self.put_numbers(rule.columns[0], moved if is_lower else -moved, changed)

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
        """Values of a row in their order: exchanged where both are free, else moved.

        Not if few rows break a rule. These borrow: a value of another column, or one just beyond it, may be
        none that occurs (the minutes that a flight takes are no time of the day).
        """
        for _ in range(SWAPS):
            for rule in rules:
                bad = rule.broken(self.table)
                if bad.mean() > RARE and {rule.lower, rule.upper} <= self.free:
                    low, high, _ = rule.ends(self.table, None)
                    self.put_numbers(rule.lower, high, bad)
                    self.put_numbers(rule.upper, low, bad)
        for rule in _smallest_first(rules):
            movable = [name for name in (rule.upper, rule.lower) if name in self.free]
            if movable and rule.broken(self.table).mean() > RARE:
                self.clamp(rule, movable[0])


def _smallest_first(rules: Sequence[AtMost]) -> list[AtMost]:
    """Rules such that a column is settled before others are measured by it."""
    out, waiting = [], list(rules)
    while waiting:
        uppers = {rule.upper for rule in waiting}
        ready = [rule for rule in waiting if rule.lower not in uppers] or waiting
        out += ready
        waiting = [rule for rule in waiting if rule not in ready]
    return out


def _nulls_wanted(rule: NullBy, answers: pa.Table, table: pa.Table) -> Mask:
    """Whether each row should have a null: as real rows with the same value, or most of ours."""
    known = answers.column(rule.on).combine_chunks()
    place = pc.index_in(table.column(rule.on).combine_chunks(), value_set=known)
    null = np.asarray(table.column(rule.column).is_null())
    wanted = answers.column(rule.column).combine_chunks().take(place)
    return np.asarray(pc.if_else(place.is_valid(), wanted, pa.array(null ^ rule.broken(table))))


def _answers(rule: Depends | NullBy, common: pa.Table, threshold: int, rows: int) -> pa.Table:
    """What follows from each value that enough rows hold, or whether that is null."""
    # Under names of our own: Arrow reads a point or a bracket in a name as a path.
    pairs = common.select([rule.on, rule.column]).rename_columns(["on", "column"])
    if isinstance(rule, NullBy):
        pairs = pairs.set_column(1, "column", pc.is_null(pairs.column("column")))
    counted = pairs.group_by(["on", "column"]).aggregate([([], "count_all")])
    known = counted.filter((pc.field("count_all") >= threshold) & pc.field("on").is_valid())
    # Few known values say nothing of the others, which need only agree with each other.
    is_most = 2 * (pc.sum(known.column("count_all")).as_py() or 0) >= rows
    known = known.select(["on", "column"]).slice(0, None if is_most else 0)
    return known.rename_columns([rule.on, rule.column])


def _step(values: npt.NDArray[Any]) -> int:
    """What all whole numbers are multiples of; 0 for fractions."""
    return int(np.gcd.reduce(values)) if values.dtype == np.int64 else 0


def _numbered(codes: Sequence[Rows]) -> Rows:
    """Equal numbers for rows that are equal in all columns."""
    return np.unique(np.stack(codes), axis=1, return_inverse=True)[1].ravel()


def _with_nulls(rule: Nulls | NullBy) -> set[str]:
    """The columns of which it says where they are null."""
    return {rule.column} if isinstance(rule, NullBy) else {*rule.columns}


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
