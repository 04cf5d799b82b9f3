"""Limits that a parent sets, also one that rows are matched to: nothing is sold before it exists."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from synthohive_py import Metadata, Synthesizer
from synthohive_py.errors import SchemaValidationError

FAST = {"epochs": 2}  # a model that knows little breaks much, so that all is left to the rules
FIRST = pd.Timestamp("2020-01-01")


def shop() -> dict[str, pd.DataFrame]:
    """Customers buy products after their launch, for more than their cost and less than a copied limit."""
    rng = np.random.default_rng(0)
    products = pd.DataFrame(
        {
            "id": range(80),
            "launched": FIRST + pd.to_timedelta(rng.integers(0, 600, 80), "D"),
            "cost": np.round(rng.gamma(3, 10, 80), 2),
        }
    )
    ratings = pd.DataFrame({"id": [1, 2, 3], "most": [40.0, 80.0, 400.0]})
    customer, product = np.repeat(np.arange(400), 6), rng.integers(0, 80, 2400)
    price = np.round(products["cost"].to_numpy()[product] * rng.uniform(1, 1.6, 2400), 2)
    rating = np.maximum(1 + (price > 40) + (price > 80), rng.integers(1, 4, 2400))
    sales = pd.DataFrame(
        {
            "customer_id": customer,
            "product_id": product,
            "rating_id": rating,
            "at": products["launched"].to_numpy()[product] + pd.to_timedelta(rng.integers(0, 500, 2400), "D"),
            "price": price,
        }
    )
    sales = sales.sort_values(["customer_id", "at"], ignore_index=True).drop_duplicates(["customer_id", "at"])
    customers = pd.DataFrame({"id": range(400), "age": rng.integers(18, 90, 400)})
    return {"ratings": ratings, "products": products, "customers": customers, "sales": sales}


def schema(**options: object) -> Metadata:
    metadata = Metadata()
    metadata.add_table("ratings", pk="id", mode="reference")
    metadata.add_table("products", pk="id")
    metadata.add_table("customers", pk="id")
    keys = {"customer_id": "customers.id", "product_id": "products.id", "rating_id": "ratings.id"}
    metadata.add_table("sales", fk=keys, order_by="at", **options)  # type: ignore[arg-type]
    return metadata


FOUND = (
    "parent(product_id).launched <= at",
    "parent(product_id).cost <= price",
    "price < parent(rating_id).most",
)


@pytest.mark.parametrize("model", ["ctgan", "gaussian_copula"])
def test_matched_and_copied_parents_set_limits(model: str) -> None:
    synthesizer = Synthesizer(
        schema(), model=model, seed=1, model_options=FAST if model == "ctgan" else {}, progress=False
    )
    plan = synthesizer.plan(shop())
    assert {*FOUND} <= {rule.text for table in plan.tables for rule in table.rules}

    twin = synthesizer.fit(shop()).sample(scale=2)

    sales = twin["sales"].merge(twin["products"], left_on="product_id", right_on="id")
    sales = sales.merge(twin["ratings"], left_on="rating_id", right_on="id")
    assert len(sales) > 4000
    assert (sales["launched"] <= sales["at"]).all()
    assert (sales["cost"] <= sales["price"]).all()
    assert (sales["price"] <= sales["most"]).all()
    assert not sales.duplicated(["customer_id", "at"]).any()


def test_the_key_that_rows_are_generated_by_may_be_named_too() -> None:
    data = shop()
    data["customers"]["since"] = data["sales"].groupby("customer_id")["at"].min() - pd.Timedelta(9, "D")
    metadata = schema(rules="parent(customer_id).since <= at")

    twin = Synthesizer(metadata, seed=1, model_options=FAST, progress=False).fit(data).sample()

    sales = twin["sales"].merge(twin["customers"], left_on="customer_id", right_on="id")
    assert (sales["since"] <= sales["at"]).all()


def test_they_are_declared_in_the_words_of_the_plan() -> None:
    data = {name: table.head(99) for name, table in shop().items()}  # too few rows to find anything
    data["customers"] = shop()["customers"]
    data["products"] = shop()["products"]
    synthesizer = Synthesizer(schema(rules=list(FOUND)), seed=1, model_options=FAST, progress=False)

    twin = synthesizer.fit(data).sample(scale=4)

    sales = twin["sales"].merge(twin["products"], left_on="product_id", right_on="id")
    assert len(sales) > 300
    assert (sales["launched"] <= sales["at"]).all()
    assert (sales["cost"] <= sales["price"]).all()


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("parent(seller_id).cost <= price", r"no foreign key of \(seller_id\)"),
        ("parent(product_id).prize <= price", "the parent has no column prize, but id, launched, cost"),
        ("parent(product_id).launched <= price", "its columns are of the types"),
        ("price <= parent(product_id).cost", "real rows break it"),
    ],
)
def test_a_limit_that_can_not_be_kept_is_refused(rule: str, says: str) -> None:
    with pytest.raises(SchemaValidationError, match=says):
        Synthesizer(schema(rules=rule), progress=False).fit(shop())
