"""Random schemas with random data that fits them: every key shape that real databases have, and mixtures."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from synthohive_py import ForeignKey, Metadata

__all__ = ["Schema", "schemas"]

Frames = dict[str, pd.DataFrame]

OWN_KEYS = ("int", "gaps", "text", "uuid", "guid", "day", "pair", "none")
KEYS_OF_CHILDREN = ("one to one", "line", "history", "part", "junction")
ORPHAN = {"i": 10**6, "O": "orphan", "M": pd.Timestamp("1901-01-01")}


@dataclass
class Table:
    """A table while it is made."""

    name: str
    rows: int
    columns: dict[str, Any] = field(default_factory=dict)
    pk: tuple[str, ...] = ()
    unique: list[tuple[str, ...]] = field(default_factory=list)
    keys: list[ForeignKey] = field(default_factory=list)
    mode: str = "synthesize"


@dataclass
class Schema:
    """A random schema with data."""

    metadata: Metadata
    data: Frames


@dataclass
class Maker:
    """What a schema is made with: hypothesis decides the shape, numpy the values."""

    draw: st.DrawFn
    rng: np.random.Generator
    tables: dict[str, Table] = field(default_factory=dict)

    def chance(self, one_in: int) -> bool:
        return self.draw(st.integers(1, one_in)) == one_in

    def referable(self, *, rows: int = 1) -> list[Table]:
        return [t for t in self.tables.values() if t.pk and t.rows >= rows]


@st.composite
def schemas(draw: st.DrawFn) -> Schema:
    """One to eight tables with keys to some of those before, sometimes to itself or to later ones."""
    maker = Maker(draw, np.random.default_rng(draw(st.integers(0, 2**32))))
    for number in range(draw(st.integers(1, 8))):
        table = new_table(maker, f"t{number}")
        maker.tables[table.name] = table
    for table in maker.tables.values():
        if table.pk and table.mode == "synthesize" and maker.chance(4):
            refer_to_a_later_table(maker, table)
    schema = Schema(Metadata(), {})
    for table in maker.tables.values():
        schema.metadata.add_table(
            table.name,
            pk=table.pk or None,
            unique=tuple(table.unique),
            foreign_keys=table.keys,
            mode=table.mode,
        )
        schema.data[table.name] = pd.DataFrame(table.columns)
    return schema


# ---------------------------------------------------------------- tables and their primary keys


def new_table(maker: Maker, name: str) -> Table:
    """A table with its primary key, other columns and keys to the tables before it."""
    rows = 0 if maker.chance(12) else maker.draw(st.integers(1, 40))
    kinds = OWN_KEYS + (KEYS_OF_CHILDREN if maker.referable() else ())
    kind = maker.draw(st.sampled_from(kinds))
    table = Table(name, rows)
    if kind in OWN_KEYS:
        add_own_key(maker, table, kind)
    else:
        add_key_of_child(maker, table, kind)
    if not table.columns or not maker.chance(6):  # now and then there is nothing but keys
        add_attributes(maker, table)
    for parent in maker.referable() if table.rows else ():
        if maker.chance(3):
            refer(maker, table, parent)
    if table.pk == ("id",) and table.rows and maker.chance(3):
        refer(maker, table, table, nullable=maker.chance(2))
    if not table.keys and table.columns and maker.chance(5):
        table.mode = "reference"
    return table


def add_own_key(maker: Maker, table: Table, kind: str) -> None:
    """A primary key that is nobody else's."""
    rows, rng = table.rows, maker.rng
    if kind == "pair":
        table.pk = ("a", "b")
        table.columns |= {
            "a": np.arange(rows) // 4,
            "b": np.array([*"pqrs"], dtype=object)[np.arange(rows) % 4],
        }
    elif kind != "none":
        table.pk = ("id",)
        days = np.datetime64("2020-01-01") + np.arange(rows) * np.timedelta64(3, "D")
        table.columns["id"] = {
            "int": np.arange(rows) + 1,
            "gaps": np.sort(rng.permutation(rows * 7)[:rows]) * 5,
            "text": [f"K{i:03d}" for i in range(rows)],
            "uuid": [f"{i:08x}-1234-4abc-8def-{i * 7919:012x}" for i in rng.permutation(rows)],
            "guid": [uuid.UUID(int=int(i) * 2**100 + 7) for i in rng.permutation(rows)],
            "day": days.astype("datetime64[ns]"),
        }[kind]


def add_key_of_child(maker: Maker, table: Table, kind: str) -> None:
    """A primary key with the key of a parent in it."""
    parent = maker.draw(st.sampled_from(maker.referable()))
    if kind == "one to one":
        table.rows = min(table.rows, parent.rows)
    picked = maker.rng.integers(0, parent.rows, table.rows)
    if kind == "one to one":
        picked = maker.rng.permutation(parent.rows)[: table.rows]
    other = maker.draw(st.sampled_from(maker.referable()))
    if kind == "junction":
        pairs = maker.rng.permutation(parent.rows * other.rows)[: table.rows]
        table.rows = len(pairs)
        picked = pairs // other.rows
    names = add_link(table, parent, picked)
    place = pd.Series(picked, dtype="int64").groupby(picked).cumcount().to_numpy()
    table.pk = names
    if kind == "junction":
        table.pk += add_link(table, other, pairs % other.rows)
    elif kind == "line":
        table.columns["line"] = place + 1
        table.pk += ("line",)
    elif kind == "history":
        start = np.datetime64("2021-01-01") + (picked % 50) * np.timedelta64(1, "D")
        table.columns["valid_from"] = (start + place * np.timedelta64(30, "D")).astype("datetime64[ns]")
        table.pk += ("valid_from",)
    elif kind == "part":
        table.columns["part"] = (place * 3 + picked) % 1000
        table.pk += ("part",)


