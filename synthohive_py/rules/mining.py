"""Find what holds in every real row, if chance would have broken it often enough."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from synthohive_py.columns.scalars import Numbers, is_ordered_type
from synthohive_py.rules.kinds import (
    AtMost,
    Depends,
    Intervals,
    NullBy,
    Nulls,
    Relatives,
    Rising,
    Rule,
    codes_of,
    followers,
    spread,
    strict_gap,
)
from synthohive_py.rules.thresholds import FEW, NullBeyond, find_thresholds, tells_all

__all__ = ["mine_rules"]

MIN_ROWS = 100  # in fewer rows anything may hold by coincidence
MIN_BREAKS = 8  # rows that would break a rule if its columns had nothing to do with each other
PROBED_ROWS = 256  # looked at before all rows are
SAMPLED_ROWS = 5000  # that chance is estimated on
MAX_COLUMNS = 300  # pairs of more columns take too long
MAX_DECIDING = 50  # values of a column that decides where another is null
MIN_GROUP = 5  # mean number of rows that agree in a column that decides others

Mask = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.int64]


def mine_rules(
    table: pa.Table,
    *,
    columns: Sequence[str],
    free: Collection[str],
    deciding: Collection[str],
    agreeing: Collection[str] = (),
    parts: Collection[str] = (),
    computed: Collection[str] = (),
    dated: Mapping[str, str] | None = None,
    relatives: Relatives,
    parent_columns: Mapping[tuple[str, ...], Sequence[str]],
    order: str | None = None,
    is_strict: bool = False,
) -> tuple[Rule, ...]:
    """The rules of one table.

    Args:
        table: The real rows.
        columns: The columns to compare: all but keys, whose values mean nothing.
        free: Those of them whose values can be changed to keep a rule. Each rule has one of them.
        deciding: Columns that may decide others: those whose twins have the real values. If they can't be
            changed, others follow from them, or they choose who decides them.
        agreeing: Columns of made-up values. Rows with the same one may agree in others.
        parts: Those that are a part of a foreign key. They can't be changed, nor can a parent's columns that
            say where nulls are, so they do not say so as well.
        computed: Columns that are computed from others: they can't be changed, but nor do they hold a null.
        dated: Columns that are a part of a date, and which: where that is null they are.
        relatives: The parents of the rows.
        parent_columns: Per foreign key to a parent the columns of that parent to compare with; under no
            columns those of the one that the rows are generated from.
        order: The column that the rows of a parent are sorted by.
        is_strict: Whether no two rows of a parent share a value of it.
    """
    if table.num_rows < MIN_ROWS or len(columns) > MAX_COLUMNS:
        return ()
    dated = dated or {}
    points = {c: _Points.read(table.column(c)) for c in columns if _is_comparable(table.column(c))}
    undated = sorted((c for c in columns if c not in dated), key=lambda c: c not in free)
    rules: list[Rule] = [*_null_rules(table, undated, free, deciding, parts=parts, computed=computed)]
    ties = _ties(rules, free)
    rules += _dependencies(table, free, deciding, agreeing, dated)
    rules = [r for r in rules if not (r.columns[0] in parts and _is_torn(r, table, ties))]
    orders = [rule for rule in _orders(points) if dated.get(rule.lower) != dated.get(rule.upper, rule.upper)]
    rules += _reduced(orders, points)
    for key, names in parent_columns.items():
        along = relatives.along(key)
        above = {c: along.column(c) for c in names if _is_comparable(along.parent.column(c))}
        theirs = {c: _Points.read(pa.chunked_array([a])) for c, a in above.items()}
        rules += _without_implied(list(_parent_orders(points, theirs, key)), points)
    if order is not None and is_strict:
        rules += _along_siblings(table, points, relatives, order)
    changeable = {*free, *(part for part, date in dated.items() if date in free)}
    return tuple(r for r in rules if _can_be_kept(r, changeable if isinstance(r, AtMost) else free, order))


def _ties(rules: Sequence[Rule], free: Collection[str]) -> dict[str, set[str]]:
    """Per column those that can't be changed whose nulls its own follow from, at last."""
    pairs = [{*rule.columns} for rule in rules if isinstance(rule, Nulls)]
    out: dict[str, set[str]] = {}
    for column in set().union(*pairs):
        group = {column}
        while more := {c for pair in pairs if pair & group for c in pair} - group:
            group |= more
        out[column] = group - {*free}
    return out


