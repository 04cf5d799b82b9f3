"""Twins written to files in each format."""

from __future__ import annotations

from pathlib import Path

import deltalake
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from synthohive_py import ConnectorError, Metadata, SettingError, Synthesizer


def fitted(rows: pa.Table) -> Synthesizer:
    metadata = Metadata()
    metadata.add_table("people", pk="id")
    return Synthesizer(metadata, model_options={"epochs": 1}, progress=False).fit({"people": rows})


@pytest.fixture(scope="module")
def people() -> Synthesizer:
    rng = np.random.default_rng(0)
    return fitted(
        pa.table({"id": range(200), "job": rng.choice(["cook", "nurse"], 200), "pay": rng.normal(size=200)})
    )


def test_csv_holds_the_twin(people: Synthesizer, tmp_path: Path) -> None:
    file = people.sample(output_path=tmp_path, output_format="csv", chunk_rows=7)["people"]

    assert file == tmp_path / "people.csv"
    pd.testing.assert_frame_equal(pd.read_csv(file), people.sample()["people"], check_dtype=False)


def test_delta_gets_a_new_version_of_the_twin(people: Synthesizer, tmp_path: Path) -> None:
    people.sample(output_path=tmp_path, output_format="delta")

    folder = people.sample(output_path=tmp_path, output_format="delta", seed=9)["people"]

    table = deltalake.DeltaTable(str(folder))
    assert table.version() == 1
    pd.testing.assert_frame_equal(table.to_pandas(), people.sample(seed=9)["people"], check_dtype=False)
    assert [path.name for path in tmp_path.iterdir()] == ["people"]


def test_a_list_does_not_fit_into_csv(tmp_path: Path) -> None:
    tagged = fitted(pa.table({"id": range(60), "tags": [["a"], ["a", "b"], []] * 20}))

    with pytest.raises(ConnectorError, match=r"people.*tags.*CSV.*Parquet"):
        tagged.sample(output_path=tmp_path, output_format="csv")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("option", [{"output_format": "excel"}, {"chunk_rows": 0}, {"workers": 0}])
def test_options_out_of_range_are_refused(people: Synthesizer, tmp_path: Path, option: dict) -> None:
    with pytest.raises(SettingError, match=next(iter(option))):
        people.sample(output_path=tmp_path, **option)
