"""Do columns go together as they do in the real rows, within a table and along a foreign key?

All pairs are scored on at most 50,000 rows. A pair that is related, in the real rows or in the twin, has a
finding of its own; all pairs together have two: the mean score, which is SDMetrics' ColumnPairTrends or
InterTableTrends, and how much of the mutual information is kept. The mean alone proves little: columns
shuffled one by one reach .96 on many tables.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from synthohive_py.findings import Finding
from synthohive_py.quality.baseline import chance, clustering
from synthohive_py.quality.families import ENOUGH
from synthohive_py.quality.features import Feature, coarse, split
from synthohive_py.quality.judged import DEVIATIONS, Judged
from synthohive_py.quality.pairs import (
    CONTINGENCY,
    CORRELATION,
    PairScore,
    mutual_information_kept,
    pair_scores,
)
from synthohive_py.quality.views import View
from synthohive_py.rng import Seed

__all__ = ["ROWS", "Trends", "judge_trends", "trends_of"]

ROWS = 50_000
SMALL = 2_000  # fewer rows are split several times, because one split of them says little
ROUNDS = 3
RELATED = {CORRELATION: 0.4, CONTINGENCY: 0.3}  # and more, as in SDMetrics
LEAST_ROWS = 20  # fewer say nothing about pairs
STRENGTH = "AssociationSimilarity"
SHARED = 0.5  # halves with less in common: their shares of combinations tell nothing
MOST = 300  # findings of single pairs a table: those with the strongest relation


@dataclass(frozen=True)
class Trends:
    """All pairs of a table's columns, or of a child's and its parent's.

    Attributes:
        label: The foreign key, or None for the pairs of one table.
        scores: Of the twin, pair by pair.
        baselines: Per pair the score of two halves of the real rows.
        strengths: Per pair how far apart the strength of its relation is in these.
        factors: Per related pair how many rows say no more about it than one, as families are alike within.
        kept: How much of the mutual information the twin has.
        kept_baseline: How much of it two halves of the real rows share.
    """

    label: str | None
    scores: tuple[PairScore, ...]
    baselines: dict[tuple[str, str], float]
    strengths: dict[tuple[str, str], float]
    factors: dict[tuple[str, str], float]
    kept: float
    kept_baseline: float

    @property
    def related(self) -> list[PairScore]:
        """The pairs that are related on either side, the strongest first."""
        return _related(self.scores)


def trends_of(view: View, label: str | None, seed: Seed) -> Trends | None:
    """Score the pairs of a view's columns; None where there are none, or too few rows.

    Args:
        view: The rows of a table, or rows joined to their parents, of which only pairs across both count.
        label: The foreign key of such a join.
        seed: The stream that the halves of the baseline are drawn from.
    """
    own = [f for f in view.features[: view.own] if f.kind != "text"]
    others = [f for f in view.features[view.own :] if f.kind != "text"]
    found = [*own, *others]
    pairs = (
        list(itertools.product(range(len(own)), range(len(own), len(found))))
        if label
        else list(itertools.combinations(range(len(own)), 2))
    )
    if not pairs or min(len(found[0].real), len(found[0].twin)) < LEAST_ROWS:
        return None
    scores = pair_scores(found, pairs)
    if not scores:
        return None
    generator = seed.numpy()
    families = np.unique(view.real_families, return_inverse=True)[1]
    halved = families if families.max() + 1 >= ENOUGH else None
    baselines: dict[tuple[str, str], list[float]] = {score.columns: [] for score in scores}
    strengths: dict[tuple[str, str], list[float]] = {score.columns: [] for score in scores}
    kept = []
    for _ in range(ROUNDS if len(found[0].real) < SMALL else 1):
        halves = pair_scores(split(found, generator, halved), pairs)
        kept.append(mutual_information_kept(halves))
        for half in halves:
            baselines.setdefault(half.columns, []).append(half.score)
            strengths.setdefault(half.columns, []).append(abs(half.real - half.twin))
    related = [] if label else _related(scores)[:MOST]
    rough = {f.name: coarse(f) for f in found if any(f.name in score.columns for score in related)}
    return Trends(
        label,
        tuple(scores),
        {columns: float(np.mean(some)) if some else 1.0 for columns, some in baselines.items()},
        {columns: float(np.mean(some)) if some else 0.0 for columns, some in strengths.items()},
        {score.columns: _factor(score, rough, families) for score in related},
        mutual_information_kept(scores),
        float(np.mean(kept)),
    )


def _related(scores: Sequence[PairScore]) -> list[PairScore]:
    found = [s for s in scores if max(abs(s.real), abs(s.twin)) >= RELATED[s.metric]]
    return sorted(found, key=lambda s: -max(abs(s.real), abs(s.twin)))


def _factor(score: PairScore, rough: Mapping[str, Feature], families: np.ndarray) -> float:
    one, other = (rough[column] for column in score.columns)
    return clustering(one.real * other.categories + other.real, families)


def judge_trends(pair: Judged, trends: Trends) -> Iterator[Finding]:
    """The findings of all pairs, and of each pair that is related."""
    link = trends.label is not None
    mean, baseline = (
        float(np.mean(some))
        for some in ([s.score for s in trends.scores], [trends.baselines[s.columns] for s in trends.scores])
    )
    across = "columns of rows and their parents" if link else "columns"
    yield pair.near_baseline(
        trends.label,
        "InterTableTrends" if link else "ColumnPairTrends",
        mean,
        baseline=baseline,
        tolerance=pair.tolerances.shape,
        reason=f"{len(trends.scores)} pairs of {across} are alike by {mean:.3f} on average",
    )
    yield pair.near_baseline(
        trends.label,
        "MutualInformationKept",
        trends.kept,
        baseline=trends.kept_baseline,
        tolerance=pair.tolerances.information,
        reason=f"the twin has {trends.kept:.0%} of what {across} say about each other",
    )
    # Along a foreign key single pairs are not judged: few rows of a parent decide about all their children.
    for score in [] if link else trends.related[:MOST]:
        yield _judge_pair(pair, trends, score)


def _judge_pair(pair: Judged, trends: Trends, score: PairScore) -> Finding:
    name = "correlation" if score.metric == CORRELATION else "Cramer's V"
    baseline = trends.baselines[score.columns]
    is_strength = score.metric == CONTINGENCY and baseline <= SHARED
    deviations = 0.0
    if score.metric == CORRELATION or is_strength:
        more = math.sqrt(trends.factors[score.columns])
        deviations = DEVIATIONS * chance(*score.rows, deviation=0.5 * more)
    if is_strength:
        # Another family has other values, so that only how much these say about each other can be compared.
        baseline = 1 - trends.strengths[score.columns]
    return pair.near_baseline(
        ", ".join(score.columns),
        STRENGTH if is_strength else score.metric,
        1 - abs(score.real - score.twin) if is_strength else score.score,
        baseline=baseline,
        tolerance=max(pair.tolerances.shape, deviations),
        reason=f"{name} {score.real:.2f}, in the twin {score.twin:.2f}",
    )
