"""Bytes, UUIDs and nested values: types that are no text and no number, learned by what stands for them."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from synthohive_py.arrowtypes import is_uuid_type
from synthohive_py.columns.base import (
    Codes,
    ColumnCodec,
    State,
    codec_from_state,
    type_from_text,
    type_to_text,
)
from synthohive_py.columns.categorical import CategoricalCodec, are_categories
from synthohive_py.columns.identifier import IdentifierCodec
from synthohive_py.columns.patterns import HEX
from synthohive_py.rng import Part, Seed

__all__ = ["BytesCodec", "NestedCodec", "to_text"]


def to_text(column: pa.Array) -> pa.Array:
    """Bytes in hexadecimal digits, UUIDs as they are usually written."""
    if is_uuid_type(column.type):
        column = column.storage
        texts = [None if v is None else str(uuid.UUID(bytes=v)) for v in column.to_pylist()]
    else:
        texts = [None if v is None else v.hex() for v in column.to_pylist()]
    return pa.array(texts, pa.string())


@dataclass(frozen=True)
class BytesCodec(ColumnCodec):
    """The codes of the values written as text.

    Attributes:
        type: The column's Arrow type.
        texts: The codec of the texts.
    """

    kind: ClassVar[str] = "bytes"
    type: pa.DataType
    texts: ColumnCodec

    @classmethod
    def fit(cls, column: pa.Array, *, threshold: int = 5) -> BytesCodec:
        """Learn from a real column: values that rows share as categories, others by pattern."""
        texts = to_text(column)
        if are_categories(texts, threshold=threshold):
            return cls(column.type, CategoricalCodec.fit(texts, threshold=threshold))
        return cls(column.type, IdentifierCodec.fit(texts, threshold=threshold, hexadecimal=HEX))

    @property
    def cardinalities(self) -> tuple[int, ...]:
        return self.texts.cardinalities

    @property
    def ordered(self) -> tuple[bool, ...]:
        return self.texts.ordered

    def encode(self, column: pa.Array) -> Codes:
        return self.texts.encode(to_text(column))

    def refusal(self, value: pa.Scalar) -> str | None:
        return self.texts.refusal(to_text(pa.array([value.as_py()], self.type))[0])

    def decode(self, codes: Codes, rng: np.random.Generator) -> pa.Array:
        return self._from_text(self.texts.decode(codes, rng))

    def decode_part(self, codes: Codes, part: Part, seed: Seed) -> pa.Array:
        return self._from_text(self.texts.decode_part(codes, part, seed))

    def _from_text(self, texts: pa.Array) -> pa.Array:
        # A widened pattern may have an odd digit more than whole bytes.
        values = [None if t is None else _bytes_of(t) for t in texts.to_pylist()]
        if is_uuid_type(self.type):
            return self.type.wrap_array(pa.array(values, self.type.storage_type))
        return pa.array(values, self.type)

    def state(self) -> State:
        return {"type": type_to_text(self.type), "texts": {"kind": self.texts.kind, **self.texts.state()}}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> BytesCodec:
        return cls(type_from_text(state["type"]), codec_from_state(state["texts"]))


def _bytes_of(text: str) -> bytes:
    digits = text.replace("-", "")
    return bytes.fromhex(digits if len(digits) % 2 == 0 else "0" + digits)


@dataclass(frozen=True)
class NestedCodec(ColumnCodec):
    """The rank of the value as a whole, then codes for a rare value and for null, if there are such.

    Only values that enough rows share are ever given out: nobody can tell what may be changed in a list or
    a document. Rare ones are replaced by common ones; where none is common, all values become null.

    Attributes:
        values: The shared values, the most frequent first.
        counts: How many rows held each of them.
        rare: Whether some rows held other values.
        null: Whether the column has nulls.
    """

    kind: ClassVar[str] = "nested"
    values: pa.Array
    counts: tuple[int, ...]
    rare: bool
    null: bool

    @classmethod
    def fit(cls, column: pa.Array, *, threshold: int = 5) -> NestedCodec:
        """Learn from a real column; a value is stored only if `threshold` rows hold it."""
        names = [None if v is None else repr(v) for v in column.to_pylist()]
        tally = Counter(name for name in names if name is not None)
        ranked = sorted(tally.items(), key=lambda item: (-item[1], item[0]))
        kept = [(name, count) for name, count in ranked if count >= threshold]
        first = {name: i for i, name in reversed(list(enumerate(names))) if name is not None}
        return cls(
            values=column.take(pa.array([first[name] for name, _ in kept], pa.int64())),
            counts=tuple(count for _, count in kept),
            rare=bool(kept) and len(kept) < len(ranked),
            null=None in names or not kept,
        )

    @property
    def cardinalities(self) -> tuple[int, ...]:
        return (len(self.values) + self.rare + self.null,)

    def encode(self, column: pa.Array) -> Codes:
        rank = {repr(value): i for i, value in enumerate(self.values.to_pylist())}
        unknown = len(self.values) if self.rare else 0
        nothing = len(self.values) + self.rare if self.null else unknown
        ranks = [nothing if v is None else rank.get(repr(v), unknown) for v in column.to_pylist()]
        return np.array(ranks, np.int32)[:, None]

    def decode(self, codes: Codes, rng: np.random.Generator) -> pa.Array:
        ranks = codes[:, 0].astype(np.int64)
        uniform = rng.random(len(ranks))
        if not len(self.values):
            return pa.nulls(len(ranks), self.values.type)
        stand_in = np.searchsorted(np.cumsum(self.counts), uniform * sum(self.counts), side="right")
        if self.rare:
            ranks = np.where(ranks == len(self.values), np.minimum(stand_in, len(self.values) - 1), ranks)
        null = ranks >= len(self.values)
        return self.values.take(pa.array(np.where(null, 0, ranks), mask=null))

    def state(self) -> State:
        sink = pa.BufferOutputStream()
        table = pa.table({"values": self.values})
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        return {
            "values": np.frombuffer(sink.getvalue(), np.uint8).copy(),
            "counts": list(self.counts),
            "rare": self.rare,
            "null": self.null,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> NestedCodec:
        column = pa.ipc.open_stream(pa.BufferReader(state["values"].tobytes())).read_all()["values"]
        return cls(column.combine_chunks(), tuple(state["counts"]), state["rare"], state["null"])
