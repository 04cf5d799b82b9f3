"""PostgreSQL's types as Arrow's: how a column is asked for, what comes, and how it goes back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from synthohive_py.arrowtypes import is_bytes_type, is_nested_type, is_uuid_type
from synthohive_py.connectors.base import quoted
from synthohive_py.errors import ConnectorError

__all__ = ["COLUMNS", "Column", "Reading", "column_of", "decimal_type", "fitted", "sql_type"]

# Types whose values Arrow holds exactly, and which the driver reads and writes as they are. All others go as
# the text that PostgreSQL itself makes of them, and takes back.
NATIVE = {
    "int2": pa.int16(),
    "int4": pa.int32(),
    "int8": pa.int64(),
    "float4": pa.float32(),
    "float8": pa.float64(),
    "bool": pa.bool_(),
    "text": pa.string(),
    "varchar": pa.string(),
    "bpchar": pa.string(),
    "bytea": pa.binary(),
    "date": pa.date32(),
    "time": pa.time64("us"),
    "timestamp": pa.timestamp("us"),
    "timestamptz": pa.timestamp("us", "UTC"),
    "uuid": pa.uuid(),
}
# PostgreSQL fills `char(n)` up with spaces, which mean nothing there: in text they are gone.
UNFILLED = {"bpchar": "text", "bpchar[]": "text[]"}
UNSAID = (0, 100)  # collations that a type has where none is named
MAX_DIGITS = 76  # of Arrow's widest decimal
# PostgreSQL knows no day before 4713 BC: lower numbers are infinities, and what overflowed after 294247 AD.
FIRST_DAY = -2_440_588
DAY = 86_400_000_000  # microseconds

# Columns in their order. Domains are followed down to the type below them; the last row of each has it.
COLUMNS = """
with recursive
table_ as (
    select c.oid
    from pg_catalog.pg_class as c
    inner join pg_catalog.pg_namespace as n on c.relnamespace = n.oid
    where n.nspname = $1 and c.relname = $2
),
base as (
    select a.attnum, 0 as depth, a.atttypid as typid, a.atttypmod as typmod, a.attndims::int as ndims
    from pg_catalog.pg_attribute as a
    inner join table_ on a.attrelid = table_.oid
    where a.attnum > 0 and not a.attisdropped
    union all
    select
        b.attnum, b.depth + 1, t.typbasetype, case when t.typtypmod <> -1 then t.typtypmod else b.typmod end,
        greatest(b.ndims, t.typndims::int)
    from base as b
    inner join pg_catalog.pg_type as t on b.typid = t.oid
    where t.typtype = 'd'
),
final as (
    select distinct on (a.attnum)
        a.attnum,
        a.attname::text as name,
        pg_catalog.format_type(a.atttypid, a.atttypmod) as declared,
        pg_catalog.format_type(a.atttypid, -1) as plain,
        pg_catalog.format_type(b.typid, -1) as base,
        t.typtype::text as kind,
        case when t.typnamespace = 'pg_catalog'::regnamespace then t.typname::text else '' end as typname,
        case when t.typcategory = 'A' and e.typnamespace = 'pg_catalog'::regnamespace
            then e.typname::text else '' end as element,
        b.typmod,
        b.ndims,
        a.attnotnull as is_required,
        a.attgenerated <> '' as is_generated,
        a.attcollation::bigint as collation,
        pg_catalog.pg_get_expr(d.adbin, d.adrelid) as default_,
        coalesce(pg_catalog.pg_get_expr(d.adbin, d.adrelid) like '%nextval(%', false) or exists (
            select from pg_catalog.pg_depend as p
            inner join pg_catalog.pg_class as s on p.refobjid = s.oid and s.relkind = 'S'
            where p.classid = 'pg_catalog.pg_attrdef'::regclass and p.objid = d.oid
                and p.refclassid = 'pg_catalog.pg_class'::regclass
        ) as is_counted
    from table_
    inner join pg_catalog.pg_attribute as a on table_.oid = a.attrelid
    inner join base as b on a.attnum = b.attnum
    inner join pg_catalog.pg_type as t on b.typid = t.oid
    left join pg_catalog.pg_type as e on t.typelem = e.oid
    left join pg_catalog.pg_attrdef as d on a.attrelid = d.adrelid and a.attnum = d.adnum
    order by a.attnum, b.depth desc
)
select * from final order by attnum
"""
DECLARED = ("name", "declared", "is_required", "is_generated", "collation", "default_")


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        name: Its name.
        plain: Its type without length and the like, as SQL has it.
        base: The same of the type below its domains.
        type: Arrow's type; None for numbers of any digits, whose values decide.
        is_text: Whether it is read as the text that PostgreSQL makes of it.
        is_direct: Whether the driver may write it as it is. If not, PostgreSQL makes it of text.
        is_list: Whether it is read as lists, if its values are plain ones.
        dimensions: How many a list is declared with; 0 for all else.
        is_generated: Whether PostgreSQL computes it.
        is_counted: Whether its default is a sequence.
        is_required: Whether it takes no nulls.
        is_enum: Whether its values are labels.
        is_domain: Whether there are domains above the type.
        limit: How many characters a text may have; None if that is not declared.
        declared: What tables with columns alike agree in: type, default and so on.
    """

    name: str
    plain: str
    base: str
    type: Any
    is_text: bool
    is_direct: bool
    is_list: bool
    dimensions: int
    is_generated: bool
    is_counted: bool
    is_required: bool
    is_enum: bool
    is_domain: bool
    limit: int | None
    declared: tuple[Any, ...]

    @property
    def full(self) -> str:
        """Its type with length and the like, as SQL has it."""
        return str(self.declared[DECLARED.index("declared")])


