"""Dates that are written as text are dates in the twin, written the same way."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from synthohive_py import Metadata, Synthesizer

ROWS = 600


def twin_of(values: list[str | None]) -> tuple[Synthesizer, pd.Series]:
    metadata = Metadata()
    metadata.add_table("people", pk="person_id")
    people = pd.DataFrame({"person_id": range(len(values)), "since": values})
    synthesizer = Synthesizer(metadata, model="gaussian_copula", seed=1).fit({"people": people})
    return synthesizer, synthesizer.sample()["people"]["since"]


def moments(form: str) -> list[str]:
    rng = np.random.default_rng(0)
    times = pd.Timestamp("2019-03-01") + pd.to_timedelta(rng.integers(0, 10**8, ROWS), unit="s")
    return times.strftime(form).tolist()


@pytest.mark.parametrize(
    "form",
    [
        "%Y-%m-%d",
        "%d.%m.%Y",
        "%m/%d/%Y",
        "%Y%m%d",
        "%Y-%m-%d %H:%M:%S",
        "%Y-%m-%dT%H:%M:%SZ",
        "%Y/%m/%d %H:%M",
    ],
)
def test_they_are_dates_of_the_same_years(form):
    real = moments(form)

    _, twin = twin_of(real)

    read = pd.to_datetime(twin, format=form)  # a ValueError for the 35th of January
    assert {*read.dt.year} <= {2019, 2020, 2021, 2022}
    assert read.dt.month.nunique() == 12
    assert read.dt.strftime(form).tolist() == twin.tolist()


def test_nulls_are_kept():
    real = [None if i % 4 == 0 else text for i, text in enumerate(moments("%Y-%m-%d"))]

    _, twin = twin_of(real)

    assert twin.isna().mean() == pytest.approx(0.25, abs=0.06)


@pytest.mark.parametrize("other", ["n/a", "", "2020-02-30", "2020-1-5"])
def test_texts_of_which_one_is_no_date_are_texts(other):
    """Nothing is known then of what code does with them."""
    _, twin = twin_of([*moments("%Y-%m-%d"), other])

    assert len(twin) == ROWS + 1
    assert twin.notna().any()


def test_eight_digits_beyond_all_years_are_a_number():
    rng = np.random.default_rng(0)

    _, twin = twin_of([f"{number:08d}" for number in rng.integers(0, 10**8, ROWS)])

    assert twin.str.fullmatch(r"\d{8}").all()
    assert pd.to_datetime(twin, format="%Y%m%d", errors="coerce").isna().any()


def test_a_condition_is_a_date():
    synthesizer, _ = twin_of(moments("%Y-%m-%d"))

    twin = synthesizer.sample(conditions={"people": {"since": "2020-05-05"}})["people"]["since"]

    assert (twin == "2020-05-05").all()
