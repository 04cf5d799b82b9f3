"""What a fit would do, told in seconds and before any training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from synthohive_py.columns.identifier import IdentifierCodec
from synthohive_py.columns.text import TextCodec
from synthohive_py.errors import Problem, SchemaError, SchemaValidationError
from synthohive_py.frames import to_arrow
from synthohive_py.plan import Link, Plan, make_plan
from synthohive_py.relational.context import MAX_CONTEXT
from synthohive_py.relational.fit import with_empty_tables_copied
from synthohive_py.relational.fitted import FitSettings
from synthohive_py.relational.invariants import learn_rules
from synthohive_py.relational.population import Population
from synthohive_py.relational.prepare import Prepared, prepare_table
from synthohive_py.relational.relatives import relatives_of
from synthohive_py.rng import Seed
from synthohive_py.schema import Metadata
from synthohive_py.uuids import with_key_texts

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = ["Preview", "RulePreview", "TablePreview", "preview"]

# Measured on two cores with the default model; a machine may be twice as fast or half.
SECONDS_PER_TABLE = 2.0
SECONDS_PER_COLUMN = 0.9
ROWS_OF_THESE = 10_000  # the time grows with the square root of the rows: larger tables need fewer epochs
BASE_MEMORY = 500 * 2**20  # of Python, torch and Arrow
SHOWN_RULES = 25  # of a table that are printed
SMALL_ROWS = 200  # a lookup table, which often may be copied
SIBLING_COLUMNS = 3  # codes of the sibling before, and of what was so far, per column

Links = tuple[Link, ...]


@dataclass(frozen=True)
class RulePreview:
    """A rule that was found.

    Attributes:
        text: What it says.
        support: The rows it says something about; it holds in all of them.
    """

    text: str
    support: int


@dataclass(frozen=True)
class TablePreview:
    """What a fit would do with one table.

    Attributes:
        name: The table.
        rows: How many it has.
        copied: Why it would be copied as it is; empty if it would be learned.
        links: Its foreign keys, and how each is filled.
        computed: Key columns that are computed, not learned.
        numbered: Columns that count the rows of a parent.
        repeated: Columns that repeat one of a parent, and which (`parent.column`).
        order: The column that the rows of a parent are sorted by, if any.
        learned: The columns that the model learns.
        made_up: Of a small table, columns of texts none of which is shared by enough rows to be learned.
        rules: What holds in every row.
        seconds: About how long the training takes.
        memory: About how many bytes the table takes while it is learned.
    """

    name: str
    rows: int
    copied: str
    links: Links
    computed: tuple[str, ...] = ()
    numbered: tuple[str, ...] = ()
    repeated: Mapping[str, str] = field(default_factory=dict)
    order: str | None = None
    learned: tuple[str, ...] = ()
    made_up: tuple[str, ...] = ()
    rules: tuple[RulePreview, ...] = ()
    seconds: float = 0.0
    memory: int = 0

    def __str__(self) -> str:
        if self.copied:
            return f"{self.name}: {self.rows:,} rows, copied as they are ({self.copied})"
        lines = [f"{self.name}: {self.rows:,} rows, about {_duration(self.seconds)}"]
        lines += [f"  {link.key}: {_how(link)}" for link in self.links]
        lines += [f"  computed: {', '.join(self.computed)}"] if self.computed else []
        lines += [f"  counts the rows of a parent: {', '.join(self.numbered)}"] if self.numbered else []
        lines += [f"  repeats a parent: {ours} = {theirs}" for ours, theirs in self.repeated.items()]
        lines += [f"  rows of a parent are sorted by {self.order}"] if self.order else []
        lines += [f"  learned: {', '.join(self.learned)}"] if self.learned else []
        if self.made_up:
            names = ", ".join(self.made_up)
            lines.append(
                f"  texts are made up, as few rows share any: {names} (mode='reference' copies them)"
            )
        lines += [f"  rule: {rule.text} ({rule.support:,} rows)" for rule in self.rules[:SHOWN_RULES]]
        if len(self.rules) > SHOWN_RULES:
            lines.append(f"  and {len(self.rules) - SHOWN_RULES} more rules; see `rules` of this table")
        return "\n".join(lines)


@dataclass(frozen=True)
class Preview:
    """What a fit would do. Printed, it is a page to read.

    Attributes:
        tables: The tables in the order of their generation; empty if there are problems.
        problems: All that a fit would refuse.
    """

    tables: tuple[TablePreview, ...]
    problems: tuple[Problem, ...] = ()

    @property
    def order(self) -> tuple[str, ...]:
        """The tables' names, parents first."""
        return tuple(table.name for table in self.tables)

    @property
    def cut(self) -> Links:
        """The foreign keys that are filled when all tables exist, so that no cycle is left."""
        return tuple(k for table in self.tables for k in table.links if k.role == "deferred")

    @property
    def seconds(self) -> float:
        """About how long the training of all tables takes, with the default model on one core."""
        return sum(table.seconds for table in self.tables)

    @property
    def memory(self) -> int:
        """About how many bytes a fit needs at its peak."""
        return BASE_MEMORY + sum(table.memory for table in self.tables)

    def __str__(self) -> str:
        if self.problems:
            lines = [f"  {number}. {problem}" for number, problem in enumerate(self.problems, 1)]
            return "\n".join(["A fit would refuse this schema:", *lines])
        total = f"{len(self.tables)} tables, about {_duration(self.seconds)} and {self.memory / 2**30:.1f} GB"
        return "\n\n".join([total, *map(str, self.tables)])


