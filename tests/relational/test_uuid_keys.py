"""Keys of a UUID type: UUIDs in the twin, right by construction, in memory, in files and in a database."""

from __future__ import annotations

import uuid
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthohive_py import ForeignKey, Metadata, Synthesizer
from synthohive_py.relational import shards
from synthohive_py.uuids import from_texts, to_texts

FAST = {"epochs": 2}


def uuids(rng: np.random.Generator, rows: int) -> list[uuid.UUID]:
    return [uuid.UUID(bytes=rng.bytes(16), version=4) for _ in range(rows)]


def shop() -> dict[str, pa.Table]:
    """Customers who know each other, orders (some of customers that are gone), and their products."""
    rng = np.random.default_rng(0)
    customers, orders, products = uuids(rng, 200), uuids(rng, 900), uuids(rng, 30)
    friend = [None if i < 20 or i % 3 else customers[i // 2] for i in range(200)]
    of = rng.integers(0, 200, 900)
    buyer = [uuid.UUID(int=7) if i % 50 == 0 else customers[c] for i, c in enumerate(of)]
    pairs = sorted(
        {(o, p) for o, p in zip(rng.integers(0, 900, 2500), rng.integers(0, 30, 2500), strict=True)}
    )
    kinds = {
        "customers": {"id": customers, "friend": friend, "age": rng.integers(18, 90, 200)},
        "products": {"id": products, "price": np.round(rng.gamma(2, 9, 30), 2)},
        "orders": {"id": orders, "customer": buyer, "paid": rng.random(900) < 0.8},
        "items": {
            "order": [orders[o] for o, _ in pairs],
            "product": [products[p] for _, p in pairs],
            "quantity": rng.integers(1, 9, len(pairs)),
        },
    }
    return {
        name: pa.table(
            {c: pa.array(v, pa.uuid()) if isinstance(v, list) else pa.array(v) for c, v in columns.items()}
        )
        for name, columns in kinds.items()
    }


def schema() -> Metadata:
    metadata = Metadata()
    metadata.add_table("customers", pk="id", fk={"friend": "customers.id"})
    metadata.add_table("products", pk="id")
    customer = ForeignKey(columns="customer", parent="customers", parent_columns="id", orphans="keep")
    metadata.add_table("orders", pk="id", foreign_keys=[customer])
    metadata.add_table("items", pk=["order", "product"], fk={"order": "orders.id", "product": "products.id"})
    return metadata


@pytest.fixture(scope="module")
def fitted() -> Synthesizer:
    return Synthesizer(schema(), seed=1, model_options=FAST, progress=False).fit(shop())


def check(twin: dict[str, pd.DataFrame], orders: int) -> None:
    for name, columns in {"customers": ["id"], "orders": ["id"], "items": ["order", "product"]}.items():
        assert not twin[name].duplicated(columns).any()
        assert {type(value) for column in columns for value in twin[name][column]} == {uuid.UUID}
    assert len(twin["orders"]) == pytest.approx(orders, rel=0.1)
    assert set(twin["customers"]["friend"].dropna()) <= set(twin["customers"]["id"])
    assert 0.2 < twin["customers"]["friend"].notna().mean() < 0.45
    assert set(twin["items"]["order"]) <= set(twin["orders"]["id"])
    assert set(twin["items"]["product"]) <= set(twin["products"]["id"])
    orphans = ~twin["orders"]["customer"].isin(set(twin["customers"]["id"]))
    assert 0.005 < orphans.mean() < 0.05
    assert not {*twin["orders"]["id"]} & {*shop()["orders"]["id"].to_pylist()}
    assert {value.version for value in twin["orders"]["id"]} == {4}
    assert str(twin["orders"]["id"].iloc[0]) in twin["orders"].head(1).to_string()  # it can be printed


def test_keys_are_right_and_uuids(fitted: Synthesizer, tmp_path: Path) -> None:
    check(fitted.sample(), 900)
    fitted.save(tmp_path / "shop.syn")
    again = Synthesizer.load(tmp_path / "shop.syn")
    pd.testing.assert_frame_equal(again.sample()["items"], fitted.sample()["items"])


def test_in_shards_and_in_files(fitted: Synthesizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, size in (("SHARD_ROWS", 1500), ("WHOLE_ROWS", 20), ("SHARD_SHARE", 1)):
        monkeypatch.setattr(shards, name, size)
    files = fitted.sample(scale=3, output_path=tmp_path / "twin")
    tables = {name: pq.read_table(file) for name, file in files.items()}
    assert tables["orders"].schema.field("customer").type == pa.uuid()
    check(
        {n: pd.DataFrame({c: t.column(c).to_pylist() for c in t.column_names}) for n, t in tables.items()},
        2700,
    )


def test_rows_are_added_to_a_twin(fitted: Synthesizer) -> None:
    twin = fitted.sample()
    more = fitted.sample(append_to=twin)
    check(more, 1800)
    pd.testing.assert_frame_equal(more["orders"].head(len(twin["orders"])), twin["orders"])


def test_the_report_judges_them(fitted: Synthesizer) -> None:
    report = fitted.generate_validation_report(shop(), fitted.sample())
    judged = [f for f in report.findings if f.metric in ("KeyUniqueness", "ReferentialIntegrity")]
    assert len(judged) >= 6
    assert all(finding.passed for finding in judged), report


def test_they_are_found_and_planned() -> None:
    frames = {name: shop()[name] for name in ("customers", "products")}
    frames["orders"] = shop()["orders"].rename_columns(["id", "customer_id", "paid"])
    found = Metadata.from_dataframes(frames)
    assert found.tables["orders"].pk == ("id",)
    plan = str(Synthesizer(schema(), progress=False).plan(shop()))
    assert "items" in plan
    assert "problem" not in plan


def test_a_few_ordered_ones_leave_room_for_many() -> None:
    ids = [uuid.UUID(int=i) for i in range(1, 31)]
    data = {"things": pa.table({"id": pa.array(ids, pa.uuid()), "size": pa.array(range(30))})}
    metadata = Metadata()
    metadata.add_table("things", pk="id")
    twin = (
        Synthesizer(metadata, seed=1, model_options=FAST, progress=False)
        .fit(data)
        .sample(scale=200)["things"]
    )
    assert twin["id"].nunique() == 6000


def test_a_column_of_text_may_refer_to_them() -> None:
    rng = np.random.default_rng(0)
    ids = uuids(rng, 50)
    data = {
        "parents": pa.table({"id": pa.array(ids, pa.uuid()), "size": rng.integers(0, 9, 50)}),
        "children": pd.DataFrame({"parent": [str(ids[i]) for i in rng.integers(0, 50, 300)]}),
    }
    metadata = Metadata()
    metadata.add_table("parents", pk="id")
    metadata.add_table("children", fk={"parent": "parents.id"})
    twin = Synthesizer(metadata, seed=1, model_options=FAST, progress=False).fit(data).sample()
    assert len(twin["children"]) == 300
    assert set(twin["children"]["parent"]) <= {str(value) for value in twin["parents"]["id"]}


@given(values=st.lists(st.none() | st.uuids(), max_size=20), cut=st.integers(0, 3))
def test_texts_are_read_back(values: list[uuid.UUID | None], cut: int) -> None:
    column = pa.array([None if v is None else v.bytes for v in values], pa.binary(16))
    table = pa.table({"id": pa.uuid().wrap_array(column)}).slice(cut)
    texts = to_texts(table, ["id"])
    assert texts.column("id").to_pylist() == [None if v is None else str(v) for v in values[cut:]]
    assert from_texts(texts, ["id"]).column("id").to_pylist() == values[cut:]


def test_texts_that_are_nearly_uuids_become_some() -> None:
    table = pa.table({"id": ["1", None, "00000000-0000-4000-8000-0000000000001"]})
    assert from_texts(table, ["id"]).column("id").to_pylist() == [
        uuid.UUID(int=1),
        None,
        uuid.UUID("00000000-0004-0008-0000-000000000001"),
    ]
