"""How alike two columns go together, on both sides: as SDMetrics has it, and by their mutual information.

Two numbers are compared by their correlation (Pearson, over the rows where both are known). A category
beside anything is compared by the shares of all combinations; a number beside it is cut into ten bins first,
and null is a category. Mutual information sees what neither does: that a column says something about another
one in whatever way. It is normalised to lie between 0 and 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from synthohive_py.quality.features import Feature, coarse, discretized, features
from synthohive_py.quality.metrics import KS, TV, Metric, choose_metric

__all__ = [
    "CONTINGENCY",
    "CORRELATION",
    "PairScore",
    "contingency_similarity",
    "correlation_similarity",
    "mutual_information",
    "mutual_information_kept",
    "pair_scores",
]

Array = np.ndarray
CORRELATION, CONTINGENCY = "CorrelationSimilarity", "ContingencySimilarity"
SPARSE = 4  # more cells than this times the rows are not counted one by one


@dataclass(frozen=True)
class PairScore:
    """Two columns, on both sides.

    Attributes:
        columns: The two columns.
        metric: `CorrelationSimilarity` or `ContingencySimilarity`.
        score: From 0 to 1; 1 is the same.
        real: How they go together: their correlation; if one is no number, Cramer's V.
        twin: The same in the twin.
        information: Their normalised mutual information.
        twin_information: The same in the twin.
        rows: Of both sides, how many rows the score rests on: a correlation on those where
            both columns are known.
    """

    columns: tuple[str, str]
    metric: str
    score: float
    real: float
    twin: float
    information: float
    twin_information: float
    rows: tuple[int, int]


def correlation_similarity(real: pa.Table, synthetic: pa.Table, columns: tuple[str, str]) -> float:
    """The CorrelationSimilarity of two columns of numbers, dates or times; NaN if one of them is constant."""
    first, second = features(real, synthetic, dict.fromkeys(columns, KS))
    ours, theirs = (_correlations(list(side)) for side in _sides(first, second))
    return float(1 - abs(ours[0, 1] - theirs[0, 1]) / 2)


def contingency_similarity(real: pa.Table, synthetic: pa.Table, columns: tuple[str, str]) -> float:
    """The ContingencySimilarity of two columns; a null is a category, a number one of ten bins."""
    first, second = features(real, synthetic, _metrics(real, columns))
    return _contingency(discretized(first), discretized(second))


def mutual_information(table: pa.Table, columns: tuple[str, str]) -> float:
    """The normalised mutual information of two columns: 0 for independent ones, 1 if each decides the other.

    Numbers count by their decile, categories by the ten most frequent ones.
    """
    first, second = (coarse(f) for f in features(table, table.slice(0, 0), _metrics(table, columns)))
    return _information(_joint(first.real, second.real, first.categories, second.categories))


def mutual_information_kept(scores: Sequence[PairScore]) -> float:
    """What the twin has of the real columns' mutual information, from 0 to 1, over all pairs.

    One less the sum of all differences, as a share of all there is. Pairs that have nothing to do with each
    other weigh nothing, however many they are.
    """
    total = sum(max(s.information, s.twin_information) for s in scores)
    missed = sum(abs(s.information - s.twin_information) for s in scores)
    return float(1 - missed / total) if total > 0 else 1.0


def pair_scores(found: Sequence[Feature], pairs: Sequence[tuple[int, int]]) -> list[PairScore]:
    """Score pairs of columns; those without a score are left out: of two numbers, one is constant.

    Args:
        found: The columns; texts have no place here.
        pairs: Positions of the two columns of each pair.
    """
    numbers = [i for i, f in enumerate(found) if f.kind == "number"]
    place = {i: n for n, i in enumerate(numbers)}
    ours = _correlations([found[i].real for i in numbers])
    theirs = np.nan_to_num(_correlations([found[i].twin for i in numbers]))
    binned, rough = [discretized(f) for f in found], [coarse(f, apart=True) for f in found]
    result = []
    for i, j in pairs:
        a, b = rough[i], rough[j]
        tables = [_joint(x, y, a.categories, b.categories) for x, y in _sides(a, b)]
        informed = [_information(table) for table in tables]
        columns = (found[i].name, found[j].name)
        if i in place and j in place:
            real, twin = float(ours[place[i], place[j]]), float(theirs[place[i], place[j]])
            score, metric = 1 - abs(real - twin) / 2, CORRELATION
            known = [int((np.isfinite(x) & np.isfinite(y)).sum()) for x, y in _sides(found[i], found[j])]
            rows = known[0], known[1]
        else:
            real, twin = (_cramer(table) for table in tables)
            score, metric = _contingency(binned[i], binned[j]), CONTINGENCY
            rows = len(a.real), len(a.twin)
        if not np.isnan(score):
            result.append(PairScore(columns, metric, score, real, twin, informed[0], informed[1], rows))
    return result


def _metrics(table: pa.Table, columns: Sequence[str]) -> dict[str, Metric]:
    """Texts are categories here, however rare."""
    chosen = {name: choose_metric(table.column(name)) for name in columns}
    return {name: KS if metric is KS else TV for name, metric in chosen.items()}


def _sides(first: Feature, second: Feature) -> list[tuple[Array, Array]]:
    return [(first.real, second.real), (first.twin, second.twin)]


def _correlations(columns: list[Array]) -> Array:
    """Pearson's correlations of all pairs of columns, each over the rows where both are known."""
    if not columns or not len(columns[0]):
        return np.full((len(columns), len(columns)), np.nan)
    values = np.stack(columns, axis=1)  # (rows, columns)
    known = np.isfinite(values)
    values = np.where(known, values, 0)
    counts = np.maximum(known.sum(axis=0), 1)
    values = np.where(known, values - values.sum(axis=0) / counts, 0)
    spread = np.sqrt((values**2).sum(axis=0) / counts)
    values /= np.where(spread > 0, spread, 1)
    known_too = known.astype(np.float64)
    rows = known_too.T @ known_too
    sums = values.T @ known_too  # [i, j]: the sum of i where j is known
    squares = (values**2).T @ known_too
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = squares - sums**2 / rows
        scale = np.sqrt(variance * variance.T)
        # What is left of a constant after rounding is no variance.
        is_constant = variance <= rows * 1e-9
        scale[is_constant | is_constant.T] = np.nan
        return (values.T @ values - sums * sums.T / rows) / scale


