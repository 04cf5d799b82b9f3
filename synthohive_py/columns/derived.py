"""Columns that are the sum or the product of others in every row, and copies: computed, not learned.

`sqft_living = sqft_above + sqft_basement` is exact in the real rows. A model of codes would get it nearly
right in most rows; adding the two gets it right in all of them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from synthohive_py.clauses import PLAIN, Factor
from synthohive_py.columns.base import Codes, ColumnCodec, State, type_from_text, type_to_text
from synthohive_py.columns.scalars import Numbers, from_numbers, is_ordered_type, spread_numbers

__all__ = [
    "MIN_ROWS",
    "MIN_VALUES",
    "DerivedCodec",
    "amounts",
    "decimals_of",
    "find_sums",
    "formula",
    "is_amount",
    "slack_of",
]

MIN_ROWS = 100  # in fewer rows a sum may be a coincidence
MIN_VALUES = 5  # likewise if a part has fewer distinct values
PROBED_ROWS = 64  # looked at before all rows are
MAX_COLUMNS = 300  # pairs of more columns take too long


@dataclass(frozen=True)
class DerivedCodec(ColumnCodec):
    """No code at all: the value follows from other columns of the row.

    Attributes:
        type: The column's Arrow type.
        parts: The columns whose sum or product it is; a single one if it is a copy.
        decimals: Digits after the point that a float result is rounded to.
        operation: What is done with the parts.
        factors: Of a product, what is made of each part first; nothing by default.
    """

    kind: ClassVar[str] = "derived"
    type: pa.DataType
    parts: tuple[str, ...]
    decimals: int | None = None
    operation: Literal["sum", "product"] = "sum"
    factors: tuple[Factor, ...] = ()

    @property
    def cardinalities(self) -> tuple[int, ...]:
        return ()

    def encode(self, column: pa.Array) -> Codes:
        return np.zeros((len(column), 0), np.int32)

    def decode(self, codes: Codes, rng: np.random.Generator) -> pa.Array:  # noqa: ARG002  nothing is drawn
        """Nulls: without the other columns nothing is known. See `derive`."""
        return pa.nulls(len(codes), self.type)

    def refusal(self, value: pa.Scalar) -> str | None:  # noqa: ARG002  none is accepted
        return f"conditions on {' and '.join(self.parts)}, which it is computed from"

    def derive(self, columns: Mapping[str, pa.Array]) -> pa.Array:
        """The column, from its parts."""
        if self.operation == "product":
            product, null = self._product(columns)
            if self.decimals is not None:
                product = np.round(product, self.decimals)
            if not pa.types.is_floating(self.type):
                product = np.round(product * 10 ** _scale(self.type))
            return from_numbers(_within(product, self.type), null, self.type)
        total, null = spread_numbers(columns[self.parts[0]])
        for name in self.parts[1:]:
            more, also_null = spread_numbers(columns[name])
            total, null = total + more, null | also_null
        if self.decimals is not None:
            total = np.round(total, self.decimals)
        return from_numbers(_within(total, self.type), null, self.type)

    def _product(
        self, columns: Mapping[str, pa.Array]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
        """The exact product, and where it is null."""
        read = [amounts(columns[name]) for name in self.parts]
        factors = self.factors or (PLAIN,) * len(read)
        terms = [start + slope * values for (values, _), (start, slope) in zip(read, factors, strict=True)]
        return np.prod(terms, axis=0), np.logical_or.reduce([null for _, null in read])

    def differs(self, column: pa.Array, columns: Mapping[str, pa.Array]) -> npt.NDArray[np.bool_]:
        """Where a column is not what follows from its parts. A product may be rounded either way.

        Args:
            column: The column.
            columns: Its parts.
        """
        null = np.asarray(column.is_null())
        if self.operation == "product":
            product, no_product = self._product(columns)
            values = amounts(column)[0]
            near = np.abs(values - product) <= slack_of(self.decimals) + 1e-12 * np.abs(values)
            return (null != no_product) | ~(near | null)
        computed = self.derive(columns)
        unlike = pc.fill_null(pc.not_equal(column, computed), fill_value=False)
        return (null != np.asarray(computed.is_null())) | np.asarray(unlike)

    def state(self) -> State:
        return {
            "type": type_to_text(self.type),
            "parts": list(self.parts),
            "decimals": self.decimals,
            "operation": self.operation,
            "factors": [list(factor) for factor in self.factors],
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> DerivedCodec:
        kind, parts = type_from_text(state["type"]), tuple(state["parts"])
        factors = tuple((start, slope) for start, slope in state["factors"])
        return cls(kind, parts, state["decimals"], state["operation"], factors)


def formula(
    table: pa.Table,
    column: str,
    parts: Sequence[str],
    operation: Literal["sum", "product"],
    factors: Sequence[Factor] = (),
) -> DerivedCodec:
    """The codec of a column that is known to be the sum or the product of others."""
    kind = table.schema.field(column).type
    if operation == "product":
        return DerivedCodec(kind, tuple(parts), decimals_of(table.column(column)), operation, tuple(factors))
    decimals = _Column.read(table.column(column)).decimals if pa.types.is_floating(kind) else None
    return DerivedCodec(kind, tuple(parts), decimals, operation)


def find_sums(table: pa.Table, *, skip: Collection[str]) -> dict[str, DerivedCodec]:
    """Columns that are a copy of another, or the sum of two others, in every row.

    Parts are never derived themselves. Only columns of one type are compared, so that the result has it.

    Args:
        table: The real rows.
        skip: Columns that can be neither parts nor sums.
    """
    if table.num_rows < MIN_ROWS:
        return {}
    groups: dict[pa.DataType, list[str]] = {}
    for field in table.schema:
        if field.name not in skip and is_ordered_type(field.type) and not pa.types.is_uint64(field.type):
            groups.setdefault(field.type, []).append(field.name)
    found: dict[str, DerivedCodec] = {}
    for kind, names in groups.items():
        if 2 <= len(names) <= MAX_COLUMNS:
            found |= _sums_of_type({n: _Column.read(table.column(n)) for n in names}, kind)
    return found


@dataclass(frozen=True)
class _Column:
    values: Numbers  # zero where null
    null: npt.NDArray[np.bool_]
    decimals: int | None  # of floats
    distinct: int

    @classmethod
    def read(cls, column: pa.ChunkedArray) -> _Column:
        values, null = spread_numbers(column.combine_chunks())
        decimals = None
        if values.dtype != np.int64:
            finite = np.isfinite(values).all()
            decimals = next(
                (d for d in range(7) if finite and np.array_equal(np.round(values, d), values)), None
            )
        return cls(values, null, decimals, len(np.unique(values)))

    @property
    def usable(self) -> bool:
        exact = self.values.dtype == np.int64 or self.decimals is not None
        return exact and self.distinct >= MIN_VALUES and bool(np.abs(self.values).max() < 2.0**52)


def _sums_of_type(columns: Mapping[str, _Column], kind: pa.DataType) -> dict[str, DerivedCodec]:
    columns = {name: column for name, column in columns.items() if column.usable}
    if not columns:
        return {}
    rows = len(next(iter(columns.values())).values)
    probed = np.linspace(0, rows - 1, PROBED_ROWS).astype(np.int64)
    decimals = max((c.decimals or 0 for c in columns.values()), default=0)

    def probe(values: Numbers) -> bytes:
        return bytes(np.round(values[probed] + 0.0, decimals).tobytes())

    by_probe: dict[bytes, list[str]] = {}
    for name, column in columns.items():
        by_probe.setdefault(probe(column.values), []).append(name)
    found: dict[str, DerivedCodec] = {}
    parts: set[str] = set()

    def consider(total: str, *names: str) -> None:
        if total in parts or total in found or total in names or set(names) & set(found):
            return
        if _holds(columns[total], [columns[n] for n in names]):
            rounding = columns[total].decimals if columns[total].values.dtype != np.int64 else None
            found[total] = DerivedCodec(kind, names, rounding)
            parts.update(names)

    for names in by_probe.values():
        for name in names[1:]:
            consider(name, names[0])
    if not _can_add(kind):
        return found
    for one, other in combinations(columns, 2):
        for total in by_probe.get(probe(columns[one].values + columns[other].values), ()):
            consider(total, one, other)
    return found


def is_amount(kind: pa.DataType) -> bool:
    """Whether values of the type can be multiplied."""
    t = pa.types
    return bool((t.is_integer(kind) and not t.is_uint64(kind)) or t.is_floating(kind) or t.is_decimal(kind))


def amounts(column: pa.Array | pa.ChunkedArray) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """What the values amount to, zero where null, and which are null."""
    values, null = spread_numbers(column)
    return values / 10.0 ** _scale(column.type), null


def decimals_of(column: pa.ChunkedArray) -> int | None:
    """The digits after the point of a column of amounts; None if they are too many to tell."""
    if pa.types.is_floating(column.type):
        return _Column.read(column).decimals
    return _scale(column.type)


def slack_of(decimals: int | None) -> float:
    """How far rounding to so many digits may take a value from the exact product."""
    return 1e-9 + (0.0 if decimals is None else 0.5 * 10.0**-decimals)


def _within(values: Numbers, kind: pa.DataType) -> Numbers:
    """Values that the type has room for."""
    if pa.types.is_decimal(kind):
        most = 10 ** min(kind.precision, 18) - 1
        return np.clip(values, -most, most)
    if pa.types.is_integer(kind) and not pa.types.is_uint64(kind):
        limits = np.iinfo(kind.to_pandas_dtype())
        return np.clip(values, limits.min, limits.max)
    return values


def _scale(kind: pa.DataType) -> int:
    return kind.scale if pa.types.is_decimal(kind) else 0


def _can_add(kind: pa.DataType) -> bool:
    """Two dates have no sum."""
    return not pa.types.is_temporal(kind) or pa.types.is_duration(kind)


def _holds(total: _Column, parts: list[_Column]) -> bool:
    null = np.logical_or.reduce([part.null for part in parts])
    if not np.array_equal(null, total.null):
        return False
    result = sum((part.values for part in parts[1:]), start=parts[0].values)
    if total.decimals is not None:
        result = np.round(result, total.decimals)
    return bool((null | (result == total.values)).all())
