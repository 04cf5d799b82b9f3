"""Made-up values in the place of rare ones that decide what no common one does: the speed of a rare model.

Rare values are not stored, and common ones stand in for them. These decide otherwise, so that what follows
from rare ones only would vanish, or contradict. Such rows get a value that looks like the rare ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from synthohive_py.columns.patterns import Patterns
from synthohive_py.rng import Seed

__all__ = ["Strangers"]


@dataclass(frozen=True)
class Strangers:
    """Texts that stand for rare values.

    Attributes:
        names: As many as there are rare values, none of them real.
        share: The rows that hold rare values.
        columns: What follows mostly from rare values: rows with such a value get one of the texts.
    """

    names: tuple[str, ...]
    share: float
    columns: tuple[str, ...]

    @classmethod
    def fit(
        cls,
        column: pa.ChunkedArray,
        rare: npt.NDArray[np.bool_],
        columns: Sequence[str],
        *,
        threshold: int,
        seed: Seed,
    ) -> Strangers:
        """Make up as many as there are rare values.

        Args:
            column: Real texts.
            rare: (rows,) which are rare.
            columns: What follows from them.
            threshold: As of `Patterns.fit`.
            seed: Decides what they are.
        """
        texts = column.filter(pa.array(rare)).unique()
        real = {*column.unique().to_pylist()}
        patterns = Patterns.fit(texts.to_pylist(), threshold=threshold)
        made = patterns.sample_unique(len(texts) + len(real), seed.numpy())
        names = [name for name in map(str, made) if name not in real]
        return cls(tuple(names[: len(texts)]), float(rare.mean()), tuple(columns))

    def some(self, rows: npt.NDArray[np.bool_], rng: np.random.Generator) -> npt.NDArray[np.bool_]:
        """As many of these rows as hold rare values in real data, or all if they are fewer."""
        chosen = rng.permutation(np.flatnonzero(rows))[: round(self.share * len(rows))]
        out = np.zeros(len(rows), bool)
        out[chosen] = True
        return out

    def state(self) -> dict[str, Any]:
        """All fields, for an artefact."""
        return {"names": list(self.names), "share": self.share, "columns": list(self.columns)}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Strangers:
        """Those that `state` was taken from."""
        return cls(tuple(state["names"]), state["share"], tuple(state["columns"]))
