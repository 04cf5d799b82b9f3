"""How many rows of a twin are real rows, value by value, keys aside.

The measure is SDMetrics' NewRowSynthesis, for exact copies. Rows of few columns are alike by chance; so the
baseline is the share of real rows that no other real row equals.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from synthohive_py.arrowtypes import is_nested_type
from synthohive_py.joins import row_hashes

__all__ = ["copied", "new_row_share", "unique_rows"]

MIX = np.uint64(0x9E3779B97F4A7C15)


def copied(real: pa.Table, twin: pa.Table, columns: Sequence[str]) -> np.ndarray:
    """Which rows of the twin equal a real row in all these columns."""
    real = real.select(columns)
    return np.isin(_hashes(twin.select(columns).cast(real.schema, safe=False)), _hashes(real))


def new_row_share(real: pa.Table, twin: pa.Table, columns: Sequence[str]) -> float:
    """The share of the twin's rows that are no copy of a real row."""
    return 1 - float(copied(real, twin, columns).mean()) if twin.num_rows else 1.0


def unique_rows(real: pa.Table, columns: Sequence[str]) -> np.ndarray:
    """Which real rows no other real row equals."""
    _, first, counts = np.unique(_hashes(real.select(columns)), return_index=True, return_counts=True)
    is_unique = np.zeros(real.num_rows, bool)
    is_unique[first] = counts == 1
    return is_unique


def _hashes(table: pa.Table) -> np.ndarray:
    """A number per row; numbers are taken as they are, which is quicker than to look for equal ones."""
    for place, field in enumerate(table.schema):
        if is_nested_type(field.type):  # Arrow knows no equal lists and structs
            texts = pa.array([repr(value) for value in table.column(place).to_pylist()], pa.string())
            table = table.set_column(place, field.name, texts)
    quick = [c for c in table.column_names if pa.types.is_primitive(table.schema.field(c).type)]
    total = row_hashes(table, [c for c in table.column_names if c not in quick])
    for name in quick:
        column = table.column(name).combine_chunks()
        bits = _bits(column)
        bits[np.asarray(column.is_null())] = MIX
        total = (total ^ bits) * MIX
        total ^= total >> np.uint64(29)
    return total


def _bits(column: pa.Array) -> np.ndarray:
    kind = column.type
    if pa.types.is_floating(kind):
        values = column.cast(pa.float64()).to_numpy(zero_copy_only=False) + 0.0  # -0 is 0
        return np.where(np.isnan(values), np.nan, values).view(np.uint64)
    if pa.types.is_temporal(kind):
        column = column.cast(pa.int32() if kind.bit_width == 32 else pa.int64())
    if pa.types.is_boolean(kind):
        column = column.cast(pa.int8())
    numbers = column.fill_null(0).cast(pa.int64(), safe=False)
    return numbers.to_numpy(zero_copy_only=False).view(np.uint64).copy()
