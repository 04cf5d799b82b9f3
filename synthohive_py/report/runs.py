"""The section on the user's own dbt project: its tests and its marts, on the real data and on the twins."""

from __future__ import annotations

from html import escape

from synthohive_py.comparison import FIGURES, LEGEND, MartComparison, RunComparison
from synthohive_py.report.parts import badge, details, findings_table, scrolling, state

__all__ = ["runs_section"]


def runs_section(compared: RunComparison | None) -> str:
    """Which tests keep their verdict, and how alike the marts are; empty if no runs were compared."""
    if compared is None:
        return ""
    return (
        f'<section id="project" tabindex="-1"><h2>Your dbt project {escape(compared.project)}</h2>'
        f'<p class="verdict {state(not compared.broken)}">{escape(_sentence(compared))}</p>'
        f"{_changed(compared)}{_marts(compared)}</section>"
    )


def _sentence(compared: RunComparison) -> str:
    return f"{compared.summary[:1].upper()}{compared.summary[1:]}."


def _changed(compared: RunComparison) -> str:
    if not compared.changed:
        return ""
    rows = "".join(
        f'<tr><th scope="row">{escape(verdict.test)}</th>'
        f'<td data-label="on the real data">{escape(verdict.real)}</td>'
        f'<td data-label="on the twins">{escape(verdict.twin)}</td></tr>'
        for verdict in compared.changed
    )
    return scrolling(
        '<table class="stack"><thead><tr><th scope="col">test</th><th scope="col">on the real data</th>'
        f'<th scope="col">on the twins</th></tr></thead><tbody>{rows}</tbody></table>',
        "Tests with another verdict",
    )


def _marts(compared: RunComparison) -> str:
    if not compared.marts:
        return ""
    head = "".join(f'<th scope="col" class="number">{escape(name)}</th>' for name in FIGURES)
    legend = "".join(f"<li><b>{escape(name)}</b>: {escape(what)}</li>" for name, what in LEGEND.items())
    table = scrolling(
        f'<table class="stack"><thead><tr><th scope="col">mart</th>{head}</tr></thead>'
        f"<tbody>{''.join(map(_row, compared.marts))}</tbody></table>",
        "Marts",
    )
    why = "".join(map(_why, compared.marts))
    return f'<h3>Marts</h3>{table}<ul class="soft small">{legend}</ul>{why}'


def _row(mart: MartComparison) -> str:
    name = f'<th scope="row">{escape(mart.name)}</th>'
    if mart.problem:
        return f'<tr>{name}<td colspan="{len(FIGURES)}">not compared: {escape(mart.problem)}</td></tr>'
    cells = "".join(
        f'<td class="number" data-label="{escape(label)}">{figure}</td>'
        for label, figure in zip(FIGURES[:-1], mart.figures, strict=False)
    )
    failed = f'<span class="badge {state(not mart.failures)}">{mart.failures}</span>'
    return f'<tr>{name}{cells}<td class="number" data-label="{FIGURES[-1]}">{failed}</td></tr>'


def _why(mart: MartComparison) -> str:
    """What of a mart is not good enough."""
    if not mart.failures:
        return ""
    failing = [finding for finding in mart.findings if not finding.passed]
    means = "".join(
        f"<li>{escape(mean.column)}: the mean is {abs(mean.gap):.2f} standard deviations off; two halves of "
        f"the real mart differ by {mean.baseline:.2f}</li>"
        for mean in mart.means
        if not mean.passed
    )
    return details(
        mart.name,
        badge(passed=False),
        (findings_table(failing) if failing else "") + (f"<ul>{means}</ul>" if means else ""),
        is_open=False,
        kind=' class="more"',
    )
