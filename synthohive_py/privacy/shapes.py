"""Invented numbers and codes of a given format: cards, IBANs, telephone and identity numbers, and others."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from synthohive_py.columns.patterns import Patterns
from synthohive_py.privacy.kinds import Kind, digits_of, iban_check, luhn_digit

__all__ = ["Shapes"]

PRIME = 982_451_653  # shares no factor with a number of texts, so that each is met once

Shape = tuple[str, ...]


@dataclass(frozen=True)
class Shapes:
    """What the values of a column look like, as the alphabets of each place.

    Attributes:
        kind: What they are.
        shapes: The formats, each as the characters allowed at each place.
        weights: How many real values had each.
    """

    kind: Kind
    shapes: tuple[Shape, ...]
    weights: tuple[int, ...]

    @classmethod
    def fit(cls, kind: Kind, values: Iterable[str], *, digits: int, threshold: int) -> Shapes:
        """Learn the formats of real values; see `Patterns` for what is kept of them.

        Args:
            kind: What they are.
            values: Texts of the kind.
            digits: Each format is to have room for numbers of so many digits.
            threshold: Formats of fewer values are generalised.
        """
        patterns = Patterns.fit(values, threshold=threshold, hexadecimal="")
        found = [
            (_computed(kind, shape), weight)
            for shape, weight in zip(patterns.shapes, patterns.weights, strict=True)
        ]
        roomy = [(shape, weight) for shape, weight in found if _room(shape) >= 10**digits]
        if not roomy:  # the real values hardly differ: any digits do
            widest = max((shape for shape, _ in found), key=len, default=("0123456789",) * digits)
            open_places = [_opened(kind, widest, place) for place in range(len(widest))]
            while _room(open_places) < 10**digits:
                open_places.append("0123456789")
            roomy = [(_computed(kind, tuple(open_places)), 1)]
        return cls(kind, tuple(s for s, _ in roomy), tuple(w for _, w in roomy))

    def text(self, number: int) -> str:
        """The value with this number; different numbers below the room of the formats give different ones."""
        place = (number * PRIME) % sum(self.weights)
        for shape, weight in zip(self.shapes, self.weights, strict=True):  # noqa: B007
            place -= weight
            if place < 0:
                break
        rest = (number * PRIME) % _room(shape)
        letters = []
        for alphabet in reversed(shape):
            rest, letter = divmod(rest, len(alphabet))
            letters.append(alphabet[letter])
        return _checked(self.kind, "".join(reversed(letters)))

    def state(self) -> dict[str, Any]:
        """All fields, for an artefact."""
        return {"kind": self.kind, "shapes": [list(s) for s in self.shapes], "weights": list(self.weights)}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Shapes:
        """The shapes that `state` was taken from."""
        return cls(state["kind"], tuple(tuple(s) for s in state["shapes"]), tuple(state["weights"]))


def _room(shape: Iterable[str]) -> int:
    return math.prod(len(alphabet) for alphabet in shape)


def _opened(kind: Kind, shape: Shape, place: int) -> str:
    """Any digit where digits are; the beginning of a card or IBAN stays, for it says what it is."""
    alphabet = shape[place]
    if kind in ("card", "iban") and place < 4:
        return alphabet
    return "0123456789" if set(alphabet) <= set("0123456789") else alphabet


def _computed(kind: Kind, shape: Shape) -> Shape:
    """The shape without the places that follow from the others, or that must not be as real ones are."""
    places = list(shape)
    solid = [i for i, alphabet in enumerate(places) if set(alphabet) - set(" -")]
    if kind == "card" and solid:
        places[solid[-1]] = "0"
    if kind == "iban" and len(solid) > 4:
        places[solid[2]] = places[solid[3]] = "0"
    is_american = [len(a) == 1 and a == "-" for a in places] == [i in (3, 6) for i in range(11)]
    if kind == "ssn" and is_american:
        places[0] = "9"  # no person's number begins so
    return tuple(places)


def _checked(kind: Kind, text: str) -> str:
    """The text with its checksum."""
    if kind == "card":
        end = max(i for i, c in enumerate(text) if c.isdigit())
        return text[:end] + str(luhn_digit(digits_of(text[:end]))) + text[end + 1 :]
    if kind == "iban":
        plain = text.replace(" ", "").replace("-", "")
        check = iter(f"{iban_check(plain[:2].upper(), plain[4:].upper()):02d}")
        solid = [i for i, c in enumerate(text) if c not in " -"][2:4]
        return "".join(next(check) if i in solid else c for i, c in enumerate(text))
    return text
