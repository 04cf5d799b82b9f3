"""Keys are guessed where rows and names agree, and nowhere else."""

from __future__ import annotations

import logging
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from synthohive_py import DataError, ForeignKey, Metadata, Synthesizer

Frames = dict[str, Any]


def shop() -> Frames:
    return {
        "customers": pd.DataFrame({"customer_id": range(100, 140), "tier": [1, 2] * 20}),
        "orders": pd.DataFrame(
            {
                "id": range(1, 121),
                "customer_id": [100 + i % 40 for i in range(120)],
                "billing_customer_id": [None if i % 5 == 0 else 100 + i % 7 for i in range(120)],
                "amount": [i % 40 + 100 for i in range(120)],
            }
        ),
        "lines": pd.DataFrame(
            {
                "order_id": [1 + i // 2 for i in range(240)],
                "line": [i % 2 for i in range(240)],
                "sku": [f"s{i % 9}" for i in range(240)],
            }
        ),
        "products": pd.DataFrame({"sku": [f"s{i}" for i in range(9)], "price": [1.5 * i for i in range(9)]}),
    }


def keys(frames: Frames) -> dict[str, list[str]]:
    """Per table its guessed foreign keys, as texts."""
    tables = Metadata.from_dataframes(frames).tables
    return {name: sorted(map(str, table.foreign_keys)) for name, table in tables.items()}


def primary(**columns: Any) -> tuple[str, ...]:
    return Metadata.from_dataframes({"orders": pd.DataFrame(columns)}).tables["orders"].pk


def test_a_shop_is_understood_and_valid() -> None:
    metadata = Metadata.from_dataframes(shop())

    assert {name: table.pk for name, table in metadata.tables.items()} == {
        "customers": ("customer_id",),
        "orders": ("id",),
        "lines": ("order_id", "line"),
        "products": ("sku",),
    }
    assert keys(shop()) == {
        "customers": [],
        "orders": [
            "(billing_customer_id) -> customers(customer_id)",
            "(customer_id) -> customers(customer_id)",
        ],
        "lines": ["(order_id) -> orders(id)", "(sku) -> products(sku)"],
        "products": [],
    }
    metadata.validate(shop())
    assert Metadata.from_dataframes(shop()) == metadata


def test_every_guess_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "synthohive_py.infer")
    Metadata.from_dataframes(shop())

    assert "lines: primary key order_id, line (guessed)" in caplog.text
    assert "orders: foreign key (customer_id) -> customers(customer_id) (guessed)" in caplog.text


def test_frames_without_a_schema_are_learned_with_the_guessed_one() -> None:
    synthesizer = Synthesizer(model="gaussian_copula", progress=False).fit(shop())
    twin = synthesizer.sample()

    assert synthesizer.metadata == Metadata.from_dataframes(shop())
    assert set(twin["lines"]["order_id"]) <= set(twin["orders"]["id"])


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"customer_id": range(9), "order_id": range(9)}, ("order_id",)),
        ({"customer_id": range(9), "ID": range(9)}, ("ID",)),
        ({"OrderNo": range(9), "total": range(9)}, ("OrderNo",)),
        ({"name": list("abcdefghi"), "n": [1] * 9}, ("name",)),
        ({"n": [1] * 9, "booking_code": list("abcdefghi")}, ("booking_code",)),
        ({"n": [1] * 9, "quantity": range(9)}, ()),
        ({"amount": [i * 0.5 for i in range(9)], "n": [1] * 9}, ()),
        ({"id": [1, None, *range(7)], "n": [1] * 9}, ()),
        ({"shop": [1, 1, 1, 2, 2, 2, 3, 3, 3], "day": [1, 2, 3] * 3, "n": range(9)}, ("shop", "day")),
        ({"a": [1, 1, 2, 2] * 2, "b": [1, 2] * 4, "c": [1] * 4 + [2] * 4}, ("a", "b", "c")),
        ({"n": [1] * 9}, ()),
    ],
)
def test_a_primary_key_is_unique_and_named_or_first(columns: Any, expected: tuple[str, ...]) -> None:
    assert primary(**columns) == expected


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("customers", "customer_id"),
        ("customer", "customerId"),
        ("Customers", "CustomerID"),
        ("dim_customers", "customer_key"),
        ("shop.customers", "shipping_customer_id"),
        ("customers", "customer"),
    ],
)
def test_a_name_says_the_parent(table: str, column: str) -> None:
    frames = {
        table: pd.DataFrame({"id": range(20), "n": [1] * 20}),
        "orders": pd.DataFrame({"id": range(50), column: [i % 20 for i in range(50)]}),
    }

    assert keys(frames)["orders"] == [f"({column}) -> {table}(id)"]


@pytest.mark.parametrize("column", ["customers", "number_of_customers", "quantity", "n", "customer_count"])
def test_numbers_that_only_look_like_keys_are_none(column: str) -> None:
    frames = {
        "customers": pd.DataFrame({"id": range(20), "n": [1] * 20}),
        "orders": pd.DataFrame({"id": range(50), column: [i % 20 for i in range(50)]}),
    }

    assert keys(frames)["orders"] == []


def test_values_that_no_parent_has_are_no_foreign_key() -> None:
    frames = shop()
    frames["orders"].loc[3, "customer_id"] = 7

    assert "(customer_id) -> customers(customer_id)" not in keys(frames)["orders"]


def test_types_that_differ_are_no_foreign_key() -> None:
    frames = shop()
    frames["orders"]["customer_id"] = frames["orders"]["customer_id"].astype(str)

    assert keys(frames)["orders"] == ["(billing_customer_id) -> customers(customer_id)"]


@pytest.mark.parametrize("column", ["manager_id", "parent_id", "ReportsTo", "mentor_employee_id"])
def test_a_table_can_refer_to_itself(column: str) -> None:
    employees = pd.DataFrame({"id": range(1, 31), column: [None, *(1 + i // 3 for i in range(29))]})

    assert keys({"employees": employees}) == {"employees": [f"({column}) -> employees(id)"]}


def test_a_table_that_extends_another_refers_to_it() -> None:
    frames = {
        "account_details": pd.DataFrame({"account_id": range(20), "n": [1, 2] * 10}),
        "accounts": pd.DataFrame({"account_id": range(30), "n": [1, 2, 3] * 10}),
    }

    assert keys(frames) == {
        "account_details": ["(account_id) -> accounts(account_id)"],
        "accounts": [],
    }


def test_a_key_of_several_columns_is_referred_to_as_a_whole() -> None:
    stock = pd.DataFrame({"part": [i // 4 for i in range(40)], "depot": [i % 4 for i in range(40)]})
    sales = pd.DataFrame(
        {"id": range(99), "depot": [i % 4 for i in range(99)], "part": [i % 10 for i in range(99)]}
    )

    [key] = Metadata.from_dataframes({"sales": sales, "stock": stock}).tables["sales"].foreign_keys

    assert key == ForeignKey(columns=["part", "depot"], parent="stock", parent_columns=["part", "depot"])


def test_tables_without_rows_and_odd_columns_are_no_obstacle() -> None:
    frames = {
        "empty": pa.table({"id": pa.array([], pa.int64())}),
        "odd": pa.table({"": [1, 1], "list": [[1], [2]], ".id": [1, 2]}),
    }

    metadata = Metadata.from_dataframes(frames)

    assert {name: table.pk for name, table in metadata.tables.items()} == {"empty": (), "odd": (".id",)}


def test_what_are_no_tables_is_refused() -> None:
    with pytest.raises(DataError, match="no tables by name"):
        Metadata.from_dataframes([1, 2])  # type: ignore[arg-type]
