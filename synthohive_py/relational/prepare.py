"""A table's columns sorted by how they come about, and its rows as codes: the first stage of a fit.

Each column is exactly one of: part of a foreign key (filled by its link), a computed key, a number that
counts the children of a parent, a repetition of a column of the parent, or modelled. Columns that repeat one
of a parent that is matched are modelled as well: then a row's parent is one that fits its other columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from synthohive_py.arrowtypes import is_nested_type
from synthohive_py.columns import ColumnHint, TableCodec
from synthohive_py.columns.base import Codes
from synthohive_py.columns.choice import fit_codec
from synthohive_py.columns.derived import DerivedCodec
from synthohive_py.columns.documents import JsonCodec
from synthohive_py.joins import parent_rows
from synthohive_py.plan import Link, Plan
from synthohive_py.relational.entities import count_once
from synthohive_py.relational.keys import KeyGenerator, is_text_type
from synthohive_py.relational.numbering import Numbering, counts_up, find_numbered
from synthohive_py.relational.order import Order, can_anchor, find_order
from synthohive_py.relational.repetitions import find_repetitions
from synthohive_py.rules import Relatives, declared_formulas, declared_repetitions
from synthohive_py.rules.kinds import codes_of
from synthohive_py.schema import Constraint, TableConfig

__all__ = ["Prepared", "drawn_sets", "prepare_table", "with_own_values_hidden"]

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Prepared:
    """A real table, ready for its model.

    Attributes:
        config: Its declaration.
        table: Its rows.
        links: Its foreign keys.
        parents: Per link, the parent row of each row.
        keys: Generators of its computed key columns.
        sequences: Columns that number the children of the driver's parent, and their first number.
        numbered: Modelled columns that number the rows of a group, and how.
        inherited: Columns that repeat one of the driver's parent, and which.
        repeated: Per profile link, columns that repeat one of its parent, and which.
        order: The modelled column that siblings are sorted by, if any.
        key_columns: Other modelled columns that are part of a unique combination.
        codec: The modelled columns: the order, then those of keys, then the others.
        own: Per column with values that belong to few entities, (rows,) the rows of these.
    """

    config: TableConfig
    table: pa.Table
    links: tuple[Link, ...]
    parents: Mapping[str, Rows]
    keys: Mapping[str, KeyGenerator]
    sequences: Mapping[str, int]
    numbered: Mapping[str, Numbering]
    inherited: Mapping[str, str]
    repeated: Mapping[str, Mapping[str, str]]
    order: Order | None
    key_columns: tuple[str, ...]
    codec: TableCodec
    own: Mapping[str, npt.NDArray[np.bool_]]

    @cached_property
    def codes(self) -> Codes:
        """The rows in the codec's codes."""
        return self.codec.encode(self.table.select(list(self.codec.names)))


def prepare_table(
    config: TableConfig,
    table: pa.Table,
    plan: Plan,
    data: Mapping[str, pa.Table],
    *,
    threshold: int,
    prepared: Mapping[str, Prepared],
) -> Prepared:
    """Sort the columns and encode the rows.

    Args:
        config: The table's declaration.
        table: Its rows.
        plan: The parts of the foreign keys.
        data: All tables, for their keys.
        threshold: Values held by fewer rows are not stored.
        prepared: The tables before this one, its parents among them.
    """
    links = plan.links_of(config.name)
    parents = {
        link.name: parent_rows(table, link.key.columns, data[link.key.parent], link.key.parent_columns)
        for link in links
    }
    foreign = _foreign_columns(config, links)
    keys = {
        columns[0]: KeyGenerator.fit(_whole(table.column(columns[0])), threshold=threshold)
        for columns in config.unique_sets
        if len(columns) == 1 and columns[0] not in foreign and _computable(table.column(columns[0]))
    }
    driver = plan.driver_of(config.name)
    sequences = _sequences(config, table, driver, parents, {*foreign, *keys})
    own = [c for c in table.column_names if c not in {*foreign, *keys, *sequences}]
    above = prepared[driver.key.parent] if driver else None
    inherited = _inherited(config, table, own, above, parents[driver.name] if driver else None)
    own = [c for c in own if c not in inherited]
    inherited |= _copied(links, driver)
    repeated = _repeated(table, own, links, parents, prepared)
    modelled = [c for c in table.column_names if c in own or any(c in r for r in repeated.values())]
    if config.mode == "reference":  # copied, so coded only where children are matched to its rows
        modelled = [c for c in modelled if plan.links_to(config.name) and _learnable(table.column(c))]
    order = _order_column(config, table, driver, parents, modelled)
    sets = drawn_sets(config, links, keys, sequences, order)
    key_columns = tuple(c for c in modelled if c != order and any(c in columns for columns in sets))
    codec = _codec(config, table, [*([order] if order else []), *key_columns], modelled, threshold)
    return Prepared(
        config,
        table,
        links,
        parents,
        keys,
        sequences,
        {} if config.mode == "reference" else find_numbered(table, sets, {*foreign, order}),
        inherited,
        repeated,
        _order(order, table, parents[driver.name], above, threshold) if order and driver and above else None,
        key_columns,
        codec,
        {},
    )


