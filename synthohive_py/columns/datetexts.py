"""Dates and times written as text: learned as what they are, and written the same way again.

A pattern of digits alone would make a thirteenth month of them, on which the first cast of a pipeline fails.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from synthohive_py.columns.base import Codes, ColumnCodec, State, type_from_text, type_to_text
from synthohive_py.columns.datetimes import DatetimeCodec

__all__ = ["DateTextCodec"]

DAYS = ("%Y-%m-%d", "%Y/%m/%d", "%Y%m%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y")
TIMES = ("%H:%M:%S", "%H:%M")
FORMATS = (
    *DAYS,
    *(f"{day} {time}" for day in DAYS for time in TIMES),
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%dT%H:%M:%SZ",
)
PROBED_ROWS = 100  # read in every format before all rows are
YEARS = ("1000", "3000")  # eight digits that are no date of these centuries are a number


@dataclass(frozen=True)
class DateTextCodec(ColumnCodec):
    """The codes of the days and times that the texts stand for.

    Attributes:
        type: The column's Arrow type.
        format: How days and times are written, in the terms of `strftime`.
        times: The codec of what the texts stand for.
    """

    kind: ClassVar[str] = "date text"
    type: pa.DataType
    format: str
    times: DatetimeCodec

    @classmethod
    def fit(cls, column: pa.Array, *, bins: int = 100, threshold: int = 5) -> DateTextCodec | None:
        """Learn from a real column; None if its texts are no days or times of one way of writing.

        See `Bins.fit` for the parameters.
        """
        texts = column.drop_null().cast(pa.string())
        for form in FORMATS if len(texts) else ():
            if _read(texts.slice(0, PROBED_ROWS), form) is not None and _read(texts, form) is not None:
                times = _read(column.cast(pa.string()), form)
                return cls(column.type, form, DatetimeCodec.fit(times, bins=bins, threshold=threshold))
        return None

    @property
    def cardinalities(self) -> tuple[int, ...]:
        return self.times.cardinalities

    @property
    def ordered(self) -> tuple[bool, ...]:
        return self.times.ordered

    def encode(self, column: pa.Array) -> Codes:
        texts = column.cast(pa.string())
        return self.times.encode(pc.strptime(texts, self.format, "s", error_is_null=True))

    def decode(self, codes: Codes, rng: np.random.Generator) -> pa.Array:
        return pc.strftime(self.times.decode(codes, rng), self.format).cast(self.type)

    def refusal(self, value: pa.Scalar) -> str | None:
        time = _read(pa.array([value.as_py()], pa.string()), self.format)
        return f"a text like {self.format}" if time is None else self.times.refusal(time[0])

    def state(self) -> State:
        return {"type": type_to_text(self.type), "format": self.format, "times": self.times.state()}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> DateTextCodec:
        return cls(type_from_text(state["type"]), state["format"], DatetimeCodec.from_state(state["times"]))


def _read(texts: pa.Array, form: str) -> pa.Array | None:
    """The times that the texts stand for; None if one of them is written in another way."""
    times = pc.strptime(texts, form, "s", error_is_null=True)
    if times.null_count > texts.null_count or not pc.all(pc.equal(pc.strftime(times, form), texts)).as_py():
        return None
    years = pc.min_max(pc.strftime(times, "%Y"))
    is_era = (
        len(times) == times.null_count or YEARS[0] <= years["min"].as_py() <= years["max"].as_py() < YEARS[1]
    )
    return times if is_era else None
