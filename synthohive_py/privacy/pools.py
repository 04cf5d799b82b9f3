"""Invented names and streets per locale, drawn from Faker when a twin is learned and kept with it.

So a twin is sampled without Faker, and its names do not change with Faker's version.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from synthohive_py.rng import Seed

__all__ = ["NameBook", "Pool", "make_pool"]

DRAWS = 1500  # of each kind; locales have some hundred different ones
LEAST = 100  # names that a pool has, even if real people are called so, too
KNOWN = 0.3  # share of names that a locale has to know to be that of a column


@dataclass(frozen=True)
class Pool:
    """The names of a locale, each once.

    Attributes:
        first: First names.
        last: Family names.
        streets: Names of streets.
        number_first: Whether a house number stands before the street.
        family_first: Whether a family name stands before the first name.
    """

    first: tuple[str, ...]
    last: tuple[str, ...]
    streets: tuple[str, ...]
    number_first: bool
    family_first: bool

    def state(self) -> dict[str, Any]:
        """All fields, for an artefact."""
        lists = {"first": list(self.first), "last": list(self.last), "streets": list(self.streets)}
        return {**lists, "number_first": self.number_first, "family_first": self.family_first}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Pool:
        """The pool that `state` was taken from."""
        return cls(
            tuple(state["first"]),
            tuple(state["last"]),
            tuple(state["streets"]),
            state["number_first"],
            state["family_first"],
        )


def make_pool(locale: str, seed: Seed, avoid: frozenset[str] = frozenset()) -> Pool:
    """Draw the names of a locale.

    Args:
        locale: One of `LOCALES`.
        seed: Of the draws.
        avoid: Names that real people have. They are left out as long as enough others remain.
    """
    import faker

    source = faker.Faker(locale)
    source.seed_instance(seed.child("pool", locale).value)

    def draw(*kinds: str) -> tuple[str, ...]:
        kind = next(k for k in kinds if hasattr(source, k))
        found = list(dict.fromkeys(str(getattr(source, kind)()) for _ in range(DRAWS)))
        known = [name for name in found if name in avoid or not avoid.isdisjoint(name.split())]
        fresh = [name for name in found if name not in known]
        return tuple(fresh + known[: max(LEAST - len(fresh), 0)])

    return Pool(
        draw("first_name"),
        draw("last_name"),
        draw("street_name", "street_title", "town", "last_name"),
        number_first=locale[:2] in {"en", "fr"},
        family_first=locale[:2] in {"ja", "zh", "ko", "hu"},
    )


@dataclass(frozen=True)
class NameBook:
    """First and family names of some locales, to tell names from other words.

    Attributes:
        first: Per locale its first names.
        last: Per locale its family names.
    """

    first: Mapping[str, frozenset[str]]
    last: Mapping[str, frozenset[str]]

    @classmethod
    def of(cls, locales: Collection[str]) -> NameBook:
        """The names of these locales."""
        pools = {locale: make_pool(locale, Seed(0)) for locale in locales}
        return cls(
            {locale: frozenset(pool.first) for locale, pool in pools.items()},
            {locale: frozenset(pool.last) for locale, pool in pools.items()},
        )

    def is_name(self, text: str) -> bool:
        """Whether the text is a first name and a family name of one locale, in either order."""
        words = text.replace(",", " ").split()
        return 2 <= len(words) <= 4 and any(
            (words[0] in first and words[-1] in self.last[locale])
            or (words[-1] in first and words[0] in self.last[locale])
            for locale, first in self.first.items()
        )

    def locale_of(self, texts: Collection[str]) -> str | None:
        """The locale that most of these names are known in; None if few are known."""
        words = [word for text in texts for word in text.split()]
        hits = {
            locale: sum(word in first or word in self.last[locale] for word in words)
            for locale, first in self.first.items()
        }
        best = max(hits, key=lambda locale: hits[locale], default=None)
        return best if best and hits[best] >= KNOWN * len(words) > 0 else None

    @property
    def words(self) -> frozenset[str]:
        """All names."""
        return frozenset().union(*self.first.values(), *self.last.values())
