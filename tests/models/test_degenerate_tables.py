"""Tables with next to nothing in them: every model learns them, and gives out only legal values."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from synthohive_py import Metadata, SchemaValidationError, Synthesizer
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


@pytest.mark.parametrize("model", [name for name in model_names() if name != "independent"])
@pytest.mark.parametrize("name", TABLES)
def test_every_model_learns_it(model: str, name: str) -> None:
    real = TABLES[name]
    metadata = Metadata()
    metadata.add_table("t", pk="id" if "id" in real else None)
    synthesizer = Synthesizer(metadata, model=model, max_fit_seconds=5, progress=False)

    twin = synthesizer.fit({"t": real}).sample(num_rows={"t": 90})["t"]

    assert len(twin) == 90
    assert list(twin.columns) == list(real.columns)
    for column in real:
        assert twin[column].isna().all() or not real[column].isna().all()
        if pd.api.types.is_numeric_dtype(real[column]) and column != "id" and real[column].notna().any():
            assert twin[column].between(real[column].min(), real[column].max()).all()
    if "id" in real:
        assert twin["id"].is_unique


def test_a_table_without_rows_is_refused_by_name() -> None:
    metadata = Metadata()
    metadata.add_table("t")

    with pytest.raises(SchemaValidationError, match=r"t: .*no rows"):
        Synthesizer(metadata, progress=False).fit({"t": pd.DataFrame({"a": pd.Series([], dtype="int64")})})
