"""How much a twin tells of real rows, each measure beside what other real rows tell.

A twin row may lie near a real one because both are ordinary. So the same is measured between real rows: a
holdout that the twin was not learned from, or, without one, two halves of the real table. What is worse than
that, beyond chance, was remembered.

    >>> findings = disclosure("orders", real, twin, seed=Seed(0))  # doctest: +SKIP
    >>> [f.reason for f in findings if not f.passed]  # doctest: +SKIP
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from synthohive_py.privacy.distances import MixedRows, nearest_two
from synthohive_py.rng import Seed

__all__ = ["PrivacyFinding", "disclosure"]

MAX_ROWS = 5_000  # rows that others are compared with
MAX_ASKED = 1_000  # rows whose nearest ones are looked for
MIN_ROWS = 20  # fewer have no halves worth comparing
TOLERANCE = 0.1  # how much worse than real rows a twin may be, chance apart
DEVIATIONS = 3  # standard deviations that chance is allowed
COMBINATIONS = 40  # sets of columns whose rare values are looked for
WIDTH = 4  # columns in such a set

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class PrivacyFinding:
    """One privacy measure of one table; the fields are those of a quality finding.

    Attributes:
        table: The table.
        column: None, for all measures are of whole rows.
        metric: `DistanceToClosestRecord`, `NearestNeighbourDistanceRatio`, `ExactCopies`, `RareCombinations`
            or `MembershipInference`.
        score: From 0 to 1; 1 tells nothing of single real rows.
        baseline: What real rows reach against other real rows.
        threshold: The score that is enough: the baseline less what chance and tolerance allow.
        passed: Whether the score reaches it.
        reason: Why, in words and shares; no real value occurs in it.
    """

    table: str
    column: str | None
    metric: str
    score: float
    baseline: float
    threshold: float
    passed: bool
    reason: str


@dataclass(frozen=True)
class _Measured:
    """The rows that are compared: `others` are real ones that play the twin's part for the baseline."""

    table: str
    real: MixedRows
    others: MixedRows
    twin: MixedRows
    seed: Seed

    def finding(
        self, metric: str, score: float, baseline: float, slack: float, reason: str
    ) -> PrivacyFinding:
        score, baseline = min(max(score, 0.0), 1.0), min(max(baseline, 0.0), 1.0)
        threshold = max(baseline - max(slack, 0.0), 0.0)
        return PrivacyFinding(
            self.table, None, metric, score, baseline, threshold, score >= threshold - 1e-9, reason
        )


def disclosure(
    table: str,
    real: pa.Table,
    twin: pa.Table,
    *,
    seed: Seed,
    skip: Collection[str] = (),
    holdout: pa.Table | None = None,
) -> list[PrivacyFinding]:
    """What a twin's table tells of the real rows that it was learned from.

    Args:
        table: The table's name.
        real: The real rows that were learned from.
        twin: Generated rows.
        seed: The stream that samples and halves are drawn from.
        skip: Columns that are not compared: keys, which are computed.
        holdout: Real rows that were not learned from. Without them two halves of the real table are compared,
            and membership can't be estimated.

    Returns:
        One finding a measure; none where there are too few rows or no column to compare.
    """
    shared = [c for c in real.column_names if c in twin.column_names and c not in skip]
    least = min(real.num_rows, twin.num_rows, holdout.num_rows if holdout is not None else real.num_rows)
    if not shared or least < MIN_ROWS:
        return []
    seed = seed.child("disclosure", table)
    sample = _sampled(real.select(shared), MAX_ROWS, seed.child("real"))
    if holdout is None:
        half = sample.num_rows // 2
        sample, others = sample.slice(0, half), sample.slice(half, half)
    else:
        others = holdout.select(shared)
    others = _sampled(others, MAX_ASKED, seed.child("others"))
    generated = _sampled(twin.select(shared), MAX_ROWS, seed.child("twin"))
    known, unknown, made = MixedRows.of([sample, others, generated])
    measured = _Measured(table, known, unknown, made, seed)
    findings = [*_distances(measured), _copies(measured), _combinations(measured)]
    if holdout is not None:
        findings.append(_membership(measured))
    return findings


def _sampled(table: pa.Table, most: int, seed: Seed) -> pa.Table:
    """The rows mixed, and so many of them at most."""
    order = seed.numpy().permutation(table.num_rows)[:most]
    return table.take(pa.array(order))


