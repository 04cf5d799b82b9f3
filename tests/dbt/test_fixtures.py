"""The `given` of a unit test, made of synthetic rows that join, and run by dbt."""

from __future__ import annotations

import json
import math
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
import yaml
from shop import DuckDB, Project

from synthohive_py import GenerationError, Metadata, SchemaError, SettingError, Synthesizer

MODEL = """
select
    lines.shop_no, lines.order_no, lines.line, lines.price, lines.note, orders.status, orders.ordered_at,
    customers.customer_id, customers.joined, customers.credit, customers.vip, countries.name
from {{ source('shop', 'order_lines') }} as lines
inner join {{ source('shop', 'orders') }} as orders using (shop_no, order_no)
inner join {{ source('shop', 'customers') }} as customers using (customer_id)
inner join {{ source('shop', 'countries') }} as countries on customers.country = countries.code
"""
KEYS = {
    "countries": {"pk": "code", "mode": "reference"},
    "customers": {"pk": "customer_id", "fk": {"country": "countries.code"}},
    "orders": {"pk": ["shop_no", "order_no"], "fk": {"customer_id": "customers.customer_id"}},
}


@pytest.fixture(scope="module")
def learned(duckdb_shop: DuckDB, tmp_path_factory: pytest.TempPathFactory) -> Synthesizer:
    """What was learned of the shop, as it comes back from its file."""
    path = tmp_path_factory.mktemp("learned") / "shop.synthohive"
    database = duckdb_shop.copied(path.parent)
    metadata = Metadata()
    for name, keys in KEYS.items():
        metadata.add_table(name, **keys)
    metadata.add_table(
        "order_lines",
        pk=["shop_no", "order_no", "line"],
        foreign_keys=[
            {
                "columns": ["shop_no", "order_no"],
                "parent": "orders",
                "parent_columns": ["shop_no", "order_no"],
            }
        ],
    )
    url = f"duckdb:///{database.path}?schema=shop"
    Synthesizer(metadata, model="gaussian_copula", progress=False).fit(url).save(path)
    return Synthesizer.load(path, progress=False)


def test_dbt_runs_a_unit_test_on_the_rows(project: Project, learned: Synthesizer) -> None:
    project.write()
    project.text("models/sold.sql", MODEL)
    project.text("models/second.sql", "select * from {{ ref('sold') }}")
    assert project.dbt("parse").returncode == 0

    given = learned.unit_test_given("sold", project=project.folder)

    assert learned.unit_test_given("sold", project=project.folder / "target") == given
    rows = {entry["input"]: entry["rows"] for entry in yaml.safe_load(given)["given"]}
    lines, orders, customers, countries = (
        rows[f"source('shop', '{name}')"] for name in ("order_lines", "orders", "customers", "countries")
    )
    assert len(lines) == 3
    assert max(map(len, (orders, customers, countries))) <= 3
    expected = [
        {
            **{name: line[name] for name in ("shop_no", "order_no", "line", "price", "note")},
            **{name: order[name] for name in ("status", "ordered_at")},
            **{name: customer[name] for name in ("customer_id", "joined", "credit", "vip")},
            "name": country["name"],
        }
        for line in lines
        for order in orders
        if (order["shop_no"], order["order_no"]) == (line["shop_no"], line["order_no"])
        for customer in customers
        if customer["customer_id"] == order["customer_id"]
        for country in countries
        if country["code"] == customer["country"]
    ]
    assert len(expected) == 3

    for name, result in (("joined", expected), ("not_joined", expected[:2])):
        body = "".join(f"    {part}\n" for part in given.splitlines())
        expect = yaml.safe_dump({"expect": {"rows": result}}, default_flow_style=None, width=10_000)
        text = f"unit_tests:\n  - name: {name}\n    model: sold\n{body}"
        text += "".join(f"    {part}\n" for part in expect.splitlines())
        project.text(f"models/{name}.yml", text)
    done = project.dbt("test", "--select", "test_type:unit")

    results = json.loads((project.folder / "target" / "run_results.json").read_text())["results"]
    said = {result["unique_id"].split(".")[-1]: result["status"] for result in results}
    assert said == {"joined": "pass", "not_joined": "fail"}, done.stdout

    with pytest.raises(
        SchemaError, match=r"second: the model reads what is no marked source; .*model.shop.sold"
    ):
        learned.unit_test_given("second", project=project.folder)
    with pytest.raises(
        SchemaError, match="third: there is no such model; expected one of second, sold, spent"
    ):
        learned.unit_test_given("third", project=project.folder)


def given(synthesizer: Synthesizer, names: list[str], **options: Any) -> dict[str, list[dict[str, Any]]]:
    text = synthesizer.unit_test_given({f"source('s', '{name}')": name for name in names}, **options)
    entries = yaml.safe_load(text)["given"]
    assert [entry["input"] for entry in entries] == [f"source('s', '{name}')" for name in names]
    return {name: entry["rows"] for name, entry in zip(names, entries, strict=True)}


def test_the_rows_are_few_and_differ_by_seed(learned: Synthesizer) -> None:
    one = given(learned, ["orders", "customers"], rows=1)
    assert [len(rows) for rows in one.values()] == [1, 1]
    assert one["orders"][0]["customer_id"] == one["customers"][0]["customer_id"]
    assert given(learned, ["orders", "customers"], rows=1) == one
    assert given(learned, ["orders", "customers"], rows=1, seed=1) != one
    # Without the orders between them they have nothing to do with each other.
    apart = given(learned, ["order_lines", "countries"], rows=2)
    assert [len(rows) for rows in apart.values()] == [2, 2]
    assert len(given(learned, ["orders"], rows=5)["orders"]) == 5


