"""BigQuery's types as Arrow's: how a column is asked for, what comes, and how it goes back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
from google.cloud import bigquery

from synthohive_py.arrowtypes import is_bytes_type, is_uuid_type
from synthohive_py.columns.opaque import to_text
from synthohive_py.errors import ConnectorError

__all__ = ["Column", "column_of", "exact", "field_of", "fitted", "name_of"]

NATIVE = {
    "STRING": pa.string(),
    "BYTES": pa.binary(),
    "INTEGER": pa.int64(),
    "INT64": pa.int64(),
    "FLOAT": pa.float64(),
    "FLOAT64": pa.float64(),
    "BOOLEAN": pa.bool_(),
    "BOOL": pa.bool_(),
    "DATE": pa.date32(),
    "TIME": pa.time64("us"),
    "DATETIME": pa.timestamp("us"),
    "TIMESTAMP": pa.timestamp("us", "UTC"),
}
# What is read as text: how it is asked for, and how it is made of it again; `{}` stands for column or text.
ODD = {
    "JSON": ("to_json_string({})", "parse_json({})"),
    "GEOGRAPHY": ("st_astext({})", "st_geogfromtext({})"),
    "INTERVAL": ("cast({} as string)", "cast({} as interval)"),
    "RANGE": ("cast({} as string)", "cast({} as {type})"),
}
# Per type its digits before and after the point, if none are declared.
DIGITS = {"NUMERIC": (38, 9), "BIGNUMERIC": (76, 38)}


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        name: Its name.
        type: Arrow's type.
        field: The column in a new table.
        wire: The column in the table that is loaded before the twin is filled.
        asked: What is asked for.
        given: What gives the column, of the one that was loaded.
        is_odd: Whether it has to be asked for by a query.
    """

    name: str
    type: pa.DataType
    field: bigquery.SchemaField
    wire: bigquery.SchemaField
    asked: str
    given: str
    is_odd: bool


def name_of(*parts: str) -> str:
    """A name as SQL has it, whatever characters are in it."""
    return "`" + ".".join(part.replace("\\", "\\\\").replace("`", "\\`") for part in parts) + "`"


def column_of(field: bigquery.SchemaField, table: str) -> Column:
    """A column from what BigQuery says of it.

    Args:
        field: What it says.
        table: The table's name, for the error.

    Raises:
        ConnectorError: It is of a type that is not read.
    """
    name, quoted = field.name, name_of(field.name)
    is_odd = field.field_type in ODD and field.mode != "REPEATED"
    kind = pa.string() if is_odd else _arrow_type(field)
    if kind is None:
        raise ConnectorError(
            "has a type that is not read",
            table=table,
            column=name,
            received=_declared(field),
            remedy="cast it in a view, for example with to_json_string, or leave the column out",
        )
    asked, given = ODD[field.field_type] if is_odd else ("{}", "{}")
    return Column(
        name=name,
        type=kind,
        field=_plain(field),
        wire=bigquery.SchemaField(name, "STRING") if is_odd else _plain(field, is_wire=True),
        asked=asked.format(quoted),
        given=given.replace("{type}", _declared(field)).format(quoted),
        is_odd=is_odd,
    )


def _arrow_type(field: bigquery.SchemaField) -> pa.DataType | None:
    """The type that holds the values; None if there is none."""
    if field.field_type in ("RECORD", "STRUCT"):
        parts = [(part.name, _arrow_type(part)) for part in field.fields]
        kind = None if any(part is None for _, part in parts) else pa.struct(parts)
    elif field.field_type in DIGITS:
        digits, scale = DIGITS[field.field_type]
        if field.precision:
            digits, scale = field.precision, field.scale or 0
        kind = pa.decimal128(digits, scale) if digits <= 38 else pa.decimal256(digits, scale)
    else:
        kind = NATIVE.get(field.field_type)
    return pa.list_(kind) if kind is not None and field.mode == "REPEATED" else kind


def _declared(field: bigquery.SchemaField) -> str:
    if field.field_type == "RANGE" and field.range_element_type is not None:
        return f"RANGE<{field.range_element_type.element_type}>"
    return f"ARRAY<{field.field_type}>" if field.mode == "REPEATED" else str(field.field_type)


