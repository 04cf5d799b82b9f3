"""Profiles of parent rows: which kind of parent a row is, in two codes.

A child with several parents is generated along one of them. What it tells about the others is a *profile*:
a cluster of parents that are alike in the attributes that matter to the child. The child model generates
the profile, and `matching.py` then finds a generated parent of that profile.

Residual vector quantisation (Juang & Gray 1982): the second code refines what the first leaves over.
Attributes weigh as much as they tell about the child (normalised mutual information).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.cluster.vq import vq

from synthohive_py.columns.base import Codes
from synthohive_py.relational.clusters import cluster_centres, feature_table, features_of
from synthohive_py.rng import Seed

__all__ = ["Profile", "dependence", "relevance"]

SIZES = (64, 16)  # clusters of the first and the second code
MIN_CLUSTER = 8  # real parents per cluster, at least on average
FIT_ROWS = 10_000
RELEVANCE_ROWS = 8_000
RELEVANCE_LEVELS = 20

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Profile:
    """Turns the codes of parent rows into profile codes.

    Attributes:
        features: Per code column of the parent, a (cardinality, d) table of features.
        centres: Per profile code, a (clusters, features) table.
    """

    features: tuple[Floats, ...]
    centres: tuple[Floats, ...]

    @classmethod
    def fit(
        cls,
        codes: Codes,
        *,
        cardinalities: Sequence[int],
        ordered: Sequence[bool],
        weights: Sequence[float],
        threshold: int,
        seed: Seed,
    ) -> Profile:
        """Learn the clusters.

        Args:
            codes: (parents, columns) of the real parents.
            cardinalities: Per column, how many codes there are.
            ordered: Per column, whether neighbouring codes mean neighbouring values.
            weights: Per column, how much it tells about the child, from 0 to 1.
            threshold: A cluster stands for at least so many real parents, on average.
            seed: Decides where the clusters start from.
        """
        tables = tuple(
            feature_table(codes[:, j], cardinalities[j], is_ordered=ordered[j]) * weights[j]
            for j in range(codes.shape[1])
        )
        rest = features_of(tables, codes)[seed.child("rows").numpy().permutation(len(codes))[:FIT_ROWS]]
        centres = []
        for level, size in enumerate(SIZES):
            clusters = int(np.clip(len(codes) // max(threshold, MIN_CLUSTER), 1, size))
            found = cluster_centres(rest, clusters, seed.child("level", level).numpy())
            centres.append(found)
            rest = rest - found[vq(rest, found)[0]]
        return cls(tables, tuple(centres))

    @property
    def cardinalities(self) -> tuple[int, int]:
        """How many codes each of the two profile codes has."""
        return len(self.centres[0]), len(self.centres[1])

    def encode(self, codes: Codes) -> Codes:
        """(parents, 2) profile codes of parent rows, real or generated."""
        rest = features_of(self.features, codes)
        out = np.zeros((len(codes), len(self.centres)), np.int32)
        for level, centres in enumerate(self.centres):
            if len(codes):
                out[:, level] = vq(rest, centres)[0]
            rest = rest - centres[out[:, level]]
        return out

    def state(self) -> dict[str, Any]:
        """All fields, for an artefact."""
        return {"features": list(self.features), "centres": list(self.centres)}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Profile:
        """The profile that `state` was taken from."""
        return cls(tuple(state["features"]), tuple(state["centres"]))


def relevance(parent: Codes, child: Codes, parent_ordered: Sequence[bool]) -> list[float]:
    """How much each parent column tells about the child: its largest mutual information with a child column.

    Args:
        parent: (rows, P) codes of each child row's parent.
        child: (rows, C) codes of the child rows.
        parent_ordered: Per parent column, whether neighbouring codes mean neighbouring values.

    Returns:
        Per parent column a weight from 0.05 to 1: normalised mutual information, never quite zero so
        that a parent's attributes all count a little.
    """
    rows = np.linspace(0, len(child) - 1, min(len(child), RELEVANCE_ROWS)).astype(np.int64)
    theirs = [_coarse(parent[rows, j], is_ordered=parent_ordered[j]) for j in range(parent.shape[1])]
    ours = [_coarse(child[rows, j], is_ordered=True) for j in range(child.shape[1])]
    return [max([0.05, *(_normalised_mutual_information(x, y) for y in ours)]) for x in theirs]


def dependence(x: Codes, y: Codes, ordered: Sequence[bool]) -> list[float]:
    """Normalised mutual information, from 0 to 1, of each column of x with the same column of y."""
    rows = np.linspace(0, max(len(x) - 1, 0), min(len(x), RELEVANCE_ROWS)).astype(np.int64)
    return [
        _normalised_mutual_information(
            _coarse(x[rows, j], is_ordered=is_ordered), _coarse(y[rows, j], is_ordered=is_ordered)
        )
        for j, is_ordered in enumerate(ordered)
    ]


def _coarse(codes: npt.NDArray[np.int32], *, is_ordered: bool) -> npt.NDArray[np.int64]:
    """At most 20 levels: by rank, or the most frequent codes and one for the rest."""
    unique, inverse, counts = np.unique(codes, return_inverse=True, return_counts=True)
    if len(unique) <= RELEVANCE_LEVELS:
        return inverse
    if is_ordered:
        middle = np.cumsum(counts) - counts / 2
        return (middle / len(codes) * RELEVANCE_LEVELS).astype(np.int64)[inverse]
    rank = np.argsort(np.argsort(-counts, kind="stable"), kind="stable")
    return np.minimum(rank, RELEVANCE_LEVELS - 1)[inverse]


def _normalised_mutual_information(x: npt.NDArray[np.int64], y: npt.NDArray[np.int64]) -> float:
    joint = np.bincount(x * (y.max(initial=0) + 1) + y).astype(np.float64)
    information = _entropy(np.bincount(x)) + _entropy(np.bincount(y)) - _entropy(joint)
    scale = (_entropy(np.bincount(x)) + _entropy(np.bincount(y))) / 2
    return float(information / scale) if scale > 0 else 0.0


def _entropy(counts: npt.NDArray[Any]) -> float:
    share = counts[counts > 0] / max(counts.sum(), 1)
    return float(-(share * np.log(share)).sum())
