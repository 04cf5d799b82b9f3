"""What siblings have in common: values that a family uses again, days of the month, and nothing at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from synthohive_py import Metadata, Synthesizer


@pytest.fixture(scope="module")
def payments() -> tuple[Synthesizer, pd.DataFrame, pd.DataFrame]:
    """Customers pay the rent on the fifth and the insurance on the last day, always to the same account."""
    rng = np.random.default_rng(0)
    customers = pd.DataFrame({"id": range(250), "joined": pd.Timestamp("2024-01-31")})
    rows = []
    for customer in customers.id:
        rent, insurance = rng.integers(10_000_000, 99_999_999, 2)
        for month in pd.date_range("2024-02-01", periods=rng.integers(6, 13), freq="MS"):
            rows.append((customer, month + pd.Timedelta(days=4), "rent", rent))
            if customer % 2:
                rows.append((customer, month + pd.offsets.MonthEnd(0), "insurance", insurance))
            if rng.random() < 0.4:
                day = month + pd.Timedelta(days=int(rng.integers(9, 24)))
                rows.append((customer, day, "cash", None))
    paid = pd.DataFrame(rows, columns=["customer_id", "paid", "kind", "account"])
    paid["account"] = paid.account.astype("Int64")
    metadata = Metadata()
    metadata.add_table("customers", pk="id")
    metadata.add_table("payments", fk={"customer_id": "customers.id"}, order_by="paid")
    synthesizer = Synthesizer(metadata, seed=1, progress=False)
    twin = synthesizer.fit({"customers": customers, "payments": paid}).sample()
    return synthesizer, paid, twin["payments"]


def accounts_per_kind(paid: pd.DataFrame) -> float:
    return float(paid.dropna().groupby(["customer_id", "kind"]).account.nunique().mean())


def test_a_family_uses_its_values_again(payments: tuple[Synthesizer, pd.DataFrame, pd.DataFrame]) -> None:
    _, real, twin = payments

    assert accounts_per_kind(real) == 1
    assert accounts_per_kind(twin) < 1.25
    assert twin.account.nunique() > 0.7 * real.account.nunique()  # each family has its own
    cash = twin.kind == "cash"
    assert twin.account.isna()[cash].mean() > 0.95
    assert twin.account.isna()[~cash].mean() < 0.05


def test_days_of_the_month_are_kept(payments: tuple[Synthesizer, pd.DataFrame, pd.DataFrame]) -> None:
    _, _, twin = payments

    by_kind = twin.groupby("kind").paid
    assert (twin.paid[twin.kind == "rent"].dt.day == 5).mean() > 0.8
    assert by_kind.apply(lambda paid: paid.dt.is_month_end.mean())["insurance"] > 0.9


def test_values_come_again_in_a_loaded_artefact(
    payments: tuple[Synthesizer, pd.DataFrame, pd.DataFrame], tmp_path: Path
) -> None:
    synthesizer, _, twin = payments
    synthesizer.save(tmp_path / "payments.synthohive")

    again = Synthesizer.load(tmp_path / "payments.synthohive").sample()["payments"]

    pd.testing.assert_frame_equal(again, twin)


def test_long_families_stay_what_they_are() -> None:
    """Players differ in skill, which no column tells and one noisy season hardly shows."""
    rng = np.random.default_rng(0)
    skill = np.repeat(rng.normal(0, 1, 400), 15)
    seasons = pd.DataFrame(
        {"player": np.repeat(np.arange(400), 15), "year": np.tile(np.arange(2000, 2015), 400)}
    )
    seasons["hits"] = np.round(100 + 20 * skill + rng.normal(0, 30, len(seasons)))
    metadata = Metadata()
    metadata.add_table("players", pk="id")
    metadata.add_table("seasons", fk={"player": "players.id"}, order_by="year")
    data = {"players": pd.DataFrame({"id": np.arange(400)}), "seasons": seasons}

    twin = Synthesizer(metadata, seed=1, progress=False).fit(data).sample()["seasons"]

    def spread(frame: pd.DataFrame) -> float:
        """Of the players' means over their last ten seasons."""
        return float(
            frame.sort_values("year").groupby("player").hits.apply(lambda h: h.iloc[5:].mean()).std()
        )

    assert spread(twin) == pytest.approx(spread(seasons), rel=0.15)


def test_few_rows_keep_their_correlations() -> None:
    rng = np.random.default_rng(0)
    size = rng.normal(0, 1, 90)
    years = {f"y{year}": np.exp(size + rng.normal(0, 0.2, 90)) for year in range(6)}
    frame = pd.DataFrame(years).mul(1000).round()
    metadata = Metadata()
    metadata.add_table("districts")

    twin = Synthesizer(metadata, seed=1, progress=False).fit({"districts": frame}).sample()["districts"]

    assert frame.corr("spearman").to_numpy().min() > 0.9
    assert np.median(twin.corr("spearman")) > 0.75


def test_what_tells_nothing_of_a_row_does_not_blur_it() -> None:
    """A parent with many columns that have nothing to do with its children, who depend on each other."""
    rng = np.random.default_rng(0)
    parents = pd.DataFrame({"id": range(60), **{f"n{k}": rng.integers(0, 8, 60) for k in range(20)}})
    opened = rng.integers(0, 400, 700)
    used = 400 - opened + rng.integers(0, 40, 700)
    children = pd.DataFrame({"parent_id": rng.integers(0, 60, 700), "opened": opened, "used": used})
    metadata = Metadata()
    metadata.add_table("parents", pk="id")
    metadata.add_table("children", fk={"parent_id": "parents.id"})

    data = {"parents": parents, "children": children}
    twin = Synthesizer(metadata, seed=1, progress=False).fit(data).sample()["children"]

    assert twin.opened.corr(twin.used) < -0.9
