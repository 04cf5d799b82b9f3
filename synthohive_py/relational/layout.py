"""In which order the codes of a table are generated: keys first, then what is matched, then all else."""

from __future__ import annotations

from synthohive_py.columns import TableCodec
from synthohive_py.plan import Link
from synthohive_py.relational.fitted import Block, FittedTable
from synthohive_py.relational.order import Order
from synthohive_py.relational.prepare import Prepared

__all__ = ["column_block", "layout_of"]


def column_block(codec: TableCodec, name: str) -> Block:
    """The block of a column of the table."""
    column = codec.codec(name)
    return Block("column", name, column.cardinalities, column.ordered)


def layout_of(p: Prepared, fitted: FittedTable) -> tuple[tuple[Block, ...], int]:
    """The blocks in the order of their generation, and how many code columns the keys take.

    Args:
        p: The prepared table.
        fitted: Its lookups, profiles, gaps, recurrences, degrees and families.
    """
    in_key = [link for link in p.links if link.role == "lookup" and _in_unique_set(p, link)]
    lookups = [
        Block("lookup", link.name, fitted.lookups[link.name].cardinalities, (False,))
        for link in [*in_key, *(k for k in p.links if k.role == "lookup" and k not in in_key)]
    ]
    keys = [*lookups[: len(in_key)], *(column_block(p.codec, name) for name in p.key_columns)]
    if p.order:  # first, because a step says which value comes next
        step = Block("step", p.order.column, (p.order.cardinality,), (False,))
        keys = [*_calendar_blocks(p.order), step, column_block(p.codec, p.order.column), *keys]
    profiles = [
        Block("profile", name, (profile.cardinalities[0] + 2, profile.cardinalities[1]), (False, False))
        for name, profile in fitted.profiles.items()
    ]
    taken = {block.name for block in keys if block.kind == "column"}
    columns = [column_block(p.codec, name) for name in p.codec.names if name not in taken]
    again = [b for b in columns if b.name in fitted.recurrences]  # these last: it is given which value it is
    recurrences = [
        Block("recurrence", name, how.cardinalities, (False,)) for name, how in fitted.recurrences.items()
    ]
    later = [b for b in columns if b.name in fitted.gaps]  # likewise, how long after another it is
    gaps = [
        Block("gap", name, gap.codec.cardinalities, gap.codec.ordered) for name, gap in fitted.gaps.items()
    ]
    first = [b for b in columns if b not in again and b not in later]
    columns = [*first, *gaps, *later, *recurrences, *again]
    degrees = [
        Block("degree", name, degree.codec.cardinalities, (True,)) for name, degree in fitted.degrees.items()
    ]
    families = [Block("family", name, k, (False,) * len(k)) for name, k in fitted.families.items()]
    width = sum(len(block.cardinalities) for block in keys)
    return (*keys, *profiles, *lookups[len(in_key) :], *columns, *degrees, *families), width


def _calendar_blocks(order: Order) -> list[Block]:
    if order.calendar is None:
        return []
    sizes = order.calendar.cardinalities
    return [Block("calendar", order.column, sizes, (False,) * len(sizes))]


def _in_unique_set(p: Prepared, link: Link) -> bool:
    return any(set(link.key.columns) & set(columns) for columns in p.config.unique_sets)
