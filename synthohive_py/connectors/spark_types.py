"""Which types of Spark hold Arrow's, and rows in those."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from synthohive_py.arrowtypes import is_uuid_type
from synthohive_py.columns.opaque import to_text
from synthohive_py.errors import ConnectorError

__all__ = ["as_spark", "backticked", "check_names", "ddl", "spark_schema", "sql_type"]

MAX_DIGITS = 38  # of Spark's widest decimal

# Arrow's types that Spark takes as they are, and those that become one of them.
NATIVE = {
    pa.int8(): "tinyint",
    pa.int16(): "smallint",
    pa.int32(): "int",
    pa.int64(): "bigint",
    pa.float32(): "float",
    pa.float64(): "double",
    pa.bool_(): "boolean",
    pa.string(): "string",
    pa.binary(): "binary",
    pa.date32(): "date",
    pa.timestamp("us"): "timestamp_ntz",
    pa.timestamp("us", "UTC"): "timestamp",
    pa.duration("us"): "interval day to second",
}
WIDER = {
    pa.uint8(): pa.int16(),
    pa.uint16(): pa.int32(),
    pa.uint32(): pa.int64(),
    pa.uint64(): pa.decimal128(20, 0),
    pa.float16(): pa.float32(),
    pa.date64(): pa.date32(),
    pa.null(): pa.string(),
    pa.large_string(): pa.string(),
    pa.string_view(): pa.string(),
    pa.large_binary(): pa.binary(),
    pa.binary_view(): pa.binary(),
}


def backticked(names: Iterable[str]) -> str:
    """A full name as Spark's SQL has it, whatever characters are in it."""
    return ".".join("`" + name.replace("`", "``") + "`" for name in names)


def check_names(names: Iterable[str], table: str) -> None:
    """Refuse columns whose names are one to Spark.

    Raises:
        ConnectorError: There are such; the message names them.
    """
    known: dict[str, str] = {}
    for name in names:
        other = known.setdefault(name.lower(), name)
        if other != name:
            raise ConnectorError(
                f"has a column {other!r}, too, which is the same to Spark; no twin was changed",
                table=table,
                column=name,
                remedy="rename one of the columns, or write files",
            )


def spark_schema(schema: pa.Schema, table: str) -> pa.Schema:
    """The nearest types that Spark can hold: none of fewer digits but for nanoseconds.

    Args:
        schema: Any types.
        table: The table's name, for the error.

    Raises:
        ConnectorError: Spark has no such type.
    """
    fields = []
    for field in schema:
        kind = _storable(field.type)
        if kind is None:
            raise ConnectorError(
                f"has the type {field.type}, which Spark can't hold",
                table=table,
                column=field.name,
                expected=f"decimals of at most {MAX_DIGITS} digits, none of them left of the number",
                remedy="leave the column out, or write files",
            )
        fields.append(pa.field(field.name, kind))
    return pa.schema(fields)


def _storable(kind: pa.DataType) -> pa.DataType | None:
    t = pa.types
    if kind in NATIVE or (t.is_decimal128(kind) and 0 <= kind.scale <= kind.precision):
        return kind
    if kind in WIDER:
        return WIDER[kind]
    if t.is_timestamp(kind):
        return pa.timestamp("us", "UTC" if kind.tz else None)
    if t.is_duration(kind):
        return pa.duration("us")
    if t.is_time(kind) or is_uuid_type(kind):
        return pa.string()  # Spark 4.0 has no time of day
    if t.is_fixed_size_binary(kind):
        return pa.binary()
    if t.is_decimal(kind) and kind.precision <= MAX_DIGITS and 0 <= kind.scale <= kind.precision:
        return pa.decimal128(kind.precision, kind.scale)
    if t.is_dictionary(kind):
        return _storable(kind.value_type)
    return _nested(kind) if t.is_nested(kind) else None


def _nested(kind: pa.DataType) -> pa.DataType | None:
    if pa.types.is_map(kind):
        parts = [_storable(kind.key_type), _storable(kind.item_type)]
        return None if None in parts else pa.map_(*parts)
    if pa.types.is_struct(kind):
        fields = {field.name: _storable(field.type) for field in kind}
        return None if None in fields.values() else pa.struct(list(fields.items()))
    value = _storable(kind.value_type) if hasattr(kind, "value_type") else None
    return None if value is None else pa.list_(value)


def sql_type(kind: pa.DataType) -> str:
    """The type of Spark that holds one of `spark_schema`."""
    t = pa.types
    if t.is_decimal(kind):
        return f"decimal({kind.precision},{kind.scale})"
    if t.is_map(kind):
        return f"map<{sql_type(kind.key_type)},{sql_type(kind.item_type)}>"
    if t.is_list(kind):
        return f"array<{sql_type(kind.value_type)}>"
    if t.is_struct(kind):
        inner = ", ".join(f"{backticked([field.name])}: {sql_type(field.type)}" for field in kind)
        return f"struct<{inner}>"
    return NATIVE[kind]


def ddl(schema: pa.Schema) -> str:
    """Names and types of a schema that `spark_schema` gave, as Spark reads them."""
    return ", ".join(f"{backticked([field.name])} {sql_type(field.type)}" for field in schema)


def as_spark(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """The rows in the types that `spark_schema` gave for them."""
    columns = [rows.column(field.name) for field in schema]
    texts = [
        pa.chunked_array([to_text(chunk) for chunk in column.chunks], pa.string())
        if is_uuid_type(column.type)
        else column
        for column in columns
    ]
    # Unsafe, because nanoseconds are cut; nothing else gets narrower.
    return pa.table(texts, names=schema.names).cast(schema, safe=False)
