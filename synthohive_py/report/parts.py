"""What several sections of the page are made of: blocks that fold, tables, badges. All texts are escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from synthohive_py.findings import Finding
from synthohive_py.report.contents import TablePart

__all__ = [
    "badge",
    "counted",
    "decimal",
    "details",
    "findings_table",
    "reasons",
    "scrolling",
    "state",
]


def details(title: str, figures: str, body: str, *, is_open: bool, kind: str = "") -> str:
    """A block that folds, with figures beside its title."""
    return (
        f'<details{kind}{" open" if is_open else ""}><summary><span class="name">{escape(title)}</span>'
        f"{figures}"
        f'</summary><div class="inside">{body}</div></details>'
    )


def findings_table(findings: Sequence[Finding], tables: Sequence[TablePart] = ()) -> str:
    """A row a finding; with the tables, each names its own."""
    place = {table.name: i for i, table in enumerate(tables)}
    body = []
    for f in findings:
        name = f.column or "the whole table"
        if tables:
            where = f'<a href="#t{place[f.table]}">{escape(f.table)}</a> '
            name = f"{where}{escape(f.column)}" if f.column else where
        else:
            name = escape(name)
        body.append(
            f'<tr><th scope="row">{name}</th><td class="metric" data-label="metric">{escape(f.metric)}</td>'
            f'<td class="number" data-label="score">{f.score:.3f}</td>'
            f'<td class="number" data-label="baseline">{f.baseline:.3f}</td>'
            f'<td class="number" data-label="threshold">{f.threshold:.3f}</td>'
            f'<td data-label="verdict">{badge(passed=f.passed)}</td><td class="reason">'
            f"{escape(f.reason)}</td></tr>"
        )
    names = ("score", "baseline", "threshold")
    numbers = "".join(f'<th scope="col" class="number">{name}</th>' for name in names)
    return scrolling(
        '<table class="stack"><thead><tr><th scope="col">of</th><th scope="col">metric</th>'
        f'{numbers}<th scope="col">verdict</th><th scope="col">reason</th></tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table>",
        "Checks",
    )


def reasons(findings: Iterable[Finding]) -> str:
    """Why each finding has its score."""
    items = "".join(
        f"<li>{'' if f.passed else '<b>failed</b> '}{escape(f.metric)} {f.score:.3f}: {escape(f.reason)}</li>"
        for f in findings
    )
    return f"<ul>{items}</ul>" if items else ""


def scrolling(body: str, name: str) -> str:
    """What may be wider than the page; the keyboard reaches it, too."""
    return f'<div class="scroll" tabindex="0" role="region" aria-label="{name}">{body}</div>'


def badge(*, passed: bool) -> str:
    """The word and the colour of a verdict."""
    return f'<span class="badge {state(passed)}">{state(passed)}</span>'


def state(passed: bool) -> str:  # noqa: FBT001
    """A verdict as the style sheet calls it."""
    return "passed" if passed else "failed"


def counted(number: int, noun: str) -> str:
    """A number of things."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def decimal(number: float | None) -> str:
    """A score."""
    return "-" if number is None else f"{number:.3f}"
