"""Columns that are the sum or the product of two others in every row, and copies: computed, not learned.

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

from synthohive_py.columns.base import Codes, ColumnCodec, State, type_from_text, type_to_text
from synthohive_py.columns.scalars import Numbers, from_numbers, is_ordered_type, spread_numbers

__all__ = ["DerivedCodec", "find_products", "find_sums", "formula"]

MIN_ROWS = 100  # in fewer rows a sum may be a coincidence
MIN_VALUES = 5  # likewise if a part has fewer distinct values
PROBED_ROWS = 64  # looked at before all rows are
MAX_COLUMNS = 300  # pairs of more columns take too long
MAX_FACTORS = 60  # likewise for products


@dataclass(frozen=True)
class DerivedCodec(ColumnCodec):
    """No code at all: the value follows from other columns of the row.

    Attributes:
        type: The column's Arrow type.
        parts: The columns whose sum or product it is; a single one if it is a copy.
        decimals: Digits after the point that a float result is rounded to.
        operation: What is done with the parts.
    """

    kind: ClassVar[str] = "derived"
    type: pa.DataType
    parts: tuple[str, ...]
    decimals: int | None = None
    operation: Literal["sum", "product"] = "sum"

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
            return self._product([columns[name] for name in self.parts])
        total, null = spread_numbers(columns[self.parts[0]])
        for name in self.parts[1:]:
            more, also_null = spread_numbers(columns[name])
            total, null = total + more, null | also_null
        if self.decimals is not None:
            total = np.round(total, self.decimals)
        return from_numbers(total, null, self.type)

    def _product(self, parts: list[pa.Array]) -> pa.Array:
        factors = [_amounts(part) for part in parts]
        null = np.logical_or.reduce([no_value for _, no_value in factors])
        result = np.round(np.prod([values for values, _ in factors], axis=0), self.decimals or 0)
        if not pa.types.is_floating(self.type):
            result = np.round(result * 10 ** _scale(self.type))
        return from_numbers(result, null, self.type)

    def state(self) -> State:
        return {
            "type": type_to_text(self.type),
            "parts": list(self.parts),
            "decimals": self.decimals,
            "operation": self.operation,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> DerivedCodec:
        kind, parts = type_from_text(state["type"]), tuple(state["parts"])
        return cls(kind, parts, state["decimals"], state["operation"])


def formula(
    table: pa.Table, column: str, parts: Sequence[str], operation: Literal["sum", "product"]
) -> DerivedCodec:
    """The codec of a column that is known to be the sum or the product of others."""
    kind = table.schema.field(column).type
    if operation == "product":
        return DerivedCodec(kind, tuple(parts), _Amount.read(table.column(column)).decimals, operation)
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


def find_products(table: pa.Table, *, skip: Collection[str]) -> dict[str, DerivedCodec]:
    """Columns that are the product of two others in every row, rounded to their own digits.

    Args:
        table: The real rows.
        skip: Columns that can be neither factors nor products.
    """
    names = [f.name for f in table.schema if f.name not in skip and _is_amount(f.type)]
    if table.num_rows < MIN_ROWS or not 3 <= len(names) <= MAX_FACTORS:
        return {}
    read = {name: _Amount.read(table.column(name)) for name in names}
    read = {name: amount for name, amount in read.items() if amount.distinct > 1}
    probed = np.linspace(0, table.num_rows - 1, PROBED_ROWS).astype(np.int64)
    probe = np.array([amount.values[probed] for amount in read.values()]).reshape(len(read), len(probed))
    slack = np.array([[amount.slack] for amount in read.values()]).reshape(len(read), 1)
    found: dict[str, DerivedCodec] = {}
    parts: set[str] = set()
    for (i, one), (j, other) in combinations(enumerate(read), 2):
        near = np.abs(probe - probe[i] * probe[j]) <= slack + 1e-12 * np.abs(probe)
        for k in np.flatnonzero(near.all(axis=1)):
            total = list(read)[k]
            if k in (i, j) or total in parts or total in found or {one, other} & set(found):
                continue
            if read[total].is_product(read[one], read[other]):
                kind = table.schema.field(total).type
                found[total] = DerivedCodec(kind, (one, other), read[total].decimals, "product")
                parts |= {one, other}
    return found


def _is_amount(kind: pa.DataType) -> bool:
    t = pa.types
    return bool((t.is_integer(kind) and not t.is_uint64(kind)) or t.is_floating(kind) or t.is_decimal(kind))


def _scale(kind: pa.DataType) -> int:
    return kind.scale if pa.types.is_decimal(kind) else 0


def _amounts(column: pa.Array | pa.ChunkedArray) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """What the values amount to, zero where null."""
    values, null = spread_numbers(column)
    return values / 10.0 ** _scale(column.type), null


@dataclass(frozen=True)
class _Amount:
    """A column as a factor or a product."""

    values: npt.NDArray[np.float64]
    null: npt.NDArray[np.bool_]
    decimals: int | None  # that it is rounded to; None: too many to tell
    distinct: int

    @classmethod
    def read(cls, column: pa.ChunkedArray) -> _Amount:
        values, null = _amounts(column)
        is_float = pa.types.is_floating(column.type)
        decimals = _Column.read(column).decimals if is_float else _scale(column.type)
        return cls(values, null, decimals, len(np.unique(values)))

    @property
    def slack(self) -> float:
        """How far rounding may take it from the exact product; negative if it can be none."""
        if self.decimals is None or self.distinct < MIN_VALUES or np.abs(self.values).max() > 2.0**52:
            return -1.0
        return 0.5 * 10.0**-self.decimals + 1e-9

    def is_product(self, one: _Amount, other: _Amount) -> bool:
        """Whether it is one times the other in every row."""
        near = np.abs(self.values - one.values * other.values) <= self.slack + 1e-12 * np.abs(self.values)
        null = one.null | other.null
        return bool(np.array_equal(null, self.null) and (near | null).all())


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