def preview(
    metadata: Metadata,
    data: Mapping[str, pa.Table | pd.DataFrame],
    settings: FitSettings,
    population: Population | None = None,
) -> Preview:
    """Look at schema and data as a fit would.

    Args:
        metadata: The schema.
        data: The real tables by name.
        settings: Those of the fit.
        population: What is known of all rows, where the data are a sample of them.
    """
    try:
        metadata.validate(data)
        tables = {name: to_arrow(data[name], name) for name in metadata.modelled}
        tables = with_key_texts(metadata, tables)
        copied = with_empty_tables_copied(metadata, tables)
        plan = population.plan if population else make_plan(copied, tables)
    except SchemaValidationError as error:
        return Preview((), error.problems)
    except SchemaError as error:
        return Preview((), (error.problem,))
    prepared: dict[str, Prepared] = {}
    threshold = settings.k_anonymity_threshold
    rows = population.rows if population else {name: table.num_rows for name, table in tables.items()}
    try:
        for name in plan.order:
            config = copied.tables[name]
            prepared[name] = prepare_table(
                config, tables[name], plan, tables, threshold=threshold, prepared=prepared
            )
        return Preview(tuple(_table(prepared[n], plan, prepared, settings, rows=rows[n]) for n in plan.order))
    except SchemaValidationError as error:  # a declared rule that can't be kept
        return Preview((), error.problems)


def _table(
    p: Prepared, plan: Plan, prepared: Mapping[str, Prepared], settings: FitSettings, *, rows: int
) -> TablePreview:
    if p.config.mode == "reference":
        why = "mode='reference'" if rows else "it is empty"
        return TablePreview(p.config.name, rows, why, p.links, memory=p.table.nbytes)
    driver = plan.driver_of(p.config.name)
    above = prepared[driver.key.parent] if driver else None
    relatives = relatives_of(p, driver, prepared)
    # The seed decides what stands for rare values, and not which rules there are.
    keeper = learn_rules(p, driver, prepared, threshold=settings.k_anonymity_threshold, seed=Seed(0))
    rules = [RulePreview(str(rule), rule.support(p.table, relatives)) for rule in keeper.rules]
    repeated = {column: f"{driver.key.parent}.{of}" for column, of in p.inherited.items()} if driver else {}
    for link in p.links:
        repeated |= {c: f"{link.key.parent}.{of}" for c, of in p.repeated.get(link.name, {}).items()}
    width = len(p.codec.cardinalities) + 1
    context = min(MAX_CONTEXT, len(above.codec.cardinalities) + 1) if above else 0
    cells = p.table.num_rows * (width + context + SIBLING_COLUMNS * width * bool(driver))
    trained = min(rows, settings.max_training_rows)
    return TablePreview(
        name=p.config.name,
        rows=rows,
        copied="",
        links=p.links,
        computed=tuple(p.keys),
        numbered=tuple(p.sequences),
        repeated=repeated,
        order=p.order.column if p.order else None,
        learned=tuple(p.codec.names),
        made_up=_made_up(p) if rows <= SMALL_ROWS else (),
        rules=tuple(rules),
        seconds=SECONDS_PER_TABLE + SECONDS_PER_COLUMN * width * (trained / ROWS_OF_THESE) ** 0.5,
        memory=p.table.nbytes + 4 * cells,
    )


def _made_up(p: Prepared) -> tuple[str, ...]:
    """Columns whose values are new words: a region of three cities is known to too few rows."""
    both = zip(p.codec.names, p.codec.codecs, strict=True)
    return tuple(name for name, codec in both if isinstance(codec, TextCodec | IdentifierCodec))


_ROLES = {
    "driver": "rows are generated parent by parent",
    "contained": "filled by a key that it lies in",
    "copied": "the parent of its driver's parent",
    "lookup": "a small reference table; its keys are categories",
    "profile": "each row is matched to a parent like the real ones",
    "deferred": "cut, so that no cycle is left; matched when all tables exist",
}


def _how(link: Link) -> str:
    notes = [_ROLES[link.role]]
    if link.null_share:
        notes.append(f"{link.null_share:.1%} of the rows are null")
    if link.orphan_share:
        fate = "kept" if link.key.orphans == "keep" else "not learned"
        notes.append(f"{link.orphan_share:.1%} refer to no parent ({fate})")
    return "; ".join(notes)


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