def _is_torn(rule: Rule, table: pa.Table, ties: Mapping[str, set[str]]) -> bool:
    """Whether a part of a key may say something of nulls, and a column that can't be changed the contrary."""
    if isinstance(rule, NullBeyond):
        # Not if these columns' nulls follow from it as well, which the parent's twin keeps.
        on = table.column(rule.on)
        return any(not tells_all(on, table.column(c)) for c in ties.get(rule.column, ()))
    return isinstance(rule, Depends) and bool(ties.get(rule.column))


def _can_be_kept(rule: Rule, free: Collection[str], order: str | None) -> bool:
    """Whether a column can be changed so that it holds."""
    if isinstance(rule, NullBy | NullBeyond | Rising):
        return rule.column in free
    if isinstance(rule, Intervals):
        return rule.end in free
    if isinstance(rule, AtMost) and rule.of_parent is not None and rule.columns == (order,):
        return True
    return bool(set(rule.columns) & set(free))


def _is_comparable(column: pa.ChunkedArray) -> bool:
    return is_ordered_type(column.type) and column.null_count < len(column)


@dataclass(frozen=True)
class _Points:
    """A column as points on a line."""

    type: pa.DataType
    values: Numbers
    null: Mask

    @classmethod
    def read(cls, column: pa.ChunkedArray) -> _Points:
        return cls(column.type, *spread(column.combine_chunks()))


# ---------------------------------------------------------------- one value at most another


def _orders(points: Mapping[str, _Points]) -> Iterator[AtMost]:
    for one, other in combinations(points, 2):
        if points[one].type.equals(points[other].type):
            gap = _gap(points[one], points[other])
            if gap is not None:
                yield AtMost(one, other, gap)
            else:
                gap = _gap(points[other], points[one])
                if gap is not None:
                    yield AtMost(other, one, gap)


def _parent_orders(
    ours: Mapping[str, _Points], theirs: Mapping[str, _Points], key: tuple[str, ...]
) -> Iterator[AtMost]:
    for name, column in ours.items():
        for other, above in theirs.items():
            if not column.type.equals(above.type):
                continue
            gap = _gap(above, column)
            if gap is not None:
                yield AtMost(other, name, gap, "lower", key)
                continue
            gap = _gap(column, above)
            if gap is not None:
                yield AtMost(name, other, gap, "upper", key)


def _gap(low: _Points, high: _Points) -> float | None:
    """How much one column is below the other in every row: 0 if they may be equal; None if it is not."""
    probe = np.unique(np.linspace(0, len(low.values) - 1, PROBED_ROWS).astype(np.int64))
    if (~low.null & ~high.null & (low.values > high.values))[probe].any():
        return None
    known = ~low.null & ~high.null
    a, b = low.values[known], high.values[known]
    if len(a) < MIN_ROWS or (a > b).any() or (a == b).all():
        return None
    some = np.unique(np.linspace(0, len(a) - 1, SAMPLED_ROWS).astype(np.int64))
    by_chance = _breaks_by_chance(a[some], b[some]) * (len(a) / len(some))
    if MIN_BREAKS / 4 < by_chance < MIN_BREAKS * 4:  # too near to tell from some
        by_chance = _breaks_by_chance(a, b)
    if by_chance < MIN_BREAKS:
        return None
    return 0 if (a == b).any() else strict_gap(a, b)


def _breaks_by_chance(low: Numbers, high: Numbers) -> float:
    """In how many rows one would be larger than the other if they had nothing to do with each other."""
    return float(np.searchsorted(np.sort(high), low, side="left").mean())


def _reduced(rules: list[AtMost], points: Mapping[str, _Points]) -> list[AtMost]:
    """Without those that follow from two others."""
    pairs = {(rule.lower, rule.upper) for rule in rules}
    between = [name for name, column in points.items() if not column.null.any()]
    return [
        rule
        for rule in rules
        if rule.gap or not any({(rule.lower, m), (m, rule.upper)} <= pairs for m in between)
    ]


