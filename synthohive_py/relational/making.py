"""The rows of one table, made step by step: parents, keys, codes, values, links, rules."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from synthohive_py.columns.base import Codes
from synthohive_py.columns.datetimes import DatetimeCodec
from synthohive_py.plan import Link
from synthohive_py.relational.assign import assign_link, cut_loops, eligible_parents, unlinked
from synthohive_py.relational.conditions import Conditions
from synthohive_py.relational.context import MAX_CONTEXT
from synthohive_py.relational.draw import Drawing, draw_rows
from synthohive_py.relational.fitted import FittedTable
from synthohive_py.relational.gaps import as_type
from synthohive_py.relational.invariants import keep_rules, without_broken
from synthohive_py.relational.order import Times, anchor_ticks
from synthohive_py.relational.prepare import drawn_sets
from synthohive_py.relational.uniqueness import reassign_repeats, repeats
from synthohive_py.relational.world import Generated, World, cast_column
from synthohive_py.rng import Part, Seed
from synthohive_py.rules.kinds import AtMost

__all__ = ["TableMaker"]

logger = logging.getLogger(__name__)

Rows = npt.NDArray[np.int64]


class TableMaker:
    """Makes the rows that a table has in one shard.

    Args:
        world: The tables so far.
        name: The table.
        seed: Everything random that differs between shards derives from it.
        conditions: Values that every row has.
    """

    def __init__(self, world: World, name: str, seed: Seed, conditions: Conditions | None = None) -> None:
        self.world, self.name, self.seed = world, name, seed
        self.conditions = conditions or Conditions({}, {})
        self.fitted: FittedTable = world.fitted.tables[name]
        self.config = world.fitted.metadata.tables[name]
        self.plan = world.fitted.plan
        self.planned = world.shard.parts.get(name, Part(0, 0, 0))

    def generate(self) -> Generated:
        """All rows, with every column but those of deferred links."""
        if self.fitted.reference is not None:
            return self._copied(self.fitted.reference)
        driver = self.plan.driver_of(self.name)
        parents = self._parents(driver) if driver else np.arange(len(self.planned))
        context = self.world.context_of(driver, parents, MAX_CONTEXT) if driver else None
        known = self._known_columns(driver, parents)
        times = self._times(driver, parents) if driver else None
        telling = context[:, self.fitted.context] if context is not None else None
        drawn = draw_rows(self._drawing(), parents, telling, known, times)
        codes, placed = drawn.codes, drawn.placed
        columns = {**dict(zip(known.column_names, known.columns, strict=True)), **drawn.values}
        if not placed.all():
            # More rows than distinct keys: the rest would break the key, so they are left out.
            logger.warning(
                "%s: %d rows found no unused key and are left out: the real values form no more combinations",
                self.name,
                (~placed).sum(),
            )
            codes, parents = codes[placed], parents[placed]
            columns = {name: column.filter(pa.array(placed)) for name, column in columns.items()}
            context = context[placed] if context is not None else None
        codes = self._with_orphans_capped(codes)
        table = _with_values_again(self._decode(codes, columns), drawn.origins, placed)
        table = self._with_gaps(table, codes, driver, parents)
        for name, numbering in self.fitted.numbered.items():
            numbers = numbering.numbers(table, name, self.world.existing.get(self.name))
            codes[:, self.fitted.span("column", name)] = self.fitted.codec.codec(name).encode(numbers)
            table = table.set_column(table.column_names.index(name), name, numbers)
        if context is None:
            context = np.zeros((len(codes), 0), np.int32)
        generated = Generated(table, codes, context)
        generated = self.fill_links(generated, self.plan.links_of(self.name, "profile"))
        # Links bring values of their own: the price of an item is that of its product.
        generated.rows = self.fitted.codec.computed(generated.rows)
        fixed = set(self.conditions.values)
        kept = keep_rules(self.world, self.name, generated, self.seed.child("rules"), fixed)
        kept = self._unique_again(kept)
        kept.rows = self.fitted.codec.computed(kept.rows)
        return without_broken(self.world, self.name, kept)

    def _copied(self, rows: pa.Table) -> Generated:
        """A reference table: its rows as they are, coded for the children that are matched to them."""
        codes = self.fitted.codec.encode(rows.select(list(self.fitted.codec.names)))
        return Generated(rows, codes, np.zeros((rows.num_rows, 0), np.int32))

    # ------------------------------------------------------------ columns known before drawing

    def _parents(self, driver: Link) -> Rows:
        """The parent row of each row along the driver; -1 for rows without one."""
        eligible = eligible_parents(self.world, driver)
        every = np.arange(self.world.tables[driver.key.parent].rows.num_rows)
        times = self._times(driver, every)
        room = self.fitted.order.room(times) if self.fitted.order and times else None
        if eligible is not None and len(every) and not eligible.any():
            logger.warning("%s: no parent along %s fits its other keys: no rows", self.name, driver.key)
        degrees = self.world.degrees(driver, self.seed.child("degrees"), eligible, room=room)
        parents = np.repeat(np.arange(len(degrees)), degrees)
        alone = round(self.fitted.unparented * len(parents))
        return np.concatenate([parents, np.full(alone, -1, np.int64)])

    def _part(self, size: int) -> Part:
        """The place of the rows among those of all shards; there may be fewer than planned, never more."""
        first, total = self.planned.first, self.planned.total
        assert size <= len(self.planned), f"{self.name}: {size} rows where {len(self.planned)} were planned"
        return Part(first, first + size, total)

    def _times(self, driver: Link, parents: Rows) -> Times | None:
        """What the parents say of each row's place in the order of siblings."""
        order = self.fitted.order
        if order is None:
            return None
        start, known = np.zeros(len(parents), np.int64), np.zeros(len(parents), bool)
        if order.anchor is not None:
            column = self.world.parent_column(driver, order.anchor, parents).combine_chunks()
            start, known = anchor_ticks(column, order.type)
        latest = np.full(len(parents), np.iinfo(np.int64).max)
        for rule in self.fitted.keeper.rules:
            is_limit = isinstance(rule, AtMost) and rule.of_parent == "upper" and not rule.key
            if isinstance(rule, AtMost) and is_limit and rule.lower == order.column:
                column = self.world.parent_column(driver, rule.upper, parents).combine_chunks()
                limit, is_limited = anchor_ticks(column, order.type)
                latest[is_limited] = np.minimum(latest, rule.below(limit))[is_limited]
        return Times(start, known, latest)

    def _known_columns(self, driver: Link | None, parents: Rows) -> pa.Table:
        """What the parent and the place of a row decide: keys, and repetitions of the parent's columns."""
        columns: dict[str, pa.Array | pa.ChunkedArray] = {}
        size = len(parents)
        if driver is not None:
            key = self.world.key_of(driver, parents, self.seed.child("lent").numpy())
            lonely = np.flatnonzero(parents < 0)
            orphans = lonely[: round(len(lonely) * self.fitted.orphaned)]
            if len(orphans):
                key = self.world.with_orphans(driver, key, orphans, self.seed.child("orphans").numpy())
            columns.update(zip(key.column_names, key.columns, strict=True))
            for name, theirs in self.fitted.inherited.items():
                kind = self.fitted.schema.field(name).type
                columns[name] = cast_column(self.world.parent_column(driver, theirs, parents), kind)
        for name, start in self.fitted.sequences.items():
            first = np.searchsorted(parents, parents, side="left")
            numbers = pa.array(np.arange(size) - first + start)
            columns[name] = numbers.cast(self.fitted.schema.field(name).type)
        for name in self.fitted.keys:
            columns[name] = self.world.make_keys(self.name, name, self._part(size))
        return _table(columns, size)

    # ------------------------------------------------------------ codes

    def _drawing(self) -> Drawing:
        """What the rows are drawn from."""
        order = self.fitted.order
        links = self.plan.links_of(self.name)
        sets = drawn_sets(
            self.config,
            links,
            self.fitted.keys,
            self.fitted.sequences,
            order.column if order and order.is_strict else None,
        )
        sets = [columns for columns in sets if not set(columns) & {*self.fitted.numbered}]
        blocks, width = [], 0
        for block in self.fitted.layout:
            if width >= self.fitted.key_width:
                break
            blocks.append(block)
            width += len(block.cardinalities)
        names = [b.name for b in blocks if b.kind == "column" and not (order and b.name == order.column)]

        def key_values(codes: Codes, seed: Seed) -> pa.Table:
            values = self.fitted.codec.decode(self._padded(codes), seed=seed, names=names)
            for block in blocks:
                if block.kind == "lookup":
                    values = self._append_lookup(values, block.name, codes, seed)
            return values

        existing = self.world.existing.get(self.name)
        return Drawing(self.fitted, sets, self._allowed(), self.conditions, key_values, self.seed, existing)

    def _with_orphans_capped(self, codes: Codes) -> Codes:
        """No key gets a larger share of orphans than the real one has; surplus rows refer to a parent."""
        for link in self.plan.links_of(self.name, "lookup", "profile", "deferred"):
            span = self.fitted.span("lookup" if link.role == "lookup" else "profile", link.name)
            if span.start < self.fitted.key_width:
                continue  # part of a key that is already unique
            orphan = self.fitted.cardinalities[span.start] - 1
            orphans = np.flatnonzero(codes[:, span.start] == orphan)
            lenders = np.flatnonzero(codes[:, span.start] < orphan - 1)
            surplus = len(orphans) - int(link.orphan_share * len(codes))
            if surplus > 0 and len(lenders):
                rng = self.seed.child("orphans", link.name).numpy()
                codes[rng.permutation(orphans)[:surplus], span] = codes[rng.choice(lenders, surplus), span]
        return codes

    def _allowed(self) -> dict[int, npt.NDArray[np.bool_]]:
        """Links are as real ones: null, full or lost only if some of these are; lost ones only if wanted."""
        allowed = {}
        for link in self.plan.links_of(self.name, "lookup", "profile", "deferred"):
            kind = "lookup" if link.role == "lookup" else "profile"
            place = self.fitted.span(kind, link.name).start
            # Links that no real row has are not made: a model gives what it has never seen a small chance.
            allowed[place] = np.full(self.fitted.cardinalities[place], link.parents_used > 0)
            may_be_lost = link.key.orphans == "keep" and link.orphan_share > 0
            allowed[place][-1] = may_be_lost
            # With no real parent at all there is nothing else to refer to.
            allowed[place][-2] = link.null_share > 0 or not (link.parents_used or may_be_lost)
        return allowed

    def _padded(self, codes: Codes) -> Codes:
        """Leading codes spread over the codec's columns; the other columns stay zero."""
        full = np.zeros((len(codes), len(self.fitted.cardinalities)), np.int32)
        full[:, : codes.shape[1]] = codes
        return self.fitted.column_codes(full)

    # ------------------------------------------------------------ values

    def _decode(self, codes: Codes, known: Mapping[str, pa.Array | pa.ChunkedArray]) -> pa.Table:
        """All columns but those of matched links: the known ones, and those that the codes stand for."""
        values = self.fitted.codec.decode(
            self.fitted.column_codes(codes),
            seed=self.world.seed.child(self.name, "values"),
            part=self._part(len(codes)),
            names=[name for name in self.fitted.codec.names if name not in known],
            fixed=self.conditions.values,
        )
        columns = {**known, **dict(zip(values.column_names, values.columns, strict=True))}
        table = _table(columns, len(codes))
        for link in self.plan.links_of(self.name, "lookup"):
            if link.key.columns[0] not in table.column_names:
                table = self._append_lookup(table, link.name, codes, self.seed)
        return table

    def _with_gaps(self, table: pa.Table, codes: Codes, driver: Link | None, parents: Rows) -> pa.Table:
        """Times that closely follow another are as long after it as their codes say; `codes` follow."""
        for name, gap in self.fitted.gaps.items():
            if name in self.conditions.values:
                continue
            times = self.fitted.codec.codec(name)
            assert isinstance(times, DatetimeCodec)  # no other column has a gap
            if gap.of_parent and driver is not None:
                start = as_type(self.world.parent_column(driver, gap.since, parents), times.type)
            else:
                start = table.column(gap.since)
            column = gap.apply(
                codes[:, self.fitted.span("gap", name)],
                start,
                table.column(name),
                times,
                part=self._part(len(codes)),
                seed=self.world.seed.child(self.name, "gaps", name),
            )
            codes[:, self.fitted.span("column", name)] = times.encode(column)
            table = table.set_column(table.column_names.index(name), name, column)
        return table

    def _append_lookup(self, table: pa.Table, name: str, codes: Codes, seed: Seed) -> pa.Table:
        """The foreign key of a lookup link, from its codes."""
        keys = self.fitted.lookups[name].keys
        picked = codes[:, self.fitted.span("lookup", name)][:, 0].astype(np.int64)
        rows = pa.array(np.minimum(picked, max(keys.num_rows - 1, 0)), mask=picked >= keys.num_rows)
        key = keys.take(rows)
        link = next(k for k in self.plan.links if k.name == name)
        if link.required and keys.num_rows:
            lent = seed.child("lent", name).numpy().integers(0, keys.num_rows, len(codes))
            any_key = keys.take(pa.array(np.where(picked < keys.num_rows, picked, lent)))
            for column in link.required:
                key = key.set_column(key.column_names.index(column), column, any_key.column(column))
        orphans = np.flatnonzero(picked == keys.num_rows + 1)
        if len(orphans):
            key = self.world.with_orphans(link, key, orphans, seed.child("orphans", name).numpy())
        both = [
            *zip(table.column_names, table.columns, strict=True),
            *zip(key.column_names, key.columns, strict=True),
        ]
        return _table(dict(both), len(codes))

    # ------------------------------------------------------------ links that are matched

    def fill_links(self, generated: Generated, links: Sequence[Link]) -> Generated:
        """Match the rows to parents along these links, and keep unique combinations unique."""
        filled: set[str] = set()
        for link in links:
            generated = assign_link(self.world, self.name, link, generated, self.seed.child(link.name))
            filled |= set(link.key.columns)
            if link.role == "profile":
                generated = self._with_parents(generated, link)
        for columns in self.config.unique_sets:
            if filled & set(columns) and set(columns) <= set(generated.rows.column_names):
                generated = self._repaired(generated, columns, links)
        for link in links:
            if link.key.parent == self.name and link.null_share:  # else the real rows form loops, too
                generated = cut_loops(self.world, link, generated)
        return generated

    def _unique_again(self, generated: Generated) -> Generated:
        """Keeping a rule may have changed a column of a unique combination."""
        changeable = {*self.fitted.keeper.free, *([self.fitted.order.column] if self.fitted.order else [])}
        existing = self.world.existing.get(self.name)
        for columns in self.config.unique_sets:
            is_complete = set(columns) <= set(generated.rows.column_names)
            if self.fitted.keeper.rules and is_complete and changeable & set(columns):
                links = self.plan.links_of(self.name, "profile")
                if any(set(link.key.columns) & set(columns) for link in links):
                    generated = self._repaired(generated, columns, links)
                else:
                    keep = np.ones(generated.rows.num_rows, bool)
                    keep[repeats(generated.rows, columns, existing)] = False
                    generated = generated.filter(keep)
        return generated

    def _with_parents(self, generated: Generated, link: Link) -> Generated:
        """Rows for which there is no parent are left out where the real key is never null."""
        keep = np.ones(generated.rows.num_rows, bool)
        for column in link.required if link.null_share else link.key.columns:
            keep &= np.asarray(generated.rows.column(column).is_valid())
        if not keep.all():
            logger.warning(
                "%s: %d rows find no parent for %s and are left out", self.name, (~keep).sum(), link.key
            )
        return generated.filter(keep)

    def _repaired(self, generated: Generated, columns: tuple[str, ...], links: Sequence[Link]) -> Generated:
        """Rows that repeat a combination get another parent along a link that belongs to it."""
        link = next(k for k in reversed(links) if set(k.key.columns) & set(columns))
        seed = self.seed.child("repair", *columns)

        def reassign(table: pa.Table, rows: Rows, attempt: int) -> pa.Table:
            part = Generated(table, generated.codes, generated.context)
            again = seed.child(attempt)
            return assign_link(self.world, self.name, link, part, again, rows=rows).rows

        existing = self.world.existing.get(self.name)
        table, repeated = reassign_repeats(generated.rows, columns, reassign, existing)
        if len(repeated):
            logger.warning(
                "%s: %d rows repeat (%s) and are %s: there are more rows than combinations of parents",
                self.name,
                len(repeated),
                ", ".join(columns),
                "unlinked" if link.role == "deferred" else "left out",
            )
        if link.role == "deferred":  # other tables refer to these rows already
            again = Generated(table, generated.codes, generated.context)
            return unlinked(self.world, link, again, repeated)
        keep = np.ones(table.num_rows, bool)
        keep[repeated] = False
        return Generated(table, generated.codes, generated.context).filter(keep)


def _with_values_again(
    table: pa.Table, origins: Mapping[str, Rows], placed: npt.NDArray[np.bool_]
) -> pa.Table:
    """The rows with the values that they share with elder siblings.

    Args:
        table: The rows that are placed.
        origins: Per column, (rows drawn,) the row drawn whose value each has.
        placed: (rows drawn,) which were placed.
    """
    now = np.cumsum(placed) - 1
    for name, origin in origins.items():
        lost = ~placed[origin]  # the row is left out: there is no value to share
        rows = np.where(lost, np.arange(len(origin)), origin)[placed]
        place = table.column_names.index(name)
        table = table.set_column(place, table.field(name), table.column(name).take(pa.array(now[rows])))
    return table


def _table(columns: Mapping[str, pa.Array | pa.ChunkedArray], size: int) -> pa.Table:
    """A table that knows its number of rows even without columns."""
    if columns:
        return pa.table(dict(columns))
    return pa.table({"": pa.nulls(size)}).select([])