def add_attributes(maker: Maker, table: Table) -> None:
    """Columns of several types, some of them unique, some with nulls."""
    rows, rng = table.rows, maker.rng
    made: dict[str, Any] = {
        "value": rng.normal(size=rows),
        "kind": rng.choice(np.array([*"xyz"], dtype=object), rows),
        "whole": rng.integers(0, 9, rows),
        "flag": rng.random(rows) < 0.3,
        "at": (np.datetime64("2022-01-01") + rng.integers(0, 900, rows) * np.timedelta64(11, "h")).astype(
            "datetime64[ns]"
        ),
        "nothing": pd.array([None] * rows, dtype="object"),
        "perhaps": pd.Series(rng.integers(0, 50, rows)).astype("Int64").mask(rng.random(rows) < 0.3).array,
        "code": [f"C-{i:05d}" for i in rng.permutation(99_999)[:rows]],
        "number": rng.permutation(rows * 3)[:rows] + 100,
    }
    chosen = maker.draw(st.lists(st.sampled_from([*made]), min_size=1, max_size=5, unique=True))
    table.columns |= {name: made[name] for name in chosen}
    table.unique += [(name,) for name in ("code", "number") if name in chosen]
    combined = ("kind", "perhaps")
    if set(combined) <= set(chosen):
        complete = pd.DataFrame({c: made[c] for c in combined}).dropna()
        if not complete.duplicated().any():
            table.unique.append(combined)


# ---------------------------------------------------------------- foreign keys


def add_link(table: Table, parent: Table, picked: np.ndarray, **options: Any) -> tuple[str, ...]:
    """A foreign key of a table; returns its columns."""
    names = tuple(f"f{len(table.keys)}_{c}" for c in parent.pk)
    for name, column in zip(names, parent.pk, strict=True):
        table.columns[name] = pd.Series(parent.columns[column]).to_numpy()[picked]
    table.keys.append(ForeignKey(columns=names, parent=parent.name, parent_columns=parent.pk, **options))
    return names


def refer(maker: Maker, table: Table, parent: Table, *, nullable: bool | None = None) -> None:
    """A foreign key beside the primary key: null or not, with orphans or without, alone or overlapping."""
    rng, rows = maker.rng, table.rows
    nullable = maker.chance(2) if nullable is None else nullable
    overlapped = next((k for k in table.keys if k.parent == parent.name and len(parent.pk) > 1), None)
    if overlapped is not None and maker.chance(2):
        overlap(maker, table, parent, overlapped)
        return
    is_unique = rows <= parent.rows and maker.chance(6)
    picked = rng.permutation(parent.rows)[:rows] if is_unique else rng.integers(0, parent.rows, rows)
    keeps = table is not parent and maker.chance(6)
    names = add_link(table, parent, picked, orphans="keep" if keeps else "drop")
    if is_unique:
        table.unique.append(names)
    if keeps:
        last = pd.Series(table.columns[names[-1]])
        lost = rng.random(rows) < 0.1
        is_uuid = last.map(lambda value: isinstance(value, uuid.UUID)).any()
        nobody = uuid.UUID(int=1) if is_uuid else ORPHAN[last.dtype.kind]
        table.columns[names[-1]] = last.mask(lost, nobody).to_numpy()
        table.unique = [u for u in table.unique if u != names]
    if nullable:
        partly = rng.integers(0, len(names)) if maker.chance(3) else None
        null = rng.random(rows) < 0.3
        for i, name in enumerate(names):
            if partly is None or i == partly:
                set_null(table, name, null)


def overlap(maker: Maker, table: Table, parent: Table, key: ForeignKey) -> None:
    """A second key to the same parent that shares the first column of the first one."""
    shared = pd.Series(table.columns[key.columns[0]])
    groups = pd.Series(parent.columns[parent.pk[0]]).groupby(parent.columns[parent.pk[0]]).indices
    if key.orphans == "keep" or shared.isna().any() or not set(shared) <= set(groups):
        return
    picked = np.array([maker.rng.choice(groups[value]) for value in shared], dtype=int)
    names = (key.columns[0], *(f"f{len(table.keys)}_{c}" for c in parent.pk[1:]))
    for name, column in zip(names[1:], parent.pk[1:], strict=True):
        table.columns[name] = pd.Series(parent.columns[column]).to_numpy()[picked]
    table.keys.append(ForeignKey(columns=names, parent=parent.name, parent_columns=parent.pk))


def refer_to_a_later_table(maker: Maker, table: Table) -> None:
    """A nullable key that may close a cycle."""
    later = [t for t in maker.referable() if t.name > table.name]
    if not later or not table.rows:
        return
    parent = maker.draw(st.sampled_from(later))
    names = add_link(table, parent, maker.rng.integers(0, parent.rows, table.rows))
    null = maker.rng.random(table.rows) < 0.4
    for name in names:
        set_null(table, name, null)


def set_null(table: Table, column: str, null: np.ndarray) -> None:
    """Nulls in a column, which keeps its kind of values."""
    values = pd.Series(table.columns[column])
    if values.dtype.kind == "i":
        values = values.astype("Int64")
    table.columns[column] = values.mask(null).array
