"""A schema with a cycle, a self reference, a diamond, and tables small and large."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sound import Frames

from synthohive_py import ForeignKey, Metadata


def shop() -> tuple[Metadata, Frames]:
    """Small regions and products; customers who are friends, their orders, and lines of two keys."""
    rng = np.random.default_rng(0)
    customers, orders = 200, 500
    of = np.sort(rng.integers(0, customers, orders))
    order = np.repeat(np.arange(orders), rng.integers(1, 4, orders))
    number = np.arange(len(order)) - np.searchsorted(order, order)
    data = {
        "regions": pd.DataFrame({"id": range(4), "boss_id": rng.integers(0, customers, 4)}),
        "products": pd.DataFrame({"sku": [f"P-{n:04d}" for n in range(30)], "price": rng.gamma(2, 10, 30)}),
        "customers": pd.DataFrame(
            {
                "id": range(customers),
                "region_id": rng.integers(0, 4, customers),
                "friend_id": pd.array(
                    np.where(rng.random(customers) < 0.5, rng.integers(0, customers, customers), None),
                    dtype="Int64",
                ),
                "mail": [f"{n:05x}@example.org" for n in rng.permutation(9**5)[:customers]],
            }
        ),
        "orders": pd.DataFrame(
            {"id": range(100, 100 + orders), "customer_id": of, "sum": rng.gamma(2, 20, orders)}
        ),
        "lines": pd.DataFrame(
            {
                "order_id": order + 100,
                "line": number + 1,
                "customer_id": of[order],
                "sku": [f"P-{n:04d}" for n in rng.integers(0, 30, len(order))],
            }
        ),
    }
    metadata = Metadata()
    metadata.add_table("regions", pk="id", fk={"boss_id": "customers.id"})
    metadata.add_table("products", pk="sku")
    friend = ForeignKey(columns="friend_id", parent="customers", parent_columns="id")
    region = ForeignKey(columns="region_id", parent="regions", parent_columns="id")
    metadata.add_table("customers", pk="id", foreign_keys=[region, friend], unique=["mail"])
    metadata.add_table("orders", pk="id", fk={"customer_id": "customers.id"})
    metadata.add_table(
        "lines",
        pk=["order_id", "line"],
        fk={"order_id": "orders.id", "customer_id": "customers.id", "sku": "products.sku"},
    )
    return metadata, data
