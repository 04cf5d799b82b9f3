"""What a report says, as plain data: made once, then written as a page or as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from synthohive_py.findings import Finding
from synthohive_py.privacy import disclosure
from synthohive_py.quality import Judgement, summarise
from synthohive_py.quality.judged import Judged
from synthohive_py.quality.metrics import has_nulls
from synthohive_py.quality.pairs import PairScore
from synthohive_py.quality.trends import Trends
from synthohive_py.report.histograms import Histogram, histogram, whole_numbers
from synthohive_py.report.holders import Holders, holders_of

__all__ = ["ColumnPart", "LinkPart", "Relations", "TablePart", "privacy_findings", "table_parts"]

MOST_RELATED = 24  # columns of a heat map


@dataclass(frozen=True)
class ColumnPart:
    """One column of both sides.

    Attributes:
        name: The column.
        type: Its Arrow type.
        findings: What was judged of it alone.
        histogram: Its values; None where nothing may be shown, or it has no shape.
        nulls: The shares of nulls on both sides; None where there are none.
    """

    name: str
    type: str
    findings: tuple[Finding, ...]
    histogram: Histogram | None
    nulls: tuple[float, float] | None

    @property
    def passed(self) -> bool:
        """Whether all findings passed."""
        return all(f.passed for f in self.findings)


@dataclass(frozen=True)
class LinkPart:
    """One foreign key of both sides.

    Attributes:
        label: The key, as `columns -> parent`.
        findings: What was judged of it.
        children: How many rows the parents have.
    """

    label: str
    findings: tuple[Finding, ...]
    children: Histogram | None


@dataclass(frozen=True)
class Relations:
    """How columns go together, as a symmetric matrix of both sides.

    Attributes:
        columns: The columns with the strongest relations.
        left_out: How many others there are.
        real: [i][j]: correlation of two numbers, Cramer's V of others.
        twin: The same in the twin.
    """

    columns: tuple[str, ...]
    left_out: int
    real: list[list[float]]
    twin: list[list[float]]


@dataclass(frozen=True)
class TablePart:
    """One table.

    Attributes:
        name: The table.
        mode: `synthesize` or `reference`.
        rows: Its real and synthetic rows.
        quality: The mean score of its shapes; None if it has no column but keys.
        baseline: What two halves of the real rows reach.
        detection: The AUC of the classifier; None where it was not asked.
        whole: Findings on the table as a whole, its keys and pairs of its columns.
        columns: Column by column.
        links: Its foreign keys.
        relations: How its columns go together; None where there are no pairs.
        rules: What holds in every real row.
        privacy: What the twin tells of single real rows.
        training: What its training reported.
    """

    name: str
    mode: str
    rows: tuple[int, int]
    quality: float | None
    baseline: float | None
    detection: float | None
    whole: tuple[Finding, ...]
    columns: tuple[ColumnPart, ...]
    links: tuple[LinkPart, ...]
    relations: Relations | None
    rules: tuple[Finding, ...]
    privacy: tuple[Finding, ...]
    training: Mapping[str, Any] = field(default_factory=dict)

    @property
    def findings(self) -> Iterator[Finding]:
        """All findings of the table."""
        yield from self.whole
        for column in self.columns:
            yield from column.findings
        for link in self.links:
            yield from link.findings
        yield from (*self.rules, *self.privacy)


def privacy_findings(judged: Judged) -> list[Finding]:
    """What a table of the twin tells of single real rows; nothing of reference tables, which are copies."""
    if judged.config.mode == "reference":
        return []
    found = disclosure(
        judged.config.name,
        judged.real,
        judged.twin,
        seed=judged.seed.child("privacy"),
        skip=judged.keys | judged.replaced,
    )
    return [Finding(**asdict(f)) for f in found]


def table_parts(
    judgement: Judgement,
    privacy: Sequence[Finding],
    training: Mapping[str, Mapping[str, Any]],
    *,
    threshold: int,
) -> tuple[TablePart, ...]:
    """The findings sorted by what they are about, each beside what it was made from.

    Args:
        judgement: What was judged.
        privacy: Findings on privacy.
        training: Per table what its training reported.
        threshold: What fewer real rows hold is not shown.
    """
    return tuple(
        _table_part(
            judgement, judged, [f for f in privacy if f.table == name], training.get(name, {}), threshold
        )
        for name, judged in judgement.tables.items()
    )


def _table_part(
    judgement: Judgement,
    judged: Judged,
    privacy: list[Finding],
    training: Mapping[str, Any],
    threshold: int,
) -> TablePart:
    name = judged.config.name
    left = [f for f in judgement.findings if f.table == name]
    [summary] = summarise(left)
    rules = _taken(left, lambda f: f.metric == "RuleAdherence")
    privacy = [*_taken(left, lambda f: f.metric == "NewRowSynthesis"), *privacy]
    links = tuple(
        LinkPart(
            link.label,
            tuple(_taken(left, lambda f, label=link.label: f.column == label)),
            whole_numbers(link.real.counts, link.twin.counts, threshold=threshold, axis="rows a parent")
            if link.absent is None
            else None,
        )
        for link in judgement.links[name]
    )
    keys = {", ".join(columns) for columns in judged.config.unique_sets}
    holders = holders_of(name, judgement.tables, threshold=threshold)
    columns = tuple(
        _column_part(
            judged,
            column,
            tuple(_taken(left, lambda f, c=column: f.column == c and f.metric != "KeyUniqueness")),
            holders,
        )
        for column in judged.real.column_names
        if column not in keys or column in judged.metrics
    )
    whole = next((f for f in left if f.metric == "C2ST"), None)
    own = next((t for t in judgement.trends.get(name, []) if t.label is None), None)
    return TablePart(
        name=name,
        mode=judged.config.mode,
        rows=(judged.real.num_rows, judged.twin.num_rows),
        quality=summary.quality,
        baseline=summary.baseline,
        detection=None if whole is None else 1 - whole.score / 2,
        whole=tuple(left),
        columns=columns,
        links=links,
        relations=_relations(own) if own else None,
        rules=tuple(rules),
        privacy=tuple(privacy),
        training=training,
    )


def _taken(left: list[Finding], wanted: Any) -> list[Finding]:
    """The findings that are wanted, which are left no longer."""
    found = [f for f in left if wanted(f)]
    left[:] = [f for f in left if not wanted(f)]
    return found


def _column_part(judged: Judged, name: str, findings: tuple[Finding, ...], holders: Holders) -> ColumnPart:
    real = judged.real.column(name)
    if name in judged.config.accepted_values or judged.config.mode == "reference":
        holders = Holders(holders.threshold)  # public, whoever holds it
    twin = judged.twin.column(name) if name in judged.twin.column_names else None
    chart = (
        histogram(real, twin, judged.metrics[name], holders=holders)
        if twin is not None and name in judged.metrics
        else None
    )
    nulls = None
    if twin is not None and (has_nulls(real) or has_nulls(twin)):
        nulls = (_null_share(real), _null_share(twin))
    return ColumnPart(name, str(real.type), findings, chart, nulls)


def _null_share(column: pa.ChunkedArray) -> float:
    share = pc.mean(pc.is_null(column, nan_is_null=True).cast(pa.int8())).as_py()
    return share or 0.0


def _relations(trends: Trends) -> Relations:
    """The strongest first: a matrix of hundreds of columns could not be read."""
    strength: dict[str, float] = {}
    for score in trends.scores:
        for column in score.columns:
            strength[column] = strength.get(column, 0.0) + max(abs(score.real), abs(score.twin))
    strongest = sorted(strength, key=lambda c: -strength[c])[:MOST_RELATED]
    columns = [c for c in strength if c in strongest]
    place = {column: i for i, column in enumerate(columns)}
    real, twin = np.eye(len(columns)), np.eye(len(columns))
    for score in trends.scores:
        if all(column in place for column in score.columns):
            _set(real, place, score, score.real)
            _set(twin, place, score, score.twin)
    return Relations(tuple(columns), len(strength) - len(columns), real.tolist(), twin.tolist())


def _set(matrix: np.ndarray, place: Mapping[str, int], score: PairScore, value: float) -> None:
    i, j = (place[column] for column in score.columns)
    matrix[i, j] = matrix[j, i] = value
