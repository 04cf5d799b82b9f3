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
        cls, values: Sequence[Any], threshold: int, *, missing: int = 0, depth: int = MAX_DEPTH
    ) -> Shape | None:
        """The shape of most values; None if fewer than the threshold have one.

        Args:
            values: The values of one place, of all documents.
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
            found = cls._of_objects([v for v in values if isinstance(v, dict)], threshold, depth - 1)
            return found and replace(found, writes_null=writes_null)
        if kind == "list":
            elements = [e for v in values if isinstance(v, list) for e in v]
            element = cls.of(elements, threshold, depth=depth - 1) or cls("null")
            return cls(kind, element=element, writes_null=writes_null)
        return cls(kind, writes_null=writes_null, has_integers=integers > 0)

    @classmethod
    def _of_objects(cls, values: Sequence[dict[str, Any]], threshold: int, depth: int) -> Shape | None:
        by_key: dict[str, list[Any]] = {}
        for value in values:
            for key, inner in value.items():
                by_key.setdefault(key, []).append(inner)
        common = sorted(
            (k for k, inner in by_key.items() if len(inner) >= threshold), key=lambda k: -len(by_key[k])
        )
        kept = set(common[:MAX_KEYS])
        entries = sum(map(len, by_key.values()))
        if sum(len(by_key[key]) for key in kept) < NAMED * entries:
            element = cls.of([inner for mine in by_key.values() for inner in mine], threshold, depth=depth)
            return cls("map", element=element) if element else None
        shapes = {
            key: cls.of(inner, threshold, missing=len(values) - len(inner), depth=depth)
            for key, inner in by_key.items()
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
    """The codes of what the documents hold.

    Attributes:
        type: The column's Arrow text type.
        shape: What may stand in a document.
        values: The codec of the documents as structs or lists.
        is_spaced: Whether blanks stand behind commas and colons.
        is_ascii: Whether other letters are escaped.
    """

    kind: ClassVar[str] = "json"
    type: pa.DataType
    shape: Shape
    values: ColumnCodec
    is_spaced: bool
    is_ascii: bool

    @classmethod
    def fit(cls, column: pa.Array, rows: Rows, *, fit_part: FitPart, threshold: int = 5) -> JsonCodec | None:
        """Learn from a real column; None if one of its texts is no object or list of JSON.

        Args:
            column: The real texts.
            rows: The rows they stand in.
            fit_part: Gives the codec of the documents as structs or lists.
            threshold: Keys and kinds of values that fewer documents have are left out.
        """
        texts = column.drop_null().to_pylist()
        if not texts or any(_read(text) is None for text in texts[:PROBED_ROWS]):
            return None
        documents = [_read(text) for text in texts]
        if None in documents or len({type(document) for document in documents}) > 1:
            return None
        shape = Shape.of(documents, threshold)
        if shape is None:
            return None
        some = list(zip(texts[:PROBED_ROWS], documents[:PROBED_ROWS], strict=True))
        styles = [
            sum(_text(d, is_spaced=is_spaced, is_ascii=False) == text.strip() for text, d in some)
            for is_spaced in (True, False)
        ]
        return cls(
            type=column.type,
            shape=shape,
            values=fit_part(_as_arrow(column, shape), rows),
            is_spaced=styles[0] >= styles[1],
            is_ascii=all(text.isascii() for text in texts),
        )

    @property
    def cardinalities(self) -> tuple[int, ...]:
        return self.values.cardinalities

    @property
    def ordered(self) -> tuple[bool, ...]:
        return self.values.ordered

    def encode(self, column: pa.Array) -> Codes:
        return self.values.encode(_as_arrow(column, self.shape))

    def decode(self, codes: Codes, rng: np.random.Generator) -> pa.Array:
        return self._written(self.values.decode(codes, rng))

    def decode_part(self, codes: Codes, part: Part, seed: Seed) -> pa.Array:
        return self._written(self.values.decode_part(codes, part, seed))

    def _written(self, values: pa.Array) -> pa.Array:
        texts = [
            None
            if value is None
            else _text(self.shape.write(value), is_spaced=self.is_spaced, is_ascii=self.is_ascii)
            for value in values.to_pylist()
        ]
        return pa.array(texts, self.type)

    def state(self) -> State:
        return {
            "type": type_to_text(self.type),
            "shape": self.shape.state(),
            "values": {"kind": self.values.kind, **self.values.state()},
            "is_spaced": self.is_spaced,
            "is_ascii": self.is_ascii,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> JsonCodec:
        return cls(
            type=type_from_text(state["type"]),
            shape=Shape.from_state(state["shape"]),
            values=codec_from_state(state["values"]),
            is_spaced=state["is_spaced"],
            is_ascii=state["is_ascii"],
        )


def _as_arrow(column: pa.Array, shape: Shape) -> pa.Array:
    documents = [None if text is None else _read(text) for text in column.to_pylist()]
    return pa.array([shape.read(document) for document in documents], shape.type)


def _read(text: str) -> dict[str, Any] | list[Any] | None:
    """The object or list that a text is in JSON; None if it is none."""
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        found = json.loads(text, parse_int=_integer, parse_float=_number, parse_constant=_number)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict | list) else None


def _integer(text: str) -> int | float:
    return int(text) if len(text) < 19 else _number(text)


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
