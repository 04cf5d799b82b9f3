"""The order in which tables are generated, and the part each foreign key plays in it.

Parents come first. Of a table's foreign keys one at most is the *driver*: rows are generated parent by
parent along it. Every other key is filled by one of the ways in `Role`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from synthohive_py.errors import SchemaError
from synthohive_py.joins import NULL, ORPHAN, parent_rows
from synthohive_py.schema import ForeignKey, Metadata, TableConfig
from synthohive_py.validation import can_be_cut

__all__ = ["Link", "Plan", "Role", "make_plan"]

Role = Literal["driver", "contained", "copied", "lookup", "profile", "deferred"]
"""How a foreign key is filled.

- `driver`: each parent row gets its children.
- `contained`: its columns all belong to another key, which is drawn so that this one holds too.
- `copied`: the driver's parent refers to the same row: the customer of an order line is that of its order.
- `lookup`: the parent is a small reference table; its keys are categories of the child.
- `profile`: children are matched to parents that resemble the real ones.
- `deferred`: as `profile`, but after all tables exist: the parent comes later, or is the table itself.
"""

MAX_LOOKUP = 1000  # referenced keys that can be categories
MIN_COPIES = 20  # rows; in fewer it may be a coincidence
MAX_UNPARENTED = 0.5  # share of null or orphan rows above which a key is no driver


@dataclass(frozen=True)
class Link:
    """A foreign key, with what the real data says of it.

    Attributes:
        child: The table that refers.
        key: The foreign key.
        role: How it is filled.
        null_share: Share of the real rows that refer to nothing.
        orphan_share: Share of the real rows that refer to a parent that does not exist.
        parents_used: How many real parents have children.
        required: Columns that are never null, although the key as a whole may be.
        source: The columns of the driver's parent that the key is copied from.
    """

    child: str
    key: ForeignKey
    role: Role
    null_share: float
    orphan_share: float
    parents_used: int
    required: tuple[str, ...] = ()
    source: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """A name that is unique within the schema."""
        return f"{self.child}{self.key}"


@dataclass(frozen=True)
class Plan:
    """The tables in the order of their generation, and the links of each."""

    order: tuple[str, ...]
    links: tuple[Link, ...]

    def links_of(self, child: str, *roles: Role) -> tuple[Link, ...]:
        """The table's own foreign keys, of these roles if any are given."""
        return tuple(k for k in self.links if k.child == child and (not roles or k.role in roles))

    def driver_of(self, child: str) -> Link | None:
        """The link along which the table is generated, if it has one."""
        return next(iter(self.links_of(child, "driver")), None)

    def links_to(self, parent: str) -> tuple[Link, ...]:
        """The links for which this table's rows need a number of children."""
        return tuple(
            k for k in self.links if k.key.parent == parent and k.role in ("driver", "profile", "deferred")
        )


def make_plan(metadata: Metadata, data: Mapping[str, pa.Table]) -> Plan:
    """Decide the order and the roles.

    Args:
        metadata: A valid schema.
        data: The real rows of every modelled table.

    Raises:
        SchemaError: A cycle of foreign keys can't be cut.
    """
    tables = metadata.modelled
    rows = {
        (name, key): parent_rows(data[name], key.columns, data[key.parent], key.parent_columns)
        for name, table in tables.items()
        for key in table.foreign_keys
    }
    facts = {(name, key): _facts(data[name], key, found) for (name, key), found in rows.items()}
    deferred = _cut_cycles(tables, {pair: fact[0] for pair, fact in facts.items()})
    links = []
    for name, table in tables.items():
        if table.mode == "reference":
            continue  # copied rows keep their keys as they are
        roles = _roles(metadata, table, {k: facts[name, k] for k in table.foreign_keys}, deferred)
        sources = _copied(metadata, table, roles, rows, deferred)
        roles |= dict.fromkeys(sources, "copied")
        links += [
            Link(name, key, roles[key], *facts[name, key], sources.get(key, ())) for key in table.foreign_keys
        ]
    return Plan(_order(tables, deferred), tuple(links))


Facts = tuple[float, float, int, tuple[str, ...]]  # the last fields of a link but one
Rows = npt.NDArray[np.int64]


def _facts(child: pa.Table, key: ForeignKey, rows: Rows) -> Facts:
    total = max(len(rows), 1)
    used = len(np.unique(rows[rows >= 0]))
    nulls, orphans = float((rows == NULL).sum() / total), float((rows == ORPHAN).sum() / total)
    required = tuple(c for c in key.columns if nulls and not child.column(c).null_count)
    return nulls, orphans, used, required


# ---------------------------------------------------------------- order


Edge = tuple[str, ForeignKey]


def _cut_cycles(tables: Mapping[str, TableConfig], null_share: Mapping[Edge, float]) -> set[Edge]:
    """The foreign keys to fill later, so that the others form no cycle."""
    cut: set[Edge] = set()
    for name, table in tables.items():
        cut |= {(name, key) for key in table.foreign_keys if key.parent == name}
    while True:
        cycle = [edge for edge in _edges(tables, cut) if _reaches(tables, cut, edge[1].parent, edge[0])]
        if not cycle:
            return cut
        candidates = [edge for edge in cycle if can_be_cut(tables[edge[0]], edge[1])]
        if not candidates:
            names = sorted({edge[0] for edge in cycle})
            raise SchemaError(
                f"the foreign keys of {names} form a cycle inside their primary keys",
                table=names[0],
                remedy="remove one of them, or set one of the tables to mode='reference'",
            )
        # The key that is null most often binds its table least.
        cut.add(max(candidates, key=lambda edge: null_share[edge]))


