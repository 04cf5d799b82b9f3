"""Structs, lists and maps by their parts: for columns whose values are rarely shared as wholes.

The fields of a struct are columns like any other, so what they say of each other and of the row is learned.
Of a list the length is learned with the row; its elements are drawn each for itself. A map is a list of
pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from synthohive_py.columns.base import (
    Codes,
    ColumnCodec,
    State,
    codec_from_state,
    type_from_text,
    type_to_text,
)
from synthohive_py.columns.bins import Bins
from synthohive_py.columns.scalars import is_ordered_type
from synthohive_py.rng import Part, Seed

__all__ = ["FitPart", "ListCodec", "MapCodec", "Rows", "StructCodec", "is_list_type"]

Rows = npt.NDArray[np.int64]
FitPart = Callable[[pa.Array, Rows], ColumnCodec]  # the values of a part, and the rows they stand in
LENGTH_BINS = 20


def is_list_type(kind: pa.DataType) -> bool:
    """Whether values are lists, of any or of one length."""
    t = pa.types
    return bool(t.is_list(kind) or t.is_large_list(kind) or t.is_fixed_size_list(kind))


@dataclass(frozen=True)
class StructCodec(ColumnCodec):
    """The codes of all fields, after one that says whether the struct is null, if some are.

    Attributes:
        type: The column's Arrow type.
        fields: The codec of each field.
        null: Whether the column has nulls.
    """

    kind: ClassVar[str] = "struct"
    type: pa.StructType
    fields: tuple[ColumnCodec, ...]
    null: bool

    @classmethod
    def fit(cls, column: pa.StructArray, rows: Rows, *, fit_part: FitPart) -> StructCodec:
        """Learn from a real column, whose values stand in `rows`; `fit_part` gives the codec of a field."""
        rows = rows[np.asarray(column.is_valid())]
        fields = tuple(fit_part(field, rows) for field in column.drop_null().flatten())
        return cls(column.type, fields, column.null_count > 0)

    @property
    def cardinalities(self) -> tuple[int, ...]:
        return (2,) * self.null + tuple(k for codec in self.fields for k in codec.cardinalities)

    @property
    def ordered(self) -> tuple[bool, ...]:
        return (False,) * self.null + tuple(o for codec in self.fields for o in codec.ordered)

    def encode(self, column: pa.StructArray) -> Codes:
        null = np.asarray(column.is_null())
        codes = np.zeros((len(column), len(self.cardinalities)), np.int32)
        parts = [c.encode(f) for c, f in zip(self.fields, column.drop_null().flatten(), strict=True)]
        codes[~null, int(self.null) :] = np.concatenate(parts, axis=1)
        if self.null:
            codes[:, 0] = null
        return codes

    def decode(self, codes: Codes, rng: np.random.Generator) -> pa.Array:
        return self._joined(codes, [c.decode(mine, rng) for c, mine in self._of_fields(codes)])

    def decode_part(self, codes: Codes, part: Part, seed: Seed) -> pa.Array:
        fields = [
            c.decode_part(mine, part, seed.child(i)) for i, (c, mine) in enumerate(self._of_fields(codes))
        ]
        return self._joined(codes, fields)

    def _of_fields(self, codes: Codes) -> list[tuple[ColumnCodec, Codes]]:
        found, start = [], int(self.null)
        for codec in self.fields:
            stop = start + len(codec.cardinalities)
            found.append((codec, codes[:, start:stop]))
            start = stop
        return found

    def _joined(self, codes: Codes, fields: list[pa.Array]) -> pa.Array:
        mask = pa.array(codes[:, 0] == 1) if self.null else None
        return pa.StructArray.from_arrays(fields, fields=list(self.type), mask=mask)

    def state(self) -> State:
        fields = [{"kind": codec.kind, **codec.state()} for codec in self.fields]
        return {"type": type_to_text(self.type), "fields": fields, "null": self.null}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> StructCodec:
        return cls(
            type_from_text(state["type"]), tuple(map(codec_from_state, state["fields"])), state["null"]
        )


@dataclass(frozen=True)
class ListCodec(ColumnCodec):
    """One code: the bin of the list's length, or the last code for null.

    Attributes:
        type: The column's Arrow type.
        lengths: Numbers of elements to codes and back.
        element: The codec of the elements.
        common: Codes of elements, of those that enough lists share as a whole.
        counts: How many elements had each of them.
        others: Per code column of the others, how many elements had each code.
        is_set: Whether no list holds an element twice.
        is_sorted: Whether all lists ascend.
        null: Whether the column has nulls.
    """

    kind: ClassVar[str] = "list"
    type: pa.DataType
    lengths: Bins
    element: ColumnCodec
    common: Codes
    counts: npt.NDArray[np.int64]
    others: tuple[npt.NDArray[np.int64], ...]
    is_set: bool
    is_sorted: bool
    null: bool

    @classmethod
    def fit(cls, column: pa.Array, rows: Rows, *, fit_part: FitPart, threshold: int = 5) -> ListCodec:
        """Learn from a real column, whose values stand in `rows`; `fit_part` gives the elements' codec."""
        lists = column.drop_null()
        lengths = np.asarray(pc.list_value_length(lists)).astype(np.int64)
        elements = lists.flatten()
        element = fit_part(elements, np.repeat(rows[np.asarray(column.is_valid())], lengths))
        codes, counts = np.unique(element.encode(elements), axis=0, return_counts=True)
        is_common = counts >= threshold
        others = tuple(
            np.bincount(codes[~is_common, i], weights=counts[~is_common], minlength=k).astype(np.int64)
            for i, k in enumerate(element.cardinalities)
        )
        is_fixed = pa.types.is_fixed_size_list(column.type)
        is_plain = pa.types.is_string(elements.type) or is_ordered_type(elements.type)
        values = lists.to_pylist() if is_plain and elements.null_count == 0 else []
        return cls(
            type=column.type,
            lengths=Bins.fit(lengths, bins=LENGTH_BINS, threshold=threshold),
            element=element,
            common=codes[is_common].astype(np.int32),
            counts=counts[is_common].astype(np.int64),
            others=others,
            is_set=bool(values) and not is_fixed and all(len(set(v)) == len(v) for v in values),
            is_sorted=bool(values) and all(v == sorted(v) for v in values),
            null=column.null_count > 0 or not len(lists),
        )

    @property
    def cardinalities(self) -> tuple[int, ...]:
        return (self.lengths.size + self.null,)

    @property
    def ordered(self) -> tuple[bool, ...]:
        return (True,)

    def encode(self, column: pa.Array) -> Codes:
        null = np.asarray(column.is_null())
        codes = np.full(len(column), self.lengths.size if self.null else 0, np.int32)
        lengths = np.asarray(pc.list_value_length(column.drop_null())).astype(np.int64)
        codes[~null] = self.lengths.encode(lengths)
        return codes[:, None]

    def decode(self, codes: Codes, rng: np.random.Generator) -> pa.Array:
        null = codes[:, 0] >= self.lengths.size
        sizes = self.lengths.decode(np.minimum(codes[:, 0], max(self.lengths.size - 1, 0)), rng)
        if pa.types.is_fixed_size_list(self.type):
            sizes = np.full(len(codes), self.type.list_size)
        sizes = np.where(null, 0, np.maximum(sizes, 0)).astype(np.int64)
        elements = self.element.decode(self._drawn(int(sizes.sum()), rng), rng)
        ends = np.cumsum(sizes)
        offsets = np.concatenate([[0], ends])
        if pa.types.is_fixed_size_list(self.type) or self.is_set or self.is_sorted:
            values = elements.to_pylist()
            lists = [
                self._put(values[i:j]) for i, j in zip(offsets[:-1].tolist(), ends.tolist(), strict=True)
            ]
            return pa.array([None if n else v for n, v in zip(null.tolist(), lists, strict=True)], self.type)
        build = pa.LargeListArray if pa.types.is_large_list(self.type) else pa.ListArray
        places = pa.array(offsets, pa.int64() if build is pa.LargeListArray else pa.int32())
        return build.from_arrays(places, elements, type=self.type, mask=pa.array(null))

    def _drawn(self, size: int, rng: np.random.Generator) -> Codes:
        """Codes of elements, as often as real elements have them."""
        rest = int(self.others[0].sum()) if self.others else 0
        codes = np.zeros((size, len(self.others)), np.int32)
        if not self.others or rest + self.counts.sum() == 0:
            return codes
        is_other = rng.random(size) < rest / (rest + self.counts.sum())
        if len(self.counts):
            picked = rng.choice(len(self.counts), int((~is_other).sum()), p=self.counts / self.counts.sum())
            codes[~is_other] = self.common[picked]
        for i, counts in enumerate(self.others if rest else ()):
            codes[is_other, i] = rng.choice(len(counts), int(is_other.sum()), p=counts / counts.sum())
        return codes

    def _put(self, values: list[Any]) -> list[Any]:
        """The elements as the real lists have them: each once, or in order."""
        values = list(dict.fromkeys(values)) if self.is_set else values
        return sorted(values) if self.is_sorted else values

    def state(self) -> State:
        return {
            "type": type_to_text(self.type),
            "lengths": self.lengths.state(),
            "element": {"kind": self.element.kind, **self.element.state()},
            "common": self.common,
            "counts": self.counts,
            "others": list(self.others),
            "is_set": self.is_set,
            "is_sorted": self.is_sorted,
            "null": self.null,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> ListCodec:
        return cls(
            type=type_from_text(state["type"]),
            lengths=Bins.from_state(state["lengths"]),
            element=codec_from_state(state["element"]),
            common=np.asarray(state["common"], np.int32),
            counts=np.asarray(state["counts"], np.int64),
            others=tuple(np.asarray(counts, np.int64) for counts in state["others"]),
            is_set=state["is_set"],
            is_sorted=state["is_sorted"],
            null=state["null"],
        )


@dataclass(frozen=True)
class MapCodec(ColumnCodec):
    """The codes of the list of the map's pairs.

    Attributes:
        type: The column's Arrow type.
        pairs: The codec of the lists.
    """

    kind: ClassVar[str] = "map"
    type: pa.MapType
    pairs: ListCodec

    @classmethod
    def fit(cls, column: pa.MapArray, rows: Rows, *, fit_part: FitPart, threshold: int = 5) -> MapCodec:
        """Learn from a real column, whose values stand in `rows`; `fit_part` gives the codec of a pair."""
        pairs = ListCodec.fit(_as_lists(column), rows, fit_part=fit_part, threshold=threshold)
        return cls(column.type, pairs)

    @property
    def cardinalities(self) -> tuple[int, ...]:
        return self.pairs.cardinalities

    @property
    def ordered(self) -> tuple[bool, ...]:
        return self.pairs.ordered

    def encode(self, column: pa.MapArray) -> Codes:
        return self.pairs.encode(_as_lists(column))

    def decode(self, codes: Codes, rng: np.random.Generator) -> pa.Array:
        """Maps; where a key is drawn twice, the last pair counts."""
        lists = self.pairs.decode(codes, rng).to_pylist()
        maps = [None if v is None else list({p["key"]: p["value"] for p in v}.items()) for v in lists]
        return pa.array(maps, self.type)

    def state(self) -> State:
        return {"type": type_to_text(self.type), "pairs": self.pairs.state()}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> MapCodec:
        return cls(type_from_text(state["type"]), ListCodec.from_state(state["pairs"]))


def _as_lists(column: pa.MapArray) -> pa.ListArray:
    kind = column.type
    pair = pa.struct([pa.field("key", kind.key_type), pa.field("value", kind.item_type)])
    lists = [None if v is None else [{"key": k, "value": i} for k, i in v] for v in column.to_pylist()]
    return pa.array(lists, pa.list_(pair))
