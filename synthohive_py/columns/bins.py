"""Numbers on a line as a small set of codes: heavy values alone, the rest in bins of equal mass.

Inside a bin a value is drawn from the values seen there, so that the marginal distribution survives the
round trip. Two cases:

- *discrete*: nearly all rows hold values that many other rows hold too (ages, prices, 24-hour clock
  times). Exactly these values are drawn, with their frequencies.
- *continuous*: values are rarely shared. They are drawn between quantiles (an inverse empirical CDF),
  so that no single real value is given out again.

A value held by fewer rows than the privacy threshold is never stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from synthohive_py.columns.scalars import Numbers

__all__ = ["DISCRETE_MASS", "Bins", "nearest", "protected_ends"]

_SIGN = np.uint64(1 << 63)
_LARGEST = np.nextafter(2.0**64, 0)  # the largest float that has a uint64

KNOTS = 9  # quantiles stored per continuous bin, its ends included
ATOM_SHARE = 0.25  # a value alone in a bin holds at least this share of an even bin's rows
MAX_ALONE = 256  # values of a discrete column that may have a code each, where rows are many
ROWS_PER_VALUE = 100  # rows that a model needs to learn about such a value
ROWS_PER_RARE_BIN = 25  # of a discrete column's rare values
MAX_SUPPORT = 65_536  # distinct values stored in the discrete case
DISCRETE_MASS = 0.95  # share of the rows on shared values that makes a column discrete


@dataclass(frozen=True)
class Bins:
    """Codes 0..size-1, in the order of the values they stand for.

    Attributes:
        support: The single values that may be drawn, ascending.
        support_code: The code each of them belongs to.
        support_weight: How many rows held each of them.
        edges: The lower ends of the continuous bins, ascending (empty in the discrete case).
        edge_code: The code of each continuous bin.
        knots: (bins, KNOTS) quantiles of each continuous bin.
        size: How many codes there are.
        decimals: Digits after the point that floats are rounded to; None keeps all.
        step: The grid that integer values lie on.
        origin: Where that grid lies: its first tick, counted from the lowest int64.
    """

    support: Numbers
    support_code: npt.NDArray[np.int32]
    support_weight: npt.NDArray[np.float64]
    edges: Numbers
    edge_code: npt.NDArray[np.int32]
    knots: Numbers
    size: int
    decimals: int | None = None
    step: int = 1
    origin: int = 0

    @classmethod
    def fit(cls, values: Numbers, *, bins: int, threshold: int) -> Bins:
        """Learn from the values, in any order, without nulls.

        Args:
            values: int64 or float64, one for each row that is not null.
            bins: How many codes to aim at; heavy values may add some.
            threshold: A value is stored only if this many rows hold it.
        """
        unique, counts = np.unique(values, return_counts=True)
        shared = counts >= threshold
        mass = counts[shared].sum() / max(len(values), 1)
        discrete = mass >= DISCRETE_MASS and shared.sum() <= MAX_SUPPORT
        heavy = shared & (counts >= ATOM_SHARE * len(values) / bins)
        stored = shared if discrete else heavy
        support, weight = unique[stored], counts[stored]
        rest = np.sort(values[~np.isin(values, support)])
        if len(support) and (len(rest) < threshold or (discrete and len(unique) <= bins)):
            rest = rest[:0]  # too few to hide among each other, or strays in a small domain
        few = len(support) <= max(bins, min(MAX_ALONE, len(values) // ROWS_PER_VALUE))
        alone = (weight >= ATOM_SHARE * len(values) / bins) | few
        group = _equal_mass_groups(support, weight, alone, bins)
        # The rare values of a discrete column are mostly its tails: a few bins hold them.
        wide = max(1, len(rest) // ROWS_PER_RARE_BIN) if discrete else bins
        knots = _quantile_knots(rest, bins=min(bins, wide), threshold=threshold)
        # Codes follow the order of the values: by the mean of each group and the middle of each bin.
        places = np.concatenate([_group_means(support, weight, group), knots[:, KNOTS // 2]])
        rank = np.argsort(np.argsort(places, kind="stable"), kind="stable").astype(np.int32)
        groups = int(group.max(initial=-1) + 1)
        step, origin = _grid(unique, threshold)
        return cls(
            support=support,
            support_code=rank[:groups][group] if groups else group,
            support_weight=weight.astype(np.float64),
            edges=knots[:, 0].copy(),
            edge_code=rank[groups:],
            knots=knots,
            size=len(places),
            decimals=_decimals(unique),
            step=step,
            origin=origin,
        )

    def encode(self, values: Numbers) -> npt.NDArray[np.int32]:
        """The code of each value; one never seen gets the nearest code."""
        if not self.size or not len(values):
            return np.zeros(len(values), np.int32)
        if not len(self.edges):
            return self.support_code[nearest(self.support, values)]
        place = np.searchsorted(self.edges, values, side="right") - 1
        codes = self.edge_code[np.clip(place, 0, len(self.edges) - 1)]
        if len(self.support):
            place = nearest(self.support, values)
            codes = np.where(self.support[place] == values, self.support_code[place], codes)
        return codes.astype(np.int32)

    def decode(self, codes: npt.NDArray[np.int32], rng: np.random.Generator) -> Numbers:
        """A value for each code. One uniform number is drawn per row, whatever the code."""
        dtype = self.support.dtype if len(self.support) else self.knots.dtype
        if not self.size or not len(codes):
            return np.zeros(len(codes), dtype)
        uniform = rng.random(len(codes))
        out = np.zeros(len(codes), dtype)
        bin_of = np.full(self.size, -1)
        bin_of[self.edge_code] = np.arange(len(self.edge_code))
        bins = bin_of[codes]
        inside = bins >= 0
        out[inside] = self._between_knots(bins[inside], uniform[inside])
        out[~inside] = self._from_support(codes[~inside], uniform[~inside])
        return out

    def _from_support(self, codes: npt.NDArray[np.int32], uniform: npt.NDArray[np.float64]) -> Numbers:
        order = np.argsort(self.support_code, kind="stable")
        cumulated = np.cumsum(self.support_weight[order])
        weight = np.bincount(self.support_code, self.support_weight, minlength=self.size)
        start = np.zeros(self.size)
        present = weight > 0
        start[present] = np.concatenate([[0.0], np.cumsum(weight[present])[:-1]])
        target = start[codes] + uniform * weight[codes]
        picked = order[np.minimum(np.searchsorted(cumulated, target, side="right"), len(order) - 1)]
        return self.support[picked]

    def _between_knots(self, bins: npt.NDArray[np.int64], uniform: npt.NDArray[np.float64]) -> Numbers:
        place = uniform * (KNOTS - 1)
        left = np.minimum(place.astype(np.int64), KNOTS - 2)
        low, high = self.knots[bins, left], self.knots[bins, left + 1]
        share = place - left
        if self.knots.dtype == np.int64:
            # In whole steps from the lower knot: exact where floats no longer are.
            step = np.uint64(self.step)
            steps = (_ordinal(high) - _ordinal(low)) // step
            picked = _whole(np.floor(share * (steps.astype(np.float64) + 1)), steps)
            ticks = _ordinal(low) + step * picked
            return _from_ordinal(ticks - (ticks - np.uint64(self.origin)) % step)
        # As a weighted mean, so that the distance of extreme floats does not overflow.
        values = np.clip(low * (1 - share) + high * share, low, high)
        return values if self.decimals is None else np.round(values, self.decimals)

    def refusal(self, value: Any) -> str | None:
        """What is expected instead, if the number is none of the single values and in no bin; else None."""
        if len(self.support) and value in self.support:
            return None
        low, high = (self.knots[:, 0], self.knots[:, -1]) if len(self.knots) else (self.support, self.support)
        if not len(low):
            return "no value: there was none to learn from"
        if len(self.knots) and low[0] <= value <= high[-1]:
            return None
        return f"a value from {low[0]} to {high[-1]}" + ("" if len(self.knots) else " that occurs")

    def state(self) -> dict[str, Any]:
        """All fields, for an artefact."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Bins:
        """The bins that `state` was taken from."""
        return cls(**{name: state[name] for name in cls.__dataclass_fields__})


