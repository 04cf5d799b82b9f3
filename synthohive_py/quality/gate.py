"""Pass or fail: every score of a twin beside its baseline, its threshold and a reason.

A shape (KSComplement and the like) passes when it is no further below its real-vs-real baseline than the
tolerance, or than chance explains for so few rows. Keys have no such slack: one repeated primary key fails,
and so does one orphan where the real data has none or `orphans="drop"` was asked for.

    >>> findings = score(metadata, real, twins, seed=0)  # doctest: +SKIP
    >>> [f.reason for f in findings if not f.passed]  # doctest: +SKIP
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from synthohive_py.errors import DataError
from synthohive_py.findings import Finding
from synthohive_py.frames import to_arrow
from synthohive_py.quality.baseline import chance, real_vs_real
from synthohive_py.quality.keys import LinkCheck, check_key, check_link
from synthohive_py.quality.metrics import CARDINALITY, MISSING, Metric, choose_metric, has_nulls
from synthohive_py.rng import Seed

if TYPE_CHECKING:
    import pandas as pd

    from synthohive_py.rules import TableRules
    from synthohive_py.schema import ForeignKey, Metadata, TableConfig

__all__ = ["TableSummary", "score", "summarise"]

KEY_METRICS = frozenset({"KeyUniqueness", "ReferentialIntegrity"})
SHAPE_METRICS = frozenset(
    {"CardinalityShapeSimilarity", "KSComplement", "StringLengthKSComplement", "TVComplement"}
)
ROUNDING = 1e-9  # scores are sums of shares; a threshold must not fail on their last bits
DEVIATIONS = 3  # rates and row counts may be so many standard deviations off
MAX_ROW_SLACK = 0.5  # however much chance explains, half the rows must be there


@dataclass(frozen=True)
class TableSummary:
    """The findings of one table in a few numbers.

    Attributes:
        table: The table.
        key_checks: How many checks of its keys were made.
        key_failures: How many of them failed.
        quality: The mean score of its shapes; None if it has no column but keys.
        baseline: The mean baseline of the same shapes.
        failures: How many findings of any kind failed.
    """

    table: str
    key_checks: int
    key_failures: int
    quality: float | None
    baseline: float | None
    failures: int


@dataclass(frozen=True)
class _Tolerances:
    shape: float
    nulls: float
    rows: float
    orphans: float


@dataclass(frozen=True)
class _Pair:
    """One table, real and synthetic, with what is declared of it."""

    config: TableConfig
    real: pa.Table
    twin: pa.Table
    tolerances: _Tolerances
    seed: Seed

    def finding(
        self, column: str | None, metric: str, score: float, *, baseline: float, threshold: float, reason: str
    ) -> Finding:
        threshold = max(threshold, 0.0)
        passed = score >= threshold - ROUNDING
        return Finding(self.config.name, column, metric, score, baseline, threshold, passed, reason)


@dataclass(frozen=True)
class _Link:
    """One foreign key, counted on both sides, or the reason why it can't be."""

    key: ForeignKey
    absent: str | None
    real: LinkCheck
    twin: LinkCheck

    @property
    def label(self) -> str:
        return f"{', '.join(self.key.columns)} -> {self.key.parent}"


def score(
    metadata: Metadata,
    real: Mapping[str, pa.Table | pd.DataFrame],
    synthetic: Mapping[str, pa.Table | pd.DataFrame],
    *,
    seed: Seed | int,
    tolerance: float = 0.1,
    null_tolerance: float = 0.02,
    row_tolerance: float = 0.05,
    orphan_tolerance: float = 0.02,
    scale: float = 1.0,
    rules: Mapping[str, TableRules] | None = None,
) -> list[Finding]:
    """Judge every table of a twin.

    Args:
        metadata: The declared tables and keys; skipped tables are not judged.
        real: The real tables by name.
        synthetic: The tables of the twin by name, as `sample` returned them.
        seed: A seed, or the stream that the halves of the baselines are drawn from.
        tolerance: How far a shape may be below its baseline.
        null_tolerance: How far the null rate of a column may be from the real one.
        row_tolerance: How far the number of rows may be from the real one, as a share of it.
        orphan_tolerance: How many more orphans than the real data a key with `orphans="keep"` may have, as
            a share of its rows.
        scale: The size asked of the twin, relative to the real data.
        rules: Per table, rules that hold in every real row; see `FittedSchema.rules`.

    Raises:
        DataError: A declared table has no real data, or the data are no tables.
    """
    stream = Seed(seed) if isinstance(seed, int) else seed
    originals = {name: to_arrow(table, name) for name, table in real.items()}
    twins = {name: to_arrow(table, name) for name, table in synthetic.items()}
    tolerances = _Tolerances(tolerance, null_tolerance, row_tolerance, orphan_tolerance)
    findings: list[Finding] = []
    for name, config in metadata.modelled.items():
        if name not in originals:
            received = f"data for {sorted(originals)}"
            raise DataError("has no real data to compare with", table=name, received=received)
        twin = twins.get(name, originals[name].schema.empty_table())
        pair = _Pair(config, originals[name], twin, tolerances, stream.child("quality", name))
        links = [_count_link(pair, key, originals, twins) for key in config.foreign_keys]
        findings.append(_judge_structure(pair, is_missing=name not in twins))
        findings.append(_judge_rows(pair, links, scale))
        findings.extend(_judge_keys(pair))
        for link in links:
            findings.extend(_judge_link(pair, link))
        findings.extend(_judge_columns(pair))
        if rules and name in rules and name in twins:
            findings.extend(_judge_rules(pair, rules[name], twins))
    return findings


