"""Find columns that are a product in every row: `amount = quantity * price * (1 - discount)`."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from synthohive_py.clauses import PLAIN, Factor
from synthohive_py.columns.derived import (
    MIN_ROWS,
    MIN_VALUES,
    DerivedCodec,
    amounts,
    decimals_of,
    is_amount,
    slack_of,
)
from synthohive_py.errors import DataError

__all__ = ["find_products"]

MAX_FACTORS = 60  # triples of more columns take too long
PROBED_ROWS = 256  # looked at before all rows are
FIRST = slice(None, None, 32)  # looked at before those
RATES: tuple[Factor, ...] = ((1.0, -1.0), (1.0, 1.0))  # what is left after a discount, and with a tax
PERCENTAGES: tuple[Factor, ...] = ((1.0, -0.01), (1.0, 0.01))

Floats = npt.NDArray[np.float64]
Term = tuple[str, Factor]  # a column, and what is made of it


def find_products(
    table: pa.Table, *, skip: Collection[str], known: Mapping[str, DerivedCodec]
) -> dict[str, DerivedCodec]:
    """Columns that are the product of two or three others in every row, rounded to their own digits.

    One of the factors may be what is left after a discount, `(1 - x)`, or what comes with a tax, `(1 + x)`,
    in shares or in percent. Of several products the one of fewer factors is taken.

    Args:
        table: The real rows.
        skip: Columns that can be neither factors nor products.
        known: What is computed already. It may be a factor.
    """
    names = [f.name for f in table.schema if f.name not in skip and is_amount(f.type)]
    if table.num_rows < MIN_ROWS or not 2 <= len(names) <= MAX_FACTORS:
        return {}
    read = {}
    for name in names:
        with contextlib.suppress(DataError):  # more digits than fit; whoever encodes the column names it
            read[name] = _Amount.read(table.column(name))
    read = {name: amount for name, amount in read.items() if amount.distinct > 1}
    found = dict(known)
    for total, terms in _likely(read):
        parts = tuple(name for name, _ in terms)
        if total in found or total in _needed(parts, found) or not read[total].is_product(terms, read):
            continue
        factors = tuple(factor for _, factor in terms)
        kind = table.schema.field(total).type
        found[total] = DerivedCodec(kind, parts, read[total].decimals, "product", factors)
    return {total: codec for total, codec in found.items() if total not in known}


@dataclass(frozen=True)
class _Amount:
    """A column as a factor or a product."""

    values: Floats
    null: npt.NDArray[np.bool_]
    decimals: int | None  # that it is rounded to; None if it is not
    distinct: int

    @classmethod
    def read(cls, column: pa.ChunkedArray) -> _Amount:
        values, null = amounts(column)
        return cls(values, null, decimals_of(column), len(np.unique(values[~null])))

    @property
    def slack(self) -> float:
        """How far rounding may take it from the exact product; negative if it can be none."""
        if self.distinct < MIN_VALUES or not np.abs(self.values).max() < 2.0**52:
            return -1.0
        return slack_of(self.decimals)

    @property
    def factors(self) -> tuple[Factor, ...]:
        """What may be made of it; itself is the first."""
        low, high = self.values.min(), self.values.max()
        if low < 0 or high > 100:
            return (PLAIN,)
        return (PLAIN, *(RATES if high <= 1 else PERCENTAGES))

    def is_product(self, terms: tuple[Term, ...], read: Mapping[str, _Amount]) -> bool:
        """Whether it is that of these terms in every row."""
        product = np.prod([_times(read[name].values, factor) for name, factor in terms], axis=0)
        null = np.logical_or.reduce([read[name].null for name, _ in terms])
        near = np.abs(self.values - product) <= self.slack + 1e-12 * np.abs(self.values)
        is_enough = (~null).sum() >= MIN_ROWS
        return bool(is_enough and np.array_equal(null, self.null) and (near | null).all())


def _likely(read: Mapping[str, _Amount]) -> Iterator[tuple[str, tuple[Term, ...]]]:
    """Columns, and the terms that they are the product of in the rows that are looked at."""
    totals = [name for name, amount in read.items() if amount.slack >= 0]
    terms = [(name, factor) for name, amount in read.items() for factor in amount.factors]
    if not totals:
        return
    rows = len(next(iter(read.values())).values)
    probed = np.linspace(0, rows - 1, PROBED_ROWS).astype(np.int64)
    aims = np.array([read[name].values[probed] for name in totals])
    slack = np.array([read[name].slack for name in totals])[:, None] + 1e-12 * np.abs(aims)
    values = np.array([_times(read[name].values[probed], factor) for name, factor in terms])
    plain = [k for k, (_, factor) in enumerate(terms) if factor == PLAIN]

    def matches(product: Floats) -> Iterator[tuple[str, int]]:
        """Totals that (terms, rows) products may be, and the number of the term."""
        near = np.abs(product[:, None, FIRST] - aims[:, FIRST]) <= slack[:, FIRST]
        k, total = np.nonzero(near.all(axis=2))
        is_near = (np.abs(product[k] - aims[total]) <= slack[total]).all(axis=1)
        yield from ((totals[t], int(j)) for j, t in zip(k[is_near], total[is_near], strict=True))

    for i in plain:
        for total, k in matches(values[i] * values):
            if _differ(total, terms[i], terms[k]) and (k > i or k not in plain):
                yield total, (terms[i], terms[k])
    for i, j in combinations(plain, 2):
        for total, k in matches(values[i] * values[j] * values):
            if _differ(total, terms[i], terms[j], terms[k]) and (k > j or k not in plain):
                yield total, (terms[i], terms[j], terms[k])


def _differ(total: str, *terms: Term) -> bool:
    names = [total, *(name for name, _ in terms)]
    return len(set(names)) == len(names)


def _needed(parts: Collection[str], found: Mapping[str, DerivedCodec]) -> set[str]:
    """These columns, and all that they are computed from."""
    out, waiting = set(parts), list(parts)
    while waiting:
        more = set(found[name].parts if (name := waiting.pop()) in found else ()) - out
        out |= more
        waiting += more
    return out


def _times(values: Floats, factor: Factor) -> Floats:
    start, slope = factor
    return start + slope * values
