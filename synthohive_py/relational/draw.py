"""Draw the codes of a table's rows, siblings one after the other, and keep unique combinations unique."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from synthohive_py.columns.base import Codes
from synthohive_py.columns.scalars import to_numbers
from synthohive_py.relational.conditions import Conditions
from synthohive_py.relational.families import Families
from synthohive_py.relational.fitted import FittedTable
from synthohive_py.relational.history import Tracker
from synthohive_py.relational.order import Order, Times
from synthohive_py.relational.recurrence import NULL, Recent
from synthohive_py.relational.uniqueness import Taken, draw_until_unique
from synthohive_py.rng import Seed

__all__ = ["Drawing", "Drawn", "draw_rows"]

TRIES = 8  # for a step that does not lead beyond the last real value

Rows = npt.NDArray[np.int64]
Allowed = Mapping[int, npt.NDArray[np.bool_]]


@dataclass(frozen=True)
class Drawing:
    """What rows are drawn from.

    Attributes:
        table: What was learned of the table.
        sets: Combinations of columns that are unique among all rows.
        allowed: Per code column the codes that may be drawn.
        conditions: Values that every row has.
        key_values: Turns leading codes into the columns of the combinations.
        seed: Everything random derives from it.
        existing: Rows whose combinations are taken already.
    """

    table: FittedTable
    sets: Sequence[tuple[str, ...]]
    allowed: Allowed
    conditions: Conditions
    key_values: Callable[[Codes, Seed], pa.Table]
    seed: Seed
    existing: pa.Table | None = None


@dataclass
class Drawn:
    """Rows as drawn.

    Attributes:
        codes: (rows, code columns) in the table's layout.
        values: Columns that have their values already: those of unique combinations and of the order.
        placed: Which rows found an unused combination.
        origins: Per column whose values siblings share, (rows,) the row whose value each has.
    """

    codes: Codes
    values: dict[str, pa.ChunkedArray | pa.Array]
    placed: npt.NDArray[np.bool_]
    origins: dict[str, Rows]


def draw_rows(
    drawing: Drawing,
    parents: Rows,
    context: Codes | None,
    known: pa.Table,
    times: Times | None,
) -> Drawn:
    """Draw all rows of a table.

    Args:
        drawing: What to draw from.
        parents: (rows,) parent row of each row, ascending; rows with a negative number have none.
        context: (rows, context columns) of the parents, or None.
        known: Columns with values already that belong to unique combinations.
        times: What the parents say of each row's place in the order; None if there is none.
    """
    table, size = drawing.table, len(parents)
    walk = _Walk(drawing, parents, context, known, times)
    if table.history is None:
        walk.step(0, np.arange(size), np.arange(size), np.zeros(size, np.int64), None)
    else:
        families = Families.of(parents)
        tracker = Tracker(table.history, len(families.size))
        walk.remember(len(families.size))
        for place, stretches, rows in families.steps():
            following = families.size[stretches] - place - 1
            walk.step(place, rows, stretches, following, tracker.seen(stretches, place, following))
            tracker.add(stretches, walk.codes[rows])
    return walk.finish()


@dataclass(frozen=True)
class _Step:
    """Rows that are drawn together.

    Attributes:
        place: How many elder siblings each has.
        rows: Which rows.
        stretches: Which stretch of siblings each is of.
        following: How many younger siblings each has.
        given: (rows, code columns) what is known of their codes; -1 for what is not.
        context: (rows, context columns), or None.
        seed: Everything random derives from it.
    """

    place: int
    rows: Rows
    stretches: Rows
    following: Rows
    given: Codes
    context: Codes | None
    seed: Seed

    def context_of(self, some: Rows) -> Codes | None:
        """The context of some of the rows, by their place among them."""
        return None if self.context is None else self.context[some]


class _Walk:
    """All rows while they are drawn, step by step."""

    def __init__(
        self,
        drawing: Drawing,
        parents: Rows,
        context: Codes | None,
        known: pa.Table,
        times: Times | None,
    ) -> None:
        self.drawing, self.table = drawing, drawing.table
        self.parents, self.context, self.known, self.times = parents, context, known, times
        size = len(parents)
        self.codes = np.zeros((size, len(self.table.cardinalities)), np.int32)
        self.placed = np.ones(size, bool)
        order = self.table.order
        self.order = None if order and order.column in drawing.conditions.values else order
        self.ticks = np.zeros(size, np.int64)
        self.taken = Taken.of(drawing.existing, drawing.sets)
        self.rows: list[Rows] = []  # of each step
        self.values: list[pa.Table] = []
        self.recent: dict[str, Recent] = {}
        self.origins: dict[str, Rows] = {}

    def remember(self, stretches: int) -> None:
        """Prepare to draw values again in so many stretches of siblings."""
        for name, how in self.table.recurrences.items():
            if name not in self.drawing.conditions.values:
                self.recent[name] = Recent(stretches, how.categories)
                self.origins[name] = np.arange(len(self.codes))

    # ------------------------------------------------------------ one step

    def step(self, place: int, rows: Rows, stretches: Rows, following: Rows, seen: Codes | None) -> None:
        """Draw rows that have equally many elder siblings.

        Args:
            place: How many.
            rows: Which rows.
            stretches: Which stretch of siblings each is of.
            following: How many younger siblings each has.
            seen: What they see of their elder siblings.
        """
        context = None if self.context is None else self.context[rows]
        if seen is not None and context is not None:
            context = np.concatenate([context, seen], axis=1)
        origin, known = self._origin(place, rows)
        if self.table.order and context is not None:
            pace = self.table.order.pace(origin, known, following)
            context = np.concatenate([context, pace[:, None]], axis=1)
        given = self.drawing.conditions.given(len(rows), len(self.table.cardinalities))
        now = _Step(place, rows, stretches, following, given, context, self.drawing.seed.child("step", place))
        if self.order:
            self._advance(self.order, now, origin, known)
        if self.drawing.sets:
            self._draw_keys(now)
        if self.recent:
            self._draw_again(now)
        self.codes[rows] = self._sample(given, context, now.seed.child("rows"))
        self._keep_new(now)

    def _origin(self, place: int, rows: Rows) -> tuple[Rows, npt.NDArray[np.bool_]]:
        """Where rows with so many elder siblings step from, and where that is known."""
        if self.order and place:
            return self.ticks[rows - 1], np.ones(len(rows), bool)
        if self.order and self.times:
            return self.times.start[rows], self.times.known[rows]
        return self.ticks[rows], np.zeros(len(rows), bool)

    def _advance(self, order: Order, now: _Step, origin: Rows, known: npt.NDArray[np.bool_]) -> None:
        """Find each row's value in the order, a step from its origin where that is known; give its codes."""
        rows, given = now.rows, now.given
        given[~known, self.table.span("step", order.column).start] = order.free
        stepping = np.flatnonzero(known)
        aim = self._steps(order, now, origin, stepping)
        self.ticks[rows[stepping]] = aim
        span = self.table.span("column", order.column)
        coded = self._coded(order, aim)
        # Where steps are days, the time of day is still to be drawn.
        width = 1 if order.unit > 1 else coded.shape[1]
        given[stepping, span.start : span.start + width] = coded[:, :width]
        free = np.flatnonzero(~known) if order.unit == 1 else np.arange(len(rows))
        if len(free):
            self._draw_values(order, now, free, known)
        self._place_in_calendar(order, given, self.ticks[rows])

    def _draw_values(self, order: Order, now: _Step, free: Rows, known: npt.NDArray[np.bool_]) -> None:
        """Draw the order's value of some rows; of those that step from a known origin the time of day."""
        rows, given, span = now.rows, now.given, self.table.span("column", order.column)
        seed = now.seed.child("value")
        codes = self._sample(given[free], now.context_of(free), seed.child("codes"), columns=span.stop)
        given[free, : span.stop] = codes
        drawn = self.table.codec.codec(order.column).decode(codes[:, span], seed.numpy())
        ticks = to_numbers(drawn)[0]
        day = np.where(known[free], self.ticks[rows[free]], ticks) // order.unit * order.unit
        ticks = day + ticks % order.unit
        latest = self._latest(order, rows[free], now.following[free])
        late = np.flatnonzero(ticks > latest)
        given[free[late], span] = self._coded(order, latest[late])
        self.ticks[rows[free]] = np.minimum(ticks, latest)

    def _latest(self, order: Order, rows: Rows, following: Rows) -> Rows:
        """The latest values that the parents allow, with room for so many younger siblings."""
        if self.times is None:
            return np.full(len(rows), np.iinfo(np.int64).max)
        return self.times.latest[rows] - following * order.least

    def _place_in_calendar(self, order: Order, codes: Codes, ticks: Rows) -> None:
        if order.calendar:
            codes[:, self.table.span("calendar", order.column)] = order.calendar.encode(ticks)

    def _steps(self, order: Order, now: _Step, origin: Rows, stepping: Rows) -> Rows:
        """Where some rows get from their origin.

        A step beyond the ends, or to where younger siblings would find no room, is drawn again some times,
        and then shortened: one family must not run for centuries.
        """
        at = self.table.span("step", order.column).start  # after its place in the calendar
        following = now.following[stepping]
        latest = self._latest(order, now.rows[stepping], following)
        latest = np.minimum(latest, order.high - following * order.least)
        least = order.earliest(origin[stepping], is_first=not now.place)
        allowed = {at: order.allowed(is_first=not now.place)}
        rest, aim = np.arange(len(stepping)), np.zeros(len(stepping), np.int64)
        for attempt in range(TRIES):
            if not len(rest):
                break
            some, seed = stepping[rest], now.seed.child("step", attempt)
            codes = self._sample(now.given[some], now.context_of(some), seed, columns=at + 1, allowed=allowed)
            now.given[some, : at + 1] = codes
            about = order.after(origin[some], codes[:, at], seed.child("within").numpy())
            aim[rest] = order.in_calendar(about, codes[:, :at], least[rest])
            rest = rest[~order.within(aim[rest], latest[rest])]
            if attempt + 1 < TRIES:
                now.given[stepping[rest], : at + 1] = -1
        return np.maximum(np.minimum(aim, latest), least)

    def _coded(self, order: Order, ticks: Rows) -> Codes:
        return self.table.codec.codec(order.column).encode(order.array(ticks))

    def _draw_keys(self, now: _Step) -> None:
        """Give the codes of keys, drawn until the combinations differ; their values are kept."""
        width = self.table.key_width
        fixed = dict(zip(self.known.column_names, self.known.columns, strict=True))
        fixed = {name: column.take(pa.array(now.rows)) for name, column in fixed.items()}
        if self.order:
            fixed[self.order.column] = self.order.array(self.ticks[now.rows])

        def draw(rows: Rows, attempt: int) -> tuple[Codes, pa.Table]:
            seed = now.seed.child("keys", attempt)
            codes = self._sample(now.given[rows], now.context_of(rows), seed, columns=width)
            return codes, self.drawing.key_values(codes, seed)

        codes, values, placed = draw_until_unique(
            len(now.rows), draw, pa.table(fixed) if fixed else None, self.drawing.sets, self.taken
        )
        self.rows.append(now.rows)
        self.values.append(values)
        self.placed[now.rows] = placed
        now.given[:, :width] = codes

    def _draw_again(self, now: _Step) -> None:
        """Draw which columns have the value of which elder sibling, and give its codes."""
        last = next(reversed(self.table.recurrences))
        width, seed = self.table.span("recurrence", last).stop, now.seed.child("again")
        now.given[:, :width] = self._sample(now.given, now.context, seed, columns=width)
        for name, recent in self.recent.items():
            how, span = self.table.recurrences[name], self.table.span("column", name)
            codes = now.given[:, self.table.span("recurrence", name).start]
            origins = recent.values(self._lists(name, now), codes)
            again = np.flatnonzero(origins >= 0)
            now.given[again, span] = self.codes[origins[again], span]
            if how.null:
                now.given[np.flatnonzero(codes == NULL), span] = how.null
            self.origins[name][now.rows[again]] = origins[again]

    def _keep_new(self, now: _Step) -> None:
        """Put the values that the rows have to the front of the lists."""
        for name, recent in self.recent.items():
            own = self.codes[now.rows, self.table.span("column", name)]
            valid = ~self.table.recurrences[name].are_null(own)
            recent.use(self._lists(name, now)[valid], self.origins[name][now.rows[valid]])

    def _lists(self, name: str, now: _Step) -> Rows:
        how = self.table.recurrences[name]
        if how.by is None:
            return now.stretches
        category = now.given[:, self.table.span("column", how.by).start]
        return self.recent[name].lists(now.stretches, category.astype(np.int64))

    def _sample(
        self,
        given: Codes,
        context: Codes | None,
        seed: Seed,
        *,
        columns: int | None = None,
        allowed: Allowed | None = None,
    ) -> Codes:
        assert self.table.model is not None  # only reference tables have none
        return self.table.model.sample(
            len(given),
            context=context,
            given=given,
            allowed={**self.drawing.allowed, **(allowed or {})},
            columns=columns,
            generator=seed.numpy(),
        )

    # ------------------------------------------------------------ all rows

    def finish(self) -> Drawn:
        """The rows in their order."""
        values: dict[str, pa.ChunkedArray | pa.Array] = {}
        if self.values:
            back = np.argsort(np.concatenate(self.rows), kind="stable")
            drawn = pa.concat_tables(self.values).take(pa.array(back))
            values = dict(zip(drawn.column_names, drawn.columns, strict=True))
        if self.order is None:
            return Drawn(self.codes, values, self.placed, self.origins)
        sequence = self._in_order()
        before = self.ticks[sequence]
        ticks, codes = self.order.settled(before, self.parents), self.codes[sequence]
        moved = np.flatnonzero(ticks != before)
        span = self.table.span("column", self.order.column)
        codes[moved, span] = self._coded(self.order, ticks[moved])
        self._place_in_calendar(self.order, codes, ticks)
        values = {name: column.take(pa.array(sequence)) for name, column in values.items()}
        values[self.order.column] = self.order.array(ticks)
        moved_to = np.argsort(sequence)
        origins = {name: moved_to[rows[sequence]] for name, rows in self.origins.items()}
        return Drawn(codes, values, self.placed[sequence], origins)

    def _in_order(self) -> Rows:
        """Row numbers with siblings sorted; rows without a parent stay where they are."""
        out, own = np.arange(len(self.parents)), np.flatnonzero(self.parents >= 0)
        out[own] = own[np.lexsort((self.ticks[own], self.parents[own]))]
        return out