def summarise(findings: Iterable[Finding]) -> list[TableSummary]:
    """The findings table by table, in the order in which the tables come."""
    by_table: dict[str, list[Finding]] = {}
    for finding in findings:
        by_table.setdefault(finding.table, []).append(finding)
    return [_summary(table, found) for table, found in by_table.items()]


def _summary(table: str, findings: Sequence[Finding]) -> TableSummary:
    keys = [f for f in findings if f.metric in KEY_METRICS]
    shapes = [f for f in findings if f.metric in SHAPE_METRICS]
    return TableSummary(
        table=table,
        key_checks=len(keys),
        key_failures=sum(not f.passed for f in keys),
        quality=float(np.mean([f.score for f in shapes])) if shapes else None,
        baseline=float(np.mean([f.baseline for f in shapes])) if shapes else None,
        failures=sum(not f.passed for f in findings),
    )


# ---------------------------------------------------------------- the table


def _judge_structure(pair: _Pair, *, is_missing: bool) -> Finding:
    """The columns of the twin are those of the real table, in name, type and order."""
    real, twin = pair.real.schema, pair.twin.schema
    if is_missing:
        share, reason = 0.0, "the twin is missing"
    elif real.equals(twin):
        share, reason = 1.0, "the same columns, types and order"
    else:
        lacking = [n for n in real.names if n not in twin.names]
        surplus = [n for n in twin.names if n not in real.names]
        other = [n for n in real.names if n in twin.names and real.field(n).type != twin.field(n).type]
        wrong = {"lacks": lacking, "has in addition": surplus, "has other types in": other}
        parts = [f"{what} {', '.join(names)}" for what, names in wrong.items() if names]
        reason = f"the twin {'; '.join(parts) or 'has its columns in another order'}"
        alike = len(real.names) - len(lacking) - len(other)
        # Another order alone is no difference of columns, but must not pass either.
        share = min(alike / max(len({*real.names, *twin.names}), 1), 1 - 1 / (len(real.names) + 1))
    return pair.finding(None, "TableStructure", share, baseline=1.0, threshold=1.0, reason=reason)


def _judge_rows(pair: _Pair, links: Sequence[_Link], scale: float) -> Finding:
    """The twin has about as many rows as were asked for."""
    rows = pair.twin.num_rows
    expected = pair.real.num_rows if pair.config.mode == "reference" else round(pair.real.num_rows * scale)
    share = min(rows, expected) / max(rows, expected, 1) if rows != expected else 1.0
    slack = max(pair.tolerances.rows, _chance_of_rows(links))
    reason = f"{rows} rows, {expected} expected, give or take {slack:.1%}"
    return pair.finding(None, "RowCountSimilarity", share, baseline=1.0, threshold=1 - slack, reason=reason)


def _chance_of_rows(links: Sequence[_Link]) -> float:
    """How far the number of rows may be off, given that every parent draws its own number of rows."""
    spreads = []
    for link in links:
        counts = link.real.counts
        if counts.any():
            spreads.append(float(counts.std() / counts.mean()) / math.sqrt(len(counts)))
    # Rows follow one of the parents, and no one says which: the strictest counts.
    return min(DEVIATIONS * min(spreads, default=0.0), MAX_ROW_SLACK)


# ---------------------------------------------------------------- keys


def _judge_keys(pair: _Pair) -> Iterator[Finding]:
    for columns in pair.config.unique_sets:
        label = ", ".join(columns)
        absent = _absent(pair.twin, columns)
        if absent:
            yield pair.finding(label, "KeyUniqueness", 0.0, baseline=1.0, threshold=1.0, reason=absent)
            continue
        primary = columns == pair.config.pk
        real, _ = _key_score(pair.real, columns, primary=primary)
        share, reason = _key_score(pair.twin, columns, primary=primary)
        yield pair.finding(label, "KeyUniqueness", share, baseline=real, threshold=1.0, reason=reason)


