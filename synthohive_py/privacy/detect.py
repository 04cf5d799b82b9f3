"""Which columns hold personal data: what is declared, what their names say, and what their values prove."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from synthohive_py.errors import SettingError
from synthohive_py.privacy.kinds import KINDS, Kind, plain_name
from synthohive_py.schema import Metadata, TableConfig

__all__ = ["ProtectedColumn", "find_personal_columns", "holds_numbers", "is_text"]

MAX_VALUES = 2000  # distinct values that are looked at
FITTING = 0.7  # share of values that fit what the name says
NAMES = 0.4  # share of values made of known first and family names that makes a column one of names
FEW = 3  # values; from fewer nothing is proven
DIGITS = 9  # that a column of decimals has room for: fewer make no number of a person

Found = Literal["declared", "name", "content", "foreign key"]
Columns = dict[tuple[str, str], "ProtectedColumn"]


@dataclass(frozen=True)
class ProtectedColumn:
    """A column with personal data.

    Attributes:
        table: The table.
        column: The column.
        kind: What it holds; `other` where it is declared and nothing tells.
        found_by: Why it is taken for personal: it was `declared`, its `name` or `content` says so, or a
            `foreign key` ties it to one that is.
    """

    table: str
    column: str
    kind: Kind
    found_by: Found


def find_personal_columns(
    metadata: Metadata,
    tables: Mapping[str, pa.Table],
    declared: Collection[str] = (),
    *,
    kinds: Collection[Kind] = tuple(KINDS),
    is_name: Callable[[str], bool] | None = None,
) -> list[ProtectedColumn]:
    """The columns of the modelled tables that hold personal data.

    Args:
        metadata: The schema; `pii_cols` of its tables are declared, `public_cols` are never taken.
        tables: The real rows.
        declared: Further columns that are declared: `column` in every table, or `table.column`.
        kinds: What to look for in the others, by their names and values.
        is_name: Whether a text is a first name, a space and a family name; None if nobody knows.

    Raises:
        SettingError: A declared column is in no table, holds what can't be replaced, or is declared public,
            too.
    """
    _refuse_unknown(tables, declared)
    found: Columns = {}
    for name, config in metadata.modelled.items():
        if name not in tables or config.mode == "reference":
            continue
        table = tables[name]
        for column in table.column_names:
            is_declared = column in config.pii_cols or column in declared or f"{name}.{column}" in declared
            if is_declared:
                _refuse_declared(config, column, table.schema.field(column).type)
            elif column in config.public_cols or column in config.accepted_values:
                continue
            kind, by = _judge(column, table.column(column), is_name)
            if is_declared:
                found[name, column] = ProtectedColumn(name, column, kind or "other", "declared")
            elif kind and kind in kinds:
                found[name, column] = ProtectedColumn(name, column, kind, by)
    _follow_keys(metadata, tables, found)
    return list(found.values())


def is_text(kind: pa.DataType) -> bool:
    """Whether the type holds text."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _refuse_unknown(tables: Mapping[str, pa.Table], declared: Collection[str]) -> None:
    known = {column for table in tables.values() for column in table.column_names}
    known |= {f"{name}.{column}" for name, table in tables.items() for column in table.column_names}
    strange = sorted(set(declared) - known)
    if strange:
        raise SettingError(
            "pii_columns names columns that no table has",
            received=", ".join(strange),
            expected="names as `column` or `table.column`",
            remedy="check the spelling",
        )


def _refuse_declared(table: TableConfig, column: str, kind: pa.DataType) -> None:
    if column in table.public_cols:
        raise SettingError(
            "is declared to hold personal data, and to hold none",
            table=table.name,
            column=column,
            remedy="take it out of public_cols, or out of pii_cols and pii_columns",
        )
    is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or holds_numbers(kind)
    if not (is_text(kind) or is_number):
        raise SettingError(
            "is declared to hold personal data, but its type can't be replaced by another value",
            table=table.name,
            column=column,
            expected="text or a number",
            received=str(kind),
            remedy="leave it out of the declaration: its values are generalised as those of every column",
        )


def holds_numbers(kind: pa.DataType) -> bool:
    """Whether the type has room for the numbers of cards and the like, and for what stands for them."""
    if pa.types.is_decimal(kind):
        return bool(kind.scale >= 0 and kind.precision - kind.scale >= DIGITS)
    is_wide = pa.types.is_integer(kind) and kind.bit_width >= 32
    # A column of numbers with nulls comes from pandas as floats.
    return bool(is_wide or pa.types.is_float64(kind))


def _judge(
    name: str, column: pa.ChunkedArray, is_name: Callable[[str], bool] | None
) -> tuple[Kind | None, Found]:
    is_number = holds_numbers(column.type)
    if not (is_text(column.type) or is_number):
        return None, "name"
    values = _some_values(column, as_number=is_number)
    if not values:
        return None, "name"
    plain = plain_name(name)
    for kind, known in KINDS.items():
        names = known.numbers if is_number else known.names
        if names and names.search(plain) and _share(values, known.fits) >= FITTING:
            return kind, "name"
    for kind, known in KINDS.items():
        # Numbers without separators prove nothing but a card, whose last digit is a checksum.
        may_prove = known.proves and (not is_number or kind == "card") and len(values) >= FEW
        if may_prove and known.proves and _share(values, known.proves) >= known.share:
            return kind, "content"
    if not is_number and is_name and len(values) >= FEW and _share(values, is_name) >= NAMES:
        return "name", "content"
    return None, "content"


def _some_values(column: pa.ChunkedArray, *, as_number: bool) -> list[str]:
    """Distinct values from all over the column, as text."""
    step = max(len(column) // (4 * MAX_VALUES), 1)
    some = column.take(pa.array(range(0, len(column), step))) if step > 1 else column
    distinct = pc.unique(some.drop_null()).slice(0, MAX_VALUES).to_pylist()
    if as_number:
        return [str(int(value)) for value in distinct if value == value // 1 and value >= 0]
    return [text for text in distinct if text.strip()]


def _share(values: Sequence[str], test: Callable[[str], bool]) -> float:
    return sum(map(test, values)) / len(values)


def _is_public(table: TableConfig, column: str) -> bool:
    """Whether the twin may have the column's values: it is said so, or the rows are copied as they are."""
    return table.mode == "reference" or column in table.public_cols


def _follow_keys(metadata: Metadata, tables: Mapping[str, pa.Table], found: Columns) -> None:
    """What is personal at one end of a foreign key is so at the other: keys have to stay equal."""
    groups: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for name, config in metadata.modelled.items():
        for key in config.foreign_keys if name in tables else ():
            for ours, theirs in zip(key.columns, key.parent_columns, strict=True):
                ends = [(name, ours), (key.parent, theirs)]
                joined = set().union(ends, *(groups.get(end, set()) for end in ends))
                groups.update(dict.fromkeys(joined, joined))
    for group in {id(group): group for group in groups.values()}.values():
        known = [found[end] for end in sorted(group) if end in found]
        if any(_is_public(metadata.tables[name], column) for name, column in group):
            for end in group:
                found.pop(end, None)
        elif known:
            first = min(known, key=lambda column: column.kind == "other")
            for end in sorted(group):
                by = found[end].found_by if end in found else "foreign key"
                found[end] = ProtectedColumn(*end, first.kind, by)
