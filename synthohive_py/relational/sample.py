"""Generate a whole schema from what was learned: parents first, every key right by construction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from numbers import Integral, Real
from typing import Any

import pyarrow as pa
from tqdm import tqdm

from synthohive_py.errors import SettingError, did_you_mean
from synthohive_py.relational.conditions import Conditions, read_conditions
from synthohive_py.relational.existing import read_existing, taken_keys
from synthohive_py.relational.fitted import FittedSchema
from synthohive_py.relational.generation import Generation
from synthohive_py.relational.reread import ReadTwin
from synthohive_py.relational.workers import make_shards
from synthohive_py.rng import Seed
from synthohive_py.uuids import from_texts

__all__ = ["Parts", "generate_parts", "sample_tables"]


def sample_tables(fitted: FittedSchema, **options: Any) -> dict[str, pa.Table]:
    """Generate all tables; see `generate_parts` for the options.

    Returns:
        Per table the rows, with the real table's columns, order and types.
    """
    parts: dict[str, list[pa.Table]] = {name: [] for name in fitted.plan.order}
    for name, part in generate_parts(fitted, **options):
        parts[name].append(part)
    return {name: pa.concat_tables(some) for name, some in parts.items()}


@dataclass(frozen=True)
class Parts:
    """The rows of a twin, which are made while they are asked for.

    Iterating gives a table's name and some of its rows, in their order, with the real table's columns, order
    and types. Each table has at least one part; the parts of different tables alternate. Who can make shards
    elsewhere takes `before_shards`, and the shards of `generation`.

    Attributes:
        fitted: What was learned.
        roots: The rows of the root tables.
        seed: Everything random derives from it.
        conditions: Per table the values that every row has.
        existing: The twin that rows are added to.
        workers: How many shards to make side by side; None for as many as there are cores.
        progress: Whether to show a progress bar.
        source: Where `existing` was read, unless the caller had it.
    """

    fitted: FittedSchema
    roots: Mapping[str, int]
    seed: Seed
    conditions: Mapping[str, Conditions]
    existing: Mapping[str, pa.Table]
    workers: int | None
    progress: bool
    source: ReadTwin | None = None

    @cached_property
    def generation(self) -> Generation:
        """The twin in the making, with the tables that all shards share."""
        taken = taken_keys(self.fitted, self.existing)
        return Generation.start(self.fitted, self.roots, self.seed, self.conditions, taken)

    def before_shards(self) -> Iterator[tuple[str, pa.Table]]:
        """The parts that no shard makes, which come first."""
        if self.source is not None:
            self.source.check()  # here: who writes them has locked others out
        for name, table in self.existing.items():
            yield name, from_texts(table, self.fitted.tables[name].uuids)
        for name, part in self.generation.tables():
            # Reference tables of a twin that rows are added to are there already.
            if not self.existing or self.fitted.tables[name].reference is None:
                yield name, part

    def __iter__(self) -> Iterator[tuple[str, pa.Table]]:
        """All parts, those of the shards as they are made."""
        with tqdm(desc="Sampling", unit="row", unit_scale=True, disable=not self.progress) as bar:
            for name, part in self.before_shards():
                yield name, part
                bar.update(part.num_rows)
            with closing(make_shards(self.generation, self.workers)) as shards:
                for tables in shards:
                    for name, part in tables:
                        yield name, part
                        bar.update(part.num_rows)


def generate_parts(
    fitted: FittedSchema,
    *,
    num_rows: Mapping[str, int] | None = None,
    scale: float = 1.0,
    seed: Seed | None = None,
    conditions: Mapping[str, Mapping[str, Any]] | None = None,
    workers: int | None = None,
    append_to: Mapping[str, pa.Table] | None = None,
    progress: bool = False,
) -> Parts:
    """Generate all tables in parts of neighbouring rows. A large twin never is in memory as a whole.

    Args:
        fitted: What was learned.
        num_rows: Rows of root tables (tables that are generated along no foreign key); the others
            have the real number of rows times `scale`.
        scale: Size of the twin, as a multiple of the real one.
        seed: Everything random derives from it; by default the seed of the fit.
        conditions: Per table and column a value that all rows have.
        workers: How many shards to make side by side; by default as many as there are cores. The rows
            do not depend on it.
        append_to: The tables of a twin. Its rows come first, and the new ones have other keys.
        progress: Whether to show a progress bar.

    Returns:
        The parts, of which none is made before it is asked for; then a GenerationError says that a key
        column's type has no room for so many keys.

    Raises:
        SettingError: A number of rows is asked for a table that can't have one, or is out of range; or a
            condition can't be met.
    """
    if workers is not None and workers < 1:
        raise SettingError("workers is out of range", expected="at least 1", received=str(workers))
    rows = _root_rows(fitted, {} if num_rows is None else num_rows, scale)
    asked = read_conditions(fitted, conditions)
    seed = (seed or Seed(fitted.seed)).child("sample")
    existing = read_existing(fitted, append_to) if append_to is not None else {}
    if existing:  # else the new rows would be the old ones with other keys
        seed = seed.child("append", sum(table.num_rows for table in existing.values()))
    source = append_to if isinstance(append_to, ReadTwin) else None
    return Parts(fitted, rows, seed, asked, existing, workers, progress, source)


def _root_rows(fitted: FittedSchema, num_rows: Mapping[str, int], scale: float) -> dict[str, int]:
    if not _is_number(scale, Real) or not 0 < scale < float("inf"):
        raise SettingError("scale is out of range", expected="a number above 0", received=repr(scale))
    roots = [
        name
        for name, table in fitted.tables.items()
        if table.reference is None and fitted.plan.driver_of(name) is None
    ]
    if not isinstance(num_rows, Mapping):
        raise SettingError(
            "num_rows is no mapping", expected='one such as {"orders": 100}', received=repr(num_rows)[:80]
        )
    for name, rows in num_rows.items():
        if name not in roots:
            raise SettingError(
                "can't have a number of rows of its own",
                table=str(name),
                expected=f"one of the root tables {roots}",
                remedy=(None if name in fitted.tables else did_you_mean(name, roots))
                or "ask for rows of a root table, or use scale: the other tables follow their parents",
            )
        if not _is_number(rows, Integral):
            raise SettingError(
                "num_rows is no whole number", table=name, expected="a number of rows", received=repr(rows)
            )
        if rows < 0:
            raise SettingError("num_rows is negative", table=name, received=str(rows))
    scaled = {name: round(fitted.tables[name].rows * scale) for name in roots}
    # A table that has rows keeps one however small the twin: others may have to refer to it.
    return {n: int(num_rows.get(n, max(scaled[n], min(fitted.tables[n].rows, 1)))) for n in roots}


def _is_number(value: object, kind: type) -> bool:
    """Whether the value is a number of the kind, of Python or numpy; True and False are none."""
    return isinstance(value, kind) and not isinstance(value, bool)
