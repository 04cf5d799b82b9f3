"""Tables that stand alone, generated part after part: memory does not grow with the number of rows.

Every part has a random stream of its own, so parts can be made side by side, and the rows do not depend on
how many are.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice

import pyarrow as pa

from synthohive_py.models.processor import processor_settings
from synthohive_py.relational.conditions import Conditions
from synthohive_py.relational.fitted import FittedSchema, FittedTable
from synthohive_py.rng import Part, Seed

__all__ = ["PART_ROWS", "stands_alone", "stream_table"]

PART_ROWS = 65_536


def stands_alone(fitted: FittedSchema, name: str) -> bool:
    """Whether the rows of a table depend on no other row: it has no links, and no combination is drawn."""
    table, plan = fitted.tables[name], fitted.plan
    linked = plan.links_of(name) or plan.links_to(name) or any(k.key.parent == name for k in plan.links)
    return table.reference is None and not linked and not table.key_width


def stream_table(
    table: FittedTable, size: int, seed: Seed, conditions: Conditions | None = None
) -> Iterator[pa.Table]:
    """Generate a table that stands alone, at most `PART_ROWS` rows at a time, in their order.

    Args:
        table: What was learned.
        size: How many rows.
        seed: Everything random derives from it.
        conditions: Values that every row has.
    """
    starts = iter(range(0, max(size, 1), PART_ROWS))  # an empty table has one part, without rows
    workers = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

    def make(first: int) -> pa.Table:
        with processor_settings():
            return _part(table, Part(first, min(first + PART_ROWS, size), size), seed, conditions)

    with processor_settings(), ThreadPoolExecutor(workers) as pool:
        ahead: deque[Future[pa.Table]] = deque(pool.submit(make, s) for s in islice(starts, workers + 1))
        while ahead:
            part = ahead.popleft().result()
            ahead.extend(pool.submit(make, s) for s in islice(starts, 1))
            yield part


def _part(table: FittedTable, part: Part, seed: Seed, conditions: Conditions | None) -> pa.Table:
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
    columns = dict(zip(values.column_names, values.columns, strict=True))
    for name, keys in table.keys.items():
        columns[name] = pa.chunked_array([keys.make_part(part, seed.child("key", name))])
    if not columns:
        return pa.table({"": pa.nulls(len(part))}).select([])
    return pa.table([columns[field.name] for field in table.schema], schema=table.schema)