def _key_score(table: pa.Table, columns: Sequence[str], *, primary: bool) -> tuple[float, str]:
    """The share of rows whose key is one; nulls count only against a primary key."""
    check = check_key(table, columns)
    rows = check.rows if primary else check.rows - check.incomplete
    wrong = check.repeated + (check.incomplete if primary else 0)
    parts = []
    if check.repeated:
        parts.append(f"{check.repeated} of {check.rows} rows repeat an earlier key")
    if primary and check.incomplete:
        parts.append(f"{check.incomplete} of {check.rows} rows have a null in the key")
    return 1 - wrong / rows if rows else 1.0, ", ".join(parts) or "every key is complete and unique"


def _count_link(
    pair: _Pair, key: ForeignKey, real: Mapping[str, pa.Table], synthetic: Mapping[str, pa.Table]
) -> _Link:
    parent = synthetic.get(key.parent, real[key.parent].schema.empty_table())
    ours = check_link(pair.real, key.columns, real[key.parent], key.parent_columns)
    absent = _absent(pair.twin, key.columns) or _absent(parent, key.parent_columns)
    if absent:
        return _Link(key, absent, ours, LinkCheck(0, 0, np.zeros(0, dtype=np.int64)))
    return _Link(key, None, ours, check_link(pair.twin, key.columns, parent, key.parent_columns))


def _judge_link(pair: _Pair, link: _Link) -> Iterator[Finding]:
    real, twin = link.real, link.twin
    kept = real.orphan_share > 0 and link.key.orphans == "keep"
    allowed = real.orphan_share + pair.tolerances.orphans if kept else 0.0
    if link.absent:
        reason = link.absent
    elif not twin.orphans:
        reason = f"every key is one of {link.key.parent}"
    else:
        reason = (
            f"{twin.orphans} of {twin.rows} rows refer to no row of {link.key.parent}; "
            f"{real.orphan_share:.1%} do in the real data, {allowed:.1%} are allowed"
        )
    yield pair.finding(
        link.label,
        "ReferentialIntegrity",
        0.0 if link.absent else 1 - twin.orphan_share,
        baseline=1 - real.orphan_share,
        threshold=1 - allowed,
        reason=reason,
    )
    if not link.absent:
        counts = pa.chunked_array([real.counts]), pa.chunked_array([twin.counts])
        yield _judge_shape(pair, link.label, CARDINALITY, *counts)


def _absent(table: pa.Table, columns: Sequence[str]) -> str | None:
    lacking = [column for column in columns if column not in table.column_names]
    return f"the twin lacks {', '.join(lacking)}" if lacking else None


# ---------------------------------------------------------------- columns


def _judge_columns(pair: _Pair) -> Iterator[Finding]:
    """The null rate of every column that may hold nulls, and the shape of every column that is no key."""
    config = pair.config
    keys = {column for key in config.foreign_keys for column in key.columns}
    # Part of a composite key still carries meaning (a day, a line number); a key of its own does not.
    keys.update(columns[0] for columns in config.unique_sets if len(columns) == 1)
    for name in pair.real.column_names:
        if name not in pair.twin.column_names:
            continue  # the structure has failed already
        real, twin = pair.real.column(name), pair.twin.column(name)
        if name not in config.pk and (has_nulls(real) or has_nulls(twin)):
            yield _judge_shape(pair, name, MISSING, real, twin)
        metric = None if name in keys else choose_metric(real, closed=name in config.accepted_values)
        if metric is not None:
            yield _judge_shape(pair, name, metric, real, twin)


def _judge_rules(pair: _Pair, known: TableRules, synthetic: Mapping[str, pa.Table]) -> Iterator[Finding]:
    """Each rule must hold in every row, as it does in the real data."""
    above = [known.driver.parent] if known.driver else []
    if any(name not in synthetic for name in above):
        return  # the keys have failed already
    relatives = known.relatives(pair.twin, synthetic)
    for rule in known.rules:
        if _absent(pair.twin, rule.columns):
            continue  # the structure has failed already
        rows = pair.twin.num_rows
        broken = int(rule.broken(pair.twin, relatives).sum())
        yield pair.finding(
            str(rule),
            "RuleAdherence",
            1 - broken / max(rows, 1),
            baseline=1.0,
            threshold=1.0,
            reason=f"{broken} of {rows} rows break it" if broken else "holds in every row",
        )


def _judge_shape(
    pair: _Pair, label: str, metric: Metric, real: pa.ChunkedArray, twin: pa.ChunkedArray
) -> Finding:
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


def _slack(tolerances: _Tolerances, metric: Metric, real: np.ndarray, twin: np.ndarray) -> float:
    """The tolerance, or what chance alone does to so few values if that is more."""
    if metric is MISSING:
        rate = float(real.mean()) if len(real) else 0.0
        spread = DEVIATIONS * math.sqrt(rate * (1 - rate))
        return max(tolerances.nulls, chance(len(real), len(twin), deviation=spread))
    # A twin without any value is judged as if it had as many as the real column.
    return max(tolerances.shape, chance(len(real), len(twin) or len(real)))
