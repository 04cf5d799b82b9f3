"""Rows as a reader of the schema sees them: alone, with their parent, with a summary of their children."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from synthohive_py.quality.features import Feature, features
from synthohive_py.quality.judged import Judged
from synthohive_py.quality.keys import parent_of

if TYPE_CHECKING:
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
    """

    features: list[Feature]
    real_families: Array
    twin_families: Array
    own: int = 0


def alone(pair: Judged, parents: Mapping[str, Judged], rows: int) -> View:
    """At most so many rows of a table; rows of one parent are a family."""
    real, twin = pair.sampled(rows, "rows")
    found = features(
        pair.real.take(pa.array(real)),
        pair.twin.take(pa.array(twin)),
        pair.metrics,
    )
    ours, theirs = _families(pair, parents)
    return View(found, ours[real], theirs[twin], own=len(found))


def with_parent(pair: Judged, key: ForeignKey, parent: Judged, rows: int) -> View:
    """At most so many rows that have a parent, each with the parent's columns; siblings are a family."""
    own, parental, families = [], [], []
    for side, child, above in (("real", pair.real, parent.real), ("twin", pair.twin, parent.twin)):
        place = parent_of(child, key.columns, above, key.parent_columns)
        whose = np.flatnonzero(place >= 0)
        if len(whose) > rows:
            generator = pair.seed.child("joined", side, *key.columns).numpy()
            whose = np.sort(generator.choice(whose, rows, replace=False, shuffle=False))
        own.append(child.take(pa.array(whose)))
        parental.append(above.take(pa.array(place[whose])))
        # Rows of a reference table are the same on both sides: to know one tells nothing.
        families.append(place[whose] if parent.config.mode != "reference" else np.arange(len(whose)))
    found = features(own[0], own[1], pair.metrics)
    others = features(parental[0], parental[1], parent.metrics)
    others = [replace(f, name=f"{PARENT}{f.name}") for f in others]
    return View([*found, *others], families[0], families[1], own=len(found))


def with_children(
    pair: Judged, children: Sequence[tuple[ForeignKey, Judged]], parents: Mapping[str, Judged]
) -> View:
    """All rows with how many children they have, and per column of these the mean or the number of values."""
    view = alone(pair, parents, max(pair.real.num_rows, pair.twin.num_rows))
    added = [f for i, (key, child) in enumerate(children) for f in _aggregates(pair, key, child, f"{i}.")]
    return replace(view, features=[*view.features, *added])


def _families(pair: Judged, parents: Mapping[str, Judged]) -> tuple[Array, Array]:
    """Per row the family by the foreign key with the most parents; without one each row is its own."""
    keys = [key for key in pair.config.foreign_keys if key.parent != pair.config.name]
    keys = [key for key in keys if key.parent in parents and parents[key.parent].config.mode != "reference"]
    keys = [key for key in keys if _is_whole(pair, key, parents[key.parent])]
    if not keys:
        return np.arange(pair.real.num_rows), np.arange(pair.twin.num_rows)
    key = max(keys, key=lambda k: parents[k.parent].real.num_rows)
    parent = parents[key.parent]
    ours, theirs = (
        parent_of(child, key.columns, above, key.parent_columns)
        for child, above in ((pair.real, parent.real), (pair.twin, parent.twin))
    )
    return _numbered(ours), _numbered(theirs)


def _is_whole(pair: Judged, key: ForeignKey, parent: Judged) -> bool:
    """Whether the twin has all columns of a key."""
    return {*key.columns} <= {*pair.twin.column_names} and {*key.parent_columns} <= {
        *parent.twin.column_names
    }


def _numbered(families: Array) -> Array:
    """The families, and each row without one as a family of its own."""
    without = families < 0
    return np.where(without, families.max(initial=-1) + np.cumsum(without), families)


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
