"""Which parent row each child row refers to, and which rows share values: joins as integer arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from synthohive_py.arrowtypes import is_bytes_type

__all__ = ["NULL", "ORPHAN", "comparable", "group_ids", "parent_rows", "row_hashes"]

NULL = -1  # some column of the key is null: the row refers to nothing
ORPHAN = -2  # the key has a value that no parent has

Rows = npt.NDArray[np.int64]


def parent_rows(
    child: pa.Table, columns: Sequence[str], parent: pa.Table, parent_columns: Sequence[str]
) -> Rows:
    """For each child row the number of its parent row, or `NULL` or `ORPHAN`.

    If several parents have one key, the first counts.
    """
    result = np.zeros(child.num_rows, np.int64)
    child_code = np.zeros(child.num_rows, np.int64)
    parent_code = np.zeros(parent.num_rows, np.int64)
    null = np.zeros(child.num_rows, bool)
    unknown = np.zeros(child.num_rows, bool)
    for column, parent_column in zip(columns, parent_columns, strict=True):
        ours, theirs = comparable(child.column(column), parent.column(parent_column))
        values = theirs.unique().drop_null()
        place = np.asarray(pc.fill_null(pc.index_in(ours, value_set=values), -1)).astype(np.int64)
        null |= np.asarray(ours.is_null())
        unknown |= place < 0
        own = np.asarray(pc.fill_null(pc.index_in(theirs, value_set=values), 0)).astype(np.int64)
        child_code, parent_code = _combine(child_code, place, parent_code, own, len(values))
    complete = np.ones(parent.num_rows, bool)
    for parent_column in parent_columns:
        complete &= np.asarray(parent.column(parent_column).is_valid())
    rows = np.flatnonzero(complete)
    keys, first = np.unique(parent_code[rows], return_index=True)
    place = np.searchsorted(keys, child_code)
    found = np.minimum(place, max(len(keys) - 1, 0))
    known = (keys[found] == child_code) & ~unknown if len(keys) else np.zeros(child.num_rows, bool)
    result[known] = rows[first[found[known]]]
    result[~known] = ORPHAN
    result[null] = NULL
    return result


def group_ids(tables: Sequence[pa.Table], columns: Sequence[Sequence[str]]) -> list[Rows]:
    """Numbers for the rows of several tables: equal numbers where the named columns hold equal values.

    Args:
        tables: The tables.
        columns: For each table its columns, the same number in each, without nulls in them.
    """
    codes = [np.zeros(table.num_rows, np.int64) for table in tables]
    for names in zip(*columns, strict=True):
        arrays = [_stored(table.column(name)) for table, name in zip(tables, names, strict=True)]
        kind = arrays[0].type
        joined = pa.chunked_array([chunk for a in arrays for chunk in a.cast(kind, safe=False).chunks], kind)
        place = np.asarray(pc.index_in(joined, value_set=joined.unique())).astype(np.int64)
        both = np.unique(np.concatenate(codes) * (place.max(initial=0) + 1) + place, return_inverse=True)[1]
        codes = np.split(both, np.cumsum([table.num_rows for table in tables])[:-1])
    return codes


def row_hashes(table: pa.Table, columns: Sequence[str]) -> npt.NDArray[np.uint64]:
    """A 64-bit number per row: rows with equal values in the columns have equal numbers.

    Two different rows may share a number, with a chance of about one in 10^19 per pair.
    """
    import pandas as pd

    total = np.zeros(table.num_rows, np.uint64)
    for column in columns:
        # The distinct values are hashed: with nulls among them numpy would see other types.
        encoded = _stored(table.column(column)).combine_chunks().dictionary_encode()
        distinct = pd.util.hash_array(encoded.dictionary.to_numpy(zero_copy_only=False))
        place = np.asarray(encoded.indices.fill_null(len(distinct)))
        hashes = np.append(distinct, np.uint64(0))[place]
        total = (total * np.uint64(0x9E3779B97F4A7C15)) ^ hashes
        total ^= total >> np.uint64(29)
    return total


def comparable(ours: pa.ChunkedArray, theirs: pa.ChunkedArray) -> tuple[pa.ChunkedArray, pa.ChunkedArray]:
    """Both columns in one type; a column of another width is widened, never narrowed.

    Raises:
        pyarrow.ArrowInvalid: No type holds the values of both exactly.
    """
    ours, theirs = _stored(ours), _stored(theirs)
    if ours.type.equals(theirs.type):
        return ours, theirs
    t = pa.types
    pair = (ours.type, theirs.type)
    if t.is_null(ours.type):
        return ours.cast(theirs.type), theirs
    if any(t.is_floating(k) for k in pair):
        wide: pa.DataType = pa.float64()
    elif all(t.is_integer(k) for k in pair):
        wide = pa.decimal128(38, 0) if any(t.is_uint64(k) for k in pair) else pa.int64()
    elif any(t.is_decimal(k) for k in pair):
        scale = max([k.scale for k in pair if t.is_decimal(k)])
        wide = pa.decimal128(38, scale)
    elif all(t.is_timestamp(k) for k in pair):
        wide = pa.timestamp("ns", tz=theirs.type.tz)
    elif all(t.is_time(k) for k in pair):
        wide = pa.time64("ns")
    elif all(t.is_duration(k) for k in pair):
        wide = pa.duration("ns")
    elif all(is_bytes_type(k) for k in pair):
        wide = pa.large_binary()
    else:
        wide = pa.large_string()
    return ours.cast(wide), theirs.cast(wide)


def _stored(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """UUIDs as the bytes that they are: Arrow does not compare them."""
    if not isinstance(column.type, pa.BaseExtensionType):
        return column
    return pa.chunked_array([chunk.storage for chunk in column.chunks], column.type.storage_type)


def _combine(
    child: Rows, child_place: Rows, parent: Rows, parent_place: Rows, size: int
) -> tuple[Rows, Rows]:
    """One more column joined to the codes so far; codes stay dense, so they never overflow."""
    joined = np.concatenate([child * (size + 1) + child_place + 1, parent * (size + 1) + parent_place + 1])
    dense = np.unique(joined, return_inverse=True)[1]
    return dense[: len(child)], dense[len(child) :]
