"""Rows added to a twin on a server: all or none, with types and keys as they were."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from synthohive_py import ConnectorError, Synthesizer

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
