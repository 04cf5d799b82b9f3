"""Declared rules, measured on the real rows: they are kept however few rows speak for them.

A declaration that the real rows break, or that no column could be changed for, is refused before training.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from synthohive_py.clauses import Clause
from synthohive_py.columns.derived import DerivedCodec, formula, is_amount
from synthohive_py.columns.scalars import is_ordered_type
from synthohive_py.errors import Problem, SchemaValidationError
from synthohive_py.rules.dateparts import DatePart, dates_of
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
    strict_gap,
)
from synthohive_py.rules.thresholds import NullBeyond, can_be_beyond
from synthohive_py.schema import TableConfig

__all__ = ["declared_formulas", "declared_repetitions", "declared_rules"]

_FORMULAS = ("sum", "product")


def declared_formulas(
    config: TableConfig, table: pa.Table, *, held: Collection[str]
) -> dict[str, DerivedCodec]:
    """Columns that are declared to be computed from others.

    Args:
        config: The table's declaration.
        table: Its real rows.
        held: Columns that come about otherwise: keys, orders, repetitions.

    Raises:
        SchemaValidationError: The real rows say otherwise, or it can't be kept.
    """
    found: dict[str, DerivedCodec] = {}
    for clause in config.clauses:
        if clause.kind not in _FORMULAS:
            continue
        column, *parts = clause.columns
        operation: Literal["sum", "product"] = "sum" if clause.kind == "sum" else "product"
        text = Computed(column, tuple(parts), operation, None, clause.factors)
        kinds = [table.schema.field(name).type for name in clause.columns]
        taken = sorted({*clause.columns} & {*held})
        if taken:
            raise _refused(config, text, f"{taken[0]} is a key, an order or a repetition of the parent's")
        if not all(is_ordered_type(kind) for kind in kinds) or not _can_calculate(clause, kinds):
            raise _refused(config, text, f"its columns are of the types {', '.join(map(str, kinds))}")
        if column in found or column in _needed(parts, found):
            raise _refused(config, text, f"{column} would be computed twice, or from itself")
        found[column] = formula(table, column, parts, operation, clause.factors)
        _check(config, Computed.of(column, found[column]), table, None)
    return found


def _needed(parts: Collection[str], found: Mapping[str, DerivedCodec]) -> set[str]:
    """All that some columns are computed from."""
    out: set[str] = set()
    waiting = list(parts)
    while waiting:
        name = waiting.pop()
        if name not in out:
            out.add(name)
            waiting += found[name].parts if name in found else ()
    return out


def _can_calculate(clause: Clause, kinds: list[pa.DataType]) -> bool:
    t = pa.types
    if clause.kind == "product":
        return all(map(is_amount, kinds))
    is_date = any(t.is_temporal(k) and not t.is_duration(k) for k in kinds)
    return all(_on_one_line(kinds[0], k) for k in kinds) and (len(kinds) == 2 or not is_date)


def declared_repetitions(
    config: TableConfig, table: pa.Table, relatives: Relatives | None, own: Collection[str]
) -> dict[str, str]:
    """Columns that are declared to be the same as a column of the parent, and which.

    Args:
        config: The table's declaration.
        table: Its real rows.
        relatives: The parent that the rows are generated from.
        own: The table's columns but keys.

    Raises:
        SchemaValidationError: The real rows say otherwise, or there is no such column.
    """
    found = {}
    for clause in config.clauses:
        if clause.kind == "repeats":
            rule = Repeats(*clause.columns)
            _parent(config, rule, rule.of, relatives)
            if rule.column not in own:
                raise _refused(config, rule, f"{rule.column} is part of a key, whose values are made up")
            _check(config, rule, table, relatives)
            found[rule.column] = rule.of
    return found


def declared_rules(
    config: TableConfig,
    table: pa.Table,
    relatives: Relatives | None,
    *,
    keys: Collection[str],
    deciding: Collection[str],
    dates: Collection[str],
    free: Collection[str],
    order: str | None,
) -> list[Rule]:
    """The other declared rules.

    Args:
        config: The table's declaration.
        table: Its real rows.
        relatives: The parent that the rows are generated from.
        keys: The columns that are computed or filled by a foreign key, and mean nothing.
        deciding: Those among all columns that others may follow from.
        dates: Those that others may be a part of.
        free: The columns whose values can be changed to keep a rule.
        order: The column that the rows of a parent are sorted by.

    Raises:
        SchemaValidationError: The real rows break a rule, or it can't be kept.
    """
    rules: list[Rule] = []
    for clause in config.clauses:
        if clause.kind not in (*_FORMULAS, "repeats"):
            rule = _rule(config, clause, table, relatives, order)
            taken = [c for c in rule.columns if c in {*keys} - _told(rule, deciding, dates)]
            if taken:
                raise _refused(config, rule, f"{taken[0]} is part of a key, whose values are made up")
            changed = {rule.column} if isinstance(rule, NullBy | NullBeyond | DatePart) else {*rule.columns}
            if not changed & {*free, order}:
                raise _refused(config, rule, "none of its columns can be changed")
            _check(config, rule, table, relatives)
            if isinstance(rule, DatePart):
                of = dates_of([r for r in rules if isinstance(r, DatePart)])
                if rule.column in of or of.get(rule.of, rule.of) == rule.column:
                    raise _refused(config, rule, f"{rule.column} would be computed twice, or from itself")
            rules.append(rule)
    return rules


def _told(rule: Rule, deciding: Collection[str], dates: Collection[str]) -> set[str]:
    """What may be a key, as only the other column follows from it."""
    if isinstance(rule, DatePart):
        return {rule.of} & {*dates}
    return {rule.on} & {*deciding} if isinstance(rule, Depends | NullBy | NullBeyond) else set()


def _rule(
    config: TableConfig, clause: Clause, table: pa.Table, relatives: Relatives | None, order: str | None
) -> Rule:
    one, other = clause.columns
    if clause.kind == "nulls":
        return Nulls(one, other, clause.never or "both")
    if clause.kind == "date_part":
        part = DatePart(one, other, clause.part, clause.zones)
        personal = sorted({*clause.columns} & {*config.pii_cols})
        if personal:
            raise _refused(config, part, f"{personal[0]} is personal data, which is replaced")
        why = DatePart.refusal(
            clause.part, clause.zones, *(table.schema.field(name).type for name in clause.columns)
        )
        if why:
            raise _refused(config, part, why)
        return part
    if clause.kind in ("decides", "null_by"):
        deciding = Depends(one, other) if clause.kind == "decides" else NullBy(one, other)
        kinds = [table.schema.field(name).type for name in clause.columns]
        if any(map(pa.types.is_nested, kinds[:1] if clause.kind == "null_by" else kinds)):
            raise _refused(config, deciding, f"its columns are of the types {kinds[0]} and {kinds[1]}")
        return deciding
    if clause.kind == "null_beyond":
        beyond = NullBeyond(one, clause.sign, clause.point, other, clause.is_null)
        kind = table.schema.field(one).type
        if not can_be_beyond(clause.point, kind):
            raise _refused(config, beyond, f"{one} is of the type {kind}")
        return beyond
    if clause.kind in ("rises", "apart"):
        rule = Rising(one, other) if clause.kind == "rises" else Intervals(one, other)
        along = other if clause.kind == "rises" else one
        if along != order or relatives is None:
            raise _refused(config, rule, f"rows of one parent are not ordered by {along} (see order_by)")
        return rule
    return _limit(config, clause, table, relatives)


def _limit(config: TableConfig, clause: Clause, table: pa.Table, relatives: Relatives | None) -> AtMost:
    lower, upper = clause.columns
    of_parent = None if clause.of_parent is None else ("lower", "upper")[clause.of_parent]
    rule = AtMost(lower, upper, int(clause.kind == "below"), of_parent, clause.key)  # type: ignore[arg-type]
    kinds = []
    for place, name in enumerate(clause.columns):
        if place == clause.of_parent:
            kinds.append(_parent(config, rule, name, relatives).schema.field(name).type)
        else:
            kinds.append(table.schema.field(name).type)
    if not all(map(is_ordered_type, kinds)) or not _on_one_line(*kinds):
        raise _refused(config, rule, f"its columns are of the types {kinds[0]} and {kinds[1]}")
    if not rule.gap:
        return rule
    low, high, known = rule.ends(table, relatives)
    apart = known & (low < high)
    return replace(rule, gap=strict_gap(low[apart], high[apart]))


def _on_one_line(one: pa.DataType, other: pa.DataType) -> bool:
    """Whether equal values are equal numbers."""
    t = pa.types
    if t.is_decimal(one) and t.is_decimal(other):
        return bool(one.scale == other.scale)
    both_whole = t.is_integer(one) and t.is_integer(other)
    return bool(one.equals(other) or both_whole or (t.is_floating(one) and t.is_floating(other)))


def _parent(config: TableConfig, rule: Rule, column: str, relatives: Relatives | None) -> pa.Table:
    """The parent's rows, which have this column."""
    key = rule.key if isinstance(rule, AtMost) else ()
    if key and (relatives is None or key not in relatives.matched):
        raise _refused(
            config,
            rule,
            f"no foreign key of ({', '.join(key)}) is filled together with the rows",
            remedy="declare one, or take the rule out; keys that close a cycle are filled later",
        )
    if relatives is None or (relatives.is_none and not key):
        raise _refused(
            config,
            rule,
            "the table's rows are not generated from a parent (a small reference table is none)",
            remedy="declare a foreign key to a larger table with driver=True, or take the rule out",
        )
    parent = relatives.along(key).parent
    if column not in parent.column_names:
        raise _refused(
            config, rule, f"the parent has no column {column}, but {', '.join(parent.column_names)}"
        )
    return parent


def _check(config: TableConfig, rule: Rule, table: pa.Table, relatives: Relatives | None) -> None:
    broken: npt.NDArray[np.bool_] = rule.broken(table, relatives)
    if broken.any():
        raise _refused(
            config,
            rule,
            f"{int(broken.sum())} of {table.num_rows} real rows break it",
            remedy="correct these rows, or take the rule out",
        )


def _refused(
    config: TableConfig,
    rule: Rule,
    why: str,
    *,
    remedy: str = "declare it of other columns, or take the rule out",
) -> SchemaValidationError:
    problem = Problem(
        f"can't keep the rule {rule}",
        table=config.name,
        column=", ".join(rule.columns),
        received=why,
        remedy=remedy,
    )
    return SchemaValidationError([problem])