def _joint(first: Array, second: Array, height: int, width: int) -> Array:
    """How often each combination of two codes occurs."""
    return np.bincount(first * width + second, minlength=height * width).reshape(height, width)


def _contingency(first: Feature, second: Feature) -> float:
    """One less half the sum of the differences of all shares."""
    ours, theirs = (a * second.categories + b for a, b in _sides(first, second))
    if not len(ours) or not len(theirs):
        return float(len(ours) == len(theirs))
    size = first.categories * second.categories
    if size > SPARSE * (len(ours) + len(theirs)):
        both, codes = np.unique(np.concatenate([ours, theirs]), return_inverse=True)
        size, ours, theirs = len(both), codes[: len(ours)], codes[len(ours) :]
    shares = (np.bincount(side, minlength=size) / len(side) for side in (ours, theirs))
    return float(1 - np.abs(np.subtract(*shares)).sum() / 2)


def _information(table: Array) -> float:
    """The mutual information of rows and columns, over the mean of their entropies."""
    shares = table / max(table.sum(), 1)
    rows, columns = shares.sum(axis=1), shares.sum(axis=0)
    alone = (_entropy(rows) + _entropy(columns)) / 2
    shared = _entropy(rows) + _entropy(columns) - _entropy(shares)
    return max(float(shared / alone), 0.0) if alone > 0 else 0.0


def _entropy(shares: Array) -> float:
    shares = shares[shares > 0]
    return float(-(shares * np.log(shares)).sum())


def _cramer(table: Array) -> float:
    """Cramer's V: from 0, independent, to 1."""
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    size = min(table.shape) - 1
    if size < 1:
        return 0.0
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    return float(np.sqrt(((table - expected) ** 2 / expected).sum() / table.sum() / size))
