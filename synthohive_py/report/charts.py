"""Charts as inline SVG: real and twin over each other, heat maps of pairs, curves of a training.

Colours are classes, so that the page's style decides: light, dark or print. Real rows are filled bars, the
twin a line or a narrower bar, so that nothing depends on colour alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from synthohive_py.report.histograms import Histogram

__all__ = ["curves", "heat_map", "overlay"]

WIDTH, HEIGHT = 320, 120
ROW = 26  # of a category
LABEL = 14  # characters of a label beside a bar
CELL, NAMES = 14, 118  # of a heat map, and what its labels take
LARGEST = 1.25  # times its own units a picture may grow
FAINT = 0.04  # a weaker relation is left blank


def overlay(chart: Histogram, title: str) -> str:
    """A histogram of both sides."""
    return _bars(chart, title) if chart.kind == "numbers" else _rows(chart, title)


def _svg(width: float, height: float, title: str, body: str, kind: str) -> str:
    # Letters are as large as the page's own where there is room, however many cells there are.
    return (
        f'<svg class="{kind}" viewBox="0 0 {width:g} {height:g}" style="max-width:{width * LARGEST:g}px" '
        f'role="img" aria-label="{escape(title)}">'
        f"{body}</svg>"
    )


def _bars(chart: Histogram, title: str) -> str:
    count = len(chart.twin)
    top = max([*(share or 0 for share in chart.real), *chart.twin, 1e-9])
    step = WIDTH / count
    parts = []
    for i, share in enumerate(chart.real):
        if share is None:
            parts.append(
                f'<rect class="hidden" x="{i * step:.1f}" y="{HEIGHT - 4}" width="{step:.1f}" height="4"/>'
            )
        elif share:
            tall = share / top * HEIGHT
            parts.append(
                f'<rect class="real" x="{i * step:.1f}" y="{HEIGHT - tall:.1f}" width="{step:.1f}" '
                f'height="{tall:.1f}"/>'
            )
    path = "".join(
        f"{'M' if i == 0 else 'L'}{i * step:.1f} {HEIGHT - share / top * HEIGHT:.1f}H{(i + 1) * step:.1f}"
        for i, share in enumerate(chart.twin)
    )
    parts.append(f'<path class="twin" d="{path}"/><path class="axis" d="M0 {HEIGHT}H{WIDTH}"/>')
    middle = len(chart.labels) // 2
    places = {  # of equal labels the first has the place
        chart.labels[-1]: (WIDTH, "end"),
        chart.labels[middle]: (middle * step, "middle"),
        chart.labels[0]: (0, "start"),
    }
    for label, (place, anchor) in places.items():
        parts.append(f'<text x="{place:.0f}" y="{HEIGHT + 14}" text-anchor="{anchor}">{escape(label)}</text>')
    return _svg(WIDTH, HEIGHT + 20, title, "".join(parts), "chart")


def _rows(chart: Histogram, title: str) -> str:
    top = max([*(share or 0 for share in chart.real), *chart.twin, 1e-9])
    left, room = 124, WIDTH - 124 - 38
    parts = []
    for i, (label, real, twin) in enumerate(zip(chart.labels, chart.real, chart.twin, strict=True)):
        y = i * ROW
        parts.append(f'<text x="{left - 6}" y="{y + 16}" text-anchor="end">{escape(_short(label))}</text>')
        wide = (real or 0) / top * room
        mark = "hidden" if real is None else "real"
        parts.append(f'<rect class="{mark}" x="{left}" y="{y + 3}" width="{max(wide, 2):.1f}" height="11"/>')
        narrow = max(twin / top * room, 1)
        parts.append(f'<rect class="twin-bar" x="{left}" y="{y + 14}" width="{narrow:.1f}" height="6"/>')
        shown = "few" if real is None else f"{real:.1%}"
        parts.append(f'<text class="value" x="{WIDTH}" y="{y + 16}" text-anchor="end">{shown}</text>')
    return _svg(WIDTH, len(chart.labels) * ROW, title, "".join(parts), "chart")


def heat_map(names: Sequence[str], real: Sequence[Sequence[float]], twin: Sequence[Sequence[float]]) -> str:
    """Relations of columns: below the diagonal those of the real rows, above it the twin's.

    Args:
        names: The columns.
        real: [i][j], from -1 to 1: how columns i and j go together; the matrix is symmetric.
        twin: The same in the twin.
    """
    size = len(names)
    parts = []
    for i, name in enumerate(names):
        x, y = NAMES + i * CELL, 18 + i * CELL
        parts.append(
            f'<text x="{NAMES - 6}" y="{y + 11}" text-anchor="end">{escape(_short(name))} '
            f'<tspan class="value">{i + 1}</tspan></text>'
            f'<text class="value" x="{x + CELL / 2}" y="12" text-anchor="middle">{i + 1}</text>'
            f'<rect class="diagonal" x="{x}" y="{y}" width="{CELL}" height="{CELL}"/>'
        )
        for j in range(size):
            value = (real if j < i else twin)[i][j]
            if i != j and abs(value) >= FAINT:
                side = "real" if j < i else "twin"
                parts.append(
                    f'<rect class="{"positive" if value > 0 else "negative"}" x="{NAMES + j * CELL}" y="{y}" '
                    f'width="{CELL}" height="{CELL}" fill-opacity="{min(abs(value), 1):.2f}">'
                    f"<title>{escape(name)}, {escape(names[j])}: {value:.2f} ({side})</title></rect>"
                )
    edge = NAMES + size * CELL
    parts.append(f'<path class="axis" d="M{NAMES} 18H{edge}V{18 + size * CELL}H{NAMES}Z"/>')
    title = f"How {size} columns go together: below the diagonal in the real rows, above it in the twin"
    return _svg(edge + 2, 20 + size * CELL, title, "".join(parts), "heat")


def curves(lines: Sequence[tuple[str, Sequence[float]]], title: str) -> str:
    """Lines over epochs, each with a class of its own.

    Args:
        lines: Class and values of each; all have as many values.
        title: What a screen reader says.
    """
    values = [value for _, line in lines for value in line]
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    parts = []
    for kind, line in lines:
        step = WIDTH / max(len(line) - 1, 1)
        points = " ".join(
            f"{i * step:.1f},{HEIGHT - (value - low) / span * (HEIGHT - 8) - 4:.1f}"
            for i, value in enumerate(line)
        )
        parts.append(f'<polyline class="line {kind}" points="{points}"/>')
    last = max(len(line) for _, line in lines)
    parts.append(
        f'<path class="axis" d="M0 {HEIGHT}H{WIDTH}"/>'
        f'<text x="0" y="{HEIGHT + 14}">epoch 1</text>'
        f'<text x="{WIDTH}" y="{HEIGHT + 14}" text-anchor="end">{last}</text>'
        f'<text class="value" x="{WIDTH}" y="11" text-anchor="end">{high:.3g}</text>'
        f'<text class="value" x="{WIDTH}" y="{HEIGHT - 5}" text-anchor="end">{low:.3g}</text>'
    )
    return _svg(WIDTH, HEIGHT + 20, title, "".join(parts), "chart")


def _short(text: str) -> str:
    return text if len(text) <= LABEL else f"{text[: LABEL - 1]}…"
