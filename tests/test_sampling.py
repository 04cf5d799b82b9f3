"""Sampling with conditions, into files, and in parts."""

from __future__ import annotations

import re
import subprocess
import uuid
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synthohive_py import ConnectorError, ForeignKey, Metadata, SettingError, Synthesizer
from synthohive_py.columns.patterns import Patterns
from synthohive_py.relational import shards, workers
from synthohive_py.rng import Part, Seed

QUICK = {"epochs": 40, "batch_size": 64}


def people(rows: int = 600) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    job = rng.choice(["cook", "nurse", "pilot"], rows)
    pay = np.select([job == "cook", job == "nurse"], [20, 30], 90) + rng.integers(0, 10, rows)
    return pd.DataFrame(
        {
            "job": job,
            "pay": pay,
            "since": [date(2020, 1, 1) + timedelta(days=int(d)) for d in rng.integers(0, 900, rows)],
            "badge": [f"B-{n:06d}" for n in rng.permutation(900_000)[:rows]],
            "boss": rng.choice(["yes", None], rows),
        }
    )


def orders(rows: int = 900) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    return pd.DataFrame(
        {
            "order_id": range(rows),
            "shop_id": rng.integers(0, 40, rows),
            "status": rng.choice(["sent", "paid"], rows),
        }
    )


@pytest.fixture(scope="module")
def alone() -> Synthesizer:
    metadata = Metadata()
    metadata.add_table("people")
    return Synthesizer(metadata, model="autoregressive", seed=3, model_options=QUICK, progress=False).fit(
        {"people": people()}
    )


@pytest.fixture(scope="module")
def linked() -> Synthesizer:
    metadata = Metadata()
    metadata.add_table("shops", pk="shop_id")
    metadata.add_table("orders", pk="order_id", fk={"shop_id": "shops.shop_id"})
    shops = pd.DataFrame({"shop_id": range(40), "town": ["Graz", "Linz"] * 20})
    return Synthesizer(metadata, seed=3, model_options=QUICK, progress=False).fit(
        {"shops": shops, "orders": orders()}
    )


# ---------------------------------------------------------------- conditions


@pytest.mark.parametrize(
    ("column", "value"),
    [("job", "pilot"), ("pay", 95), ("since", date(2021, 3, 4)), ("boss", None), ("boss", "yes")],
)
def test_every_row_has_the_value_that_was_asked_for(alone: Synthesizer, column: str, value: object) -> None:
    twin = alone.sample(num_rows={"people": 400}, conditions={"people": {column: value}})["people"]

    assert len(twin) == 400
    assert twin[column].isna().all() if value is None else (twin[column] == value).all()
    assert list(twin.columns) == list(people().columns)
    assert (twin.dtypes == people().dtypes).all()


def test_the_other_columns_follow_the_condition(alone: Synthesizer) -> None:
    twin = alone.sample(num_rows={"people": 400}, conditions={"people": {"job": "pilot"}})["people"]

    assert (twin["pay"] >= 90).mean() > 0.9


def test_conditions_hold_in_tables_with_parents(linked: Synthesizer) -> None:
    twin = linked.sample(conditions={"orders": {"status": "paid"}})

    assert (twin["orders"]["status"] == "paid").all()
    assert twin["orders"]["shop_id"].isin(twin["shops"]["shop_id"]).all()
    assert set(twin["shops"]["town"]) == {"Graz", "Linz"}


def test_conditions_on_uuids_may_be_texts_and_what_is_made_by_pattern_may_be_null() -> None:
    tenants = [uuid.UUID(int=number * 10**30 + 7, version=4) for number in range(4)]
    of = np.arange(400) % 4
    tags = pa.uuid().wrap_array(pa.array([tenants[number].bytes for number in of], pa.binary(16)))
    codes = [None if row % 3 else f"QX-{row * 7919 % 99991:05d}" for row in range(400)]
    rows = pa.table({"tenant": tags, "code": pa.array(codes), "plan": [f"plan {number}" for number in of]})
    metadata = Metadata()
    metadata.add_table("rows")
    synthesizer = Synthesizer(metadata, seed=3, model_options={"epochs": 2}, progress=False).fit(
        {"rows": rows}
    )

    for value in (tenants[2], str(tenants[2])):
        twin = synthesizer.sample(conditions={"rows": {"tenant": value}})["rows"]
        assert set(twin["tenant"]) == {tenants[2]}
        assert set(twin["plan"]) == {"plan 2"}
    assert synthesizer.sample(conditions={"rows": {"code": None}})["rows"]["code"].isna().all()
    for value, message in (
        ("soon", "tenant.*uuid"),
        (uuid.UUID(int=1), "tenant.*never has"),
        (None, "never has"),
    ):
        with pytest.raises(SettingError, match=message):
            synthesizer.sample(conditions={"rows": {"tenant": value}})


