"""How values are distributed, in a form that may be shown: nothing that fewer than k real rows hold.

Bins of numbers lie between the k-th smallest and the k-th largest real value, with an open bin at either end.
A bin that fewer than k real rows fall into says so instead of how many. Categories are named if k real rows
hold them; the rest is one bar. Where rows belong to customers, k of these have to hold it, too. What the twin
has is made up, so it is shown as it is.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from synthohive_py.quality.metrics import KS, TV, Metric, aligned
from synthohive_py.report.holders import Holders

__all__ = ["Histogram", "histogram", "whole_numbers"]

Array = np.ndarray
BINS = 24
MOST_CATEGORIES = 10
MOST_WHOLE = 16  # whole numbers that get a bar each
YEARS = 10_000  # larger numbers have commas
LEAST_SPREAD = 1e-290  # of what steps are taken between
DIGITS = 3  # of an edge: more would tell single values


@dataclass(frozen=True)
class Histogram:
    """Shares of both sides, bar by bar.

    Attributes:
        kind: `numbers` in their order, or `categories`.
        labels: One a bar; of numbers that share bars, all edges.
        real: The shares of the real values; None where fewer than k rows are meant.
        twin: The shares of the twin's values.
        axis: What the numbers are, if not the values themselves.
    """

    kind: Literal["numbers", "categories"]
    labels: tuple[str, ...]
    real: tuple[float | None, ...]
    twin: tuple[float, ...]
    axis: str = ""


def histogram(
    real: pa.ChunkedArray, twin: pa.ChunkedArray, metric: Metric, *, holders: Holders
) -> Histogram | None:
    """A column of both sides; None where too few rows have a value, or the twin's have another type.

    Args:
        real: The real values.
        twin: The synthetic values.
        metric: By which metric the column is compared, which says what it is.
        holders: Whom the real rows belong to; what fewer hold is not shown.
    """
    holders = holders.of(np.asarray(real.is_valid()))
    try:
        real, twin = (column.drop_null() for column in aligned(real, twin))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None
    if len(real) < 2 * holders.threshold:
        return None
    if metric is TV:
        return _categories(real, twin, holders)
    if metric is KS:
        show = _shown(real.type)
        ours, theirs = (_numbers(column) for column in (real, twin))
        return _numbers_histogram(ours, theirs, show, holders)
    lengths = [pc.utf8_length(column).to_numpy().astype(np.float64) for column in (real, twin)]
    return _numbers_histogram(lengths[0], lengths[1], _plain, holders, axis="characters")


def whole_numbers(real: Array, twin: Array, *, threshold: int, axis: str) -> Histogram | None:
    """Counts of something, such as children per parent."""
    ours, theirs = real.astype(np.float64), twin.astype(np.float64)
    return _numbers_histogram(ours, theirs, _plain, Holders(threshold), axis=axis)


def _numbers_histogram(
    real: Array, twin: Array, show: Callable[[float], str], holders: Holders, axis: str = ""
) -> Histogram | None:
    holders = holders.of(np.isfinite(real))
    real, twin = real[np.isfinite(real)], twin[np.isfinite(twin)]
    if len(real) < 2 * holders.threshold:
        return None
    order = np.argsort(real, kind="stable")
    first, last = holders.enough_after(order), holders.enough_after(order[::-1])
    if first is None or last is None:
        return None
    low, high = real[order[first]], real[order[len(order) - 1 - last]]
    edges = _edges(float(low), float(high), is_whole=bool((real == np.round(real)).all()))
    inner = [-np.inf, *edges[1:-1], np.inf]
    counts = [np.histogram(side, inner)[0] for side in (real, twin)]
    ends = np.cumsum(counts[0])
    are_shown = [
        not n or holders.are_enough(order[end - n : end]) for n, end in zip(counts[0], ends, strict=True)
    ]
    shares = counts[0] / len(real)
    has_bar_each = np.allclose(np.diff(edges), 1) and edges[0] == low
    return Histogram(
        "numbers",
        tuple(show(edge) for edge in (edges[:-1] if has_bar_each else edges)),
        tuple(float(share) if is_shown else None for share, is_shown in zip(shares, are_shown, strict=True)),
        tuple((counts[1] / max(len(twin), 1)).tolist()),
        axis,
    )


def _edges(low: float, high: float, *, is_whole: bool) -> list[float]:
    """Edges that differ by one where the values are few whole numbers, else equal steps of few digits."""
    if is_whole and high - low < MOST_WHOLE:
        return list(np.arange(low, high + 2))
    if not LEAST_SPREAD < high - low < 1 / LEAST_SPREAD:
        return [low, low + 1]  # one value, or none that a step leads between
    step = (high - low) / BINS
    unit = 10.0 ** (np.floor(np.log10(high - low)) - DIGITS + 1)
    edges = np.unique(np.round((low + step * np.arange(BINS + 1)) / unit) * unit)
    return edges.tolist() if len(edges) > 1 else [low, low + 1]


def _numbers(column: pa.ChunkedArray) -> Array:
    kind = column.type
    if pa.types.is_temporal(kind):
        column = column.cast(pa.int32() if kind.bit_width == 32 else pa.int64())
    return column.cast(pa.float64(), safe=False).to_numpy()


def _shown(kind: pa.DataType) -> Callable[[float], str]:
    """How a number of such a column is written."""
    if pa.types.is_date32(kind):
        return lambda days: _date(days * 86_400)
    if pa.types.is_date64(kind):
        return lambda ticks: _date(ticks / 1e3)
    ticks = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}
    if pa.types.is_timestamp(kind):
        return lambda value: _date(value / ticks[kind.unit])
    if pa.types.is_time(kind):
        return lambda value: str(dt.timedelta(seconds=round(value / ticks[kind.unit])))
    if pa.types.is_duration(kind):
        return lambda value: str(dt.timedelta(seconds=round(value / ticks[kind.unit])))
    return _plain


def _date(seconds: float) -> str:
    return str(np.datetime64(int(seconds), "s").astype("datetime64[D]"))


def _plain(value: float) -> str:
    if abs(value) < 10**DIGITS:
        return f"{value:.{DIGITS}g}"
    return f"{value:.0f}" if abs(value) < YEARS else f"{value:,.0f}"


def _categories(real: pa.ChunkedArray, twin: pa.ChunkedArray, holders: Holders) -> Histogram:
    coded = real.combine_chunks().dictionary_encode()
    codes = coded.indices.to_numpy()
    counts = np.bincount(codes, minlength=len(coded.dictionary))
    order = np.argsort(-counts, kind="stable")[:MOST_CATEGORIES]
    kept = [i for i in order.tolist() if holders.are_enough(np.flatnonzero(codes == i))]
    values = coded.dictionary.take(pa.array(kept, pa.int64()))
    ours = counts[kept]
    theirs = np.bincount(pc.index_in(twin, value_set=values).drop_null().to_numpy(), minlength=len(kept))
    others = len(real) - int(ours.sum())
    labels = [str(value) for value in values.to_pylist()]
    real_shares: list[float | None] = (ours / len(real)).tolist()
    twin_shares = (theirs / max(len(twin), 1)).tolist()
    if others or theirs.sum() < len(twin):
        labels.append("all others")
        real_shares.append(None if 0 < others < holders.threshold else others / len(real))
        twin_shares.append(1 - sum(twin_shares) if len(twin) else 0.0)
    return Histogram("categories", tuple(labels), tuple(real_shares), tuple(twin_shares))
