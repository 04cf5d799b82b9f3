"""A real schema and twins of it: small enough for a quick report, odd enough to break a careless one."""

from __future__ import annotations

import numpy as np
import pandas as pd

from synthohive_py import Metadata, RunComparison
from synthohive_py.comparison import MartComparison, MeanGap, Verdict
from synthohive_py.findings import Finding
from synthohive_py.report import ValidationReport, make_report
from synthohive_py.rng import Seed

Frames = dict[str, pd.DataFrame]
SCRIPT = "<script>alert('column')</script>"
EVIL = '"><img src=x onerror=alert(1)>'
RARE_CITY, RARE_AMOUNT = "Hinterstinkenbrunn", 987_654.25
SHOPS, ORDERS = 120, 1_500
HISTORY = [
    {"epoch": n, "training_loss": 9 - n * 0.3, "validation_loss": 9.2 - n * 0.28, "learning_rate": 1e-3}
    for n in range(1, 13)
]
TRAINING = {"orders": {"epochs": 12, "seconds": 3.5, "stopped_by": "patience", "history": HISTORY}}


def frames(seed: int, *, rare: bool) -> Frames:
    """Shops and orders; with the rare values that only few real rows hold, or without."""
    rng = np.random.default_rng(seed)
    city = rng.choice(["Graz", "Linz", EVIL], SHOPS).astype(object)
    amount = rng.gamma(2, 30, ORDERS).round(2)
    if rare:
        city[:2], amount[:2] = RARE_CITY, RARE_AMOUNT
    day = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 400, ORDERS), unit="D")
    orders = pd.DataFrame(
        {
            "order_id": range(ORDERS),
            "shop_id": rng.integers(0, SHOPS, ORDERS),
            "amount": amount,
            "tax": (amount * 0.2 + rng.normal(0, 2, ORDERS)).round(2),
            "ordered": day,
            SCRIPT: rng.integers(0, 9, ORDERS),
            "note": [f"note {n}" for n in rng.integers(0, 10**9, ORDERS)],
            "paid": rng.random(ORDERS) < 0.7,
        }
    )
    orders.loc[rng.random(ORDERS) < 0.1, "tax"] = np.nan
    return {"shops": pd.DataFrame({"shop_id": range(SHOPS), "city": city}), "orders": orders}


def metadata() -> Metadata:
    declared = Metadata()
    declared.add_table("shops", pk="shop_id")
    declared.add_table("orders", pk="order_id", fk={"shop_id": "shops.shop_id"})
    return declared


def report(*, shuffle: bool) -> ValidationReport:
    """On a second real sample, or on one whose amounts belong to other rows."""
    twin = frames(2, rare=False)
    if shuffle:
        twin["orders"]["amount"] = np.random.default_rng(0).permutation(twin["orders"]["amount"])
    options = {"training": TRAINING, "compared": comparison()}
    return make_report(metadata(), frames(1, rare=True), twin, seed=Seed(0), **options)


def comparison() -> RunComparison:
    """Two runs of a project, of which one test and one mart say something else on the twins."""
    means = (MeanGap("revenue", 2.7, 0.1, 0.8, 1.4), MeanGap("orders", 0.01, 0.1, 0.8, 1.0))
    shape = Finding("by_shop", "orders", "KSComplement", 0.5, 0.9, 0.8, passed=False, reason="too many")
    return RunComparison(
        project=f"shops {SCRIPT}",
        verdicts=(
            Verdict("unique_orders", "test.shop.unique", "pass", "pass", 0, 0),
            Verdict(f"tax_{EVIL}", "test.shop.tax", "pass", "fail", 0, 3),
        ),
        marts=(
            MartComparison("by_shop", None, 120, 118, 0.9, 0.95, (shape,), means),
            MartComparison("by_day", None, 400, 400, 0.97, 0.96, (), means[1:]),
            MartComparison("by_year", "the run on the twins has not built it"),
        ),
    )


def wide(columns: int) -> ValidationReport:
    """On a table of many columns."""
    sides = []
    for seed in (1, 2):
        rng = np.random.default_rng(seed)
        common = rng.normal(size=(400, 1))
        values = common + rng.normal(size=(400, columns))
        sides.append({"wide": pd.DataFrame(values, columns=[f"measure_{n}" for n in range(columns)])})
    declared = Metadata()
    declared.add_table("wide")
    return make_report(declared, sides[0], sides[1], seed=Seed(0))