def column_of(row: dict[str, Any]) -> Column:
    """A column from a row of `COLUMNS`."""
    kind = _arrow_type(row["typname"], row["typmod"])
    is_list = False
    # A column of more dimensions than one would come as a flat list. The catalog's vectors start at 0.
    if row["element"] and row["ndims"] < 2 and not row["typname"].endswith("vector"):
        element = _arrow_type(row["element"], row["typmod"])
        # Arrow makes no lists of UUIDs from Python's values.
        is_list = element not in (None, pa.uuid()) and (
            row["element"] in NATIVE or pa.types.is_decimal(element)
        )
        kind = pa.list_(element) if is_list else pa.string()
    is_text = kind == pa.string() and row["typname"] not in NATIVE
    return Column(
        name=row["name"],
        plain=row["plain"],
        base=UNFILLED.get(row["base"], row["base"]),
        type=kind,
        is_text=is_text,
        is_direct=not is_text or row["kind"] == "e" or row["typname"] == "json",
        is_list=is_list,
        dimensions=row["ndims"] if row["plain"] == row["base"] and row["collation"] in UNSAID else 0,
        is_generated=row["is_generated"],
        is_counted=row["is_counted"] and not row["is_generated"],
        is_required=row["is_required"],
        is_enum=row["kind"] == "e",
        is_domain=row["plain"] != row["base"],
        limit=row["typmod"] - 4 if row["typname"] in ("varchar", "bpchar") and row["typmod"] > 4 else None,
        declared=tuple(row[key] for key in DECLARED),
    )


def _arrow_type(name: str, typmod: int) -> pa.DataType | None:
    if name != "numeric":
        return NATIVE.get(name, pa.string())
    if typmod < 4:
        return None
    # As PostgreSQL keeps them: precision in the upper half, scale in the lower eleven bits, with its sign.
    precision, scale = (typmod - 4) >> 16, (((typmod - 4) & 0x7FF) ^ 1024) - 1024
    digits = max(precision, scale, precision - scale)
    return decimal_type(digits, max(scale, 0)) if digits <= MAX_DIGITS else None


def decimal_type(digits: int, scale: int) -> pa.DataType:
    """The narrower of Arrow's decimals that holds so many digits."""
    return pa.decimal128(digits, scale) if digits <= 38 else pa.decimal256(digits, scale)


