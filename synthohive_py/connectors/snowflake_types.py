"""Snowflake's types as Arrow's: how a column is asked for, what comes, and how it goes back as text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from synthohive_py.arrowtypes import is_bytes_type, is_nested_type, is_uuid_type
from synthohive_py.columns.opaque import to_text
from synthohive_py.connectors.base import quoted

__all__ = ["Column", "Reading", "as_texts", "column_of", "sql_type"]

MICROSECONDS = "date_part(epoch_microsecond, {})"
PLAIN = {
    "FLOAT": pa.float64(),
    "DOUBLE": pa.float64(),
    "REAL": pa.float64(),
    "VARCHAR": pa.string(),
    "TEXT": pa.string(),
    "BOOLEAN": pa.bool_(),
    "DATE": pa.date32(),
    "BINARY": pa.binary(),
}
# Times are asked for as numbers: what the driver makes of them depends on the values, and ends in 2262.
TIMES = {
    "TIME": (pa.time64("us"), "timediff(microsecond, '00:00:00'::time, {})"),
    "TIMESTAMP_NTZ": (pa.timestamp("us"), MICROSECONDS),
    "TIMESTAMP_LTZ": (pa.timestamp("us", "UTC"), MICROSECONDS),
    "TIMESTAMP_TZ": (pa.timestamp("us", "UTC"), MICROSECONDS),
}
# All others come as text: how, and how they are made of it again; `{}` stands for the column or the text.
ODD = {
    "VARIANT": ("to_json({})", "parse_json({})"),
    "OBJECT": ("to_json({}::variant)", "parse_json({})::{type}"),
    "ARRAY": ("to_json({}::variant)", "parse_json({})::{type}"),
    "MAP": ("to_json({}::variant)", "parse_json({})::{type}"),
    "GEOGRAPHY": ("st_asewkt({})", "to_geography({})"),
    "GEOMETRY": ("st_asewkt({})", "to_geometry({})"),
}
# Defaults that count are the source's alone.
COUNTED = re.compile(r"identity|autoincrement|\.nextval", re.IGNORECASE)


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        name: Its name.
        declared: Its type, as SQL has it.
        type: Arrow's type; None for whole numbers above 18 digits, whose values decide.
        asked: What is asked for.
        given: What a text becomes in the database; `{}` stands for the text.
        definition: The column in `create table`.
        is_generated: Whether the database computes it.
    """

    name: str
    declared: str
    type: pa.DataType | None
    asked: str
    given: str
    definition: str
    is_generated: bool


def column_of(row: Mapping[str, Any]) -> Column:
    """A column from a row of `describe table`."""
    name, declared = row["name"], row["type"]
    # `VARCHAR(20) COLLATE 'de'` is a type with more to say.
    kind = re.split(r"[ (]", declared, maxsplit=1)[0].upper()
    type_, asked = PLAIN.get(kind, pa.string()), "{}"
    given = "cast({} as {type})"
    if kind == "NUMBER":
        precision, scale = map(int, re.findall(r"\d+", declared))
        asked = "to_varchar({})" if scale else "{}"
        type_ = pa.decimal128(precision, scale) if scale else (pa.int64() if precision <= 18 else None)
    elif kind in TIMES:
        type_, asked = TIMES[kind]
    elif kind == "BINARY":
        given = "to_binary({}, 'HEX')"
    elif kind in ODD:
        asked, given = ODD[kind]
    elif kind not in PLAIN:
        asked = "to_varchar({})"
    plain = re.split(r"\s+collate\b", declared, flags=re.IGNORECASE)[0]
    return Column(
        name=name,
        declared=declared,
        type=type_,
        asked=asked.format(quoted(name)),
        given=given.replace("{type}", plain),
        definition=_definition(row),
        is_generated=bool(row["expression"]),
    )


def _definition(row: Mapping[str, Any]) -> str:
    parts = [quoted(row["name"]), row["type"]]
    if row["expression"]:
        return " ".join([*parts, f"as ({row['expression']})"])
    if row["default"] and not COUNTED.search(row["default"]):
        parts.append(f"default {row['default']}")
    if row["null?"] == "N":
        parts.append("not null")
    return " ".join(parts)


