"""Invented values: a number and a person in, a name, an e-mail or a telephone number out.

E-mails lie in domains that are reserved for examples (RFC 2606), addresses of the internet in ranges that are
private or for documentation: nothing reaches anybody. Different numbers give different values, but for names
and addresses unless they are asked to be unique.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from synthohive_py.privacy.kinds import Kind
from synthohive_py.privacy.pools import Pool
from synthohive_py.privacy.shapes import Shapes

__all__ = ["STYLES", "Inventor", "Person", "in_ascii"]

DOMAINS = ("example.com", "example.org", "example.net")
LEAST_NAME = 3  # letters of a name in an e-mail that has to be short
BASE = "0123456789abcdefghijklmnopqrstuvwxyz"
PRIME = 982_451_653
MASKED = 10**9  # numbers of names that are only said to be there
_LETTERS: dict[int, str] = {
    ord(c): to for c, to in zip("ßøłæđ\u0131", ("ss", "o", "l", "ae", "d", "i"), strict=True)
}
_DEFAULT_SHAPES = {
    "phone": ("+", *["0123456789"] * 11),
    "card": ("4", *["0123456789"] * 14, "0"),
    "iban": ("D", "E", "0", "0", *["0123456789"] * 18),
    "ssn": ("9", *["0123456789"] * 2, "-", *["0123456789"] * 2, "-", *["0123456789"] * 4),
    "other": ("0123456789",) * 9,
}
# How e-mails and user names are made of a first and a family name.
STYLES: dict[str, str] = {
    "first.last": "{first}.{last}",
    "first_last": "{first}_{last}",
    "first-last": "{first}-{last}",
    "firstlast": "{first}{last}",
    "last.first": "{last}.{first}",
    "lastfirst": "{last}{first}",
    "f.last": "{f}.{last}",
    "flast": "{f}{last}",
    "first.l": "{first}.{l}",
    "firstl": "{first}{l}",
    "last": "{last}",
    "first": "{first}",
}


@dataclass(frozen=True)
class Person:
    """What is known of the person of a row: where they live, and what they are called in the twin."""

    locale: str | None = None
    first: str | None = None
    last: str | None = None
    whole: str | None = None


@dataclass(frozen=True)
class Inventor:
    """Makes values.

    Attributes:
        is_masked: Whether it only says what kind of value was there.
        locale: Where people live if nothing says so.
        pools: Names, per locale; that of `locale` among them, unless masked.
    """

    is_masked: bool = False
    locale: str = "en_US"
    pools: Mapping[str, Pool] = field(default_factory=dict)

    @property
    def names(self) -> int:
        """How many pairs of a first and a family name there are."""
        pool = self.pools.get(self.locale)
        return len(pool.first) * len(pool.last) if pool else MASKED

    def value(
        self,
        kind: Kind,
        number: int,
        person: Person,
        *,
        longest: int,
        is_unique: bool = False,
        styles: Mapping[str, int] | None = None,
        shapes: Shapes | None = None,
    ) -> str:
        """The value of a kind with this number.

        Args:
            kind: What it is.
            number: Which one.
            person: Whose it is.
            longest: How many characters there is room for.
            is_unique: Whether different numbers must have different names and addresses, too.
            styles: How it is made of the person's names, and how often; see `STYLES`.
            shapes: The format.
        """
        if self.is_masked:
            return f"[{kind.upper()} {number}]"
        pool = self.pools.get(person.locale or self.locale) or self.pools[self.locale]
        if kind in ("first_name", "last_name"):
            names = pool.first if kind == "first_name" else pool.last
            return _mixed([names], number)[:longest] if is_unique else names[number % len(names)][:longest]
        if kind == "name":
            return _name(pool, number, person, _chosen(styles or {}, number))[:longest]
        if kind in ("email", "username"):
            return _account(kind, number, _named(person, pool, number, styles or {}), longest)
        if kind == "address":
            street, house = pool.streets[number % len(pool.streets)], 1 + number // len(pool.streets)
            return (f"{house} {street}" if pool.number_first else f"{street} {house}")[:longest]
        if kind == "ip":
            return _ip(number, shapes)
        return (shapes or Shapes(kind, (_DEFAULT_SHAPES[kind],), (1,))).text(number)


def _name(pool: Pool, number: int, person: Person, style: str | None) -> str:
    """A whole name: made of those of the row if real ones are, else one that is the number's alone."""
    if style and person.first and person.last:
        return style.format(first=person.first, last=person.last)
    rest, first = divmod(number, len(pool.first))
    rest, last = divmod(rest, len(pool.last))
    one, other = pool.first[first], pool.last[last]
    middle = f" {_mixed([pool.first], rest - 1)}" if rest else ""
    return f"{other} {one}{middle}" if pool.family_first else f"{one}{middle} {other}"


def _named(person: Person, pool: Pool, number: int, styles: Mapping[str, int]) -> tuple[str, str, str]:
    """A style, a first and a family name: those of the person, if real values are made of names, too."""
    words = (person.whole or "").split()
    first = person.first or (words[0] if words else None)
    last = person.last or (words[-1] if words else None)
    style = STYLES.get(_chosen(styles, number) or "")
    if style is None or (first is None and last is None):
        first, last = pool.first[number % len(pool.first)], pool.last[(number * 7) % len(pool.last)]
    return style or STYLES["first.last"], first or last or "", last or first or ""


def _account(kind: Kind, number: int, named: tuple[str, str, str], longest: int) -> str:
    """An e-mail or a user name: names in a style that real ones have, and the number to be alone."""
    style, first, last = named[0], in_ascii(named[1]), in_ascii(named[2])
    base = style.format(first=first, last=last, f=first[:1], l=last[:1]).strip("._-") or "user"
    end = f".{_in_base(number)}" if kind == "email" else _in_base(number)
    end += f"@{DOMAINS[number % len(DOMAINS)]}" if kind == "email" else ""
    return base[: max(longest - len(end), LEAST_NAME)].rstrip("._-") + end


def _chosen(styles: Mapping[str, int], number: int) -> str | None:
    """The style of a number, as often as the weights say."""
    if not styles:
        return None
    place = (number * PRIME) % sum(styles.values())
    for style, weight in styles.items():
        place -= weight
        if place < 0:
            return style or None
    return None


def _mixed(lists: Sequence[Sequence[str]], number: int) -> str:
    """Words that spell the number: different numbers, different words."""
    words = []
    place = 0
    while True:
        names = lists[place % len(lists)]
        number, word = divmod(number, len(names))
        words.append(names[word])
        if not number:
            return " ".join(words)
        number -= 1
        place += 1


def _in_base(number: int) -> str:
    digits = ""
    while number or not digits:
        number, digit = divmod(number, len(BASE))
        digits = BASE[digit] + digits
    return digits


def _ip(number: int, shapes: Shapes | None) -> str:
    """An address of a private range, or of that for documentation if real ones are of version 6."""
    if shapes is not None and any(":" in alphabet for shape in shapes.shapes for alphabet in shape):
        return f"2001:db8::{number >> 16 & 0xFFFF:x}:{number & 0xFFFF:x}"
    place = number % 2**24
    return f"10.{place >> 16}.{place >> 8 & 255}.{place & 255}"


def in_ascii(text: str) -> str:
    """The letters of a name as they are written in an e-mail: without accents, in lower case."""
    plain = text.lower().translate(_LETTERS)
    return "".join(c for c in unicodedata.normalize("NFKD", plain) if c.isascii() and c.isalnum())
