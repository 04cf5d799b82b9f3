"""How many children each parent has: a column of the parent, learned with its other attributes.

A model gets the dependence on the attributes right but not the exact distribution, and a few parents may
hold most of the children. So generated numbers only rank the parents; the numbers themselves are the
real ones, handed out in that order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from synthohive_py.columns.base import Codes
from synthohive_py.columns.numeric import NumericCodec

__all__ = ["DegreeModel"]

ROUNDS = 8  # of fitting the supply of children to the demand
STEP = (0.5, 2.0)  # the most that a round changes
TOLERANCE = 0.1  # share of the children by which a few parents may have more or fewer
CANDIDATES = 512  # looked at for an exchange


@dataclass(frozen=True)
class DegreeModel:
    """The numbers of children of the real parents, zeros included.

    Attributes:
        codec: Numbers to codes and back.
        numbers: The distinct numbers, ascending.
        counts: How many real parents have each.
    """

    codec: NumericCodec
    numbers: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]

    @classmethod
    def fit(cls, degrees: npt.NDArray[np.int64], *, threshold: int) -> DegreeModel:
        """Learn from one number for each real parent."""
        numbers, counts = np.unique(degrees, return_counts=True)
        return cls(NumericCodec.fit(pa.array(degrees), threshold=threshold), numbers, counts)

    def encode(self, degrees: npt.NDArray[np.int64]) -> Codes:
        """Codes of shape (parents, 1)."""
        return self.codec.encode(pa.array(degrees))

    def decode(
        self,
        codes: Codes,
        rng: np.random.Generator,
        *,
        eligible: npt.NDArray[np.bool_] | None = None,
        cells: npt.NDArray[np.int64] | None = None,
        demand: npt.NDArray[np.int64] | None = None,
        room: npt.NDArray[np.int64] | None = None,
        offset: float | None = None,
    ) -> npt.NDArray[np.int64]:
        """A number of children for each generated parent, distributed as the real numbers are.

        Args:
            codes: (parents, 1), as generated.
            rng: Decides among parents with equal codes.
            eligible: Parents that may have children at all.
            cells: (parents,) the cell of each parent.
            demand: Per cell, how many children look for a parent there. Parents of cells in demand get the
                larger numbers, so that as many as possible find one; the numbers themselves stay.
            room: (parents,) the most children each can have; a parent that would get more changes its number
                with another one.
            offset: See `dealt`.
        """
        wanted = self.codec.decode(codes, rng).to_numpy(zero_copy_only=False).astype(np.float64)
        if eligible is not None:
            wanted[~eligible] = -1
        by_chance = rng.random(len(wanted))
        degrees = self._handed_out(wanted, by_chance, offset)
        for _ in range(ROUNDS if cells is not None and demand is not None else 0):
            assert cells is not None  # for the type checker
            assert demand is not None
            supply = np.bincount(cells, degrees, minlength=len(demand))
            wanted = wanted * np.clip((demand + 1) / (supply + 1), *STEP)[cells]
            degrees = self._handed_out(wanted, by_chance, offset)
        if room is not None:
            _exchange(degrees, room, rng)
        if eligible is not None:
            degrees[~eligible] = 0
        return degrees

    def dealt(self, parents: int, offset: float | None) -> npt.NDArray[np.int64]:
        """The numbers that so many parents get together, ascending.

        Args:
            parents: How many parents.
            offset: Which of the real numbers, from 0 to 1: a few parents can't get all of them, and many
                groups of parents shall get others each time. None for parents without other groups: they
                get as many children together as their share of the real parents says.
        """
        if not parents or not len(self.numbers):
            return np.zeros(parents, np.int64)
        levels = (np.arange(parents) + (0.5 if offset is None else offset)) / parents
        place = np.searchsorted(np.cumsum(self.counts) / self.counts.sum(), levels)
        out = self.numbers[np.minimum(place, len(self.numbers) - 1)]
        if offset is None:
            total = round(float(self.numbers @ self.counts / self.counts.sum() * parents))
            out = _with_total(out, total, int(self.numbers[-1]))
        if not out.any():
            # Few parents: rounding alone must not empty the table of their children.
            out[-1] = next((n for n in self.numbers if n), 0)
        return out

    def _handed_out(
        self, wanted: npt.NDArray[np.float64], by_chance: npt.NDArray[np.float64], offset: float | None
    ) -> npt.NDArray[np.int64]:
        """The real numbers, in the order of the wanted ones."""
        degrees = np.zeros(len(wanted), np.int64)
        degrees[np.lexsort((by_chance, wanted))] = self.dealt(len(wanted), offset)
        return degrees

    def state(self) -> dict[str, Any]:
        """All fields, for an artefact."""
        return {"codec": self.codec.state(), "numbers": self.numbers, "counts": self.counts}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> DegreeModel:
        """The model that `state` was taken from."""
        return cls(
            codec=NumericCodec.from_state(state["codec"]),
            numbers=np.asarray(state["numbers"], np.int64),
            counts=np.asarray(state["counts"], np.int64),
        )


def _with_total(numbers: npt.NDArray[np.int64], total: int, most: int) -> npt.NDArray[np.int64]:
    """Numbers of children whose sum is about right: one parent that has most of all children shifts it.

    Args:
        numbers: Ascending.
        total: What their sum is to be.
        most: The most children that a real parent has.
    """
    missing = total - int(numbers.sum())
    if abs(missing) <= TOLERANCE * total:
        return numbers
    if missing > 0:  # the largest get more
        room = (most - numbers)[::-1]
        more = np.clip(missing - (np.cumsum(room) - room), 0, room)[::-1]
        return np.sort(numbers + more)
    before = np.cumsum(numbers) - numbers
    level = (total - before) // np.arange(len(numbers), 0, -1)  # if all from here on get the same
    cut = int(np.argmax(level < numbers))
    out = numbers.copy()
    out[cut:] = level[cut]
    out[len(out) - (total - int(out.sum())) :] += 1
    return out


def _exchange(degrees: npt.NDArray[np.int64], room: npt.NDArray[np.int64], rng: np.random.Generator) -> None:
    """Numbers that are too large for their parents change places with the largest that fit there."""
    for parent in np.flatnonzero(degrees > room):
        others = rng.integers(0, len(degrees), CANDIDATES)
        others = others[(room[others] >= degrees[parent]) & (degrees[others] <= room[parent])]
        if len(others):
            other = others[degrees[others].argmax()]
            degrees[[parent, other]] = degrees[[other, parent]]