class Reading:
    """How columns are asked for, and how what comes is made exact.

    Args:
        table: The table's name, as SQL has it.
        columns: Its columns.
        ends: Of each column without a type its smallest and its largest value.
    """

    def __init__(
        self, table: str, columns: Sequence[Column], ends: Mapping[str, tuple[int | None, int | None]]
    ) -> None:
        self.table, self.columns = table, columns
        self.schema = pa.schema([(c.name, c.type or _whole(*ends[c.name])) for c in columns])

    @property
    def query(self) -> str:
        """What gives the rows."""
        listed = ", ".join(f"{column.asked} as c{place}" for place, column in enumerate(self.columns))
        return f"select {listed} from {self.table}"  # noqa: S608  quoted

    def exact(self, part: pa.Table) -> pa.Table:
        """Rows of the query as rows of the schema.

        Raises:
            pa.ArrowException: A number is larger than all were before.
        """
        arrays = [
            # Small numbers come as small types.
            values.cast(pa.int64()).cast(kind)
            if pa.types.is_temporal(kind) and not _is_date(kind)
            else values.cast(kind)
            for values, kind in zip(part.columns, self.schema.types, strict=True)
        ]
        return pa.Table.from_arrays(arrays, schema=self.schema)


def _is_date(kind: pa.DataType) -> bool:
    return bool(pa.types.is_date(kind))


def _whole(lowest: int | None, highest: int | None) -> pa.DataType:
    """Plain integers where all values are some: a column that is declared `integer` has 38 digits."""
    is_long = (lowest or 0) >= -(2**63) and (highest or 0) < 2**63
    return pa.int64() if is_long else pa.decimal128(38, 0)


# The first test that fits.
SQL_TYPES = (
    (pa.types.is_boolean, "BOOLEAN"),
    (pa.types.is_uint64, "NUMBER(20,0)"),
    (pa.types.is_integer, "NUMBER(38,0)"),
    (pa.types.is_floating, "FLOAT"),
    (lambda t: pa.types.is_string(t) or pa.types.is_large_string(t) or pa.types.is_null(t), "VARCHAR"),
    (is_uuid_type, "VARCHAR(36)"),
    (is_bytes_type, "BINARY"),
    (pa.types.is_date, "DATE"),
    (pa.types.is_time, "TIME(9)"),
)


def sql_type(kind: pa.DataType) -> str | None:
    """The type of Snowflake that is nearest to one of Arrow; None if there is none."""
    if pa.types.is_dictionary(kind):
        return sql_type(kind.value_type)
    if pa.types.is_timestamp(kind):
        return "TIMESTAMP_NTZ(9)" if kind.tz is None else "TIMESTAMP_TZ(9)"
    if pa.types.is_decimal(kind):
        is_known = kind.precision <= 38 and 0 <= kind.scale <= 37
        return f"NUMBER({kind.precision},{kind.scale})" if is_known else None
    return next((name for fits, name in SQL_TYPES if fits(kind)), None)


def as_texts(column: Column, values: pa.ChunkedArray) -> pa.ChunkedArray:
    """The values as texts of which Snowflake makes the column's own.

    Raises:
        pa.ArrowException: A value does not fit the column.
    """
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if is_nested_type(values.type):
        raise pa.ArrowInvalid("nested")
    if is_bytes_type(values.type):
        return pa.chunked_array([to_text(chunk) for chunk in values.chunks], pa.string())
    kind = pa.decimal128(38, 0) if column.type is None else column.type
    if not pa.types.is_string(kind) and not pa.types.is_binary(kind):
        # Finer times are cut, as a frame's nanoseconds are; all else has to fit.
        options = pc.CastOptions(
            kind, allow_time_truncate=True, allow_decimal_truncate=False, allow_int_overflow=False
        )
        values = values.cast(options=options)
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        plain = values.cast(pa.int64()).cast(pa.timestamp("us")).cast(pa.string())
        return pc.binary_join_element_wise(plain, "+00:00", "")
    return values.cast(pa.string())
