"""Make the codes of generated rows come as often as those of real ones.

A model learns each row beside its real parent and its real elder siblings. Generated ones are never quite
alike, and beside rows that it has not seen a model leans to the commonest values, row after row: a status
that seven in ten real orders have gets eight in ten. So some rows are generated as they will be, and codes
that come too often get a smaller chance in all rows alike. What depends on what stays as it was learned.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from synthohive_py.columns.base import Codes
from synthohive_py.columns.datetimes import DatetimeCodec
from synthohive_py.columns.numeric import NumericCodec
from synthohive_py.errors import GenerationError
from synthohive_py.models.processor import processor_settings
from synthohive_py.relational.fitted import Block, FittedSchema, FittedTable
from synthohive_py.relational.generation import Generation
from synthohive_py.relational.shards import Shard
from synthohive_py.relational.world import World
from synthohive_py.rng import Seed

__all__ = ["balance", "shares_of"]

logger = logging.getLogger(__name__)

ROUNDS = 5  # of which the last only takes back
CHANCE = 0.5  # standard errors of a count that are left as they are
BALANCED = frozenset({"column", "recurrence", "family"})  # the others are dealt, or matched to parents
FEW_CATEGORIES, FEW_NUMBERS = 64, 12  # codes of a column that are balanced one by one
MOST_SHIFT = 1.0  # of a code's logit in one round
SHARDS = 2  # that are looked at of a large twin, side by side; together of the size of one

Floats = npt.NDArray[np.float64]


def shares_of(codes: Codes, cardinalities: Sequence[int]) -> list[Floats]:
    """Per column the share of each code."""
    return [
        np.bincount(codes[:, j], minlength=size) / max(len(codes), 1) for j, size in enumerate(cardinalities)
    ]


@processor_settings()
def balance(
    fitted: FittedSchema,
    shares: Mapping[str, Sequence[Floats]],
    seed: Seed,
    *,
    deadline: float | None = None,
) -> None:
    """Shift the chances of all models' codes until generated shares are the real ones.

    Args:
        fitted: What was learned; its models change.
        shares: Per table that has a model, and per code column of it, the real share of each code.
        seed: Everything random derives from it.
        deadline: When to end, by the monotonic clock, even if shares are not yet right.
    """
    roots = {
        n: t.rows for n, t in fitted.tables.items() if t.reference is None and not fitted.plan.driver_of(n)
    }
    balancing = {name: _Balancing(fitted.tables[name], real) for name, real in shares.items()}
    for number in range(ROUNDS):
        if not any(table.groups for table in balancing.values()):
            return
        if deadline is not None and time.monotonic() >= deadline:
            return
        try:
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
        self.groups = {
            span.start + n: groups
            for block in table.layout
            for span in [table.span(block.kind, block.name)]
            for n in range(len(block.cardinalities))
            if (groups := _groups(table, block, n)) is not None
        }
        self.shifts = [np.zeros(size) for size in table.cardinalities]
        self.distances = dict.fromkeys(self.groups, np.inf)

    def shift(self, drawn: Codes, *, is_last: bool) -> None:
        """Shift each column's codes, and shift back those of columns that were better before.

        What comes out of a column may be decided elsewhere: by a rule, or by how long after another it is.
        """
        if self.table.model is None or not len(drawn):
            return
        now = [np.zeros(size) for size in self.table.cardinalities]
        for j, groups in list(self.groups.items()):
            wanted = (np.bincount(groups, self.real[j]) * len(drawn)).astype(np.float64)
            counts = np.bincount(groups[drawn[:, j]], minlength=len(wanted))
            before, self.distances[j] = self.distances[j], float(np.abs(wanted - counts).sum())
            if self.distances[j] >= before:
                now[j] = -self.shifts[j]
                del self.groups[j]
            elif not is_last:
                now[j] = _beyond_chance(wanted, counts)[groups]
        self.shifts = now
        self.table.model.shift(now)


def _groups(table: FittedTable, block: Block, place: int) -> npt.NDArray[np.int64] | None:
    """The group of each code of a code column, by which its shares are balanced; None if they are not.

    Categories of few values are balanced one by one. Of numbers and dates it is only how many are null: where
    the values lie follows from the columns before them, and shifting each would distort how.
    """
    is_dealt = block.name in table.numbered or (table.order and block.name == table.order.column)
    size = block.cardinalities[place]
    if block.kind not in BALANCED or is_dealt:
        return None
    if size <= (FEW_NUMBERS if block.ordered[place] else FEW_CATEGORIES):
        return np.arange(size)
    codec = table.codec.codec(block.name) if block.kind == "column" else None
    if isinstance(codec, NumericCodec | DatetimeCodec) and codec.null and not place:
        return (np.arange(size) == size - 1).astype(np.int64)  # null is the last code
    return None


def _drawn(fitted: FittedSchema, roots: Mapping[str, int], seed: Seed) -> dict[str, Codes]:
    """The codes of generated rows: of whole tables, or of the first shards of large ones."""
    with _without_warnings():
        generation = Generation.start(fitted, roots, seed, {}, finer=SHARDS)

    def made(shard: Shard) -> World:
        with _without_warnings():
            return generation.world(shard)

    with ThreadPoolExecutor(SHARDS) as pool:
        worlds = list(pool.map(made, generation.shards[:SHARDS]))
    codes = {name: generated.codes for name, generated in generation.shared.items()}
    for name in worlds[0].tables if worlds else ():
        if name not in codes:
            codes[name] = np.concatenate([world.tables[name].codes for world in worlds])
    return codes


def _beyond_chance(wanted: Floats, counts: npt.NDArray[np.int64]) -> Floats:
    """What to add to the logit of each code."""
    off = np.log((wanted + 0.5) / (counts + 0.5))
    beyond = np.sign(off) * np.maximum(np.abs(off) - CHANCE * (wanted + 0.5) ** -0.5, 0)
    return np.clip(beyond, -MOST_SHIFT, MOST_SHIFT)


class _Quiet(logging.Filter):
    """Lets nothing but errors pass in threads that are quiet."""

    def __init__(self) -> None:
        super().__init__()
        self.thread = threading.local()

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno >= logging.ERROR or not getattr(self.thread, "is_quiet", False)


_quiet = _Quiet()


@contextlib.contextmanager
def _without_warnings() -> Iterator[None]:
    """What is to be said of generated rows is said when they are generated for the user."""
    for name in list(logging.root.manager.loggerDict):
        if name.startswith("synthohive_py."):  # a filter of the package's own sees nothing of these
            logging.getLogger(name).addFilter(_quiet)
    _quiet.thread.is_quiet = True
    try:
        yield
    finally:
        _quiet.thread.is_quiet = False
