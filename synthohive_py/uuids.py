"""UUIDs in keys are text inside the engine: Arrow compares, joins and chooses no values of their type."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from synthohive_py.arrowtypes import is_uuid_type

if TYPE_CHECKING:
    import pyarrow as pa

    from synthohive_py.schema import Metadata

__all__ = ["from_texts", "to_texts", "uuid_keys", "with_key_texts"]

GROUPS = (8, 4, 4, 4, 12)  # digits between the hyphens
WRITTEN = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"


def uuid_keys(metadata: Metadata, tables: Mapping[str, pa.Table]) -> dict[str, tuple[str, ...]]:
    """Per table the columns of UUIDs that are part of a key, of a unique set, or of what others refer to."""
    keys = {name: {*columns} for name, columns in metadata.key_columns.items()}
    for name, config in metadata.modelled.items():
        keys[name].update(*config.unique_sets)
    return {
        name: tuple(
            field.name
            for field in table.schema
            if field.name in keys.get(name, ()) and is_uuid_type(field.type)
        )
        for name, table in tables.items()
    }


def with_key_texts(metadata: Metadata, tables: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
    """The tables, with the UUIDs of keys as they are usually written."""
    return {name: to_texts(tables[name], columns) for name, columns in uuid_keys(metadata, tables).items()}


def to_texts(table: pa.Table, columns: Collection[str]) -> pa.Table:
    """The table with these columns of UUIDs as they are usually written."""
    import pyarrow as pa

    for name in columns:
        column = table.column(name)
        if is_uuid_type(column.type):
            texts = pa.chunked_array([_written(chunk) for chunk in column.chunks], pa.string())
            table = table.set_column(table.column_names.index(name), name, texts)
    return table


def from_texts(table: pa.Table, columns: Collection[str]) -> pa.Table:
    """The inverse of `to_texts`, also for texts of other digits: of more than 32 the last ones count."""
    import pyarrow as pa

    for name in columns:
        column = table.column(name)
        parts = [pa.uuid().wrap_array(_stored(chunk)) for chunk in column.chunks]
        place = table.column_names.index(name)
        table = table.set_column(place, name, pa.chunked_array(parts, pa.uuid()))
    return table


def _written(column: pa.Array) -> pa.Array:
    """UUIDs as text; all at once, as there may be millions."""
    import numpy as np
    import pyarrow as pa

    stored = column.storage
    null = np.asarray(stored.is_null())
    filled = stored.fill_null(bytes(16))
    raw = np.frombuffer(filled.buffers()[1], np.uint8)[
        filled.offset * 16 : (filled.offset + len(filled)) * 16
    ]
    halves = np.stack([raw >> 4, raw & 15], axis=1).reshape(-1, 32)
    digits = np.frombuffer(b"0123456789abcdef", np.uint8)[halves]
    parts = np.split(digits, np.cumsum(GROUPS)[:-1], axis=1)
    hyphen = np.full((len(filled), 1), ord("-"), np.uint8)
    text = np.concatenate([part for group in parts for part in (hyphen, group)][1:], axis=1)
    ends = np.arange(len(filled) + 1, dtype=np.int32) * text.shape[1]
    texts = pa.StringArray.from_buffers(len(filled), pa.py_buffer(ends), pa.py_buffer(text.tobytes()))
    return texts.take(pa.array(np.arange(len(filled)), mask=null))


def _stored(texts: pa.Array) -> pa.Array:
    """The bytes of UUIDs; all at once, if all are as they are usually written."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    known = texts.drop_null()
    if not pc.all(pc.match_substring_regex(known, WRITTEN)).as_py():
        return pa.array([None if t is None else _bytes_of(t) for t in texts.to_pylist()], pa.binary(16))
    width = sum(GROUPS) + len(GROUPS) - 1
    raw = np.frombuffer("".join(known.to_pylist()).encode(), np.uint8).reshape(-1, width)
    digits = raw[:, raw[0] != ord("-")] if len(raw) else raw[:, :32]
    values = np.where(digits >= ord("a"), digits - (ord("a") - 10), digits - ord("0")).astype(np.uint8)
    stored = np.ascontiguousarray(values[:, ::2] * 16 + values[:, 1::2])
    filled = pa.Array.from_buffers(pa.binary(16), len(known), [None, pa.py_buffer(stored)])
    valid = np.asarray(texts.is_valid())
    return filled.take(pa.array(np.cumsum(valid) - 1, mask=~valid))


def _bytes_of(text: str) -> bytes:
    digits = text.replace("-", "")[-32:]
    return bytes.fromhex(digits.rjust(32, "0"))
