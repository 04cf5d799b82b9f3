"""What a row sees of its elder siblings, as codes: more columns of its context.

A row is generated given its place among its siblings, how many follow, the sibling before it, and figures of
all before it: the running mean of ordered columns, and how many had the category that the last one has. So a
family stays true to itself over many rows, which the sibling before alone can't ensure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from synthohive_py.columns.base import Codes
from synthohive_py.relational.context import telling_columns
from synthohive_py.relational.families import Families
from synthohive_py.relational.profiles import dependence

__all__ = ["History", "Tracker"]

PLACES = np.array([1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 17, 20, 25, 32, 48, 64, 128])
SHARES = np.array([0.34, 0.67, 0.999])
LEVELS = 24  # of a running mean
MAX_COLUMNS = 40  # that are looked back on; of more, those that depend most on their predecessor
MAX_COUNTED = 64  # codes of a column whose shares are tracked
NOISE = 0.02  # share of the codes of elder siblings that are wrong while learning
ALONE = 0.1  # of ordered codes, where nothing but its siblings tells what a family is like

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class History:
    """Turns elder siblings into codes.

    Attributes:
        cardinalities_before: Per code column of the table, how many codes it has.
        columns: The code columns that are looked back on.
        ranks: Per such column, the mean rank (0 to 1) of each code if it is ordered, else empty.
        edges: Per such column, the limits between the levels of its running mean; empty if it has none.
        is_telling: Whether siblings have anything to do with each other, or with their place among them.
    """

    cardinalities_before: tuple[int, ...]
    columns: tuple[int, ...]
    ranks: tuple[Floats, ...]
    edges: tuple[Floats, ...]
    is_telling: bool = True

    @classmethod
    def fit(
        cls,
        codes: Codes,
        families: Families,
        *,
        cardinalities: Sequence[int],
        ordered: Sequence[bool],
        rng: np.random.Generator,
    ) -> History:
        """Choose what to look back on.

        Args:
            codes: (rows, columns) of the real rows.
            families: Their order.
            cardinalities: Per column, how many codes there are.
            ordered: Per column, whether neighbouring codes mean neighbouring values.
            rng: Tells what siblings have in common from chance.
        """
        later = np.ones(len(codes), bool)
        later[families.first] = False
        after, before = codes[families.rows[later]], codes[families.rows[np.flatnonzero(later) - 1]]
        tells = (
            dependence(before, after, ordered) if after.shape[1] > MAX_COLUMNS else np.ones(after.shape[1])
        )
        columns = tuple(np.sort(np.argsort(-np.asarray(tells), kind="stable")[:MAX_COLUMNS]).tolist())
        ranks = tuple(
            _mean_ranks(codes[:, j], cardinalities[j]) if ordered[j] else np.zeros(0) for j in columns
        )
        blank = cls(tuple(cardinalities), columns, ranks, tuple(np.zeros(0) for _ in columns))
        means = blank._means(codes, families)
        levels = np.linspace(0, 1, LEVELS + 1)[1:-1]
        edges = tuple(
            np.unique(np.quantile(means[:, k], levels)) if len(ranks[k]) and len(means) else np.zeros(0)
            for k in range(len(columns))
        )
        return cls(tuple(cardinalities), columns, ranks, edges).telling(codes, families, rng)

    def telling(self, codes: Codes, families: Families, rng: np.random.Generator) -> History:
        """The same without the columns of elder siblings that tell nothing of younger ones."""
        told = telling_columns(self.encode(codes, families), codes, np.arange(len(codes)), rng)
        starts = [*self._places_of_last(), len(self.cardinalities)]
        kept = [k for k in range(len(self.columns)) if set(told) & set(range(starts[k], starts[k + 1]))]
        return History(
            self.cardinalities_before,
            tuple(self.columns[k] for k in kept),
            tuple(self.ranks[k] for k in kept),
            tuple(self.edges[k] for k in kept),
            is_telling=bool(told),
        )

    def _means(self, codes: Codes, families: Families) -> Floats:
        """Running means before every row that has an elder sibling."""
        tracker, found = Tracker(self, len(families.size)), []
        for place, stretches, rows in families.steps():
            if place:
                found.append(tracker.sums[stretches] / place)
            tracker.add(stretches, codes[rows])
        return np.concatenate(found) if found else np.zeros((0, len(self.columns)))

    @property
    def counted(self) -> tuple[int, ...]:
        """Positions in `columns` of those whose shares are tracked."""
        return tuple(
            k
            for k, j in enumerate(self.columns)
            if not len(self.ranks[k]) and self.cardinalities_before[j] <= MAX_COUNTED
        )

    @property
    def cardinalities(self) -> tuple[int, ...]:
        """How many codes each column of the history has."""
        sizes = [len(PLACES) + 1, len(PLACES) + 1]
        for k, j in enumerate(self.columns):
            sizes.append(self.cardinalities_before[j] + 1)
            if len(self.ranks[k]):
                sizes.append(len(self.edges[k]) + 2)
            elif k in self.counted:
                sizes.append(len(SHARES) + 2)
        return tuple(sizes)

    def encode(
        self,
        codes: Codes,
        families: Families,
        rng: np.random.Generator | None = None,
        *,
        have_codes: bool = False,
    ) -> Codes:
        """(rows, history columns) of real rows.

        Args:
            codes: (rows, columns) of the real rows.
            families: Their order.
            rng: Spoils some of what is seen of the sibling before: a model that learns from perfect
                siblings trusts its own too much.
            have_codes: Whether the parents have family codes, by which a family stays what it is: then less
                is spoiled.
        """
        tracker = Tracker(self, len(families.size))
        out = np.zeros((len(codes), len(self.cardinalities)), np.int32)
        for place, stretches, rows in families.steps():
            out[rows] = tracker.seen(stretches, place, families.size[stretches] - place - 1)
            tracker.add(stretches, codes[rows])
        if rng is not None:
            self._spoil(out, rng, NOISE if have_codes else ALONE)
        return out

    def _spoil(self, seen: Codes, rng: np.random.Generator, ordered: float) -> None:
        younger = np.flatnonzero(seen[:, 0] > 0)
        for k, column in enumerate(self._places_of_last() if len(younger) else ()):
            hit = younger[rng.random(len(younger)) < (ordered if len(self.ranks[k]) else NOISE)]
            seen[hit, column] = seen[rng.choice(younger, len(hit)), column]

    def _places_of_last(self) -> list[int]:
        """The history columns that hold the codes of the sibling before."""
        places, at = [], 2
        for k in range(len(self.columns)):
            places.append(at)
            at += 1 + bool(len(self.ranks[k]) or k in self.counted)
        return places

    def state(self) -> dict[str, Any]:
        """All fields, for an artefact."""
        return {
            "cardinalities_before": list(self.cardinalities_before),
            "columns": list(self.columns),
            "ranks": list(self.ranks),
            "edges": list(self.edges),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> History:
        """The history that `state` was taken from."""
        return cls(
            tuple(state["cardinalities_before"]),
            tuple(state["columns"]),
            tuple(np.asarray(r, np.float64) for r in state["ranks"]),
            tuple(np.asarray(e, np.float64) for e in state["edges"]),
        )


class Tracker:
    """What is known of some stretches of siblings while they grow.

    Args:
        history: What to look back on.
        stretches: How many stretches there are.
    """

    def __init__(self, history: History, stretches: int) -> None:
        self.history = history
        width = len(history.columns)
        self.last = np.zeros((stretches, width), np.int32)
        self.sums = np.zeros((stretches, width))
        self.counts = {
            k: np.zeros((stretches, history.cardinalities_before[history.columns[k]]), np.int32)
            for k in history.counted
        }

    def seen(self, stretches: Rows, place: int, following: Rows) -> Codes:
        """(stretches, history columns) for the next row of each of these stretches.

        Args:
            stretches: Numbers of stretches, all with equally many rows so far.
            place: How many rows that is.
            following: Per stretch, how many rows come after the next one.
        """
        h = self.history
        parts = [np.full(len(stretches), _level(place)), np.searchsorted(PLACES, following, side="right")]
        for k, j in enumerate(h.columns):
            nothing = h.cardinalities_before[j]
            parts.append(self.last[stretches, k] if place else np.full(len(stretches), nothing))
            if len(h.ranks[k]):
                level = np.searchsorted(h.edges[k], self.sums[stretches, k] / max(place, 1), side="right")
                parts.append(level if place else np.full(len(stretches), len(h.edges[k]) + 1))
            elif k in self.counts:
                same = self.counts[k][stretches, self.last[stretches, k]]
                level = np.searchsorted(SHARES, same / max(place, 1), side="right")
                parts.append(level if place else np.full(len(stretches), len(SHARES) + 1))
        return np.stack(parts, axis=1).astype(np.int32)

    def add(self, stretches: Rows, codes: Codes) -> None:
        """One more row for each of these stretches: its (stretches, columns) codes."""
        h = self.history
        own = codes[:, list(h.columns)]
        self.last[stretches] = own
        for k, rank in enumerate(h.ranks):
            if len(rank):
                self.sums[stretches, k] += rank[own[:, k]]
        for k, counts in self.counts.items():
            counts[stretches, own[:, k]] += 1


def _level(place: int) -> int:
    return int(np.searchsorted(PLACES, place, side="right"))


def _mean_ranks(codes: npt.NDArray[np.int32], cardinality: int) -> Floats:
    share = np.bincount(codes, minlength=cardinality) / max(len(codes), 1)
    return np.cumsum(share) - share / 2
