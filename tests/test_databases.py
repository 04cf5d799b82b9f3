"""From a database to its twin: the schema and the rows of a URL, in pieces, whole families, all or none."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from synthohive_py import ForeignKey, Metadata, Synthesizer
from synthohive_py.connectors import open_url
from synthohive_py.connectors.base import Relation
from synthohive_py.connectors.families import read_families
from synthohive_py.connectors.urls import Address
from synthohive_py.errors import ConnectorError, SchemaValidationError, SettingError
from synthohive_py.rng import Seed

QUICK: dict[str, Any] = {"model": "gaussian_copula", "progress": False, "seed": 3}
DDL = """
create schema shop;
create table shop.countries (code varchar primary key, name varchar);
create table shop.customers (
    customer_id bigint primary key, country varchar references shop.countries (code), vip boolean,
    credit decimal(9, 2), joined date
);
create table shop.products (product_id integer primary key, price double);
create table shop.orders (
    order_id bigint primary key, customer_id bigint references shop.customers (customer_id), state varchar,
    ordered_at timestamp
);
create table shop.lines (
    order_id bigint references shop.orders (order_id), line tinyint,
    product_id integer references shop.products (product_id), quantity smallint,
    primary key (order_id, line)
);
insert into shop.countries values ('AT', 'Austria'), ('DE', 'Germany'), ('FR', 'France');
insert into shop.customers select
    i * 3 + 100, ['AT', 'DE', 'FR'][1 + i % 3], i % 7 = 0, (i % 90) * 1.25, date '2020-01-01' + i::integer
