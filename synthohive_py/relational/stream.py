"""Tables that stand alone, generated part after part: memory does not grow with the number of rows.

Every part has a random stream of its own, so parts can be made side by side, and the rows do not depend on
how many are.
"""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import islice

import pyarrow as pa

from synthohive_py.models.processor import processor_settings
from synthohive_py.relational.conditions import Conditions
from synthohive_py.relational.fitted import FittedSchema, FittedTable
from synthohive_py.relational.parts import make_part
from synthohive_py.relational.workers import Workers, can_start
from synthohive_py.rng import Part, Seed

__all__ = ["PART_ROWS", "PROCESS_ROWS", "stands_alone", "stream_table"]

logger = logging.getLogger(__name__)

PART_ROWS = 65_536
PROCESS_ROWS = 3_000_000  # from here on processes repay the seconds that they take to start


def stands_alone(fitted: FittedSchema, name: str) -> bool:
    """Whether the rows of a table depend on no other row: it has no links, and no combination is drawn."""
    table, plan = fitted.tables[name], fitted.plan
    linked = plan.links_of(name) or plan.links_to(name) or any(k.key.parent == name for k in plan.links)
    return table.reference is None and not linked and not table.key_width


def stream_table(
    table: FittedTable, size: int, seed: Seed, conditions: Conditions | None = None
) -> Iterator[pa.Table]:
    """Generate a table that stands alone, at most `PART_ROWS` rows at a time, in their order.

    Args:
        table: What was learned.
        size: How many rows.
        seed: Everything random derives from it.
        conditions: Values that every row has.
    """
    starts = range(0, max(size, 1), PART_ROWS)  # an empty table has one part, without rows
    parts = [Part(first, min(first + PART_ROWS, size), size) for first in starts]
    count = min(_cores(), len(parts))
    repays = conditions is None and count > 1 and size >= PROCESS_ROWS and can_start(table)
    workers = _start(table, seed, count) if repays else None
    if workers is None:
        yield from _side_by_side(lambda part: make_part(table, part, seed, conditions), parts, count)
        return
    with closing(workers):
        yield from _side_by_side(workers.make, parts, count)


def _start(table: FittedTable, seed: Seed, count: int) -> Workers | None:
    try:
        return Workers(table, seed, count)
    except OSError as error:
        logger.warning("no processes for sampling (%s); threads do it", error)
        return None


def _side_by_side(make: Callable[[Part], pa.Table], parts: Iterable[Part], count: int) -> Iterator[pa.Table]:
    """The parts in their order, a few of them made ahead."""
    waiting = iter(parts)
    # The settings are the process's own: held here, so that threads do not take them back from each other.
    with processor_settings(), ThreadPoolExecutor(count) as pool:
        ahead = deque(pool.submit(make, part) for part in islice(waiting, count + 1))
        while ahead:
            made = ahead.popleft().result()
            ahead.extend(pool.submit(make, part) for part in islice(waiting, 1))
            yield made


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