def _distances(m: _Measured) -> Iterator[PrivacyFinding]:
    """How near the nearest real row is, and how much nearer than the second nearest."""
    asked = m.twin.take(np.arange(min(len(m.twin), MAX_ASKED)))
    twin, other = nearest_two(asked, m.real), nearest_two(m.others, m.real)
    ours, theirs = twin[:, 0], other[:, 0]
    near, far = float(ours.mean()), float(theirs.mean())
    score = 1.0 if near >= far else near / far
    slack = TOLERANCE + DEVIATIONS * _error(ours, theirs) / max(far, 1e-12)
    reason = f"the nearest real row is {near:.4f} away on average; of other real rows {far:.4f}"
    yield m.finding("DistanceToClosestRecord", score, 1.0, slack, reason)

    ours, theirs = _ratios(twin), _ratios(other)
    near, far = float(ours.mean()), float(theirs.mean())
    reason = f"the nearest real row is {near:.2f} times as far as the second; of other real rows {far:.2f}"
    slack = TOLERANCE + DEVIATIONS * _error(ours, theirs)
    yield m.finding("NearestNeighbourDistanceRatio", near, far, slack, reason)


def _ratios(nearest: Floats) -> Floats:
    """The nearest distance by the second; 1 where two real rows are as near."""
    first, second = nearest.T
    return np.where(second > 0, first / np.maximum(second, 1e-12), 1.0)


def _error(one: Floats, other: Floats) -> float:
    """The standard error of the difference of two means."""
    return math.sqrt(one.var() / len(one) + other.var() / len(other))


def _copies(m: _Measured) -> PrivacyFinding:
    """Rows that equal a real one in all compared columns."""
    real, others, twin = m.real.whole_rows(m.others, m.twin)
    known = np.unique(real)
    ours, theirs = float(np.isin(twin, known).mean()), float(np.isin(others, known).mean())
    spread = math.sqrt(max(theirs * (1 - theirs), 1 / len(twin)) * (1 / len(twin) + 1 / len(others)))
    reason = f"{ours:.2%} of the rows equal a real one; {theirs:.2%} of other real rows do"
    return m.finding("ExactCopies", 1 - ours, 1 - theirs, DEVIATIONS * spread, reason)


def _combinations(m: _Measured) -> PrivacyFinding:
    """Values of a few columns that single out one real row and occur again (Giomi et al. 2023)."""
    rng = m.seed.child("combinations").numpy()
    width = min(WIDTH, m.real.columns)
    sets = {tuple(sorted(rng.permutation(m.real.columns)[:width])) for _ in range(COMBINATIONS)}
    ours, theirs = np.zeros(len(m.twin)), np.zeros(len(m.others))
    for columns in sorted(sets):
        real, others, twin = m.real.coarse_rows(columns, m.others, m.twin)
        values, counts = np.unique(real, return_counts=True)
        single = values[counts == 1]
        ours += np.isin(twin, single) / len(sets)
        theirs += np.isin(others, single) / len(sets)
    mine, real_rate = float(ours.mean()), float(theirs.mean())
    reason = (
        f"{mine:.1%} of the rows share {width} values that only one real row has; "
        f"{real_rate:.1%} of other real rows do"
    )
    slack = TOLERANCE * real_rate + DEVIATIONS * _error(ours, theirs)
    return m.finding("RareCombinations", 1 - mine, 1 - real_rate, slack, reason)


def _membership(m: _Measured) -> PrivacyFinding:
    """Whether rows that were learned from lie nearer to the twin than rows that were not.

    The attacker guesses by the distance to the nearest generated row; .5 is the chance of being right about
    which of two rows was learned from. Beside it stands the same guess from real rows instead of the twin.
    """
    members = m.real.take(np.arange(min(len(m.real), len(m.others))))
    half = len(m.others) // 2
    strangers, released = m.others.take(np.arange(half)), m.others.take(np.arange(half, len(m.others)))
    attack = _area(nearest_two(members, m.twin)[:, 0], nearest_two(m.others, m.twin)[:, 0])
    fair = _area(nearest_two(members, released)[:, 0], nearest_two(strangers, released)[:, 0])
    spread = 2 * math.sqrt((len(members) + half + 1) / (12 * len(members) * half))
    reason = f"which of two rows was learned from is guessed right in {attack:.1%} of pairs; 50% is chance"
    slack = TOLERANCE / 2 + DEVIATIONS * spread
    return m.finding("MembershipInference", _safety(attack), _safety(fair), slack, reason)


def _safety(area: float) -> float:
    return 1 - 2 * max(area - 0.5, 0.0)


def _area(members: Floats, strangers: Floats) -> float:
    """The share of pairs in which the member is nearer; equal distances count half (the AUC)."""
    both = np.concatenate([members, strangers])
    _, place, counts = np.unique(both, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    above = ranks[: len(members)].sum() - len(members) * (len(members) + 1) / 2
    return 1 - float(above) / (len(members) * len(strangers))
