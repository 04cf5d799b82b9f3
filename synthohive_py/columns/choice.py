"""Which codec a column gets: by what is known of it, by its type, and by what it holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from synthohive_py.arrowtypes import is_bytes_type, is_nested_type
from synthohive_py.columns.base import ColumnCodec
from synthohive_py.columns.categorical import CategoricalCodec, are_categories
from synthohive_py.columns.datetexts import DateTextCodec
from synthohive_py.columns.datetimes import DatetimeCodec
from synthohive_py.columns.documents import JsonCodec
from synthohive_py.columns.identifier import IdentifierCodec
from synthohive_py.columns.nested import ListCodec, MapCodec, Rows, StructCodec, is_list_type
from synthohive_py.columns.numeric import NumericCodec
from synthohive_py.columns.opaque import BytesCodec, NestedCodec
from synthohive_py.columns.positional import PositionalCodec
from synthohive_py.columns.scalars import is_ordered_type
from synthohive_py.columns.text import TextCodec
from synthohive_py.schema import Constraint

__all__ = ["ColumnHint", "fit_codec"]

Counted = Callable[[pa.Array, Rows], npt.NDArray[np.bool_]]
Kind = Literal["numeric", "datetime", "categorical", "identifier", "text"]
MAX_IDENTIFIER_LENGTH = 64
WHOLE_MASS = 0.9  # share of rows on shared structs or lists that are learned as wholes
SPACED_SHARE = 0.05  # text in which more cells than this hold a space is prose, not identifiers


@dataclass(frozen=True)
class ColumnHint:
    """What is known of a column before its data is looked at.

    Attributes:
        kind: The codec to use; None lets the data decide.
        domain: Values that are public and kept however rare they are.
        rule: Bounds and roundness of a numeric column.
        bins: How many codes to aim at for numbers.
    """

    kind: Kind | None = None
    domain: tuple[Any, ...] | None = None
    rule: Constraint = field(default_factory=Constraint)
    bins: int = 100


def fit_codec(
    column: pa.Array,
    *,
    threshold: int,
    hint: ColumnHint,
    counted: Counted | None = None,
    rows: Rows | None = None,
) -> ColumnCodec:
    """The codec for a column: by the hint if it names one, else by type and content.

    Args:
        column: The real values.
        threshold: Values held by fewer rows than this are never stored.
        hint: What is known of the column.
        counted: Which values of a part of structs, lists or documents count, given the rows they stand in.
        rows: The rows that the values stand in; by default each in one of its own.
    """
    rows = np.arange(len(column)) if rows is None else rows
    part = partial(_fit_part, threshold, counted)
    if is_nested_type(column.type):
        return _fit_nested(column, rows, threshold, counted)
    if is_bytes_type(column.type):
        return BytesCodec.fit(column, threshold=threshold)
    kind = hint.kind or _kind_of(column, threshold, hint)
    if hint.kind is None and kind in ("identifier", "text"):
        dates = DateTextCodec.fit(column, bins=hint.bins, threshold=threshold)
        if dates:
            return dates
        documents = JsonCodec.fit(column, rows, fit_part=part, threshold=threshold)
        if documents:
            return documents
    if kind == "categorical":
        return CategoricalCodec.fit(column, threshold=threshold, domain=hint.domain)
    if kind == "datetime":
        return DatetimeCodec.fit(column, threshold=threshold, bins=hint.bins)
    if kind == "numeric":
        # A rule bounds whole numbers, not their digits.
        positional = hint.rule == Constraint() and PositionalCodec.fit(
            column, threshold=threshold, bins=hint.bins
        )
        if positional:
            return positional
        return NumericCodec.fit(column, threshold=threshold, bins=hint.bins, rule=hint.rule)
    if kind == "identifier":
        return IdentifierCodec.fit(column, threshold=threshold)
    return TextCodec.fit(column, threshold=threshold)


def _kind_of(column: pa.Array, threshold: int, hint: ColumnHint) -> Kind:
    t = pa.types
    if hint.domain is not None or t.is_null(column.type):
        return "categorical"
    if t.is_boolean(column.type):
        return "categorical"
    if t.is_date(column.type) or t.is_timestamp(column.type):
        return "datetime"
    if is_ordered_type(column.type):
        return "numeric"
    values = column.drop_null()
    if are_categories(values, threshold=threshold):
        return "categorical"
    texts = values.slice(0, 10_000).to_pylist()
    spaced = sum(" " in text for text in texts) / max(len(texts), 1)
    longest = max(map(len, texts), default=0)
    return "identifier" if spaced <= SPACED_SHARE and longest <= MAX_IDENTIFIER_LENGTH else "text"


def _fit_nested(column: pa.Array, rows: Rows, threshold: int, counted: Counted | None) -> ColumnCodec:
    """The codec for structs, lists and maps: whole values where most rows share theirs, else by parts."""
    part = partial(_fit_part, threshold, counted)
    names = pa.array([None if value is None else repr(value) for value in column.to_pylist()], pa.string())
    counts = _once_a_row(names, rows, threshold)
    if counted is not None:
        counts &= counted(names, rows)
    known = column.filter(pa.array(counts))
    whole = NestedCodec.fit(known, threshold=threshold)
    is_shared = sum(whole.counts) >= WHOLE_MASS * (len(known) - known.null_count)
    if not is_shared and pa.types.is_struct(column.type) and column.type.num_fields:
        return StructCodec.fit(column, rows, fit_part=part)
    if not is_shared and is_list_type(column.type):
        return ListCodec.fit(column, rows, fit_part=part, threshold=threshold)
    if not is_shared and pa.types.is_map(column.type):
        return MapCodec.fit(column, rows, fit_part=part, threshold=threshold)
    return whole


def _fit_part(threshold: int, counted: Counted | None, column: pa.Array, rows: Rows) -> ColumnCodec:
    if not is_nested_type(column.type):
        counts = _once_a_row(column, rows, threshold)
        if counted is not None:
            counts &= counted(column, rows)
        column, rows = column.filter(pa.array(counts)), rows[counts]
    return fit_codec(column, threshold=threshold, hint=ColumnHint(), counted=counted, rows=rows)


def _once_a_row(column: pa.Array, rows: Rows, threshold: int) -> npt.NDArray[np.bool_]:
    """Which values count: one that a row says again and again does so once, unless other rows say it, too."""
    plain = column.storage if isinstance(column, pa.ExtensionArray) else column  # UUIDs are bytes
    coded = plain.dictionary_encode(null_encoding="encode")
    values = coded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    if not len(values):
        return np.ones(0, bool)
    first = np.zeros(len(values), bool)
    first[np.unique(rows * (values.max() + 1) + values, return_index=True)[1]] = True
    return first | (np.bincount(values[first])[values] >= threshold)
