"""The generated tables while others still refer to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from synthohive_py.columns.base import Codes
from synthohive_py.columns.scalars import from_numbers
from synthohive_py.errors import GenerationError
from synthohive_py.plan import Link
from synthohive_py.relational.fitted import FittedSchema
from synthohive_py.relational.keys import is_text_type
from synthohive_py.relational.shards import Dealt, Shard, split
from synthohive_py.rng import Part, Seed
from synthohive_py.uuids import from_texts

__all__ = ["Generated", "World", "cast_column"]

Rows = npt.NDArray[np.int64]


@dataclass
class Generated:
    """Rows of a table, with the codes they were decoded from.

    Attributes:
        rows: The columns known so far.
        codes: (rows, code columns) in the table's layout; for a reference table in its codec's.
        context: (rows, code columns) of the parents they were generated from.
    """

    rows: pa.Table
    codes: Codes
    context: Codes

    def copy(self) -> Generated:
        """The same rows, with codes of its own."""
        return Generated(self.rows, self.codes.copy(), self.context)

    def filter(self, keep: npt.NDArray[np.bool_]) -> Generated:
        """Only these rows."""
        return Generated(self.rows.filter(pa.array(keep)), self.codes[keep], self.context[keep])


@dataclass
class World:
    """The tables generated so far, of one shard and of those that all shards share.

    Attributes:
        fitted: What was learned.
        tables: The rows so far.
        shard: Which rows belong to this world alone.
        seed: Of the whole sample: what is derived from it is the same in every shard.
        dealt: Per driver link to a shared table, how many children each of its rows has in all shards.
        existing: Per table of a twin that rows are added to, its unique columns.
    """

    fitted: FittedSchema
    tables: dict[str, Generated]
    shard: Shard
    seed: Seed
    dealt: Mapping[str, Dealt] = field(default_factory=dict)
    existing: Mapping[str, pa.Table] = field(default_factory=dict)

    def degrees(
        self,
        link: Link,
        seed: Seed,
        eligible: npt.NDArray[np.bool_] | None,
        *,
        cells: Rows | None = None,
        demand: Rows | None = None,
        room: Rows | None = None,
    ) -> Rows:
        """How many children each parent row has in this world along the link; see `DegreeModel.decode`."""
        parent, shard = self.fitted.tables[link.key.parent], self.shard
        if link.name in self.dealt:
            return self.dealt[link.name].of(shard, self.seed.child("split", link.name))
        is_shared = link.key.parent not in shard.parts
        if is_shared:  # all shards are to find the same, and each takes its share of it
            seed = self.seed.child("degrees", link.name)
            demand = demand * shard.count if demand is not None else None
        if link.name in parent.fixed_degrees:
            fixed = parent.fixed_degrees[link.name]
            degrees = fixed if eligible is None else np.where(eligible, fixed, 0)
        else:
            model, generated = parent.degrees[link.name], self.tables[link.key.parent]
            span = parent.span("degree", link.name)
            degrees = model.decode(
                generated.codes[:, span],
                seed.numpy(),
                eligible=eligible,
                cells=cells,
                demand=demand,
                room=room,
                offset=None if is_shared else shard.offset(self.seed, link),
            )
            # Children are generated from these codes: they shall say what the parent really gets.
            generated.codes[:, span] = model.encode(degrees)
        return split(degrees, shard, self.seed.child("split", link.name)) if is_shared else degrees

    def column_codes(self, name: str) -> Codes:
        """Codes of the modelled columns of a generated table, in its codec's order."""
        fitted, generated = self.fitted.tables[name], self.tables[name]
        return generated.codes if fitted.reference is not None else fitted.column_codes(generated.codes)

    def context_of(self, driver: Link, parents: Rows, limit: int) -> Codes:
        """Codes of each row's parent and of the parent's parents; see `fit._context`."""
        above = self.tables[driver.key.parent]
        fitted = self.fitted.tables[driver.key.parent]
        codes = np.concatenate([above.codes, above.context], axis=1)[:, :limit]
        sizes = [*fitted.cardinalities, *self._context_sizes(driver.key.parent)][:limit]
        nothing = np.array(sizes, np.int32)
        return np.concatenate([codes, nothing[None]])[np.where(parents >= 0, parents, len(codes))]

    def _context_sizes(self, name: str) -> list[int]:
        """Codes per context column of a table, those for rows without a parent included."""
        driver = self.fitted.plan.driver_of(name)
        if driver is None:
            return []
        parent = driver.key.parent
        own = self.fitted.tables[parent].cardinalities
        return [k + 1 for k in [*own, *self._context_sizes(parent)]][: self.tables[name].context.shape[1]]

    def parent_key(self, link: Link, parents: Rows) -> pa.Table:
        """The foreign key of rows with these parents, in the child's names and types; null for -1."""
        rows = self.tables[link.key.parent].rows.select(list(link.key.parent_columns))
        picked = pa.array(np.maximum(parents, 0), mask=parents < 0)
        schema = self.fitted.tables[link.child].schema
        columns = [
            cast_column(column.take(picked), schema.field(name).type)
            for name, column in zip(link.key.columns, rows.columns, strict=True)
        ]
        return pa.table(columns, names=list(link.key.columns))

    def key_of(self, link: Link, parents: Rows, rng: np.random.Generator) -> pa.Table:
        """Like `parent_key`, with values of some parent in columns that are never null."""
        key, size = self.parent_key(link, parents), self.tables[link.key.parent].rows.num_rows
        alone = parents < 0
        if not link.required or not alone.any():
            return key
        lenders = rng.integers(0, size, len(parents)) if size else parents
        lent = self.parent_key(link, np.where(alone, lenders, parents))
        for name in link.required:
            values = lent.column(name) if size else _blank(key.schema.field(name).type, len(parents))
            key = key.set_column(key.column_names.index(name), name, values)
        return key

    def parent_column(self, link: Link, column: str, parents: Rows) -> pa.ChunkedArray:
        """A column of the parent for rows with these parents; null for -1."""
        values = self.tables[link.key.parent].rows.column(column)
        return values.take(pa.array(np.maximum(parents, 0), mask=parents < 0))

    def with_orphans(self, link: Link, key: pa.Table, rows: Rows, rng: np.random.Generator) -> pa.Table:
        """The key with values in these rows that no parent has.

        The last column gets values that occur in no parent; the others are those of some parent, so that
        they stay valid in other keys they belong to.
        """
        make, share = self.fitted.tables[link.child].orphans[link.name]
        parents = self.tables[link.key.parent].rows
        last = link.key.columns[-1]
        is_unique = any(last in columns for columns in self.fitted.metadata.tables[link.child].unique_sets)
        distinct = len(rows) if is_unique else max(1, min(len(rows), round(share * parents.num_rows)))
        fresh = make.make_others(distinct, self._taken(link), rng)
        picks = np.zeros(key.num_rows, np.int64)
        picks[rows] = np.arange(len(rows)) if is_unique else rng.integers(0, len(fresh), len(rows))
        lenders = np.full(key.num_rows, -1, np.int64)
        lenders[rows] = rng.integers(0, max(parents.num_rows, 1), len(rows))
        is_orphan = np.zeros(key.num_rows, bool)
        is_orphan[rows] = True
        out = key
        for i, name in enumerate(key.column_names):
            kind = key.schema.field(name).type
            if name == last:
                values = pa.chunked_array([fresh.cast(kind)]).take(pa.array(picks))
            elif parents.num_rows:
                values = self.parent_key(link, lenders).column(name)
            else:
                values = pa.chunked_array([_blank(kind, key.num_rows)])
            out = out.set_column(i, name, _where(is_orphan, values, key.column(name)))
        return out

    def _taken(self, link: Link) -> pa.Array:
        """Values of a key's last column that orphans must not have: with the highest of other shards."""
        parent, column = link.key.parent, link.key.parent_columns[-1]
        values = [self.tables[parent].rows.column(column).combine_chunks()]
        for table, name in ((parent, column), (link.child, link.key.columns[-1])):
            if table in self.existing and name in self.existing[table].column_names:
                values.append(self.existing[table].column(name).combine_chunks().drop_null())
        keys, part = self.fitted.tables[parent].keys.get(column), self.shard.parts.get(parent)
        if keys and part and part.stop < part.total and not is_text_type(keys.type):
            values.append(self.make_keys(parent, column, Part(part.total - 1, part.total, part.total)))
        return pa.concat_arrays([array.cast(values[0].type) for array in values])

    def make_keys(self, name: str, column: str, part: Part) -> pa.Array:
        """Computed keys of some rows; those of other shards, and of rows that exist, are others."""
        keys, seed = self.fitted.tables[name].keys[column], self.seed.child(name, "key", column)
        if name not in self.existing:
            return keys.make_part(part, seed)
        return keys.make_beyond(part, self.existing[name].column(column).combine_chunks(), seed)

    def finished(self, name: str) -> pa.Table:
        """The table with the real columns, in their order and types."""
        fitted, rows = self.fitted.tables[name], self.tables[name].rows
        columns = [cast_column(rows.column(field.name), field.type) for field in fitted.schema]
        return from_texts(pa.table(columns, schema=fitted.schema), fitted.uuids)


def cast_column(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    """The column in another type. Real columns without any value have the null type: so has their twin.

    Raises:
        GenerationError: The type has no room for a value.
    """
    if pa.types.is_null(kind):
        return pa.chunked_array([pa.nulls(len(column))])
    try:
        return column.cast(kind)
    except pa.ArrowInvalid as error:
        raise GenerationError(
            f"a foreign key of type {kind} has no room for the keys of its parent",
            expected=str(column.type),
            received=str(error),
            remedy="widen the foreign key's type in the source, or generate fewer rows",
        ) from error


def _blank(kind: pa.DataType, size: int) -> pa.Array:
    """Values that say nothing, for a part of a key that is not null although there is no parent at all."""
    if is_text_type(kind):
        return pa.repeat(pa.scalar("", kind), size)
    return from_numbers(np.zeros(size, np.int64), np.zeros(size, bool), kind)


def _where(mask: npt.NDArray[np.bool_], yes: pa.ChunkedArray, no: pa.ChunkedArray) -> pa.ChunkedArray:
    import pyarrow.compute as pc

    return pc.if_else(pa.array(mask), yes, no)
