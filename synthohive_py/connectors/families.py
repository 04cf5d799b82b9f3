"""Real rows to learn from: small tables whole, of large ones a sample of whole families.

The keys of all rows are read first. They tell who descends from whom, so that a table's sample is made of
the descendants of some roots (rows without a parent), and everything that is counted along keys is counted
over all rows. Then the rows themselves are read in pieces, and only those of the sample are kept. Memory is
that of the keys and the sample, however large the tables are.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from synthohive_py.connectors.base import Connector, Relation
from synthohive_py.frames import to_arrow
from synthohive_py.joins import parent_rows, row_hashes
from synthohive_py.plan import Plan, make_plan
from synthohive_py.relational.fit import with_empty_tables_copied
from synthohive_py.relational.population import Population
from synthohive_py.rng import Seed
from synthohive_py.schema import ForeignKey, Metadata
from synthohive_py.uuids import to_texts
from synthohive_py.validation import can_be_key

__all__ = ["read_families"]

logger = logging.getLogger(__name__)

MIN_FAMILIES = 20  # in a sample: fewer say too little of all, so rows are drawn one by one then
PLACE = ""  # the column that tells rows apart where a table has no key

Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Hashes = npt.NDArray[np.uint64]


def read_families(
    connector: Connector, relations: Mapping[str, Relation], metadata: Metadata, *, max_rows: int, seed: Seed
) -> tuple[dict[str, pa.Table], Population | None]:
    """The rows of all modelled tables, or of large ones a sample that keeps families together.

    The sample depends on nothing but the keys and the seed. Families are drawn whole, so a table has more
    rows than `max_rows` if its first family has; and rows that others refer to come with them. Where parents
    are so few that a sample would hold hardly any family, rows are drawn one by one.

    Args:
        connector: The database.
        relations: Where each modelled table is.
        metadata: The schema.
        max_rows: Tables with more rows are sampled. Reference tables never are: they are copied.
        seed: Decides which families are read.

    Returns:
        The rows, and what is known of those that were not read; None if all were.

    Raises:
        ConnectorError: A table can't be read.
        SchemaError: The foreign keys form a cycle that can't be cut.
        SchemaValidationError: A key has a column that does not exist, or of a type that can't be one.
    """
    tables = metadata.modelled
    counts = {name: connector.count(relations[name]) for name in tables}
    large = [n for n, rows in counts.items() if rows > max_rows and tables[n].mode == "synthesize"]
    if not large:
        return {name: to_arrow(connector.read(relations[name]), name) for name in tables}, None
    keys = _read_keys(connector, relations, metadata, counts)
    plan = make_plan(with_empty_tables_copied(metadata, keys), keys)
    sample = _Sample(metadata, plan, keys, seed)
    for name in large:
        sample.draw(name, max_rows)
    sample.add_parents()
    read: dict[str, pa.Table] = {}
    places: dict[str, Rows] = {}
    for name in tables:
        read[name], places[name] = sample.read(connector, relations[name], name)
        if name in large:
            logger.info("%s: %d of %d rows are read, in families", name, len(places[name]), counts[name])
    return read, sample.population(places)


def _read_keys(
    connector: Connector, relations: Mapping[str, Relation], metadata: Metadata, counts: Mapping[str, int]
) -> dict[str, pa.Table]:
    metadata.validate()
    columns = metadata.key_columns
    heads = {name: to_arrow(next(connector.batches(relations[name])).slice(0, 0), name) for name in columns}
    fit = {n: [c for c in head.column_names if can_be_key(head.column(c).type)] for n, head in heads.items()}
    if any(not set(names) <= set(fit[name]) for name, names in columns.items()):
        metadata.validate(heads)  # says which, and why
    keys = {}
    for name, names in columns.items():
        if names:
            keys[name] = to_texts(to_arrow(connector.read(relations[name], list(names)), name), names)
        else:
            keys[name] = pa.table({PLACE: np.arange(counts[name])})
    return keys


@dataclass
class _Sample:
    """Which rows to keep, told by the keys of all of them.

    Attributes:
        drawn: Per table, the rows that are drawn.
        kept: Those, and the ones they refer to.
    """

    metadata: Metadata
    plan: Plan
    keys: Mapping[str, pa.Table]
    seed: Seed
    parents: dict[tuple[str, ForeignKey], Rows] = field(default_factory=dict)
    hashes: dict[str, Hashes] = field(default_factory=dict)
    own: dict[str, Hashes] = field(default_factory=dict)
    drawn: dict[str, Mask] = field(default_factory=dict)
    kept: dict[str, Mask] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in self.plan.order:
            for key in self.metadata.tables[name].foreign_keys:
                self.parents[name, key] = parent_rows(
                    self.keys[name], key.columns, self.keys[key.parent], key.parent_columns
                )
            self.hashes[name] = row_hashes(self.keys[name], self.keys[name].column_names)
            self.own[name] = _mixed(self.hashes[name], self.seed.child("families", name))
            self.drawn[name] = np.ones(self.keys[name].num_rows, bool)

    def _ranks(self, name: str, generations: int) -> Hashes:
        """Per row a number that is drawn for its ancestor, so many generations above it."""
        driver = self.plan.driver_of(name)
        if not driver or not generations:
            return self.own[name]
        above = self.parents[name, driver.key]
        theirs = self._ranks(driver.key.parent, generations - 1)
        return np.where(above >= 0, theirs[np.maximum(above, 0)], self.own[name])

    def _families(self, name: str, limit: int) -> Hashes:
        """The ranks of the oldest ancestors who are not too few."""
        driver, ranks = self.plan.driver_of(name), self.own[name]
        if driver is None:
            return ranks
        is_child = self.parents[name, driver.key] >= 0
        keys = set(driver.key.columns)
        generations, parent = 1, driver.key.parent
        while True:
            theirs = self._ranks(name, generations)
            sampled = len(np.unique(theirs[is_child])) * limit / len(theirs)
            # The numbers of siblings are seen only in whole families.
            is_numbered = any(keys < set(columns) for columns in self.metadata.tables[name].unique_sets)
            if sampled >= MIN_FAMILIES or (generations == 1 and is_numbered):
                ranks = theirs
            above = self.plan.driver_of(parent)
            if sampled < MIN_FAMILIES or above is None:
                return ranks
            generations, parent = generations + 1, above.key.parent

    def draw(self, name: str, limit: int) -> None:
        """Draw so many rows of a table, or a few less: the families of the lowest ranks."""
        ranks = self._families(name, limit)
        ordered = np.sort(ranks)
        last, after = ordered[limit - 1], ordered[limit]
        if last == after:  # that family does not fit
            smaller = ordered[ordered < last]
            last = smaller[-1] if len(smaller) else last
        self.drawn[name] = ranks <= last

    def add_parents(self) -> None:
        """Keep all rows that kept ones refer to, and what these refer to."""
        self.kept = {name: drawn.copy() for name, drawn in self.drawn.items()}
        is_done = False
        while not is_done:
            is_done = True
            for (name, key), rows in self.parents.items():
                used = rows[self.kept[name]]
                used = used[used >= 0]
                if not self.kept[key.parent][used].all():
                    self.kept[key.parent][used] = True
                    is_done = False

    def read(self, connector: Connector, relation: Relation, name: str) -> tuple[pa.Table, Rows]:
        """The kept rows of a table, and where each was among the keys."""
        columns = self.keys[name].column_names
        order = np.argsort(self.hashes[name], kind="stable")
        sorted_hashes = self.hashes[name][order]
        parts, places, start = [], [], 0
        for batch in connector.batches(relation):
            part = to_arrow(batch, name)
            if columns == [PLACE]:
                place = np.arange(start, start + part.num_rows)
                is_kept = place < len(order)
            else:
                hashes = row_hashes(to_texts(part.select(columns), columns), columns)
                found = np.minimum(np.searchsorted(sorted_hashes, hashes), max(len(order) - 1, 0))
                place = order[found] if len(order) else np.zeros(part.num_rows, np.int64)
                # Rows that came since the keys were read are left out.
                is_kept = sorted_hashes[found] == hashes if len(order) else np.zeros(part.num_rows, bool)
            is_kept[is_kept] = self.kept[name][place[is_kept]]
            start += part.num_rows
            parts.append(part.filter(pa.array(is_kept)))
            places.append(place[is_kept])
        return pa.concat_tables(parts), np.concatenate(places)

    def population(self, places: Mapping[str, Rows]) -> Population:
        """What the keys say of all rows."""
        degrees, read = {}, {}
        for link in self.plan.links:
            parent, rows = link.key.parent, self.parents[link.child, link.key]
            every = np.bincount(rows[rows >= 0], minlength=self.keys[parent].num_rows)
            degrees[link.name], read[link.name] = every, every[places[parent]]
        return Population(
            self.plan,
            {name: table.num_rows for name, table in self.keys.items()},
            degrees,
            read,
            {name: self.drawn[name][place] for name, place in places.items()},
        )


def _mixed(hashes: Hashes, seed: Seed) -> Hashes:
    """Other numbers for the same rows, in an order that depends on the seed alone (splitmix64)."""
    mixed = hashes + np.uint64(seed.value % 2**64)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
