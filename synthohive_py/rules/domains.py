"""What parts of a date occur: where nobody works on Sundays, a generated Sunday becomes another day."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from synthohive_py.columns.datetimes import ticks_per_day
from synthohive_py.rules.dateparts import DatePart
from synthohive_py.rules.kinds import are_among
from synthohive_py.schema import Constraint

__all__ = ["find_domain", "is_outside", "lent_part"]

COMMON = 0.95  # share of the rows with values that enough others share; if it is less, any may occur
CLOCK = ("hour", "minute")
WEEKDAYS = ("isodow", "dow", "isodow - 1", "dow + 1")
_CYCLES = (*CLOCK, *WEEKDAYS, "day", "month", "quarter", "week")

Ticks = npt.NDArray[np.int64]


def find_domain(
    rule: DatePart, table: pa.Table, accepted: Sequence[object], bounds: Constraint, *, threshold: int
) -> pa.Array | None:
    """The values that a part of a date may have; None if any.

    Args:
        rule: The part.
        table: The real rows.
        accepted: The closed set of its values, if one is declared.
        bounds: The declared bounds.
        threshold: Values held by fewer rows than this are left out if they are not accepted.
    """
    column = table.column(rule.column).drop_null().combine_chunks()
    if accepted:
        return column.unique()
    if rule.part in _CYCLES:
        counted = column.value_counts()
        common = counted.filter(pc.greater_equal(counted.field("counts"), threshold))
        if (pc.sum(common.field("counts")).as_py() or 0) >= COMMON * len(column):
            return common.field("values")
    if bounds.min is None and bounds.max is None:
        return None
    low = 0 if bounds.min is None else max(math.ceil(bounds.min), 0)
    high = 9999 if bounds.max is None else min(math.floor(bounds.max), 9999)
    if pa.types.is_integer(column.type):
        high = min(high, np.iinfo(column.type.to_pandas_dtype()).max)
    return pa.array(range(low, high + 1), pa.float64()).cast(column.type)


def is_outside(values: pa.Array, domain: pa.Array) -> npt.NDArray[np.bool_]:
    """Which values do not occur; nulls do."""
    return np.asarray(values.is_valid()) & ~are_among(values, domain)


def lent_part(part: str, own: Ticks, lent: Ticks, kind: pa.DataType) -> Ticks:
    """Dates with a part of other dates: the time of the day, the day of the week, or the day."""
    if pa.types.is_time(kind):
        return lent
    day, time = np.divmod(own, ticks_per_day(kind))
    other_day, other_time = np.divmod(lent, ticks_per_day(kind))
    if part in CLOCK:
        time = other_time
    elif part in WEEKDAYS:
        # The first day of 1970 was a Thursday.
        day = day - (day + 3) % 7 + (other_day + 3) % 7
    else:
        day = other_day
    moved: Ticks = day * ticks_per_day(kind) + time
    return moved
