"""MySQL's and MariaDB's types as Arrow's: how a column is asked for, what comes, and how it goes back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from synthohive_py.arrowtypes import is_bytes_type, is_uuid_type
from synthohive_py.columns.opaque import to_text
from synthohive_py.errors import ConnectorError

__all__ = [
    "COLUMNS",
    "Column",
    "Reading",
    "as_texts",
    "column_of",
    "csv_of",
    "definitions",
    "json_columns",
    "made_right",
    "name_of",
    "sql_type",
]

INTEGERS = {
    "tinyint": (pa.int8(), pa.uint8()),
    "smallint": (pa.int16(), pa.uint16()),
    "mediumint": (pa.int32(), pa.uint32()),
    "int": (pa.int32(), pa.uint32()),
    "bigint": (pa.int64(), pa.uint64()),
}
OTHERS = {
    "float": pa.float32(),
    "double": pa.float64(),
    "year": pa.int16(),
    "date": pa.date32(),
    "datetime": pa.timestamp("us"),
    "timestamp": pa.timestamp("us", "UTC"),
    "time": pa.time64("us"),
    "bit": pa.uint64(),
}
ASKED = {
    "float": "({} + 0e0)",  # as text, MySQL shows six digits of it
    "bit": "cast({} + 0 as unsigned)",
    # Microseconds: the driver ends on times that are no clock's. Only MariaDB's seconds have a fraction.
    "time": "cast(floor(time_to_sec({0})) * 1000000 + microsecond({0}) as signed)",
}
COMES = {"decimal": pa.string(), "float": pa.float64(), "time": pa.int64(), "timestamp": pa.timestamp("us")}
GEOMETRIES = (
    *("geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon"),
    *("geometrycollection", "geomcollection"),
)
BYTES = ("binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob")
PLAIN = ("char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set", "json")

COLUMNS = """
select
    column_name as name, lower(data_type) as kind, lower(column_type) as declared,
    numeric_precision as digits, numeric_scale as scale, character_maximum_length as length,
    column_type as shown, is_nullable = 'NO' as is_required,
    lower(coalesce(extra, '')) regexp 'generated|virtual|persistent' as is_generated
from information_schema.columns
where table_schema = %s and table_name = %s
order by ordinal_position
"""


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        name: Its name.
        declared: Its type, as SQL has it.
        type: Arrow's type.
        asked: What is asked for; `{}` stands for the column.
        comes: Arrow's type of what is asked for.
        given: What a text becomes in the database; `{}` stands for the text.
        is_dated: Whether it may hold days such as 0000-00-00.
        is_generated: Whether the database computes it.
        is_required: Whether it takes no nulls.
        limit: How many characters a text may have; None if that is not declared.
        labels: Those of an enum.
    """

    name: str
    declared: str
    type: pa.DataType
    asked: str
    comes: pa.DataType
    given: str
    is_dated: bool
    is_generated: bool
    is_required: bool
    limit: int | None
    labels: tuple[str, ...]


def name_of(*parts: str) -> str:
    """A name as SQL has it, whatever characters are in it."""
    return ".".join("`" + part.replace("`", "``") + "`" for part in parts)


def column_of(row: Mapping[str, Any]) -> Column:
    """A column from a row of `COLUMNS`."""
    kind, declared = row["kind"], row["declared"]
    asked = given = "{}"
    if kind in INTEGERS:
        arrow = INTEGERS[kind]["unsigned" in declared]
    elif kind == "decimal":
        # The driver would give ten digits after the point, whatever the column has.
        digits = int(row["digits"])
        arrow = (pa.decimal128 if digits <= 38 else pa.decimal256)(digits, int(row["scale"]))
        asked = "cast({} as char)"
    elif kind in OTHERS:
        arrow = OTHERS[kind]
        asked = ASKED.get(kind, "{}")
        given = "cast({} as unsigned)" if kind == "bit" else "{}"
    elif kind in BYTES:
        arrow, given = pa.binary(), "unhex({})"
    else:
        arrow = pa.string()
        if kind in GEOMETRIES:
            asked, given = "st_astext({})", "st_geomfromtext({})"
        elif kind not in PLAIN:
            asked = "cast({} as char)"
    return Column(
        name=row["name"],
        declared=declared,
        type=arrow,
        asked=asked,
        comes=COMES.get(kind, arrow),
        given=given,
        is_dated=kind in ("date", "datetime", "timestamp"),
        is_generated=bool(row["is_generated"]),
        is_required=bool(row["is_required"]),
        limit=int(row["length"]) if kind in ("char", "varchar") else None,
        labels=tuple(label.replace("''", "'") for label in LABEL.findall(row["shown"]))
        if kind == "enum"
        else (),
    )


