"""Tables with next to nothing in them: every model learns them, and gives out only legal values."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from synthohive_py import Metadata, SettingError, Synthesizer
from synthohive_py.models import model_names

NUMBERS = np.random.default_rng(0).normal(size=(60, 500))

TABLES: dict[str, pd.DataFrame] = {
    **{
        f"{rows} rows": pd.DataFrame({"a": np.arange(rows) / 4, "b": (["x", "y"] * rows)[:rows]})
        for rows in (1, 7, 49)
    },
    "a constant": pd.DataFrame({"a": [3] * 80, "b": ["x"] * 80}),
    "only nulls": pd.DataFrame({"a": [None] * 80, "b": pd.array([None] * 80, dtype="Int64")}),
    "only a key": pd.DataFrame({"id": range(80)}),
    "one column": pd.DataFrame({"a": np.arange(80) % 3}),
    "500 columns": pd.DataFrame(NUMBERS, columns=[f"c{i}" for i in range(500)]),
}


@pytest.mark.parametrize(
    ("model", "options"),
    [*((name, {}) for name in model_names()), ("ctgan", {"generator": "mlp"})],
    ids=[*model_names(), "ctgan mlp"],
)
@pytest.mark.parametrize("name", TABLES)
def test_every_model_learns_it(model: str, options: dict[str, object], name: str) -> None:
    real = TABLES[name]
    metadata = Metadata()
    metadata.add_table("t", pk="id" if "id" in real else None)
    synthesizer = Synthesizer(metadata, model=model, model_options=options, max_fit_seconds=5, progress=False)

    twin = synthesizer.fit({"t": real}).sample(num_rows={"t": 90})["t"]

    assert len(twin) == 90
    assert list(twin.columns) == list(real.columns)
    for column in real:
        assert twin[column].isna().all() or not real[column].isna().all()
        if pd.api.types.is_numeric_dtype(real[column]) and column != "id" and real[column].notna().any():
            assert twin[column].between(real[column].min(), real[column].max()).all()
    if "id" in real:
        assert twin["id"].is_unique


@pytest.mark.parametrize("model", model_names())
def test_the_twin_of_an_empty_table_is_empty(model: str, tmp_path: Path) -> None:
    metadata = Metadata()
    metadata.add_table("shops", pk="id")
    metadata.add_table("orders", pk="id", fk={"shop": "shops.id"})
    metadata.add_table("lines", fk={"order": "orders.id"})
    nothing = pd.DataFrame({"id": pd.Series([], dtype="int64"), "shop": pd.Series([], dtype="int64")})
    real = {
        "shops": pd.DataFrame({"id": range(60), "kind": ["x", "y"] * 30}),
        "orders": nothing,
        "lines": pd.DataFrame({"order": pd.array([None] * 60, dtype="Int64"), "amount": [1, 2, 3] * 20}),
    }
    synthesizer = Synthesizer(metadata, model=model, progress=False).fit(real)
    synthesizer.save(tmp_path / "shop.synthohive")

    twin = Synthesizer.load(tmp_path / "shop.synthohive").sample(scale=2)

    assert {name: len(frame) for name, frame in twin.items()} == {"shops": 120, "orders": 0, "lines": 120}
    assert (twin["orders"].dtypes == nothing.dtypes).all()
    assert twin["lines"]["order"].isna().all()
    with pytest.raises(SettingError, match=r"orders: can't have a number of rows"):
        synthesizer.sample(num_rows={"orders": 5})
