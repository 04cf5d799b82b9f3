"""`sample` refuses poor twins, and the synthesizer reports on any twin, wherever both sides are."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from synthohive_py import ConnectorError, GenerationError, Metadata, QualityError, SettingError, Synthesizer

duckdb = pytest.importorskip("duckdb")
Frames = dict[str, pd.DataFrame]


def real_tables() -> Frames:
    rng = np.random.default_rng(0)
    amount = rng.gamma(2, 10, 2_000).round(2)
    return {
        "shops": pd.DataFrame({"shop_id": range(200), "city": rng.choice(["Graz", "Linz", "Wien"], 200)}),
        "orders": pd.DataFrame(
            {
                "order_id": range(2_000),
                "shop_id": rng.integers(0, 200, 2_000),
                "amount": amount,
                "tax": (amount * 0.2 + rng.normal(0, 0.3, 2_000)).round(2),
            }
        ),
    }


@pytest.fixture(scope="module")
def real() -> Frames:
    return real_tables()


@pytest.fixture(scope="module")
def fitted(real: Frames) -> Synthesizer:
    metadata = Metadata()
    metadata.add_table("shops", pk="shop_id")
    metadata.add_table("orders", pk="order_id", fk={"shop_id": "shops.shop_id"})
    return Synthesizer(metadata, model="gaussian_copula", progress=False).fit(real)


def test_a_good_twin_is_returned_with_its_scores(fitted: Synthesizer) -> None:
    twin, findings = fitted.sample(quality_threshold=0.85, return_metrics=True)

    assert {name: len(frame) for name, frame in twin.items()} == {"shops": 200, "orders": 2_000}
    assert all(finding.passed for finding in findings)
    assert twin["orders"].equals(fitted.sample()["orders"])


def test_a_poor_twin_is_refused_with_reasons_and_nothing_is_written(
    fitted: Synthesizer, real: Frames, tmp_path: Path
) -> None:
    other = {**real, "orders": real["orders"].assign(amount=real["orders"]["amount"] + 40)}
    folder = tmp_path / "twin"

    with pytest.raises(QualityError, match=r"orders\.amount: KSComplement is 0\.") as caught:
        fitted.sample(quality_threshold=0.9, real=other, output_path=folder)

    assert ("orders", "amount") in {(f.table, f.column) for f in caught.value.findings}
    assert all(not f.passed and f.reason in str(caught.value) for f in caught.value.findings[:20])
    assert not folder.exists()


def test_scores_are_returned_of_a_poor_twin_too(fitted: Synthesizer, real: Frames) -> None:
    other = {**real, "orders": real["orders"].assign(amount=real["orders"]["amount"] + 40)}
    _, findings = fitted.sample(return_metrics=True, real=other)

    assert ("amount", "KSComplement") in {(f.column, f.metric) for f in findings if not f.passed}


def test_a_good_twin_is_written(fitted: Synthesizer, tmp_path: Path) -> None:
    files = fitted.sample(quality_threshold=0.8, output_path=tmp_path / "twin")

    assert pd.read_parquet(files["orders"]).equals(fitted.sample()["orders"])


def test_the_size_asked_for_is_what_is_judged(fitted: Synthesizer) -> None:
    _, findings = fitted.sample(scale=0.5, return_metrics=True)

    assert all(f.passed for f in findings if f.metric == "RowCountSimilarity")


@pytest.mark.parametrize("threshold", [0, 1.5, "high", True])
def test_thresholds_that_mean_nothing_are_refused(fitted: Synthesizer, threshold: object) -> None:
    with pytest.raises(SettingError, match="quality_threshold is out of range"):
        fitted.sample(quality_threshold=threshold)


def test_conditions_can_not_be_judged(fitted: Synthesizer) -> None:
    with pytest.raises(SettingError, match="conditions can't be compared"):
        fitted.sample(conditions={"shops": {"city": "Graz"}}, quality_threshold=0.9)


def test_after_loading_the_real_rows_are_passed(fitted: Synthesizer, real: Frames, tmp_path: Path) -> None:
    fitted.save(tmp_path / "shop.synthohive")
    loaded = Synthesizer.load(tmp_path / "shop.synthohive", progress=False)

    with pytest.raises(GenerationError, match="no real rows to compare"):
        loaded.sample(quality_threshold=0.9)
    assert loaded.sample(quality_threshold=0.8, real=real)["shops"].shape == (200, 2)


def test_the_report_takes_frames_folders_files_and_databases(
    fitted: Synthesizer, real: Frames, tmp_path: Path
) -> None:
    twin = fitted.sample()
    folder = tmp_path / "twin"
    files = fitted.sample(output_path=folder)
    csv = fitted.sample(output_path=tmp_path / "csv", output_format="csv")
    database = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(database)) as connection:
        connection.execute("create schema shop")
        for name, frame in real.items():
            connection.register("rows", frame)
            connection.execute(f"create table shop.{name} as select * from rows")
    url = f"duckdb:///{database}?schema="
    from_database = Synthesizer(fitted.metadata, model="gaussian_copula", progress=False).fit(f"{url}shop")
    from_database.sample(output_path=f"{url}twin")

    expected = fitted.generate_validation_report(real, twin)
    for other in (folder, str(folder), files, csv):
        assert fitted.generate_validation_report(None, other).failures == expected.failures
    made = from_database.generate_validation_report(f"{url}shop", f"{url}twin", tmp_path / "report.json")

    assert [t.name for t in made.tables] == ["shops", "orders"]
    assert json.loads((tmp_path / "report.json").read_text())["passed"] == made.passed


def test_a_report_that_can_not_be_written_is_refused_before_anything_is_judged(fitted: Synthesizer) -> None:
    with pytest.raises(SettingError, match="ends in no known format"):
        fitted.generate_validation_report(None, "nowhere", "report.pdf")
    with pytest.raises(SettingError, match=r"output_path is no path; .*; received dict. .* then the twin"):
        fitted.generate_validation_report(None, "report.html", {})  # type: ignore[arg-type]
    with pytest.raises(ConnectorError, match=r"no such folder.*nowhere"):
        fitted.generate_validation_report(None, "nowhere")


def test_the_report_shows_the_training() -> None:
    real = {"t": pd.DataFrame({"id": range(300), "a": [1.5, 2.5, 3.5] * 100})}
    metadata = Metadata()
    metadata.add_table("t", pk="id")
    fitted = Synthesizer(metadata, model_options={"epochs": 3}, seed=1, progress=False).fit(real)

    assert "Losses of the training" in fitted.generate_validation_report(real, fitted.sample()).to_html()


def test_lists_are_compared_as_wholes() -> None:
    real = {"t": pd.DataFrame({"id": range(60), "tags": [["a"], ["b", "c"], None] * 20})}
    metadata = Metadata()
    metadata.add_table("t", pk="id")
    fitted = Synthesizer(metadata, model="gaussian_copula", seed=1, progress=False).fit(real)

    assert fitted.generate_validation_report(real, fitted.sample()).to_json()
