"""Columns one by one: how their values are distributed, and how many are null."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from synthohive_py.findings import Finding
from synthohive_py.quality.baseline import chance, clustering, real_vs_real
from synthohive_py.quality.families import effective
from synthohive_py.quality.judged import DEVIATIONS, Judged, Tolerances
from synthohive_py.quality.metrics import MISSING, TV, Metric, has_nulls

__all__ = ["judge_columns", "judge_shape"]

QUANTILES = (0.1, 0.3, 0.5, 0.7, 0.9)  # of numbers, at which their distribution is looked at
CLUSTERED = 1.2  # families differ by more than that: halves are made of whole ones, too


@dataclass(frozen=True)
class _Kinship:
    """How much a column depends on families: those on which it depends most.

    Attributes:
        factor: So many rows say no more than one, because families are alike within.
        families: Per value the number of its family; None if it is on its own.
        fewest: The least effective number of families; infinite without families.
    """

    factor: float = 1.0
    families: np.ndarray | None = None
    fewest: float = math.inf


def judge_columns(pair: Judged, families: Sequence[np.ndarray] = ()) -> Iterator[Finding]:
    """The null rate of every column that may hold nulls, and the shape of every column that is no key.

    Args:
        pair: The table.
        families: Per way in which the real rows belong together, the number of each row's family.
    """
    config = pair.config
    for name in pair.real.column_names:
        if name not in pair.twin.column_names:
            continue  # the structure has failed already
        real, twin = pair.real.column(name), pair.twin.column(name)
        if name not in config.pk and (has_nulls(real) or has_nulls(twin)):
            yield judge_shape(pair, name, MISSING, real, twin, families=families)
        if name in pair.metrics:
            yield judge_shape(pair, name, pair.metrics[name], real, twin, families=families)


def judge_shape(
    pair: Judged,
    label: str,
    metric: Metric,
    real: pa.ChunkedArray,
    twin: pa.ChunkedArray,
    *,
    families: Sequence[np.ndarray] = (),
) -> Finding:
    """The score of one column, or of numbers of children, beside its baseline."""
    try:
        ours, theirs = metric.prepare(real, twin)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        reason = f"the twin holds {twin.type} where the real table holds {real.type}"
        return pair.finding(label, metric.name, 0.0, baseline=1.0, threshold=1.0, reason=reason)
    value = metric.compare(ours, theirs)
    kinship = _kinship(metric, real, ours, families)
    seed = pair.seed.child(label, metric.name)
    baseline = real_vs_real(metric.compare, ours, seed=seed)
    if kinship.factor > CLUSTERED:
        apart = real_vs_real(metric.compare, ours, seed=seed.child("families"), families=kinship.families)
        baseline = min(baseline, apart)
    slack = _slack(pair.tolerances, metric, ours, theirs, kinship)
    # Chance is already in the slack of a null rate; its baseline is there to be read.
    aim = 1.0 if metric is MISSING else baseline
    near = (
        f"within {slack:.3f} of {'the real null rate' if metric is MISSING else f'baseline {baseline:.3f}'}"
    )
    finding = pair.finding(label, metric.name, value, baseline=baseline, threshold=aim - slack, reason=near)
    if finding.passed:
        return finding
    return replace(finding, reason=f"{metric.explain(ours, theirs)}: not {near}")


def _kinship(
    metric: Metric, real: pa.ChunkedArray, values: np.ndarray, families: Sequence[np.ndarray]
) -> _Kinship:
    if not families or not len(values):
        return _Kinship()
    if metric is not MISSING:
        known = np.asarray(real.is_valid())
        if known.sum() != len(values):  # NaN has no place among numbers
            known = ~np.asarray(pc.is_null(real, nan_is_null=True))
        families = [numbers[known] for numbers in families]
    if metric in (TV, MISSING):
        sides = [values.astype(np.int64)]
    else:
        edges = np.unique(np.quantile(values, QUANTILES, method="lower"))
        sides = [(values <= edge).astype(np.int64) for edge in edges]
    found = [(max(clustering(side, numbers) for side in sides), numbers) for numbers in families]
    factor, worst = max(found, key=lambda pair: pair[0])
    return _Kinship(factor, worst, min(map(effective, families)))


def _slack(
    tolerances: Tolerances, metric: Metric, real: np.ndarray, twin: np.ndarray, kinship: _Kinship
) -> float:
    """The tolerance, or what chance alone does to so few values if that is more."""
    more = math.sqrt(kinship.factor)
    if metric is MISSING:
        rate = float(real.mean()) if len(real) else 0.0
        spread = DEVIATIONS * math.sqrt(rate * (1 - rate)) * more
        # Of few families the next one may be unlike all others.
        return max(tolerances.nulls, chance(len(real), len(twin), deviation=spread), 1 / kinship.fewest)
    # A twin without any value is judged as if it had as many as the real column.
    return max(tolerances.shape, chance(len(real), len(twin) or len(real), deviation=more))
