"""A fit with differential privacy spends its budget, says whom it protects, and refuses what it can't do."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from synthohive_py import Metadata, SettingError, Synthesizer
from synthohive_py.plan import make_plan
from synthohive_py.privacy.accounting import Budget, Releases, epsilon_of, noise_for
from synthohive_py.privacy.config import PrivacyConfig
from synthohive_py.relational.fit import fit_tables
from synthohive_py.relational.fitted import FitSettings
from synthohive_py.relational.private import plan_private, root_rows
from synthohive_py.rng import Seed


def shop() -> tuple[Metadata, dict[str, pd.DataFrame]]:
    rng = np.random.default_rng(0)
    customers = pd.DataFrame({"id": range(200), "tier": rng.choice(["a", "b", "c"], 200, p=[0.6, 0.3, 0.1])})
    orders = pd.DataFrame({"id": range(500), "customer": rng.integers(0, 200, 500)})
    orders["paid"] = np.where(customers["tier"].to_numpy()[orders["customer"]] == "a", "card", "cash")
    orders["amount"] = rng.normal(50, 9, 500)
    metadata = Metadata()
    metadata.add_table("customers", pk="id")
    metadata.add_table("orders", pk="id", fk={"customer": "customers.id"})
    return metadata, {"customers": customers, "orders": orders}


def test_a_whole_schema_keeps_its_budget_and_says_whom_it_protects(tmp_path: Path) -> None:
    metadata, tables = shop()
    config = PrivacyConfig(enable_differential_privacy=True, epsilon=3, delta=1e-6)
    synthesizer = Synthesizer(metadata, model="autoregressive", privacy_config=config, progress=False)
    synthesizer.fit(tables).save(tmp_path / "shop.synthohive")

    report = Synthesizer.load(tmp_path / "shop.synthohive", progress=False).privacy_report()
    twin = synthesizer.sample()

    assert report == synthesizer.privacy_report()
    assert report.unit == "a root row with all rows that descend from it"
    assert report.delta == 1e-6
    used = [
        release
        for table in report.tables.values()
        for release in (
            Releases(table["sample_rate"], int(table["steps"]), table["noise"]),
            Releases(1.0, 1, table["marginal_noise"]),
        )
    ]
    assert report.epsilon == pytest.approx(epsilon_of(used, 1e-6))
    assert 2.9 < report.epsilon <= 3
    assert report.tables["orders"]["entities"] == tables["orders"]["customer"].nunique()
    assert "numbers of rows" in str(report)
    assert twin["orders"]["customer"].isin(twin["customers"]["id"]).all()
    assert set(twin["orders"]["paid"]) == {"card", "cash"}


def test_families_are_not_told_apart_without_noise() -> None:
    metadata, tables = shop()
    data = {name: pa.Table.from_pandas(frame) for name, frame in tables.items()}

    def families(budget: Budget | None) -> set[str]:
        settings = FitSettings(budget=budget)
        options = {"model": "autoregressive", "model_options": {"epochs": 1}, "seed": Seed(0)}
        return set(fit_tables(metadata, data, settings=settings, **options).tables["customers"].families)

    assert families(None)  # customers pay in the same way each time
    assert not families(Budget(3))


def test_a_table_alone_protects_its_rows() -> None:
    metadata, tables = shop()
    del metadata.tables["orders"]
    plan = make_plan(metadata, {})

    _, report = plan_private(Budget(1.0), plan, {"customers": np.arange(200)})

    assert report["unit"] == "a row"
    assert report["tables"]["customers"]["entities"] == len(tables["customers"])


def test_noise_is_what_opacus_counts() -> None:
    accountants = pytest.importorskip("opacus.accountants")
    noise = noise_for(4.0, 1e-5, [(0.02, 800)])
    accountant = accountants.RDPAccountant()
    accountant.history = [(noise, 0.02, 800)]

    assert accountant.get_epsilon(1e-5) == pytest.approx(4.0, rel=0.02)
    assert epsilon_of([Releases(0.02, 800, noise)], 1e-5) <= 4.0


def test_more_privacy_takes_more_noise() -> None:
    strict, mild = (noise_for(epsilon, 1e-5, [(0.05, 400)]) for epsilon in (0.5, 5.0))
    tables_of_two = noise_for(5.0, 1e-5, [(0.05, 400)] * 2)

    assert strict > 3 * mild
    assert tables_of_two > mild


def test_grandchildren_belong_to_the_root() -> None:
    metadata = Metadata()
    metadata.add_table("a", pk="id")
    metadata.add_table("b", pk="id", fk={"a": "a.id"})
    metadata.add_table("c", fk={"b": "b.id"})
    frames = {
        "a": pd.DataFrame({"id": range(30)}),
        "b": pd.DataFrame({"id": range(60), "a": [i // 2 for i in range(60)]}),
        "c": pd.DataFrame({"b": [i % 60 for i in range(120)]}),
    }
    from synthohive_py.frames import to_arrow

    plan = make_plan(metadata, {name: to_arrow(frame, name) for name, frame in frames.items()})
    links = {name: plan.driver_of(name) for name in frames}
    parents = {
        "b": {links["b"].name: np.array([i // 2 for i in range(60)])},
        "c": {links["c"].name: np.array([-1, *(i % 60 for i in range(1, 120))])},
    }

    roots = root_rows(plan, parents, {name: len(frame) for name, frame in frames.items()}, "c")

    assert roots[1:].tolist() == [i % 60 // 2 for i in range(1, 120)]
    assert roots[0] not in roots[1:]  # a row without a parent is one of its own


@pytest.mark.parametrize("model", ["ctgan", "tvae", "gaussian_copula"])
def test_models_that_can_not_are_refused(model: str) -> None:
    config = PrivacyConfig(enable_differential_privacy=True)

    with pytest.raises(SettingError, match="model='autoregressive'"):
        Synthesizer(model=model, privacy_config=config)


def test_without_opacus_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opacus.accountants.analysis", None)

    with pytest.raises(SettingError, match=r"synthohive-py\[dp\]"):
        noise_for(1.0, 1e-5, [(0.1, 10)])


def test_two_thresholds_are_refused() -> None:
    with pytest.raises(SettingError, match="given twice"):
        Synthesizer(privacy_config=PrivacyConfig(k_anonymity_threshold=7), k_anonymity_threshold=9)


def test_the_threshold_of_the_configuration_counts() -> None:
    frame = pd.DataFrame({"town": ["Wien"] * 40 + ["Graz"] * 8})
    metadata = Metadata()
    metadata.add_table("t")
    towns = {}
    for threshold in (5, 10):
        config = PrivacyConfig(k_anonymity_threshold=threshold, pii_strategy="mask")
        synthesizer = Synthesizer(metadata, model="gaussian_copula", privacy_config=config, progress=False)
        towns[threshold] = set(synthesizer.fit({"t": frame}).sample(scale=5)["t"]["town"])

    assert towns == {5: {"Wien", "Graz"}, 10: {"Wien"}}
