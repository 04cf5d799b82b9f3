"""Key columns are computed, not modelled: unique by construction, and shaped like the real ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from synthohive_py.columns.base import type_from_text, type_to_text
from synthohive_py.columns.patterns import Patterns
from synthohive_py.columns.scalars import from_numbers, is_ordered_type, to_numbers
from synthohive_py.errors import GenerationError

__all__ = ["KeyGenerator", "is_text_type"]


def is_text_type(kind: pa.DataType) -> bool:
    """Whether the type holds text."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


@dataclass(frozen=True)
class KeyGenerator:
    """Makes as many distinct keys as asked for.

    Attributes:
        type: The column's Arrow type.
        start: The first real key, as a number (ordered types only).
        step: What the differences of the real keys have in common.
        gap: The mean difference of neighbouring real keys, in steps; 1 means without gaps.
        patterns: What the real keys look like (text only).
    """

    type: pa.DataType
    start: int = 0
    step: int = 1
    gap: float = 1.0
    patterns: Patterns | None = None

    @staticmethod
    def can_make(kind: pa.DataType) -> bool:
        """Whether keys of the type can be computed."""
        return is_text_type(kind) or is_ordered_type(kind)

    @classmethod
    def fit(cls, column: pa.Array, *, threshold: int) -> KeyGenerator:
        """Learn what distinct real keys look like; see `Patterns.fit` for the threshold."""
        if is_text_type(column.type):
            patterns = Patterns.fit(column.drop_null().to_pylist(), threshold=threshold)
            return cls(type=column.type, patterns=patterns)
        numbers, _ = to_numbers(column)
        ticks = np.unique(np.floor(numbers).astype(np.int64))  # a float key counts whole numbers
        if len(ticks) < 2:
            return cls(type=column.type, start=int(ticks[0]) if len(ticks) else 1)
        step = int(np.gcd.reduce(np.diff(ticks).astype(np.uint64)))
        span = (int(ticks[-1]) - int(ticks[0])) // step
        return cls(type=column.type, start=int(ticks[0]), step=step, gap=span / (len(ticks) - 1))

    def make(self, size: int, rng: np.random.Generator) -> pa.Array:
        """Distinct keys; numbers ascend with gaps like the real ones.

        Raises:
            GenerationError: The column's type has no room for so many keys.
        """
        if self.patterns is not None:
            return pa.array(self.patterns.sample_unique(size, rng), type=self.type)
        # Each key lies somewhere in an interval of its own, `gap` steps wide.
        edges = np.floor(np.arange(size + 1) * self.gap)
        jitter = np.floor(rng.random(size) * np.diff(edges))
        return self._typed(self.start + self.step * (edges[:-1] + jitter).astype(np.int64))

    def make_others(self, size: int, taken: pa.Array, rng: np.random.Generator) -> pa.Array:
        """Distinct keys, none of them among the taken ones."""
        if self.patterns is None:
            numbers, _ = to_numbers(taken)
            top = int(numbers.max()) if len(numbers) else self.start
            return self._typed(top + self.step * np.arange(1, size + 1, dtype=np.int64))
        fresh = pa.array(self.patterns.sample_unique(size + len(taken), rng), type=self.type)
        return fresh.filter(pc.invert(pc.is_in(fresh, value_set=taken))).slice(0, size)

    def _typed(self, ticks: np.typing.NDArray[np.int64]) -> pa.Array:
        try:
            return from_numbers(ticks, np.zeros(len(ticks), bool), self.type)
        except pa.ArrowInvalid as error:
            raise GenerationError(
                f"{len(ticks)} distinct keys do not fit the type {self.type}",
                expected=f"keys from {self.start} on in steps of {self.step * self.gap:g}",
                remedy="widen the key column's type in the source, or generate fewer rows",
            ) from error

    def state(self) -> dict[str, Any]:
        """All fields, for an artefact."""
        return {
            "type": type_to_text(self.type),
            "start": self.start,
            "step": self.step,
            "gap": self.gap,
            "patterns": self.patterns.state() if self.patterns else None,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> KeyGenerator:
        """The generator that `state` was taken from."""
        patterns = state["patterns"]
        return cls(
            type=type_from_text(state["type"]),
            start=state["start"],
            step=state["step"],
            gap=state["gap"],
            patterns=Patterns.from_state(patterns) if patterns else None,
        )
