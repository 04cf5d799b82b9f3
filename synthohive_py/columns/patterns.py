"""Codes, numbers and other identifiers by pattern: what they look like, without any of the real ones.

A pattern says which characters occur at each place. `N14228` and `N24211` share the shape `A99999`; if all
of them start with N, so does every generated one. Shapes that few values share keep only the kinds of
their characters, so that no single real value can be read off them.
"""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Patterns"]

MAX_SHAPES = 200
MAX_INDEX = 2**62  # how many values of one shape are counted through
HEX = "0123456789abcdef"
CLASSES = {"A": string.ascii_uppercase, "a": string.ascii_lowercase, "9": string.digits, "h": HEX}

Text = npt.NDArray[np.str_]


@dataclass(frozen=True)
class Patterns:
    """Alphabets of each place of each shape, and how many real values had that shape.

    Attributes:
        shapes: Per shape, the characters allowed at each place.
        weights: Per shape, how many values had it.

    No two shapes can produce the same text: they differ in length, or at some place in the kind of
    character.
    """

    shapes: tuple[tuple[str, ...], ...]
    weights: tuple[int, ...]

    @classmethod
    def fit(cls, values: Iterable[str], *, threshold: int = 5) -> Patterns:
        """Learn from real values.

        Args:
            values: Texts without nulls; equal ones count once.
            threshold: Shapes of fewer values than this are generalised.
        """
        distinct = sorted(set(values))
        hexadecimal = _are_hexadecimal(distinct)
        members: dict[str, list[str]] = {}
        for value in distinct:
            members.setdefault(_shape_of(value, hexadecimal=hexadecimal), []).append(value)
        ranked = sorted(members.items(), key=lambda item: (-len(item[1]), item[0]))[:MAX_SHAPES]
        return cls(
            shapes=tuple(_alphabets(shape, group, threshold) for shape, group in ranked),
            weights=tuple(len(group) for _, group in ranked),
        )

    def sample(self, size: int, rng: np.random.Generator) -> Text:
        """Texts drawn independently; some may be equal."""
        weights = np.array(self.weights, np.float64)
        counts = rng.multinomial(size, weights / weights.sum()) if size else np.zeros(len(weights), int)
        parts = [self._random(shape, n, rng) for shape, n in zip(self.shapes, counts, strict=True) if n]
        return _shuffled(parts, rng)

    def sample_unique(self, size: int, rng: np.random.Generator) -> Text:
        """Texts that all differ; shapes are widened if they have too few."""
        patterns = self
        while patterns.capacity < size:
            patterns = patterns._widened()
        room = [min(_capacity(shape), MAX_INDEX) for shape in patterns.shapes]
        counts = _shares(size, patterns.weights, room)
        parts = [
            _numbered(shape, _distinct_integers(n, cap, rng), rng)
            for shape, n, cap in zip(patterns.shapes, counts, room, strict=True)
            if n
        ]
        return _shuffled(parts, rng)

    @property
    def capacity(self) -> int:
        """How many different texts the patterns can produce."""
        return sum(_capacity(shape) for shape in self.shapes)

    def _widened(self) -> Patterns:
        """Patterns with more room: full alphabets first, then one more digit at the end."""
        wide = tuple(tuple(_full(alphabet) for alphabet in shape) for shape in self.shapes)
        if wide == self.shapes:
            # Every shape grows by one place, so shapes that differed still do.
            wide = tuple((*shape, string.digits) for shape in self.shapes)
        return Patterns(wide or ((string.digits,),), self.weights or (1,))

    def _random(self, shape: Sequence[str], size: int, rng: np.random.Generator) -> Text:
        return _join([_letters(alphabet)[rng.integers(0, len(alphabet), size)] for alphabet in shape], size)

    def state(self) -> dict[str, Any]:
        """All fields, for an artefact."""
        return {"shapes": [list(shape) for shape in self.shapes], "weights": list(self.weights)}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Patterns:
        """The patterns that `state` was taken from."""
        return cls(tuple(tuple(shape) for shape in state["shapes"]), tuple(state["weights"]))


def _are_hexadecimal(values: Sequence[str]) -> bool:
    """Whether the values are hashes or UUIDs, whose digits and letters mix without meaning."""
    used: Counter[str] = Counter()
    for value in values[:1000]:
        used.update(value)
    letters = set(used) & set("abcdef")
    lengths = {len(value) for value in values}
    return len(lengths) == 1 and min(lengths) >= 8 and len(letters) >= 3 and set(used) <= set(HEX + "-")


def _shape_of(value: str, *, hexadecimal: bool) -> str:
    if hexadecimal:
        return "".join("h" if c in HEX else c for c in value)
    return "".join(_class_of(c) for c in value)


def _class_of(char: str) -> str:
    if char in string.digits:
        return "9"
    if char.isalpha():
        return "A" if char.isupper() else "a"
    return char


def _alphabets(shape: str, values: Sequence[str], threshold: int) -> tuple[str, ...]:
    if len(values) < threshold:
        return tuple(CLASSES.get(kind, kind) for kind in shape)
    return tuple("".join(sorted({value[i] for value in values})) for i in range(len(shape)))


def _full(alphabet: str) -> str:
    """All characters of the kinds that occur."""
    if set(alphabet) & set("abcdef") and set(alphabet) & set(string.digits):
        return HEX
    kinds = sorted({_class_of(c) for c in alphabet})
    return "".join(sorted(set("".join(CLASSES.get(kind, kind) for kind in kinds)) | set(alphabet)))


def _capacity(shape: Sequence[str]) -> int:
    capacity = 1
    for alphabet in shape:
        capacity *= len(alphabet)
    return capacity


def _shares(size: int, weights: Sequence[int], room: Sequence[int]) -> list[int]:
    """Split size by weight, no part above its room."""
    counts = [0] * len(weights)
    left = size
    while left:
        open_parts = [i for i, cap in enumerate(room) if counts[i] < cap]
        total = sum(weights[i] for i in open_parts)
        start = left
        for i in open_parts:
            more = min(-(-start * weights[i] // total), room[i] - counts[i], left)
            counts[i] += more
            left -= more
    return counts


def _distinct_integers(size: int, capacity: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Distinct integers below capacity: one at a random place of each of `size` equal intervals."""
    edges = np.array([capacity * i // size for i in range(size + 1)], np.int64)
    return edges[:-1] + (rng.random(size) * np.diff(edges)).astype(np.int64)


def _numbered(shape: Sequence[str], index: npt.NDArray[np.int64], rng: np.random.Generator) -> Text:
    """The texts with these numbers, counted through the places from the last one on."""
    columns: list[Text] = []
    rest, radix = index, 1
    for alphabet in reversed(shape):
        if radix <= MAX_INDEX // max(len(alphabet), 1):
            rest, digit = np.divmod(rest, len(alphabet))
            radix *= len(alphabet)
        else:  # counted through already: the number is spent, chance fills the rest
            digit = rng.integers(0, len(alphabet), len(index))
        columns.append(_letters(alphabet)[digit])
    return _join(columns[::-1], len(index))


def _letters(alphabet: str) -> Text:
    return np.array(list(alphabet), dtype="<U1")


def _join(columns: Sequence[Text], size: int) -> Text:
    if not columns:
        return np.full(size, "", dtype="<U1")
    return np.ascontiguousarray(np.stack(columns, axis=1)).view(f"<U{len(columns)}")[:, 0]


def _shuffled(parts: Sequence[Text], rng: np.random.Generator) -> Text:
    if not parts:
        return np.zeros(0, dtype="<U1")
    joined = np.concatenate(parts)
    return joined[rng.permutation(len(joined))]
