"""What follows from a value: as in real rows where that may be stored, else as most generated rows say."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from synthohive_py.columns.bins import nearest
from synthohive_py.columns.scalars import is_ordered_type, to_numbers
from synthohive_py.rules.kinds import Depends, NullBy, codes_of, spread, stored

__all__ = ["decided_values", "find_answers", "wanted_nulls"]

AGREED = 0.8  # share of the generated rows with one value that settles what follows from it

Mask = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]


def find_answers(
    rule: Depends | NullBy, table: pa.Table, own: Mapping[str, Mask], threshold: int
) -> pa.Table:
    """What follows from each value that enough rows hold, or whether that is null.

    Args:
        rule: What decides what.
        table: The real rows.
        own: Per column with values that belong to few entities, (rows,) the rows of these.
        threshold: Values held by fewer rows than this are not stored.

    Returns:
        The values of the rule's two columns, of UUIDs their bytes; none if of numbers too few are known to
        say what follows from those between them.
    """
    # Under names of our own: Arrow reads a point or a bracket in a name as a path.
    both = (stored(table.column(name).combine_chunks()) for name in rule.columns)
    pairs = pa.table(dict(zip(("on", "column"), both, strict=True)))
    rows = table.num_rows - pairs.column("on").null_count
    told = (rule.on,) if isinstance(rule, NullBy) else rule.columns
    hidden = np.logical_or.reduce([np.zeros(table.num_rows, bool), *(own[c] for c in told if c in own)])
    pairs = pairs.filter(pa.array(~hidden))
    if isinstance(rule, NullBy):
        pairs = pairs.set_column(1, "column", pc.is_null(pairs.column("column")))
    counted = pairs.group_by(["on", "column"]).aggregate([([], "count_all")])
    known = counted.filter((pc.field("count_all") >= threshold) & pc.field("on").is_valid())
    is_most = 2 * (pc.sum(known.column("count_all")).as_py() or 0) >= rows
    is_enough = is_most or not is_ordered_type(known.column("on").type)
    known = known.select(["on", "column"]).slice(0, None if is_enough else 0)
    return known.rename_columns([rule.on, rule.column])


def wanted_nulls(rule: NullBy, answers: pa.Table, table: pa.Table) -> Mask:
    """Whether each row should have a null: as real rows with the same value, or most of ours.

    Args:
        rule: What decides where nulls are.
        answers: What is known of real rows; see `find_answers`.
        table: Generated rows.
    """
    known = answers.column(rule.on).combine_chunks()
    place = pc.index_in(stored(table.column(rule.on).combine_chunks()), value_set=known)
    null = np.asarray(table.column(rule.column).is_null())
    wanted = answers.column(rule.column).combine_chunks().take(place)
    return np.asarray(pc.if_else(place.is_valid(), wanted, pa.array(null ^ rule.broken(table))))


def decided_values(rule: Depends, answers: pa.Table | None, table: pa.Table) -> pa.Array:
    """The value that follows in each row: the known one, else the one that rows like it agree on.

    Numbers never seen follow their nearest neighbour. Where nothing decides, a row's own value stays.

    Args:
        rule: What decides what.
        answers: What is known of real rows, if anything; see `find_answers`.
        table: Generated rows.
    """
    on, column = (table.column(name).combine_chunks() for name in (rule.on, rule.column))
    speakers = _speakers(codes_of(on), codes_of(column))
    agreed = column.take(pa.array(np.where(on.is_valid(), speakers, np.arange(len(on)))))
    if answers is None:
        return agreed
    known = answers.column(rule.on).combine_chunks()
    place = pc.index_in(stored(on), value_set=known)
    if is_ordered_type(on.type) and len(known):
        ticks = to_numbers(known)[0]
        order = np.argsort(ticks)
        values, null = spread(on)
        place = pa.array(order[nearest(ticks[order], values)], mask=null)
    follows = answers.column(rule.column).combine_chunks().take(place)
    both = pc.if_else(place.is_valid(), follows, stored(agreed))
    return column.type.wrap_array(both) if isinstance(column, pa.ExtensionArray) else both


def _speakers(on: Rows, column: Rows) -> Rows:
    """The row that each row agrees with: one of nearly all that share its value, else the first of these.

    Nearly all are right where few are wrong. Where they differ as they like, the largest part of them would
    take all, and the others would die out.
    """
    width = int(column.max(initial=-1)) + 1
    pairs, first, size = np.unique(on * width + column, return_index=True, return_counts=True)
    rows = np.bincount(on)
    speaker = np.unique(on, return_index=True)[1]
    is_agreed = size >= AGREED * rows[pairs // max(width, 1)]
    speaker[pairs[is_agreed] // max(width, 1)] = first[is_agreed]
    return speaker[on]