def copied(**tables: tuple[pa.Table, dict[str, Any]]) -> Synthesizer:
    """A synthesizer whose twins are the tables as they are."""
    metadata = Metadata()
    for name, (_, declared) in tables.items():
        metadata.add_table(name, mode="reference", **declared)
    return Synthesizer(metadata, progress=False).fit({name: table for name, (table, _) in tables.items()})


def test_every_value_comes_through_yaml_as_dbt_needs_it() -> None:
    texts = ["yes", "null", "2020-01-01", "a: b, {c}", 'say "hi"', "two\nlines", "\x7f\u2028é😀", " 1 "]
    rows = len(texts)
    table = pa.table(
        {
            "id": range(rows),
            "said": texts,
            "On": [True, False, None] + [True] * (rows - 3),
            "a b": [1.5, -0.25, 1e-7, 1e300, math.nan, math.inf, None, 2.0],
            "exact": pa.array(
                [Decimal("12.50"), None] + [Decimal("-0.01")] * (rows - 2), pa.decimal128(30, 2)
            ),
            "day": pa.array([date(2020, 2, 29)] * rows),
            "at": pa.array([datetime(2020, 2, 29, 1, 2, 3, 456789)] * rows, pa.timestamp("us")),
            "zoned": pa.array([datetime(2020, 2, 29)] * rows, pa.timestamp("us", "UTC")),
            "clock": pa.array([time(23, 59)] * rows),
            "big": [2**62] * rows,
            "raw": [b"x"] * rows,
            "tags": [["a"]] * rows,
            "lasted": pa.array([1] * rows, pa.duration("s")),
        }
    )

    text = copied(kinds=(table, {"pk": "id"})).unit_test_given({"ref('kinds')": "kinds"}, rows=rows)

    assert '# without "raw", "tags", "lasted", which YAML can\'t hold' in text
    [entry] = yaml.safe_load(text)["given"]
    assert [row["said"] for row in entry["rows"]] == texts
    assert [row["On"] for row in entry["rows"]][:3] == [True, False, None]
    # YAML takes no exponent without a point for a number; dbt casts the text.
    numbers = [row["a b"] for row in entry["rows"]]
    assert numbers == [1.5, -0.25, "1e-07", "1e+300", "nan", "inf", None, 2.0]
    first = {
        name: value for name, value in entry["rows"][0].items() if name not in {"id", "said", "On", "a b"}
    }
    assert first == {
        "exact": "12.50",
        "day": "2020-02-29",
        "at": "2020-02-29 01:02:03.456789",
        "zoned": "2020-02-29 00:00:00+00:00",
        "clock": "23:59:00",
        "big": 2**62,
    }


def test_whoever_is_referred_to_comes_along() -> None:
    staff = pa.table({"id": [1, 2, 3, 4, 5], "boss": [2, 3, None, 99, 1], "shop": [1, 1, 1, 1, 2]})
    shops = pa.table({"shop": [1, 2]})
    visits = pa.table({"visit": [1, 2, 3], "shop": [2, 2, 1]})
    own = {"columns": ["boss"], "parent": "staff", "parent_columns": ["id"], "orphans": "keep"}
    to_shop = {"columns": ["shop"], "parent": "shops", "parent_columns": ["shop"]}
    synthesizer = copied(
        shops=(shops, {"pk": "shop"}),
        staff=(staff, {"pk": "id", "foreign_keys": [own, to_shop]}),
        visits=(visits, {"pk": "visit", "foreign_keys": [to_shop]}),
    )

    alone = given(synthesizer, ["staff"], rows=1)
    assert alone["staff"] == staff.slice(0, 3).to_pylist()
    # Both children of a shop are of the same one, so that all three join.
    both = given(synthesizer, ["staff", "shops", "visits"], rows=1)
    assert both["visits"] == [{"visit": 3, "shop": 1}]
    assert {row["id"] for row in both["staff"]} == {1, 2, 3}
    assert both["shops"] == [{"shop": 1}]


def test_what_can_not_be_had_is_refused_by_name(learned: Synthesizer) -> None:
    loose = copied(
        shops=(pa.table({"shop": [1, 2]}), {"pk": "shop"}),
        visits=(
            pa.table({"visit": [1, 2], "shop": pa.array([None, None], pa.int64())}),
            {"pk": "visit", "fk": {"shop": "shops.shop"}},
        ),
    )
    with pytest.raises(GenerationError, match="shops, visits: no rows of the inputs join"):
        given(loose, ["shops", "visits"])
    with pytest.raises(SettingError, match="returns: there is no such table among those learned"):
        given(learned, ["orders", "returns"])
    with pytest.raises(SettingError, match=r"neither the name of a model nor a mapping; .*'orders'"):
        learned.unit_test_given(["orders"])  # type: ignore[arg-type]
    none = copied(shops=(pa.table({"shop": pa.array([], pa.int64())}), {"pk": "shop"}))
    with pytest.raises(GenerationError, match="shops: has no rows"):
        given(none, ["shops"])
    with pytest.raises(SettingError, match="there are no inputs"):
        learned.unit_test_given({})
    with pytest.raises(SettingError, match="rows is out of range"):
        given(learned, ["orders"], rows=0)
    with pytest.raises(SchemaError, match="there is no manifest"):
        learned.unit_test_given("sold", project="nowhere")
    with pytest.raises(GenerationError, match=r"unit_test_given\(\) needs a fitted synthesizer"):
        Synthesizer(progress=False).unit_test_given({"source('s', 'orders')": "orders"})
