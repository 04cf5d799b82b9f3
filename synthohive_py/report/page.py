"""The report as one page: no script, no font, no picture from elsewhere; everything in it is escaped."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from html import escape
from importlib import resources

from synthohive_py.comparison import RunComparison
from synthohive_py.findings import Finding
from synthohive_py.report.charts import curves, heat_map, overlay
from synthohive_py.report.contents import ColumnPart, LinkPart, TablePart
from synthohive_py.report.histograms import Histogram
from synthohive_py.report.parts import (
    badge,
    counted,
    decimal,
    details,
    findings_table,
    reasons,
    scrolling,
    state,
)
from synthohive_py.report.runs import runs_section

__all__ = ["page"]

MOST_REASONS = 40  # of failures that stand at the top; the others stand in their tables
OPEN_COLUMNS = 12  # a table of more columns shows them when they are asked for
LEGEND = (
    '<p class="key"><span><i class="real"></i>real rows</span><span><i class="twin"></i>twin</span>'
    '<span><i class="hidden"></i>fewer than {k} real rows, not shown</span></p>'
)


def page(
    tables: Sequence[TablePart],
    *,
    detection: bool,
    threshold: int,
    protection: str | None = None,
    compared: RunComparison | None = None,
) -> str:
    """The whole page.

    Args:
        tables: What it says.
        detection: Whether a classifier was asked.
        threshold: What fewer real rows hold is not shown.
        protection: What was done for privacy, in lines; None if nobody knows.
        compared: What the user's own project says of the twin.
    """
    style = resources.files("synthohive_py.report").joinpath("page.css").read_text(encoding="utf-8")
    links = "".join(f'<li><a href="#t{i}">{escape(t.name)}</a></li>' for i, t in enumerate(tables))
    project = "" if compared is None else '<li><a href="#project">dbt project</a></li>'
    sections = "".join(_table(i, table, threshold) for i, table in enumerate(tables))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; style-src '
        "'unsafe-inline'\">"
        f"<title>SynthoHive: how good the twin is</title><style>{style}</style></head><body>"
        '<a class="skip" href="#overview">To the overview</a>'
        f"{_head(tables)}"
        f'<nav aria-label="Tables"><ul><li><a href="#overview">Overview</a></li>{project}{links}</ul></nav>'
        f"<main>{_overview(tables, detection=detection, threshold=threshold, protection=protection)}"
        f"{runs_section(compared)}{sections}</main>"
        f"<footer>No row of the real data is in this page, and nothing that fewer than {threshold} of them "
        "hold. Baselines are what two halves of the real data reach against each other.</footer></body>"
        "</html>\n"
    )


# ---------------------------------------------------------------- overview


def _head(tables: Sequence[TablePart]) -> str:
    rows = [sum(t.rows[side] for t in tables) for side in (0, 1)]
    return (
        "<header><h1>How good the twin is</h1>"
        f'<p class="soft">{counted(len(tables), "table")}, {rows[0]:,} real rows, {rows[1]:,} synthetic '
        "rows</p></header>"
    )


def _overview(tables: Sequence[TablePart], *, detection: bool, threshold: int, protection: str | None) -> str:
    findings = [f for table in tables for f in table.findings]
    failed = [f for f in findings if not f.passed]
    if failed:
        where = len({f.table for f in failed})
        verdict = (
            f"<b>Not good enough.</b> {len(failed)} of {len(findings)} checks failed, "
            f"in {counted(where, 'table')}."
        )
    else:
        verdict = f"<b>Good.</b> All {len(findings)} checks passed."
    why = ""
    if failed:
        shown = findings_table(failed[:MOST_REASONS], tables=tables)
        rest = len(failed) - MOST_REASONS
        more = f'<p class="soft">{rest} more stand in their tables below.</p>' if rest > 0 else ""
        why = f"<h3>Why</h3>{shown}{more}"
    missing = (
        ""
        if detection
        else '<p class="soft small">No classifier was asked to tell the twin from the real rows: '
        "<code>pip install 'synthohive-py[quality]'</code>.</p>"
    )
    return (
        f'<section id="overview" tabindex="-1"><p class="verdict {state(not failed)}">{verdict}</p>'
        f"<h3>Tables</h3>{_summary(tables)}{missing}{why}"
        f"{_protection(protection)}{_reading(threshold)}</section>"
    )


def _summary(tables: Sequence[TablePart]) -> str:
    names = ("real rows", "twin's rows", "quality", "baseline", "classifier", "checks", "failed")
    head = "".join(f'<th scope="col" class="number">{name}</th>' for name in names)
    body = []
    for i, table in enumerate(tables):
        found = list(table.findings)
        failures = sum(not f.passed for f in found)
        figures = (
            f"{table.rows[0]:,}",
            f"{table.rows[1]:,}",
            decimal(table.quality),
            decimal(table.baseline),
            decimal(table.detection),
            str(len(found)),
            f'<span class="badge {state(not failures)}">{failures}</span>',
        )
        cells = "".join(
            f'<td class="number" data-label="{name}">{figure}</td>'
            for name, figure in zip(names, figures, strict=True)
        )
        body.append(f'<tr><th scope="row"><a href="#t{i}">{escape(table.name)}</a></th>{cells}</tr>')
    return scrolling(
        f'<table class="stack"><thead><tr><th scope="col">table</th>{head}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table>",
        "Tables",
    )


def _protection(lines: str | None) -> str:
    if lines is None:
        return ""
    paragraphs = "".join(
        f"<p>{escape(block[0])}</p>"
        + (
            "<ul>" + "".join(f"<li>{escape(item.strip())}</li>" for item in block[1:]) + "</ul>"
            if block[1:]
            else ""
        )
        for block in (part.split("\n  ") for part in re.split(r"\n(?! )", lines))
    )
    return details("What was done for privacy", "", paragraphs, is_open=False, kind=' class="more"')


def _reading(threshold: int) -> str:
    return (
        '<details class="more"><summary><span class="name">How to read this</span></summary><div '
        'class="inside">'
        "<p>Every score lies between 0 and 1; 1 is best. A score alone says little, so each stands beside "
        "its "
        "<b>baseline</b>: what two random halves of the real rows reach against each other. A check "
        "passes if "
        "the score is near enough to the baseline; its threshold allows what chance explains.</p>"
        "<p><b>quality</b> is the mean of the scores of all columns and foreign keys. <b>classifier</b> "
        "is the "
        "AUC of a classifier that tells twin from real rows: .5 is chance, 1 is never wrong. The metrics "
        "have "
        "the names and definitions of SDMetrics, where it has them.</p>"
        f"<p>Bars that fewer than {threshold} real rows would fill are not shown, nor are names of "
        "categories "
        "that so few rows hold. The outermost bars of numbers are open: they hold all that lies beyond.</p>"
        "</div></details>"
    )


# ---------------------------------------------------------------- tables


def _table(number: int, table: TablePart, threshold: int) -> str:
    failures = sum(not f.passed for f in table.findings)
    facts = [
        (f"{table.rows[0]:,}", "real rows"),
        (f"{table.rows[1]:,}", "rows of the twin"),
        (decimal(table.quality), f"quality; baseline {decimal(table.baseline)}"),
        (decimal(table.detection), "AUC of a classifier; .5 is chance"),
        (str(failures), "checks failed"),
    ]
    boxes = "".join(f'<div class="fact"><b>{figure}</b><span>{name}</span></div>' for figure, name in facts)
    copied = '<p class="soft">A reference table: the twin is a copy.</p>' if table.mode == "reference" else ""
    return (
        f'<section id="t{number}" tabindex="-1"><h2>{escape(table.name)}</h2>{copied}'
        f'<div class="facts">{boxes}</div>'
        f"{_columns(table, threshold)}{_relations(table)}{_links(table, threshold)}"
        f"{_block('The table as a whole', table.whole)}{_block('Rules', table.rules)}"
        f"{_block('Privacy', table.privacy)}{_training(table)}</section>"
    )


def _columns(table: TablePart, threshold: int) -> str:
    if not table.columns:
        return ""
    failing = [c for c in table.columns if not c.passed]
    others = [c for c in table.columns if c.passed]
    is_open = len(table.columns) <= OPEN_COLUMNS
    shown = "".join(_column(c, is_open=True) for c in failing[:OPEN_COLUMNS])
    shown += "".join(_column(c, is_open=False) for c in failing[OPEN_COLUMNS:])
    shown += "".join(_column(c, is_open=is_open) for c in others)
    order = " Those that failed come first." if failing and others else ""
    return (
        f'<h3>Columns</h3><p class="soft small">{counted(len(table.columns), "column")}.{order}</p>'
        f'{LEGEND.format(k=threshold)}<div class="cards">{shown}</div>'
    )


def _column(column: ColumnPart, *, is_open: bool) -> str:
    shape = next((f for f in column.findings if f.metric != "MissingValueSimilarity"), None)
    figure = "" if shape is None else f'<span class="figure">{shape.score:.3f}</span>'
    nulls = ""
    if column.nulls:
        nulls = f'<p class="soft small">null: {column.nulls[0]:.1%} real, {column.nulls[1]:.1%} twin</p>'
    return details(
        column.name,
        figure + (badge(passed=column.passed) if column.findings else ""),
        f'<p class="soft small">{escape(column.type)}{_axis(column.histogram)}</p>'
        f"{_chart(column.histogram, column.name)}{nulls}{reasons(column.findings)}",
        is_open=is_open,
    )


def _axis(chart: Histogram | None) -> str:
    return f", by {escape(chart.axis)}" if chart is not None and chart.axis else ""


def _chart(chart: Histogram | None, name: str) -> str:
    if chart is None:
        return '<p class="soft small">No picture: a key, too few rows, or a type without a shape.</p>'
    return overlay(chart, f"{name}: shares of real rows and of the twin")


def _relations(table: TablePart) -> str:
    if table.relations is None:
        return ""
    found = table.relations
    rest = f" {found.left_out} columns with weaker relations are left out." if found.left_out else ""
    return (
        "<h3>How columns go together</h3>"
        '<p class="soft small">Below the diagonal the real rows, above it the twin: the picture of a good '
        "twin "
        f"is symmetric. Correlations of numbers; Cramér's V where one is a category.{rest}</p>"
        '<p class="key"><span><i class="positive"></i>with each other</span>'
        '<span><i class="negative"></i>against each other</span></p>'
        + scrolling(heat_map(found.columns, found.real, found.twin), "Relations of columns")
    )


def _links(table: TablePart, threshold: int) -> str:
    if not table.links:
        return ""
    cards = "".join(_link(link) for link in table.links)
    return (
        '<h3>Foreign keys</h3><p class="soft small">How many rows each parent has.</p>'
        f'{LEGEND.format(k=threshold)}<div class="cards">{cards}</div>'
    )


def _link(link: LinkPart) -> str:
    passed = all(f.passed for f in link.findings)
    return details(
        link.label,
        badge(passed=passed),
        f"{_chart(link.children, link.label)}{reasons(link.findings)}",
        is_open=True,
    )


def _block(title: str, findings: Sequence[Finding]) -> str:
    if not findings:
        return ""
    failed = sum(not f.passed for f in findings)
    count = counted(len(findings), "check") + (f", {failed} failed" if failed else "")
    return details(
        title,
        f'<span class="figure">{count}</span>{badge(passed=not failed)}',
        findings_table(sorted(findings, key=lambda f: f.passed)),
        is_open=bool(failed),
        kind=' class="more"',
    )


def _training(table: TablePart) -> str:
    history = [
        (epoch["training_loss"], epoch["validation_loss"])
        for epoch in table.training.get("history", [])
        if math.isfinite(epoch["training_loss"])
    ]
    if not history:
        return ""
    lines = [("training", [loss for loss, _ in history])]
    if all(held is not None and math.isfinite(held) for _, held in history):
        lines.append(("validation", [held for _, held in history]))
    names = {"training": "real", "validation": "twin"}
    words = {"training": "loss of the rows that were learned", "validation": "loss of held-out rows"}
    key = "".join(f'<span><i class="{names[kind]}"></i>{words[kind]}</span>' for kind, _ in lines)
    facts = f"{table.training['epochs']} epochs in {table.training['seconds']:.0f} s, ended by: "
    return details(
        "Training",
        f'<span class="figure">{len(history)} epochs</span>',
        f'<p class="soft small">{facts}{escape(str(table.training["stopped_by"]))}</p>'
        f'<p class="key">{key}</p>{curves(lines, "Losses of the training, epoch by epoch")}',
        is_open=False,
        kind=' class="more"',
    )