class Reading:
    """How columns are asked for, and how what comes is made exact.

    Args:
        table: The table's name, as SQL has it.
        columns: Its columns.
    """

    def __init__(self, table: str, columns: Sequence[Column]) -> None:
        self.table, self.columns = table, columns
        self.schema = pa.schema([(column.name, column.type) for column in columns])

    @property
    def query(self) -> str:
        """What gives the rows, and whether days are days."""
        asked = []
        for column in self.columns:
            name = name_of(column.name)
            # The driver ends on days that no calendar has.
            asked.append(
                f"case when {_is_day(name)} then {name} end" if column.is_dated else column.asked.format(name)
            )
        dated = [name_of(column.name) for column in self.columns if column.is_dated]
        asked += [f"({name} is not null and not ({_is_day(name)})) + 0" for name in dated]
        listed = ", ".join(f"{what} as c{place}" for place, what in enumerate(asked))
        return f"select {listed} from {self.table}"  # noqa: S608  quoted

    @property
    def kinds(self) -> list[pa.DataType]:
        """Arrow's types of what the query gives."""
        return [column.comes for column in self.columns] + [
            pa.int64() for column in self.columns if column.is_dated
        ]

    def exact(self, batch: pa.RecordBatch) -> pa.Table:
        """Rows of the query as rows of the schema."""
        checks = iter(batch.columns[len(self.columns) :])
        arrays = []
        for column, array in zip(self.columns, batch.columns, strict=False):
            if column.is_dated and pc.any(next(checks).cast(pa.bool_())).as_py():
                raise self._refused(column.name, "a day such as 0000-00-00")
            if pa.types.is_time(column.type) and not _are_clock_times(array):
                raise self._refused(column.name, "a time below 0 or above 24 hours")
            arrays.append(_typed(array, column.type))
        return pa.Table.from_arrays(arrays, schema=self.schema)

    def _refused(self, column: str, received: str) -> ConnectorError:
        return ConnectorError(
            "has a value that Arrow can't hold",
            table=self.table,
            column=column,
            received=received,
            remedy="set it to null, cast it to text in a view, or leave the column out",
        )


def _is_day(name: str) -> str:
    return f"month({name}) > 0 and dayofmonth({name}) > 0"


def _are_clock_times(microseconds: pa.Array) -> bool:
    ends = pc.min_max(microseconds).as_py()
    return ends["min"] is None or (ends["min"] >= 0 and ends["max"] < 86_400_000_000)


def _typed(array: pa.Array, kind: pa.DataType) -> pa.Array:
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        return array.cast(pa.timestamp("us")).cast(pa.int64()).cast(kind)  # the session's zone is UTC
    return array if array.type == kind else array.cast(kind)


# The first test that fits.
SQL_TYPES = (
    (pa.types.is_boolean, "tinyint(1)"),
    (pa.types.is_int8, "tinyint"),
    (pa.types.is_int16, "smallint"),
    (pa.types.is_int32, "int"),
    (pa.types.is_int64, "bigint"),
    (pa.types.is_uint8, "tinyint unsigned"),
    (pa.types.is_uint16, "smallint unsigned"),
    (pa.types.is_uint32, "int unsigned"),
    (pa.types.is_uint64, "bigint unsigned"),
    (pa.types.is_float64, "double"),
    (pa.types.is_floating, "float"),
    (lambda t: pa.types.is_string(t) or pa.types.is_large_string(t) or pa.types.is_null(t), "longtext"),
    (is_uuid_type, "char(36)"),
    (is_bytes_type, "longblob"),
    (pa.types.is_date, "date"),
    (pa.types.is_time, "time(6)"),
    # Not `timestamp`, which ends in 2038.
    (pa.types.is_timestamp, "datetime(6)"),
)


def sql_type(kind: pa.DataType) -> str | None:
    """The type of MySQL that is nearest to one of Arrow; None if there is none."""
    if pa.types.is_dictionary(kind):
        return sql_type(kind.value_type)
    if pa.types.is_decimal(kind):
        is_known = kind.precision <= 65 and 0 <= kind.scale <= 30
        return f"decimal({kind.precision}, {kind.scale})" if is_known else None
    return next((name for fits, name in SQL_TYPES if fits(kind)), None)


def as_texts(column: Column, values: pa.ChunkedArray) -> pa.Array:
    """The values as texts of which the database makes the column's own.

    Raises:
        pa.ArrowException: A value does not fit the column.
    """
    array = values.combine_chunks()
    array = pa.concat_arrays(array.chunks) if isinstance(array, pa.ChunkedArray) else array
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    kind = column.type
    if is_bytes_type(array.type):
        # What is no bytes there, such as char(36), gets the UUID as it is usually written.
        is_hex = pa.types.is_binary(kind)
        array = array.storage if is_hex and is_uuid_type(array.type) else array
        return to_text(array)
    if not pa.types.is_string(kind) and not pa.types.is_binary(kind):
        options = pc.CastOptions(
            kind, allow_time_truncate=True, allow_decimal_truncate=False, allow_int_overflow=False
        )
        if array.type != kind:
            array = array.cast(pa.int8()) if pa.types.is_boolean(array.type) else array
            array = array.cast(options=options)
        if pa.types.is_floating(kind) and pc.any(pc.invert(pc.is_finite(array))).as_py():
            raise pa.ArrowInvalid("not finite")
        if pa.types.is_timestamp(kind):
            array = array.cast(pa.int64()).cast(pa.timestamp("us"))
    return array.cast(pa.string())


