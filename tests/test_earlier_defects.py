"""Defects of the earlier implementation that no other test looks for; docs/defects.md has the whole list."""

from __future__ import annotations

import re
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from synthohive_py import CTGAN, Metadata, SchemaValidationError, Synthesizer

Frames = dict[str, Any]


def synthesizer(metadata: Metadata, **options: Any) -> Synthesizer:
    return Synthesizer(metadata, **{"model": "gaussian_copula", "progress": False, **options})


def alone(frame: pd.DataFrame | pa.Table, rows: int | None = None, **options: Any) -> pd.DataFrame:
    """The twin of one table."""
    metadata = Metadata()
    metadata.add_table("t", **options)
    return synthesizer(metadata).fit({"t": frame}).sample(None if rows is None else {"t": rows})["t"]


# ---------------------------------------------------------------- values


def test_values_stay_in_the_real_range_and_do_not_pile_up_at_a_bound() -> None:
    rng = np.random.default_rng(0)
    real = pd.DataFrame({"age": rng.integers(18, 81, 2000), "wait": rng.exponential(3, 2000)})

    twin = alone(real, constraints={"wait": {"min": 0}, "age": {"dtype": "int"}})

    assert twin["age"].between(real["age"].min(), real["age"].max()).all()
    assert twin["wait"].between(real["wait"].min(), real["wait"].max()).all()
    assert twin["wait"].value_counts().iloc[0] < 5  # clipping would put many on one value


def test_all_of_many_categories_come_with_their_shares() -> None:
    rng = np.random.default_rng(0)
    odds = 1 / np.arange(1, 81)
    real = pd.DataFrame({"code": rng.choice([f"C{i:02d}" for i in range(80)], 4000, p=odds / odds.sum())})

    twin = alone(real)

    shares = [frame["code"].value_counts(normalize=True) for frame in (real, twin)]
    assert set(shares[1].index) == set(shares[0].index)
    assert shares[0].sub(shares[1], fill_value=0).abs().sum() / 2 < 0.08


def test_a_rare_category_keeps_its_share() -> None:
    real = pd.DataFrame({"kind": ["usual"] * 1940 + ["odd"] * 60})

    assert (alone(real)["kind"] == "odd").mean() == pytest.approx(0.03, abs=0.015)


def test_columns_without_values_and_texts_that_look_like_marks_come_back() -> None:
    real = pd.DataFrame(
        {
            "nothing": pd.array([None] * 200, dtype="Float64"),
            "text": ["<NAN>", "nan", "None", ""] * 50,
        }
    )

    twin = alone(real)

    assert twin["nothing"].isna().all()
    assert set(twin["text"]) == {"<NAN>", "nan", "None", ""}


def test_the_order_of_columns_is_kept_with_keys_in_the_middle() -> None:
    real = pd.DataFrame({"a": [1, 2] * 20, "id": range(40), "b": ["x", "y"] * 20})

    assert list(alone(real, pk="id").columns) == ["a", "id", "b"]


# ---------------------------------------------------------------- training


@pytest.mark.parametrize("rows", [1, 2, 7])
def test_a_handful_of_rows_is_learned(rows: int) -> None:
    metadata = Metadata()
    metadata.add_table("t", pk="id")
    real = pd.DataFrame({"id": range(rows), "a": np.arange(rows) / 2, "b": ["x"] * rows})

    for model in ("ctgan", "gaussian_copula"):
        assert len(synthesizer(metadata, model=model).fit({"t": real}).sample()["t"]) == rows


def test_a_batch_of_one_row_is_learned() -> None:
    metadata = Metadata()
    metadata.add_table("t")
    options = {"batch_size": 1, "epochs": 1, "max_steps": 30}
    model = synthesizer(metadata, model="ctgan", model_options=options)

    assert len(model.fit({"t": pd.DataFrame({"a": [1, 2] * 30})}).sample()["t"]) == 60


