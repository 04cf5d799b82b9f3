"""Schemas that are large in one direction: many tables, many children, many keys."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sound import Frames, twin_of

from synthohive_py import ForeignKey, Metadata


def frame(rows: int, rng: np.random.Generator, **columns: object) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": range(rows),
            **columns,
            "kind": rng.choice(["a", "b", "c"], rows),
            "amount": rng.normal(size=rows),
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 99, rows), "D"),
        }
    )


def test_sixty_tables_in_a_chain_and_a_star() -> None:
    rng, metadata = np.random.default_rng(0), Metadata()
    data: Frames = {}
    for depth in range(10):
        parent = rng.integers(0, 30, 30) if depth else range(30)
        data[f"chain{depth}"] = frame(30, rng, parent_id=parent)
        metadata.add_table(
            f"chain{depth}", pk="id", fk={"parent_id": f"chain{depth - 1}.id"} if depth else {}
        )
    for ray in range(50):
        data[f"ray{ray}"] = frame(40, rng, parent_id=rng.integers(0, 30, 40))
        metadata.add_table(f"ray{ray}", pk="id", fk={"parent_id": "chain0.id"})

    twin = twin_of(metadata, data)

    assert all(len(rows) for rows in twin.values())


def test_one_parent_with_a_hundred_thousand_children_and_parents_without_any() -> None:
    rng, metadata = np.random.default_rng(0), Metadata()
    data = {"parents": frame(50, rng), "children": frame(100_000, rng, parent_id=np.full(100_000, 7))}
    metadata.add_table("parents", pk="id")
    metadata.add_table("children", pk="id", fk={"parent_id": "parents.id"})

    twin = twin_of(metadata, data)

    assert len(twin["children"]) == 100_000
    assert len(set(twin["children"]["parent_id"])) == 1


def test_a_parent_without_children() -> None:
    rng, metadata = np.random.default_rng(0), Metadata()
    data = {"parents": frame(50, rng), "children": frame(0, rng, parent_id=np.zeros(0, np.int64))}
    metadata.add_table("parents", pk="id")
    metadata.add_table("children", pk="id", fk={"parent_id": "parents.id"})

    twin = twin_of(metadata, data)

    assert len(twin["parents"]) == 50
    assert len(twin["children"]) == 0


def test_two_hundred_keys_to_one_table() -> None:
    rng, metadata = np.random.default_rng(0), Metadata()
    columns = {f"ref{n}": rng.integers(0, 40, 60) for n in range(200)}
    keys = [ForeignKey(columns=name, parent="parents", parent_columns="id") for name in columns]
    data = {"parents": frame(40, rng), "children": frame(60, rng, **columns)}
    metadata.add_table("parents", pk="id")
    metadata.add_table("children", pk="id", foreign_keys=keys)

    twin = twin_of(metadata, data)

    assert len(twin["children"]) > 50
