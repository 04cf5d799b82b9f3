"""Texts inside of structs, lists and maps."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from synthohive_py.privacy.detect import is_text

__all__ = ["holds_texts", "with_texts"]


def holds_texts(kind: pa.DataType) -> bool:
    """Whether values of the type are texts, or have texts among their parts."""
    return is_text(kind) or any(holds_texts(part) for part in _parts_of(kind))


def _parts_of(kind: pa.DataType) -> list[pa.DataType]:
    t = pa.types
    if t.is_struct(kind):
        return [field.type for field in kind]
    if t.is_map(kind):
        return [kind.key_type, kind.item_type]
    return [kind.value_type] if t.is_list(kind) or t.is_large_list(kind) else []


def with_texts(column: pa.Array, change: Callable[[pa.Array], pa.Array]) -> pa.Array:
    """The column with other texts.

    Args:
        column: The values.
        change: Gives other texts for all that stand at one place of the values, of the same number and type.
    """
    kind, null = column.type, column.is_null()
    if not len(column) or not holds_texts(kind):
        return column
    if is_text(kind):
        return change(column)
    if pa.types.is_struct(kind):
        fields = [with_texts(field, change) for field in column.flatten()]
        return pa.StructArray.from_arrays(fields, fields=list(kind), mask=null)
    lengths = _lengths(column)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    if pa.types.is_map(kind):
        whole = column.filter(column.is_valid())
        keys, items = (with_texts(part, change) for part in (whole.keys, whole.items))
        places = pa.array(offsets, pa.int32(), mask=np.append(np.asarray(null), [False]))
        return pa.MapArray.from_arrays(places, keys, items, type=kind)
    build = pa.LargeListArray if pa.types.is_large_list(kind) else pa.ListArray
    places = pa.array(offsets, pa.int64() if build is pa.LargeListArray else pa.int32())
    return build.from_arrays(places, with_texts(column.flatten(), change), type=kind, mask=null)


def _lengths(column: pa.Array) -> np.ndarray:
    if pa.types.is_map(column.type):  # Arrow counts pairs of lists only
        return np.array([len(value or ()) for value in column.to_pylist()], np.int64)
    return np.asarray(pc.list_value_length(column).fill_null(0)).astype(np.int64)
