"""Questions about Arrow types that Arrow itself does not answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["is_bytes_type", "is_nested_type", "is_uuid_type"]


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
