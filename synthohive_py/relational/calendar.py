"""The place of a point in time in the calendar: rents are due on the first, interest on the month's last day.

A model of steps and days would have to learn each month's end for itself. So the place in the calendar is
drawn before the step, which is then a few days longer or shorter where that leads to this place.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthohive_py.columns.base import Codes

__all__ = ["Calendar"]

SIZES = {"weekday": 7, "day": 31, "days left": 31, "month": 12}  # days left: in the month
SHIFTS = (-1, 1, -2, 2, -3, 3)  # days by which a point in time is moved to the place it shall have
SPAN = {"weekday": 28, "day": 90, "days left": 90, "month": 730}  # days that show a cycle to come again


@dataclass(frozen=True)
class Calendar:
    """Which cycles of the calendar a column of dates or timestamps is long enough to show.

    Attributes:
        per_day: Ticks of a day.
        cycles: Their names.
    """

    per_day: int
    cycles: tuple[str, ...]

    @classmethod
    def of(cls, low: int, high: int, per_day: int) -> Calendar:
        """The cycles that show between two points in time.

        Args:
            low: The earliest, in ticks since 1970 (UTC).
            high: The latest.
            per_day: Ticks of a day.
        """
        return cls(per_day, tuple(c for c in SIZES if (high - low) // per_day >= SPAN[c]))

    @property
    def cardinalities(self) -> tuple[int, ...]:
        """How many codes there are, per cycle."""
        return tuple(SIZES[c] for c in self.cycles)

    def encode(self, ticks: npt.NDArray[np.int64]) -> Codes:
        """(rows, cycles) the place of points in time."""
        days = (ticks // self.per_day).astype("datetime64[D]")
        month = days.astype("datetime64[M]")
        first, next_first = month.astype("datetime64[D]"), (month + 1).astype("datetime64[D]")
        places = {
            "weekday": (days.astype(np.int64) + 3) % 7,  # 0 is Monday: 1970 began on a Thursday
            "day": (days - first).astype(np.int64),
            "days left": (next_first - days).astype(np.int64) - 1,
            "month": month.astype(np.int64) % 12,
        }
        parts = [places[c] for c in self.cycles]
        return np.stack([*parts, np.zeros_like(ticks)], axis=1)[:, : len(parts)].astype(np.int32)

    def nearest(
        self, ticks: npt.NDArray[np.int64], places: Codes, least: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.int64]:
        """The points in time near these that agree most with their place in the calendar.

        Args:
            ticks: About when.
            places: (rows, cycles) where in the calendar.
            least: What they must not be moved below.
        """
        found = ticks
        best = (self.encode(ticks) == places).sum(axis=1)
        for days in SHIFTS:
            moved = ticks + days * self.per_day
            agrees = np.where(moved >= least, (self.encode(moved) == places).sum(axis=1), -1)
            found, best = np.where(agrees > best, moved, found), np.maximum(agrees, best)
        return found
