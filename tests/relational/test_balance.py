"""Generated values come as often as real ones, however far generated rows are from real ones."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from synthohive_py import Metadata, Synthesizer

SHARES = {"delivered": 0.72, "shipped": 0.1, "cancelled": 0.1, "pending": 0.08}


@pytest.fixture(scope="module")
def shop() -> dict[str, pd.DataFrame]:
    """Customers with orders one after the other; the status of an order has nothing to do with any other."""
    rng = np.random.default_rng(0)
    joined = pd.Timestamp("2021-01-01") + pd.to_timedelta(rng.integers(0, 700, 600), "D")
    of = np.sort(rng.choice(600, 2500, p=rng.dirichlet(np.full(600, 1.5))))
    placed = joined[of] + pd.to_timedelta(rng.exponential(200 * 86400, 2500).astype(int), "s")
    status = rng.choice(list(SHARES), 2500, p=list(SHARES.values()))
    left = placed + pd.to_timedelta(rng.integers(3600, 4 * 86400, 2500), "s")
    return {
        "customers": pd.DataFrame(
            {"id": range(600), "joined": joined, "land": rng.choice(["de", "fr"], 600)}
        ),
        "orders": pd.DataFrame(
            {
                "id": range(2500),
                "customer_id": of,
                "placed": placed,
                "status": status,
                "left_at": pd.Series(left).where(np.isin(status, ["delivered", "shipped"])),
                "coupon": pd.Series(rng.choice(["a", "b", "c"], 2500)).where(rng.random(2500) < 0.23),
            }
        ),
    }


@pytest.mark.parametrize(
    ("model", "options"), [("ctgan", {"epochs": 15}), ("gaussian_copula", {}), ("tvae", {"epochs": 30})]
)
def test_shares_do_not_drift_from_order_to_order(
    shop: dict[str, pd.DataFrame], model: str, options: dict[str, int]
) -> None:
    metadata = Metadata()
    metadata.add_table("customers", pk="id")
    metadata.add_table("orders", pk="id", fk={"customer_id": "customers.id"}, order_by="placed")
    synthesizer = Synthesizer(metadata, model=model, model_options=options, seed=3, progress=False).fit(shop)

    orders, real = synthesizer.sample(seed=7)["orders"], shop["orders"]

    for column in ("status", "coupon"):
        shares = [frame[column].value_counts(normalize=True, dropna=False) for frame in (real, orders)]
        assert (shares[0] - shares[1]).abs().max() < 0.03, column
    assert orders["left_at"].isna().mean() == pytest.approx(real["left_at"].isna().mean(), abs=0.03)