# The first test that fits; others have to be asked for more.
SQL_TYPES = (
    (pa.types.is_boolean, "boolean"),
    (pa.types.is_uint64, "numeric(20)"),
    (lambda t: pa.types.is_uint32(t) or pa.types.is_int64(t), "bigint"),
    (lambda t: pa.types.is_uint16(t) or pa.types.is_int32(t), "integer"),
    (pa.types.is_integer, "smallint"),
    (pa.types.is_float64, "double precision"),
    (pa.types.is_floating, "real"),
    (lambda t: pa.types.is_string(t) or pa.types.is_large_string(t) or pa.types.is_null(t), "text"),
    (is_uuid_type, "uuid"),
    (is_bytes_type, "bytea"),
    (pa.types.is_date, "date"),
    (pa.types.is_time, "time"),
)


def sql_type(kind: pa.DataType) -> str | None:
    """The type of PostgreSQL that is nearest to one of Arrow; None if there is none."""
    t = pa.types
    if t.is_dictionary(kind):
        return sql_type(kind.value_type)
    if t.is_timestamp(kind):
        return "timestamp" if kind.tz is None else "timestamptz"
    if t.is_decimal(kind):
        return f"numeric({max(kind.precision, kind.scale)}, {kind.scale})"
    if t.is_list(kind) or t.is_large_list(kind) or t.is_fixed_size_list(kind):
        element = None if is_nested_type(kind.value_type) else sql_type(kind.value_type)
        return element and f"{element}[]"
    return next((name for fits, name in SQL_TYPES if fits(kind)), None)


