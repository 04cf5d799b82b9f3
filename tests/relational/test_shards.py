"""A large twin is made shard by shard: sound, of the right size, and the same however it is made."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from sound import QUICK, Frames, assert_sound

from synthohive_py import ForeignKey, Metadata, Synthesizer
from synthohive_py.relational import shards, workers
from synthohive_py.relational.generation import Generation
from synthohive_py.relational.sample import generate_parts
from synthohive_py.rng import Seed


def shop() -> tuple[Metadata, Frames]:
    """Small regions and products; customers who are friends, their orders, and lines of two keys."""
    rng = np.random.default_rng(0)
    customers, orders = 200, 500
    of = np.sort(rng.integers(0, customers, orders))
    order = np.repeat(np.arange(orders), rng.integers(1, 4, orders))
    number = np.arange(len(order)) - np.searchsorted(order, order)
    data = {
        "regions": pd.DataFrame({"id": range(4), "boss_id": rng.integers(0, customers, 4)}),
        "products": pd.DataFrame({"sku": [f"P-{n:04d}" for n in range(30)], "price": rng.gamma(2, 10, 30)}),
        "customers": pd.DataFrame(
            {
                "id": range(customers),
                "region_id": rng.integers(0, 4, customers),
                "friend_id": pd.array(
                    np.where(rng.random(customers) < 0.5, rng.integers(0, customers, customers), None),
                    dtype="Int64",
                ),
                "mail": [f"{n:05x}@example.org" for n in rng.permutation(9**5)[:customers]],
            }
        ),
        "orders": pd.DataFrame(
            {"id": range(100, 100 + orders), "customer_id": of, "sum": rng.gamma(2, 20, orders)}
        ),
        "lines": pd.DataFrame(
            {
                "order_id": order + 100,
                "line": number + 1,
                "customer_id": of[order],
                "sku": [f"P-{n:04d}" for n in rng.integers(0, 30, len(order))],
            }
        ),
    }
    metadata = Metadata()
    metadata.add_table("regions", pk="id", fk={"boss_id": "customers.id"})
    metadata.add_table("products", pk="sku")
    friend = ForeignKey(columns="friend_id", parent="customers", parent_columns="id")
    region = ForeignKey(columns="region_id", parent="regions", parent_columns="id")
    metadata.add_table("customers", pk="id", foreign_keys=[region, friend], unique=["mail"])
    metadata.add_table("orders", pk="id", fk={"customer_id": "customers.id"})
    metadata.add_table(
        "lines",
        pk=["order_id", "line"],
        fk={"order_id": "orders.id", "customer_id": "customers.id", "sku": "products.sku"},
    )
    return metadata, data


@pytest.fixture(scope="module")
def fitted() -> Synthesizer:
    metadata, data = shop()
    return Synthesizer(metadata, model="autoregressive", model_options=QUICK, progress=False).fit(data)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twins are divided as if they were large."""
    monkeypatch.setattr(shards, "SHARD_ROWS", 600)
    monkeypatch.setattr(shards, "WHOLE_ROWS", 100)
    monkeypatch.setattr(shards, "SHARD_SHARE", 1)


@pytest.mark.usefixtures("small")
def test_a_divided_twin_is_sound_and_as_large_as_asked(fitted: Synthesizer) -> None:
    metadata, data = shop()

    twin = fitted.sample(scale=3)

    assert_sound(metadata, data, twin)
    for name, frame in data.items():
        assert len(twin[name]) == pytest.approx(3 * len(frame), rel=0.05), name
    owner = twin["lines"].merge(twin["orders"], left_on="order_id", right_on="id", suffixes=("", "_order"))
    assert (owner["customer_id"] == owner["customer_id_order"]).all()


@pytest.mark.usefixtures("small")
def test_large_tables_are_divided_and_small_ones_are_shared(fitted: Synthesizer) -> None:
    learned = fitted._fitted
    assert learned is not None
    parts = [name for name, _ in generate_parts(learned)]

    assert parts.count("products") == 1
    assert parts.count("lines") == parts.count("customers") == 3


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("process_rows", [1, 10**9], ids=["processes", "threads"])
def test_no_row_depends_on_workers_or_chunks(
    fitted: Synthesizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, process_rows: int
) -> None:
    monkeypatch.setattr(workers, "PROCESS_ROWS", process_rows)
    alone = fitted.sample(scale=2, workers=1, chunk_rows=1_000, output_path=tmp_path / "1")

    beside = fitted.sample(scale=2, workers=2, chunk_rows=100_000, output_path=tmp_path / "2")

    for name, file in alone.items():
        assert pq.read_table(file).equals(pq.read_table(beside[name])), name


@pytest.mark.usefixtures("small")
def test_a_shard_can_be_made_for_itself(fitted: Synthesizer) -> None:
    learned = fitted._fitted
    assert learned is not None
    roots = {name: t.rows for name, t in learned.tables.items() if learned.plan.driver_of(name) is None}
    generation = Generation.start(learned, roots, Seed(5), {})

    last = dict(generation.make(generation.shards[-1]))

    assert set(last) == {"customers", "orders", "lines"}
    again = Generation.from_state(generation.state())
    for name, rows in again.make(generation.shards[-1]):
        assert rows.equals(last[name])
