"""Free text: as many words as the real cells have, drawn from the words many cells share.

A word held by fewer cells than the privacy threshold is never stored; a word of the same shape stands in
for it. Cells are recombined word by word, so no real cell is copied but by the chance of its common words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from synthohive_py.columns.base import Codes, ColumnCodec, State, type_from_text, type_to_text
from synthohive_py.columns.bins import Bins
from synthohive_py.columns.patterns import Patterns

__all__ = ["TextCodec"]

LENGTH_BINS = 20
MAX_WORDS = 50_000
MAX_RARE_WORDS = 20_000  # enough to learn the shapes of rare words from


@dataclass(frozen=True)
class TextCodec(ColumnCodec):
    """One code: the bin of the number of words, or the last code for null.

    Attributes:
        type: The column's Arrow text type.
        lengths: Number of words to codes and back.
        words: The common words.
        counts: How many cells hold each of them.
        rare_share: Share of the words that are not common.
        patterns: What rare words look like.
        longest: How many characters a cell may have: no more than enough real ones have.
        null: Whether the column has nulls.
    """

    kind: ClassVar[str] = "text"
    type: pa.DataType
    lengths: Bins
    words: tuple[str, ...]
    counts: npt.NDArray[np.int64]
    rare_share: float
    patterns: Patterns
    longest: int
    null: bool

    @classmethod
    def fit(cls, column: pa.Array, *, threshold: int = 5) -> TextCodec:
        """Learn from a real column; a word is stored only if `threshold` cells hold it."""
        texts = column.drop_null().to_pylist()
        cells = [text.split(" ") for text in texts]
        lengths = sorted(map(len, texts))
        tally = Counter(word for cell in cells for word in set(cell))
        ranked = sorted(tally.items(), key=lambda item: (-item[1], item[0]))
        common = [(word, count) for word, count in ranked if count >= threshold][:MAX_WORDS]
        rare = [word for word, count in ranked[len(common) :]][:MAX_RARE_WORDS]
        total = sum(tally.values())
        return cls(
            type=column.type,
            lengths=Bins.fit(
                np.array([len(cell) for cell in cells], np.int64), bins=LENGTH_BINS, threshold=threshold
            ),
            words=tuple(word for word, _ in common),
            counts=np.array([count for _, count in common], np.int64),
            rare_share=1 - sum(count for _, count in common) / total if total else 0.0,
            patterns=Patterns.fit(rare, threshold=threshold),
            longest=lengths[-min(threshold, len(lengths))] if lengths else 0,
            null=column.null_count > 0 or not cells,
        )

    @property
    def cardinalities(self) -> tuple[int, ...]:
        return (self.lengths.size + self.null,)

    @property
    def ordered(self) -> tuple[bool, ...]:
        return (True,)

    def encode(self, column: pa.Array) -> Codes:
        null = np.asarray(column.is_null())
        lengths = np.array([text.count(" ") + 1 for text in column.drop_null().to_pylist()], np.int64)
        codes = np.full(len(column), self.lengths.size if self.null else 0, np.int32)
        codes[~null] = self.lengths.encode(lengths)
        return codes[:, None]

    def decode(self, codes: Codes, rng: np.random.Generator) -> pa.Array:
        null = codes[:, 0] >= self.lengths.size
        sizes = self.lengths.decode(np.minimum(codes[:, 0], max(self.lengths.size - 1, 0)), rng)
        sizes = np.where(null, 0, np.maximum(sizes, 1))
        words = self._draw(int(sizes.sum()), rng)
        ends = np.cumsum(sizes).tolist()
        cells = [" ".join(words[end - size : end]) for end, size in zip(ends, sizes.tolist(), strict=True)]
        cells = [cell if len(cell) <= self.longest else self._cut(cell) for cell in cells]
        return pa.array(cells, mask=null, type=self.type)

    def _cut(self, cell: str) -> str:
        """The words that there is room for; of a single long one, its beginning."""
        return cell[: self.longest + 1].rpartition(" ")[0] or cell[: self.longest]

    def _draw(self, size: int, rng: np.random.Generator) -> list[str]:
        words: npt.NDArray[np.object_] = np.full(size, "", dtype=object)
        rare = rng.random(size) < self.rare_share if self.words else np.ones(size, bool)
        if self.words:
            picked = rng.choice(len(self.words), int((~rare).sum()), p=self.counts / self.counts.sum())
            words[~rare] = np.array(self.words, dtype=object)[picked]
        if self.patterns.shapes:
            words[rare] = self.patterns.sample(int(rare.sum()), rng)
        return list(words)

    def state(self) -> State:
        return {
            "type": type_to_text(self.type),
            "lengths": self.lengths.state(),
            "words": list(self.words),
            "counts": self.counts,
            "rare_share": self.rare_share,
            "patterns": self.patterns.state(),
            "longest": self.longest,
            "null": self.null,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> TextCodec:
        return cls(
            type=type_from_text(state["type"]),
            lengths=Bins.from_state(state["lengths"]),
            words=tuple(state["words"]),
            counts=np.asarray(state["counts"], np.int64),
            rare_share=state["rare_share"],
            patterns=Patterns.from_state(state["patterns"]),
            longest=state["longest"],
            null=state["null"],
        )
