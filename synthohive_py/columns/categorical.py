"""Categories: text with few values, booleans, and the small integers the relational part uses.

Values held by fewer rows than the privacy threshold are not stored. Where a rare value stood, a common
one is drawn, so that code sees only values of the real domain.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from synthohive_py.columns.base import Codes, ColumnCodec, State, type_from_text, type_to_text
from synthohive_py.columns.scalars import from_numbers, is_ordered_type, to_numbers

__all__ = ["CATEGORICAL_MASS", "CategoricalCodec", "are_categories"]

CATEGORICAL_MASS = 0.5  # share of rows on shared values that makes a text column categorical
MAX_LISTED = 20  # values that an error lists
MAX_ONE_CODE = 512  # more categories than this are written with two digits


@dataclass(frozen=True)
class CategoricalCodec(ColumnCodec):
    """The rank of the value; with very many values, the rank as two digits.

    Attributes:
        type: The column's Arrow type.
        values: The values that may be drawn, the most frequent first.
        counts: How many rows held each of them.
        rare: Whether some rows held other values.
        null: Whether the column has nulls.

    The ranks after the values are: one for rare values if any, one for null if any.
    """

    kind: ClassVar[str] = "categorical"
    type: pa.DataType
    values: tuple[Any, ...]
    counts: npt.NDArray[np.int64]
    rare: bool
    null: bool

    @classmethod
    def fit(
        cls, column: pa.Array, *, threshold: int = 5, domain: Sequence[Any] | None = None
    ) -> CategoricalCodec:
        """Learn from a real column.

        Args:
            column: The real values.
            threshold: A value is stored only if this many rows hold it.
            domain: Values that are public and stored however rare they are; those that can't be read
                as values of the column's type never occur in it.
        """
        tally = column.drop_null().value_counts()
        pairs = sorted(
            zip(tally.field("values").to_pylist(), tally.field("counts").to_pylist(), strict=True),
            key=lambda pair: (-pair[1], str(pair[0])),  # ties by name: the order must not depend on the rows
        )
        public = _in_type(domain or (), column.type)
        if pa.types.is_boolean(column.type):
            public = {True, False}
        kept = [(v, c) for v, c in pairs if c >= threshold or v in public]
        return cls(
            type=column.type,
            values=tuple(v for v, _ in kept),
            counts=np.array([c for _, c in kept], np.int64),
            # With nothing common to stand in for them, rare values become nulls.
            rare=bool(kept) and len(kept) < len(pairs),
            null=column.null_count > 0 or not kept,
        )

    @property
    def _size(self) -> int:
        return len(self.values) + self.rare + self.null

    @property
    def _base(self) -> int:
        """The base of the second digit."""
        return math.ceil(math.sqrt(self._size))

    @property
    def cardinalities(self) -> tuple[int, ...]:
        if self._size <= MAX_ONE_CODE:
            return (self._size,)
        return (math.ceil(self._size / self._base), self._base)

    def encode(self, column: pa.Array) -> Codes:
        known = pa.array(self.values, type=self.type)
        rank = pc.index_in(column.cast(self.type), value_set=known, skip_nulls=True)
        unknown = len(self.values) if self.rare else 0
        ranks = np.asarray(pc.fill_null(rank, -1)).astype(np.int32)
        ranks[ranks < 0] = unknown
        ranks[np.asarray(column.is_null())] = self._size - 1 if self.null else unknown
        if len(self.cardinalities) == 1:
            return ranks[:, None]
        return np.stack(np.divmod(ranks, np.int32(self._base)), axis=1)

    def decode(self, codes: Codes, rng: np.random.Generator) -> pa.Array:
        ranks = codes[:, 0].astype(np.int64)
        if codes.shape[1] > 1:
            ranks = np.minimum(ranks * self._base + codes[:, 1], self._size - 1)
        uniform = rng.random(len(ranks))  # always drawn: the stream must not depend on the codes
        if self.rare:
            stand_in = np.searchsorted(np.cumsum(self.counts), uniform * self.counts.sum(), side="right")
            is_rare = ranks == len(self.values)
            ranks = np.where(is_rare, np.minimum(stand_in, len(self.values) - 1), ranks)
        if not self.values:
            return pa.nulls(len(ranks), self.type)
        null = ranks >= len(self.values)
        return pa.array(self.values, type=self.type).take(pa.array(np.where(null, 0, ranks), mask=null))

    def refusal(self, value: pa.Scalar) -> str | None:
        if value.as_py() in self.values or (self.null and not value.is_valid):
            return None
        known = ", ".join(map(repr, self.values[:MAX_LISTED]))
        return f"one of {known}" + (" and others" if len(self.values) > MAX_LISTED else "")

    def state(self) -> State:
        return {
            "type": type_to_text(self.type),
            "values": _to_state(self.values, self.type),
            "counts": self.counts,
            "rare": self.rare,
            "null": self.null,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> CategoricalCodec:
        kind = type_from_text(state["type"])
        return cls(
            type=kind,
            values=_from_state(state["values"], kind),
            counts=np.asarray(state["counts"], np.int64),
            rare=state["rare"],
            null=state["null"],
        )


def are_categories(column: pa.Array, *, threshold: int) -> bool:
    """Whether most rows hold a value that enough other rows hold, too; so it is if none holds any."""
    counts = column.drop_null().value_counts().field("counts").to_numpy(zero_copy_only=False)
    return bool(counts[counts >= threshold].sum() >= CATEGORICAL_MASS * counts.sum())


def _in_type(values: Sequence[Any], kind: pa.DataType) -> set[Any]:
    """The values as the column holds them: a date may be declared as text, a decimal as a float."""

    def read(value: Any) -> Any:
        try:
            return pa.scalar(value).cast(kind).as_py()
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            return None

    return {read(value) for value in values} - {None}


def _to_state(values: Sequence[Any], kind: pa.DataType) -> Any:
    """Numbers, decimals and times as an array of ticks, all else as it is."""
    return to_numbers(pa.array(values, type=kind))[0] if is_ordered_type(kind) else list(values)


def _from_state(state: Any, kind: pa.DataType) -> tuple[Any, ...]:
    if not is_ordered_type(kind):
        return tuple(state)
    return tuple(from_numbers(np.asarray(state), np.zeros(len(state), bool), kind).to_pylist())