from range(300) as r (i);
insert into shop.products select i, 1.5 * (i % 20) from range(50) as r (i);
insert into shop.orders select
    i + 1000, case when i % 10 < 9 then ((i * 7 + i // 13) % 290) * 3 + 100 end,
    ['new', 'paid', 'lost'][1 + i % 3], timestamp '2024-01-01' + interval (i * 37) minute
from range(1500) as r (i);
insert into shop.lines select 1000 + i, 1 + j, (i * 7 + j) % 50, 1 + (i + j) % 5
from range(1500) as r (i), range(4) as s (j) where j <= i % 4;
"""
COLUMNS = """
select table_name, column_name, data_type from information_schema.columns
where table_schema = ? order by table_name, ordinal_position
"""
COUNTS = {"countries": 3, "customers": 300, "lines": 3750, "orders": 1500, "products": 50}


@pytest.fixture(autouse=True)
def _shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with duckdb.connect("warehouse.duckdb") as connection:
        connection.execute(DDL)


def query(sql: str, *arguments: Any) -> list[tuple[Any, ...]]:
    with duckdb.connect("warehouse.duckdb") as connection:
        return connection.execute(sql, list(arguments)).fetchall()


def url(schema: str = "shop") -> str:
    return f"duckdb:///warehouse.duckdb?schema={schema}"


def sizes(tables: Mapping[str, pd.DataFrame]) -> dict[str, int]:
    return {name: len(tables[name]) for name in sorted(tables)}


# ---------------------------------------------------------------- the schema


def test_the_schema_of_a_database_has_its_tables_and_keys() -> None:
    expected = Metadata()
    expected.add_table("countries", pk="code")
    expected.add_table("customers", pk="customer_id", fk={"country": "countries.code"})
    keys = {"order_id": "orders.order_id", "product_id": "products.product_id"}
    expected.add_table("lines", pk=["order_id", "line"], fk=keys)
    expected.add_table("orders", pk="order_id", fk={"customer_id": "customers.customer_id"})
    expected.add_table("products", pk="product_id")

    assert Metadata.from_database(url()) == expected


@pytest.mark.parametrize(
    "wrong",
    [
        "warehouse.duckdb",
        "duckdb:///none.duckdb",
        "oracle://scott:tiger@host/shop",
        "postgresql://scott:tiger/1@host/shop",
        "postgresql://scott:tiger#1@host/shop",
        "postgresql://scott:tiger?1@host/shop",
        "postgresql://scott:[tiger@host/shop",
        "postgresql://scott:12/tiger@127.0.0.1/shop",
        "mysql://scott:12?tiger@127.0.0.1/shop",
        "postgresql://scott:12#tiger@127.0.0.1/shop",
        "postgresql://scott:tiger%00@127.0.0.1:1/shop",
        "mysql://scott:tiger\udcff@127.0.0.1:1/shop",
        f"mysql://scott:tiger@{'x' * 70}.com/shop",
        "postgresql://scott:tiger@host:70000/shop",
    ],
)
def test_what_is_no_database_is_refused_without_its_password(wrong: str) -> None:
    with pytest.raises(ConnectorError, match="What to do") as caught:
        Metadata.from_database(wrong)

    assert "tiger" not in "".join(traceback.format_exception(caught.value))
    assert "tiger" not in repr(caught.value.__context__)


# ---------------------------------------------------------------- fit, plan and sample


def test_a_url_is_learned_as_its_tables_are() -> None:
    with duckdb.connect("warehouse.duckdb") as connection:
        tables = {name: connection.sql(f"from shop.{name}").to_arrow_table() for name in COUNTS}
    metadata = Metadata.from_database(url())

    by_url = Synthesizer(**QUICK).fit(url()).sample()
    by_rows = Synthesizer(metadata, **QUICK).fit(tables).sample()

    assert sizes(by_url) == COUNTS
    assert all(by_url[name].equals(by_rows[name]) for name in COUNTS)


def test_a_schema_without_metadata_is_the_one_that_the_database_declares() -> None:
    synthesizer = Synthesizer(**QUICK)

    assert synthesizer.metadata is None
    found = synthesizer.plan(url())

    assert sorted(found.order) == sorted(COUNTS)
    assert not found.problems
    assert synthesizer.metadata is not None
    assert synthesizer.metadata.tables["lines"].pk == ("order_id", "line")


def test_a_twin_is_written_with_the_types_of_the_real_tables() -> None:
    synthesizer = Synthesizer(**QUICK).fit(url())
    synthesizer.save("shop.synthohive")

    written = Synthesizer.load("shop.synthohive").sample(output_path=url("shop_synthetic"), chunk_rows=1000)

    assert written == {name: f'"warehouse"."shop_synthetic"."{name}"' for name in written}
    assert query(COLUMNS, "shop_synthetic") == query(COLUMNS, "shop")
    assert {name: query(f"select count(*) from {where}") for name, where in written.items()} == {
        name: [(rows,)] for name, rows in COUNTS.items()
    }
    orphans = "select 1 from shop_synthetic.lines anti join shop_synthetic.orders using (order_id)"
    assert query(orphans) == []


def test_a_twin_of_frames_gets_the_types_of_its_columns() -> None:
    frame = pd.DataFrame(
        {"id": range(60), "paid": [True, False, True] * 20, "day": pd.Timestamp("2024-01-01")}
    )
    metadata = Metadata()
    metadata.add_table("bills", pk="id")

    written = Synthesizer(metadata, **QUICK).fit({"bills": frame}).sample(output_path=url("twins"))

    assert written == {"bills": '"warehouse"."twins"."bills"'}
    assert query(COLUMNS, "twins") == [
        ("bills", "id", "BIGINT"),
        ("bills", "paid", "BOOLEAN"),
        ("bills", "day", "TIMESTAMP_S"),
    ]
    assert query("select count(*) from twins.bills") == [(60,)]


def test_a_failure_leaves_the_old_twin() -> None:
    synthesizer = Synthesizer(**QUICK).fit(url())
    synthesizer.sample(output_path=url("twins"))
    before = query("from twins.orders order by all")

    query("drop table twins.products; create view twins.products as select 1 as one")
    with pytest.raises(ConnectorError, match="no twin was changed"):
        synthesizer.sample(seed=9, output_path=url("twins"))

    assert query("from twins.orders order by all") == before


def test_the_real_tables_are_not_replaced() -> None:
    synthesizer = Synthesizer(**QUICK).fit(url())
    before = query("from shop.orders")

    with pytest.raises(ConnectorError, match=r"replace the real table.*schema="):
        synthesizer.sample(output_path=url())

    with pytest.raises(ConnectorError, match=r"replace the real table.*schema="):
        synthesizer.sample(output_path=url("SHOP"))  # the same to DuckDB

    assert query("from shop.orders") == before


def test_rows_are_added_to_a_twin_in_a_database() -> None:
    synthesizer = Synthesizer(**QUICK).fit(url())
    synthesizer.sample(scale=0.5, output_path=url("twins"))
    before = {name: query(f"from twins.{name}") for name in COUNTS}

    returned = synthesizer.sample(scale=0.25, append_to=url("twins"))
    synthesizer.sample(scale=0.25, append_to=url("twins"), output_path=url("twins"))

    after = {name: query(f"from twins.{name}") for name in COUNTS}
    assert {name: len(rows) for name, rows in after.items()} == sizes(returned)
    for name in ("customers", "orders", "lines", "products"):
        assert after[name][: len(before[name])] == before[name]
        assert len(after[name]) == pytest.approx(1.5 * len(before[name]), rel=0.1)
    assert query("select count(*) - count(distinct order_id) from twins.orders") == [(0,)]
    assert query("from twins.lines anti join twins.orders using (order_id)") == []
    assert query(COLUMNS, "twins") == query(COLUMNS, "shop")


def test_what_is_no_twin_is_not_appended_to() -> None:
    synthesizer = Synthesizer(**QUICK).fit(url())
    synthesizer.sample(output_path=url("twins"))
    before = query("from twins.orders")
    query("drop table twins.lines")

    with pytest.raises(ConnectorError, match=r"added to the real table.*append_to"):
        synthesizer.sample(append_to=url(), output_path=url("twins"))
    with pytest.raises(ConnectorError, match=r"lines.*correct the name of the table"):
        synthesizer.sample(append_to=url("twins"), output_path=url("twins"))
    with pytest.raises(ConnectorError) as caught:
        synthesizer.sample(append_to="postgresql://me:hush@127.0.0.1:1/shop")

    assert "hush" not in str(caught.value)
    assert query("from twins.orders") == before


def test_tables_of_a_database_are_no_files() -> None:
    synthesizer = Synthesizer(**QUICK).fit(url())

    with pytest.raises(SettingError, match="output_format"):
        synthesizer.sample(output_path=url("twins"), output_format="csv")


@pytest.mark.parametrize("call", ["save", "load", "checkpoints"])
def test_a_url_in_the_place_of_a_path_is_not_shown(call: str) -> None:
    address = "postgresql://me:hush@host/shop"
    calls = {
        "save": lambda: Synthesizer(**QUICK).fit(url()).save(address),
        "load": lambda: Synthesizer.load(address),
        "checkpoints": lambda: Synthesizer(**QUICK).fit(url(), checkpoint_path=address),
    }

    with pytest.raises(SettingError, match="is a URL") as caught:
        calls[call]()

    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("address", ["postgresql:/me:hush@host/shop", "MySQL:me:hush@host/shop"])
def test_a_url_with_a_slash_too_few_is_not_shown(address: str) -> None:
    synthesizer = Synthesizer(**QUICK).fit(url())

    for call in (
        lambda: synthesizer.sample(output_path=address),
        lambda: synthesizer.sample(append_to=address),
        lambda: synthesizer.save(address),
        lambda: Synthesizer(**QUICK).fit(address),
    ):
        with pytest.raises((ConnectorError, SettingError)) as caught:
            call()
        assert "hush" not in str(caught.value)
    assert sorted(path.name for path in Path().iterdir()) == ["warehouse.duckdb"]


def test_the_parts_of_a_url_are_shown_without_what_is_secret() -> None:
    for address in ("postgresql://me:hush@host/shop?password=hush", "sc://host/;token=hush"):
        assert "hush" not in repr(Address.read(address))


def test_no_password_is_kept(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    address = "duckdb://me:hush@/warehouse.duckdb?schema="
    synthesizer = Synthesizer(**QUICK).fit(f"{address}shop")
    synthesizer.save("shop.synthohive")
    written = synthesizer.sample(output_path=f"{address}twins")

    held = [caplog.text, repr(synthesizer), repr(vars(synthesizer)), str(written)]
    assert not any("hush" in text for text in held)
    assert b"hush" not in Path("shop.synthohive").read_bytes()


def test_a_table_that_is_not_there_is_named() -> None:
    metadata = Metadata()
    metadata.add_table("invoices", pk="id")

    with pytest.raises(ConnectorError, match=r"invoices.*correct the name of the table"):
        Synthesizer(metadata, **QUICK).fit(url())


def test_a_table_is_read_where_its_metadata_says() -> None:
    metadata = Metadata()
    metadata.add_table("goods", pk="product_id", relation=("warehouse", "shop", "products"))

    twin = Synthesizer(metadata, **QUICK).fit(url("main")).sample()

    assert sizes(twin) == {"goods": 50}


# ---------------------------------------------------------------- large tables


def read(metadata: Metadata, max_rows: int, seed: int = 3) -> tuple[dict[str, pd.DataFrame], Any]:
    connector, schema = open_url(url())
    relations = {name: connector.relation(schema, name) for name in metadata.modelled}
    try:
        tables, population = read_families(connector, relations, metadata, max_rows=max_rows, seed=Seed(seed))
    finally:
        connector.close()
    return {name: table.to_pandas() for name, table in tables.items()}, population


def test_large_tables_are_read_in_whole_families() -> None:
    tables, population = read(Metadata.from_database(url()), max_rows=400)
    orders, lines = tables["orders"], tables["lines"]
    drawn_orders = orders[population.drawn["orders"]]
    drawn_lines = lines[population.drawn["lines"]]

    assert 300 <= len(drawn_orders) <= 400
    assert 300 <= len(drawn_lines) <= 400
    for name in ("countries", "customers", "products"):
        assert len(tables[name]) == COUNTS[name]
    of_customers = dict(query("select customer_id, count(*) from shop.orders group by 1"))
    of_orders = dict(query("select order_id, count(*) from shop.lines group by 1"))
    assert all(n == of_customers[c] for c, n in drawn_orders["customer_id"].value_counts().items())
    assert all(n == of_orders[o] for o, n in drawn_lines["order_id"].value_counts().items())


def test_rows_that_others_refer_to_are_read_with_them() -> None:
    tables, population = read(Metadata.from_database(url()), max_rows=40)

    assert set(tables["lines"]["order_id"]) <= set(tables["orders"]["order_id"])
    assert set(tables["orders"]["customer_id"].dropna()) <= set(tables["customers"]["customer_id"])
    assert set(tables["lines"]["product_id"]) <= set(tables["products"]["product_id"])
    assert len(tables["customers"]) < 150
    assert population.rows == COUNTS


def test_what_is_read_depends_on_the_seed_alone() -> None:
    metadata = Metadata.from_database(url())
    first, again, other = (read(metadata, 200, seed)[0]["lines"] for seed in (1, 1, 2))

    assert first.equals(again)
    assert not first.equals(other)


def test_only_the_keys_of_large_tables_are_read_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    from synthohive_py.connectors.duckdb import DuckDBConnector

    whole: list[tuple[str, Any]] = []
    real_read = DuckDBConnector.read

    def spied(self: Any, relation: Relation, columns: Any = None) -> Any:
        whole.append((relation.identifier, columns))
        return real_read(self, relation, columns)

    monkeypatch.setattr(DuckDBConnector, "read", spied)
    read(Metadata.from_database(url()), max_rows=400)

    assert ("lines", ["order_id", "line", "product_id"]) in whole
    assert all(columns for _, columns in whole)


@pytest.mark.parametrize("limit", [40, 400, 2000])
def test_a_twin_has_the_real_numbers_of_rows_and_children(limit: int) -> None:
    synthesizer = Synthesizer(max_training_rows=limit, **QUICK).fit(url())
    synthesizer.save("shop.synthohive")
    twin = Synthesizer.load("shop.synthohive").sample()

    of_orders = "select count(*) as lines from shop.lines group by order_id"
    real = dict(query(f"select lines, count(*) from ({of_orders}) group by 1"))
    assert sizes(twin) == COUNTS
    assert twin["lines"].groupby("order_id").size().value_counts().to_dict() == real
    assert twin["orders"]["customer_id"].isna().sum() == 150


def test_a_plan_of_a_large_schema_tells_of_all_rows() -> None:
    found = Synthesizer(max_training_rows=100, **QUICK).plan(url())

    assert {table.name: table.rows for table in found.tables} == COUNTS


def test_keys_of_a_sample_lie_as_close_as_the_real_ones() -> None:
    twin = Synthesizer(max_training_rows=100, **QUICK).fit(url()).sample()

    assert twin["orders"]["order_id"].max() < 4000  # of 1,500 from 1,000 on


def test_tables_without_keys_and_with_self_references_are_sampled() -> None:
    query("create table shop.clicks as select i % 7 as page from range(900) as r (i)")
    query("create table shop.staff (id integer primary key, boss integer references shop.staff (id))")
    with duckdb.connect("warehouse.duckdb") as connection:
        staff = [(i, i // 3 if i else None) for i in range(900)]
        connection.executemany("insert into shop.staff values (?, ?)", staff)
    metadata = Metadata.from_database(url())
    assert metadata.tables["staff"].foreign_keys == (
        ForeignKey(columns="boss", parent="staff", parent_columns="id"),
    )

    tables, population = read(metadata, max_rows=100)
    twin = Synthesizer(max_training_rows=100, **QUICK).fit(url()).sample()

    assert len(tables["clicks"]) == 100
    assert set(tables["staff"]["boss"].dropna()) <= set(tables["staff"]["id"])
    assert population.drawn["staff"].sum() == 100
    assert (len(twin["clicks"]), len(twin["staff"])) == (900, 900)


def test_a_family_that_is_larger_than_the_limit_is_read() -> None:
    query("create table shop.logs as select 100 as customer_id, i as n from range(1000) as r (i)")
    metadata = Metadata.from_database(url())
    metadata.tables.pop("logs")
    metadata.add_table("logs", fk={"customer_id": "customers.customer_id"})

    tables, _ = read(metadata, max_rows=500)

    assert len(tables["logs"]) == 1000


def test_reference_tables_are_read_whole() -> None:
    metadata = Metadata()
    metadata.add_table("products", pk="product_id", mode="reference")
    metadata.add_table("lines", fk={"product_id": "products.product_id"})

    twin = Synthesizer(metadata, max_training_rows=30, **QUICK).fit(url()).sample()

    assert sizes(twin) == {"lines": 3750, "products": 50}


def test_wrong_keys_of_large_tables_are_all_listed() -> None:
    metadata = Metadata()
    metadata.add_table("orders", pk="id")
    metadata.add_table("lines", fk={"order": "orders.id"})
    synthesizer = Synthesizer(metadata, max_training_rows=100, **QUICK)

    with pytest.raises(SchemaValidationError, match=r"orders\.id.*(\n.*)*lines\.order") as caught:
        synthesizer.fit(url())

    assert synthesizer.plan(url()).problems == caught.value.problems


@pytest.mark.parametrize("option", ["shema=shop", "Schema=shop", "schema", "schema=", "schema=a&schema=b"])
def test_options_of_a_url_are_not_overlooked(option: str) -> None:
    with pytest.raises(ConnectorError, match=r"unknown options|no URL of a database"):
        Synthesizer(**QUICK).fit(f"duckdb:///warehouse.duckdb?{option}")


def test_the_real_database_is_known_by_any_name_and_others_are_not_taken_for_it(tmp_path: Path) -> None:
    synthesizer = Synthesizer(**QUICK).fit(url())
    Path("linked.duckdb").hardlink_to("warehouse.duckdb")
    Path("elsewhere").mkdir()
    with duckdb.connect("elsewhere/warehouse.duckdb"):
        pass

    with pytest.raises(ConnectorError, match="would replace the real table"):
        synthesizer.sample(output_path="duckdb:///linked.duckdb?schema=shop")
    Path("warehouse.duckdb").rename("moved.duckdb")
    synthesizer.save(tmp_path / "shop.synthohive")
    with pytest.raises(ConnectorError, match="would replace the real table"):
        Synthesizer.load(tmp_path / "shop.synthohive").sample(
            output_path="duckdb:///moved.duckdb?schema=shop"
        )
    # A copy of the schema, of the same names, in another database: what code of yours connects to.
    written = synthesizer.sample(output_path="duckdb:///elsewhere/warehouse.duckdb?schema=shop")
    assert written["orders"] == '"warehouse"."shop"."orders"'
