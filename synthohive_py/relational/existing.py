"""A twin that new rows are added to: its keys are taken."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from synthohive_py.errors import SettingError
from synthohive_py.relational.fitted import FittedSchema
from synthohive_py.relational.world import cast_column

__all__ = ["read_existing", "taken_keys"]


def read_existing(fitted: FittedSchema, tables: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
    """The tables of a twin, in the order and with the types of the real ones.

    Raises:
        SettingError: A table or a column is missing, or a column has values of another type.
    """
    out = {}
    for name in fitted.plan.order:
        if name not in tables:
            raise SettingError(
                "is not in the twin to append to",
                table=name,
                expected=f"all of {', '.join(fitted.plan.order)}",
                remedy="pass every table that sample() made",
            )
        schema = fitted.tables[name].schema
        out[name] = pa.table([_column(name, tables[name], field) for field in schema], schema=schema)
    return out


def _column(name: str, table: pa.Table, field: pa.Field) -> pa.ChunkedArray:
    try:
        return cast_column(table.column(field.name), field.type)
    except (KeyError, pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise SettingError(
            "of the twin to append to does not fit",
            table=name,
            column=field.name,
            expected=str(field.type),
            received=str(error),
            remedy="append to a twin that this synthesizer, or one of the same tables, has made",
        ) from error


def taken_keys(fitted: FittedSchema, existing: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
    """Per table its unique columns, which no new row may repeat."""
    out = {}
    for name, table in existing.items():
        unique = {c for columns in fitted.metadata.tables[name].unique_sets for c in columns}
        if unique and table.num_rows and fitted.tables[name].reference is None:
            out[name] = table.select([c for c in table.column_names if c in unique])
    return out
