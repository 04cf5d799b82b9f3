"""Keys of several columns of their own, one of which numbers the rows of a group."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from synthohive_py import GenerationError, Metadata, Synthesizer

TINY = {"epochs": 3}


def numbered(frame: pd.DataFrame, group: Sequence[str]) -> pd.DataFrame:
    return frame.assign(number=frame.groupby(list(group)).cumcount() + 1)


def invoices() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    frame = pd.DataFrame({"country": rng.choice(["de", "fr", "it", "ch"], 600, p=[0.6, 0.25, 0.1, 0.05])})
    return numbered(frame, ["country"]).assign(amount=rng.lognormal(3, 1, 600).round(2))


def assert_numbered(frame: pd.DataFrame) -> None:
    for numbers in frame.groupby("country")["number"]:
        assert sorted(numbers[1]) == list(range(1, len(numbers[1]) + 1))


@pytest.fixture(scope="module")
def fitted() -> Synthesizer:
    metadata = Metadata()
    metadata.add_table("invoices", pk=["country", "number"])
    return Synthesizer(metadata, model_options=TINY, seed=1, progress=False).fit({"invoices": invoices()})


@pytest.mark.parametrize("scale", [1, 3])
def test_each_group_counts_on(fitted: Synthesizer, scale: float) -> None:
    twin = fitted.sample(scale=scale)["invoices"]

    assert len(twin) == scale * 600
    assert_numbered(twin)


def test_rows_that_are_added_count_on(fitted: Synthesizer) -> None:
    twin = fitted.sample()

    longer = fitted.sample(append_to=twin)["invoices"]

    assert len(longer) == 1200
    assert_numbered(longer)


def test_a_type_without_room_is_named() -> None:
    few = invoices().head(150).astype({"number": "int8"})
    metadata = Metadata()
    metadata.add_table("invoices", pk=["country", "number"])
    synthesizer = Synthesizer(metadata, model_options=TINY, seed=1, progress=False).fit({"invoices": few})

    with pytest.raises(GenerationError, match=r"number.*int8 has no room.*share \(country\)"):
        synthesizer.sample(scale=4)


def test_hours_of_a_day_do_not_grow() -> None:
    hours = pd.DataFrame([(day, hour) for day in range(60) for hour in range(24)], columns=["day", "hour"])
    metadata = Metadata()
    metadata.add_table("weather", pk=["day", "hour"])
    synthesizer = Synthesizer(metadata, model_options=TINY, seed=1, progress=False).fit({"weather": hours})

    assert synthesizer.sample(scale=2)["weather"]["hour"].max() <= 23


def test_numbers_of_a_kind_within_a_parent() -> None:
    rng = np.random.default_rng(2)
    steps = pd.DataFrame({"run": rng.integers(0, 80, 900), "kind": rng.choice(["a", "b", "c"], 900)})
    data = {"runs": pd.DataFrame({"run": range(80)}), "steps": numbered(steps, ["run", "kind"])}
    metadata = Metadata()
    metadata.add_table("runs", pk="run")
    metadata.add_table("steps", pk=["run", "kind", "number"], fk={"run": "runs.run"})
    synthesizer = Synthesizer(metadata, model_options=TINY, seed=1, progress=False).fit(data)

    twin = synthesizer.sample(scale=2)["steps"]

    assert len(twin) == pytest.approx(1800, rel=0.1)
    for _, numbers in twin.groupby(["run", "kind"])["number"]:
        assert sorted(numbers) == list(range(1, len(numbers) + 1))
