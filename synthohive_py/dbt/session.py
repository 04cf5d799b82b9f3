"""What a Python model is given where the database runs none itself, and what becomes of its result."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pc

from synthohive_py.arrowtypes import is_bytes_type, is_nested_type
from synthohive_py.connectors import Relation, connect
from synthohive_py.connectors.postgres_types import sql_type
from synthohive_py.errors import DataError

__all__ = ["Copy", "PostgresSession", "Table", "as_copy"]


@dataclass(frozen=True)
class PostgresSession:
    """The database that dbt's profile names.

    Attributes:
        uri: Where it is and who comes, as a libpq URI with the password, which is why `repr` leaves it out.
    """

    uri: str = field(repr=False)

    def table(self, name: str) -> Table:
        """A table by its full name, as `dbt.ref` and `dbt.source` give it."""
        return Table(self, name)


@dataclass(frozen=True)
class Table:
    """A table that is read when it is asked for, each time anew.

    Attributes:
        session: Where it is.
        name: Its full name, with quotes or without.
    """

    session: PostgresSession
    name: str

    def to_arrow_table(self) -> pa.Table:
        """All rows, with exact types."""
        parts = [(q or p).replace('""', '"') for q, p in re.findall(r'"((?:[^"]|"")*)"|([^".]+)', self.name)]
        connector = connect(self.session)
        try:
            return connector.read(Relation(*parts))
        finally:
            connector.close()

    def df(self) -> pd.DataFrame:
        """All rows as a data frame."""
        return self.to_arrow_table().to_pandas()


@dataclass(frozen=True)
class Copy:
    """Rows on their way into a new table of Postgres.

    Attributes:
        columns: Per column its type.
        csv: The rows, as `copy ... with (format csv)` takes them.
        rows: How many there are.
    """

    columns: dict[str, str]
    csv: io.BytesIO
    rows: int


def as_copy(frame: Any) -> Copy:
    """What a model returned, as columns and rows for Postgres.

    Raises:
        DataError: It is no data frame, or a column holds what can't be written.
    """
    if isinstance(frame, pa.Table):
        names, columns = frame.column_names, list(frame.columns)
    elif isinstance(frame, pd.DataFrame):
        names = [str(name) for name in frame.columns]
        columns = [_column(frame.iloc[:, place], name) for place, name in enumerate(names)]
    else:
        raise DataError(
            "the model returned no data frame",
            expected="a pandas.DataFrame or a pyarrow.Table",
            received=f"{type(frame).__module__}.{type(frame).__qualname__}",
            remedy="convert the result before you return it",
        )
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise DataError("the result has columns of the same name", received=", ".join(repeated))
    columns = [c.cast(c.type.value_type) if pa.types.is_dictionary(c.type) else c for c in columns]
    kinds = {name: _kind(column.type, name) for name, column in zip(names, columns, strict=True)}
    table = pa.table(columns, names=names)
    csv = io.BytesIO()
    # Arrow writes a null as nothing and an empty text as "", which is how Postgres tells them apart.
    pc.write_csv(table, csv, pc.WriteOptions(include_header=False))
    csv.seek(0)
    return Copy(kinds, csv, table.num_rows)


def _column(values: pd.Series[Any], name: str) -> pa.Array:
    try:
        return pa.array(values, from_pandas=True)
    except (pa.ArrowException, TypeError, OverflowError) as error:  # their texts hold values
        raise DataError(
            "holds values of several types",
            column=name,
            expected="one type",
            remedy="convert the column before you return it",
        ) from error


def _kind(kind: pa.DataType, name: str) -> str:
    """The type of Postgres that holds what the Arrow type does."""
    found = None if is_nested_type(kind) or is_bytes_type(kind) else sql_type(kind)  # CSV holds neither
    if found is None:
        raise DataError(
            f"has the type {kind}, which can't be written",
            column=name,
            expected="texts, numbers, booleans, dates or times",
            remedy="convert the column before you return it",
        )
    return found
