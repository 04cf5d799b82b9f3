"""What a fit would do, told before it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from synthohive_py import ForeignKey, Metadata, Synthesizer


def shop() -> tuple[Metadata, dict[str, pd.DataFrame]]:
    rng = np.random.default_rng(0)
    of = np.sort(rng.integers(0, 60, 300))
    order = np.repeat(np.arange(300), 2)
    placed = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(300) * 7 + rng.integers(0, 6, 300), "h")
    data = {
        "colours": pd.DataFrame({"code": ["r", "g"], "name": ["red", "green"]}),
        "nothing": pd.DataFrame({"id": pd.array([], "int64")}),
        "customers": pd.DataFrame(
            {"id": range(60), "best_order": pd.array([None] * 30 + [*range(30)], "Int64")}
        ),
        "orders": pd.DataFrame(
            {
                "id": range(300),
                "customer_id": of,
                "placed": placed,
                "sent": placed + pd.to_timedelta(rng.integers(1, 900, 300), "h"),
            }
        ),
        "lines": pd.DataFrame(
            {
                "order_id": order,
                "line": [1, 2] * 300,
                "customer_id": of[order],
                "colour": rng.choice(["r", "g"], 600),
            }
        ),
    }
    metadata = Metadata()
    metadata.add_table("colours", pk="code", mode="reference")
    metadata.add_table("nothing", pk="id")
    best = ForeignKey(columns="best_order", parent="orders", parent_columns="id")
    metadata.add_table("customers", pk="id", foreign_keys=[best])
    metadata.add_table("orders", pk="id", fk={"customer_id": "customers.id"})
    fk = {"order_id": "orders.id", "customer_id": "customers.id", "colour": "colours.code"}
    metadata.add_table("lines", pk=["order_id", "line"], fk=fk)
    return metadata, data


def test_a_plan_tells_order_links_keys_and_rules(capsys: pytest.CaptureFixture[str]) -> None:
    metadata, data = shop()

    plan = Synthesizer(metadata).plan(data)

    tables = {table.name: table for table in plan.tables}
    assert plan.problems == ()
    assert plan.order.index("customers") < plan.order.index("orders") < plan.order.index("lines")
    assert [str(link.key) for link in plan.cut] == ["(best_order) -> orders(id)"]
    assert {link.key.columns[0]: link.role for link in tables["lines"].links} == {
        "order_id": "driver",
        "customer_id": "copied",
        "colour": "lookup",
    }
    assert tables["lines"].numbered == ("line",)
    assert tables["orders"].computed == ("id",)
    assert ("placed < sent", 300) in [(rule.text, rule.support) for rule in tables["orders"].rules]
    assert tables["colours"].copied == "mode='reference'"
    assert tables["nothing"].copied == "it is empty"
    assert plan.seconds > 5
    assert plan.memory > 2**28
    page = capsys.readouterr().out
    assert page.strip() == str(plan)
    for told in ("placed < sent (300 rows)", "cut, so that no cycle is left", "5 tables, about"):
        assert told in page


def test_a_plan_lists_all_problems() -> None:
    metadata, data = shop()
    data["orders"].loc[7, "customer_id"] = 999
    data["customers"] = pd.concat([data["customers"], data["customers"].tail(1)])

    plan = Synthesizer(metadata, progress=False).plan(data)

    assert plan.tables == ()
    assert {problem.table for problem in plan.problems} >= {"customers"}
    assert "A fit would refuse this schema" in str(plan)
    assert "customers" in str(plan)


@pytest.mark.parametrize(
    ("table", "order_by", "told"),
    [
        ("colours", "nowhere", "nowhere"),
        ("nothing", "id", "without foreign keys"),
        ("lines", "order_id", "part of a foreign key"),
        ("lines", "colour", "part of a foreign key"),
        ("orders", "id", "a key by itself"),
        ("lines", "note", "of type"),
        ("lines", "day", "1 nulls"),
    ],
)
def test_an_order_that_is_none_is_a_problem(table: str, order_by: str, told: str) -> None:
    metadata, data = shop()
    data["lines"]["note"] = "x"
    data["lines"]["day"] = pd.array([None, *range(599)], "Int64")
    tables = dict(metadata.tables)
    tables[table] = tables[table].model_copy(update={"order_by": order_by})

    plan = Synthesizer(Metadata(tables=tables), progress=False).plan(data)

    (problem,) = plan.problems
    assert problem.table == table
    assert told in str(problem)


def _people_and_orders(rows: int = 1200) -> tuple[Metadata, dict[str, pd.DataFrame]]:
    rng = np.random.default_rng(2)
    start = pd.Timestamp("1950-01-01")
    city = rng.integers(0, 40, rows)
    people = pd.DataFrame(
        {"id": range(rows), "city": city, "born": start + pd.to_timedelta(rng.integers(0, 20_000, rows), "D")}
    )
    buyer = np.sort(rng.integers(0, 300, rows))
    first = rng.integers(0, 3000, 300)[buyer]
    placed = start + pd.to_timedelta(first + rng.integers(0, 200, rows), "D")
    orders = pd.DataFrame({"buyer": buyer, "placed": placed}).sample(frac=1, random_state=1)
    metadata = Metadata()
    metadata.add_table("cities", pk="id")
    metadata.add_table("people", pk="id", fk={"city": "cities.id"})
    metadata.add_table("orders", fk={"buyer": "people.id"})
    return metadata, {"cities": pd.DataFrame({"id": range(40)}), "people": people, "orders": orders}


@pytest.mark.parametrize("are_sorted", [False, True])
def test_siblings_have_an_order_only_where_they_follow_each_other(are_sorted: bool) -> None:
    metadata, data = _people_and_orders()
    if are_sorted:
        data["people"] = data["people"].sort_values("born").assign(id=range(len(data["people"])))
        data["orders"] = data["orders"].sort_values("placed")
    orders = {t.name: t.order for t in Synthesizer(metadata, progress=False).plan(data).tables}

    assert orders == {"cities": None, "people": None, "orders": "placed"}


def test_texts_of_a_small_table_are_said_to_be_made_up() -> None:
    """Three branches a region: too few to learn its name, and a lookup table may often be copied."""
    branches = pd.DataFrame(
        {"id": range(12), "region": [f"Region {n % 4}" for n in range(12)], "size": range(12)}
    )
    metadata = Metadata()
    metadata.add_table("branches", pk="id")

    plan = Synthesizer(metadata, progress=False).plan({"branches": branches})

    assert plan.tables[0].made_up == ("region",)
    assert "region (mode='reference' copies them)" in str(plan)
