"""Columns that are a part of a date: found in any time zone, declared, and right in every generated row."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthohive_py import ForeignKey, Metadata, SchemaValidationError, Synthesizer
from synthohive_py.clauses import parse_clauses
from synthohive_py.relational import shards
from synthohive_py.rules.dateparts import DatePart, find_date_parts

FAST = {"epochs": 2}  # a model that knows little would get most of them wrong
LOCAL = "at time zone 'UTC' at time zone 'America/New_York'"


def calls(rows: int = 1500) -> pd.DataFrame:
    """Calls in UTC, with columns of the local time; some have no time yet."""
    rng = np.random.default_rng(0)
    at = pd.Series(pd.Timestamp("2023-01-01") + pd.to_timedelta(rng.integers(0, 2 * 365 * 86_400, rows), "s"))
    local = at.dt.tz_localize("UTC").dt.tz_convert("America/New_York")
    called = pd.DataFrame(
        {
            "at": at,
            "day": local.dt.date,
            "hour": local.dt.hour,
            "month": local.dt.month,
            "weekday": local.dt.dayofweek,
            "quarter_of_utc": at.dt.quarter,
            "utc_month": at.dt.to_period("M").dt.to_timestamp(),
            "season": local.dt.month.map(lambda month: "wwsssuuuaaaw"[month - 1]),
        }
    )
    called = called.astype({"hour": "Int64", "month": "Int64", "weekday": "Int64", "quarter_of_utc": "Int64"})
    called.loc[rng.random(rows) < 0.1, called.columns] = None
    called["minutes"] = rng.integers(1, 30, rows)
    called["code"] = rng.choice(list("abc"), rows)
    return called


def metadata_of(table: str, **options: Any) -> Metadata:
    metadata = Metadata()
    metadata.add_table(table, **options)
    return metadata


def test_parts_of_a_local_time_are_found_and_kept() -> None:
    synthesizer = Synthesizer(metadata_of("calls"), seed=1, model_options=FAST, progress=False)
    plan = str(synthesizer.plan({"calls": calls()}))
    for rule in (
        f'day = cast("at" {LOCAL} as date)'.replace('"at"', "at"),
        f"hour = extract(hour from at {LOCAL})",
        "month = extract(month from day)",
        "weekday = extract(isodow from day) - 1",
        "quarter_of_utc = extract(quarter from at)",
        "utc_month = date_trunc('month', at)",
        "month decides season",
    ):
        assert f"rule: {rule} (" in plan
    assert "minutes =" not in plan

    twin = synthesizer.fit({"calls": calls()}).sample(scale=2)["calls"]

    assert len(twin) == 3000
    empty = twin["at"].isna()
    assert 100 < empty.sum() < 600
    for column in ("day", "hour", "month", "weekday", "quarter_of_utc", "utc_month", "season"):
        assert (twin[column].isna() == empty).all()
    twin = twin[~empty]
    local = twin["at"].dt.tz_localize("UTC").dt.tz_convert("America/New_York")
    assert (twin["day"] == local.dt.date).all()
    assert (twin["hour"] == local.dt.hour).all()
    assert (twin["month"] == local.dt.month).all()
    assert (twin["weekday"] == local.dt.dayofweek).all()
    assert (twin["quarter_of_utc"] == twin["at"].dt.quarter).all()
    assert (twin["utc_month"] == twin["at"].dt.to_period("M").dt.to_timestamp()).all()
    assert (twin["season"] == twin["month"].map(lambda month: "wwsssuuuaaaw"[month - 1])).all()


def test_they_follow_a_date_that_is_moved_by_a_limit_of_its_parent() -> None:
    rng = np.random.default_rng(0)
    signed = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, 200), "D")
    of = rng.integers(0, 200, 1500)
    ordered = signed[of] + pd.to_timedelta(rng.integers(0, 900, 1500), "D")
    orders = pd.DataFrame(
        {
            "customer": of,
            "ordered": ordered,
            "year": ordered.year,
            "week": ordered.isocalendar().week.to_numpy(),
        }
    )
    metadata = metadata_of("customers", pk="id")
    metadata.add_table("orders", fk={"customer": "customers.id"})
    data = {"customers": pd.DataFrame({"id": range(200), "signed": signed}), "orders": orders}
    synthesizer = Synthesizer(metadata, seed=1, model_options=FAST, progress=False)
    assert "year = extract(year from ordered)" in (plan := str(synthesizer.plan(data)))
    assert "parent.signed <= ordered" in plan

    twin = synthesizer.fit(data).sample(scale=3)

    orders = twin["orders"].merge(twin["customers"], left_on="customer", right_on="id")
    assert len(orders) > 4000
    assert (orders["signed"] <= orders["ordered"]).all()
    assert (orders["year"] == orders["ordered"].dt.year).all()
    assert (orders["week"] == orders["ordered"].dt.isocalendar().week).all()


def test_a_date_that_decides_its_parts_is_not_held_in_place_by_them() -> None:
    rng = np.random.default_rng(0)
    begun = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 36, 1000) * 30, "D")
    ended = begun + pd.to_timedelta(rng.integers(0, 6, 1000) * 30, "D")
    data = {"works": pd.DataFrame({"begun": begun, "ended": ended, "year": ended.year})}
    synthesizer = Synthesizer(metadata_of("works"), seed=1, model="gaussian_copula", progress=False)
    plan = str(synthesizer.plan(data))
    assert "year = extract(year from ended)" in plan
    assert "decides" not in plan

    twin = synthesizer.fit(data).sample(scale=2)["works"]

    assert len(twin) == 2000
    assert (twin["begun"] <= twin["ended"]).all()
    assert (twin["year"] == twin["ended"].dt.year).all()


def test_a_part_of_a_key_is_a_date_as_well_in_all_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, size in (("SHARD_ROWS", 400), ("WHOLE_ROWS", 20), ("SHARD_SHARE", 1)):
        monkeypatch.setattr(shards, name, size)
    rng = np.random.default_rng(0)
    hours = pd.date_range("2023-03-01", periods=300, freq="h")
    weather = pd.DataFrame(
        {"station": np.repeat(["x", "y"], 300), "at": [*hours, *hours], "wind": rng.normal(9, 2, 600)}
    )
    rows = rng.integers(0, 600, 2000)
    flights = weather.loc[rows, ["station", "at"]].reset_index(drop=True)
    flights["hour"] = flights["at"].dt.hour
    flights["gate"] = rng.integers(1, 40, 2000)
    metadata = metadata_of("weather", pk=["station", "at"])
    link = ForeignKey(columns=["station", "at"], parent="weather", parent_columns=["station", "at"])
    metadata.add_table("flights", foreign_keys=[link])
    synthesizer = Synthesizer(metadata, seed=1, model_options=FAST, progress=False)

    twin = synthesizer.fit({"weather": weather, "flights": flights}).sample(scale=2)["flights"]

    assert len(twin) > 1500
    assert (twin["hour"] == twin["at"].dt.hour).all()


def test_one_may_be_declared_of_few_rows() -> None:
    few = calls().dropna().head(80)[["at", "minutes"]]
    few["month"] = few["at"].dt.month
    assert "month =" not in str(Synthesizer(metadata_of("calls"), progress=False).plan({"calls": few}))
    metadata = metadata_of("calls", rules=["month = extract(month from at)"])
    synthesizer = Synthesizer(metadata, seed=1, model_options=FAST, progress=False).fit({"calls": few})

    twin = synthesizer.sample(scale=10)["calls"]

    assert (twin["month"] == twin["at"].dt.month).all()


def test_one_may_be_a_condition() -> None:
    data = calls()[["at", "quarter_of_utc", "code"]]
    synthesizer = Synthesizer(metadata_of("calls"), seed=1, model_options=FAST, progress=False)
    synthesizer.fit({"calls": data})

    third = synthesizer.sample(scale=2, conditions={"calls": {"quarter_of_utc": 3}})["calls"]

    assert len(third) > 2500
    assert (third["quarter_of_utc"] == 3).all()
    assert (third["at"].dt.quarter == 3).all()


def test_days_on_which_nothing_happens_do_not_come_about() -> None:
    rng = np.random.default_rng(0)
    days = pd.bdate_range("2020-01-01", "2023-01-01").to_numpy()
    at = pd.Series(
        pd.to_datetime(rng.choice(days, 1000)) + pd.to_timedelta(rng.integers(8 * 60, 18 * 60, 1000), "min")
    )
    visits = pd.DataFrame({"at": at, "weekday": at.dt.dayofweek, "hour": at.dt.hour})
    twins = []
    for options in (
        {},
        {"accepted_values": {"weekday": [0, 1, 2, 3, 4]}},
        {"constraints": {"weekday": {"max": 4}}},
    ):
        synthesizer = Synthesizer(
            metadata_of("visits", **options), model="gaussian_copula", seed=1, progress=False
        )
        twins.append(synthesizer.fit({"visits": visits}).sample(scale=2)["visits"])
    for twin in twins:
        assert len(twin) == 2000
        assert (twin["weekday"] == twin["at"].dt.dayofweek).all()
        assert (twin["hour"] == twin["at"].dt.hour).all()
        assert {*twin["weekday"]} == {0, 1, 2, 3, 4}
        assert {*twin["hour"]} == {*range(8, 18)}
        assert twin["at"].nunique() > 1900


def test_a_part_may_be_limited_by_the_parent() -> None:
    rng = np.random.default_rng(0)
    founded, of = rng.integers(1990, 2010, 100), rng.integers(0, 100, 1200)
    at = pd.to_datetime(
        {"year": founded[of] + rng.integers(0, 12, 1200), "month": 3, "day": 1 + rng.integers(0, 28, 1200)}
    )
    metadata = metadata_of("clubs", pk="id")
    metadata.add_table("games", pk="id", fk={"club": "clubs.id"})
    games = pd.DataFrame({"id": range(1200), "club": of, "at": at, "year": at.dt.year})
    games.loc[rng.random(1200) < 0.05, ["at", "year"]] = None  # no order of siblings
    data = {
        "clubs": pd.DataFrame({"id": range(100), "founded": founded}),
        "games": games.astype({"year": "Int64"}),
    }
    synthesizer = Synthesizer(metadata, model="gaussian_copula", seed=1, progress=False)
    assert "parent.founded <= year" in str(synthesizer.plan(data))

    twin = synthesizer.fit(data).sample()

    games = twin["games"].merge(twin["clubs"], left_on="club", right_on="id").dropna()
    assert len(games) > 900
    assert (games["founded"] <= games["year"]).all()
    assert (games["year"] == games["at"].dt.year).all()


def test_personal_data_has_no_parts() -> None:
    born = pd.Series(pd.Timestamp("1950-01-01") + pd.to_timedelta(np.arange(1000) * 17, "D"))
    people = pd.DataFrame({"born": born, "year": born.dt.year})
    metadata = metadata_of("people", pii_cols=["year"])
    assert "year =" not in str(Synthesizer(metadata, progress=False).plan({"people": people}))
    metadata = metadata_of("people", pii_cols=["year"], rules=["year = extract(year from born)"])
    with pytest.raises(SchemaValidationError, match="year is personal data, which is replaced"):
        Synthesizer(metadata, progress=False).fit({"people": people})


def test_odd_numbers_are_no_parts() -> None:
    days = pa.array(range(15_000, 15_600), pa.int32()).cast(pa.date32())
    halves = pa.array(np.arange(600).astype(np.float16) % 12)
    assert find_date_parts(pa.table({"t": days, "x": halves}), targets=["x"], dates=["t"]) == []


def test_two_that_follow_from_each_other_are_refused() -> None:
    days = pd.DataFrame({"a": pd.to_datetime(["2023-01-01"] * 20), "b": pd.to_datetime(["2023-01-01"] * 20)})
    rules = ["a = date_trunc('year', b)", "b = date_trunc('year', a)"]
    with pytest.raises(SchemaValidationError, match="computed twice, or from itself"):
        Synthesizer(metadata_of("days", rules=rules), progress=False).fit({"days": days})


PARTS: dict[str, Callable[[dt.datetime], Any]] = {
    "extract(year from t)": lambda t: t.year,
    "extract(quarter from t)": lambda t: (t.month + 2) // 3,
    "extract(month from t)": lambda t: t.month,
    "extract(day from t)": lambda t: t.day,
    "extract(hour from t)": lambda t: t.hour,
    "extract(minute from t)": lambda t: t.minute,
    "extract(week from t)": lambda t: t.isocalendar()[1],
    "extract(doy from t)": lambda t: t.timetuple().tm_yday,
    "extract(isodow from t)": lambda t: t.isoweekday(),
    "extract(isodow from t) - 1": lambda t: t.weekday(),
    "extract(dow from t)": lambda t: t.isoweekday() % 7,
    "extract(dow from t) + 1": lambda t: t.isoweekday() % 7 + 1,
    "cast(t as date)": lambda t: t.date(),
    "date_trunc('hour', t)": lambda t: t.replace(minute=0, second=0),
    "date_trunc('day', t)": lambda t: dt.datetime(t.year, t.month, t.day),
    "date_trunc('week', t)": lambda t: dt.datetime(t.year, t.month, t.day) - dt.timedelta(t.weekday()),
    "date_trunc('month', t)": lambda t: dt.datetime(t.year, t.month, 1),
    "date_trunc('quarter', t)": lambda t: dt.datetime(t.year, (t.month - 1) // 3 * 3 + 1, 1),
    "date_trunc('year', t)": lambda t: dt.datetime(t.year, 1, 1),
}
TIMES = st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2037, 1, 1)).map(lambda t: t.replace(microsecond=0))
ZONES = st.sampled_from([None, "Europe/Berlin", "Asia/Kolkata", "America/St_Johns", "Australia/Lord_Howe"])


@given(times=st.lists(TIMES | st.none(), min_size=1, max_size=20), zone=ZONES, is_aware=st.booleans())
@pytest.mark.parametrize("text", PARTS)
def test_each_is_what_python_says(
    text: str, times: list[dt.datetime | None], zone: str | None, is_aware: bool
) -> None:
    said = "".join(f" at time zone '{z}'" for z in (["UTC"] * (not is_aware) + [zone] if zone else []))
    (clause,) = parse_clauses("x = " + text.replace("t)", f"t{said})").replace("t as", f"t{said} as"))
    rule = DatePart(*clause.columns, clause.part, clause.zones)
    assert parse_clauses(str(rule)) == [clause]

    def local(time: dt.datetime) -> dt.datetime:
        there = time.replace(tzinfo=dt.timezone.utc).astimezone(zoneinfo.ZoneInfo(zone or "UTC"))
        return there.replace(tzinfo=None, fold=0)

    wanted = [None if time is None else PARTS[text](local(time)) for time in times]
    kind = pa.date32() if "cast" in text else pa.timestamp("s") if "trunc" in text else pa.int16()
    column = pa.array(times, pa.timestamp("us"))
    column = column.cast(pa.timestamp("us", "UTC")) if is_aware else column
    table = pa.table({"x": pa.array(wanted, kind), "t": column})
    assert rule.values(table).to_pylist() == wanted
    assert not rule.broken(table).any()


@pytest.mark.parametrize("kind", [pa.int8(), pa.uint16(), pa.float32(), pa.decimal128(4, 1), pa.int64()])
@pytest.mark.parametrize(
    "of", [pa.date32(), pa.date64(), pa.timestamp("ns"), pa.timestamp("s", "Asia/Tokyo")]
)
def test_the_types_of_both_may_be_any(kind: pa.DataType, of: pa.DataType) -> None:
    days = pa.array(range(15_000, 15_600), pa.int32()).cast(pa.date32())
    times = days.cast(pa.timestamp("s")).cast(of) if pa.types.is_timestamp(of) else days.cast(of)
    table = pa.table({"t": times, "x": pa.array([day.month for day in days.to_pylist()]).cast(pa.float64())})
    months = (
        table.column("x").cast(pa.int64()).cast(pa.decimal128(20, 0)).cast(kind)
        if pa.types.is_decimal(kind)
        else table.column("x").cast(kind)
    )
    table = table.set_column(1, "x", months)
    assert find_date_parts(table, targets=["x"], dates=["t"]) == [DatePart("x", "t", "month")]


def test_the_time_of_a_day_has_an_hour() -> None:
    times = [dt.time(hour % 24, 30) for hour in range(200)]
    table = pa.table({"t": times, "x": [time.hour for time in times]})
    assert find_date_parts(table, targets=["x"], dates=["t"]) == [DatePart("x", "t", "hour")]


def test_what_hardly_varies_is_none() -> None:
    days = pa.array(range(15_000, 15_020), pa.int32()).cast(pa.date32())
    table = pa.table({"t": pa.concat_arrays([days] * 20), "x": [2011] * 400, "y": [None] * 399 + [1]})
    assert find_date_parts(table, targets=["x", "y"], dates=["t"]) == []
