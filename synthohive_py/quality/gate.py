"""Pass or fail: every score of a twin beside its baseline, its threshold and a reason.

A shape (KSComplement and the like) passes when it is no further below its real-vs-real baseline than the
tolerance, or than chance explains for so few rows. Keys have no such slack.

    >>> findings = score(metadata, real, twins, seed=0)  # doctest: +SKIP
    >>> [f.reason for f in findings if not f.passed]  # doctest: +SKIP
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from synthohive_py.errors import DataError
from synthohive_py.findings import Finding
from synthohive_py.frames import to_arrow
from synthohive_py.quality.adherence import judge_rules
from synthohive_py.quality.baseline import clustering
from synthohive_py.quality.copies import new_row_share, unique_rows
from synthohive_py.quality.detection import (
    check_available,
    detection_auc,
    detection_score,
    real_detection_auc,
)
from synthohive_py.quality.families import Families
from synthohive_py.quality.integrity import LinkCounts, count_link, judge_keys, judge_link
from synthohive_py.quality.judged import DEVIATIONS, Judged, Tables, Tolerances
from synthohive_py.quality.metrics import TEXT_LENGTH
from synthohive_py.quality.shapes import judge_columns
from synthohive_py.quality.trends import ROWS, Trends, judge_trends, trends_of
from synthohive_py.quality.views import View, alone, with_children, with_parent
from synthohive_py.rng import Seed
from synthohive_py.uuids import with_key_texts

if TYPE_CHECKING:
    import pandas as pd

    from synthohive_py.rules import TableRules
    from synthohive_py.schema import Metadata

__all__ = ["Judgement", "TableSummary", "judge", "score", "summarise"]

KEY_METRICS = frozenset({"KeyUniqueness", "ReferentialIntegrity"})
SHAPE_METRICS = frozenset(
    {"CardinalityShapeSimilarity", "KSComplement", "StringLengthKSComplement", "TVComplement"}
)
FEW_ROWS = 20  # of fewer, copies say nothing
MAX_ROW_SLACK = 0.5  # however much chance explains, half the rows must be there


@dataclass(frozen=True)
class Judgement:
    """All findings, and what they were made from.

    Attributes:
        findings: In the order of the tables.
        tables: Per table both sides.
        links: Per table its foreign keys, counted.
        trends: Per table the pairs of its columns, and of these with each parent's, where there are any.
    """

    findings: list[Finding]
    tables: dict[str, Judged]
    links: dict[str, list[LinkCounts]]
    trends: dict[str, list[Trends]]


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


def score(
    metadata: Metadata,
    real: Mapping[str, pa.Table | pd.DataFrame],
    synthetic: Mapping[str, pa.Table | pd.DataFrame],
    *,
    seed: Seed | int,
    tolerance: float = Tolerances.shape,
    null_tolerance: float = Tolerances.nulls,
    row_tolerance: float = Tolerances.rows,
    orphan_tolerance: float = Tolerances.orphans,
    information_tolerance: float = Tolerances.information,
    copy_tolerance: float = Tolerances.copies,
    scale: float | None = 1.0,
    rules: Mapping[str, TableRules] | None = None,
    detection: bool = False,
) -> list[Finding]:
    """Judge every table of a twin.

    Args:
        metadata: The declared tables and keys; skipped tables are not judged.
        real: The real tables by name.
        synthetic: The tables of the twin by name, as `sample` returned them.
        seed: A seed, or the stream that the halves of the baselines are drawn from.
        tolerance: How far a shape, or a pair of columns, may be below its baseline.
        null_tolerance: How far the null rate of a column may be from the real one.
        row_tolerance: How far the number of rows may be from the real one, as a share of it.
        orphan_tolerance: How many more orphans than the real data a key with `orphans="keep"` may have, as
            a share of its rows.
        information_tolerance: How much of the mutual information of the real columns the twin may lack.
        copy_tolerance: How many more rows may be copies of real rows than real rows repeat each other.
        scale: The size asked of the twin, relative to the real data; None if its size is not judged.
        rules: Per table, rules that hold in every real row; see `FittedSchema.rules`.
        detection: Whether a classifier is to tell the twin from the real rows; takes about a second a table.

    Raises:
        DataError: A declared table has no real data, or the data are no tables.
        SettingError: `detection` is asked for without scikit-learn.
    """
    tolerances = Tolerances(
        tolerance, null_tolerance, row_tolerance, orphan_tolerance, information_tolerance, copy_tolerance
    )
    return judge(
        metadata,
        real,
        synthetic,
        seed=seed,
        tolerances=tolerances,
        scale=scale,
        rules=rules,
        detection=detection,
    ).findings


def judge(
    metadata: Metadata,
    real: Mapping[str, pa.Table | pd.DataFrame],
    synthetic: Mapping[str, pa.Table | pd.DataFrame],
    *,
    seed: Seed | int,
    tolerances: Tolerances | None = None,
    scale: float | None = 1.0,
    rules: Mapping[str, TableRules] | None = None,
    detection: bool = False,
    real_rows: Mapping[str, int] | None = None,
    replaced: Mapping[str, Collection[str]] | None = None,
) -> Judgement:
    """Judge every table of a twin, and keep what the findings were made from; see `score`.

    Args:
        metadata: See `score`, also for what is not listed here.
        tolerances: How far scores may be below their baselines.
        real_rows: Per table how many rows it has, where `real` is a sample.
        replaced: Per table the columns whose values are made up anew on purpose, which are not compared.

    Raises:
        DataError: A declared table has no real data, or the data are no tables.
        SettingError: `detection` is asked for without scikit-learn.
    """
    if detection:
        check_available()
    stream = Seed(seed) if isinstance(seed, int) else seed
    originals, twins = (
        with_key_texts(metadata, {name: to_arrow(table, name) for name, table in side.items()})
        for side in (real, synthetic)
    )
    result = Judgement([], {}, {}, {})
    for name, config in metadata.modelled.items():
        if name not in originals:
            received = f"data for {sorted(originals)}"
            raise DataError("has no real data to compare with", table=name, received=received)
        twin = twins.get(name, originals[name].schema.empty_table())
        result.tables[name] = Judged(
            config,
            originals[name],
            twin,
            tolerances or Tolerances(),
            stream.child("quality", name),
            frozenset((replaced or {}).get(name, ())),
        )
        result.links[name] = [
            count_link(result.tables[name], key, originals, twins) for key in config.foreign_keys
        ]
    families = Families(result.tables)
    for name, pair in result.tables.items():
        rows = (real_rows or {}).get(name, pair.real.num_rows)
        times = 1.0 if pair.config.mode == "reference" else scale
        expected = None if times is None or scale is None else round(rows * times)
        known = rules.get(name) if rules else None
        _judge_table(
            result, pair, (originals, twins), families, expected=expected, rules=known, detection=detection
        )
    return result


def _judge_table(
    result: Judgement,
    pair: Judged,
    sides: tuple[Tables, Tables],
    families: Families,
    *,
    expected: int | None,
    rules: TableRules | None,
    detection: bool,
) -> None:
    """Add the findings of one table; the sides are all real tables and all of the twin."""
    originals, twins = sides
    name = pair.config.name
    links = result.links[name]
    result.findings.append(_judge_structure(pair, is_missing=name not in twins))
    if expected is not None:
        result.findings.append(_judge_rows(pair, links, expected))
    result.findings.extend(judge_keys(pair))
    for link in links:
        own = families.of_real(link.key.parent) if link.key.parent in result.tables else ()
        result.findings.extend(judge_link(pair, link, own))
    result.findings.extend(judge_columns(pair, families.of_real(name)))
    if pair.config.mode != "reference":
        _judge_rows_as_wholes(result, pair, families, detection=detection)
    if rules is not None and name in twins:
        result.findings.extend(judge_rules(pair, rules, originals, twins, families))


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


def _judge_structure(pair: Judged, *, is_missing: bool) -> Finding:
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


def _judge_rows(pair: Judged, links: Sequence[LinkCounts], expected: int) -> Finding:
    """The twin has about as many rows as were asked for."""
    rows = pair.twin.num_rows
    share = min(rows, expected) / max(rows, expected, 1) if rows != expected else 1.0
    slack = max(pair.tolerances.rows, _chance_of_rows(links))
    reason = f"{rows} rows, {expected} expected, give or take {slack:.1%}"
    return pair.finding(None, "RowCountSimilarity", share, baseline=1.0, threshold=1 - slack, reason=reason)


def _chance_of_rows(links: Sequence[LinkCounts]) -> float:
    """How far the number of rows may be off, given that every parent draws its own number of rows."""
    spreads = []
    for link in links:
        counts = link.real.counts
        if counts.any():
            spreads.append(float(counts.std() / counts.mean()) / math.sqrt(len(counts)))
    # Rows follow one of the parents, and no one says which: the strictest counts.
    return min(DEVIATIONS * min(spreads, default=0.0), MAX_ROW_SLACK)


def _judge_copies(pair: Judged, families: Sequence[np.ndarray]) -> Iterator[Finding]:
    """No more rows equal a real row than real rows equal each other."""
    real, twin = pair.real.schema, pair.twin.schema
    columns = [
        c
        for c in real.names
        # A value that is made up anew is never the real one, whatever stands beside it.
        if c not in pair.keys | pair.replaced and c in twin.names and twin.field(c).type == real.field(c).type
    ]
    if min(pair.real.num_rows, pair.twin.num_rows) < FEW_ROWS:
        return
    # Texts of a twin may be made up anew, too, in part or because few rows share them.
    told = [c for c in columns if pair.metrics.get(c) is not TEXT_LENGTH]
    sets = {"keys": columns} | ({"keys and texts": told} if told != columns else {})
    found = [_new_rows(pair, some, aside, families) for aside, some in sets.items() if some]
    yield from sorted(found, key=lambda finding: finding.score - finding.threshold)[:1]


def _new_rows(pair: Judged, columns: Sequence[str], aside: str, families: Sequence[np.ndarray]) -> Finding:
    fresh = new_row_share(pair.real, pair.twin, columns)
    is_unique = unique_rows(pair.real, columns)
    unique = float(is_unique.mean())
    factor = max((clustering(is_unique.astype(np.int64), numbers) for numbers in families), default=1.0)
    slack = max(pair.tolerances.copies, pair.spread(math.sqrt(unique * (1 - unique) * factor)))
    return pair.finding(
        None,
        "NewRowSynthesis",
        fresh,
        baseline=unique,
        threshold=unique - slack,
        reason=f"{1 - fresh:.1%} of the rows equal a real row, {aside} aside; {1 - unique:.1%} of the "
        f"real rows equal another one, give or take {slack:.1%}",
    )


def _judge_rows_as_wholes(result: Judgement, pair: Judged, families: Families, *, detection: bool) -> None:
    """Pairs of columns, alone and with those of the parents; copies; and what a classifier sees."""
    name = pair.config.name
    view = alone(pair, families, ROWS)
    joins = {
        link.label: with_parent(pair, link.key, families, ROWS)
        for link in result.links[name]
        if link.absent is None and link.key.parent != name
    }
    found = [trends_of(view, None, pair.seed.child("pairs"))]
    found += [trends_of(join, label, pair.seed.child("pairs", label)) for label, join in joins.items()]
    result.trends[name] = [trends for trends in found if trends]
    for trends in result.trends[name]:
        result.findings.extend(judge_trends(pair, trends))
    result.findings.extend(_judge_copies(pair, families.of_real(name)))
    if not detection:
        return
    result.findings.extend(_judge_detection(pair, None, "C2ST", view))
    for label, join in joins.items():
        if 0 < join.own < len(join.features):
            result.findings.extend(_judge_detection(pair, label, "C2STWithParent", join))
    children = [
        (link.key, result.tables[child])
        for child, links in result.links.items()
        for link in links
        if link.key.parent == name and link.absent is None
    ]
    if children:
        joined = with_children(pair, children, families)
        result.findings.extend(_judge_detection(pair, None, "C2STWithChildren", joined))


def _judge_detection(pair: Judged, label: str | None, metric: str, view: View) -> Iterator[Finding]:
    seed = pair.seed.child(metric, label or "")
    twin, real = detection_auc(view, seed.child("twin")), real_detection_auc(view, seed.child("real"))
    if twin is not None:
        yield pair.near_baseline(
            label,
            metric,
            detection_score(twin),
            baseline=1.0 if real is None else detection_score(real),
            tolerance=pair.tolerances.detection,
            reason=f"a classifier tells the twin's rows from real ones with an AUC of {twin:.3f}",
        )