def _without_implied(rules: Sequence[AtMost], points: Mapping[str, _Points]) -> list[AtMost]:
    """Limits of a parent, without those that follow from one on another column of the row."""
    found = {(_ends(rule), rule.of_parent): rule.gap for rule in rules}

    def is_implied(rule: AtMost) -> bool:
        own, limit = _ends(rule)
        for ((column, other), of_parent), gap in found.items():
            if of_parent == rule.of_parent and other == limit and column != own:
                low, high = (own, column) if of_parent == "upper" else (column, own)
                step = None if points[column].null.any() else _gap(points[low], points[high])
                if step is not None and (not rule.gap or gap or step):
                    return True
        return False

    return [rule for rule in rules if not is_implied(rule)]


def _ends(rule: AtMost) -> tuple[str, str]:
    """The column of the table, and that of the parent."""
    return (rule.upper, rule.lower) if rule.of_parent == "lower" else (rule.lower, rule.upper)


# ---------------------------------------------------------------- one column decides another


def _dependencies(
    table: pa.Table,
    free: Collection[str],
    deciding: Collection[str],
    agreeing: Collection[str],
    dated: Mapping[str, str],
) -> list[Depends]:
    """For each column those that decide it, unless they do so by deciding another one of these."""
    known = {*free, *deciding, *agreeing}
    names = [c for c in table.column_names if c in known and _is_flat(table.column(c))]
    codes = {c: codes_of(table.column(c).combine_chunks()) for c in names}
    valid = {c: np.asarray(table.column(c).is_valid()) for c in names}
    sizes = {c: int(codes[c].max(initial=-1)) + 1 for c in names}
    # A column decides only ones with fewer values, or later ones with as many: so there is no circle.
    ranked = sorted(names, key=lambda c: (sizes[c], -table.column_names.index(c)))
    found: list[Depends] = []
    more: list[Depends] = []
    for place, column in enumerate(ranked):
        held = column not in free
        if sizes[column] < 2 or (held and column not in deciding):
            continue
        through: list[str] = []
        for other in ranked[place + 1 :]:
            # A column that can't be changed is not decided: another one is chosen that decides so.
            is_able = (other in free and other in deciding) if held else other in {*deciding, *agreeing}
            is_of_date = dated.get(column) == dated.get(other, other)
            if not is_able or is_of_date or sizes[other] * MIN_GROUP > table.num_rows:
                continue
            if not _decides(codes[other], codes[column], valid[other]):
                continue
            if not any(_follows(codes[other], codes[c], valid[other]) for c in through):
                (more if held or through else found).append(Depends(other, column))
                through.append(other)
    # Deciding columns first, so that each is settled before others follow from it.
    found.sort(key=lambda rule: -ranked.index(rule.on))
    decided = {rule.column for rule in found}
    return found + [rule for rule in more if rule.on in {*free} - decided and rule.on in deciding]


def _is_flat(column: pa.ChunkedArray) -> bool:
    return not pa.types.is_nested(column.type) and not pa.types.is_null(column.type)


def _follows(on: Codes, column: Codes, known: Mask) -> bool:
    """Whether rows that agree in one, where it is known, agree in the other."""
    for some in (slice(0, PROBED_ROWS), slice(0, None)):
        of, value = on[some][known[some]], column[some][known[some]]
        first = np.full(int(of.max(initial=-1)) + 1, -1, np.int64)
        first[of[::-1]] = value[::-1]
        if (first[of] != value).any():
            return False
    return True


def _decides(on: Codes, column: Codes, known: Mask) -> bool:
    """Whether it follows, though chance would have had it otherwise."""
    if known.sum() < MIN_ROWS or not _follows(on, column, known):
        return False
    on, column = on[known], column[known]
    share = np.bincount(column) / len(column)
    repeats = len(on) - len(np.unique(on))
    return float(repeats * (1 - (share**2).sum())) >= MIN_BREAKS


# ---------------------------------------------------------------- nulls


