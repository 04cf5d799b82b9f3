"""Documents: JSON written as text, learned by what is in it, so that the twin's cells are JSON, too.

What all documents may hold is found first: which keys, and whether values are texts, numbers, lists or
objects. With that each document is a struct or a list, whose codec learns it, and is written again in the
way of the real ones. Keys that few documents have are left out; where most are so (products and how many),
they are values and no names: these are learned as pairs.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from synthohive_py.columns.base import (
    Codes,
    ColumnCodec,
    State,
    codec_from_state,
    type_from_text,
    type_to_text,
)
from synthohive_py.columns.nested import FitPart, Rows
from synthohive_py.rng import Part, Seed

__all__ = ["JsonCodec"]

PROBED_ROWS = 100  # read before all rows are, and compared in how they are written
MAX_KEYS = 100  # of one object, the most frequent ones
LONGEST_INTEGER = 20  # characters of a 64-bit number
MAX_DEPTH = 20  # levels of a document
NAMED = 0.5  # share of an object's entries under common keys from which on keys are names

Kind = Literal["object", "map", "list", "text", "integer", "number", "boolean", "null"]
_TYPES: dict[Kind, pa.DataType] = {
    "text": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "null": pa.null(),
}
# What a whole document may be; those of numbers are of one kind.
ROOTS: tuple[Kind, ...] = ("object", "list", "text", "number", "boolean", "null")
_ROOTS: dict[Kind, Kind] = {"map": "object", "integer": "number"}
_NONE = object()  # no JSON
_MARKS = ((", ", ": "), (",", ":"))


@dataclass(frozen=True)
class Shape:
    """What stands at one place of the documents.

    Attributes:
        kind: What it is; a `map` is an object whose keys are values.
        fields: What an object has under each key.
        element: What a list or a map holds.
        writes_null: Whether a key without a value is written as null, and not left out.
        has_integers: Whether whole numbers are written without a point.
    """

    kind: Kind
    fields: Mapping[str, Shape] = field(default_factory=dict)
    element: Shape | None = None
    writes_null: bool = False
    has_integers: bool = False

    @classmethod
    def of(
        cls,
        values: Sequence[Any],
        rows: Sequence[int],
        threshold: int,
        *,
        missing: int = 0,
        depth: int = MAX_DEPTH,
    ) -> Shape | None:
        """The shape of most values; None if fewer than the threshold have one.

        Args:
            values: The values of one place, of all documents.
            rows: The document that each is in.
            threshold: How many have to have it.
            missing: How many documents have no such place.
            depth: How many levels may lie below.
        """
        kinds = Counter(map(_kind_of, values))
        nulls = kinds.pop("null", 0)
        writes_null = nulls > missing
        if not kinds:
            return cls("null", writes_null=writes_null) if nulls >= threshold else None
        integers = kinds["integer"]
        if kinds["number"]:
            kinds["number"] += kinds.pop("integer", 0)
        kind, count = max(kinds.items(), key=lambda item: item[1])
        if count < threshold or depth == 0:
            return None
        if kind == "object":
            inner = [(v, row) for v, row in zip(values, rows, strict=True) if isinstance(v, dict)]
            found = cls._of_objects(inner, threshold, depth - 1)
            return found and replace(found, writes_null=writes_null)
        if kind == "list":
            lists = [(v, row) for v, row in zip(values, rows, strict=True) if isinstance(v, list)]
            elements = [element for v, _ in lists for element in v]
            whose = [row for v, row in lists for _ in v]
            element = cls.of(elements, whose, threshold, depth=depth - 1) or cls("null")
            return cls(kind, element=element, writes_null=writes_null)
        return cls(kind, writes_null=writes_null, has_integers=integers > 0)

    @classmethod
    def _of_objects(
        cls, values: Sequence[tuple[dict[str, Any], int]], threshold: int, depth: int
    ) -> Shape | None:
        by_key: dict[str, tuple[list[Any], list[int]]] = {}
        for value, row in values:
            for key, inner in value.items():
                entries = by_key.setdefault(key, ([], []))
                entries[0].append(inner)
                entries[1].append(row)
        # A key that one document says again and again is its own.
        common = [key for key, (_, rows) in by_key.items() if len(set(rows)) >= threshold]
        kept = set(sorted(common, key=lambda key: -len(by_key[key][0]))[:MAX_KEYS])
        total = sum(len(inner) for inner, _ in by_key.values())
        if sum(len(by_key[key][0]) for key in kept) < NAMED * total:
            inner = [one for mine, _ in by_key.values() for one in mine]
            element = cls.of(inner, [r for _, rows in by_key.values() for r in rows], threshold, depth=depth)
            return cls("map", element=element) if element else None
        shapes = {
            key: cls.of(inner, rows, threshold, missing=len(values) - len(inner), depth=depth)
            for key, (inner, rows) in by_key.items()
            if key in kept
        }
        fields = {key: shape for key, shape in shapes.items() if shape}
        return cls("object", fields) if fields else None

    @property
    def type(self) -> pa.DataType:
        """The Arrow type of the values."""
        if self.kind == "object":
            return pa.struct([pa.field(key, shape.type) for key, shape in self.fields.items()])
        if self.kind == "list" and self.element:
            return pa.list_(self.element.type)
        if self.kind == "map" and self.element:
            return pa.list_(pa.struct([pa.field("key", pa.string()), pa.field("value", self.element.type)]))
        return _TYPES[self.kind]

    def read(self, value: Any) -> Any:
        """A value as its Arrow type takes it; None if it is of another shape."""
        kind = _kind_of(value)
        if self.kind == "object" and kind == "object":
            return {key: shape.read(value.get(key)) for key, shape in self.fields.items()}
        if self.kind == "map" and kind == "object" and self.element:
            return [{"key": key, "value": self.element.read(inner)} for key, inner in value.items()]
        if self.kind == "list" and kind == "list" and self.element:
            return [self.element.read(inner) for inner in value]
        if self.kind == "number" and kind == "integer":
            return float(value)
        return value if kind == self.kind and kind not in ("object", "list") else None

    def write(self, value: Any) -> Any:
        """The document's value for that of the Arrow type."""
        if value is None:
            return None
        if self.kind == "object":
            written = {key: shape.write(value[key]) for key, shape in self.fields.items()}
            return {k: v for k, v in written.items() if v is not None or self.fields[k].writes_null}
        if self.kind == "map" and self.element:
            return {entry["key"]: self.element.write(entry["value"]) for entry in value}
        if self.kind == "list" and self.element:
            return [self.element.write(inner) for inner in value]
        if self.kind == "number" and self.has_integers and value.is_integer():
            return int(value)
        return value

    def state(self) -> State:
        """All fields, for an artefact."""
        return {
            "kind": self.kind,
            "keys": list(self.fields),
            "fields": [shape.state() for shape in self.fields.values()],
            "element": self.element.state() if self.element else None,
            "writes_null": self.writes_null,
            "has_integers": self.has_integers,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Shape:
        """The shape that `state` was taken from."""
        return cls(
            kind=state["kind"],
            fields=dict(zip(state["keys"], map(cls.from_state, state["fields"]), strict=True)),
            element=cls.from_state(state["element"]) if state["element"] else None,
            writes_null=state["writes_null"],
            has_integers=state["has_integers"],
        )


@dataclass(frozen=True)
class JsonCodec(ColumnCodec):
    """One code that says what a cell is, if cells differ in it, then the codes of all that documents hold.

    Attributes:
        type: The column's Arrow text type.
        shapes: The kinds of documents, the most frequent first: most columns have one, of objects.
        codecs: For each, the codec of the documents as Arrow's values.
        others: Texts that are no JSON and that enough rows share, such as none at all.
        null: Whether the column has nulls.
        is_spaced: Whether blanks stand behind commas and colons.
        is_ascii: Whether other letters are escaped.
    """

    kind: ClassVar[str] = "json"
    type: pa.DataType
    shapes: tuple[Shape, ...]
    codecs: tuple[ColumnCodec, ...]
    others: tuple[str, ...]
    null: bool
    is_spaced: bool
    is_ascii: bool

    @classmethod
    def fit(cls, column: pa.Array, rows: Rows, *, fit_part: FitPart, threshold: int = 5) -> JsonCodec | None:
        """Learn from a real column; None if most of its texts are no objects or lists of JSON.

        Args:
            column: The real texts.
            rows: The rows they stand in.
            fit_part: Gives the codec of documents as Arrow's values.
            threshold: Texts, keys and kinds of values that fewer documents have are left out.
        """
        texts = column.drop_null().to_pylist()
        if not _are_documents([_read(text) for text in texts[:PROBED_ROWS]]):
            return None
        values = [_read(text) for text in texts]
        if not _are_documents(values):
            return None
        rows = rows[np.asarray(column.is_valid())]
        found = []
        for kind in ROOTS:
            mine = [i for i, value in enumerate(values) if _root_of(value) == kind]
            shape = Shape.of([values[i] for i in mine], mine, threshold) if mine else None
            if shape:
                documents = pa.array([shape.read(values[i]) for i in mine], shape.type)
                found.append((len(mine), shape, fit_part(documents, rows[mine])))
        if not found:
            return None
        found.sort(key=lambda kind: -kind[0])
        rest = Counter(text for text, value in zip(texts, values, strict=True) if value is _NONE)
        some = [(t, v) for t, v in zip(texts, values, strict=True) if isinstance(v, dict | list)][
            :PROBED_ROWS
        ]
        styles = [
            sum(_text(v, is_spaced=is_spaced, is_ascii=False) == t.strip() for t, v in some)
            for is_spaced in (True, False)
        ]
        return cls(
            type=column.type,
            shapes=tuple(shape for _, shape, _ in found),
            codecs=tuple(codec for _, _, codec in found),
            others=tuple(sorted(text for text, count in rest.items() if count >= threshold)),
            null=column.null_count > 0,
            is_spaced=styles[0] >= styles[1],
            is_ascii=all(text.isascii() for text in texts),
        )

    @property
    def _kinds(self) -> int:
        return len(self.shapes) + len(self.others) + self.null

    @property
    def cardinalities(self) -> tuple[int, ...]:
        what = (self._kinds,) if self._kinds > 1 else ()
        return what + tuple(k for codec in self.codecs for k in codec.cardinalities)

    @property
    def ordered(self) -> tuple[bool, ...]:
        return (False,) * (self._kinds > 1) + tuple(o for codec in self.codecs for o in codec.ordered)

    def encode(self, column: pa.Array) -> Codes:
        texts = column.to_pylist()
        values = [_NONE if text is None else _read(text) for text in texts]
        roots: dict[Kind | None, int] = {
            _ROOTS.get(shape.kind, shape.kind): i for i, shape in enumerate(self.shapes)
        }
        known = {text: len(self.shapes) + i for i, text in enumerate(self.others)}
        what = np.array(
            [
                self._kinds - 1 if text is None else known.get(text, roots.get(_root_of(value), 0))
                for text, value in zip(texts, values, strict=True)
            ],
            np.int32,
        )
        codes = np.zeros((len(texts), len(self.cardinalities)), np.int32)
        for i, (shape, codec, at) in enumerate(self._parts()):
            fits = [roots.get(_root_of(value)) == i for value in values]
            mine = np.flatnonzero((what == i) & fits)
            codes[mine, at] = codec.encode(pa.array([shape.read(values[j]) for j in mine], shape.type))
        if self._kinds > 1:
            codes[:, 0] = what
        return codes

    def decode(self, codes: Codes, rng: np.random.Generator) -> pa.Array:
        what = codes[:, 0] if self._kinds > 1 else np.zeros(len(codes), np.int32)
        texts: npt.NDArray[np.object_] = np.full(len(codes), None, object)
        for i, (shape, codec, at) in enumerate(self._parts()):
            mine = np.flatnonzero(what == i)
            texts[mine] = self._written(shape, codec.decode(codes[mine, at], rng))
        for i, text in enumerate(self.others, len(self.shapes)):
            texts[what == i] = text
        return pa.array(list(texts), self.type)

    def decode_part(self, codes: Codes, part: Part, seed: Seed) -> pa.Array:
        """See there; what is unique in documents of one kind stays so over all parts."""
        if self._kinds > 1:
            return super().decode_part(codes, part, seed)
        [(shape, codec, at)] = self._parts()
        texts = self._written(shape, codec.decode_part(codes[:, at], part, seed))
        return pa.array(texts, self.type)

    def _parts(self) -> list[tuple[Shape, ColumnCodec, slice]]:
        """The kinds of documents, and which code columns are theirs."""
        found, start = [], int(self._kinds > 1)
        for shape, codec in zip(self.shapes, self.codecs, strict=True):
            stop = start + len(codec.cardinalities)
            found.append((shape, codec, slice(start, stop)))
            start = stop
        return found

    def _written(self, shape: Shape, values: pa.Array) -> list[str]:
        documents = [shape.write(value) for value in values.to_pylist()]
        return [_text(d, is_spaced=self.is_spaced, is_ascii=self.is_ascii) for d in documents]

    def state(self) -> State:
        return {
            "type": type_to_text(self.type),
            "shapes": [shape.state() for shape in self.shapes],
            "codecs": [{"kind": codec.kind, **codec.state()} for codec in self.codecs],
            "others": list(self.others),
            "null": self.null,
            "is_spaced": self.is_spaced,
            "is_ascii": self.is_ascii,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> JsonCodec:
        return cls(
            type=type_from_text(state["type"]),
            shapes=tuple(map(Shape.from_state, state["shapes"])),
            codecs=tuple(map(codec_from_state, state["codecs"])),
            others=tuple(state["others"]),
            null=state["null"],
            is_spaced=state["is_spaced"],
            is_ascii=state["is_ascii"],
        )


def _are_documents(values: Sequence[Any]) -> bool:
    """Whether more than half of the values are objects or lists."""
    return sum(isinstance(value, dict | list) for value in values) > len(values) / 2


def _read(text: str) -> Any:
    """What a text says in JSON; `_NONE` if it is no JSON."""
    try:
        return json.loads(text, parse_int=_integer, parse_float=_number, parse_constant=_number)
    except (ValueError, RecursionError):
        return _NONE


def _root_of(value: Any) -> Kind | None:
    """The kind of a whole document; None if it is none."""
    if value is _NONE:
        return None
    kind = _kind_of(value)
    return "number" if kind == "integer" else kind


def _integer(text: str) -> int | float:
    number = int(text) if len(text) <= LONGEST_INTEGER else 2**64
    return number if -(2**63) <= number < 2**63 else _number(text)


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):  # NaN and the like are no JSON, though Python takes them
        raise ValueError(text)
    return value


def _text(document: Any, *, is_spaced: bool, is_ascii: bool) -> str:
    marks = _MARKS[0] if is_spaced else _MARKS[1]
    return json.dumps(document, separators=marks, ensure_ascii=is_ascii)


def _kind_of(value: Any) -> Kind:
    if isinstance(value, bool):
        return "boolean"
    kinds: dict[type, Kind] = {
        dict: "object",
        list: "list",
        str: "text",
        int: "integer",
        float: "number",
        type(None): "null",
    }
    return kinds[type(value)]
