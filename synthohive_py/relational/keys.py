"""Key columns are computed, not modelled: unique by construction, and shaped like the real ones."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from synthohive_py.columns.base import type_from_text, type_to_text
from synthohive_py.columns.patterns import Patterns
from synthohive_py.columns.scalars import from_numbers, is_ordered_type, to_numbers
from synthohive_py.errors import GenerationError
from synthohive_py.rng import Part, Seed

__all__ = ["KeyGenerator", "is_text_type"]


UUID = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
LIKE_UUIDS = 1000  # random ones that show where a UUID has any digit
NEARLY = 0.9  # the range of a few keys is a little narrower than that of all


def _largest(kind: pa.DataType) -> int:
    """The largest key, as a number, that the type holds exactly."""
    t = pa.types
    last_day = 2_932_896  # the end of the year 9999, where Python's dates end
    if t.is_floating(kind):
        return 2 ** {16: 11, 32: 24, 64: 53}[kind.bit_width]
    if t.is_decimal(kind):
        return min(10**kind.precision - 1, 2**63 - 1)
    if t.is_date(kind):
        return last_day if t.is_date32(kind) else last_day * 86_400_000
    if t.is_time(kind):
        return 86_400 * {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[kind.unit] - 1
    if t.is_unsigned_integer(kind) and kind.bit_width < 64:
        return 2**kind.bit_width - 1
    return 2 ** (kind.bit_width - 1) - 1  # also uint64: its numbers are shifted to int64


def is_text_type(kind: pa.DataType) -> bool:
    """Whether the type holds text."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


@dataclass(frozen=True)
class KeyGenerator:
    """Makes as many distinct keys as asked for.

    Attributes:
        type: The column's Arrow type.
        start: Where the keys begin, as a number (ordered types only): about where the real ones do.
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
            texts = column.drop_null().to_pylist()
            if texts and all(map(UUID.fullmatch, texts)):  # others than random ones may leave too little room
                texts = _like_uuids(texts)
            return cls(type=column.type, patterns=Patterns.fit(texts, threshold=threshold))
        numbers, _ = to_numbers(column)
        ticks = np.unique(np.floor(numbers).astype(np.int64))  # a float key counts whole numbers
        step = int(np.gcd.reduce(np.diff(ticks).astype(np.uint64))) if len(ticks) > 1 else 1
        start = int(ticks[0]) if len(ticks) else 1
        if pa.types.is_integer(column.type):
            start = _round_start(start, step)
        if len(ticks) < 2:
            return cls(type=column.type, start=start)
        span = (int(ticks[-1]) - int(ticks[0])) // step
        return cls(type=column.type, start=start, step=step, gap=span / (len(ticks) - 1))

    def denser(self, factor: float) -> KeyGenerator:
        """The generator of so many times as many keys in the same range."""
        if factor == 1:
            return self
        room = self.gap * self.step / factor
        # What the differences of few keys have in common is by chance if all keys find no room so.
        step = self.step if room > NEARLY * self.step else 1
        return replace(self, step=step, gap=max(room / step, 1.0))

    def make(self, size: int, rng: np.random.Generator) -> pa.Array:
        """Distinct keys; numbers ascend with gaps like the real ones.

        Raises:
            GenerationError: The column's type has no room for so many keys.
        """
        return self.make_part(Part(0, size, size), Seed(int(rng.integers(2**63))))

    def make_part(self, part: Part, seed: Seed) -> pa.Array:
        """The keys of some rows; those of all parts are distinct. See `make`."""
        if self.patterns is not None:
            return pa.array(self.patterns.unique_part(part, seed), type=self.type)
        size = part.total
        # Each key lies somewhere in an interval of its own, `gap` steps wide; many keys lie closer.
        span = _largest(self.type) - self.start
        step = self.step if span // self.step >= size else 1  # a few real keys may lie far apart
        gap = max(1.0, min(self.gap * (self.step // step), (span // step + 1) / max(size, 1)))
        edges = np.floor(np.arange(part.first, part.stop + 1) * gap)
        jitter = np.floor(seed.uniforms(part) * np.diff(edges))
        return self._typed(self.start, step, edges[:-1] + jitter)

    def make_beyond(self, part: Part, taken: pa.Array, seed: Seed) -> pa.Array:
        """Like `make_part`, but none of the keys is among the taken ones, nor are those of other parts."""
        if self.patterns is None:
            top = int(to_numbers(taken)[0].max(initial=self.start - self.step))
            return replace(self, start=top + self.step).make_part(part, seed)
        size = part.total + len(taken)
        texts = pa.array(self.patterns.unique_part(Part(0, size, size), seed), type=self.type)
        return texts.filter(pc.invert(pc.is_in(texts, value_set=taken))).slice(part.first, len(part))

    def make_others(self, size: int, taken: pa.Array, rng: np.random.Generator) -> pa.Array:
        """Distinct keys, none of them among the taken ones."""
        if self.patterns is None:
            numbers, _ = to_numbers(taken)
            top = int(numbers.max()) if len(numbers) else self.start
            return self._typed(top, self.step, np.arange(1.0, size + 1))
        fresh = pa.array(self.patterns.sample_unique(size + len(taken), rng), type=self.type)
        return fresh.filter(pc.invert(pc.is_in(fresh, value_set=taken))).slice(0, size)

    def _typed(self, first: int, step: int, places: npt.NDArray[np.float64]) -> pa.Array:
        """The keys so many steps from the first one; `places` ascend."""
        if len(places) and first + step * int(places[-1]) > _largest(self.type):
            raise GenerationError(
                f"{len(places)} distinct keys do not fit the type {self.type}",
                expected=f"keys from {first} on in steps of {step}",
                remedy="widen the key column's type in the source, or generate fewer rows",
            )
        # Unsigned, so that the distance of extreme keys does not overflow.
        ticks = np.int64(first).view(np.uint64) + np.uint64(step) * places.astype(np.uint64)
        return from_numbers(ticks.view(np.int64), np.zeros(len(ticks), bool), self.type)

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


def _like_uuids(texts: Sequence[str]) -> list[str]:
    """Random UUIDs of the version of others, if they have one in common, else of version 4."""
    versions = {text[14] for text in texts}
    version = int(versions.pop(), 16) if len(versions) == 1 else 4
    drawn = np.random.default_rng(0).integers(0, 256, (LIKE_UUIDS, 16), np.uint8)
    drawn[:, 6] = drawn[:, 6] % 16 + 16 * version
    drawn[:, 8] = drawn[:, 8] % 64 + 128  # the variant that nearly all have
    return [str(uuid.UUID(bytes=row.tobytes())) for row in drawn]


def _round_start(first: int, step: int) -> int:
    """The first real key rounded down to its leading digit, on the same grid: 73,412 tells who came first."""
    if first < 10:
        return first
    base = 10 ** (len(str(first)) - 1)
    rounded = first // base * base
    return rounded + (first - rounded) % step