def test_a_second_fit_forgets_the_first() -> None:
    metadata = Metadata()
    model = CTGAN(metadata, epochs=1)
    model.fit(pd.DataFrame({"a": [1, 2] * 30}), progress_bar=False)
    model.fit(pd.DataFrame({"b": ["x", "y", "z"] * 20, "c": [0.5, 1.5] * 30}), progress_bar=False)

    assert list(model.sample(5).columns) == ["b", "c"]


# ---------------------------------------------------------------- relations


def test_children_follow_what_their_parents_are_like() -> None:
    rng = np.random.default_rng(0)
    kind = np.array(["many", "few"] * 100)
    users = pd.DataFrame({"id": range(200), "kind": kind})
    orders = pd.DataFrame({"user": np.repeat(np.arange(200), rng.poisson(np.where(kind == "many", 6, 1)))})
    real = {"users": users, "orders": orders.assign(x=rng.normal(size=len(orders)))}
    metadata = Metadata()
    metadata.add_table("users", pk="id")
    metadata.add_table("orders", fk={"user": "users.id"})

    twin = synthesizer(metadata).fit(real).sample()

    counts = []
    for tables in (real, twin):
        ids, kinds = tables["users"]["id"], tables["users"]["kind"].to_numpy()
        each = tables["orders"]["user"].value_counts().reindex(ids, fill_value=0)
        counts.append(each.groupby(kinds).mean())
    assert counts[1]["many"] == pytest.approx(counts[0]["many"], rel=0.15)
    assert counts[1]["few"] == pytest.approx(counts[0]["few"], rel=0.3)
    most = [int(t["orders"]["user"].value_counts().max()) for t in (real, twin)]
    assert most[1] <= most[0] + 1


def test_few_parents_of_a_second_key_stay_few_and_fit_their_children() -> None:
    rng = np.random.default_rng(0)
    products = pd.DataFrame({"id": range(60), "price": np.where(np.arange(60) < 6, 10.0, 500.0)})
    users = pd.DataFrame({"id": range(100)})
    rows = 800
    lines = pd.DataFrame(
        {
            "user": rng.integers(0, 100, rows),
            "product": rng.integers(0, 6, rows),
            "n": rng.integers(1, 9, rows),
        }
    )
    metadata = Metadata()
    metadata.add_table("users", pk="id")
    metadata.add_table("products", pk="id")
    metadata.add_table("lines", fk={"user": "users.id", "product": "products.id"})
    real = {"users": users, "products": products, "lines": lines}

    twin = synthesizer(metadata).fit(real).sample()

    used = twin["lines"].merge(twin["products"], left_on="product", right_on="id")
    assert twin["lines"]["product"].nunique() <= 9
    assert (used["price"] < 100).mean() > 0.8


def test_rows_depend_on_their_grandparents() -> None:
    rng = np.random.default_rng(0)
    land = rng.choice(["AT", "US"], 60)
    a = pd.DataFrame({"id": range(60), "land": land})
    b = pd.DataFrame({"id": range(240), "a": np.arange(240) % 60})
    of = rng.integers(0, 240, 1500)
    price = np.round(np.where(land[of % 60] == "AT", 20, 200) + rng.normal(0, 2, 1500), 1)
    metadata = Metadata()
    metadata.add_table("a", pk="id")
    metadata.add_table("b", pk="id", fk={"a": "a.id"})
    metadata.add_table("c", fk={"b": "b.id"})

    twin = synthesizer(metadata).fit({"a": a, "b": b, "c": pd.DataFrame({"b": of, "price": price})}).sample()

    joined = (
        twin["c"].merge(twin["b"], left_on="b", right_on="id").merge(twin["a"], left_on="a", right_on="id")
    )
    means = joined.groupby("land")["price"].mean()
    assert means["US"] > 2 * means["AT"]


