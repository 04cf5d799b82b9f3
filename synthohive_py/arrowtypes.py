"""Questions about Arrow types that Arrow itself does not answer, and types as text."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["is_bytes_type", "is_nested_type", "is_uuid_type", "type_from_text", "type_to_text"]


def is_bytes_type(kind: pa.DataType) -> bool:
    """Whether values are bytes of any length, or UUIDs."""
    import pyarrow as pa

    t = pa.types
    is_plain = t.is_binary(kind) or t.is_large_binary(kind) or t.is_fixed_size_binary(kind)
    return bool(is_plain or is_uuid_type(kind))


def is_uuid_type(kind: pa.DataType) -> bool:
    """Whether values are UUIDs (an extension type)."""
    return getattr(kind, "extension_name", None) == "arrow.uuid"


def is_nested_type(kind: pa.DataType) -> bool:
    """Whether values are lists, structs or maps."""
    import pyarrow as pa

    return bool(pa.types.is_nested(kind))


def type_to_text(kind: pa.DataType) -> str:
    """An Arrow type as text, without loss (units, time zones, decimal scales)."""
    import pyarrow as pa

    return base64.b64encode(pa.schema([("", kind)]).serialize()).decode()


def type_from_text(text: str) -> pa.DataType:
    """The inverse of `type_to_text`."""
    import pyarrow as pa

    return pa.ipc.read_schema(pa.BufferReader(base64.b64decode(text))).field(0).type
