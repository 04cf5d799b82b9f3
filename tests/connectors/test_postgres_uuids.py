"""UUIDs as keys in PostgreSQL: read whole or in families, written, and added to."""

from __future__ import annotations

import pytest

from synthohive_py import Metadata, Synthesizer

TABLES = """\
create table shop.customers (id uuid primary key default gen_random_uuid(), country text);
create table shop.orders (
    id uuid primary key default gen_random_uuid(), customer_id uuid references shop.customers (id),
    first_order uuid references shop.orders (id), amount float8
);
insert into shop.customers (country)
select (array['AT', 'DE'])[1 + i % 2] from generate_series(1, 300) as g (i);
insert into shop.orders (customer_id, amount)
select c.id, random() from shop.customers c, generate_series(1, 3);
insert into shop.orders (amount) select 1.5 * i from generate_series(1, 100) as g (i);
insert into shop.orders (customer_id, first_order, amount)
select o.customer_id, o.id, random() from shop.orders o where o.amount < 0.5
"""
COUNTED = """
select pg_typeof(o.id)::text, count(*), count(distinct o.id), count(o.customer_id), count(c.id),
    count(o.first_order), count(f.id)
from twins.orders o left join twins.customers c on c.id = o.customer_id
left join twins.orders f on f.id = o.first_order group by 1
"""


@pytest.mark.usefixtures("postgres")
@pytest.mark.parametrize("max_rows", [100_000, 500], ids=["whole", "families"])
def test_keys_are_uuids_and_right(postgres_uri: str, sql, max_rows: int) -> None:
    sql(TABLES)
    source, target = f"{postgres_uri}?schema=shop", f"{postgres_uri}?schema=twins"
    metadata = Metadata.from_database(source)
    assert len(metadata.tables["orders"].foreign_keys) == 2
    synthesizer = Synthesizer(
        metadata, model="gaussian_copula", progress=False, seed=1, max_training_rows=max_rows
    ).fit(source)

    synthesizer.sample(output_path=target)

    real = sql("select count(*) from shop.orders")[0][0]
    ((kind, rows, ids, customers, found, firsts, first_found),) = sql(COUNTED)
    assert kind == "uuid"
    assert 0.9 < rows / real < 1.1
    assert ids == rows
    assert 0 < customers == found < rows
    assert 0 < firsts == first_found < rows

    synthesizer.sample(append_to=target, output_path=target)

    ((_, more, ids, customers, found, firsts, first_found),) = sql(COUNTED)
    assert more == ids > 1.8 * rows
    assert customers == found
    assert firsts == first_found
    assert sql("select count(*) from twins.orders t join shop.orders o on o.id = t.id") == [(0,)]
