"""The kinds of rules: what each says, which rows break it, and how it is stored."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from synthohive_py.clauses import PLAIN, Factor, factor_text, quoted
from synthohive_py.columns.derived import DerivedCodec
from synthohive_py.columns.scalars import Numbers, to_numbers
from synthohive_py.joins import parent_rows
from synthohive_py.schema import ForeignKey

__all__ = [
    "AtMost",
    "Computed",
    "Depends",
    "Intervals",
    "NullBy",
    "Nulls",
    "Relatives",
    "Repeats",
    "Rising",
    "Rule",
    "TableRules",
    "are_among",
    "codes_of",
    "differ",
    "followers",
    "rule_from_state",
    "spread",
    "stored",
    "strict_gap",
]

Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_KINDS: dict[str, type[Rule]] = {}


@dataclass(frozen=True)
class Relatives:
    """Whom the rows of a table belong to.

    Attributes:
        parent: The rows of the parent table.
        rows: (rows,) parent row of each row; negative for none.
        matched: Per other foreign key whose parents are known, these.
    """

    parent: pa.Table
    rows: Rows
    matched: Mapping[tuple[str, ...], Relatives] = field(default_factory=dict)

    @classmethod
    def none(cls, rows: int, matched: Mapping[tuple[str, ...], Relatives]) -> Relatives:
        """Those of rows that are generated from no parent."""
        return cls(pa.table({}), np.full(rows, -1, np.int64), matched)

    @property
    def is_none(self) -> bool:
        """Whether the rows are generated from no parent."""
        return not self.parent.num_columns

    def along(self, key: tuple[str, ...]) -> Relatives:
        """The parents along a foreign key; without columns along the driver."""
        return self.matched[key] if key else self

    def column(self, name: str) -> pa.Array:
        """A column of the parent for each row; null for rows without one."""
        values = self.parent.column(name).combine_chunks()
        return values.take(pa.array(np.maximum(self.rows, 0), mask=self.rows < 0))


class Rule(ABC):
    """Something that holds in every row of a table."""

    kind: ClassVar[str]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        _KINDS[cls.kind] = cls

    @abstractmethod
    def __str__(self) -> str:
        """The rule in the language of `clauses.py`."""

    @property
    @abstractmethod
    def columns(self) -> tuple[str, ...]:
        """The table's own columns that it is about."""

    @abstractmethod
    def broken(self, table: pa.Table, relatives: Relatives | None = None) -> Mask:
        """Which rows break it."""

    def support(self, table: pa.Table, relatives: Relatives | None = None) -> int:  # noqa: ARG002
        """How many rows it says something about."""
        known = np.ones(table.num_rows, bool)
        for column in self.columns:
            known &= np.asarray(table.column(column).is_valid())
        return int(known.sum())

    def state(self) -> dict[str, Any]:
        """All fields, for an artefact."""
        return {"kind": self.kind, **{f.name: getattr(self, f.name) for f in fields(self)}}  # type: ignore[arg-type]


def rule_from_state(state: Mapping[str, Any]) -> Rule:
    """The rule of any kind that `rule.state()` was taken from."""
    values = {k: _as_tuples(v) for k, v in state.items() if k != "kind"}
    return _KINDS[state["kind"]](**values)


def _as_tuples(value: Any) -> Any:
    return tuple(map(_as_tuples, value)) if isinstance(value, list | tuple) else value