@pytest.mark.parametrize(
    ("conditions", "message"),
    [
        ({"people": {"job": "baker"}}, "people.*job.*'baker'.*cook"),
        ({"people": {"pay": 9999}}, "pay.*9999"),
        ({"people": {"pay": "much"}}, "pay.*'much'"),
        ({"people": {"pay": None}}, "pay.*no nulls"),
        ({"people": {"since": date(1999, 1, 1)}}, "since.*1999"),
        ({"people": {"badge": "B-000001"}}, "badge.*pattern"),
        ({"people": {"salary": 1}}, "no such column.*job"),
        ({"persons": {"job": "cook"}}, "not in the schema.*people"),
    ],
)
def test_impossible_conditions_are_refused_by_name(
    alone: Synthesizer, conditions: dict[str, dict[str, object]], message: str
) -> None:
    with pytest.raises(SettingError) as caught:
        alone.sample(conditions=conditions)

    assert re.search(message, str(caught.value), re.DOTALL)


def test_keys_can_not_be_asked_for(linked: Synthesizer) -> None:
    with pytest.raises(SettingError, match="key"):
        linked.sample(conditions={"orders": {"shop_id": 3}})


# ---------------------------------------------------------------- files


def test_files_hold_what_frames_hold(alone: Synthesizer, linked: Synthesizer, tmp_path: Path) -> None:
    for synthesizer in (alone, linked):
        frames = synthesizer.sample()
        files = synthesizer.sample(output_path=tmp_path)

        assert files == {name: tmp_path / f"{name}.parquet" for name in frames}
        for name, file in files.items():
            written = pq.read_table(file).to_pandas(date_as_object=True)
            pd.testing.assert_frame_equal(written, frames[name], check_dtype=False)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["orders.parquet", "people.parquet", "shops.parquet"]


def test_a_failed_write_leaves_the_old_files_and_no_drafts(alone: Synthesizer, tmp_path: Path) -> None:
    alone.sample(output_path=tmp_path)
    before = (tmp_path / "people.parquet").read_bytes()

    with pytest.raises(SettingError):
        alone.sample(output_path=tmp_path, conditions={"people": {"job": "baker"}})
    (tmp_path / "taken").write_text("a file, not a folder")
    with pytest.raises(ConnectorError, match=r"can't write.*output_path"):
        alone.sample(output_path=tmp_path / "taken" / "deep")

    assert (tmp_path / "people.parquet").read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["people.parquet", "taken"]


