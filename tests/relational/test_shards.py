"""A large twin is made shard by shard: sound, of the right size, and the same however it is made."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from shop_schema import shop
from sound import assert_sound

from synthohive_py import Synthesizer
from synthohive_py.relational import workers
from synthohive_py.relational.generation import Generation
from synthohive_py.relational.sample import generate_parts
from synthohive_py.rng import Seed


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
