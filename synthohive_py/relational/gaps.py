"""Times that follow another time of their row closely: what is learned is how long after it, not when.

An order is shipped within three days, of the thousand that orders are made in. The day of each is learned as
one of hundreds; near misses of both would put weeks between them, and a mart of delivery times would be of no
use.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from synthohive_py.columns import ColumnHint, TableCodec
from synthohive_py.columns.base import Codes, ColumnCodec, State, codec_from_state
from synthohive_py.columns.choice import fit_codec
from synthohive_py.columns.datetimes import DatetimeCodec
from synthohive_py.columns.scalars import from_numbers, spread_numbers
from synthohive_py.relational.entities import count_once
from synthohive_py.rng import Part, Seed

__all__ = ["Gap", "as_type", "find_gaps", "times_of"]

MIN_ROWS = 100  # with both times; in fewer, closeness may be chance
CLOSE = 0.1  # of the time that the column covers: the most that the gaps may cover
COVERED = (0.05, 0.95)  # between these quantiles
OF_PARENT = "\0parent."  # before the columns of a parent, while they are compared
ATTEMPTS = 5  # to find a gap that does not lead out of the real range
TOGETHER = 0.9  # share of the column's values beside which there is one of the other

Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Gap:
    """How long after another column of its row, or of its parent, a column is.

    Attributes:
        since: The other column.
        unit: Ticks that all gaps are multiples of.
        step: Ticks that all values of the column are multiples of: a due date has no time of day, whatever
            it follows.
        codec: The gaps in units to codes and back; null where one of the two is.
    """

    since: str
    unit: int
    codec: ColumnCodec
    of_parent: bool = False
    step: int = 1

    def encode(self, since: pa.ChunkedArray, column: pa.ChunkedArray) -> Codes:
        """Codes of shape (rows, len(codec.cardinalities))."""
        start, end, known = _ticks(since, column, self.step)
        return self.codec.encode(pa.array((end - start) // self.unit, mask=~known))

    def apply(
        self,
        codes: Codes,
        since: pa.ChunkedArray,
        own: pa.ChunkedArray,
        times: DatetimeCodec,
        *,
        part: Part,
        seed: Seed,
    ) -> pa.Array:
        """The column, as long after the other as the codes say.

        Args:
            codes: Of the gaps.
            since: The other column, as generated.
            own: The column as generated for itself: it says where there are nulls.
            times: The codec of the column.
            part: Which rows of the table these are.
            seed: Decides within bins, and which row lends its gap to one that has none of its own, or has one
                that leads out of the real range.
        """
        start, end, known = _ticks(since, own, self.step)
        decoded = self.codec.decode_part(codes, part, seed.child("bins"))
        has_gap = np.asarray(decoded.is_valid())
        gap = np.array(decoded.fill_null(0).to_numpy(zero_copy_only=False), np.int64)
        lent = gap[known & has_gap]
        rng = seed.child("lent", part.first).numpy()
        for _ in range(ATTEMPTS if len(lent) else 0):
            later = start + gap * self.unit
            poor = known & (~has_gap | (times.clipped(later) != later))
            gap[poor], has_gap[poor] = rng.choice(lent, int(poor.sum())), True
        ends = np.where(known & has_gap, times.clipped(start + gap * self.unit), end)
        return from_numbers(ends, np.asarray(own.combine_chunks().is_null()), own.type)

    def state(self) -> State:
        """All fields, for an artefact."""
        return {
            "since": self.since,
            "unit": self.unit,
            "codec": {"kind": self.codec.kind, **self.codec.state()},
            "of_parent": self.of_parent,
            "step": self.step,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Gap:
        """The gap that `state` was taken from."""
        codec = codec_from_state(state["codec"])
        return cls(state["since"], state["unit"], codec, state["of_parent"], state["step"])


def find_gaps(
    table: pa.Table,
    codec: TableCodec,
    *,
    held: Collection[str],
    moved: Collection[str],
    entities: Sequence[Rows],
    threshold: int,
    above: pa.Table,
) -> dict[str, Gap]:
    """Dates and timestamps that lie closely after or before another one of the row or parent; bases first.

    The closest pairs first. What is measured may be measured from: a visit starts soon after the time that it
    was planned for, which is some days after it was booked.

    Args:
        table: The real rows.
        codec: The modelled columns.
        held: Columns that get their values in another way, but may be measured from.
        moved: Columns whose values change after they were generated: no column is measured from them.
        entities: Ways to tell whom each row belongs to; see `entities_of`.
        threshold: Gaps that fewer rows have are not stored.
        above: Dates and timestamps of each row's parent.
    """
    names = [
        name
        for name, times in zip(codec.names, codec.codecs, strict=True)
        if isinstance(times, DatetimeCodec) and name not in moved
    ]
    # Measured from are columns that get their values in another way, then those with fewer nulls.
    names.sort(key=lambda name: (name not in held, table.column(name).null_count))
    close = []
    for since, name in combinations(names, 2):
        if name not in held and table.schema.field(since).type == table.schema.field(name).type:
            covered = _covered(table.column(since), table.column(name))
            if covered is not None:
                close.append((covered, names.index(since), since, name))
    since_of: dict[str, str] = {}
    for *_, since, name in sorted([*close, *_close_to_parent(above, table, set(names) - set(held))]):
        since_of.setdefault(name, since)
    found = {}
    for name in sorted(since_of, key=lambda name: len(_bases(name, since_of))):
        since, column = since_of[name], table.column(name)
        of_parent = since.startswith(OF_PARENT)
        since = since.removeprefix(OF_PARENT)
        start = as_type(above.column(since), column.type) if of_parent else table.column(since)
        assert start is not None  # or they would not be close
        found[name] = _learned(since, start, column, entities, threshold, of_parent=of_parent)
    return found


def _close_to_parent(
    above: pa.Table, table: pa.Table, names: Collection[str]
) -> Iterator[tuple[float, int, str, str]]:
    """Columns that are close to one of the parent, as `find_gaps` ranks them."""
    for place, since in enumerate(above.column_names):
        for name in names:
            column = table.column(name)
            start = as_type(above.column(since), column.type)
            covered = None if start is None else _covered(start, column)
            if covered is not None:
                yield covered, place, OF_PARENT + since, name


def times_of(table: pa.Table, codec: TableCodec, rows: Rows) -> pa.Table:
    """The dates and timestamps of some rows; null where the row number is negative."""
    names = [n for n, c in zip(codec.names, codec.codecs, strict=True) if isinstance(c, DatetimeCodec)]
    return table.select(names).take(pa.array(np.maximum(rows, 0), mask=rows < 0))


def as_type(since: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray | None:
    """Dates and timestamps as another one of these types, cut off to its unit; None for other time zones."""
    zones = [getattr(t, "tz", None) for t in (since.type, kind)]
    return since.cast(kind, safe=False) if zones[0] == zones[1] else None


def _bases(name: str, since_of: Mapping[str, str]) -> list[str]:
    """The column itself, what it is measured from, what that is measured from, and so on."""
    out = [name]
    while out[-1] in since_of:
        out.append(since_of[out[-1]])
    return out


def _covered(since: pa.ChunkedArray, column: pa.ChunkedArray) -> float | None:
    """How much time the gaps cover; None if the columns are not close."""
    start, end, known = _ticks(since, column)
    if known.sum() < max(MIN_ROWS, TOGETHER * (len(column) - column.null_count)):
        return None
    gaps, whole = (float(np.diff(np.quantile(v[known], COVERED))[0]) for v in (end - start, end))
    return gaps if gaps <= CLOSE * whole and whole else None


def _learned(
    since: str,
    start: pa.ChunkedArray,
    end: pa.ChunkedArray,
    entities: Sequence[Rows],
    threshold: int,
    *,
    of_parent: bool,
) -> Gap:
    values, null = spread_numbers(end)
    step = max(int(np.gcd.reduce(values[~null])), 1)
    first, last, known = _ticks(start, end, step)
    unit = max(int(np.gcd.reduce((last - first)[known])), 1)
    gaps = (last - first) // unit
    counted, _ = count_once(np.unique(gaps, return_inverse=True)[1], entities, threshold=threshold)
    column = pa.array(gaps, mask=~known).filter(pa.array(counted | ~known))
    codec = fit_codec(column, threshold=threshold, hint=ColumnHint(kind="numeric"))
    return Gap(since, unit, codec, of_parent, step)


def _ticks(since: pa.ChunkedArray, column: pa.ChunkedArray, step: int = 1) -> tuple[Rows, Rows, Mask]:
    """Both columns as ticks, zero where null, and where both are known; the first in steps of the second."""
    (start, no_start), (end, no_end) = spread_numbers(since), spread_numbers(column)
    return start // step * step, end, ~no_start & ~no_end
