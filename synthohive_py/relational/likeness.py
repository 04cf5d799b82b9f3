"""Family codes: what the children of one parent have in common, as further columns of the parent.

Siblings are alike in ways that no column of their parent tells: a player is a pitcher, an account a shop's.
A family code is a cluster of parents whose children are alike on average. It is generated with the parent's
columns and seen by every child, so that a long family stays what it is: by what each child sees of its elder
siblings alone, it drifts back to the average (cf. the latent clusters of ClavaDDPM; Pang et al. 2024).

Residual vector quantisation (Juang & Gray 1982), as in `profiles.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.cluster.vq import vq

from synthohive_py.columns.base import Codes
from synthohive_py.relational.clusters import cluster_centres, feature_table, features_of
from synthohive_py.rng import Seed

__all__ = ["UNKNOWN", "alike", "family_codes"]

UNKNOWN = 0  # the code of parents without children
SIZES = (64, 32)  # clusters of the first and the second code
MIN_FAMILIES = 20  # per cluster on average; fewer are too few to learn from
FIT_FAMILIES = 20_000
MAX_ROWS = 20_000  # that likeness is judged by
SHUFFLES = 20

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def family_codes(
    codes: Codes,
    parents: Rows,
    count: int,
    *,
    cardinalities: Sequence[int],
    ordered: Sequence[bool],
    threshold: int,
    seed: Seed,
) -> tuple[Codes, tuple[int, ...]]:
    """The family codes of the parents, and how many codes each column of them has.

    Args:
        codes: (rows, columns) of the children.
        parents: (rows,) the parent row of each child; negative for none.
        count: How many parents there are.
        cardinalities: Per column, how many codes there are.
        ordered: Per column, whether neighbouring codes mean neighbouring values.
        threshold: No cluster has fewer families.
        seed: Decides where the clusters start from, and what is likeness by chance.

    Returns:
        (parents, columns), without any column where siblings have nothing in common or families are few.
    """
    tables = [
        feature_table(codes[:, j], cardinalities[j], is_ordered=ordered[j]) for j in range(codes.shape[1])
    ]
    rows = np.flatnonzero(parents >= 0)
    sizes = np.bincount(parents[rows], minlength=count)
    some = np.flatnonzero(sizes)
    nothing: tuple[Codes, tuple[int, ...]] = np.zeros((count, 0), np.int32), ()
    least = max(MIN_FAMILIES, threshold)
    # Families of equal size that would tell as much: thirty clubs of a hundred seasons each are not known
    # better because a hundred others had one season.
    families = len(rows) ** 2 / max(float((sizes.astype(np.float64) ** 2).sum()), 1.0)
    if families < 2 * least or sizes.max(initial=0) < 2:
        return nothing
    shared = alike(tables, codes[rows], parents[rows], seed.child("alike").numpy())
    if not len(shared):
        return nothing
    rest = _means([tables[j] for j in shared], codes[rows][:, shared], parents[rows], count)[some]
    found = []
    for level, most in enumerate(SIZES):
        clusters = int(np.clip(families // least, 1, most))
        own = seed.child("level", level)
        sample = rest[own.child("rows").numpy().permutation(len(rest))[:FIT_FAMILIES]]
        centres, labels = _common(
            rest, cluster_centres(sample, clusters, own.child("start").numpy()), threshold
        )
        rest = rest - centres[labels]
        found.append((labels + 1, len(centres) + 1))
    out = np.full((count, len(found)), UNKNOWN, np.int32)
    out[some] = np.stack([labels for labels, _ in found], axis=1)
    return out, tuple(size for _, size in found)


def alike(tables: Sequence[Floats], codes: Codes, parents: Rows, rng: np.random.Generator) -> Rows:
    """The columns in which siblings are more alike than by chance.

    Chance is the likeness of rows that were dealt to other parents: a permutation test whose statistic is the
    largest intra-class correlation of all columns. A column counts if its own is larger in nineteen of twenty
    shuffles.

    Args:
        tables: Per column, the features of its codes.
        codes: (rows, columns) of the children.
        parents: (rows,) the parent row of each.
        rng: Chooses families to look at, and shuffles.
    """
    families = rng.permutation(parents.max(initial=-1) + 1)
    some = np.argsort(families[parents], kind="stable")[:MAX_ROWS]  # whole families, but for the last
    family = np.unique(parents[some], return_inverse=True)[1]
    points = features_of(tables, codes[some])[:, 1:]
    if not points.shape[1]:
        return np.zeros(0, np.int64)
    owner = np.repeat(np.arange(len(tables)), [table.shape[1] for table in tables])
    by_chance = [_correlation(points, rng.permutation(family)).max() for _ in range(SHUFFLES)]
    return np.unique(owner[_correlation(points, family) > np.quantile(by_chance, 0.95)])


def _correlation(points: Floats, family: Rows) -> Floats:
    """The intra-class correlation of each feature, by the analysis of variance."""
    sizes = np.bincount(family).astype(np.float64)
    families, rows = len(sizes), len(family)
    if families < 2 or rows <= families:
        return np.zeros(points.shape[1])
    points = points - points.mean(axis=0)
    sums = np.stack([np.bincount(family, column) for column in points.T], axis=1)
    between = (sums**2 / sizes[:, None]).sum(axis=0)
    within = np.maximum((points**2).sum(axis=0) - between, 0) / (rows - families)
    between = between / (families - 1)
    typical = (rows - (sizes**2).sum() / rows) / (families - 1)
    total = between + (typical - 1) * within
    share = np.divide(between - within, total, out=np.zeros_like(total), where=total > 0)
    correlation: Floats = np.clip(share, 0, 1)
    return correlation


def _means(tables: Sequence[Floats], codes: Codes, parents: Rows, count: int) -> Floats:
    """(parents, features) mean features of each parent's children."""
    sizes = np.maximum(np.bincount(parents, minlength=count), 1)
    columns = [
        np.bincount(parents, feature[codes[:, j]], minlength=count) / sizes
        for j, table in enumerate(tables)
        for feature in table.T
    ]
    return np.stack(columns, axis=1)


def _common(points: Floats, centres: Floats, threshold: int) -> tuple[Floats, Rows]:
    """The clusters that enough points belong to, and which each belongs to: no code tells of few families."""
    while True:
        labels = vq(points, centres)[0].astype(np.int64)
        sizes = np.bincount(labels, minlength=len(centres))
        kept = sizes >= min(threshold, sizes.max())
        if kept.all():
            return centres, labels
        centres = centres[kept]
