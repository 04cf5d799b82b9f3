"""Real and synthetic columns side by side as plain arrays, for all that looks at several columns at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from synthohive_py.quality.metrics import KS, TV, Metric, aligned

__all__ = ["Feature", "coarse", "discretized", "features", "split"]

Array = np.ndarray
TINY = 1e-150  # as the largest of a column; 1 / TINY as well
BINS = 10  # of a number beside a category, as in SDMetrics
COARSE = 10  # codes of a column where its mutual information with others is estimated


@dataclass(frozen=True)
class Feature:
    """One column of both sides.

    Attributes:
        name: The column.
        kind: `number` (numbers, dates, times), `category`, or `text` (its length stands for it).
        real: (rows,) float64 with NaN for null; of a category int64 codes, of which null is the last.
        twin: The same for the synthetic rows, with the same codes.
        categories: How many codes there are, null included; 0 for numbers and texts.
    """

    name: str
    kind: Literal["number", "category", "text"]
    real: Array
    twin: Array
    categories: int = 0

    def take(self, real: Array, twin: Array) -> Feature:
        """Some rows of both sides."""
        return replace(self, real=self.real[real], twin=self.twin[twin])


def features(real: pa.Table, twin: pa.Table, metrics: Mapping[str, Metric]) -> list[Feature]:
    """The columns that have a shape, of both sides.

    Args:
        real: The real rows.
        twin: The synthetic rows.
        metrics: By which metric each column is compared, which says what it is. Columns that the twin lacks,
            or holds in a type that can't be compared, are left out.
    """
    found = [
        _feature(name, metric, real.column(name), twin.column(name))
        for name, metric in metrics.items()
        if name in twin.column_names
    ]
    return [feature for feature in found if feature is not None]


def split(found: list[Feature], generator: np.random.Generator, groups: Array | None = None) -> list[Feature]:
    """Two disjoint random halves of the real rows, as if one of them were a twin.

    Args:
        found: Columns of the same rows.
        generator: Decides who is in which half.
        groups: Numbers of families that stay together.
    """
    rows = len(found[0].real)
    if groups is None:
        order = generator.permutation(rows)
        first, second = order[: rows // 2], order[rows // 2 : rows // 2 * 2]
    else:
        side = generator.permutation(int(groups.max(initial=0)) + 1) % 2
        first, second = np.flatnonzero(side[groups] == 0), np.flatnonzero(side[groups] == 1)
    return [replace(f, real=f.real[first], twin=f.real[second]) for f in found]


def discretized(feature: Feature) -> Feature:
    """A number as one of ten bins of equal width, and one for null; a category as it is."""
    if feature.categories:
        return feature
    known = feature.real[np.isfinite(feature.real)]
    try:
        edges = np.histogram_bin_edges(known, bins=BINS)
    except ValueError:  # numbers so near to each other that no bins have room between them: a bin each
        edges = np.concatenate([np.unique(known), [np.inf]])
    return _digitized(feature, edges[1:-1])


def coarse(feature: Feature, size: int = COARSE, *, apart: bool = False) -> Feature:
    """A number as one of `size` quantiles, a category as one of the most frequent ones, "other" and null.

    Args:
        feature: The column.
        size: How many.
        apart: Whether each side has frequent categories of its own, which get the same codes: columns may
            go together as much on both sides, though other cities lie in other countries.
    """
    if not feature.categories:
        known = feature.real[np.isfinite(feature.real)]
        edges = np.quantile(known, np.linspace(0, 1, size + 1)[1:-1]) if len(known) else np.zeros(0)
        return _digitized(feature, np.unique(edges))
    if feature.categories <= size:
        return feature
    ours = _frequent(feature.real, feature.categories, size)
    theirs = _frequent(feature.twin, feature.categories, size) if apart else ours
    return replace(feature, real=ours[feature.real], twin=theirs[feature.twin], categories=size + 2)


def _frequent(codes: Array, categories: int, size: int) -> Array:
    """Per category its place among the most frequent ones, `size` for all others and one more for null."""
    counts = np.bincount(codes, minlength=categories)[:-1]
    place = np.full(categories, size)
    place[np.argsort(-counts, kind="stable")[:size]] = np.arange(min(size, len(counts)))
    place[-1] = size + 1
    return place


def _digitized(feature: Feature, edges: Array) -> Feature:
    # NaN sorts behind all edges, so it must be told apart from the last bin.
    null = len(edges) + 1
    sides = (
        np.where(np.isnan(side), null, np.searchsorted(edges, side, side="right"))
        for side in (feature.real, feature.twin)
    )
    real, twin = sides
    return Feature(feature.name, "category", real, twin, null + 1)


def _feature(name: str, metric: Metric, real: pa.ChunkedArray, twin: pa.ChunkedArray) -> Feature | None:
    try:
        ours, theirs = aligned(real, twin)
        if metric is TV:
            return _category(name, ours, theirs)
        if metric is KS:
            return _number(name, ours, theirs)
        return Feature(
            name, "text", *(pc.utf8_length(c).cast(pa.float64()).to_numpy() for c in (ours, theirs))
        )
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None  # another type: the column's own finding says so


def _number(name: str, real: pa.ChunkedArray, twin: pa.ChunkedArray) -> Feature:
    kind = real.type
    if pa.types.is_temporal(kind):
        storage = pa.int32() if kind.bit_width == 32 else pa.int64()
        real, twin = (c.cast(storage).cast(pa.int64()) for c in (real, twin))
        # Days since 1970 in nanoseconds have more digits than a float; what they differ by has not.
        first = pc.min(real)
        if first.is_valid:
            real, twin = pc.subtract(real, first), pc.subtract(twin, first)
    sides = [c.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False) for c in (real, twin)]
    largest = np.abs(sides[0], where=np.isfinite(sides[0]), out=np.zeros(len(sides[0]))).max(initial=0.0)
    if largest and not TINY < largest < 1 / TINY:  # their squares are no numbers
        with np.errstate(over="ignore"):  # a twin may be as far from that as numbers go
            sides = [np.divide(side, largest) for side in sides]
    return Feature(name, "number", *sides)


def _category(name: str, real: pa.ChunkedArray, twin: pa.ChunkedArray) -> Feature:
    both = pa.chunked_array([*real.chunks, *twin.chunks], type=real.type)
    if pa.types.is_string(real.type):
        both = both.cast(pa.large_string())  # texts of more than 2 GB in one array
    encoded = both.combine_chunks().dictionary_encode()
    null = len(encoded.dictionary)
    codes = encoded.indices.fill_null(null).to_numpy(zero_copy_only=False).astype(np.int64)
    return Feature(name, "category", codes[: len(real)], codes[len(real) :], null + 1)
