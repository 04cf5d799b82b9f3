"""Dates and timestamps: the day and the time of day as two codes, so that calendar patterns survive.

Midnights, full hours, month ends and gaps are patterns of the day or of the time, hardly ever of both:
apart they need few codes, and a model still learns them jointly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from synthohive_py.columns.base import Codes, ColumnCodec, State, type_from_text, type_to_text
from synthohive_py.columns.bins import Bins, protected_ends
from synthohive_py.columns.scalars import Numbers, from_numbers, to_numbers

__all__ = ["DatetimeCodec", "ticks_per_day"]

DAY_BINS = 400  # every day of a year may have a code of its own
TICKS_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


@dataclass(frozen=True)
class DatetimeCodec(ColumnCodec):
    """The code of the day (the last one is null), then the code of the time of day if times occur.

    Attributes:
        type: date32, date64 or a timestamp of any unit, with or without a time zone.
        days: Days since 1970 to codes.
        times: Ticks since midnight (UTC) to codes; None if every value is a midnight.
        null: Whether the column has nulls.
        low: The lowest value, as day and ticks; the mean of as many as the privacy threshold asks for.
        high: The highest value, likewise.
    """

    kind: ClassVar[str] = "datetime"
    type: pa.DataType
    days: Bins
    times: Bins | None
    null: bool
    low: tuple[int, int] = (0, 0)
    high: tuple[int, int] = (0, 0)

    @classmethod
    def fit(cls, column: pa.Array, *, bins: int = 100, threshold: int = 5) -> DatetimeCodec:
        """Learn from a real column; see `Bins.fit` for the parameters."""
        ticks, null = to_numbers(column)
        per_day = ticks_per_day(column.type)
        day, time = np.divmod(ticks.astype(np.int64), per_day)
        low, high = protected_ends(ticks, threshold) if len(ticks) else (0, 0)
        return cls(
            type=column.type,
            days=Bins.fit(day, bins=DAY_BINS, threshold=threshold),
            times=Bins.fit(time, bins=bins, threshold=threshold) if time.any() else None,
            null=bool(null.any()) or not len(ticks),
            low=divmod(int(low), per_day),
            high=divmod(int(high), per_day),
        )

    @property
    def cardinalities(self) -> tuple[int, ...]:
        return (self.days.size + self.null, *([self.times.size] if self.times else []))

    @property
    def ordered(self) -> tuple[bool, ...]:
        return (True,) * len(self.cardinalities)

    def encode(self, column: pa.Array) -> Codes:
        ticks, null = to_numbers(column.cast(self.type))
        day, time = np.divmod(ticks.astype(np.int64), ticks_per_day(self.type))
        codes = np.zeros((len(column), len(self.cardinalities)), np.int32)
        codes[null, 0] = self.days.size if self.null else 0
        codes[~null, 0] = self.days.encode(day)
        if self.times:
            codes[~null, 1] = self.times.encode(time)
        return codes

    def decode(self, codes: Codes, rng: np.random.Generator) -> pa.Array:
        null = codes[:, 0] >= self.days.size
        day = self.days.decode(np.minimum(codes[:, 0], max(self.days.size - 1, 0)), rng)
        time = self.times.decode(codes[:, 1], rng) if self.times else np.zeros_like(day)
        day, time = self._within_range(day, time)
        # A product beyond int64 wraps, and the sum wraps back: the whole lies in the range.
        return from_numbers(day * ticks_per_day(self.type) + time, null, self.type)

    def _within_range(self, day: Numbers, time: Numbers) -> tuple[Numbers, Numbers]:
        """On the first and last day not every time occurs; the next day takes those that do not."""
        day = np.where((day == self.low[0]) & (time < self.low[1]), day + 1, day)
        day = np.where((day == self.high[0]) & (time > self.high[1]), day - 1, day)
        for (end, tick), below in ((self.low, True), (self.high, False)):
            outside = day < end if below else day > end
            outside |= (day == end) & (time < tick if below else time > tick)
            day, time = np.where(outside, end, day), np.where(outside, tick, time)
        return day, time

    def clipped(self, ticks: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The times, none before the first real one or after the last."""
        low, high = (day * ticks_per_day(self.type) + time for day, time in (self.low, self.high))
        inside: npt.NDArray[np.int64] = np.clip(ticks, low, high)
        return inside

    def refusal(self, value: pa.Scalar) -> str | None:
        if not value.is_valid:
            return None if self.null else "a value: there are no nulls"
        ticks, _ = to_numbers(pa.array([value], type=self.type))
        place = divmod(int(ticks[0]), ticks_per_day(self.type))
        return None if self.low <= place <= self.high else "a time between the first and the last real one"

    def state(self) -> State:
        return {
            "type": type_to_text(self.type),
            "days": self.days.state(),
            "times": self.times.state() if self.times else None,
            "null": self.null,
            "low": list(self.low),
            "high": list(self.high),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> DatetimeCodec:
        return cls(
            type=type_from_text(state["type"]),
            days=Bins.from_state(state["days"]),
            times=Bins.from_state(state["times"]) if state["times"] else None,
            null=state["null"],
            low=tuple(state["low"]),
            high=tuple(state["high"]),
        )


def ticks_per_day(kind: pa.DataType) -> int:
    """How many ticks of a date or timestamp type make a day."""
    if pa.types.is_date32(kind):
        return 1
    return 86_400 * TICKS_PER_SECOND["ms" if pa.types.is_date64(kind) else kind.unit]