@dataclass(frozen=True)
class AtMost(Rule):
    """One value is at most another one of the same row, or of the row's parent; nulls break nothing.

    Attributes:
        lower: The column of the smaller value.
        upper: The column of the larger value.
        gap: The larger value is larger by at least this much, in ticks (for floats, in their own unit);
            0 if they may be equal.
        of_parent: Whether one of them is a column of a parent: `lower`, `upper` or none.
        key: The foreign key to that parent, if it is not the driver.
    """

    kind: ClassVar[str] = "at_most"
    lower: str
    upper: str
    gap: float = 0
    of_parent: Literal["lower", "upper"] | None = None
    key: tuple[str, ...] = ()

    def __str__(self) -> str:
        parent = f"parent({', '.join(map(quoted, self.key))})." if self.key else "parent."
        lower = f"{parent * (self.of_parent == 'lower')}{quoted(self.lower)}"
        upper = f"{parent * (self.of_parent == 'upper')}{quoted(self.upper)}"
        return f"{lower} {'<' if self.gap else '<='} {upper}"

    @property
    def columns(self) -> tuple[str, ...]:
        both = {"lower": self.lower, "upper": self.upper}
        return tuple(column for end, column in both.items() if end != self.of_parent)

    def ends(self, table: pa.Table, relatives: Relatives | None) -> tuple[Numbers, Numbers, Mask]:
        """Both values of each row in ticks, and the rows in which neither is null."""
        arrays = []
        for end, name in (("lower", self.lower), ("upper", self.upper)):
            if end == self.of_parent:
                assert relatives is not None
                arrays.append(relatives.along(self.key).column(name))
            else:
                arrays.append(table.column(name).combine_chunks())
        (low, no_low), (high, no_high) = (spread(array) for array in arrays)
        return low, high, ~(no_low | no_high)

    def broken(self, table: pa.Table, relatives: Relatives | None = None) -> Mask:
        low, high, known = self.ends(table, relatives)
        return known & ((low >= high) if self.gap else (low > high))

    def support(self, table: pa.Table, relatives: Relatives | None = None) -> int:
        return int(self.ends(table, relatives)[2].sum())

    def above(self, low: Numbers) -> Numbers:
        """The least value that may stand beside `low`."""
        return self._away(low, 1)

    def below(self, high: Numbers) -> Numbers:
        """The largest value that may stand beside `high`."""
        return self._away(high, -1)

    def _away(self, values: Numbers, sign: int) -> Numbers:
        if values.dtype == np.int64:
            return values + sign * int(self.gap)
        moved = values + sign * self.gap
        # Beside large numbers the gap may vanish. A step of 32 bits is one in columns of either width.
        step = np.nextafter(values.astype(np.float32), np.float32(sign * np.inf)).astype(values.dtype)
        return np.where((moved == values) & (self.gap > 0), step, moved)


@dataclass(frozen=True)
class Depends(Rule):
    """Rows that agree in one column agree in another: a city lies in one country.

    Attributes:
        on: The column that decides.
        column: The column that follows from it.
    """

    kind: ClassVar[str] = "depends"
    on: str
    column: str

    def __str__(self) -> str:
        return f"{quoted(self.on)} decides {quoted(self.column)}"

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.on, self.column)

    def broken(self, table: pa.Table, relatives: Relatives | None = None) -> Mask:  # noqa: ARG002
        """Rows that have another value than most of those that they agree with."""
        on, column = (codes_of(table.column(c).combine_chunks()) for c in (self.on, self.column))
        most = np.full(int(on.max(initial=-1)) + 1, -1, np.int64)
        most[on] = column
        known = np.asarray(table.column(self.on).is_valid())
        if (known & (most[on] != column)).any():
            width = int(column.max(initial=-1)) + 1
            pairs, size = np.unique(on * width + column, return_counts=True)
            rarest_first = pairs[np.argsort(size, kind="stable")]
            most[rarest_first // width] = rarest_first % width
        return known & (most[on] != column)


@dataclass(frozen=True)
class NullBy(Rule):
    """Rows that agree in one column agree in whether another is null: an order that is lost never arrives.

    Attributes:
        on: The column that decides.
        column: The column that is null, or is not.
    """

    kind: ClassVar[str] = "null_by"
    on: str
    column: str

    def __str__(self) -> str:
        return f"{quoted(self.on)} decides whether {quoted(self.column)} is null"

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.on, self.column)

    def support(self, table: pa.Table, relatives: Relatives | None = None) -> int:  # noqa: ARG002
        return int(table.num_rows - table.column(self.on).null_count)

    def broken(self, table: pa.Table, relatives: Relatives | None = None) -> Mask:  # noqa: ARG002
        """Rows that are not as most of those that they agree with."""
        on = codes_of(table.column(self.on).combine_chunks())
        null = np.asarray(table.column(self.column).is_null())
        mostly = 2 * np.bincount(on, null) > np.bincount(on)
        return (mostly[on] != null) & np.asarray(table.column(self.on).is_valid())