def in_shards_of(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twins are divided as if they were large."""
    monkeypatch.setattr(shards, "SHARD_ROWS", rows)
    monkeypatch.setattr(shards, "WHOLE_ROWS", 5)
    monkeypatch.setattr(shards, "SHARD_SHARE", 1)


def test_parts_differ_and_unique_columns_stay_unique_over_them(
    alone: Synthesizer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    in_shards_of(500, monkeypatch)

    file = alone.sample(num_rows={"people": 1700}, output_path=tmp_path)["people"]

    twin = pd.read_parquet(file)
    assert len(twin) == 1700
    assert twin["badge"].is_unique
    assert twin["badge"].isin(people()["badge"]).mean() < 0.01  # 600 of 900,000 are taken
    assert (
        not twin.iloc[:500, :3].reset_index(drop=True).equals(twin.iloc[500:1000, :3].reset_index(drop=True))
    )


def test_rows_do_not_depend_on_the_number_of_workers(
    alone: Synthesizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_shards_of(300, monkeypatch)

    pd.testing.assert_frame_equal(alone.sample(workers=3)["people"], alone.sample(workers=1)["people"])


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen]:
    """Two processes make parts of 300 rows; the list fills with those that were started."""
    started = []
    start = workers._start
    in_shards_of(300, monkeypatch)
    monkeypatch.setattr(workers, "PROCESS_ROWS", 1)
    monkeypatch.setattr(workers, "available_cores", lambda: 2)
    monkeypatch.setattr(workers, "_start", lambda: started.append(start()) or started[-1])
    return started


def test_processes_make_the_same_rows_and_end(
    alone: Synthesizer, processes: list[subprocess.Popen], monkeypatch: pytest.MonkeyPatch
) -> None:
    by_processes = alone.sample(num_rows={"people": 2000})["people"]

    assert [process.returncode for process in processes] == [0, 0]
    monkeypatch.setattr(workers, "PROCESS_ROWS", 10_000)
    pd.testing.assert_frame_equal(by_processes, alone.sample(num_rows={"people": 2000})["people"])
    assert len(processes) == 2


@pytest.mark.parametrize(
    "dies",
    [
        "",
        "import struct, sys; r = sys.stdin.buffer; [r.read(struct.unpack('<Q', r.read(8))[0]) for _ in '12']",
    ],
    ids=["at once", "when asked"],
)
def test_processes_that_die_cost_no_rows(
    alone: Synthesizer,
    processes: list[subprocess.Popen],
    dies: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(workers, "_COMMAND", dies)

    twin = alone.sample(num_rows={"people": 2000})["people"]

    assert "its rows are made by this one" in caplog.text or "threads do it" in caplog.text
    assert [process.returncode for process in processes] == [0, 0]
    monkeypatch.setattr(workers, "PROCESS_ROWS", 10_000)
    pd.testing.assert_frame_equal(twin, alone.sample(num_rows={"people": 2000})["people"])


@pytest.mark.parametrize("rows", [0, 1])
def test_no_rows_and_one_row_can_be_asked_for(alone: Synthesizer, rows: int) -> None:
    twin = alone.sample(num_rows={"people": rows})["people"]

    assert len(twin) == rows
    assert list(twin.columns) == list(people().columns)


# ---------------------------------------------------------------- random streams


@pytest.mark.parametrize(("first", "stop"), [(0, 10), (3, 9), (4, 8), (7, 8), (9, 9)])
def test_a_part_of_a_stream_can_be_had_alone(first: int, stop: int) -> None:
    whole = Seed(5).uniforms(Part(0, 10, 10))

    assert (Seed(5).uniforms(Part(first, stop, 10)) == whole[first:stop]).all()


@pytest.mark.parametrize("total", [1, 7, 1000])
def test_unique_texts_do_not_depend_on_the_parts(total: int) -> None:
    values = [f"K{i}" for i in range(30)] + [f"key-{i:09d}-{i:09d}-{i:09d}" for i in range(30)]
    patterns = Patterns.fit(values, threshold=3)

    whole = patterns.unique_part(Part(0, total, total), Seed(1)).tolist()
    cut = total // 3
    parts = [patterns.unique_part(Part(a, b, total), Seed(1)) for a, b in ((0, cut), (cut, total))]

    assert np.concatenate(parts).tolist() == whole
    assert len(set(whole)) == total


def test_a_part_of_a_foreign_key_takes_no_condition() -> None:
    projects = pd.DataFrame({"country": np.repeat(["AT", "DE"], 20), "number": np.tile(np.arange(20), 2)})
    hours = projects.loc[np.arange(200) % 40].assign(spent=np.arange(200) % 8).reset_index(drop=True)
    metadata = Metadata()
    metadata.add_table("projects", pk=["country", "number"])
    key = ForeignKey(columns=["country", "number"], parent="projects", parent_columns=["country", "number"])
    metadata.add_table("hours", foreign_keys=[key])
    synthesizer = Synthesizer(metadata, model="gaussian_copula", progress=False)
    synthesizer.fit({"projects": projects, "hours": hours})

    with pytest.raises(SettingError, match=r"hours.country: is part of a foreign key"):
        synthesizer.sample(conditions={"hours": {"country": "AT"}})
