"""The column that siblings are sorted by: found in the data, and generated as steps from row to row.

Every row but the first of a family has the value before it plus a step, so that siblings never run
backwards and the time between them is what the model learned. The first one is a step from the parent's own
time (a first order from the sign-up), where there is one that tells; otherwise it has a value like any other.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from synthohive_py.columns.base import Codes, type_from_text, type_to_text
from synthohive_py.columns.bins import protected_ends
from synthohive_py.columns.datetimes import ticks_per_day
from synthohive_py.columns.numeric import NumericCodec
from synthohive_py.columns.scalars import from_numbers, to_numbers
from synthohive_py.relational.calendar import Calendar
from synthohive_py.relational.families import Families
from synthohive_py.rules.changes import highest_so_far
from synthohive_py.schema import Constraint

__all__ = ["Order", "anchor_ticks", "can_anchor", "can_order", "find_order"]

MIN_PAIRS = 20  # siblings that follow each other; of fewer nothing can be said
CLOSE = 0.5  # spread of the gaps to an anchor, as a share of the spread of the values, to start from it
PACES = 24  # levels of the time left to each sibling
MIN_DISTANCE = 0.04  # between the gaps of siblings and those of any rows
SORTED = 0.95  # share of such pairs in ascending order from which the rows count as sorted

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Times:
    """What the parents of rows say of their place in the order, in ticks.

    Attributes:
        start: (rows,) where the first of siblings steps from.
        known: (rows,) where that is known.
        latest: (rows,) the last value that they allow.
    """

    start: Rows
    known: npt.NDArray[np.bool_]
    latest: Rows


@dataclass(frozen=True)
class Order:
    """How siblings follow each other in one column.

    Attributes:
        column: Its name.
        type: Its Arrow type.
        unit: Ticks per step: one, or a day where siblings are about a day or more apart. Then the time of
            day is drawn for itself, and its patterns survive.
        steps: Steps between siblings to codes and back.
        anchor: The parent's column that first rows start from, if any.
        starts: Steps from there to codes and back.
        low: The smallest real value, protected as codecs protect it.
        high: The largest one, likewise.
        is_strict: Whether no two siblings have one value.
        paces: Limits between the levels of `pace`, in ticks.
    """

    column: str
    type: pa.DataType
    unit: int
    steps: NumericCodec
    anchor: str | None
    starts: NumericCodec | None
    low: int
    high: int
    is_strict: bool
    paces: npt.NDArray[np.float64]

    @classmethod
    def fit(
        cls,
        name: str,
        column: pa.Array,
        parents: Rows,
        anchors: Mapping[str, pa.Array],
        *,
        threshold: int,
    ) -> Order:
        """Learn the steps of real siblings.

        Args:
            name: The column's name.
            column: Its values.
            parents: (rows,) parent row of each row.
            anchors: Columns of each row's parent; first rows may start from one of them.
            threshold: Values held by fewer rows than this are never stored.
        """
        ticks = to_numbers(column)[0]
        low, high = protected_ends(ticks, threshold)
        families = Families.of(parents, ticks)
        later, before = _pairs(families)
        gaps = ticks[later] - ticks[before]
        unit = 1
        if pa.types.is_timestamp(column.type) or pa.types.is_date64(column.type):
            day = ticks_per_day(column.type)
            unit = day if len(gaps) and np.median(gaps) >= day / 2 else 1
        steps = ticks[later] // unit - ticks[before] // unit
        first = families.rows[families.first]
        anchor = _closest(ticks[first], {k: a.take(pa.array(first)) for k, a in anchors.items()}, column.type)
        starts = None
        if anchor:
            origin, known = anchor_ticks(anchors[anchor].take(pa.array(first)), column.type)
            gap = ticks[first][known] // unit - origin[known] // unit
            never_before = Constraint(min=0) if (gap >= 0).all() else None
            starts = NumericCodec.fit(pa.array(gap), threshold=threshold, rule=never_before)
        return cls(
            column=name,
            type=column.type,
            unit=unit,
            steps=NumericCodec.fit(pa.array(steps), threshold=threshold),
            anchor=anchor,
            starts=starts,
            low=int(low),
            high=int(high),
            is_strict=bool((gaps > 0).all()),
            paces=_pace_levels(ticks, families, int(high)),
        )

    @property
    def free(self) -> int:
        """The code of rows that start from nothing; below are steps from a sibling, above from the anchor."""
        return self.steps.cardinalities[0]

    @cached_property
    def calendar(self) -> Calendar | None:
        """The cycles of the calendar that the column shows; None if it holds no points in time."""
        if not (pa.types.is_timestamp(self.type) or pa.types.is_date(self.type)):
            return None
        calendar = Calendar.of(self.low, self.high, ticks_per_day(self.type))
        return calendar if calendar.cycles else None

    def in_calendar(self, ticks: Rows, places: Codes, least: Rows) -> Rows:
        """Values near these with a certain place in the calendar, if steps are days."""
        if self.calendar is None or self.unit != self.calendar.per_day:
            return ticks
        return self.calendar.nearest(ticks, places, least)

    @property
    def cardinality(self) -> int:
        """How many codes steps have, of all kinds."""
        return self.free + 1 + (self.starts.cardinalities[0] if self.starts else 0)

    @property
    def pace_cardinality(self) -> int:
        """How many codes `pace` has."""
        return len(self.paces) + 2

    def pace(self, origin: Rows, known: npt.NDArray[np.bool_], following: Rows) -> npt.NDArray[np.int32]:
        """How much time is left to each sibling still to come, as a code; the last one is for unknown.

        Many families end with the data, so those with little time left must take small steps.

        Args:
            origin: (rows,) where each row steps from.
            known: Where that is known.
            following: How many younger siblings each has.
        """
        level = np.searchsorted(self.paces, (self.high - origin) / (following + 1), side="right")
        return np.where(known, level, len(self.paces) + 1).astype(np.int32)

    def paces_of(self, column: pa.Array, families: Families, anchor: pa.Array | None) -> Codes:
        """(rows, 1) the pace of real rows, given the anchor's value of each."""
        ticks = to_numbers(column)[0]
        origin, known = np.zeros(len(ticks), np.int64), np.zeros(len(ticks), bool)
        if anchor is not None:
            first = families.rows[families.first]
            origin[first], known[first] = anchor_ticks(anchor.take(pa.array(first)), self.type)
        later, before = _pairs(families)
        origin[later], known[later] = ticks[before], True
        return self.pace(origin, known, families.following)[:, None]

    def allowed(self, *, is_first: bool) -> npt.NDArray[np.bool_]:
        """The codes that rows with a sibling before them may have, or first rows with an anchor."""
        codes = np.arange(self.cardinality)
        return codes > self.free if is_first else codes < self.free

    def encode(self, column: pa.Array, families: Families, anchor: pa.Array | None) -> Codes:
        """(rows, 1) codes of the steps of real rows, given the anchor's value of each."""
        ticks = to_numbers(column)[0] // self.unit
        later, before = _pairs(families)
        codes = np.full((len(column), 1), self.free, np.int32)
        codes[later] = self.steps.encode(pa.array(ticks[later] - ticks[before]))
        if self.starts and anchor is not None:
            first = families.rows[families.first]
            origin, known = anchor_ticks(anchor.take(pa.array(first)), self.type)
            gap = ticks[first[known]] - origin[known] // self.unit
            codes[first[known]] = self.starts.encode(pa.array(gap)) + self.free + 1
        return codes

    def after(self, ticks: Rows, codes: npt.NDArray[np.int32], rng: np.random.Generator) -> Rows:
        """Values one step after others; where steps are days, the start of a day.

        Args:
            ticks: The values of the siblings before, or of the anchors.
            codes: (rows,) steps, all of the same kind.
            rng: Decides within the bins of the steps.
        """
        steps, shift = self.steps, 0
        if self.starts is not None and len(codes) and codes[0] > self.free:
            steps, shift = self.starts, self.free + 1
        taken = steps.decode(codes[:, None] - shift, rng).to_numpy(zero_copy_only=False).astype(np.int64)
        return (ticks // self.unit + taken) * self.unit

    def settled(self, ticks: Rows, parents: Rows) -> Rows:
        """Values of whole families, sorted by parent and value, made to keep the rules of the real ones.

        Siblings differ where real ones do. A family that would begin before the first real value or end after
        the last one is moved as a whole: the steps stay as they are.
        """
        if not len(ticks):
            return ticks
        is_first = np.ones(len(ticks), bool)
        is_first[1:] = (parents[1:] != parents[:-1]) | (parents[1:] < 0)
        family = np.cumsum(is_first) - 1
        if self.is_strict:
            place = np.arange(len(ticks)) - np.flatnonzero(is_first)[family]
            ticks = highest_so_far(ticks - place, family) + place
        first = np.flatnonzero(is_first)
        ticks = ticks + self._whole_units(np.maximum(self.low - ticks[first], 0))[family]
        last = np.append(first[1:] - 1, len(ticks) - 1)
        return ticks - self._whole_units(np.maximum(ticks[last] - self.high, 0))[family]

    @property
    def least(self) -> int:
        """The smallest step from one sibling to the next, in ticks."""
        return self.unit if self.is_strict else 0

    def earliest(self, origin: Rows, *, is_first: bool) -> Rows:
        """The earliest values that a step may lead to, from a sibling, or from the anchor for first rows."""
        if is_first and self.starts and self.starts.rule.min is None:
            return np.full(len(origin), self.low)  # real ones begin before their anchor
        return np.maximum(origin + (0 if is_first else self.least), self.low)

    def room(self, times: Times) -> Rows:
        """How many siblings find a place between their parent's limits."""
        if not self.is_strict:
            return np.full(len(times.start), np.iinfo(np.int64).max)
        first, last = np.where(times.known, times.start, self.low), np.minimum(times.latest, self.high)
        return np.maximum(last // self.unit - first // self.unit + 1, 1)

    def within(self, ticks: Rows, latest: Rows) -> npt.NDArray[np.bool_]:
        """Which values lie between the first real one and the latest ones."""
        return (ticks >= self.low // self.unit * self.unit) & (ticks <= latest)

    def _whole_units(self, ticks: Rows) -> Rows:
        """Rounded up."""
        return -(-ticks // self.unit) * self.unit

    def array(self, ticks: Rows) -> pa.Array:
        """The column with these values."""
        return from_numbers(ticks, np.zeros(len(ticks), bool), self.type)

    def state(self) -> dict[str, Any]:
        """All fields, for an artefact."""
        return {
            "column": self.column,
            "type": type_to_text(self.type),
            "unit": self.unit,
            "steps": self.steps.state(),
            "anchor": self.anchor,
            "starts": self.starts.state() if self.starts else None,
            "low": self.low,
            "high": self.high,
            "is_strict": self.is_strict,
            "paces": self.paces,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Order:
        """The order that `state` was taken from."""
        return cls(
            column=state["column"],
            type=type_from_text(state["type"]),
            unit=state["unit"],
            steps=NumericCodec.from_state(state["steps"]),
            anchor=state["anchor"],
            starts=NumericCodec.from_state(state["starts"]) if state["starts"] else None,
            low=state["low"],
            high=state["high"],
            is_strict=state["is_strict"],
            paces=np.asarray(state["paces"], np.float64),
        )


def _pace_levels(ticks: Rows, families: Families, high: int) -> npt.NDArray[np.float64]:
    later, before = _pairs(families)
    if not len(later):
        return np.zeros(0)
    left = (high - ticks[before]) / (families.following[later] + 1)
    return np.unique(np.quantile(left, np.linspace(0, 1, PACES + 1)[1:-1]))


def anchor_ticks(anchor: pa.Array, kind: pa.DataType) -> tuple[Rows, npt.NDArray[np.bool_]]:
    """An anchor's values in ticks of another type (0 for nulls), and which are not null."""
    known = np.asarray(anchor.is_valid())
    ticks = np.zeros(len(anchor), np.int64)
    ticks[known] = to_numbers(anchor.cast(kind, safe=False))[0]
    return ticks, known


def can_anchor(ours: pa.DataType, theirs: pa.DataType) -> bool:
    """Whether steps can lead from values of one type to values of the other."""
    t = pa.types
    if t.is_integer(ours) or t.is_integer(theirs):
        return bool(t.is_integer(ours) and t.is_integer(theirs))
    return all(t.is_date(kind) or t.is_timestamp(kind) for kind in (ours, theirs))


def _closest(ticks: Rows, anchors: Mapping[str, pa.Array], kind: pa.DataType) -> str | None:
    """The anchor that first values lie closest to, if that tells much or if none lies before it."""
    best: tuple[float, str] | None = None
    for name, anchor in anchors.items():
        origin, known = anchor_ticks(anchor, kind)
        if known.sum() < MIN_PAIRS:
            continue
        gap = (ticks - origin)[known]
        share = _spread(gap) / max(_spread(ticks[known]), 1e-9)
        limit = 1.0 if gap.min() >= 0 else CLOSE
        if share < limit and (best is None or share < best[0]):
            best = (share, name)
    return best[1] if best else None


def _spread(values: Rows) -> float:
    """Mean distance from the median: zero only if all are equal."""
    return float(np.abs(values - np.median(values)).mean())


def can_order(column: pa.ChunkedArray) -> bool:
    """Whether rows can be sorted by the column: whole numbers or points in time, without nulls."""
    kind, t = column.type, pa.types
    return not column.null_count and bool(t.is_integer(kind) or t.is_date(kind) or t.is_timestamp(kind))


def find_order(
    table: pa.Table, parents: Rows, columns: Sequence[str], unique: Sequence[Collection[str]]
) -> str | None:
    """The column that siblings are sorted by, if there is one.

    Columns qualify if the rows are sorted by them already, or if no two siblings share a value although many
    would by chance. So do points in time. But where all rows are sorted by a column, or siblings are not by
    a point in time, the gaps between siblings must not be those of any rows: the orders of a customer follow
    each other, the birthdays of a city's people do not.

    Args:
        table: The real rows.
        parents: (rows,) parent row of each row.
        columns: The columns to choose from.
        unique: Combinations that, together with the parent, are unique.
    """
    later, before = _pairs(Families.of(parents))
    if len(later) < MIN_PAIRS:
        return None
    found: list[tuple[tuple[bool, ...], str]] = []
    for name in columns:
        column = table.column(name)
        if not can_order(column):
            continue
        ticks = to_numbers(column.combine_chunks())[0]
        is_sorted = bool((ticks[later] >= ticks[before]).mean() >= SORTED)
        is_time = not pa.types.is_integer(column.type)
        says_nothing = (ticks[1:] >= ticks[:-1]).mean() >= SORTED if is_sorted else is_time
        if says_nothing and not _is_sequence(ticks, parents):
            is_sorted = is_time = False
        in_sequence = Families.of(parents, ticks)
        after, ahead = _pairs(in_sequence)
        repeats = float((ticks[after] == ticks[ahead]).mean())
        share = np.unique(ticks, return_counts=True)[1] / len(ticks)
        is_distinct = repeats == 0 and float((share**2).sum()) * len(after) >= MIN_PAIRS
        if repeats < SORTED and (is_sorted or is_distinct or is_time):
            in_key = any(name in rest for rest in unique)
            found.append(((in_key, is_sorted, is_time, is_distinct), name))
    # Of equals the first in the table.
    return max(found, key=lambda candidate: candidate[0])[1] if found else None


def _is_sequence(ticks: Rows, parents: Rows) -> bool:
    """Whether the gaps between siblings differ from those that the same values would have in any families."""
    own = np.flatnonzero(parents >= 0)
    if not len(own):
        return False
    mixed = ticks[own][np.random.default_rng(0).permutation(len(own))]  # a test; nothing is drawn from it
    real, chance = _gaps(ticks[own], parents[own]), _gaps(mixed, parents[own])
    points = np.concatenate([real, chance])
    below = [np.searchsorted(gaps, points, side="right") / len(gaps) for gaps in (real, chance)]
    distance = float(np.abs(below[0] - below[1]).max())  # of Kolmogorov and Smirnov
    return distance > max(MIN_DISTANCE, 2 * np.sqrt(2 / len(real)))


def _gaps(ticks: Rows, parents: Rows) -> Rows:
    """Between neighbours of each family, sorted."""
    later, before = _pairs(Families.of(parents, ticks))
    return np.sort(ticks[later] - ticks[before])


def _pairs(families: Families) -> tuple[Rows, Rows]:
    """Rows with an elder sibling in their stretch, and that sibling."""
    later = np.ones(len(families.rows), bool)
    later[families.first] = False
    places = np.flatnonzero(later)
    return families.rows[places], families.rows[places - 1]
