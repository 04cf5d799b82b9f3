"""Values that every generated row of a table is to have, checked before anything is generated."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from synthohive_py.arrowtypes import is_uuid_type
from synthohive_py.columns.base import Codes
from synthohive_py.columns.scalars import is_ordered_type
from synthohive_py.errors import SettingError, did_you_mean
from synthohive_py.relational.fitted import FittedSchema, FittedTable

__all__ = ["Conditions", "read_conditions"]

_WRITTEN = 'write them as {"orders": {"status": "returned"}}'


@dataclass(frozen=True)
class Conditions:
    """The conditions of one table.

    Attributes:
        values: Per column the value of every row.
        codes: Per code column of the layout the code that the model is given.
    """

    values: Mapping[str, pa.Scalar]
    codes: Mapping[int, int]

    def given(self, rows: int, columns: int) -> Codes:
        """(rows, columns) codes for `TableModel.sample`; -1 where the model is free."""
        given = np.full((rows, columns), -1, np.int32)
        for place, code in self.codes.items():
            given[:, place] = code
        return given


def read_conditions(
    fitted: FittedSchema, conditions: Mapping[str, Mapping[str, Any]] | None
) -> dict[str, Conditions]:
    """Check what was asked for, and find the codes for it.

    Raises:
        SettingError: A table or column is unknown or can't have conditions, or a value never occurs in it.
    """
    out = {}
    for table, wanted in _mapping({} if conditions is None else conditions).items():
        if table not in fitted.tables:
            raise SettingError(
                "can't have conditions: it is not in the schema",
                table=str(table),
                expected=f"one of {', '.join(fitted.tables)}",
                remedy=did_you_mean(table, fitted.tables) or _WRITTEN,
            )
        values, codes = {}, {}
        foreign = {c for key in fitted.metadata.tables[table].foreign_keys for c in key.columns}
        for column, value in _mapping(wanted, table).items():
            if column in foreign:
                raise SettingError(
                    "is part of a foreign key, which is that of some parent and can't have a condition",
                    table=table,
                    column=column,
                    remedy="put conditions on other columns",
                )
            values[column], found = _read(fitted.tables[table], table, column, value)
            codes.update(found)
        out[table] = Conditions(values, codes)
    return out


def _mapping(conditions: Any, table: str | None = None) -> Mapping[str, Any]:
    if not isinstance(conditions, Mapping):
        raise SettingError(
            "conditions are no mapping",
            table=table,
            expected="for each column its value"
            if table
            else "for each table a mapping of columns to values",
            received=repr(conditions)[:80],
            remedy=_WRITTEN,
        )
    return conditions


def _read(fitted: FittedTable, table: str, column: str, value: Any) -> tuple[pa.Scalar, dict[int, int]]:
    if fitted.reference is not None:
        raise SettingError(
            "can't have conditions: its rows are copied as they are (mode='reference')",
            table=table,
            column=column,
            remedy="filter the rows after sampling",
        )
    if column not in fitted.schema.names:
        raise SettingError(
            "has no such column",
            table=table,
            column=str(column),
            expected=f"one of {', '.join(fitted.schema.names)}",
            remedy=did_you_mean(column, fitted.schema.names),
        )
    in_key = column in fitted.codec.names and fitted.span("column", column).start < fitted.key_width
    if fitted.order and column == fitted.order.column:
        in_key = fitted.order.is_strict
    if column not in fitted.codec.names or in_key:
        raise SettingError(
            "is part of a key, which is computed and can't have a condition",
            table=table,
            column=column,
            remedy="put conditions on other columns",
        )
    codec = fitted.codec.codec(column)
    scalar = _scalar(fitted, table, column, value)
    expected = codec.refusal(scalar)
    if expected is not None:
        raise SettingError(
            f"never has the value {value!r}",
            table=table,
            column=column,
            expected=expected,
            received=repr(value),
            remedy="ask for a value that occurs in the real data",
        )
    codes = codec.encode(pa.repeat(scalar, 1))[0]
    start = fitted.span("column", column).start
    return scalar, {start + i: int(code) for i, code in enumerate(codes)}


def _scalar(fitted: FittedTable, table: str, column: str, value: Any) -> pa.Scalar:
    """The value in the column's type, which has to hold it exactly."""
    kind = fitted.schema.field(column).type
    if isinstance(value, list | tuple | set) and not pa.types.is_nested(kind):
        raise SettingError(
            "has a condition of several values",
            table=table,
            column=column,
            expected="one value, which every row gets",
            received=type(value).__name__,
            remedy="sample once for each value, or filter the rows after sampling",
        )
    try:
        if isinstance(value, str) and pa.types.is_temporal(kind):
            value = _read_text(value, kind)
        if isinstance(value, str) and is_uuid_type(kind):
            value = uuid.UUID(value)
        scalar = pa.scalar(value, type=kind)
        reason = "" if _is_exact(value, scalar) else ", which it would change"
        cause: Exception | None = None
    except (pa.ArrowException, OverflowError, ValueError) as error:
        reason, cause = f": {error}", error
    if reason:
        raise SettingError(
            f"can't have the value {value!r}",
            table=table,
            column=column,
            expected=f"a value of type {kind}{_written_as(kind)}",
            received=f"{type(value).__name__}{reason}",
        ) from cause
    return scalar


def _read_text(value: str, kind: pa.DataType) -> Any:
    """A day or a time that is written as text, after ISO 8601: in YAML and JSON there is no other way."""
    if pa.types.is_time(kind):
        return dt.time.fromisoformat(value)
    return pa.scalar(value).cast(kind)


def _written_as(kind: pa.DataType) -> str:
    """How a day or a time is written as text."""
    if pa.types.is_timestamp(kind):
        return f", as text '2024-02-29 13:45:00{'+01:00' if kind.tz else ''}'"
    if pa.types.is_date(kind):
        return ", as text '2024-02-29'"
    return ", as text '13:45:00'" if pa.types.is_time(kind) else ""


def _is_exact(value: Any, scalar: pa.Scalar) -> bool:
    """Whether the scalar is the value: no digits cut off, no time moved to another zone."""
    kind = scalar.type
    if not scalar.is_valid or pa.types.is_floating(kind) or not is_ordered_type(kind):
        return True
    if isinstance(value, pa.Scalar):
        return True
    if pa.types.is_timestamp(kind) and (getattr(value, "tzinfo", None) is None) != (kind.tz is None):
        return False
    given = pa.scalar(value)
    return bool(scalar.cast(given.type).equals(given))
