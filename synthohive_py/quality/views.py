"""Rows as a reader of the schema sees them: alone, with their parent, with a summary of their children."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from synthohive_py.quality.features import Feature, features
from synthohive_py.quality.judged import Judged
from synthohive_py.quality.keys import parent_of

if TYPE_CHECKING:
    from synthohive_py.quality.families import Families
    from synthohive_py.schema import ForeignKey

__all__ = ["PARENT", "View", "alone", "with_children", "with_parent"]

Array = np.ndarray
PARENT = "parent."  # before the columns of a parent that rows are joined to


@dataclass(frozen=True)
class View:
    """Columns of real and synthetic rows, and who belongs together.

    Attributes:
        features: The columns.
        real_families: (real rows,) numbers of families, whose rows are not independent of each other.
        twin_families: The same for the synthetic rows.
        own: How many columns are the rows' own; those behind them are a parent's.
        others: Other ways to divide the real and the synthetic rows into families.
    """

    features: list[Feature]
    real_families: Array
    twin_families: Array
    own: int = 0
    others: tuple[tuple[Array, Array], ...] = ()


def alone(pair: Judged, families: Families, rows: int) -> View:
    """At most so many rows of a table."""
    real, twin = pair.sampled(rows, "rows")
    found = features(
        pair.real.take(pa.array(real)),
        pair.twin.take(pa.array(twin)),
        pair.metrics,
    )
    (ours, theirs), *others = families.ways(pair.config.name)
    return View(
        found,
        ours[real],
        theirs[twin],
        own=len(found),
        others=tuple((ours[real], theirs[twin]) for ours, theirs in others),
    )


def with_parent(pair: Judged, key: ForeignKey, families: Families, rows: int) -> View:
    """At most so many rows that have a parent, each with the parent's columns."""
    parent = families.tables[key.parent]
    own, parental, whose_families = [], [], []
    ways = families.ways(pair.config.name, key)
    sides = ("real", pair.real, parent.real), ("twin", pair.twin, parent.twin)
    for (side, child, above), numbers in zip(sides, zip(*ways, strict=True), strict=True):
        place = parent_of(child, key.columns, above, key.parent_columns)
        whose = np.flatnonzero(place >= 0)
        if len(whose) > rows:
            generator = pair.seed.child("joined", side, *key.columns).numpy()
            whose = np.sort(generator.choice(whose, rows, replace=False, shuffle=False))
        own.append(child.take(pa.array(whose)))
        parental.append(above.take(pa.array(place[whose])))
        whose_families.append([number[whose] for number in numbers])
    found = features(own[0], own[1], pair.metrics)
    others = features(parental[0], parental[1], parent.metrics)
    others = [replace(f, name=f"{PARENT}{f.name}") for f in others]
    (ours, theirs), *more = zip(*whose_families, strict=True)
    return View([*found, *others], ours, theirs, own=len(found), others=tuple(more))


def with_children(pair: Judged, children: Sequence[tuple[ForeignKey, Judged]], families: Families) -> View:
    """All rows with how many children they have, and per column of these the mean or the number of values."""
    view = alone(pair, families, max(pair.real.num_rows, pair.twin.num_rows))
    added = [f for i, (key, child) in enumerate(children) for f in _aggregates(pair, key, child, f"{i}.")]
    return replace(view, features=[*view.features, *added])


def _aggregates(pair: Judged, key: ForeignKey, child: Judged, prefix: str) -> list[Feature]:
    places = [
        parent_of(rows, key.columns, above, key.parent_columns)
        for rows, above in ((child.real, pair.real), (child.twin, pair.twin))
    ]
    sizes = (pair.real.num_rows, pair.twin.num_rows)
    counts = [np.bincount(p[p >= 0], minlength=size) for p, size in zip(places, sizes, strict=True)]
    ours, theirs = (c.astype(np.float64) for c in counts)
    result = [Feature(f"{prefix}count", "number", ours, theirs)]
    for feature in features(child.real, child.twin, child.metrics):
        sides = zip((feature.real, feature.twin), places, sizes, strict=True)
        if feature.categories:
            ours, theirs = (_distinct(codes, place, size, feature.categories) for codes, place, size in sides)
        else:
            ours, theirs = (_means(numbers, place, size) for numbers, place, size in sides)
        result.append(Feature(f"{prefix}{feature.name}", "number", ours, theirs))
    return result


def _means(values: Array, place: Array, size: int) -> Array:
    known = (place >= 0) & np.isfinite(values)
    sums = np.bincount(place[known], values[known], size)
    counts = np.bincount(place[known], minlength=size)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def _distinct(codes: Array, place: Array, size: int, categories: int) -> Array:
    known = (place >= 0) & (codes < categories - 1)
    pairs = np.unique(place[known] * categories + codes[known])
    return np.bincount(pairs // categories, minlength=size).astype(np.float64)