def with_own_values_hidden(p: Prepared, entities: Sequence[Rows], *, threshold: int) -> Prepared:
    """The same table, where values that belong to few entities are not stored, however many rows hold them.

    Args:
        p: The table.
        entities: Ways to tell whom each row belongs to; see `entities_of`.
        threshold: Values that belong to fewer entities are not stored.
    """
    codecs = dict(zip(p.codec.names, p.codec.codecs, strict=True))
    own = {}

    def counts(values: pa.Array, rows: Rows) -> npt.NDArray[np.bool_]:
        return count_once(codes_of(values), [whose[rows] for whose in entities], threshold=threshold)[0]

    for name, codec in codecs.items():
        kind = p.table.schema.field(name).type
        is_public = name in p.config.accepted_values or pa.types.is_boolean(kind)
        if is_public or isinstance(codec, DerivedCodec):
            continue
        column = _whole(p.table.column(name))
        if is_nested_type(kind) or isinstance(codec, JsonCodec):
            if entities:
                codecs[name] = fit_codec(column, threshold=threshold, hint=ColumnHint(), counted=counts)
            continue
        counted, common = count_once(codes_of(column), entities, threshold=threshold)
        if not counted.all():
            kept = column.filter(pa.array(counted))
            codecs[name] = fit_codec(kept, threshold=threshold, hint=_hints(p.config, [name])[name])
            own[name] = ~common
    parts = {c for link in p.links if len(link.key.columns) > 1 for c in link.key.columns}
    for name in {*p.inherited} | parts - {*own}:  # not coded, but rules may be about them
        own[name] = ~count_once(codes_of(_whole(p.table.column(name))), entities, threshold=threshold)[1]
    return replace(p, codec=TableCodec(p.codec.names, tuple(codecs.values())), own=own)


def _inherited(
    config: TableConfig, table: pa.Table, own: Sequence[str], above: Prepared | None, parents: Rows | None
) -> dict[str, str]:
    """The columns, of the table's own, that repeat one of the driver's parent: declared or found."""
    if config.mode == "reference":
        return {}
    if above is None or parents is None:
        return declared_repetitions(config, table, None, own)
    # A computed key may be repeated, too: the e-mail of each order's customer.
    found = find_repetitions(table, own, above.table, [*above.codec.names, *above.keys], parents)
    return found | declared_repetitions(config, table, Relatives(above.table, parents), own)


def _codec(
    config: TableConfig, table: pa.Table, leading: Sequence[str], modelled: Sequence[str], threshold: int
) -> TableCodec:
    """The codec of the modelled columns, the leading ones first and computed from no other."""
    names = [*leading, *(c for c in modelled if c not in leading)]
    held = {*table.column_names} - {*modelled} | {*leading}
    return TableCodec.fit(
        table.select(names),
        name=config.name,
        threshold=threshold,
        hints=_hints(config, modelled),
        independent=leading,
        formulas=None if config.mode == "reference" else declared_formulas(config, table, held=held),
    )


def _repeated(
    table: pa.Table,
    own: Sequence[str],
    links: Sequence[Link],
    parents: Mapping[str, Rows],
    prepared: Mapping[str, Prepared],
) -> dict[str, dict[str, str]]:
    """Per profile link the columns, its own among them, that repeat a modelled column of the parent."""
    fixed = {c for link in links if link.role == "driver" for c in link.key.columns}
    found: dict[str, dict[str, str]] = {}
    for link in links:
        if link.role != "profile":
            continue
        above = prepared[link.key.parent]
        pairs = zip(link.key.columns, link.key.parent_columns, strict=True)
        # A column that is a key for itself says which parent it is, not what kind of parent.
        shared = {} if len(link.key.columns) == 1 else {c: p for c, p in pairs if p in above.codec.names}
        others = find_repetitions(table, own, above.table, above.codec.names, parents[link.name])
        found[link.name] = {c: p for c, p in {**shared, **others}.items() if c not in fixed}
        fixed |= {*link.key.columns, *others}
    return found