@dataclass(frozen=True)
class Nulls(Rule):
    """What never happens to two columns at once.

    Attributes:
        one: A column.
        other: Another column.
        never: `both` are never null, `neither` is never the case (at most one has a value), or `first`: the
            first is never null where the other has a value.
    """

    kind: ClassVar[str] = "nulls"
    one: str
    other: str
    never: Literal["both", "neither", "first"]

    def __str__(self) -> str:
        one, other = map(quoted, self.columns)
        if self.never == "both":
            return f"{one} is not null or {other} is not null"
        if self.never == "neither":
            return f"{one} is null or {other} is null"
        return f"{one} is not null or {other} is null"

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.one, self.other)

    def support(self, table: pa.Table, relatives: Relatives | None = None) -> int:  # noqa: ARG002
        return int(table.num_rows)

    def broken(self, table: pa.Table, relatives: Relatives | None = None) -> Mask:  # noqa: ARG002
        one, other = (np.asarray(table.column(c).is_null()) for c in self.columns)
        return {"both": one & other, "neither": ~one & ~other, "first": one & ~other}[self.never]


@dataclass(frozen=True)
class Computed(Rule):
    """A value is the sum or the product of others of its row, or a copy of another one.

    Attributes:
        column: The column.
        parts: The columns it is computed from.
        operation: `sum` or `product`.
        decimals: Digits after the point that it is rounded to, if it is a float.
        factors: Of a product, what is made of each part first; see `DerivedCodec`.
    """

    kind: ClassVar[str] = "computed"
    column: str
    parts: tuple[str, ...]
    operation: Literal["sum", "product"]
    decimals: int | None
    factors: tuple[Factor, ...] = ()

    @classmethod
    def of(cls, column: str, codec: DerivedCodec) -> Computed:
        """What a codec computes."""
        return cls(column, codec.parts, codec.operation, codec.decimals, codec.factors)

    def __str__(self) -> str:
        factors = self.factors or (PLAIN,) * len(self.parts)
        parts = [factor_text(*both) for both in zip(self.parts, factors, strict=True)]
        return f"{quoted(self.column)} = {(' + ' if self.operation == 'sum' else ' * ').join(parts)}"

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column, *self.parts)

    def broken(self, table: pa.Table, relatives: Relatives | None = None) -> Mask:  # noqa: ARG002
        column = table.column(self.column).combine_chunks()
        codec = DerivedCodec(column.type, self.parts, self.decimals, self.operation, self.factors)
        return codec.differs(column, {name: table.column(name).combine_chunks() for name in self.parts})


@dataclass(frozen=True)
class Repeats(Rule):
    """A value is that of the row's parent.

    Attributes:
        column: The column.
        of: The parent's column.
    """

    kind: ClassVar[str] = "repeats"
    column: str
    of: str

    def __str__(self) -> str:
        return f"{quoted(self.column)} = parent.{quoted(self.of)}"

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,)

    def broken(self, table: pa.Table, relatives: Relatives | None = None) -> Mask:
        assert relatives is not None
        ours, theirs = table.column(self.column).combine_chunks(), relatives.column(self.of)
        return differ(ours, theirs.cast(ours.type)) & (relatives.rows >= 0)


@dataclass(frozen=True)
class Rising(Rule):
    """A value never falls from one row of a parent to the next.

    Attributes:
        column: The column.
        order: The column that the rows of a parent are sorted by.
    """

    kind: ClassVar[str] = "rising"
    column: str
    order: str

    def __str__(self) -> str:
        return f"{quoted(self.column)} never falls along {quoted(self.order)} within a parent"

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column, self.order)

    def broken(self, table: pa.Table, relatives: Relatives | None = None) -> Mask:
        assert relatives is not None
        before, after = followers(relatives.rows, table.column(self.order).combine_chunks())
        values = to_numbers(table.column(self.column).combine_chunks())[0]
        out = np.zeros(table.num_rows, bool)
        out[after] = values[after] < values[before]
        return out


