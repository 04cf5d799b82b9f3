"""One model or snapshot of a dbt project, as a run on the real data and one on the twins have built it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from synthohive_py.comparison import MartComparison, MeanGap
from synthohive_py.connectors import Connector, Relation, open_url
from synthohive_py.dbt.runs import Mart
from synthohive_py.errors import SettingError
from synthohive_py.frames import check_tables, to_arrow
from synthohive_py.quality import score, summarise
from synthohive_py.quality.baseline import real_vs_real
from synthohive_py.rng import Seed
from synthohive_py.schema import Metadata, TableConfig

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["BuiltTables", "Tables", "compare_mart"]

MEANS = 0.5  # standard deviations that a mean may be off
DEVIATIONS = 3  # and so many times what two halves of the real mart differ by
TINY = 1e-150  # as the largest number of a column; 1 / TINY as well

Tables = Mapping[str, "pd.DataFrame | pa.Table"]


class BuiltTables:
    """What one run has built, wherever it is.

    Args:
        place: The URL of a database, or frames by name of model.
        option: How the caller's option is called, for messages.
        max_rows: Of larger tables a sample of about so many rows is read.
        stack: What is to be closed afterwards is put there.

    Raises:
        ConnectorError: The database does not let us in.
        DataError: The frames are none.
    """

    def __init__(self, place: Tables | str, option: str, max_rows: int, stack: ExitStack) -> None:
        self.max_rows = max_rows
        self.frames: Tables = {}
        self.connector: Connector | None = None
        if isinstance(place, str):
            self.connector = stack.enter_context(closing(open_url(place)[0]))
        else:
            check_tables(place)
            self.frames = place
        self.option = option

    def read(self, mart: Mart, seed: Seed) -> tuple[pa.Table, int]:
        """Its rows, or a sample of them; and how many there are."""
        if self.connector is not None:
            return self._sample(self.connector, mart.relation, seed)
        if mart.name not in self.frames:
            raise SettingError(
                f"{self.option} lack a model",
                table=mart.name,
                received=", ".join(map(str, self.frames)),
                remedy="pass its frame, or name in `models` those that are to be compared",
            )
        table = to_arrow(self.frames[mart.name], mart.name)
        return _sampled(table, self.max_rows / max(table.num_rows, 1), seed), table.num_rows

    def _sample(self, connector: Connector, relation: Relation, seed: Seed) -> tuple[pa.Table, int]:
        rows = connector.count(relation)
        share = self.max_rows / max(rows, 1)
        parts = [
            _sampled(batch, share, seed.child(number))
            for number, batch in enumerate(connector.batches(relation))
        ]
        return to_arrow(pa.concat_tables(parts), relation.identifier), rows


def _sampled(table: pa.Table, share: float, seed: Seed) -> pa.Table:
    return table if share >= 1 else table.filter(pa.array(seed.numpy().random(table.num_rows) < share))


def compare_mart(
    mart: Mart, real: tuple[pa.Table, int], twin: tuple[pa.Table, int], seed: Seed
) -> MartComparison:
    """Compare the rows of a mart, or samples of them.

    Args:
        mart: What is known of it.
        real: Real rows, and how many there are in all.
        twin: The same of the run on the twins.
        seed: Decides how the real rows are halved.

    Raises:
        DataError: A column holds what can't be compared.
    """
    name = mart.name
    (ours, real_rows), (theirs, twin_rows) = real, twin
    if mart.is_snapshot:  # what dbt adds says when it ran
        ours, theirs = (
            t.select([c for c in t.column_names if not c.startswith("dbt_")]) for t in (ours, theirs)
        )
    unique = tuple((column,) for column in mart.unique if column in ours.column_names)
    metadata = Metadata(tables={name: TableConfig(name=name, unique=unique)})
    # Rows are counted in the database, not in a sample; and aggregates that come out the same copy no one.
    findings = [
        finding
        for finding in score(metadata, {name: ours}, {name: theirs}, seed=seed.child("score"), scale=None)
        if finding.metric != "NewRowSynthesis"
    ]
    [summary] = summarise(findings)
    return MartComparison(
        name=name,
        real_rows=real_rows,
        twin_rows=twin_rows,
        quality=summary.quality,
        baseline=summary.baseline,
        findings=tuple(findings),
        means=tuple(_mean_gaps(mart, ours, theirs, twin_rows / max(real_rows, 1), seed.child("means"))),
    )


def _mean_gaps(mart: Mart, real: pa.Table, twin: pa.Table, growth: float, seed: Seed) -> Iterator[MeanGap]:
    for column in real.column_names:
        if column in mart.unique or column not in twin.column_names:
            continue
        ours, theirs = _numbers(real.column(column)), _numbers(twin.column(column))
        if ours is None or theirs is None or not len(ours) or not len(theirs):
            continue
        # Of samples: the totals of all rows follow from the sample's share of rows with a value.
        share = len(ours) / real.num_rows
        yield _mean_gap(
            column, ours, theirs, len(theirs) / twin.num_rows * growth / share, seed.child(column)
        )


def _mean_gap(column: str, ours: np.ndarray, theirs: np.ndarray, filled: float, seed: Seed) -> MeanGap:
    """Of values without nulls; `filled` is how many the twin has, as a multiple."""
    largest = float(np.abs(ours).max())
    if largest and not TINY < largest < 1 / TINY:  # their squares are no numbers
        ours = ours / largest
        with np.errstate(over="ignore"):
            theirs = theirs / largest
    spread = float(ours.std()) or float(abs(ours.mean())) or 1.0  # of a single row, a share of its value

    def gap(one: np.ndarray, other: np.ndarray) -> float:
        return float(abs(other.mean() - one.mean()) / spread)

    baseline = real_vs_real(gap, ours, seed=seed) if len(ours) > 1 else 0.0
    with np.errstate(over="ignore", invalid="ignore"):  # a twin beyond all numbers has no mean, and fails
        return MeanGap(
            column=column,
            gap=float((theirs.mean() - ours.mean()) / spread),
            baseline=baseline,
            threshold=MEANS + DEVIATIONS * baseline,
            total_ratio=float(theirs.mean() / ours.mean() * filled) if ours.mean() else None,
        )


def _numbers(column: pa.ChunkedArray) -> np.ndarray | None:
    """The values of a column of numbers, without nulls and NaN; None for another column."""
    kind = column.type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        return None
    values = column.drop_null().cast(pa.float64(), safe=False).to_numpy()
    return values[np.isfinite(values)]
