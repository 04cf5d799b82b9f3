"""Columns that are null up to a point of another one, or from a point on: what was introduced in 1969."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timezone
from decimal import Decimal
from itertools import compress
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from synthohive_py.clauses import Sign, quoted
from synthohive_py.columns.scalars import Numbers, from_numbers, to_numbers
from synthohive_py.rules.kinds import Relatives, Rule, spread

__all__ = ["FEW", "NullBeyond", "can_be_beyond", "find_thresholds", "holders", "is_round", "tells_all"]

MIN_BREAKS = 16  # rows beyond a point that would be otherwise by chance; many points and columns are tried
MIN_SHARE = 0.5  # of a column's nulls, or of its values, that are beyond the point
MIN_OTHERS = 100  # rows with values where others are null: of fewer a model knows little, and all would go
FEW = 5  # rows that hold a value which is not told as a point, if there is a rounder one
ROUND = 2  # digits of a number beside zeros
LEFT_ALONE = 0.05  # share of the rows beyond a point that the rounder one may leave alone
PROBED_ROWS = 2000  # looked at before all rows are
PROBED_EACH = 64  # of them with nulls in a column, and with values, if there are so many
FINEST = -9  # the power of ten to which a point between two floats is rounded at most

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class NullBeyond(Rule):
    """Where a value is beyond a point, another column is null, or is not.

    Attributes:
        on: The column with the point.
        sign: How a value that says nothing compares with the point.
        point: The point as SQL writes it: a number, or a date or time in quotes.
        column: The column that is null, or is not, in all other rows.
        is_null: Which of the two.
    """

    kind: ClassVar[str] = "null_beyond"
    on: str
    sign: Sign
    point: str
    column: str
    is_null: bool

    def __str__(self) -> str:
        is_null = "is null" if self.is_null else "is not null"
        return f"{quoted(self.on)} {self.sign} {self.point} or {quoted(self.column)} {is_null}"

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.on, self.column)

    def beyond(self, table: pa.Table) -> Mask:
        """The rows that it says something about."""
        on = table.column(self.on).combine_chunks()
        values, null = spread(on)
        point = _ticks(self.point, on.type)
        within = {"<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal}[self.sign]
        return ~null & ~within(values, point)

    def wanted(self, table: pa.Table) -> Mask:
        """Whether each row should have a null; where the rule says nothing, whether it has one."""
        null = np.asarray(table.column(self.column).is_null())
        return np.where(self.beyond(table), self.is_null, null)

    def support(self, table: pa.Table, relatives: Relatives | None = None) -> int:  # noqa: ARG002
        return int(self.beyond(table).sum())

    def broken(self, table: pa.Table, relatives: Relatives | None = None) -> Mask:  # noqa: ARG002
        return self.wanted(table) != np.asarray(table.column(self.column).is_null())


def holders(column: pa.Array, point: str) -> Mask:
    """Which values are just this point."""
    values, null = spread(column)
    return ~null & (values == _ticks(point, column.type))


def is_round(point: str) -> bool:
    """Whether a point is the first of a month, or a number of two digits and zeros: nobody's own value.

    It is said of such a point only that it is the roundest near by, and not whether a row has it.
    """
    if point[:1] == "'":
        return re.fullmatch(r"'[\d-]+-01(?: 00:00:00\+00:00)?'", point) is not None
    return len(point.strip("-").replace(".", "").strip("0")) <= ROUND


def can_be_beyond(point: str, kind: pa.DataType) -> bool:
    """Whether values of a type can be compared with a point."""
    try:
        _ticks(point, kind)
    except (ArithmeticError, ValueError):  # Arrow's errors are the latter
        return False
    return True


def find_thresholds(
    table: pa.Table, null: Mapping[str, Mask], deciding: Collection[str]
) -> Iterator[NullBeyond]:
    """For each column with nulls those points of the column that says most about where they are.

    Args:
        table: The real rows.
        null: Per column with nulls (rows,) where they are.
        deciding: Columns whose twins have the real values.
    """
    names = [c for c in table.column_names if c in deciding and _has_points(table.schema.field(c).type)]
    if not null:
        return
    probe = _probe(null, table.num_rows)
    looks = np.stack([mask[probe] for mask in null.values()])
    best: dict[str, tuple[int, str, list[_Zone]]] = {}
    for on in names:
        values, unknown = spread(table.column(on).combine_chunks())
        known, some = ~unknown, ~unknown[probe]
        for column in compress(null, _may_be_told(values[probe][some], looks[:, some])):
            zones = [] if on == column else _zones(values[known], null[column][known])
            told = sum(zone.rows for zone in zones)
            if told > best.get(column, (0,))[0]:
                best[column] = (told, on, zones)
    for column in (c for c in null if c in best):
        _, on, zones = best[column]
        yield from _told(table.column(on).combine_chunks(), on, column, zones)


def _told(values: pa.Array, on: str, column: str, zones: Collection[_Zone]) -> Iterator[NullBeyond]:
    """The rules of the ends."""
    above: dict[bool, str] = {}
    for zone in sorted(zones, key=lambda zone: not zone.is_upper):
        point = _point_of(zone, values)
        if point is None:
            continue
        other = above.get(not zone.is_null)
        if zone.is_upper:
            above[zone.is_null] = point
        elif other is not None and _ticks(other, values.type) < _ticks(point, values.type):
            point = other  # nothing lies between, and of what comes to lie there both would be said
        yield NullBeyond(on, "<" if zone.is_upper else ">=", point, column, zone.is_null)


def _point_of(zone: _Zone, values: pa.Array) -> str | None:
    """Where an end begins: a point that is no value of few rows, if there is one."""
    kind, found = values.type, None
    for ends in (zone.narrow, zone.wide):
        point = _round_point(*ends, kind, from_below=zone.is_upper and ends is zone.wide)
        if point is not None and can_be_beyond(point, kind):
            found = point
            if is_round(point) or not 0 < holders(values, point).sum() < FEW:
                break
    return found


def _probe(null: Mapping[str, Mask], rows: int) -> npt.NDArray[np.int64]:
    """Rows to look at before all are: some of the table, and some nulls or values of columns with few."""
    probe = _evenly(np.arange(rows), PROBED_ROWS)
    rare = (side for mask in null.values() for side in (mask, ~mask) if side[probe].sum() < PROBED_EACH)
    return np.unique(np.concatenate([probe, *(_evenly(np.flatnonzero(side), PROBED_EACH) for side in rare)]))


def _evenly(rows: npt.NDArray[np.int64], size: int) -> npt.NDArray[np.int64]:
    """So many of some rows, or all."""
    return rows[np.linspace(0, len(rows) - 1, min(size, len(rows))).astype(np.int64)]


def _may_be_told(values: Numbers, null: Mask) -> Mask:
    """Which columns may be always or never null at an end of another one.

    Args:
        values: (rows,) of that one.
        null: (columns, rows) where they are null.
    """
    lines = null[:, np.argsort(values, kind="stable")]
    found = np.zeros(len(null), bool)
    if not len(values):
        return found
    for own in (lines, ~lines):
        needed = own.sum(1) * MIN_SHARE / 2
        is_mixed = own.any(1) & ~own.all(1)
        for line in (own, own[:, ::-1]):
            run = np.argmin(line, axis=1)  # how many come before the first other one
            found |= is_mixed & (run > 0) & (run >= needed)
    return found


def tells_all(on: pa.ChunkedArray, column: pa.ChunkedArray) -> bool:
    """Whether points of one column say of all rows whether another one is null."""
    if not _has_points(on.type):
        return False
    values, unknown = spread(on.combine_chunks())
    zones = _zones(values[~unknown], np.asarray(column.is_null())[~unknown])
    return sum(zone.rows for zone in zones) == len(on)


@dataclass(frozen=True)
class _Zone:
    """Rows at one end of a column in which another one is always null, or never.

    Attributes:
        is_upper: Whether they are at its upper end.
        is_null: Which of the two.
        rows: How many they are.
        narrow: The point where they begin or end is more than the first and at most the second value.
        wide: Likewise, if a few of them may be left alone.
    """

    is_upper: bool
    is_null: bool
    rows: int
    narrow: tuple[float, float]
    wide: tuple[float, float]


def _zones(values: Numbers, null: Mask) -> list[_Zone]:
    """The ends of a column at which another one is always null or never, though by chance it is not.

    Args:
        values: (rows,) of the column, without nulls.
        null: (rows,) whether the other one is null.
    """
    found = []
    for is_null in (True, False):
        own, other = (values[null], values[~null]) if is_null else (values[~null], values[null])
        if not len(own) or len(other) < (MIN_OTHERS if is_null else 1):
            continue
        for is_upper in (False, True):
            limit = other.max() if is_upper else other.min()
            inside = own[own > limit] if is_upper else own[own < limit]
            by_chance = len(inside) * len(other) / len(values)
            if len(inside) < MIN_SHARE * len(own) or by_chance < MIN_BREAKS:
                continue
            outer, inner = (inside.min(), limit) if is_upper else (inside.max(), limit)
            left = int(LEFT_ALONE * (len(inside) - 1))
            place = left if is_upper else len(inside) - 1 - left
            few = np.partition(inside, place)[place]
            if np.isfinite([outer, inner, few]).all():
                narrow, wide = ((inner, end) if is_upper else (end, inner) for end in (outer, few))
                found.append(_Zone(is_upper, is_null, len(inside), narrow, wide))
    return found


def _round_point(above: float, upto: float, kind: pa.DataType, *, from_below: bool) -> str | None:
    """The roundest value that is more than one and at most the other; None if there is none to write.

    Of several equally round ones it is the nearest to the first, or to the second.
    """
    t = pa.types
    if _is_dated(kind):
        plain = kind if t.is_date(kind) else pa.timestamp(kind.unit)  # without a zone
        ends = from_numbers(np.array([above, upto]), np.zeros(2, bool), plain)
        low, high = ends.cast(pa.timestamp("us" if t.is_date(kind) else kind.unit)).to_numpy()
        units = [f"datetime64[{unit}]" for unit in ("Y", "M", "D", "h", "m", "s", "us")]
        candidates = (low.astype(unit) + 1 if from_below else high.astype(unit) for unit in units)
        return next((_date_text(c, kind) for c in candidates if low < c <= high), None)
    if t.is_uint64(kind):
        above, upto = (
            from_numbers(np.array([end]), np.zeros(1, bool), kind)[0].as_py() for end in (above, upto)
        )
    scale = kind.scale if t.is_decimal(kind) else 0
    low, high = (Decimal(str(end)).scaleb(-scale) for end in (above, upto))
    finest = FINEST if t.is_floating(kind) else -scale
    for power in range(max(math.ceil((high - low).log10()), finest), finest - 1, -1):
        rounded = math.floor(low.scaleb(-power)) + 1 if from_below else math.floor(high.scaleb(-power))
        point = Decimal(rounded).scaleb(power)
        if low < point <= high:
            return f"{point.normalize():f}"
    return None


def _date_text(point: np.datetime64, kind: pa.DataType) -> str:
    """A date or time in quotes, as SQL takes it."""
    day, _, clock = str(point.astype("datetime64[us]")).partition("T")
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        return f"'{day} {clock.removesuffix('.000000')}+00:00'"
    return f"'{day}'" if clock.strip("0:.") == "" else f"'{day} {clock.removesuffix('.000000')}'"


def _ticks(point: str, kind: pa.DataType) -> float:
    """A point that SQL writes as a number on the line of a type's values."""
    t = pa.types
    if t.is_date(kind):
        return int(to_numbers(pa.array([date.fromisoformat(_text(point))], kind))[0][0])
    if t.is_timestamp(kind):
        moment = datetime.fromisoformat(_text(point))
        if moment.tzinfo is not None:
            moment = moment.astimezone(timezone.utc).replace(tzinfo=None)
        return int(to_numbers(pa.array([moment], pa.timestamp("us")).cast(pa.timestamp(kind.unit)))[0][0])
    if not _has_points(kind):
        raise ValueError(f"values of type {kind} have no order that a point could be on")
    number = Decimal(point).scaleb(kind.scale if t.is_decimal(kind) else 0)
    is_whole = number == int(number) and not t.is_floating(kind)
    if t.is_uint64(kind):
        if not is_whole:
            raise ValueError(f"{point} is no whole number")
        return int(to_numbers(pa.array([int(number)], kind))[0][0])
    return int(number) if is_whole else float(number)


def _has_points(kind: pa.DataType) -> bool:
    """Whether SQL can write a point among the values of a type."""
    t = pa.types
    return bool(t.is_integer(kind) or t.is_floating(kind) or t.is_decimal(kind) or _is_dated(kind))


def _is_dated(kind: pa.DataType) -> bool:
    return bool(pa.types.is_date(kind) or pa.types.is_timestamp(kind))


def _text(point: str) -> str:
    """What stands between quotes."""
    if point[:1] != "'":
        raise ValueError(f"{point} is no date")
    return point[1:-1]
