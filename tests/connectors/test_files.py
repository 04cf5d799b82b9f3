"""Twins written to files in each format."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import deltalake
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from synthohive_py import ConnectorError, Metadata, SettingError, Synthesizer, synthesizer


def fitted(rows: pa.Table, name: str = "people") -> Synthesizer:
    metadata = Metadata()
    metadata.add_table(name, pk="id")
    return Synthesizer(metadata, model="gaussian_copula", progress=False).fit({name: rows})


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


@pytest.mark.parametrize("values", [[["a"], ["a", "b"], []], [b"a", b"\xff", None]], ids=["lists", "bytes"])
def test_lists_and_bytes_do_not_fit_into_csv(
    values: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tagged = fitted(pa.table({"id": range(60), "tags": values * 20}))
    monkeypatch.setattr(synthesizer, "generate_parts", None)  # refused before any row is made

    with pytest.raises(ConnectorError, match=r"people.*tags.*CSV.*Parquet"):
        tagged.sample(output_path=tmp_path, output_format="csv")

    assert list(tmp_path.iterdir()) == []


def test_uuids_are_written_to_csv_as_text(tmp_path: Path) -> None:
    tokens = [None if i % 7 == 0 else uuid.UUID(int=i * 2**90) for i in range(60)]
    people = fitted(pa.Table.from_pandas(pd.DataFrame({"id": range(60), "token": tokens})))

    file = people.sample(output_path=tmp_path, output_format="csv")["people"]

    written = [None if pd.isna(text) else uuid.UUID(text) for text in pd.read_csv(file)["token"]]
    kept = [value if isinstance(value, uuid.UUID) else None for value in people.sample()["people"]["token"]]
    assert written == kept
    assert {type(value) for value in written} == {uuid.UUID, type(None)}


@pytest.mark.parametrize("output_format", ["parquet", "csv", "delta"])
@pytest.mark.parametrize("name", ["t" * 300, "ä" * 120, "a/b"])
def test_a_name_that_no_file_can_have_is_refused(name: str, output_format: Any, tmp_path: Path) -> None:
    people = fitted(pa.table({"id": range(60)}), name)

    with pytest.raises(ConnectorError, match="can't be the name of a file"):
        people.sample(output_path=tmp_path, output_format=output_format)
    with pytest.raises(ConnectorError, match="can't be the name of a file"):
        people.sample(append_to=tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("option", [{"output_format": "excel"}, {"chunk_rows": 0}, {"workers": 0}])
def test_options_out_of_range_are_refused(people: Synthesizer, tmp_path: Path, option: dict) -> None:
    with pytest.raises(SettingError, match=next(iter(option))):
        people.sample(output_path=tmp_path, **option)
