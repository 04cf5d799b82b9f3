"""Randomness: one seed, and named streams derived from it.

A stream depends only on the seed and on its own name (table, stage, chunk), never on what was drawn
before it, so that adding a table or changing a chunk size leaves every other stream as it was.
Nothing here, and nothing that uses it, touches the global state of numpy or torch.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import torch

__all__ = ["Part", "Seed"]

DRAWN_TOGETHER = 4  # numbers that one step of the Philox counter gives


@dataclass(frozen=True)
class Part:
    """Some neighbouring rows of a table: rows `first` to `stop` - 1 of `total`."""

    first: int
    stop: int
    total: int

    def __len__(self) -> int:
        return self.stop - self.first


@dataclass(frozen=True)
class Seed:
    """A seed that other seeds are derived from by name.

    Args:
        value: Any integer; 64 bits of it count.
    """

    value: int

    def child(self, *names: str | int) -> Seed:
        """The seed of the stream with these names.

        >>> Seed(0).child("orders", "sample") == Seed(0).child("orders", "sample")
        True
        """
        text = "\x1f".join([str(self.value), *map(str, names)])
        return Seed(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little"))

    def numpy(self) -> np.random.Generator:
        """A fresh numpy generator at the start of this stream."""
        return np.random.Generator(np.random.Philox(self.value & (2**64 - 1)))

    def uniforms(self, part: Part) -> npt.NDArray[np.float64]:
        """Uniform numbers of some rows: those the whole stream would give them."""
        skipped = part.first // DRAWN_TOGETHER * DRAWN_TOGETHER
        stream = np.random.Philox(self.value & (2**64 - 1)).advance(skipped // DRAWN_TOGETHER)
        return np.random.Generator(stream).random(part.stop - skipped)[part.first - skipped :]

    def torch(self) -> torch.Generator:
        """A fresh torch generator at the start of this stream, on torch's default device."""
        import torch

        return torch.Generator(torch.get_default_device()).manual_seed(self.value & (2**63 - 1))
