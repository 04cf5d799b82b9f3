"""Numbers: integers of any width, floats, decimals, times of day and durations."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from synthohive_py.columns.base import Codes, ColumnCodec, State, type_from_text, type_to_text
from synthohive_py.columns.bins import Bins
from synthohive_py.columns.scalars import Numbers, from_numbers, to_numbers
from synthohive_py.schema import Constraint

__all__ = ["NumericCodec"]

_INT64 = np.iinfo(np.int64)


@dataclass(frozen=True)
class NumericCodec(ColumnCodec):
    """One code: the bin of the value, or the last code for null.

    Attributes:
        type: The column's Arrow type.
        bins: Values to codes and back.
        null: Whether the column has nulls.
        rule: Bounds and roundness that every decoded value keeps.
    """

    kind: ClassVar[str] = "numeric"
    type: pa.DataType
    bins: Bins
    null: bool
    rule: Constraint = field(default_factory=Constraint)

    @classmethod
    def fit(
        cls, column: pa.Array, *, bins: int = 100, threshold: int = 5, rule: Constraint | None = None
    ) -> NumericCodec:
        """Learn from a real column; see `Bins.fit` for the parameters."""
        values, null = to_numbers(column)
        return cls(
            type=column.type,
            bins=Bins.fit(values, bins=bins, threshold=threshold),
            null=bool(null.any()) or not len(values),
            rule=rule or Constraint(),
        )

    @property
    def cardinalities(self) -> tuple[int, ...]:
        return (self.bins.size + self.null,)

    @property
    def ordered(self) -> tuple[bool, ...]:
        return (True,)

    def encode(self, column: pa.Array) -> Codes:
        values, null = to_numbers(column.cast(self.type))
        codes = np.full(len(column), self.bins.size if self.null else 0, np.int32)
        codes[~null] = self.bins.encode(values)
        return codes[:, None]

    def decode(self, codes: Codes, rng: np.random.Generator) -> pa.Array:
        null = codes[:, 0] >= self.bins.size
        values = self.bins.decode(np.minimum(codes[:, 0], max(self.bins.size - 1, 0)), rng)
        return from_numbers(self._ruled(values), null, self.type)

    def _ruled(self, values: Numbers) -> Numbers:
        """The values within the bounds and as round as the rule asks."""
        rule = self.rule
        unit = 10**self.type.scale if pa.types.is_decimal(self.type) else 1
        if rule.dtype == "int":
            values = _rounded(values, unit)
        if values.dtype != np.int64:
            return values if rule.min is rule.max is None else np.clip(values, rule.min, rule.max)
        # Bounds in ticks, and none beyond the ticks: numpy takes no larger ones.
        shift = 2**63 if pa.types.is_uint64(self.type) else 0
        low = _INT64.min if rule.min is None else max(math.ceil(rule.min * unit) - shift, _INT64.min)
        high = _INT64.max if rule.max is None else min(math.floor(rule.max * unit) - shift, _INT64.max)
        return np.clip(values, min(low, _INT64.max), max(high, _INT64.min))

    def refusal(self, value: pa.Scalar) -> str | None:
        if not value.is_valid:
            return None if self.null else "a value: there are no nulls"
        numbers, _ = to_numbers(pa.array([value.as_py()], type=self.type))
        refusal = self.bins.refusal(numbers[0])
        if refusal and numbers.dtype == np.int64 and not pa.types.is_integer(self.type):
            return f"a value between those of the real column ({self.type})"  # ticks tell nothing
        return refusal

    def state(self) -> State:
        return {
            "type": type_to_text(self.type),
            "bins": self.bins.state(),
            "null": self.null,
            "rule": self.rule.model_dump(),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> NumericCodec:
        return cls(
            type=type_from_text(state["type"]),
            bins=Bins.from_state(state["bins"]),
            null=state["null"],
            rule=Constraint(**state["rule"]),
        )


def _rounded(ticks: Numbers, unit: int) -> Numbers:
    """The nearest multiple of the unit; whole numbers do not pass through floats."""
    if ticks.dtype != np.int64:
        return np.round(ticks)
    whole, part = np.divmod(ticks, unit)
    return (whole + (2 * part >= unit)) * unit if unit > 1 else ticks