def test_keys_keep_their_type_and_format() -> None:
    real = pa.table(
        {
            "code": [f"CUS-{i * 991:05d}" for i in range(90)],
            "uid": pa.array([str(uuid.UUID(int=i * 2**90)) for i in range(90)]),
            "number": pa.array(np.arange(90) + 1000, pa.int32()),
        }
    )

    twin = alone(real, rows=150, pk="code", unique=[["uid"], ["number"]])

    assert twin["code"].str.fullmatch(r"CUS-\d{5}").all()
    assert all(str(uuid.UUID(text)) == text for text in twin["uid"])
    assert str(twin["number"].dtype) == "int32[pyarrow]"
    assert all(twin[column].is_unique for column in twin)


def test_tables_of_keys_alone_and_parents_without_children_go_through() -> None:
    metadata = Metadata()
    metadata.add_table("left", pk="id")
    metadata.add_table("right", pk="id")
    metadata.add_table("bridge", pk=["l", "r"], fk={"l": "left.id", "r": "right.id"})
    metadata.add_table("children", pk="id", fk={"parent": "left.id"}, constraints={"x": {"min": 0}})
    metadata.add_table("grandchildren", pk="id", fk={"child": "children.id"})
    pairs = [(i, j) for i in range(40) for j in range(40) if (i * 7 + j) % 11 == 0]
    real = {
        "left": pd.DataFrame({"id": range(40)}),
        "right": pd.DataFrame({"id": range(40)}),
        "bridge": pd.DataFrame(pairs, columns=["l", "r"]),
        "children": pd.DataFrame({"id": [1], "parent": [3], "x": [1.0]}),
        "grandchildren": pd.DataFrame({"id": [1], "child": [1]}),
    }
    fitted = synthesizer(metadata).fit(real)

    for twin in (fitted.sample(), fitted.sample({"left": 0, "right": 0}), fitted.sample(scale=0.05)):
        assert not twin["bridge"].duplicated().any()
        assert set(twin["bridge"]["l"]) <= set(twin["left"]["id"])
        assert set(twin["grandchildren"]["child"]) <= set(twin["children"]["id"])


def test_a_table_without_data_is_named_before_training() -> None:
    metadata = Metadata()
    metadata.add_table("users", pk="id")
    metadata.add_table("orders", fk={"user": "users.id"})

    with pytest.raises(SchemaValidationError, match=r"orders: is declared but has no data"):
        synthesizer(metadata).fit({"users": pd.DataFrame({"id": [1, 2]})})


def test_a_second_twin_in_the_same_folder_takes_the_place_of_the_first(tmp_path: Path) -> None:
    metadata = Metadata()
    metadata.add_table("t", pk="id")
    fitted = synthesizer(metadata).fit({"t": pd.DataFrame({"id": range(50), "a": [1, 2] * 25})})

    fitted.sample(output_path=tmp_path)
    rows = pd.read_parquet(fitted.sample(output_path=tmp_path)["t"])

    assert len(rows) == 50
    assert rows["id"].is_unique


# ---------------------------------------------------------------- the report


def test_a_report_holds_no_real_row_and_no_code_of_a_name(tmp_path: Path) -> None:
    name = "<script>alert(1)</script>"
    secret = [f"secret number {i * 7919}" for i in range(60)]
    real = {"t": pd.DataFrame({"id": range(60), name: [1, 2, 3] * 20, "text": secret})}
    metadata = Metadata()
    metadata.add_table("t", pk="id")
    fitted = synthesizer(metadata).fit(real)

    fitted.generate_validation_report(real, fitted.sample(), tmp_path / "report.html")

    page = (tmp_path / "report.html").read_text()
    assert name not in page
    assert not [text for text in secret if text in page]


def test_a_report_on_a_twin_without_rows_is_written(tmp_path: Path) -> None:
    real = {"t": pd.DataFrame({"id": range(60), "a": [1, 2, 3] * 20})}
    metadata = Metadata()
    metadata.add_table("t", pk="id")
    fitted = synthesizer(metadata).fit(real)
    empty = {"t": real["t"].head(0)}

    fitted.generate_validation_report(real, empty, tmp_path / "report.html")

    assert re.search("<html", (tmp_path / "report.html").read_text())
