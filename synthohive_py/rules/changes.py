"""Rows that are changed so that they keep the rules, each value as little as possible."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from synthohive_py.columns.scalars import Numbers, from_numbers, to_numbers
from synthohive_py.rules.answers import decided_values, wanted_nulls
from synthohive_py.rules.dateparts import DatePart
from synthohive_py.rules.domains import is_outside, lent_part
from synthohive_py.rules.kinds import (
    AtMost,
    Depends,
    Intervals,
    NullBy,
    Nulls,
    Relatives,
    Rising,
    are_among,
    codes_of,
    differ,
    followers,
    spread,
)
from synthohive_py.rules.strangers import Strangers
from synthohive_py.rules.thresholds import NullBeyond

__all__ = ["Work", "highest_so_far"]

SWAPS = 8  # rounds of exchanging two values that are in the wrong order
REDATES = 4  # rounds in which dates get another part, for the day there may be the one before here
RARE = 0.01  # share of rows that borrow values, rather than have one moved

# Per kind of `Nulls`: if this one of the two is null, or is not, whether the other one is.
_IMPLIED: dict[str, tuple[tuple[int, bool, int, bool], ...]] = {
    "both": ((0, True, 1, False), (1, True, 0, False)),
    "neither": ((0, False, 1, True), (1, False, 0, True)),
    "first": ((0, True, 1, True), (1, False, 0, False)),
}

Mask = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]


class Work:
    """Rows while they are changed."""

    def __init__(
        self,
        table: pa.Table,
        free: set[str],
        rng: np.random.Generator,
        *,
        since: Mapping[str, str],
        starts: Mapping[str, pa.Array],
        parts: set[str],
        compute: Callable[[pa.Table], pa.Table],
    ) -> None:
        self.free, self.rng, self.since, self.starts = free, rng, since, starts
        self.changed: set[str] = set()
        self._rows, self._parts, self._compute, self._is_stale = table, parts, compute, False
        self.aligned: set[str] = set()  # with siblings: these are moved no farther than needed

    @property
    def table(self) -> pa.Table:
        """The rows as they are now, with what is computed from changed columns."""
        if self._is_stale:
            self._rows, self._is_stale = self._compute(self._rows), False
        return self._rows

    def put(self, name: str, values: pa.Array | pa.ChunkedArray) -> None:
        """Replace a column."""
        self._rows = self._rows.set_column(self._rows.column_names.index(name), name, values)
        self.changed.add(name)
        self._is_stale |= name in self._parts

    def put_numbers(self, name: str, values: npt.NDArray[Any], where: Mask) -> None:
        """Replace some values of a column; others keep theirs, nulls too."""
        if not where.any():
            return
        old, null = spread(self.table.column(name).combine_chunks())
        new = np.where(where, values.astype(old.dtype), old)
        self.put(name, from_numbers(new, null & ~where, self.table.schema.field(name).type))

    def borrow(self, names: set[str], bad: Mask, likeness: Sequence[Rows], sides: Sequence[Rows]) -> None:
        """Bad rows take all these columns from rows that keep the rules, one from one.

        Args:
            names: The columns.
            bad: Which rows.
            likeness: Ways in which who lends should be like who borrows: (rows,) equal numbers for those.
            sides: In what they should always be alike: what stays and says where nulls are.
        """
        good = np.flatnonzero(~bad)
        side = _numbered([np.zeros(len(bad), np.int64), *sides])
        take = self._alike(bad, good, [_numbered([way, side]) for way in likeness] or [side])
        take = np.where(take < 0, self._alike(bad, good, [side]), take)
        self._lend(names, np.where(take < 0, self.rng.choice(good, len(bad)), take))

    def _lend(self, names: set[str], take: Rows) -> None:
        """Each row takes these columns from one row, most rows from themselves."""
        borrowed = take != np.arange(len(take))
        table, before = self.table, {name: self._start(name, names) for name in names}
        for name in sorted(names):
            lent, base = table.column(name).take(pa.array(take)), before[name]
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

    def beyond(self, rules: Sequence[NullBeyond]) -> None:
        """Nulls and values where they should be beyond a point; values are those of other rows there."""
        for rule in rules:
            bad, rows = rule.broken(self.table), np.arange(self.table.num_rows)
            good = np.flatnonzero(~self._is_null(rule.column))
            if rule.column not in self.free or not bad.any():
                continue
            if rule.is_null:
                self.put(rule.column, self.table.column(rule.column).take(pa.array(rows, mask=bad)))
            elif len(good):
                on = codes_of(self.table.column(rule.on).combine_chunks())
                side = rule.beyond(self.table).astype(np.int64)
                take = self._alike(bad, good, [on])
                take = np.where(take < 0, self._alike(bad, good, [side]), take)
                self._lend({rule.column}, np.where(take < 0, self.rng.choice(good, len(bad)), take))

    def nulls(self, rules: Sequence[Nulls | NullBy | NullBeyond], answers: Mapping[str, pa.Table]) -> None:
        """Rows with a combination of nulls that does not occur take all these columns from another row.

        It agrees with them in what decides where nulls are, or has nulls where they should be. Where nothing
        decides, it agrees in one of the columns, so that each keeps its share of nulls.
        """
        for group in _connected([_with_nulls(r) for r in rules]):
            ours = [r for r in rules if _with_nulls(r) <= group]
            decided = {r: self._decided(r, answers) for r in ours if not isinstance(r, Nulls)}
            broken = [r.broken(self.table) for r in ours if isinstance(r, Nulls)]
            broken += [wanted != self._is_null(r.column) for r, (wanted, _) in decided.items()]
            bad = np.logical_or.reduce(broken)
            good, movable, before = np.flatnonzero(~bad), group & self.free, self.table
            if not bad.any() or not movable:
                continue
            if len(good):
                # Who lends has the same nulls where they can't be changed.
                fixed = [self._is_null(name).astype(np.int64) for name in sorted(group - movable)]
                self._lend(movable, self._lenders(bad, good, sorted(movable), decided, fixed))
            self._settle_nulls([r for r in ours if isinstance(r, Nulls)], decided, group, before)

    def _decided(self, rule: NullBy | NullBeyond, answers: Mapping[str, pa.Table]) -> tuple[Mask, Mask]:
        """Whether each row should have a null, and which rows the rule says so of."""
        if isinstance(rule, NullBeyond):
            return rule.wanted(self.table), rule.beyond(self.table)
        return wanted_nulls(rule, answers[str(rule)], self.table), np.ones(self.table.num_rows, bool)

    def _lenders(
        self,
        bad: Mask,
        good: Rows,
        names: Sequence[str],
        decided: Mapping[NullBy | NullBeyond, tuple[Mask, Mask]],
        fixed: Sequence[Rows],
    ) -> Rows:
        """The row that each row takes values from: itself, or for a bad row a good one like it."""
        if decided:
            deciding = dict.fromkeys(rule.on for rule in decided)
            codes = [codes_of(self.table.column(on).combine_chunks()) for on in deciding]
            take = self._alike(bad, good, [_numbered([*codes, *fixed])])
            nulls = [wanted.astype(np.int64) for wanted, _ in decided.values()]
            take = np.where(take < 0, self._alike(bad, good, [_numbered([*nulls, *fixed])]), take)
        else:
            nulls = [self._is_null(name).astype(np.int64) for name in names]
            take = self._alike(bad, good, [_numbered([null, *fixed]) for null in nulls])
        return np.where(take < 0, self.rng.choice(good, len(bad)), take)

    def _settle_nulls(
        self,
        rules: Sequence[Nulls],
        decided: Mapping[NullBy | NullBeyond, tuple[Mask, Mask]],
        group: set[str],
        before: pa.Table,
    ) -> None:
        """Put nulls and values where they follow from what stays or decides, and nobody could lend them.

        Args:
            rules: What never happens to two columns of the group.
            decided: Per rule that says where nulls should be that, and of which rows it does.
            group: Columns whose nulls have to do with each other.
            before: The rows before any were lent, which had more values.
        """
        null = {name: self._is_null(name) for name in group}
        settled = {name: np.full(len(null[name]), name not in self.free) for name in group}
        for by, (wanted, told) in decided.items():
            if by.column in self.free:
                null[by.column] = np.where(told, wanted, null[by.column])
                settled[by.column] = settled[by.column] | told
        for rule in [*rules] * len(group):  # what follows has consequences itself
            for one, is_null, other, gets_null in _IMPLIED[rule.never]:
                a, b = rule.columns[one], rule.columns[other]
                follows = settled[a] & (null[a] == is_null) & ~settled[b]
                null[b] = np.where(follows, gets_null, null[b])
                settled[b] = settled[b] | follows
        for name in sorted(group & self.free):
            was, column, source = self._is_null(name), self.table.column(name), before.column(name)
            empty, lack = settled[name] & null[name] & ~was, settled[name] & ~null[name] & was
            lenders = np.flatnonzero(np.asarray(source.is_valid()))
            place = np.arange(len(was))
            if lack.any() and len(lenders):
                place = np.where(lack, len(was) + self.rng.choice(lenders, len(was)), place)
            if (empty | (place >= len(was))).any():  # all by place, as Arrow chooses among no UUIDs
                both = pa.chunked_array([*column.chunks, *source.chunks], column.type)
                self.put(name, both.take(pa.array(place, mask=empty)))

    def _is_null(self, name: str) -> Mask:
        return np.asarray(self.table.column(name).is_null())

    def _alike(self, bad: Mask, good: Rows, likeness: Sequence[Rows]) -> Rows:
        """Each row itself; for a bad row a good one that is like it in one way, negative for none."""
        take = np.where(bad, -1, np.arange(len(bad)))
        if not len(good):
            return take
        ways = self.rng.integers(0, len(likeness), len(bad))
        for way, values in enumerate(likeness):
            some = np.flatnonzero(bad & (ways == way))
            lenders = good[np.argsort(values[good], kind="stable")]
            start = np.searchsorted(values[lenders], values[some], side="left")
            end = np.searchsorted(values[lenders], values[some], side="right")
            picked = start + (self.rng.random(len(some)) * (end - start)).astype(np.int64)
            take[some] = np.where(end > start, lenders[np.minimum(picked, len(lenders) - 1)], -1)
        return take

    def estrange(self, rule: Depends, answers: pa.Table, strangers: Strangers) -> None:
        """Rows with what follows from no common value get one that is made up to decide it."""
        if rule.on not in self.free:
            return
        on, column = (self.table.column(name).combine_chunks() for name in rule.columns)
        names = pa.array(strangers.names, answers.schema.field(rule.on).type)
        real = answers.filter(pc.invert(pc.is_in(answers.column(rule.on), value_set=names)))
        known, told = (real.column(name).combine_chunks() for name in rule.columns)
        is_else = np.asarray(column.is_valid()) & ~are_among(column, told)
        rows = strangers.some(are_among(on, known) & is_else, self.rng)
        if rows.any():
            picked = names.take(pa.array(self.rng.integers(0, len(names), rows.sum())))
            self.put(rule.on, pc.replace_with_mask(on, pa.array(rows), picked.cast(on.type)))

    def redate(self, rule: DatePart, date: str, domain: pa.Array) -> None:
        """Dates of which a part does not occur get that part of other rows.

        Args:
            rule: The part.
            date: The date that it follows from at last.
            domain: The values of the part that occur.
        """
        for again in range(REDATES):
            bad = is_outside(rule.values(self.table), domain)
            ticks, null = spread(self.table.column(date).combine_chunks())
            good = np.flatnonzero(~bad & ~null)
            if not bad.any() or not len(good):
                return
            kind, lent = self.table.schema.field(date).type, ticks[self.rng.choice(good, len(bad))]
            moved = lent_part(rule.part, ticks, lent, kind)
            within = (moved >= ticks[good].min()) & (moved <= ticks[good].max()) & (again + 1 < REDATES)
            self.put_numbers(date, np.where(within, moved, lent), bad)

    def depend(self, rule: Depends, answers: pa.Table | None) -> None:
        """Give the dependent column the value that follows.

        If it has to stay, what decides it changes: a row takes the value of another row with the same one,
        or one that is known to decide it; null if there is none.
        """
        settled = {rule.on, rule.column} - self.free
        follows = decided_values(rule, answers, self.table)
        column = self.table.column(rule.column).combine_chunks()
        bad = differ(column, follows)
        if rule.column not in settled:
            self.put(rule.column, follows)
        elif rule.on not in settled:
            self.put(rule.on, self._deciding(rule, answers, bad))
        self.free -= {rule.on, rule.column}

    def _deciding(self, rule: Depends, answers: pa.Table | None, bad: Mask) -> pa.Array:
        """What decides; in bad rows a value that decides what they have, else null if that occurs."""
        on, column = (self.table.column(name).combine_chunks() for name in rule.columns)
        good = np.flatnonzero(~bad & np.asarray(on.is_valid()))
        if answers is not None:  # below the rows
            known, follows = (answers.column(name).combine_chunks() for name in rule.columns)
            on = pa.concat_arrays([on, known.cast(on.type)])
            column = pa.concat_arrays([column, follows.cast(column.type)])
        some, codes = np.pad(bad, (0, len(on) - len(bad))), codes_of(column)
        take = self._alike(some, good, [codes])
        take = np.where(take < 0, self._alike(some, np.arange(len(bad), len(on)), [codes]), take)
        empty = np.flatnonzero(self._is_null(rule.on))[:1]
        take = np.where(take < 0, empty if len(empty) else np.arange(len(take)), take)
        return on.take(pa.array(take[: len(bad)]))

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


def _step(values: npt.NDArray[Any]) -> int:
    """What all whole numbers are multiples of; 0 for fractions."""
    return int(np.gcd.reduce(values)) if values.dtype == np.int64 else 0


def _numbered(codes: Sequence[Rows]) -> Rows:
    """Equal numbers for rows that are equal in all columns."""
    out = codes[0]
    for more in codes[1:]:
        width = int(more.max(initial=0) - more.min(initial=0)) + 1
        out = np.unique(out * width + more - more.min(initial=0), return_inverse=True)[1].astype(np.int64)
    return out


def _with_nulls(rule: Nulls | NullBy | NullBeyond) -> set[str]:
    """The columns of which it says where they are null."""
    return {*rule.columns} if isinstance(rule, Nulls) else {rule.column}


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
