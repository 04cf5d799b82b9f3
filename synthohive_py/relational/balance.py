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

ROUNDS = 3
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
    for number in range(ROUNDS):
        try:
            with _without_warnings():
                drawn = _drawn(fitted, roots, seed.child(number))
        except GenerationError as error:  # `sample` will raise it, too; or not, with other numbers of rows
            logger.debug("shares are left as they are: %s", error)
            return
        for name, real in shares.items():
            table = fitted.tables[name]
            if table.model is not None and len(drawn[name]):
                table.model.shift(_shifts(table, real, drawn[name]))


def _drawn(fitted: FittedSchema, roots: Mapping[str, int], seed: Seed) -> dict[str, Codes]:
    """The codes of generated rows: of whole tables, or of the first shard of large ones."""
    generation = Generation.start(fitted, roots, seed, {})
    tables = generation.world(generation.shards[0]).tables if generation.shards else generation.shared
    return {name: generated.codes for name, generated in tables.items()}


def _shifts(table: FittedTable, real: Sequence[Floats], drawn: Codes) -> list[Floats]:
    """Per code column what to add to the logit of each code."""
    shifts = [np.zeros(size) for size in table.cardinalities]
    for block in table.layout:
        is_dealt = block.name in table.numbered or (table.order and block.name == table.order.column)
        if block.kind in BALANCED and not is_dealt:
            span = table.span(block.kind, block.name)
            for j in range(span.start, span.stop):
                shifts[j] = _shift(real[j], drawn[:, j])
    return shifts


def _shift(share: Floats, drawn: npt.NDArray[np.int32]) -> Floats:
    """How far a code's share is off beyond chance."""
    wanted, counts = share * len(drawn) + 0.5, np.bincount(drawn, minlength=len(share)) + 0.5
    off = np.log(wanted / counts)
    beyond = np.sign(off) * np.maximum(np.abs(off) - CHANCE * wanted**-0.5, 0)
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
