"""Made-up values in the place of rare ones that decide what no common one does: the speed of a rare model.

Rare values are not stored, and common ones stand in for them. These decide otherwise, so that what follows
from rare ones only would vanish, or contradict. Such rows get a value that looks like the rare ones.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from synthohive_py.columns.patterns import Patterns
from synthohive_py.rng import Seed

__all__ = ["Strangers"]


@dataclass(frozen=True)
class Strangers:
    """Texts that stand for rare values.

    Attributes:
        names: As many as there are rare values, none of them real.
        share: The rows that hold rare values.
    """

    names: tuple[str, ...]
    share: float

    @classmethod
    def fit(cls, column: pa.ChunkedArray, common: pa.Array, *, threshold: int, seed: Seed) -> Strangers:
        """Make up as many as there are values beside the common ones.

        Args:
            column: Real texts.
            common: Those that are known.
            threshold: As of `Patterns.fit`.
            seed: Decides what they are.
        """
        rare = column.filter(pc.invert(pc.is_in(column, value_set=common))).drop_null()
        real = {*column.unique().to_pylist()}
        patterns = Patterns.fit(rare.to_pylist(), threshold=threshold)
        made = patterns.sample_unique(len(rare.unique()) + len(real), seed.numpy())
        names = [name for name in map(str, made) if name not in real]
        return cls(tuple(names[: len(rare.unique())]), len(rare) / max(len(column), 1))

    def of(self, values: pa.Array) -> pa.Array:
        """One per value, the same for equal values, in every shard."""
        unlike = values.dictionary_encode()
        picked = [zlib.crc32(repr(v).encode()) % len(self.names) for v in unlike.dictionary.to_pylist()]
        return pa.array(self.names).take(pa.array(picked, pa.int64())).take(unlike.indices)

    def some(self, rows: npt.NDArray[np.bool_], rng: np.random.Generator) -> npt.NDArray[np.bool_]:
        """As many of these rows as hold rare values in real data, or all if they are fewer."""
        chosen = rng.permutation(np.flatnonzero(rows))[: round(self.share * len(rows))]
        out = np.zeros(len(rows), bool)
        out[chosen] = True
        return out

    def state(self) -> dict[str, Any]:
        """All fields, for an artefact."""
        return {**asdict(self), "names": list(self.names)}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Strangers:
        """Those that `state` was taken from."""
        return cls(tuple(state["names"]), state["share"])