def _null_rules(
    table: pa.Table,
    columns: Sequence[str],
    free: Collection[str],
    deciding: Collection[str],
    *,
    parts: Collection[str],
    computed: Collection[str],
) -> Iterator[Nulls | NullBy | NullBeyond]:
    """What nulls have to do with each other and with other columns; not what follows from other rules."""
    size = table.num_rows
    alike: dict[bytes, list[str]] = {}
    null: dict[str, Mask] = {}
    for name in columns:
        mask = np.asarray(table.column(name).is_null())
        if 0 < mask.sum() < size:
            null[name] = mask
            alike.setdefault(np.packbits(mask).tobytes(), []).append(name)
    firsts = {names[0]: null[names[0]] for names in alike.values()}
    decided = [*_decided_nulls(table, firsts, {*deciding} - {*parts})]
    yield from decided
    # Where few rows have a value that decides, it is not known what it says; a point may say it.
    told = {rule.column for rule in decided if _counts(table.column(rule.on)).min() >= FEW}
    # Nulls that go with those of a column that can't be changed follow from it.
    told |= {names[0] for names in alike.values() if {*names} - {*free, *computed}}
    yield from find_thresholds(table, {c: mask for c, mask in firsts.items() if c not in told}, deciding)
    for names in alike.values():
        if len(names) > 1 and _by_chance(null[names[0]], ~null[names[0]]) >= MIN_BREAKS:
            yield from (Nulls(*pair, "first") for pair in zip(names, [*names[1:], names[0]], strict=True))
    ordered: list[tuple[str, str]] = []
    for one, other in combinations([names[0] for names in alike.values()], 2):
        a, b = null[one], null[other]
        if not (a & b).any() and _by_chance(a, b) >= MIN_BREAKS:
            yield Nulls(one, other, "both")
        if (a | b).all() and _by_chance(~a, ~b) >= MIN_BREAKS:
            yield Nulls(one, other, "neither")
        if not (a & ~b).any() and _by_chance(a, ~b) >= MIN_BREAKS:
            ordered.append((one, other))
        if not (b & ~a).any() and _by_chance(b, ~a) >= MIN_BREAKS:
            ordered.append((other, one))
    pairs = set(ordered)
    for one, other in ordered:
        if not any((one, between) in pairs and (between, other) in pairs for between in null):
            yield Nulls(one, other, "first")


def _counts(column: pa.ChunkedArray) -> Codes:
    """How many rows have each value."""
    return np.bincount(codes_of(column.combine_chunks()))


def _decided_nulls(table: pa.Table, null: Mapping[str, Mask], deciding: Collection[str]) -> Iterator[NullBy]:
    """For each column with nulls the column of fewest values that says where they are."""
    # In the table's order: of two that say the same, always the same one is taken.
    named = [c for c in table.column_names if c in deciding and _is_flat(table.column(c))]
    codes = {c: codes_of(table.column(c).combine_chunks()) for c in named}
    sizes = {c: int(values.max(initial=-1)) + 1 for c, values in codes.items()}
    ranked = sorted((c for c in codes if 1 < sizes[c] <= MAX_DECIDING), key=sizes.__getitem__)
    known = {c: np.asarray(table.column(c).is_valid()) for c in ranked}
    for column, mask in null.items():
        for on in ranked:
            if on != column and _decides(codes[on], mask.astype(np.int64), known[on]):
                yield NullBy(on, column)
                break


def _by_chance(one: Mask, other: Mask) -> float:
    """In how many rows both would be the case if they had nothing to do with each other."""
    return float(one.mean() * other.sum())


# ---------------------------------------------------------------- from sibling to sibling


def _along_siblings(
    table: pa.Table, points: Mapping[str, _Points], relatives: Relatives, order: str
) -> Iterator[Rule]:
    before, after = followers(relatives.rows, table.column(order).combine_chunks())
    if len(before) < MIN_ROWS or order not in points:
        return
    start = points[order]
    for name, column in points.items():
        if name == order:
            continue
        ends = ~column.null[before]
        first, second = before[ends], after[ends]
        if column.type.equals(start.type) and len(first) >= MIN_ROWS:
            starts_first = (column.values >= start.values) | column.null
            ends_first = column.values[first] <= start.values[second]
            if starts_first.all() and ends_first.all() and (column.values != start.values).any():
                yield Intervals(order, name)
                continue
        values = column.values
        falls = values[np.roll(after, 1)] > values[after]  # siblings mixed with those of others
        rises = (values[after] >= values[before]).all() and not column.null.any()
        if rises and falls.sum() >= MIN_BREAKS:
            yield Rising(name, order)
