"""Numbers that are really two: clock times such as 1435, months such as 202412, prices such as 19.99.

Their leading and their trailing digits follow patterns of their own, and other columns often repeat one of
the two. As two codes each pattern is plain; in bins of the whole number both would blur.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from synthohive_py.columns.base import Codes, ColumnCodec, State, type_from_text, type_to_text
from synthohive_py.columns.bins import DISCRETE_MASS, nearest
from synthohive_py.columns.scalars import from_numbers, to_numbers

__all__ = ["PositionalCodec"]

RADIX = 100
MAX_TRAILING = 0.7  # of the trailing numbers there could be; with more of them in use there is no pattern
MAX_LEADING = 400
MIN_ROWS = 1000
LARGEST_WHOLE_FLOAT = 2.0**53


@dataclass(frozen=True)
class PositionalCodec(ColumnCodec):
    """The code of the leading digits (the last one is null), then that of the two trailing ones.

    Only values of the support are ever given out.

    Attributes:
        type: The column's Arrow type.
        support: The values that enough rows share, ascending.
        null: Whether the column has nulls.
    """

    kind: ClassVar[str] = "positional"
    type: pa.DataType
    support: npt.NDArray[np.int64]
    null: bool

    @classmethod
    def fit(cls, column: pa.Array, *, bins: int = 100, threshold: int = 5) -> PositionalCodec | None:
        """Learn from a real column; None if its numbers have no such pattern.

        Args:
            column: A column of numbers.
            bins: A column with no more values than this needs no second code.
            threshold: A value is stored only if this many rows hold it.
        """
        values, null = to_numbers(column)
        if len(values) < MIN_ROWS or pa.types.is_uint64(column.type):
            return None
        if values.dtype != np.int64:
            whole = np.isfinite(values) & (np.abs(values) < LARGEST_WHOLE_FLOAT) & (values % 1 == 0)
            if not whole.all():
                return None
            values = values.astype(np.int64)
        unique, counts = np.unique(values, return_counts=True)
        shared = counts >= threshold
        support = unique[shared]
        if counts[shared].sum() < DISCRETE_MASS * len(values) or len(support) <= bins or support[0] < 0:
            return None
        leading, trailing = np.unique(support // RADIX), np.unique(support % RADIX)
        # Multiples of 10 have ten trailing numbers at most: that they have these says nothing.
        possible = RADIX // math.gcd(RADIX, *np.diff(support).tolist())
        if not (2 <= len(trailing) <= MAX_TRAILING * possible and 2 <= len(leading) <= MAX_LEADING):
            return None
        return cls(column.type, support, bool(null.any()))

    @property
    def _parts(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        return np.unique(self.support // RADIX), np.unique(self.support % RADIX)

    @property
    def cardinalities(self) -> tuple[int, ...]:
        leading, trailing = self._parts
        return len(leading) + self.null, len(trailing)

    @property
    def ordered(self) -> tuple[bool, ...]:
        return True, True

    def encode(self, column: pa.Array) -> Codes:
        values, null = to_numbers(column.cast(self.type))
        known = self.support[nearest(self.support, values)]
        leading, trailing = self._parts
        codes = np.zeros((len(column), 2), np.int32)
        codes[null, 0] = len(leading) if self.null else 0
        codes[~null, 0] = np.searchsorted(leading, known // RADIX)
        codes[~null, 1] = np.searchsorted(trailing, known % RADIX)
        return codes

    def decode(self, codes: Codes, rng: np.random.Generator) -> pa.Array:  # noqa: ARG002  nothing is drawn
        leading, trailing = self._parts
        null = codes[:, 0] >= len(leading)
        wanted = leading[np.minimum(codes[:, 0], len(leading) - 1)] * RADIX + trailing[codes[:, 1]]
        values = self.support[nearest(self.support, wanted)]
        is_float = pa.types.is_floating(self.type)
        return from_numbers(values.astype(np.float64) if is_float else values, null, self.type)

    def refusal(self, value: pa.Scalar) -> str | None:
        if not value.is_valid:
            return None if self.null else "a value: there are no nulls"
        first, last = self.support[0], self.support[-1]
        return None if value.as_py() in self.support else f"a value from {first} to {last} that occurs"

    def state(self) -> State:
        return {"type": type_to_text(self.type), "support": self.support, "null": self.null}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> PositionalCodec:
        return cls(type_from_text(state["type"]), state["support"], state["null"])
