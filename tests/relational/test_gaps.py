"""Times that closely follow another of their row are as long after it as real ones."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from synthohive_py import Metadata, Synthesizer

START, MINUTES = pd.Timestamp("2023-01-01"), 550 * 24 * 60


@pytest.fixture(scope="module")
def shop() -> dict[str, pd.DataFrame]:
    """Orders of 550 days, shipped within three, due after one, two or four weeks."""
    rng = np.random.default_rng(0)
    n = 2000
    ordered = START + pd.to_timedelta(rng.integers(0, MINUTES, n), unit="min")
    shipped = pd.Series(ordered + pd.to_timedelta(rng.integers(30, 4010, n), unit="min"))
    is_open = rng.random(n) < 0.1
    return {
        "customers": pd.DataFrame({"customer_id": range(300), "kind": rng.choice(["a", "b"], 300)}),
        "orders": pd.DataFrame(
            {
                "order_id": range(n),
                "customer_id": rng.integers(0, 300, n),
                "shipped_at": shipped.mask(is_open),
                "carrier": pd.Series(rng.choice(["dhl", "ups"], n)).mask(is_open),
                "ordered_at": ordered,
                "packed_at": shipped - pd.to_timedelta(rng.integers(5, 90, n), unit="min"),
                "due_at": ordered + pd.to_timedelta(rng.choice([7, 14, 28], n), unit="D"),
                "reviewed_at": START + pd.to_timedelta(rng.integers(0, MINUTES, n), unit="min"),
            }
        ),
    }


@pytest.fixture(scope="module")
def learned(shop) -> Synthesizer:
    metadata = Metadata()
    metadata.add_table("customers", pk="customer_id")
    metadata.add_table("orders", pk="order_id", fk={"customer_id": "customers.customer_id"})
    return Synthesizer(metadata, model="gaussian_copula", seed=1).fit(shop)


def minutes(orders: pd.DataFrame, column: str) -> pd.Series:
    return (orders[column] - orders["ordered_at"]).dt.total_seconds() / 60


def test_the_time_between_two_columns_is_that_of_real_rows(shop, learned):
    real, twin = shop["orders"], learned.sample()["orders"]

    gaps = minutes(twin, "shipped_at")
    assert gaps.min() >= 0
    assert gaps.max() <= minutes(real, "shipped_at").max() + 90  # it is measured from what is measured
    assert gaps.mean() == pytest.approx(minutes(real, "shipped_at").mean(), rel=0.1)
    assert gaps.std() == pytest.approx(minutes(real, "shipped_at").std(), rel=0.2)
    assert twin["shipped_at"].isna().mean() == pytest.approx(0.1, abs=0.04)


def test_a_term_of_some_days_is_exactly_that(learned):
    days = minutes(learned.sample()["orders"], "due_at") / (24 * 60)

    assert days.isin([7, 14, 28]).mean() > 0.98  # the others would be due after all real ones
    assert (days.value_counts(normalize=True).loc[[7.0, 14.0, 28.0]] > 0.25).all()


def test_columns_that_are_not_close_keep_their_own_times(shop, learned):
    real, twin = (minutes(orders, "reviewed_at") for orders in (shop["orders"], learned.sample()["orders"]))

    assert twin.std() == pytest.approx(real.std(), rel=0.1)


def test_no_time_is_beyond_the_real_ones(shop, learned):
    real, twin = shop["orders"], learned.sample(scale=3)["orders"]

    for column in ("shipped_at", "ordered_at", "due_at"):
        assert twin[column].between(real[column].min(), real[column].max())[twin[column].notna()].all()
        assert twin[column].value_counts().max() <= 0.01 * len(twin)


def test_a_condition_goes_before_a_gap(learned):
    moment = pd.Timestamp("2023-06-01 12:00")

    twin = learned.sample(conditions={"orders": {"due_at": moment}})["orders"]

    assert (twin["due_at"] == moment).all()


def test_an_artefact_remembers_gaps(learned, tmp_path):
    learned.save(tmp_path / "shop.synthohive")

    again = Synthesizer.load(tmp_path / "shop.synthohive").sample()["orders"]

    pd.testing.assert_frame_equal(again, learned.sample()["orders"])


def test_what_is_measured_may_be_measured_from(shop, learned):
    """Packed shortly before it is shipped, which is some days after it was ordered."""
    real, twin = shop["orders"], learned.sample()["orders"]

    before = [(o["shipped_at"] - o["packed_at"]).dropna().dt.total_seconds() / 60 for o in (real, twin)]
    assert before[1].min() >= 5
    assert before[1].max() < 90
    assert before[1].mean() == pytest.approx(before[0].mean(), rel=0.1)
    assert minutes(twin, "packed_at").max() <= minutes(real, "packed_at").max() + 90


@pytest.mark.parametrize("kind", ["timestamp", "date"])
def test_a_time_closely_follows_one_of_the_parent(shop, kind, tmp_path):
    """Each order is invoiced within three days of its shipment, on a day or at a time."""
    rng = np.random.default_rng(1)
    shipped = shop["orders"].dropna(subset="shipped_at")
    issued = shipped["shipped_at"] + pd.to_timedelta(rng.integers(0, 4 * 24 * 60, len(shipped)), unit="min")
    invoices = pd.DataFrame(
        {
            "order_id": shipped["order_id"],
            "issued": issued.dt.date if kind == "date" else issued,
            "paid": (issued.dt.floor("D") + pd.to_timedelta(rng.integers(1, 20, len(shipped)), unit="D")),
            "by": rng.choice(["card", "bank"], len(shipped)),
        }
    )
    metadata = Metadata()
    metadata.add_table("orders", pk="order_id")
    metadata.add_table("invoices", fk={"order_id": "orders.order_id"})
    data = {"orders": shop["orders"].drop(columns="customer_id"), "invoices": invoices}
    learned = Synthesizer(metadata, model="gaussian_copula", seed=1, progress=False).fit(data)
    learned.save(tmp_path / "invoices.syn")

    twin = learned.sample(scale=1.5)

    joined = twin["invoices"].merge(twin["orders"], on="order_id").dropna(subset="shipped_at")
    assert len(joined) > 0.9 * len(twin["invoices"])
    begun = joined["shipped_at"].dt.floor("D") if kind == "date" else joined["shipped_at"]
    days = (pd.to_datetime(joined["issued"]) - begun).dt.total_seconds() / 86400
    assert days.min() >= 0
    assert days.max() <= 4.1  # it may be measured from when it was packed
    assert days.mean() == pytest.approx(2, abs=0.3)
    late = (joined["paid"] - pd.to_datetime(joined["issued"])).dt.total_seconds() / 86400
    assert late.max() <= 24
    assert (joined["paid"] == joined["paid"].dt.floor("D")).all()
    again = Synthesizer.load(tmp_path / "invoices.syn", progress=False).sample(scale=1.5)
    pd.testing.assert_frame_equal(again["invoices"], twin["invoices"])