def protected_ends(values: Numbers, threshold: int) -> tuple[Any, Any]:
    """The lowest and the highest value that may be stored: each the mean of `threshold` extreme ones."""
    ascending = np.sort(values)
    low, high = _window_means(ascending, np.array([0, len(ascending) - 1]), threshold)
    return low, high


def _ordinal(ticks: Numbers) -> npt.NDArray[np.uint64]:
    """Ticks counted from the lowest int64: differences of these never overflow."""
    return ticks.view(np.uint64) ^ _SIGN


def _from_ordinal(ordinals: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    return (ordinals ^ _SIGN).view(np.int64)


def _whole(numbers: npt.NDArray[np.float64], top: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Whole numbers from 0 to `top`; 2^64, which rounding may reach, has no uint64."""
    return np.minimum(np.minimum(numbers, _LARGEST).astype(np.uint64), top)


def nearest(ascending: Numbers, values: Numbers) -> npt.NDArray[np.int64]:
    """Index of the entry nearest to each value."""
    right = np.clip(np.searchsorted(ascending, values), 0, len(ascending) - 1)
    left = np.maximum(right - 1, 0)
    # Halved, so that the distance between extreme integers does not overflow.
    nearer = np.abs(values / 2 - ascending[left] / 2) < np.abs(ascending[right] / 2 - values / 2)
    return np.where(nearer, left, right)


def _equal_mass_groups(
    support: Numbers, weight: npt.NDArray[np.int64], alone: npt.NDArray[np.bool_], bins: int
) -> npt.NDArray[np.int32]:
    """A group number per value: one group for each value that stands alone, others in equal masses."""
    group = np.zeros(len(support), np.int32)
    group[alone] = np.arange(alone.sum())
    others = np.flatnonzero(~alone)
    if len(others):
        middle = np.cumsum(weight[others]) - weight[others] / 2
        part = np.minimum((middle / weight[others].sum() * bins).astype(np.int64), bins - 1)
        group[others] = alone.sum() + np.unique(part, return_inverse=True)[1]
    return group


def _group_means(
    support: Numbers, weight: npt.NDArray[np.int64], group: npt.NDArray[np.int32]
) -> npt.NDArray[np.float64]:
    size = int(group.max(initial=-1) + 1)
    total = np.bincount(group, weight, minlength=size)
    share = weight / np.maximum(total, 1)[group]
    return np.bincount(group, share * support, minlength=size).astype(np.float64)


def _quantile_knots(rest: Numbers, *, bins: int, threshold: int) -> Numbers:
    """(bins, KNOTS) quantiles of the ascending values, in bins of at least twice the threshold."""
    if not len(rest):
        return np.zeros((0, KNOTS), rest.dtype)
    bins = int(np.clip(len(rest) // (2 * threshold), 1, bins))
    levels = np.linspace(0, 1, bins * (KNOTS - 1) + 1)
    places = np.round(levels * (len(rest) - 1)).astype(np.int64)
    points = np.maximum.accumulate(_window_means(rest, places, threshold))
    starts = np.arange(bins)[:, None] * (KNOTS - 1)
    knots = points[starts + np.arange(KNOTS)]
    keep = np.concatenate([[True], knots[1:, 0] > knots[:-1, 0]])  # bins squeezed empty by ties
    return knots[keep]


def _window_means(ascending: Numbers, places: npt.NDArray[np.int64], width: int) -> Numbers:
    """Around each place the mean of `width` neighbours: no single row's value is among them."""
    width = min(width, len(ascending))
    first = np.clip(places - width // 2, 0, len(ascending) - width)
    windows = ascending[first[:, None] + np.arange(width)]
    low, high = windows[:, 0].copy(), windows[:, -1]
    if ascending.dtype == np.int64:
        gaps = _ordinal(windows) - _ordinal(low)[:, None]
        mean = np.floor(gaps.astype(np.float64).mean(axis=1))
        return _from_ordinal(_ordinal(low) + _whole(mean, gaps[:, -1]))
    return np.clip((windows / width).sum(axis=1), low, high)


def _decimals(unique: Numbers) -> int | None:
    """The fewest digits after the point that lose nothing, up to 8."""
    if unique.dtype == np.int64 or not len(unique):
        return None
    probe = unique[np.linspace(0, len(unique) - 1, min(len(unique), 5000)).astype(np.int64)]
    with np.errstate(over="ignore"):  # rounding multiplies first
        return next((d for d in range(9) if np.array_equal(np.round(probe, d), probe)), None)


def _grid(unique: Numbers, threshold: int) -> tuple[int, int]:
    """The step and the origin of the grid that integers lie on."""
    if unique.dtype != np.int64 or len(unique) < max(threshold, 2):
        return 1, 0  # the grid of a few values would tell the values
    step = int(np.gcd.reduce(np.diff(_ordinal(unique))))
    return step, int(_ordinal(unique[:1])[0]) % step
