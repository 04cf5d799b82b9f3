"""Columns one by one: how their values are distributed, and how many are null."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pyarrow as pa

from synthohive_py.findings import Finding
from synthohive_py.quality.baseline import chance, real_vs_real
from synthohive_py.quality.judged import DEVIATIONS, Judged, Tolerances
from synthohive_py.quality.metrics import MISSING, Metric, has_nulls

__all__ = ["judge_columns", "judge_shape"]


def judge_columns(pair: Judged) -> Iterator[Finding]:
    """The null rate of every column that may hold nulls, and the shape of every column that is no key."""
    config = pair.config
    for name in pair.real.column_names:
        if name not in pair.twin.column_names:
            continue  # the structure has failed already
        real, twin = pair.real.column(name), pair.twin.column(name)
        if name not in config.pk and (has_nulls(real) or has_nulls(twin)):
            yield judge_shape(pair, name, MISSING, real, twin)
        if name in pair.metrics:
            yield judge_shape(pair, name, pair.metrics[name], real, twin)


def judge_shape(
    pair: Judged, label: str, metric: Metric, real: pa.ChunkedArray, twin: pa.ChunkedArray
) -> Finding:
    """The score of one column, or of numbers of children, beside its baseline."""
    try:
        ours, theirs = metric.prepare(real, twin)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        reason = f"the twin holds {twin.type} where the real table holds {real.type}"
        return pair.finding(label, metric.name, 0.0, baseline=1.0, threshold=1.0, reason=reason)
    value = metric.compare(ours, theirs)
    baseline = real_vs_real(metric.compare, ours, seed=pair.seed.child(label, metric.name))
    slack = _slack(pair.tolerances, metric, ours, theirs)
    # Chance is already in the slack of a null rate; its baseline is there to be read.
    aim = 1.0 if metric is MISSING else baseline
    near = (
        f"within {slack:.3f} of {'the real null rate' if metric is MISSING else f'baseline {baseline:.3f}'}"
    )
    finding = pair.finding(label, metric.name, value, baseline=baseline, threshold=aim - slack, reason=near)
    if finding.passed:
        return finding
    return replace(finding, reason=f"{metric.explain(ours, theirs)}: not {near}")


def _slack(tolerances: Tolerances, metric: Metric, real: np.ndarray, twin: np.ndarray) -> float:
    """The tolerance, or what chance alone does to so few values if that is more."""
    if metric is MISSING:
        rate = float(real.mean()) if len(real) else 0.0
        spread = DEVIATIONS * math.sqrt(rate * (1 - rate))
        return max(tolerances.nulls, chance(len(real), len(twin), deviation=spread))
    # A twin without any value is judged as if it had as many as the real column.
    return max(tolerances.shape, chance(len(real), len(twin) or len(real)))
