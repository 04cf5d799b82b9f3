"""Codes, numbers and other identifiers by pattern: what they look like, without any of the real ones.

A pattern says which characters occur at each place. `N14228` and `N24211` share the shape `A99999`; if all
of them start with N, so does every generated one. Shapes that few values share keep only the kinds of
their characters, so that no single real value can be read off them.
"""

from __future__ import annotations

import math
import string
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from synthohive_py.rng import Part, Seed

__all__ = ["HEX", "Patterns"]

MAX_SHAPES = 200
MAX_INDEX = 2**62  # how many values of one shape are counted through
HEX = "0123456789abcdef"
CLASSES = {
    "A": string.ascii_uppercase,
    "a": string.ascii_lowercase,
    "9": string.digits,
    "h": HEX,
    "H": HEX.upper(),
}

Text = npt.NDArray[np.str_]


@dataclass(frozen=True)
class Patterns:
    """Alphabets of each place of each shape, and how many real values had that shape.

    Attributes:
        shapes: Per shape, the characters allowed at each place.
        weights: Per shape, how many values had it.
        hexadecimal: The digits of hashes, in which digits and letters mix without meaning; else empty.

    No two shapes can produce the same text: they differ in length, or at some place in the kind of
    character.
    """

    shapes: tuple[tuple[str, ...], ...]
    weights: tuple[int, ...]
    hexadecimal: str = ""

    @classmethod
    def fit(cls, values: Iterable[str], *, threshold: int = 5, hexadecimal: str | None = None) -> Patterns:
        """Learn from real values.

        Args:
            values: Texts without nulls; equal ones count once.
            threshold: Shapes of fewer values than this are generalised.
            hexadecimal: The digits, if the values are hashes; None lets them decide.
        """
        distinct = sorted(set(values))
        if hexadecimal is None:
            hexadecimal = _hexadecimal_digits(distinct)
        members: dict[str, list[str]] = {}
        for value in distinct:
            members.setdefault(_shape_of(value, hexadecimal), []).append(value)
        ranked = sorted(members.items(), key=lambda item: (-len(item[1]), item[0]))[:MAX_SHAPES]
        return cls(
            shapes=tuple(_alphabets(shape, group, threshold) for shape, group in ranked),
            weights=tuple(len(group) for _, group in ranked),
            hexadecimal=hexadecimal,
        )

    def sample(self, size: int, rng: np.random.Generator) -> Text:
        """Texts drawn independently; some may be equal."""
        weights = np.array(self.weights, np.float64)
        counts = rng.multinomial(size, weights / weights.sum()) if size else np.zeros(len(weights), int)
        parts = [self._random(shape, n, rng) for shape, n in zip(self.shapes, counts, strict=True) if n]
        return _shuffled(parts, rng)

    def sample_unique(self, size: int, rng: np.random.Generator) -> Text:
        """Texts that all differ; shapes are widened if they have too few."""
        return self.unique_part(Part(0, size, size), Seed(int(rng.integers(2**63))))

    def unique_part(self, part: Part, seed: Seed) -> Text:
        """Some of `part.total` texts that all differ, those of other parts included.

        Each row has a place among all texts, in an order that looks random, and each place an interval of
        its own among the texts of its shape.
        """
        patterns = self
        while patterns.capacity < part.total:
            patterns = patterns._widened()
        room = [min(_capacity(shape), MAX_INDEX) for shape in patterns.shapes]
        ends = np.cumsum(_shares(part.total, patterns.weights, room))
        places = _scattered(part, seed.child("order"))
        shapes = np.searchsorted(ends, places, side="right")
        uniforms = seed.child("numbers").uniforms(part)
        texts: list[Text] = [np.zeros(0, "<U1")]
        rows = [np.zeros(0, np.int64)]
        for s in np.unique(shapes):
            mine = np.flatnonzero(shapes == s)
            size = int(ends[s] - (ends[s - 1] if s else 0))
            index = places[mine] - (ends[s] - size)
            numbers = _one_of_interval(index, size, room[s], uniforms[mine])
            chance = partial(_chance, seed.child("rest", int(s)), part, mine)
            texts.append(_numbered(patterns.shapes[s], numbers, chance))
            rows.append(mine)
        return np.concatenate(texts)[np.argsort(np.concatenate(rows), kind="stable")]

    @property
    def capacity(self) -> int:
        """How many different texts the patterns can produce."""
        return sum(_capacity(shape) for shape in self.shapes)

    def _widened(self) -> Patterns:
        """Patterns with more room: the places that vary, then all digits, then one more digit at the end.

        Letters that all values share stay: they are the name of a kind, `CUS-` or `N`.
        """
        numbers = set(self.hexadecimal or string.digits)
        varying = {a for shape in self.shapes for a in shape if len(a) > 1}
        counting = {a for shape in self.shapes for a in shape if set(a) <= numbers}
        for alphabets in (varying, counting):
            full = {a: _full(a, self.hexadecimal) for a in alphabets}
            wide = tuple(tuple(full.get(a, a) for a in shape) for shape in self.shapes)
            if wide != self.shapes:
                return replace(self, shapes=wide)
        # Every shape grows by one place, so shapes that differed still do.
        longer = tuple((*shape, string.digits) for shape in self.shapes)
        return Patterns(longer or ((string.digits,),), self.weights or (1,), self.hexadecimal)

    def _random(self, shape: Sequence[str], size: int, rng: np.random.Generator) -> Text:
        return _join([_letters(alphabet)[rng.integers(0, len(alphabet), size)] for alphabet in shape], size)

    def state(self) -> dict[str, Any]:
        """All fields, for an artefact."""
        return {
            "shapes": [list(shape) for shape in self.shapes],
            "weights": list(self.weights),
            "hexadecimal": self.hexadecimal,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Patterns:
        """The patterns that `state` was taken from."""
        shapes = tuple(tuple(shape) for shape in state["shapes"])
        return cls(shapes, tuple(state["weights"]), state["hexadecimal"])


def _hexadecimal_digits(values: Sequence[str]) -> str:
    """The digits of hashes and UUIDs, whose digits and letters mix without meaning; empty for others."""
    lengths = {len(value) for value in values}
    if len(lengths) != 1 or min(lengths) < 8:
        return ""
    used = {c for value in values[:1000] for c in value if c.isalnum()}
    for digits in (HEX, HEX.upper()):
        if used <= set(digits) and len(used - set(string.digits)) >= 3:
            return digits
    return ""


def _shape_of(value: str, hexadecimal: str) -> str:
    if hexadecimal:
        kind = "h" if hexadecimal == HEX else "H"
        return "".join(kind if c in hexadecimal else c for c in value)
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


def _full(alphabet: str, hexadecimal: str) -> str:
    """All characters of the kinds that occur."""
    if hexadecimal and set(alphabet) <= set(hexadecimal):
        return hexadecimal
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


def _scattered(part: Part, seed: Seed) -> npt.NDArray[np.int64]:
    """The places of some rows if all rows change places: row i goes to a * i + b, modulo their number."""
    total = max(part.total, 1)
    a, b = (int(value * total) for value in seed.numpy().random(2))
    while math.gcd(a, total) != 1:
        a += 1
    rows = np.arange(part.first, part.stop, dtype=np.int64)
    return (rows * (a % total) + b) % total


def _one_of_interval(
    index: npt.NDArray[np.int64], size: int, capacity: int, uniforms: npt.NDArray[np.float64]
) -> npt.NDArray[np.int64]:
    """Integers below capacity, each at a random place of its own one of `size` equal intervals."""
    step, more = divmod(capacity, size)
    first, last = (i * step + i * more // size for i in (index, index + 1))
    return first + (uniforms * (last - first)).astype(np.int64)


def _chance(seed: Seed, part: Part, rows: npt.NDArray[np.int64], place: int) -> npt.NDArray[np.float64]:
    """Uniform numbers of some rows of the part, for one place of their texts."""
    return seed.child(place).uniforms(part)[rows]


def _numbered(
    shape: Sequence[str], index: npt.NDArray[np.int64], chance: Callable[[int], npt.NDArray[np.float64]]
) -> Text:
    """The texts with these numbers, counted through the places from the last one on.

    Args:
        shape: The characters allowed at each place.
        index: The numbers.
        chance: Uniform numbers, for places that the numbers do not reach.
    """
    columns: list[Text] = []
    rest, radix = index, 1
    for place, alphabet in enumerate(reversed(shape)):
        if radix <= MAX_INDEX // max(len(alphabet), 1):
            rest, digit = np.divmod(rest, len(alphabet))
            radix *= len(alphabet)
        else:  # counted through already: the number is spent, chance fills the rest
            digit = (chance(place) * len(alphabet)).astype(np.int64)
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
