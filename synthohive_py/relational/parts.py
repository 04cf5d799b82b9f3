"""A part of a table that stands alone: its rows depend on what was learned, the seed and their place only."""

from __future__ import annotations

import pyarrow as pa

from synthohive_py.models.processor import processor_settings
from synthohive_py.relational.conditions import Conditions
from synthohive_py.relational.fitted import FittedTable
from synthohive_py.rng import Part, Seed

__all__ = ["make_part"]


@processor_settings()
def make_part(table: FittedTable, part: Part, seed: Seed, conditions: Conditions | None = None) -> pa.Table:
    """Generate some neighbouring rows.

    Args:
        table: What was learned.
        part: Which rows.
        seed: Of the whole table.
        conditions: Values that every row has.
    """
    assert table.model is not None
    own = seed.child("part", part.first)
    codes = table.model.sample(
        len(part),
        given=conditions.given(len(part), len(table.cardinalities)) if conditions else None,
        generator=own.child("rows").numpy(),
    )
    values = table.codec.decode(
        table.column_codes(codes),
        seed=seed.child("values"),
        part=part,
        fixed=conditions.values if conditions else None,
    )
    values, _ = table.keeper.keep(
        values,
        own.child("rules").numpy(),
        fixed=set(conditions.values) if conditions else (),
    )
    columns = dict(zip(values.column_names, values.columns, strict=True))
    for name, keys in table.keys.items():
        columns[name] = pa.chunked_array([keys.make_part(part, seed.child("key", name))])
    if not columns:
        return pa.table({"": pa.nulls(len(part))}).select([])
    return pa.table([columns[field.name] for field in table.schema], schema=table.schema)