@dataclass(frozen=True)
class Intervals(Rule):
    """The intervals of a parent's rows do not overlap: each ends before the next begins.

    Attributes:
        start: The column with the beginning, which the rows of a parent are sorted by.
        end: The column with the end; null where it is open.
    """

    kind: ClassVar[str] = "intervals"
    start: str
    end: str

    def __str__(self) -> str:
        return f"({quoted(self.start)}, {quoted(self.end)}) do not overlap within a parent"

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.start, self.end)

    def broken(self, table: pa.Table, relatives: Relatives | None = None) -> Mask:
        assert relatives is not None
        start = table.column(self.start).combine_chunks()
        before, after = followers(relatives.rows, start)
        end, is_open = spread(table.column(self.end).combine_chunks())
        out = np.zeros(table.num_rows, bool)
        out[before] = ~is_open[before] & (end[before] > to_numbers(start)[0][after])
        return out


@dataclass(frozen=True)
class TableRules:
    """The rules of a table, and whose rows its rows belong to.

    Attributes:
        rules: What holds in every row.
        driver: The foreign key to the parent that some of them are about; None if there is none.
        matched: The other foreign keys that some are about.
    """

    rules: tuple[Rule, ...]
    driver: ForeignKey | None
    matched: tuple[ForeignKey, ...] = ()

    @classmethod
    def of(cls, rules: tuple[Rule, ...], driver: ForeignKey | None, keys: Iterable[ForeignKey]) -> TableRules:
        """Rules of a table, and those of its foreign keys that they are about."""
        needed = {rule.key for rule in rules if isinstance(rule, AtMost)}
        return cls(rules, driver, tuple(key for key in keys if key.columns in needed))

    @property
    def parents(self) -> set[str]:
        """The tables that they are about, beside their own."""
        return {key.parent for key in (self.driver, *self.matched) if key is not None}

    def relatives(self, table: pa.Table, tables: Mapping[str, pa.Table]) -> Relatives:
        """The parents of each row, in a schema of these tables."""
        matched = {key.columns: _relatives(table, key, tables) for key in self.matched}
        if self.driver is None:
            return Relatives.none(table.num_rows, matched)
        return replace(_relatives(table, self.driver, tables), matched=matched)


def _relatives(table: pa.Table, key: ForeignKey, tables: Mapping[str, pa.Table]) -> Relatives:
    parent = tables[key.parent]
    return Relatives(parent, parent_rows(table, key.columns, parent, key.parent_columns))


def differ(ours: pa.Array, theirs: pa.Array) -> Mask:
    """Where two columns are unlike; nulls are like each other."""
    ours, theirs = (c.storage if isinstance(c, pa.ExtensionArray) else c for c in (ours, theirs))
    both = np.asarray(ours.is_null()), np.asarray(theirs.is_null())
    unlike = pc.fill_null(pc.not_equal(ours, theirs), fill_value=False)
    return (both[0] != both[1]) | np.asarray(unlike)


def strict_gap(low: Numbers, high: Numbers) -> float:
    """What larger values are larger by: of whole ticks the step that all gaps share, else the least gap."""
    if not len(low):
        return 1
    if low.dtype != np.int64:
        return float((high - low).min())
    return int(np.gcd.reduce((high - low).astype(np.uint64)))


def spread(column: pa.Array) -> tuple[Numbers, Mask]:
    """A number for every row, zero where null; and which are null."""
    values, null = to_numbers(column)
    out = np.zeros(len(null), values.dtype)
    out[~null] = values
    return out, null


def stored(column: pa.Array) -> pa.Array:
    """UUIDs as bytes, which Arrow can compare; all else as it is."""
    return column.storage if isinstance(column, pa.ExtensionArray) else column


def codes_of(column: pa.Array) -> Rows:
    """Equal numbers from 0 on for equal values; nulls are equal to each other."""
    coded = stored(column).dictionary_encode(null_encoding="encode")
    return coded.indices.cast(pa.int64()).to_numpy(zero_copy_only=False)


def are_among(values: pa.Array, known: pa.Array) -> Mask:
    """Which values are known, of any type."""
    codes = codes_of(pa.concat_arrays([known, values.cast(known.type)]))
    return np.isin(codes[len(known) :], codes[: len(known)])


def followers(parents: Rows, order: pa.Array) -> tuple[Rows, Rows]:
    """Rows that have a younger sibling, and the sibling that follows each."""
    own = np.flatnonzero(parents >= 0)
    own = own[np.lexsort((to_numbers(order)[0][own], parents[own]))]
    same = parents[own][1:] == parents[own][:-1]
    return own[:-1][same], own[1:][same]
