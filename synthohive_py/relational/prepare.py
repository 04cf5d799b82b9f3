"""A table's columns sorted by how they come about, and its rows as codes: the first stage of a fit.

Each column is exactly one of: part of a foreign key (filled by its link), a computed key, a number that
counts the children of a parent, or modelled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from synthohive_py.columns import ColumnHint, TableCodec
from synthohive_py.columns.base import Codes
from synthohive_py.joins import parent_rows
from synthohive_py.plan import Link, Plan
from synthohive_py.relational.keys import KeyGenerator, is_text_type
from synthohive_py.schema import Constraint, TableConfig

__all__ = ["Prepared", "drawn_sets", "prepare_table"]

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
        key_columns: Modelled columns that are part of a unique combination.
        codec: The modelled columns, those of keys first.
        codes: The rows in the codec's codes.
    """

    config: TableConfig
    table: pa.Table
    links: tuple[Link, ...]
    parents: Mapping[str, Rows]
    keys: Mapping[str, KeyGenerator]
    sequences: Mapping[str, int]
    key_columns: tuple[str, ...]
    codec: TableCodec
    codes: Codes


def prepare_table(
    config: TableConfig, table: pa.Table, plan: Plan, data: Mapping[str, pa.Table], *, threshold: int
) -> Prepared:
    """Sort the columns and encode the rows.

    Args:
        config: The table's declaration.
        table: Its rows.
        plan: The parts of the foreign keys.
        data: All tables, for their keys.
        threshold: Values held by fewer rows are not stored.
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
    modelled = [c for c in table.column_names if c not in {*foreign, *keys, *sequences}]
    if config.mode == "reference":  # copied, so coded only where children are matched to its rows
        modelled = [c for c in modelled if plan.links_to(config.name) and _learnable(table.column(c))]
    in_key = {c for columns in drawn_sets(config, links, keys, sequences) for c in columns}
    key_columns = tuple(c for c in modelled if c in in_key)
    ordered = [*key_columns, *(c for c in modelled if c not in key_columns)]
    codec = TableCodec.fit(
        table.select(ordered),
        name=config.name,
        threshold=threshold,
        hints=_hints(config, modelled),
        independent=key_columns,
    )
    return Prepared(
        config,
        table,
        links,
        parents,
        keys,
        sequences,
        key_columns,
        codec,
        codec.encode(table.select(ordered)),
    )


def _foreign_columns(config: TableConfig, links: Sequence[Link]) -> set[str]:
    """The columns that links fill. A deferred link comes too late for columns of the primary key."""
    early = {c for link in links if link.role != "deferred" for c in link.key.columns}
    late = {c for link in links if link.role == "deferred" for c in link.key.columns}
    return early | (late - set(config.pk))


def drawn_sets(
    config: TableConfig, links: Sequence[Link], keys: Mapping[str, KeyGenerator], sequences: Mapping[str, int]
) -> list[tuple[str, ...]]:
    """The unique combinations that hold only if rows are drawn again until they differ.

    Left out are those that hold by construction (a computed key, a numbering of children, the driver's
    key alone) and those that are known only after matching, which `uniqueness.py` repairs.
    """
    driver = {c for link in links if link.role == "driver" for c in link.key.columns}
    foreign = _foreign_columns(config, links)
    matched = {c for link in links if link.role in ("profile", "deferred") for c in link.key.columns}
    matched = (matched & foreign) - driver
    return [
        columns
        for columns in config.unique_sets
        if not set(columns) & {*keys, *sequences, *matched} and not set(columns) <= driver
    ]


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
        if _counts_up(values, parents[driver.name]):
            found[rest[0]] = int(values.min())
    return found


def _counts_up(values: Rows, parents: Rows) -> bool:
    """Whether each parent's values are start, start + 1, ... in some order, with one start for all."""
    if not len(values) or (parents < 0).any():
        return False
    order = np.lexsort((values, parents))
    sizes = np.bincount(parents)
    first = (np.cumsum(sizes) - sizes)[parents[order]]
    place = np.arange(len(values)) - first
    return bool((values[order] - place == values.min()).all())


def _whole(column: pa.ChunkedArray) -> pa.Array:
    combined = column.combine_chunks()
    return pa.concat_arrays(combined.chunks) if isinstance(combined, pa.ChunkedArray) else combined
