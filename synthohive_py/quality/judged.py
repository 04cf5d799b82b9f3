"""What every judge needs: a table of both sides, what is declared of it, and how far off a score may be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from synthohive_py.findings import Finding
from synthohive_py.quality.baseline import chance
from synthohive_py.quality.metrics import Metric, choose_metric

if TYPE_CHECKING:
    from synthohive_py.rng import Seed
    from synthohive_py.schema import TableConfig

__all__ = ["DEVIATIONS", "Judged", "Tables", "Tolerances"]

Tables = Mapping[str, pa.Table]
ROUNDING = 1e-9  # scores are sums of shares; a threshold must not fail on their last bits
DEVIATIONS = 3  # what chance explains: so many standard deviations


@dataclass(frozen=True)
class Tolerances:
    """How far a score may be below its baseline.

    Attributes:
        shape: Distributions of columns, pairs of columns, numbers of children.
        nulls: Null rates.
        rows: Numbers of rows, as a share.
        orphans: More orphans than the real data, as a share of the rows, for keys with `orphans="keep"`.
        information: Mutual information, as a share of all there is.
        copies: More copies of real rows than these repeat each other, as a share of the rows.
        detection: Of a classifier's score, which is 1 where it tells nothing and 0 where it is never wrong.
    """

    shape: float = 0.1
    nulls: float = 0.02
    rows: float = 0.05
    orphans: float = 0.02
    information: float = 0.5
    copies: float = 0.05
    detection: float = 0.9


@dataclass(frozen=True)
class Judged:
    """One table, real and synthetic, with what is declared of it.

    Attributes:
        config: The declarations.
        real: The real rows.
        twin: The synthetic rows.
        tolerances: How far off scores may be.
        seed: The stream that all randomness of its judges derives from.
        replaced: Columns whose values are made up anew on purpose, such as names of people.
    """

    config: TableConfig
    real: pa.Table
    twin: pa.Table
    tolerances: Tolerances
    seed: Seed
    replaced: frozenset[str] = frozenset()

    @cached_property
    def keys(self) -> frozenset[str]:
        """Columns that only say who a row is, and to whom it belongs.

        Part of a composite key still carries meaning (a day, a line number); a key of its own does not.
        """
        foreign = {column for key in self.config.foreign_keys for column in key.columns}
        return frozenset(foreign | {columns[0] for columns in self.config.unique_sets if len(columns) == 1})

    @cached_property
    def metrics(self) -> dict[str, Metric]:
        """By which metric each of the other columns that have a shape is compared."""
        chosen = {
            name: choose_metric(self.real.column(name), closed=name in self.config.accepted_values)
            for name in self.real.column_names
            if name not in self.keys | self.replaced
        }
        return {name: metric for name, metric in chosen.items() if metric is not None}

    def finding(
        self, column: str | None, metric: str, score: float, *, baseline: float, threshold: float, reason: str
    ) -> Finding:
        """What was found; it passes if the score reaches the threshold."""
        threshold = max(threshold, 0.0)
        passed = score >= threshold - ROUNDING
        return Finding(self.config.name, column, metric, score, baseline, threshold, passed, reason)

    def near_baseline(
        self,
        column: str | None,
        metric: str,
        score: float,
        *,
        baseline: float,
        tolerance: float,
        reason: str,
    ) -> Finding:
        """What was found; it passes if the score is as near to its baseline as tolerance or chance allow.

        The baseline itself is below 1 by chance alone, so the score may be as far below it again.
        """
        slack = max(tolerance, 1 - baseline)
        found = self.finding(
            column, metric, score, baseline=baseline, threshold=baseline - slack, reason=reason
        )
        near = f"{'' if found.passed else 'not '}within {slack:.3f} of baseline {baseline:.3f}"
        return replace(found, reason=f"{reason}: {near}")

    def spread(self, deviation: float) -> float:
        """How far rates of all rows may lie apart by chance."""
        return DEVIATIONS * chance(self.real.num_rows, self.twin.num_rows, deviation=deviation)

    def sampled(self, rows: int, stage: str) -> tuple[np.ndarray, np.ndarray]:
        """Row numbers of at most so many real and synthetic rows."""
        generator = self.seed.child(stage).numpy()
        return some_rows(self.real.num_rows, rows, generator), some_rows(self.twin.num_rows, rows, generator)


def some_rows(total: int, wanted: int, generator: np.random.Generator) -> np.ndarray:
    """Row numbers in their order: all, or a random choice."""
    if total <= wanted:
        return np.arange(total)
    return np.sort(generator.choice(total, wanted, replace=False, shuffle=False))