class Reading:
    """How columns are asked for, and how what comes is made exact.

    Args:
        table: The table's name, for errors.
        columns: Its columns.
        ask: Runs a query and gives its rows. It is asked for the digits of numbers without a precision, and
            whether lists are plain ones: a twin's column does not declare its source's dimensions.
    """

    def __init__(
        self, table: str, columns: Sequence[Column], ask: Callable[[str], list[dict[str, Any]]]
    ) -> None:
        self.table, self.columns = table, columns
        unknown = [column for column in columns if column.type is None]
        lists = [column for column in columns if column.is_list]
        found = ask(self._values_query(unknown, lists))[0] if unknown or lists else {}
        types = {column.name: column.type for column in columns}
        for i, column in enumerate(lists):
            if found[f"other{i}"]:  # as for those that are declared with several dimensions
                types[column.name] = pa.string()
        for i, column in enumerate(unknown):
            if found[f"odd{i}"]:
                raise self._refused(column.name, "a number that is NaN or infinite", "set it to null")
            digits, scale = found[f"digits{i}"] or 0, found[f"scale{i}"] or 0
            width = 38 if digits + scale <= 38 else MAX_DIGITS
            types[column.name] = decimal_type(width, scale) if digits + scale <= MAX_DIGITS else pa.string()
        self.schema = pa.schema(types.items())

    @property
    def query(self) -> str:
        """What gives the rows, and whether lists are plain ones."""
        asked = []
        for column in self.columns:
            name, is_number = quoted(column.name), pa.types.is_decimal(self.schema.field(column.name).type)
            if column.is_list and not self._is_list(column):
                asked.append(f"{name}::{column.base}::text")
            elif column.is_list:
                kind = f"::{column.base}" + (
                    "::text[]" if pa.types.is_decimal(column.type.value_type) else ""
                )
                asked.append(f"case when {_is_plain(name)} then {name}{kind} end")
            elif column.is_text or is_number or column.type is None:
                asked.append(f"{name}::text")
            else:
                asked.append(f"{name}::{column.base}")
        lists = [quoted(column.name) for column in self.columns if self._is_list(column)]
        asked += [f"{name} is not null and not ({_is_plain(name)})" for name in lists]
        listed = ", ".join(f"{what} as c{i}" for i, what in enumerate(asked))
        return f"select {listed} from {self.table}"  # noqa: S608  quoted

    def exact(self, batch: pa.RecordBatch) -> pa.Table:
        """Rows of the query as rows of the schema."""
        checks = iter(batch.columns[len(self.columns) :])
        arrays = []
        for column, field, array in zip(self.columns, self.schema, batch.columns, strict=False):
            if self._is_list(column) and pc.any(next(checks)).as_py():
                raise self._refused(column.name, "a list of several dimensions, or one that starts elsewhere")
            self._check_range(column.name, array)
            arrays.append(self._typed(column.name, array, field.type))
        return pa.Table.from_arrays(arrays, schema=self.schema)

    def _typed(self, name: str, array: pa.Array, kind: pa.DataType) -> pa.Array:
        if array.type == kind:
            return array
        try:
            return array.cast(kind)
        except pa.ArrowInvalid as error:
            raise self._refused(name, "a number that is NaN or infinite", "set it to null") from error

    def _check_range(self, name: str, array: pa.Array) -> None:
        """Refuse what the driver gives as some wrong day."""
        if pa.types.is_list(array.type):
            self._check_range(name, array.flatten())
        elif pa.types.is_date32(array.type):
            lowest = pc.min(array.view(pa.int32())).as_py()
            if lowest is not None and lowest < FIRST_DAY:
                raise self._refused(name, "an infinite date", "set it to null, or to a far date")
        elif pa.types.is_timestamp(array.type):
            lowest = pc.min(array.view(pa.int64())).as_py()
            if lowest is not None and lowest < FIRST_DAY * DAY:
                raise self._refused(name, "an infinite time", "set it to null, or to a far date")
        elif pa.types.is_time64(array.type):
            highest = pc.max(array.view(pa.int64())).as_py()
            if highest is not None and highest >= DAY:
                raise self._refused(name, "the time 24:00", "set it to 00:00")

    def _is_list(self, column: Column) -> bool:
        return bool(pa.types.is_list(self.schema.field(column.name).type))

    def _values_query(self, numbers: Sequence[Column], lists: Sequence[Column]) -> str:
        names = [quoted(column.name) for column in lists]
        asked = [f"bool_or(not ({_is_plain(name)})) as other{i}" for i, name in enumerate(names)]
        for i, name in enumerate(quoted(column.name) for column in numbers):
            odd = f"{name} in ('NaN', 'Infinity', '-Infinity')"
            asked += [
                f"max(scale({name})) as scale{i}",
                f"length(max(trunc(abs({name}))) filter (where not {odd})::text) as digits{i}",
                f"bool_or({odd}) as odd{i}",
            ]
        return f"select {', '.join(asked)} from {self.table}"  # noqa: S608  quoted

    def _refused(
        self, column: str, received: str, remedy: str = "cast it to text in a view"
    ) -> ConnectorError:
        return ConnectorError(
            "has a value that Arrow can't hold",
            table=self.table,
            column=column,
            received=received,
            remedy=f"{remedy}, or leave the column out",
        )


def _is_plain(name: str) -> str:
    # Empty arrays have no dimensions, and so no bounds.
    return f"cardinality({name}) = 0 or (array_ndims({name}) = 1 and array_lower({name}, 1) = 1)"


def fitted(column: Column, values: pa.ChunkedArray) -> tuple[pa.ChunkedArray, bool]:
    """The values as they are written, and whether PostgreSQL is to make them of text.

    Raises:
        pa.ArrowException: A value does not fit the column.
    """
    if column.is_text:
        return values.cast(pa.string()), not column.is_direct
    kind = column.type
    if kind is None:
        is_number = pa.types.is_decimal(values.type)
        return (values, False) if is_number else (values.cast(pa.string()), True)
    if values.type == kind:
        return values, False
    if is_uuid_type(kind) and not is_bytes_type(values.type):
        return values.cast(pa.string()), True
    # Finer times are cut, as a frame's nanoseconds are; all else has to fit.
    options = pc.CastOptions(
        kind, allow_time_truncate=True, allow_decimal_truncate=False, allow_int_overflow=False
    )
    try:
        return values.cast(options=options), False
    except pa.ArrowNotImplementedError:
        return values.cast(pa.string()), True
