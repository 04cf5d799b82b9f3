"""Make generated rows keep the rules: a few values are changed, each as little as possible."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from synthohive_py.rules.answers import decided_values, find_answers, wanted_nulls
from synthohive_py.rules.changes import Work
from synthohive_py.rules.dateparts import DatePart, dates_of, with_date_parts
from synthohive_py.rules.domains import is_outside
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
    rule_from_state,
)
from synthohive_py.rules.strangers import Strangers
from synthohive_py.rules.thresholds import NullBeyond
from synthohive_py.states import table_from_state, table_state

__all__ = ["Keeper"]

logger = logging.getLogger(__name__)

WARNED = 3  # rules that a warning names, those that most rows break
BORROWS = 8  # rounds of taking the values of another row, for rows that still break a rule

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
        answers: Per rule that one column decides another, or its nulls, what is known to follow from what. Of
            values that are made up nothing is: rows only agree.
        strangers: Per column whose common values decide one thing and rare ones another, what stands for
            these.
        domains: Per part of a date the values that occur, if not any may; alone in a table.
    """

    name: str = ""
    rules: tuple[Rule, ...] = ()
    free: tuple[str, ...] = ()
    order: str | None = None
    is_strict: bool = False
    answers: Mapping[str, pa.Table] = field(default_factory=dict)
    strangers: Mapping[str, Strangers] = field(default_factory=dict)
    domains: Mapping[str, pa.Table] = field(default_factory=dict)

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
        own: Mapping[str, Mask],
        agreed: Collection[str] = (),
        strangers: Mapping[str, Strangers] | None = None,
        made_up: Mapping[str, pa.Table] | None = None,
        domains: Mapping[str, pa.Table] | None = None,
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
            own: Per column with values that belong to few entities, (rows,) the rows of these.
            agreed: The rules of which nothing may be known, as text.
            strangers: Per column whose rare values decide, what stands for these.
            made_up: Per rule about such a column, what follows from that.
            domains: Per part of a date the values that occur, if not any may.
        """
        answers = {
            str(rule): find_answers(rule, table, own, threshold)
            for rule in rules
            if isinstance(rule, Depends | NullBy) and str(rule) not in agreed
        }
        for text, follows in (made_up or {}).items():
            answers[text] = pa.concat_tables([answers[text], follows.cast(answers[text].schema)])
        return cls(name, tuple(rules), tuple(free), order, is_strict, answers, strangers or {}, domains or {})

    def keep(
        self,
        table: pa.Table,
        rng: np.random.Generator,
        *,
        compute: Callable[[pa.Table], pa.Table],
        relatives: Relatives,
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
            compute: Computes the columns that are sums and products of others again.
            relatives: The parents of each row.
            fixed: Columns that stay as they are.
            since: Per time that closely follows another one of its row, that one: what is lent is how long
                after it.
            starts: Likewise, per time that closely follows one of the row's parent, that one.
        """
        if not self.rules or not table.num_rows:
            return table, set(), np.ones(table.num_rows, bool)
        dated = [r for r in self.rules if isinstance(r, DatePart) and r.column not in fixed]

        def compute_all(rows: pa.Table) -> pa.Table:
            return compute(with_date_parts(rows, dated))

        work = Work(
            table,
            {*self.free} - {*fixed},
            rng,
            since=since or {},
            starts=starts or {},
            parts={c for r in self.rules if isinstance(r, Computed) for c in r.parts} | {r.of for r in dated},
            compute=compute_all,
        )
        self._keep_strange(work)
        self._keep_dated(work, dated, fixed)
        work.aligned = {c for r in self.rules if isinstance(r, Rising | Intervals) for c in r.columns}
        self._keep_nulls(work)
        self._keep_decided(work)
        self._keep_nulls(work)  # what decides may have been decided
        limits = [r for r in self.rules if isinstance(r, AtMost)]
        self._keep_between_rows(work, limits, relatives, fixed)
        work.sort_within_rows([r for r in limits if r.of_parent is None])
        self._keep_nulls(work)  # ... or moved
        self._keep_followed(work, dated)
        bad = self._keep_borrowing(work, limits, relatives, fixed)
        if bad.any():
            self._warn(work.table, relatives, is_left_out=not bad.all())
        return work.table, work.changed, ~bad | bad.all()

    def _keep_strange(self, work: Work) -> None:
        """Rows with what follows from rare values only get something that stands for one."""
        for rule in self.rules:
            if isinstance(rule, Depends) and rule.on in self.strangers:
                strangers = self.strangers[rule.on]
                if rule.column in strangers.columns:
                    work.estrange(rule, self.answers[str(rule)], strangers)

    def _keep_dated(self, work: Work, dated: Sequence[DatePart], fixed: Collection[str]) -> None:
        """The parts of dates, such as occur; from now on they follow each change of these."""
        rows = with_date_parts(work.table, dated)
        for rule in dated:
            work.put(rule.column, rows.column(rule.column))
        every = [rule for rule in self.rules if isinstance(rule, DatePart)]
        for rule in [*every, *every]:  # another day may have another hour somewhere else
            date = dates_of(every)[rule.column]
            domain = self._domain(rule, work.table, fixed)
            if domain is not None and date in work.free:
                work.redate(rule, date, domain)

    def _domain(self, rule: DatePart, table: pa.Table, fixed: Collection[str] = ()) -> pa.Array | None:
        """The values that a part of a date may have, if not any; the one that is asked for."""
        if rule.column in fixed:
            return table.column(rule.column).unique().drop_null()
        known = self.domains.get(rule.column)
        return None if known is None else known.column(0).combine_chunks()

    def _keep_nulls(self, work: Work) -> None:
        """What other columns say of where nulls are."""
        work.beyond([r for r in self.rules if isinstance(r, NullBeyond)])
        work.nulls([r for r in self.rules if isinstance(r, Nulls | NullBy | NullBeyond)], self.answers)

    def _keep_decided(self, work: Work) -> None:
        """What is decided by other columns; these and it are settled then."""
        rules = [rule for rule in self.rules if isinstance(rule, Depends)]
        # Who decides what has to stay is chosen before others follow from it.
        for rule in _deciding_first(sorted(rules, key=lambda rule: rule.column in self.free)):
            work.depend(rule, self.answers.get(str(rule)))

    def _keep_followed(self, work: Work, dated: Sequence[DatePart]) -> None:
        """What parts of dates decide, again: dates may have been moved since."""
        parts = {rule.column for rule in dated}
        for rule in self.rules:
            if isinstance(rule, Depends) and rule.on in parts and rule.column in self.free:
                work.put(rule.column, decided_values(rule, self.answers.get(str(rule)), work.table))

    def _keep_borrowing(
        self, work: Work, limits: Sequence[AtMost], relatives: Relatives, fixed: Collection[str]
    ) -> Mask:
        """Rows that still break a rule take values from others; which do so in the end."""
        families = [relatives.along(key).rows for key in sorted({r.key for r in limits if r.of_parent})]
        names = self._borrowed(fixed)
        bad = self.broken(work.table, relatives)
        for again in range(BORROWS):
            if not bad.any() or bad.all():
                break
            # Rows of one parent have its limits in common; others have other values to lend.
            work.borrow(names, bad, families if again % 2 else [], self._sides(work.table, names))
            bad = self.broken(work.table, relatives)
        return bad

    def _sides(self, table: pa.Table, names: set[str]) -> list[Rows]:
        """What stays of each row and says where nulls are in columns that are borrowed."""
        told = [r for r in self.rules if isinstance(r, NullBy | NullBeyond)]
        told = [r for r in told if r.column in names and r.on not in names]
        return [
            r.beyond(table).astype(np.int64)
            if isinstance(r, NullBeyond)
            else codes_of(table.column(r.on).combine_chunks())
            for r in told
        ]

    def _borrowed(self, fixed: Collection[str]) -> set[str]:
        """What a row takes from another: all that may change and neither decides nor follows what stays."""
        names = {*self.free} - {*fixed}
        dates = dates_of([rule for rule in self.rules if isinstance(rule, DatePart)])
        pairs = [{dates.get(c, c) for c in r.columns} for r in self.rules if isinstance(r, Depends)]
        while torn := [pair & names for pair in pairs if pair & names and not pair <= names]:
            names -= set().union(*torn)
        return names

    def _breakable(self) -> list[Rule]:
        """The rules that do not hold by construction."""
        return [rule for rule in self.rules if not isinstance(rule, Computed | Repeats)]

    def broken(self, table: pa.Table, relatives: Relatives) -> Mask:
        """Which rows break a rule."""
        broken = [self._broken_by(rule, table, relatives) for rule in self._breakable()]
        return np.logical_or.reduce([np.zeros(table.num_rows, bool), *broken])

    def _broken_by(self, rule: Rule, table: pa.Table, relatives: Relatives) -> Mask:
        if isinstance(rule, NullBy):  # by what is known of real rows, which may be few of ours
            null = np.asarray(table.column(rule.column).is_null())
            return wanted_nulls(rule, self.answers[str(rule)], table) != null
        if isinstance(rule, DatePart) and rule.column in self.domains:
            values, domain = table.column(rule.column).combine_chunks(), self._domain(rule, table)
            return rule.broken(table) | is_outside(values, domain)
        return rule.broken(table, relatives)

    def _warn(self, table: pa.Table, relatives: Relatives, *, is_left_out: bool) -> None:
        broken = {str(rule): self._broken_by(rule, table, relatives) for rule in self._breakable()}
        counts = sorted(
            ((int(rows.sum()), text) for text, rows in broken.items() if rows.any()), reverse=True
        )
        logger.warning(
            "%s: %d of %d rows break a rule%s: %s%s",
            self.name,
            np.logical_or.reduce([*broken.values()]).sum(),
            table.num_rows,
            " and are left out" if is_left_out else "",
            "; ".join(f"{text} ({count})" for count, text in counts[:WARNED]),
            f"; and {len(counts) - WARNED} others" if len(counts) > WARNED else "",
        )

    def _keep_between_rows(
        self, work: Work, limits: Sequence[AtMost], relatives: Relatives, fixed: Collection[str]
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
            "strangers": {k: v.state() for k, v in self.strangers.items()},
            "domains": {k: table_state(v) for k, v in self.domains.items()},
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
            {k: Strangers.from_state(v) for k, v in state["strangers"].items()},
            {k: table_from_state(v) for k, v in state["domains"].items()},
        )


def _deciding_first(rules: Sequence[Depends]) -> list[Depends]:
    """Rules such that a column is settled before others follow from it."""
    out, waiting = [], list(rules)
    while waiting:
        decided = {rule.column for rule in waiting}
        ready = [rule for rule in waiting if rule.on not in decided] or waiting[:1]
        out += ready
        waiting = [rule for rule in waiting if rule not in ready]
    return out
