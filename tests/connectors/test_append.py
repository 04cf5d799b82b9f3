"""Rows added to a twin: all or none, with types and keys as they were, and none of others are lost."""

from __future__ import annotations

import datetime as dt
import os
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synthohive_py import ConnectorError, Synthesizer
from synthohive_py.relational import sample as sampling
from synthohive_py.relational.reread import ReadTwin

DDL = """
create table shop.customers (customer_id bigint primary key, credit numeric(9, 2), joined date, note jsonb);
create table shop.orders (
    order_id integer primary key, customer_id bigint references shop.customers (customer_id), at timestamptz
);
insert into shop.customers
select i * 3, (i % 90) * 1.25, date '2020-01-01' + i, '{"a": 1}' from generate_series(1, 120) as r (i);
insert into shop.orders
select i, (i * 7 % 120 + 1) * 3, timestamptz '2024-01-01' + i * interval '1 hour'
from generate_series(1, 400) as r (i)
"""


def test_rows_are_added_on_postgres_all_or_none(postgres_uri: str, sql: Callable[[str], list[tuple]]) -> None:
    sql(DDL)
    twins = f"{postgres_uri}?schema=twins"
    options = {"model": "gaussian_copula", "progress": False}
    synthesizer = Synthesizer(**options).fit(f"{postgres_uri}?schema=shop")
    synthesizer.sample(output_path=twins)
    sql("create view twins.view as select customer_id from twins.customers")
    before = sql("select * from twins.orders order by order_id")

    synthesizer.sample(scale=0.5, append_to=twins, output_path=twins)

    after = sql("select * from twins.orders order by order_id")
    assert len(after) == pytest.approx(600, abs=30)
    assert set(before) <= set(after)
    assert len({order for order, *_ in after}) == len(after)
    assert (
        sql("select 1 from twins.orders where customer_id not in (select customer_id from twins.view)") == []
    )

    sql("alter table twins.orders add check (order_id < 0) not valid")
    with pytest.raises(ConnectorError, match="no twin was changed"):
        synthesizer.sample(scale=0.5, append_to=twins, output_path=twins)

    assert sql("select * from twins.orders order by order_id") == after


@pytest.fixture(scope="module")
def shop() -> Synthesizer:
    orders = pd.DataFrame({"order_id": range(200), "amount": [i * 7 % 31 for i in range(200)]})
    return Synthesizer(model="gaussian_copula", progress=False).fit({"orders": orders, "days": orders[:50]})


def append_while(
    monkeypatch: pytest.MonkeyPatch, synthesizer: Synthesizer, place: Any, meanwhile: Callable[[], object]
) -> None:
    """Add rows, and do something else between the reading and the writing."""
    start = sampling.read_existing

    def after(*given: Any) -> Any:
        found = start(*given)
        monkeypatch.setattr(sampling, "read_existing", start)
        meanwhile()
        return found

    monkeypatch.setattr(sampling, "read_existing", after)
    synthesizer.sample(scale=0.5, append_to=place, output_path=place)


def rows_in(place: Any, synthesizer: Synthesizer) -> dict[str, int]:
    return {name: len(rows) for name, rows in synthesizer._existing(synthesizer._fitted, place).items()}


@pytest.mark.parametrize("kind", ["folder", "parquet", "csv", "delta", "duckdb"])
def test_a_twin_that_was_changed_while_rows_were_added_is_refused(
    tmp_path: Path, kind: str, shop: Synthesizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    place: Any = tmp_path / "twin" if kind == "folder" else f"{kind}:///{tmp_path}/twin"
    if kind == "duckdb":
        duckdb.connect(str(tmp_path / "twin")).close()
    shop.sample(output_path=place)
    told = "the twin was changed while rows were added to it; nothing was written.*run again"

    def append() -> None:
        shop.sample(scale=0.25, seed=2, append_to=place, output_path=place)

    with pytest.raises(ConnectorError, match=told):
        append_while(monkeypatch, shop, place, append)
    assert rows_in(place, shop) == {"orders": 250, "days": 62}

    with pytest.raises(ConnectorError, match=told):  # as many rows, others
        append_while(monkeypatch, shop, place, lambda: shop.sample(scale=1.25, seed=3, output_path=place))

    append_while(monkeypatch, shop, place, lambda: None)
    assert rows_in(place, shop) == {"orders": 350, "days": 87}


def test_of_two_who_add_rows_on_postgres_the_second_is_refused(
    postgres_uri: str, sql: Callable[[str], list[tuple]], shop: Synthesizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    sql("select 1")
    twins = f"{postgres_uri}?schema=twins"
    shop.sample(output_path=twins)

    with pytest.raises(ConnectorError, match="was changed while rows were added"):
        append_while(
            monkeypatch, shop, twins, lambda: shop.sample(scale=0.25, append_to=twins, output_path=twins)
        )

    assert sql("select (select count(*) from twins.orders), (select count(*) from twins.days)") == [(250, 62)]


@pytest.mark.parametrize("is_url", [False, True])
def test_rows_are_added_to_the_twin_of_one_write_after_a_kill(
    tmp_path: Path, shop: Synthesizer, is_url: bool
) -> None:
    place = f"parquet:///{tmp_path}" if is_url else str(tmp_path)
    shop.sample(output_path=place)
    old = pq.read_table(tmp_path / "orders.parquet")
    kept = tmp_path / ".1.synthohive-old"
    kept.mkdir()
    for name in ("orders", "days"):  # as a process leaves it that was killed after the first move
        os.link(tmp_path / f"{name}.parquet", kept / f"{name}.parquet")
    (tmp_path / "orders.parquet").unlink()
    pq.write_table(old.slice(0, 9), tmp_path / "orders.parquet")

    shop.sample(scale=0.5, append_to=place, output_path=place)

    after = pq.read_table(tmp_path / "orders.parquet")
    assert after.slice(0, 200).equals(old)
    assert after.num_rows == 300
    assert sorted(path.name for path in tmp_path.iterdir()) == ["days.parquet", "orders.parquet"]


VALUES = {
    "floats": pa.array([1.5, None, float("nan")]),
    "times": pa.array([1, None, 3], pa.timestamp("us", "UTC")),
    "days": pa.array([dt.date(2020, 1, 1), None, dt.date(1, 1, 1)]),
    "bytes": pa.array([b"a", None, b"\xff"]),
    "lists": pa.array([[1], None, [2, None]]),
    "structs": pa.array([{"a": 1}, None, {"a": 2}]),
    "tokens": pa.ExtensionArray.from_storage(
        pa.uuid(), pa.array([uuid.UUID(int=i).bytes for i in range(3)], pa.binary(16))
    ),
}


@pytest.mark.parametrize("name", VALUES)
def test_rows_of_any_type_are_told_apart_whatever_their_order(name: str) -> None:
    rows = pa.table({"n": [1, 2, 3], name: VALUES[name]})
    ReadTwin({"t": rows}, lambda: [("t", [rows.slice(2), rows.slice(0, 2)])]).check()

    other = rows.set_column(1, name, VALUES[name].take(pa.array([1, 0, 2])))
    with pytest.raises(ConnectorError, match=r"^t: the twin was changed"):
        ReadTwin({"t": rows}, lambda: [("t", [other])]).check()
