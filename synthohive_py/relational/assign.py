"""Foreign keys that are matched: profile links, and those deferred until all tables exist."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from synthohive_py.columns.bins import nearest
from synthohive_py.columns.scalars import from_numbers, to_numbers
from synthohive_py.joins import group_ids, parent_rows
from synthohive_py.plan import Link
from synthohive_py.relational.matching import cells_of, match
from synthohive_py.relational.world import Generated, World, cast_column
from synthohive_py.rng import Seed

__all__ = ["assign_link", "cut_loops", "eligible_parents", "unlinked"]

MAX_REPEATED = 6  # repeated columns that a parent is looked for by

Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


def eligible_parents(world: World, link: Link) -> Mask | None:
    """Parents whose key also satisfies the child's other keys that share columns with this one.

    An order line's (order, product) may lie inside one key and its product inside another: a parent
    whose product does not exist can have no children.
    """
    parents = world.tables[link.key.parent].rows
    eligible: Mask | None = None
    for other in world.fitted.plan.links_of(link.child):
        shared = [c for c in other.key.columns if c in link.key.columns]
        if other == link or not shared or other.key.parent not in world.tables:
            continue
        if other.key.orphans == "keep":
            continue  # what no parent has may occur
        ours = [link.key.parent_columns[link.key.columns.index(c)] for c in shared]
        theirs = [other.key.parent_columns[other.key.columns.index(c)] for c in shared]
        known = parent_rows(parents, ours, world.tables[other.key.parent].rows, theirs) >= 0
        eligible = known if eligible is None else eligible & known
    return eligible


def assign_link(
    world: World, name: str, link: Link, generated: Generated, seed: Seed, *, rows: Rows | None = None
) -> Generated:
    """The table with the link's foreign key filled.

    Args:
        world: The tables so far; the parent must be among them.
        name: The table.
        link: A profile or deferred link of it.
        generated: Its rows so far.
        seed: Decides among equals.
        rows: Fill only these rows, with parents drawn at random within their limits; by default all
            rows, matched by profile.
    """
    fitted = world.fitted.tables[name]
    profile = fitted.profiles[link.name]
    wanted = generated.codes[:, fitted.span("profile", link.name)]
    target = wanted[:, 0] < profile.cardinalities[0]
    orphaned = wanted[:, 0] == profile.cardinalities[0] + 1
    if rows is not None:
        only = np.zeros(len(wanted), bool)
        only[rows] = True
        target &= only
    if link.key.parent == name:
        world.tables[name] = generated  # the table itself is the parent
    repeated = fitted.repeated.get(link.name, {})
    order = fitted.order.column if fitted.order and fitted.order.column in repeated else None
    if order and rows is None:
        generated = _with_known_values(world, link, generated, order, repeated[order])
    loose = {c for c in repeated if c != order}
    shared = [c for c in link.key.columns if c in generated.rows.column_names and c not in loose]
    shared += [order] if order and order not in shared else []
    if rows is not None:
        shared = _shared_with_others(world, link, generated)
    parents = _match(
        world, link, generated, wanted, target, shared=shared, seed=seed, at_random=rows is not None
    )
    key = world.key_of(link, parents, seed.child("lent").numpy())
    if orphaned.any() and rows is None and link.name in fitted.orphans:
        key = world.with_orphans(link, key, np.flatnonzero(orphaned), seed.child("orphans").numpy())
    columns = {column: key.column(column) for column in key.column_names if column not in shared}
    for column in loose - set(columns):
        kind = fitted.schema.field(column).type
        columns[column] = cast_column(world.parent_column(link, repeated[column], parents), kind)
    found = pa.array(target & (parents >= 0))
    table, codes = generated.rows, generated.codes
    for column, theirs in columns.items():
        if column not in table.column_names:
            table = table.append_column(column, theirs)
            continue
        is_fixed = rows is None and column in link.key.columns
        values = theirs if is_fixed else pc.if_else(found, theirs, table.column(column))
        table = table.set_column(table.column_names.index(column), column, values)
        if column in repeated:
            codes[:, fitted.span("column", column)] = fitted.codec.codec(column).encode(
                values.combine_chunks()
            )
    return Generated(table, codes, generated.context)


def _with_known_values(world: World, link: Link, generated: Generated, column: str, theirs: str) -> Generated:
    """Values of the column that no parent has become the nearest that one has."""
    known = world.tables[link.key.parent].rows.column(theirs).unique().drop_null()
    values = generated.rows.column(column)
    if not len(known):
        return generated
    ticks = np.sort(to_numbers(known.cast(values.type))[0])
    ours = to_numbers(values.combine_chunks())[0]
    closest = ticks[nearest(ticks, ours)]
    if (closest == ours).all():
        return generated
    fitted = world.fitted.tables[link.child]
    column_values = from_numbers(closest, np.zeros(len(ours), bool), values.type)
    generated.codes[:, fitted.span("column", column)] = fitted.codec.codec(column).encode(column_values)
    place = generated.rows.column_names.index(column)
    return Generated(
        generated.rows.set_column(place, column, column_values), generated.codes, generated.context
    )


def cut_loops(world: World, link: Link, generated: Generated) -> Generated:
    """Rows of a table that refers to itself, such that no row is its own ancestor."""
    table, key = generated.rows, link.key
    parents = parent_rows(table, key.columns, table, key.parent_columns)
    return unlinked(world, link, generated, np.flatnonzero(_without_loops(parents) != parents))


def unlinked(world: World, link: Link, generated: Generated, rows: Rows) -> Generated:
    """These rows refer to nothing along the link; columns that other keys fill, too, stay."""
    table = generated.rows
    null = np.zeros(table.num_rows, bool)
    null[rows] = True
    kept = {*_shared_with_others(world, link, generated), *link.required}
    for column in (c for c in link.key.columns if c not in kept):
        old = table.column(column)
        values = pc.if_else(pa.array(null), pa.scalar(None, old.type), old)
        table = table.set_column(table.column_names.index(column), column, values)
    return Generated(table, generated.codes, generated.context)


def _shared_with_others(world: World, link: Link, generated: Generated) -> list[str]:
    """Columns of the link that other keys of the table fill."""
    others = {c for k in world.fitted.plan.links_of(link.child) if k != link for c in k.key.columns}
    return [c for c in link.key.columns if c in others and c in generated.rows.column_names]


def _match(
    world: World,
    link: Link,
    generated: Generated,
    wanted: npt.NDArray[np.int32],
    target: Mask,
    *,
    shared: list[str],
    seed: Seed,
    at_random: bool,
) -> Rows:
    """A parent row for each target row, else -1."""
    fitted = world.fitted.tables[link.child]
    parents = np.full(len(target), -1, np.int64)
    children = np.flatnonzero(target)
    if not len(children):
        return parents
    eligible = eligible_parents(world, link)
    above = world.tables[link.key.parent]
    allowed = np.arange(above.rows.num_rows) if eligible is None else np.flatnonzero(eligible)
    rng = seed.child("match").numpy()
    ours_group = their_group = None
    if shared:
        pairs = {
            **dict(zip(link.key.columns, link.key.parent_columns, strict=True)),
            **fitted.repeated.get(link.name, {}),
        }
        tables = [generated.rows.take(pa.array(children)), above.rows]
        ours_group, their_group = group_ids(tables, [shared, [pairs[c] for c in shared]])
    if at_random:
        slots, offered = np.ones(above.rows.num_rows, np.int64), np.zeros((above.rows.num_rows, 0), np.int32)
        asked = np.zeros((len(children), 0), np.int32)
    else:
        ours, theirs = _repeated_codes(world, link, generated, shared)
        cells = cells_of([ours_group, their_group], [ours[children], theirs])
        demand = np.bincount(cells[0], minlength=int(cells[1].max(initial=-1)) + 1)
        own = seed.child("degrees")
        slots = world.degrees(link, own, eligible, cells=cells[1], demand=demand)
        profiles = fitted.profiles[link.name].encode(world.column_codes(link.key.parent))
        asked = np.concatenate([ours[children], wanted[children]], axis=1)
        offered = np.concatenate([theirs, profiles], axis=1)
    found = match(
        asked,
        offered[allowed],
        slots[allowed],
        rng,
        child_groups=ours_group,
        parent_groups=None if their_group is None else their_group[allowed],
    )
    parents[children] = np.where(found >= 0, allowed[np.maximum(found, 0)] if len(allowed) else -1, -1)
    return parents


def _repeated_codes(
    world: World, link: Link, generated: Generated, shared: list[str]
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Codes of the columns that repeat one of the parent, of the children and of the parents."""
    fitted = world.fitted.tables[link.child]
    above = world.tables[link.key.parent].rows
    ours = [np.zeros((generated.rows.num_rows, 0), np.int32)]
    theirs = [np.zeros((above.num_rows, 0), np.int32)]
    pairs = [(c, p) for c, p in fitted.repeated.get(link.name, {}).items() if c not in shared]
    for column, other in pairs[:MAX_REPEATED]:
        codec = fitted.codec.codec(column)
        values = cast_column(above.column(other), fitted.schema.field(column).type)
        ours.append(generated.codes[:, fitted.span("column", column)])
        theirs.append(codec.encode(values.combine_chunks()))
    return np.concatenate(ours, axis=1), np.concatenate(theirs, axis=1)


def _without_loops(parents: Rows) -> Rows:
    """Parent rows of the same table such that no row is its own ancestor: one link of each loop is cut."""
    parents = parents.copy()
    depth = np.zeros(len(parents), np.int64)  # 0: not seen; otherwise the walk that came by
    for start in range(len(parents)):
        row = start
        while row >= 0 and depth[row] == 0:
            depth[row] = start + 1
            row = int(parents[row])
        if row >= 0 and depth[row] == start + 1:
            parents[row] = -1
    return parents
