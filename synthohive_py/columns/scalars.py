"""Arrow columns of ordered types as plain numbers, exactly, and back.

Integers, decimals, dates, times and durations become int64 ticks (a decimal with two digits counts in
hundredths), floats become float64. Nothing passes through float that isn't a float, so that integers
beyond 2^53 survive.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from synthohive_py.errors import DataError

__all__ = ["Numbers", "from_numbers", "is_ordered_type", "spread_numbers", "to_numbers"]

Numbers = npt.NDArray[Any]  # int64 or float64: numpy's stubs lose a union of the two at every operation
_SIGN = np.uint64(1 << 63)  # flips unsigned to signed order


def is_ordered_type(kind: pa.DataType) -> bool:
    """Whether values of the type are numbers or points on a line."""
    t = pa.types
    return bool(
        t.is_integer(kind)
        or t.is_floating(kind)
        or t.is_decimal(kind)
        or t.is_temporal(kind)  # dates, times, timestamps, durations
    )


def to_numbers(column: pa.Array) -> tuple[Numbers, npt.NDArray[np.bool_]]:
    """The values of the rows that are not null, and which rows are null.

    Raises:
        DataError: A decimal has more than 18 digits in use.
    """
    null = np.asarray(column.is_null())
    values = column.drop_null()
    kind = column.type
    if pa.types.is_floating(kind):
        return values.cast(pa.float64()).to_numpy(zero_copy_only=False), null
    if pa.types.is_decimal(kind):
        return _decimal_ticks(values), null
    if pa.types.is_uint64(kind):
        return (values.to_numpy(zero_copy_only=False) ^ _SIGN).view(np.int64), null
    if pa.types.is_temporal(kind):
        values = values.view(pa.int32() if kind.bit_width == 32 else pa.int64())
    return values.cast(pa.int64()).to_numpy(zero_copy_only=False), null


def spread_numbers(column: pa.Array | pa.ChunkedArray) -> tuple[Numbers, npt.NDArray[np.bool_]]:
    """A number for every row, zero where null; and which rows are null."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    values, null = to_numbers(column)
    spread = np.zeros(len(null), values.dtype)
    spread[~null] = values
    return spread, null


def from_numbers(values: Numbers, null: npt.NDArray[np.bool_], kind: pa.DataType) -> pa.Array:
    """A column of the type: `values` in the rows that are not null.

    Args:
        values: One number for every row; those of null rows are ignored.
        null: Which rows are null.
        kind: The Arrow type to give back.
    """
    mask = null if null.any() else None
    if pa.types.is_floating(kind):
        return pa.array(values, mask=mask, type=pa.float64()).cast(kind, safe=False)
    ticks = np.where(null, 0, values).astype(np.int64)
    if pa.types.is_decimal(kind):
        return _decimal_array(ticks, null, kind)
    if pa.types.is_uint64(kind):
        return pa.array(ticks.view(np.uint64) ^ _SIGN, mask=mask)
    if pa.types.is_temporal(kind):
        width = pa.int32() if kind.bit_width == 32 else pa.int64()
        return pa.array(ticks, mask=mask, type=pa.int64()).cast(width).view(kind)
    return pa.array(ticks, mask=mask, type=pa.int64()).cast(kind)


def _decimal_ticks(values: pa.Array) -> npt.NDArray[np.int64]:
    wide = values.cast(pa.decimal128(38, values.type.scale))
    words = np.frombuffer(wide.buffers()[1], dtype=np.int64).reshape(-1, 2)
    words = words[wide.offset : wide.offset + len(wide)]
    low, high = words[:, 0], words[:, 1]
    if ((low >> 63) != high).any():
        raise DataError(
            "holds decimals of more than 18 digits",
            expected="at most 18 digits in use",
            received=f"a column of type {values.type}",
            remedy="cast the column to double, or to text if it is a code",
        )
    return low.copy()


def _decimal_array(ticks: npt.NDArray[np.int64], null: npt.NDArray[np.bool_], kind: pa.DataType) -> pa.Array:
    words = np.stack([ticks, ticks >> 63], axis=1)
    wide = pa.Array.from_buffers(
        pa.decimal128(38, kind.scale), len(ticks), [None, pa.py_buffer(np.ascontiguousarray(words))]
    )
    return pc.if_else(pa.array(null), pa.scalar(None, wide.type), wide).cast(kind)
