"""What a task of Spark does: it makes its shards of a twin.

The tasks need this package where they run. Each is given what was learned, and the numbers of its shards; it
makes one after the other, so its memory is that of one shard. All tables come from one run, in which a row
has a column for each table: a struct in that of its own, null in the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from synthohive_py.connectors.spark_types import as_spark, spark_schema
from synthohive_py.models.processor import processor_settings
from synthohive_py.relational.conditions import Conditions
from synthohive_py.relational.generation import Generation
from synthohive_py.relational.shards import Shard
from synthohive_py.states import dump_state, load_state

__all__ = ["column_of", "rows_of", "shard_maker", "shard_schema"]

PIECE_ROWS = 16_384  # that Spark gets at a time

Batches = Iterator[pa.RecordBatch]


def column_of(place: int) -> str:
    """The column that holds the rows of a table, told by its place among those made in shards."""
    return f"t{place}"


def shard_schema(generation: Generation) -> pa.Schema:
    """The columns of what the tasks make.

    Raises:
        ConnectorError: Spark has no type for a column.
    """
    tables = generation.fitted.tables
    kinds = [pa.struct(list(spark_schema(tables[n].twin_schema, n))) for n in generation.made_in_shards]
    return pa.schema([(column_of(place), kind) for place, kind in enumerate(kinds)])


def shard_maker(generation: Generation) -> tuple[Callable[[Batches], Batches], int]:
    """The function for `mapInArrow` that makes rows of the numbers of shards, and its size in bytes."""
    payload = dump_state(generation.state())
    shards = [shard.state() for shard in generation.shards]
    conditions = generation.conditions

    def make(batches: Batches) -> Batches:
        yield from rows_of(payload, conditions, shards, batches)

    return make, len(payload)


def rows_of(
    payload: bytes,
    conditions: Mapping[str, Conditions],
    shards: Sequence[Mapping[str, Any]],
    batches: Batches,
) -> Batches:
    """The rows of some shards, those of all tables in one schema.

    Args:
        payload: What every shard needs.
        conditions: Per table the values that every row has.
        shards: The states of all shards.
        batches: In their first column the numbers of those to make.
    """
    generation = replace(Generation.from_state(load_state(payload)), conditions=conditions)
    schema = shard_schema(generation)
    places = {name: place for place, name in enumerate(generation.made_in_shards)}
    with processor_settings():  # held on: the process's other tasks would take them back
        for batch in batches:
            for number in batch.column(0).to_pylist():
                for name, rows in generation.make(Shard.from_state(shards[number])):
                    yield from _spread(rows, schema, places[name])


def _spread(rows: pa.Table, schema: pa.Schema, place: int) -> Batches:
    """The rows as one column, beside nulls for all other tables."""
    kind = schema.field(place).type
    for piece in as_spark(rows, pa.schema(list(kind))).to_batches(PIECE_ROWS):
        columns = [pa.nulls(piece.num_rows, field.type) for field in schema]
        columns[place] = pa.StructArray.from_arrays(piece.columns, fields=list(kind))
        yield pa.record_batch(columns, schema=schema)
