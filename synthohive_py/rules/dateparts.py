"""Columns that are a part of a date of their row: its month, its local hour, the day it begins."""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from synthohive_py.clauses import quoted
from synthohive_py.columns.derived import amounts, is_amount
from synthohive_py.columns.scalars import from_numbers
from synthohive_py.dateparts import part_text
from synthohive_py.rules.kinds import Relatives, Rule, codes_of, differ

__all__ = ["DatePart", "dates_of", "find_date_parts", "with_date_parts"]

MIN_ROWS = 100  # in fewer rows anything may hold by coincidence
MIN_BREAKS = 8  # rows that would break it if its columns had nothing to do with each other
PROBED_ROWS = 256  # looked at before all rows are
LARGEST = 9999  # a number beyond that is no part of a date

# Of several zones that explain the rows the first of these is named.
_KNOWN_ZONES = (
    "UTC",
    "Europe/Berlin",
    "Europe/London",
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Los_Angeles",
    "America/Sao_Paulo",
    "Asia/Kolkata",
    "Asia/Shanghai",
    "Asia/Tokyo",
    "Australia/Sydney",
    "Europe/Moscow",
    "Africa/Johannesburg",
    "Asia/Dubai",
    "Australia/Adelaide",
    "Pacific/Auckland",
    "America/St_Johns",
)

Mask = npt.NDArray[np.bool_]


def _weekday(dates: pa.Array, *, first: int, start: int) -> pa.Array:
    """The day of the week, in which `start` (1 for Monday) has the number `first`."""
    return pc.add(pc.day_of_week(dates, count_from_zero=True, week_start=start), first)


# In the order in which they are tried.
_OF_DAYS: Mapping[str, Callable[[pa.Array], pa.Array]] = {
    "year": pc.year,
    "quarter": pc.quarter,
    "month": pc.month,
    "day": pc.day,
    "isodow": partial(_weekday, first=1, start=1),
    "dow": partial(_weekday, first=0, start=7),
    "isodow - 1": partial(_weekday, first=0, start=1),
    "dow + 1": partial(_weekday, first=1, start=7),
    "week": pc.iso_week,
    "doy": pc.day_of_year,
    "date": lambda dates: dates.cast(pa.date32()),
    **{
        f"start of {unit}": partial(pc.floor_temporal, unit=unit)
        for unit in ("day", "week", "month", "quarter", "year")
    },
}
_OF_CLOCKS: Mapping[str, Callable[[pa.Array], pa.Array]] = {"hour": pc.hour, "minute": pc.minute}
_OF_TIMESTAMPS: Mapping[str, Callable[[pa.Array], pa.Array]] = {
    **_OF_DAYS,
    **_OF_CLOCKS,
    "start of hour": partial(pc.floor_temporal, unit="hour"),
}


@dataclass(frozen=True)
class DatePart(Rule):
    """A value is a part of a date or time of its row.

    Attributes:
        column: The column.
        of: The date.
        part: Which part; see `synthohive_py.dateparts`.
        zones: The time zones that the date is read in: of a column with a zone another one, of one without
            the zone it is in and the other one; none for the column as it is.
    """

    kind: ClassVar[str] = "date_part"
    column: str
    of: str
    part: str
    zones: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{quoted(self.column)} = {part_text(self.part, quoted(self.of), self.zones)}"

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column, self.of)

    def values(self, table: pa.Table) -> pa.Array:
        """The column as it follows from the date."""
        dates = _on_the_wall(table.column(self.of).combine_chunks(), self.zones)
        return _typed(_parts_of(dates.type)[self.part](dates), table.schema.field(self.column).type)

    def broken(self, table: pa.Table, relatives: Relatives | None = None) -> Mask:  # noqa: ARG002
        return differ(table.column(self.column).combine_chunks(), self.values(table))

    @staticmethod
    def refusal(part: str, zones: Sequence[str], column: pa.DataType, of: pa.DataType) -> str | None:
        """Why there is no such rule of columns of these types; None if there is."""
        has_zone = pa.types.is_timestamp(of) and of.tz is not None
        if part not in _parts_of(of) or not _may_be(part, column):
            return f"its columns are of the types {column} and {of}"
        if len(zones) not in ((0, 1) if has_zone else (0, 2)):
            return (
                "a column with a time zone is read `at time zone` another one, one without first at the zone "
                "it is in, then at the other one"
            )
        unknown = [zone for zone in zones if not _is_zone(zone)]
        return f"there is no time zone {unknown[0]}" if unknown else None


