"""Values that every generated row of a table is to have, checked before anything is generated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from synthohive_py.columns.base import Codes
from synthohive_py.columns.scalars import is_ordered_type
from synthohive_py.errors import SettingError
from synthohive_py.relational.fitted import FittedSchema, FittedTable

__all__ = ["Conditions", "read_conditions"]


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
            remedy='write them as {"orders": {"status": "returned"}}',
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
    codes = codec.encode(pa.array([value], type=scalar.type))[0]
    start = fitted.span("column", column).start
    return scalar, {start + i: int(code) for i, code in enumerate(codes)}


def _scalar(fitted: FittedTable, table: str, column: str, value: Any) -> pa.Scalar:
    """The value in the column's type, which has to hold it exactly."""
    kind = fitted.schema.field(column).type
    try:
        scalar = pa.scalar(value, type=kind)
        reason = "" if _is_exact(value, scalar) else ", which it would change"
        cause = None
    except (pa.ArrowException, OverflowError, UnicodeEncodeError) as error:
        reason, cause = f": {error}", error
    if reason:
        raise SettingError(
            f"can't have the value {value!r}",
            table=table,
            column=column,
            expected=f"a value of type {kind}",
            received=f"{type(value).__name__}{reason}",
        ) from cause
    return scalar


def _is_exact(value: Any, scalar: pa.Scalar) -> bool:
    """Whether the scalar is the value: no digits cut off, no time moved to another zone."""
    kind = scalar.type
    if not scalar.is_valid or pa.types.is_floating(kind) or not is_ordered_type(kind):
        return True
    if pa.types.is_timestamp(kind) and (getattr(value, "tzinfo", None) is None) != (kind.tz is None):
        return False
    given = pa.scalar(value)
    return bool(scalar.cast(given.type).equals(given))