def _order_column(
    config: TableConfig,
    table: pa.Table,
    driver: Link | None,
    parents: Mapping[str, Rows],
    modelled: Sequence[str],
) -> str | None:
    """The declared order of siblings, or the one that is found."""
    if driver is None or config.mode == "reference":
        return None
    if config.order_by in modelled:
        return config.order_by
    key = set(driver.key.columns)
    # A value that is unique without its parent can't be a step from a sibling's.
    loose = {c for columns in config.unique_sets if not key <= set(columns) for c in columns}
    unique = [set(columns) - key for columns in config.unique_sets if key <= set(columns)]
    return find_order(table, parents[driver.name], [c for c in modelled if c not in loose], unique)


def _order(name: str, table: pa.Table, parents: Rows, above: Prepared, threshold: int) -> Order:
    rows = pa.array(np.maximum(parents, 0), mask=parents < 0)
    column = _whole(table.column(name))
    anchors = {
        c: _whole(above.table.column(c)).take(rows)
        for c in above.codec.names
        if can_anchor(above.table.column(c).type, column.type)
    }
    return Order.fit(name, column, parents, anchors, threshold=threshold)


def _foreign_columns(config: TableConfig, links: Sequence[Link]) -> set[str]:
    """The columns that links fill. A deferred link comes too late for columns of the primary key."""
    early = {c for link in links if link.role != "deferred" for c in link.key.columns}
    late = {c for link in links if link.role == "deferred" for c in link.key.columns}
    return early | (late - set(config.pk))


def drawn_sets(
    config: TableConfig,
    links: Sequence[Link],
    keys: Mapping[str, KeyGenerator],
    sequences: Mapping[str, int],
    order: str | None,
) -> list[tuple[str, ...]]:
    """The unique combinations that hold only if rows are drawn again until they differ.

    Left out are those that hold by construction (a computed key, a numbering of children, the driver's
    key alone or with the order of siblings) and those that are known only after matching, which
    `uniqueness.py` repairs.
    """
    driver = {c for link in links if link.role == "driver" for c in link.key.columns}
    foreign = _foreign_columns(config, links)
    matched = {c for link in links if link.role in ("profile", "deferred") for c in link.key.columns}
    matched = (matched & foreign) - driver - {order}
    return [
        columns
        for columns in config.unique_sets
        if not set(columns) & {*keys, *sequences, *matched} and not set(columns) <= driver | {order}
    ]


def _copied(links: Sequence[Link], driver: Link | None) -> dict[str, str]:
    """Columns of foreign keys that are those of the driver's parent."""
    return {
        ours: theirs
        for link in links
        if link.role == "copied"
        for ours, theirs in zip(link.key.columns, link.source, strict=True)
        if driver and ours not in driver.key.columns
    }


def _learnable(column: pa.ChunkedArray) -> bool:
    return bool(pa.types.is_primitive(column.type) or is_text_type(column.type))


def _computable(column: pa.ChunkedArray) -> bool:
    return not column.null_count and KeyGenerator.can_make(column.type)


def _hints(config: TableConfig, columns: Sequence[str]) -> dict[str, ColumnHint]:
    return {
        name: ColumnHint(
            domain=tuple(config.accepted_values[name]) if name in config.accepted_values else None,
            rule=config.constraints.get(name, Constraint()),
        )
        for name in columns
    }


def _sequences(
    config: TableConfig,
    table: pa.Table,
    driver: Link | None,
    parents: Mapping[str, Rows],
    taken: set[str],
) -> dict[str, int]:
    """Columns that, with the driver's key, are unique and count 1, 2, 3, ... within each parent."""
    if driver is None:
        return {}
    found = {}
    for columns in config.unique_sets:
        rest = [c for c in columns if c not in driver.key.columns]
        if len(rest) != 1 or rest[0] in taken or not set(driver.key.columns) <= set(columns):
            continue
        column = table.column(rest[0])
        if not pa.types.is_integer(column.type) or column.null_count:
            continue
        values = _whole(column).cast(pa.int64(), safe=False).to_numpy(zero_copy_only=False)
        if counts_up(values, parents[driver.name]):
            found[rest[0]] = int(values.min())
    return found


def _whole(column: pa.ChunkedArray) -> pa.Array:
    combined = column.combine_chunks()
    return pa.concat_arrays(combined.chunks) if isinstance(combined, pa.ChunkedArray) else combined