def _edges(tables: Mapping[str, TableConfig], cut: set[Edge]) -> Iterator[Edge]:
    for name, table in tables.items():
        if table.mode != "reference":
            yield from ((name, key) for key in table.foreign_keys if (name, key) not in cut)


def _reaches(tables: Mapping[str, TableConfig], cut: set[Edge], start: str, goal: str) -> bool:
    seen, queue = {start}, [start]
    while queue:
        name = queue.pop()
        if name == goal:
            return True
        for child, key in _edges(tables, cut):
            if child == name and key.parent not in seen:
                seen.add(key.parent)
                queue.append(key.parent)
    return False


def _order(tables: Mapping[str, TableConfig], cut: set[Edge]) -> tuple[str, ...]:
    """Parents before children; otherwise as declared."""
    order: list[str] = []
    waiting = list(tables)
    while waiting:
        ready = [
            name
            for name in waiting
            if all(key.parent in order for child, key in _edges(tables, cut) if child == name)
        ]
        order += ready
        waiting = [name for name in waiting if name not in ready]
    return tuple(order)


# ---------------------------------------------------------------- roles


def _roles(
    metadata: Metadata, table: TableConfig, facts: Mapping[ForeignKey, Facts], deferred: set[Edge]
) -> dict[ForeignKey, Role]:
    roles: dict[ForeignKey, Role] = {}
    for key in table.foreign_keys:
        if (table.name, key) in deferred:
            roles[key] = "deferred"
        elif any(_contains(table, other, key, deferred) for other in table.foreign_keys):
            roles[key] = "contained"
        elif (
            metadata.tables[key.parent].mode == "reference"
            and facts[key][2] <= MAX_LOOKUP
            # A category is drawn for itself, so it can't agree with another key on a column.
            and not any(set(key.columns) & set(other.columns) for other in table.foreign_keys if other != key)
        ):
            roles[key] = "lookup"
        else:
            roles[key] = "profile"
    driver = _choose_driver(metadata, table, [k for k in roles if roles[k] == "profile"], facts)
    if driver:
        roles[driver] = "driver"
    return roles


def _contains(table: TableConfig, outer: ForeignKey, inner: ForeignKey, deferred: set[Edge]) -> bool:
    """Whether all of the inner key's columns belong to the outer key, so that it fills them."""
    if outer == inner or (table.name, outer) in deferred or not set(inner.columns) <= set(outer.columns):
        return False
    # Two keys on the same columns: the first declared fills both.
    first = table.foreign_keys.index(outer) < table.foreign_keys.index(inner)
    return set(inner.columns) < set(outer.columns) or first


def _choose_driver(
    metadata: Metadata,
    table: TableConfig,
    candidates: list[ForeignKey],
    facts: Mapping[ForeignKey, Facts],
) -> ForeignKey | None:
    """The declared driver; else a one-to-one key; else the key that splits the rows most finely."""
    declared = [key for key in table.foreign_keys if key.driver]
    if declared:
        if declared[0] not in candidates:
            raise SchemaError(
                "can't be the driver: it refers to a small reference table, lies inside another "
                "foreign key, or closes a cycle",
                table=table.name,
                column=", ".join(declared[0].columns),
                remedy="declare another foreign key as the driver, or none",
            )
        return declared[0]
    usable = [
        key
        for key in candidates
        if facts[key][0] + facts[key][1] <= MAX_UNPARENTED
        and metadata.tables[key.parent].mode == "synthesize"
    ]
    unique = [set(columns) for columns in table.unique_sets]
    return max(usable, key=lambda key: (set(key.columns) in unique, facts[key][2]), default=None)


# ---------------------------------------------------------------- copies


def _copied(
    metadata: Metadata,
    table: TableConfig,
    roles: Mapping[ForeignKey, Role],
    rows: Mapping[Edge, Rows],
    deferred: set[Edge],
) -> dict[ForeignKey, tuple[str, ...]]:
    """Keys for which each row refers to the parent of its driver's parent, and the columns they are from."""
    driver = next((key for key, role in roles.items() if role == "driver"), None)
    if driver is None:
        return {}
    above = rows[table.name, driver]
    if len(above) < MIN_COPIES or (above < 0).any():
        return {}
    found = {}
    for key, role in roles.items():
        others = {c for other in table.foreign_keys if other not in (key, driver) for c in other.columns}
        if role not in ("profile", "lookup") or others & set(key.columns):
            continue
        ours = rows[table.name, key]
        if (ours == ORPHAN).any() or (len(key.columns) > 1 and (ours < 0).any()) or len(np.unique(ours)) < 2:
            continue
        for theirs in metadata.tables[driver.parent].foreign_keys:
            fits = (theirs.parent, theirs.parent_columns) == (key.parent, key.parent_columns)
            if not fits or (driver.parent, theirs) in deferred or not _agree(key, theirs, driver):
                continue
            if (rows[driver.parent, theirs][above] == ours).all():
                found[key] = theirs.columns
                break
    return found


def _agree(key: ForeignKey, theirs: ForeignKey, driver: ForeignKey) -> bool:
    """Whether columns that the key shares with the driver come from the same columns of the parent."""
    filled = dict(zip(driver.columns, driver.parent_columns, strict=True))
    pairs = zip(key.columns, theirs.columns, strict=True)
    return all(filled.get(ours, other) == other for ours, other in pairs)