def dates_of(rules: Sequence[DatePart]) -> dict[str, str]:
    """Per column the date that it follows from, which itself follows from none."""
    of = {rule.column: rule.of for rule in rules}
    while chained := [column for column, date in of.items() if date in of]:
        of |= {column: of[of[column]] for column in chained}
    return of


def with_date_parts(table: pa.Table, rules: Sequence[DatePart]) -> pa.Table:
    """The table with what follows from its dates as they are now."""
    waiting = list(rules)
    while waiting:  # the day may follow from a time, and the month from the day
        columns = {rule.column for rule in waiting}
        rule = next(rule for rule in waiting if rule.of not in columns)
        waiting.remove(rule)
        table = table.set_column(table.column_names.index(rule.column), rule.column, rule.values(table))
    return table


def find_date_parts(
    table: pa.Table, *, targets: Collection[str], dates: Collection[str], taken: Collection[DatePart] = ()
) -> list[DatePart]:
    """The columns that are a part of a date in every row, in the time zone that explains most.

    Args:
        table: The real rows.
        targets: Columns that may be one.
        dates: Columns that they may be a part of.
        taken: Those that are declared.
    """
    if table.num_rows < MIN_ROWS:
        return []
    sources = [f.name for f in table.schema if f.name in dates and _parts_of(f.type)]
    waiting = [c for c in table.column_names if c in targets and _is_telling(table.column(c))]
    probe = table.take(np.unique(np.linspace(0, table.num_rows - 1, PROBED_ROWS).astype(np.int64)))
    looked_at = _Probe.read(probe, waiting)
    found = list(taken)
    for is_local in (False, True):
        for source in sources:
            for zones in _likely_zones(probe, source, waiting) if is_local else [()]:
                clock = _on_the_wall(probe.column(source).combine_chunks(), zones)
                for part, read in _parts_of(clock.type).items():
                    for column in looked_at.equal(part, read(clock)):
                        _consider(DatePart(column, source, part, zones), table, found)
    return found[len(taken) :]


def _consider(rule: DatePart, table: pa.Table, found: list[DatePart]) -> None:
    """Add a rule to those that are found, if it holds in every row and its column follows from no other."""
    of = dates_of(found)
    is_circle = rule.column in (rule.of, of.get(rule.of))
    if rule.column not in of and not is_circle and not rule.broken(table).any():
        found.append(rule)


def _is_telling(column: pa.ChunkedArray) -> bool:
    """Whether it varies so much that chance would have broken what holds, and may be a part of a date."""
    if _is_day(column.type):
        known = column.drop_null()
    elif _is_number(column.type):
        known = column.drop_null()
        values = amounts(known.combine_chunks())[0]
        if len(known) and (values.min() < 0 or values.max() > LARGEST):
            return False
    else:
        return False
    share = np.bincount(codes_of(known.combine_chunks())) / max(len(known), 1)
    return bool(len(known) >= MIN_ROWS and len(known) * (1 - (share**2).sum()) >= MIN_BREAKS)


@dataclass(frozen=True)
class _Probe:
    """Columns in the rows that are looked at.

    Attributes:
        numbers: The names of those that are numbers.
        values: (columns, rows) these; not a number where null.
        days: The others.
    """

    numbers: tuple[str, ...]
    values: npt.NDArray[np.float64]
    days: Mapping[str, pa.Array]

    @classmethod
    def read(cls, probe: pa.Table, columns: Sequence[str]) -> _Probe:
        numbers = tuple(name for name in columns if _is_number(probe.schema.field(name).type))
        values = [_floats(probe.column(name).combine_chunks()) for name in numbers]
        days = {name: probe.column(name).combine_chunks() for name in columns if name not in numbers}
        return cls(numbers, np.array(values).reshape(len(numbers), probe.num_rows), days)

    def equal(self, part: str, values: pa.Array) -> list[str]:
        """The columns that are these values of a part."""
        if _may_be(part, pa.int64()):
            same = np.isclose(self.values, _floats(values), rtol=0, atol=0, equal_nan=True).all(axis=1)
            return [self.numbers[place] for place in np.flatnonzero(same)]
        fitting = {name: days for name, days in self.days.items() if _may_be(part, days.type)}
        return [n for n, days in fitting.items() if not differ(days, _typed(values, days.type)).any()]


def _floats(column: pa.Array) -> npt.NDArray[np.float64]:
    values, null = amounts(column)
    return np.where(null, np.nan, values)


