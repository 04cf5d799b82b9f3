"""Numbers: integers of any width, floats, decimals, times of day and durations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from synthohive_py.columns.base import Codes, ColumnCodec, State, type_from_text, type_to_text
from synthohive_py.columns.bins import Bins
from synthohive_py.columns.scalars import Numbers, from_numbers, to_numbers
from synthohive_py.schema import Constraint

__all__ = ["NumericCodec"]


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
    rule: Constraint = Constraint()

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
            values = np.round(values / unit) * unit if unit != 1 or values.dtype != np.int64 else values
        low = None if rule.min is None else rule.min * unit
        high = None if rule.max is None else rule.max * unit
        if low is None and high is None:
            return values
        if values.dtype == np.int64:
            low = None if low is None else int(np.ceil(low))
            high = None if high is None else int(np.floor(high))
        return np.clip(values, low, high)

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