def _plain(field: bigquery.SchemaField, *, is_wire: bool = False) -> bigquery.SchemaField:
    """The column without what belongs to the source alone: descriptions and policies."""
    own = field.to_api_repr()
    kept = ["name", "type", "mode", "precision", "scale", "rangeElementType"]
    kept += [] if is_wire else ["maxLength", "defaultValueExpression", "collation", "roundingMode"]
    plain = {key: own[key] for key in kept if own.get(key) is not None}
    if is_wire and plain.get("mode") == "REQUIRED":
        plain["mode"] = "NULLABLE"
    if field.fields:
        plain["fields"] = [_plain(part, is_wire=is_wire).to_api_repr() for part in field.fields]
    return bigquery.SchemaField.from_api_repr(plain)


def exact(part: pa.RecordBatch, columns: Sequence[Column]) -> pa.Table:
    """Rows as they came, in the order and with the types of the columns.

    Raises:
        pa.ArrowException: A value does not fit, which says that the table has changed meanwhile.
    """
    arrays = [part.column(column.name).cast(column.type) for column in columns]
    return pa.Table.from_arrays(arrays, schema=pa.schema([(c.name, c.type) for c in columns]))


# The first test that fits.
SQL_TYPES = (
    (pa.types.is_boolean, "BOOLEAN"),
    (pa.types.is_uint64, "NUMERIC"),
    (pa.types.is_integer, "INTEGER"),
    (pa.types.is_floating, "FLOAT"),
    (lambda t: pa.types.is_string(t) or pa.types.is_large_string(t) or pa.types.is_null(t), "STRING"),
    (is_uuid_type, "STRING"),
    (is_bytes_type, "BYTES"),
    (pa.types.is_date, "DATE"),
    (pa.types.is_time, "TIME"),
)


def field_of(name: str, kind: pa.DataType) -> bigquery.SchemaField | None:
    """A column of the type of BigQuery that is nearest to one of Arrow; None if there is none."""
    t = pa.types
    if t.is_dictionary(kind):
        return field_of(name, kind.value_type)
    if t.is_timestamp(kind):
        return bigquery.SchemaField(name, "DATETIME" if kind.tz is None else "TIMESTAMP")
    if t.is_decimal(kind):
        digits, scale = kind.precision, kind.scale
        if 0 <= scale <= 9 and digits - scale <= 29:
            return bigquery.SchemaField(name, "NUMERIC", precision=digits, scale=scale)
        is_known = 0 <= scale <= 38 and digits - scale <= 38
        return bigquery.SchemaField(name, "BIGNUMERIC", precision=digits, scale=scale) if is_known else None
    if t.is_struct(kind):
        parts = [field_of(part.name, part.type) for part in kind]
        return None if None in parts else bigquery.SchemaField(name, "RECORD", fields=parts)
    if t.is_list(kind) or t.is_large_list(kind) or t.is_fixed_size_list(kind):
        element = field_of(name, kind.value_type)
        if element is None or element.mode == "REPEATED":
            return None
        return bigquery.SchemaField.from_api_repr({**element.to_api_repr(), "mode": "REPEATED"})
    found = next((sql for fits, sql in SQL_TYPES if fits(kind)), None)
    return None if found is None else bigquery.SchemaField(name, found)


def fitted(column: Column, values: pa.ChunkedArray) -> pa.ChunkedArray:
    """The values in the type in which they are loaded.

    Raises:
        pa.ArrowException: A value does not fit the column.
    """
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if is_uuid_type(values.type) and pa.types.is_string(column.type):
        return pa.chunked_array([to_text(chunk) for chunk in values.chunks], pa.string())
    if is_uuid_type(values.type):
        values = pa.chunked_array([chunk.storage for chunk in values.chunks], values.type.storage_type)
    # Finer times are cut, as a frame's nanoseconds are; all else has to fit.
    options = pc.CastOptions(
        column.type, allow_time_truncate=True, allow_decimal_truncate=False, allow_int_overflow=False
    )
    return values if values.type == column.type else values.cast(options=options)
