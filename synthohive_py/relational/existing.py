"""A twin that new rows are added to: its keys are taken."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import pyarrow as pa

from synthohive_py.errors import GenerationError, SettingError
from synthohive_py.relational.fitted import FittedSchema
from synthohive_py.relational.world import cast_column
from synthohive_py.uuids import to_texts
from synthohive_py.validation import key_problems

__all__ = ["read_existing", "taken_keys"]


def read_existing(fitted: FittedSchema, tables: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
    """The tables of a twin, in the order and with the types of the real ones.

    Raises:
        SettingError: A table or a column is missing or strange, a column has values of another type, or
            the keys are not sound.
    """
    _refuse_strangers("twin", None, tables, fitted.plan.order)
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
        _refuse_strangers("table", name, tables[name].column_names, schema.names)
        known = [column for column in fitted.tables[name].uuids if column in tables[name].column_names]
        table = to_texts(tables[name], known)
        out[name] = pa.table([_column(name, table, field) for field in schema], schema=schema)
    for problem in key_problems(fitted.metadata, out):
        raise SettingError(
            f"can't be appended to: {problem.summary}",
            table=problem.table,
            column=problem.column,
            received=problem.received,
            remedy="append to a twin whose keys are sound, as those of sample() are",
        )
    return out


def _refuse_strangers(what: str, table: str | None, names: Iterable[str], known: Collection[str]) -> None:
    """New rows have nothing to say where the real data have no such table or column."""
    strangers = [repr(name) for name in names if name not in known]
    if strangers:
        raise SettingError(
            f"the {what} to append to holds what the real one does not",
            table=table,
            expected=f"only {', '.join(known)}",
            received=", ".join(strangers),
            remedy="leave it out, and put it back afterwards",
        )


def _column(name: str, table: pa.Table, field: pa.Field) -> pa.ChunkedArray:
    try:
        return cast_column(table.column(field.name), field.type)
    except (KeyError, GenerationError, pa.ArrowNotImplementedError) as error:
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