def _likely_zones(probe: pa.Table, source: str, columns: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Time zones in which some column is a part of a timestamp; one of those that show the same times."""
    dates = probe.column(source).combine_chunks()
    if not pa.types.is_timestamp(dates.type) or len(pc.hour(dates).unique().drop_null()) < 2:
        return
    off = [name for name in columns if name != source and _is_off(dates, probe.column(name))]
    if not off:
        return
    telling = _Probe.read(probe, off)
    own = () if dates.type.tz else ("UTC",)
    seen: set[bytes] = set()
    for zone in (*_KNOWN_ZONES, *sorted(zoneinfo.available_timezones() - {*_KNOWN_ZONES})):
        if not _is_zone(zone):
            continue
        clock = _on_the_wall(dates, (*own, zone))
        times = bytes(clock.cast(pa.int64()).fill_null(0).to_numpy().tobytes())
        if times not in seen:
            seen.add(times)
            if any(telling.equal(part, _OF_TIMESTAMPS[part](clock)) for part in ("hour", "day", "date")):
                yield (*own, zone)


def _is_off(dates: pa.Array, column: pa.ChunkedArray) -> bool:
    """Whether a column may be the hour, the day of the month or the date somewhere else on earth."""
    dates = _on_the_wall(dates, ())
    known = np.asarray(pc.and_(dates.is_valid(), column.combine_chunks().is_valid()))
    if not known.any():
        return False
    if _is_day(column.type):
        days = [amounts(c.cast(pa.date32()))[0] for c in (dates, column.combine_chunks())]
        return bool((np.abs(days[0] - days[1])[known] <= 1).all())
    values, hour, day = (
        amounts(c)[0][known] for c in (column.combine_chunks(), pc.hour(dates), pc.day(dates))
    )
    off = np.abs(values - day)
    # Summer, winter, and both for a part of an hour.
    is_hour = len(np.unique(values)) > 4 and len(np.unique((values - hour) % 24)) <= 4
    return is_hour or bool(((off <= 1) | (off >= 27)).all())


def _is_zone(name: str) -> bool:
    """Whether Arrow knows it; of Python's it lacks a few."""
    try:
        pc.assume_timezone(pa.array([0], pa.timestamp("s")), name)
    except pa.ArrowInvalid:
        return False
    return True


def _on_the_wall(dates: pa.Array, zones: Sequence[str]) -> pa.Array:
    """Times as a clock on the wall shows them, without a time zone."""
    if zones:
        if dates.type.tz is None:
            dates = pc.assume_timezone(dates, zones[0], ambiguous="earliest", nonexistent="earliest")
        dates = dates.cast(pa.timestamp(dates.type.unit, zones[-1]))
    is_zoned = pa.types.is_timestamp(dates.type) and dates.type.tz is not None
    return pc.local_timestamp(dates) if is_zoned else dates


def _parts_of(kind: pa.DataType) -> Mapping[str, Callable[[pa.Array], pa.Array]]:
    """The parts that a column of the type has, and how each is read."""
    if pa.types.is_timestamp(kind):
        return _OF_TIMESTAMPS
    return _OF_CLOCKS if pa.types.is_time(kind) else _OF_DAYS if pa.types.is_date(kind) else {}


def _may_be(part: str, kind: pa.DataType) -> bool:
    """Whether a column of the type can be the part."""
    if part == "date":
        return bool(pa.types.is_date(kind))
    return _is_day(kind) if part.startswith("start of") else _is_number(kind)


def _is_number(kind: pa.DataType) -> bool:
    is_odd = pa.types.is_float16(kind) or (pa.types.is_decimal(kind) and kind.scale < 0)
    return is_amount(kind) and not is_odd


def _is_day(kind: pa.DataType) -> bool:
    return bool(pa.types.is_date(kind) or (pa.types.is_timestamp(kind) and kind.tz is None))


def _typed(values: pa.Array, kind: pa.DataType) -> pa.Array:
    """A part as a column of the type; null where that has no room for it."""
    if _is_day(kind):
        return values.cast(kind, safe=False)
    numbers, null = amounts(values)
    scale = kind.scale if pa.types.is_decimal(kind) else 0
    most = np.inf
    if pa.types.is_decimal(kind):
        most = 10.0 ** (kind.precision - scale) - 1
    elif pa.types.is_integer(kind):
        most = np.iinfo(kind.to_pandas_dtype()).max
    return from_numbers(numbers * 10**scale, null | (numbers > most), kind)
