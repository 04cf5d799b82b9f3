"""Make the codes of generated rows come as often as those of real ones.

A model learns each row beside its real parent and its real elder siblings. Generated ones are never quite
alike, and beside rows that it has not seen a model leans to the commonest values, row after row: a status
that seven in ten real orders have gets eight in ten. So some rows are generated as they will be, and codes
that come too often get a smaller chance in all rows alike. What depends on what stays as it was learned.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from synthohive_py.columns.base import Codes
from synthohive_py.errors import GenerationError
from synthohive_py.relational.fitted import FittedSchema, FittedTable
from synthohive_py.relational.generation import Generation
from synthohive_py.rng import Seed

__all__ = ["balance", "shares_of"]

logger = logging.getLogger(__name__)

ROUNDS = 3  # of which the last only takes back
CHANCE = 0.5  # standard errors of a count that are left as they are
BALANCED = frozenset({"column", "gap", "recurrence", "family"})  # the others are dealt, or matched to parents
MOST_SHIFT = 1.0  # of a code's logit in one round

Floats = npt.NDArray[np.float64]


def shares_of(codes: Codes, cardinalities: Sequence[int]) -> list[Floats]:
    """Per column the share of each code."""
    return [
        np.bincount(codes[:, j], minlength=size) / max(len(codes), 1) for j, size in enumerate(cardinalities)
    ]


def balance(fitted: FittedSchema, shares: Mapping[str, Sequence[Floats]], seed: Seed) -> None:
    """Shift the chances of all models' codes until generated shares are the real ones.

    Args:
        fitted: What was learned; its models change.
        shares: Per table that has a model, and per code column of it, the real share of each code.
        seed: Everything random derives from it.
    """
    roots = {
        n: t.rows for n, t in fitted.tables.items() if t.reference is None and not fitted.plan.driver_of(n)
    }
    balancing = {name: _Balancing(fitted.tables[name], real) for name, real in shares.items()}
    for number in range(ROUNDS):
        try:
            with _without_warnings():
                drawn = _drawn(fitted, roots, seed.child(number))
        except GenerationError as error:  # `sample` will raise it, too; or not, with other numbers of rows
            logger.debug("shares are left as they are: %s", error)
            return
        for name, table in balancing.items():
            table.shift(drawn[name], is_last=number == ROUNDS - 1)


class _Balancing:
    """A table's model while its codes are shifted.

    Args:
        table: The table.
        real: Per code column the real share of each code.
    """

    def __init__(self, table: FittedTable, real: Sequence[Floats]) -> None:
        self.table, self.real = table, real
        self.open = {
            j
            for block in table.layout
            if block.kind in BALANCED
            and block.name not in table.numbered
            and not (table.order and block.name == table.order.column)
            for j in range(*table.span(block.kind, block.name).indices(len(real)))
        }
        self.shifts = [np.zeros(size) for size in table.cardinalities]
        self.distances = [np.inf] * len(real)

    def shift(self, drawn: Codes, *, is_last: bool) -> None:
        """Shift each column's codes, and shift back those of columns that were better before.

        What comes out of a column may be decided elsewhere: by a rule, or by how long after another it is.
        """
        if self.table.model is None or not len(drawn):
            return
        for j, change in enumerate(self.shifts):
            wanted, counts = self.real[j] * len(drawn), np.bincount(drawn[:, j], minlength=len(change))
            before, self.distances[j] = self.distances[j], float(np.abs(wanted - counts).sum())
            is_worse = j in self.open and self.distances[j] >= before
            if is_worse:
                self.open.discard(j)
                self.shifts[j] = -change
            elif j in self.open and not is_last:
                self.shifts[j] = _beyond_chance(wanted, counts)
            else:
                self.shifts[j] = np.zeros(len(change))
        self.table.model.shift(self.shifts)


def _drawn(fitted: FittedSchema, roots: Mapping[str, int], seed: Seed) -> dict[str, Codes]:
    """The codes of generated rows: of whole tables, or of the first shard of large ones."""
    generation = Generation.start(fitted, roots, seed, {})
    tables = generation.world(generation.shards[0]).tables if generation.shards else generation.shared
    return {name: generated.codes for name, generated in tables.items()}


def _beyond_chance(wanted: Floats, counts: npt.NDArray[np.int64]) -> Floats:
    """What to add to the logit of each code."""
    off = np.log((wanted + 0.5) / (counts + 0.5))
    beyond = np.sign(off) * np.maximum(np.abs(off) - CHANCE * (wanted + 0.5) ** -0.5, 0)
    return np.clip(beyond, -MOST_SHIFT, MOST_SHIFT)


@contextlib.contextmanager
def _without_warnings() -> Iterator[None]:
    """What is to be said of generated rows is said when they are generated for the user."""
    package = logging.getLogger("synthohive_py")
    level = package.level
    package.setLevel(logging.ERROR)
    try:
        yield
    finally:
        package.setLevel(level)