def made_right(column: Column, texts: pa.Array, *, is_json: bool) -> tuple[pa.Array, int]:
    """Generated texts as the column takes them, and how many are none of its type.

    Words that run longer than real ones are cut. A key without words is not: it may meet another.
    """
    if column.limit is not None:
        is_long = pc.greater(pc.utf8_length(texts), column.limit)
        is_cut = pc.and_(is_long, pc.match_substring(texts, " "))
        return pc.if_else(is_cut, pc.utf8_slice_codeunits(texts, 0, column.limit), texts), 0
    if not is_json and not column.labels:
        return texts, 0
    values = texts.to_pylist()
    is_right = [v is None or (_is_json(v) if is_json else v in column.labels) for v in values]
    other = (column.labels[0] if column.labels else "{}") if column.is_required else None
    right = [value if fits else other for value, fits in zip(values, is_right, strict=True)]
    return pa.array(right, pa.string()), is_right.count(False)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def csv_of(columns: Sequence[pa.Array]) -> pa.Buffer:
    """Rows for `load data`: texts in quotes, nulls as NULL without them.

    Arrow's own writer has nothing that tells a null from an empty text here.
    """
    mark, comma, end, nothing = (pa.scalar(text, pa.large_string()) for text in ('"', ",", "\n", ""))
    quoted = []
    for column in columns:
        doubled = pc.replace_substring(column, '"', '""').cast(pa.large_string())
        quoted.append(pc.fill_null(pc.binary_join_element_wise(mark, doubled, mark, nothing), "NULL"))
    lines = pc.binary_join_element_wise(pc.binary_join_element_wise(*quoted, comma), end, nothing)
    offsets = lines.buffers()[1]
    ends = memoryview(offsets).cast("q")
    return lines.buffers()[2].slice(ends[lines.offset], ends[lines.offset + len(lines)] - ends[lines.offset])


LABEL = re.compile(r"'((?:[^']|'')*)'")

# The lines of `show create table` (names may have line breaks), what one says of a column, and the pieces of
# that: names, texts, parentheses, spaces, words.
LINE = re.compile(r"(?:`(?:[^`]|``)*`|'(?:[^'\\]|\\.|'')*'|[^`'\n])+", re.DOTALL)
DEFINITION = re.compile(r"\s+(`(?:[^`]|``)+` .*?),?", re.DOTALL)
PIECE = re.compile(r"`(?:[^`]|``)*`|'(?:[^'\\]|\\.|'')*'|[()]|\s+|[^\s`'()]+", re.DOTALL)
OPTION = re.compile(r"(?:ENGINE|CHARSET|COLLATE)=\w+")


def definitions(shown: str) -> str:
    """Columns and options out of `show create table`, without what counts for the source alone.

    That is keys, checks, counters, sequences and the history of its rows.
    """
    lines = LINE.findall(shown)
    found = (DEFINITION.fullmatch(line) for line in lines)
    columns = [" ".join(_own(_words(match.group(1)))) for match in found if match]
    options = next(line for line in lines if line.startswith(")"))  # partitions may follow
    kept = [word for word in _words(options[1:]) if OPTION.fullmatch(word)]
    return f"({', '.join(columns)}) {' '.join(kept)}"


def json_columns(shown: str) -> set[str]:
    """The columns that `show create table` says are JSON; to MariaDB that is a text with a check."""
    found = set()
    for line in LINE.findall(shown):
        if match := DEFINITION.fullmatch(line):
            name, kind, *words = _words(match.group(1))
            if kind == "json" or any(word.startswith("(json_valid(") for word in words):
                found.add(name[1:-1].replace("``", "`"))
    return found


def _words(text: str) -> list[str]:
    """What spaces divide, outside of quotes and parentheses."""
    words, depth, is_new = [""], 0, False
    for piece in PIECE.findall(text):
        if depth == 0 and piece.isspace():
            is_new = True
            continue
        if is_new:
            words.append("")
            is_new = False
        words[-1] += piece
        depth += (piece == "(") - (piece == ")")
    return words


def _own(words: Sequence[str]) -> Iterator[str]:
    """The words of a column's definition that its twin shares."""
    place = 0
    while place < len(words):
        word, after = words[place], words[place + 1 : place + 4]
        value = after[0] if after else ""
        is_check = word == "CHECK" and not value.startswith("(json_valid(")  # that is what MariaDB calls JSON
        is_sequence = word == "DEFAULT" and "nextval(" in value
        if word == "AUTO_INCREMENT":
            place += 1
        elif is_check or is_sequence:
            place += 2
        elif word in ("WITH", "WITHOUT") and value == "SYSTEM":  # versioning
            place += 3
        elif word == "GENERATED" and after == ["ALWAYS", "AS", "ROW"]:  # start, or end
            place += 5
        else:
            yield word
            place += 1
