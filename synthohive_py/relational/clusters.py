"""Rows as points, and clusters of them: what profiles and family codes are made of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.cluster.vq import ClusterError, kmeans2

from synthohive_py.columns.base import Codes

__all__ = ["cluster_centres", "feature_table", "features_of"]

COMMON = 0.01  # share of the rows from which a category counts as a feature of its own

Floats = npt.NDArray[np.float64]


def feature_table(codes: npt.NDArray[np.int32], cardinality: int, *, is_ordered: bool) -> Floats:
    """Features of each code: its rank for ordered columns, an indicator each for common categories."""
    share = np.bincount(codes, minlength=cardinality) / max(len(codes), 1)
    if is_ordered:
        # Ranks spread over [-0.5, 0.5]; the factor gives them unit variance.
        return ((np.cumsum(share) - share / 2 - 0.5) * np.sqrt(12))[:, None]
    common = np.flatnonzero(share > COMMON)
    table = np.zeros((cardinality, len(common)))
    table[common, np.arange(len(common))] = 1 / np.sqrt(2 * share[common])
    return table


def features_of(tables: Sequence[Floats], codes: Codes) -> Floats:
    """(rows, features) of rows of codes; the first is 0, so that there is always one."""
    parts = [table[codes[:, j]] for j, table in enumerate(tables)]
    return np.concatenate([np.zeros((len(codes), 1)), *parts], axis=1)


def cluster_centres(points: Floats, count: int, rng: np.random.Generator) -> Floats:
    """Cluster centres in the order of their main direction, so that neighbours are alike."""
    distinct = len(np.unique(points, axis=0))
    count = max(1, min(count, distinct))
    if count == 1:
        centres = points.mean(axis=0, keepdims=True) if len(points) else np.zeros((1, points.shape[1]))
    else:
        try:
            centres = kmeans2(points, count, iter=30, minit="++", missing="raise", rng=rng)[0]
        except ClusterError:  # one had no points
            return cluster_centres(points, count // 2, rng)
    if not len(points):
        return centres
    apart = points - points.mean(axis=0)
    main = np.linalg.eigh(apart.T @ apart)[1][:, -1]  # far less work than a decomposition of all points
    return centres[np.argsort(centres @ main, kind="stable")]
