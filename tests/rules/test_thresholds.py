"""Columns that are null up to a point of another one, or from one on: found, declared, right in every row."""

from __future__ import annotations

import datetime as dt
import logging
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthohive_py import ForeignKey, Metadata, SchemaError, SchemaValidationError, Synthesizer
from synthohive_py.clauses import parse_clauses
from synthohive_py.relational import shards
from synthohive_py.rules import Depends
from synthohive_py.rules.changes import Work
from synthohive_py.rules.thresholds import NullBeyond, can_be_beyond, find_thresholds

FAST = {"epochs": 2}  # a model that knows little would get many of them wrong


def seasons(rows: int = 2000) -> pd.DataFrame:
    """Seasons of teams: divisions since 1969, a trophy until 1979, and an average of no games."""
    rng = np.random.default_rng(0)
    year = rng.integers(1900, 2020, rows)
    games = rng.integers(0, 20, rows) * rng.integers(1, 9, rows)
    return pd.DataFrame(
        {
            "year": year,
            "games": games,
            "division": pd.Series(rng.choice(["east", "west"], rows)).where(year >= 1969),
            "trophy": pd.Series(rng.choice(["gold", "none"], rows)).where(
                (year < 1980) & (rng.random(rows) < 0.7)
            ),
            "average": pd.Series(np.round(rng.gamma(2, 10, rows), 2)).where(games > 0),
            "steals": pd.Series(rng.poisson(30, rows), dtype="Int64").where(
                (year >= 1951) | (rng.random(rows) < 0.4)
            ),
            "note": pd.Series(rng.choice(["a", "b"], rows)).where(rng.random(rows) < 0.5),
        }
    )


def keeps(rows: pd.DataFrame) -> None:
    assert (rows["division"].isna() == (rows["year"] < 1969)).all()
    assert rows.loc[rows["year"] >= 1980, "trophy"].isna().all()
    assert (rows["average"].isna() == (rows["games"] == 0)).all()
    assert rows.loc[rows["year"] >= 1951, "steals"].notna().all()


def metadata_of(table: str, **options: Any) -> Metadata:
    metadata = Metadata()
    metadata.add_table(table, **options)
    return metadata


def test_they_are_found_and_kept_in_all_shards(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, size in (("SHARD_ROWS", 700), ("WHOLE_ROWS", 20), ("SHARD_SHARE", 1)):
        monkeypatch.setattr(shards, name, size)
    keeps(seasons())
    synthesizer = Synthesizer(metadata_of("seasons"), seed=1, model_options=FAST, progress=False)
    plan = str(synthesizer.plan({"seasons": seasons()}))
    for rule in (
        "year >= 1969 or division is null (",
        "year < 1969 or division is not null (",
        "year < 1980 or trophy is null (",
        "games >= 1 or average is null (",
        "games < 1 or average is not null (",
        "year < 1951 or steals is not null (",
    ):
        assert f"rule: {rule}" in plan
    assert "note is" not in plan

    synthesizer.fit({"seasons": seasons()}).save(tmp_path / "seasons.syn")
    twin = Synthesizer.load(tmp_path / "seasons.syn").sample(scale=2)["seasons"]

    assert len(twin) == 4000
    keeps(twin)
    # Nothing is filled or emptied beyond what they say.
    early = twin["year"] < 1951
    assert 0.2 < twin.loc[early, "steals"].notna().mean() < 0.6
    assert 0.2 < twin["trophy"].notna().mean() < 0.7


def test_rows_that_are_asked_for_lie_on_their_side() -> None:
    metadata = metadata_of("seasons")
    synthesizer = Synthesizer(metadata, seed=1, model="gaussian_copula", progress=False)
    twin = synthesizer.fit({"seasons": seasons()}).sample(conditions={"seasons": {"division": "east"}})[
        "seasons"
    ]

    assert len(twin) == 2000
    assert (twin["division"] == "east").all()
    assert (twin["year"] >= 1969).all()


def test_they_say_it_of_dates_and_leave_other_nulls_alone() -> None:
    rng = np.random.default_rng(0)
    at = pd.Timestamp("2018-05-01") + pd.to_timedelta(rng.integers(0, 5 * 365 * 24, 3000), "h")
    orders = pd.DataFrame({"ordered": at, "channel": pd.Series(rng.choice(["app", "web"], 3000))})
    orders["channel"] = orders["channel"].where(at >= "2020-07-01")
    orders["zone"] = at.tz_localize("UTC")
    orders.loc[rng.random(3000) < 0.05, ["ordered", "zone"]] = None
    data = {"orders": orders}
    synthesizer = Synthesizer(metadata_of("orders"), seed=1, model_options=FAST, progress=False)
    plan = str(synthesizer.plan(data))
    assert "ordered >= '2020-07-01' or channel is null" in plan
    assert "ordered < '2020-07-01' or channel is not null" in plan

    twin = synthesizer.fit(data).sample()["orders"]

    known = twin["ordered"].notna()
    assert (~known).sum() > 50
    early = twin.loc[known, "ordered"] < "2020-07-01"
    assert (twin.loc[known, "channel"].isna() == early).all()
    assert 0 < twin.loc[~known, "channel"].notna().mean() < 1


def test_they_hold_along_siblings_with_few_rows_a_day() -> None:
    rng = np.random.default_rng(1)
    day = pd.Timestamp("2018-01-01") + pd.to_timedelta(
        np.tile(np.arange(10), 150) * 120 + rng.integers(0, 100, 1500), "D"
    )
    orders = pd.DataFrame({"customer": np.repeat(np.arange(150), 10), "day": day})
    orders["fax"] = pd.Series(rng.choice(["x", "y"], 1500)).where(day < "2019-06-01")
    orders["app"] = pd.Series(rng.choice(["i", "a"], 1500)).where(day >= "2020-01-01")
    assert (orders["day"] == "2020-01-01").sum() < 5
    metadata = metadata_of("customers", pk="id")
    metadata.add_table("orders", fk={"customer": "customers.id"}, order_by="day")
    data = {"customers": pd.DataFrame({"id": range(150), "size": rng.random(150)}), "orders": orders}
    synthesizer = Synthesizer(metadata, seed=1, model_options=FAST, progress=False)
    plan = str(synthesizer.plan(data))
    assert "day >= '2020-01-01' or app is null" in plan

    twin = synthesizer.fit(data).sample(scale=2)["orders"]

    assert len(twin) > 2500
    assert (twin["app"].isna() == (twin["day"] < "2020-01-01")).all()
    assert twin.loc[twin["day"] >= "2019-06-01", "fax"].isna().all()
    assert twin.loc[twin["day"] < "2019-05-01", "fax"].notna().mean() > 0.9


def test_what_follows_from_such_nulls_in_a_child_holds_as_well() -> None:
    rng = np.random.default_rng(0)
    year = np.repeat(np.arange(1900, 2000), 12)
    teams = pd.DataFrame({"id": range(1200), "year": year})
    teams["division"] = pd.Series(rng.choice(["east", "west"], 1200)).where(year >= 1969)
    of = rng.integers(0, 1200, 3000)
    halves = pd.DataFrame({"team": of, "division": teams["division"].to_numpy()[of]})
    halves["champion"] = np.where(halves["division"].isna(), None, rng.choice(["Y", "N"], 3000))
    metadata = metadata_of("teams", pk="id")
    metadata.add_table("halves", fk={"team": "teams.id"})
    synthesizer = Synthesizer(metadata, seed=1, model_options=FAST, progress=False)

    twin = synthesizer.fit({"teams": teams, "halves": halves}).sample()

    both = twin["halves"].merge(twin["teams"], left_on="team", right_on="id", suffixes=("", "_of_team"))
    assert len(both) > 2500
    assert (both["champion"].isna() == (both["year"] < 1969)).all()


def test_rows_whose_year_stays_are_lent_values_of_their_time(caplog: pytest.LogCaptureFixture) -> None:
    """A row that breaks another rule takes a whole row's values, and would get nulls of another time."""
    rng = np.random.default_rng(0)
    year = np.tile(np.arange(1900, 2000), 20)
    games = rng.integers(20, 160, 2000)
    seasons = pd.DataFrame({"club": np.repeat(np.arange(20), 100), "year": year, "games": games})
    seasons["won"] = np.minimum(rng.integers(0, 26, 2000), games)  # so that few rows break it
    for column, since in (("a", 1910), ("b", 1925), ("c", 1940), ("d", 1955), ("e", 1970), ("f", 1985)):
        seasons[column] = pd.Series(rng.choice(["x", "y"], 2000)).where(year >= since)
    metadata = metadata_of("clubs", pk="id")
    metadata.add_table("seasons", pk=["club", "year"], fk={"club": "clubs.id"})
    data = {"clubs": pd.DataFrame({"id": range(20), "size": rng.integers(1, 9, 20)}), "seasons": seasons}
    synthesizer = Synthesizer(metadata, seed=1, model_options=FAST, progress=False).fit(data)

    with caplog.at_level(logging.WARNING):
        twin = synthesizer.sample()["seasons"]

    assert not [r for r in caplog.records if "left out" in r.getMessage()]
    assert (twin["won"] <= twin["games"]).all()
    for column, since in (("a", 1910), ("b", 1925), ("c", 1940), ("d", 1955), ("e", 1970), ("f", 1985)):
        assert (twin[column].isna() == (twin["year"] < since)).all()


def test_who_decides_a_part_of_a_key_is_one_of_its_time(caplog: pytest.LogCaptureFixture) -> None:
    """A game is of one year, which is part of a key and stays; before 1950 most games have no number."""
    rng = np.random.default_rng(0)
    teams = pd.DataFrame([(year, team) for year in range(1920, 2000) for team in range(10)])
    teams = teams.set_axis(["year", "team"], axis=1).assign(won=rng.integers(0, 99, 800))
    of = rng.integers(0, 800, 2000)
    stars = teams.loc[of, ["year", "team"]].reset_index(drop=True)
    number = stars["year"].astype(str) + rng.choice(["/1", "/2"], 2000)
    stars["game"] = number.where((stars["year"] >= 1950) | (rng.random(2000) < 0.1))
    stars["person"] = rng.integers(0, 500, 2000)
    metadata = metadata_of("teams", pk=["year", "team"])
    metadata.add_table("people", pk="id")
    person = ForeignKey(columns="person", parent="people", parent_columns="id", driver=True)
    team = ForeignKey(columns=["year", "team"], parent="teams", parent_columns=["year", "team"])
    metadata.add_table("stars", foreign_keys=[person, team])
    people = pd.DataFrame({"id": range(500), "height": rng.integers(150, 210, 500)})
    data = {"teams": teams, "people": people, "stars": stars}
    synthesizer = Synthesizer(metadata, seed=1, model_options=FAST, progress=False)
    plan = str(synthesizer.plan(data))
    assert "game decides year" in plan
    assert "year < 1950 or game is not null" in plan

    with caplog.at_level(logging.WARNING):
        twin = synthesizer.fit(data).sample()["stars"]

    assert not [r for r in caplog.records if "left out" in r.getMessage()]
    known = twin[twin["game"].notna()]
    assert (known["game"].str[:4] == known["year"].astype(str)).all()
    assert twin.loc[twin["year"] >= 1950, "game"].notna().all()


def test_who_decides_is_a_known_one_where_no_row_could_lend_it() -> None:
    table = pa.table({"game": ["a", "a", None, "b", "b"], "year": [1, 1, 2, 3, 4]})
    known = pa.table({"game": ["a", "b", "c"], "year": [3, 4, 1]})
    rng = np.random.default_rng(0)
    work = Work(table, {"game"}, rng, since={}, starts={}, parts=set(), compute=lambda rows: rows)

    work.depend(Depends("game", "year"), known)

    assert work.table.column("game").to_pylist() == ["c", "c", None, "a", "b"]


def test_one_wrong_row_does_not_make_its_likes_wrong() -> None:
    table = pa.table({"game": ["a", "a", "a", None, None], "year": [2, 1, 1, 1, 2]})
    assert Depends("game", "year").broken(table).tolist() == [True, False, False, False, False]


def test_a_declared_one_is_kept_however_few_rows_there_are() -> None:
    rng = np.random.default_rng(0)
    built = pd.Timestamp("1990-01-01") + pd.to_timedelta(rng.integers(0, 9000, 40), "D")
    cars = pd.DataFrame({"built": built, "price": rng.integers(-5, 6, 40)})
    cars["airbag"] = pd.Series(rng.choice(["1", "2"], 40)).where(built >= "2004-06-01")
    cars["refund"] = pd.Series(rng.random(40)).where(cars["price"] <= -2)
    rules = [
        "built >= '2004-06-01' or airbag is null",
        "timestamp '2004-06-01 00:00:00' > built or airbag is not null",
        "price <= -2 or refund is null",
        "refund is not null or price > -1.5",
    ]
    metadata = metadata_of("cars", rules=rules)
    synthesizer = Synthesizer(metadata, seed=1, model_options=FAST, progress=False)
    plan = synthesizer.plan({"cars": cars})
    assert {rule.text for rule in plan.tables[0].rules} == {
        "built >= '2004-06-01' or airbag is null",
        "built < '2004-06-01 00:00:00' or airbag is not null",
        "price <= -2 or refund is null",
        "price > -1.5 or refund is not null",
    }

    twin = synthesizer.fit({"cars": cars}).sample(scale=25)["cars"]

    assert len(twin) == 1000
    assert (twin["airbag"].isna() == (twin["built"] < "2004-06-01")).all()
    assert (twin["refund"].isna() == (twin["price"] > -2)).all()


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ("year >= 1990 or division is null", "real rows break it"),
        ("year >= '1969-01-01' or division is null", "year is of the type int64"),
        ("division >= 5 or average is null", "division is of the type string"),
        ("id >= 5 or division is null", "id is part of a key"),
        ("year >= 1969 or divison is null", "is declared but not in the data"),
    ],
)
def test_one_that_can_not_be_kept_is_refused(rule: str, why: str) -> None:
    metadata = metadata_of("seasons", pk="id", rules=[rule])
    data = seasons().assign(id=range(2000))
    with pytest.raises(SchemaError) as caught:
        Synthesizer(metadata, progress=False).fit({"seasons": data})
    assert "seasons" in str(caught.value)
    assert why in str(caught.value)


def test_a_bound_of_the_column_itself_is_no_rule() -> None:
    with pytest.raises(SchemaError, match="min or max of the column's constraint"):
        metadata_of("seasons", rules=["year >= 1900 or year is null"])


@pytest.mark.parametrize("model", ["ctgan", "gaussian_copula"])
def test_what_is_computed_from_a_column_has_its_nulls(model: str) -> None:
    rng = np.random.default_rng(0)
    year, net, price = rng.integers(1900, 2020, 1200), rng.integers(1, 500, 1200), rng.integers(1, 9, 1200)
    tax = pd.Series(rng.integers(1, 50, 1200), dtype="Int64").where(year >= 1980)
    bills = pd.DataFrame({"year": year, "tax": tax, "again": tax, "net": net, "total": net + tax})
    bills = bills.assign(price=price, amount=price * tax)
    options = FAST if model == "ctgan" else {}
    metadata = metadata_of("bills", rules=["total = net + tax"])
    synthesizer = Synthesizer(metadata, seed=1, model=model, model_options=options, progress=False)

    twin = synthesizer.fit({"bills": bills}).sample()["bills"]

    for column in ("tax", "again", "total", "amount"):
        assert (twin[column].isna() == (twin["year"] < 1980)).all()


@pytest.mark.parametrize("model", ["ctgan", "gaussian_copula"])
def test_a_point_speaks_of_years_with_few_rows_as_well(model: str) -> None:
    """Of each year before 1985 there are so few rows that it is not stored what it says."""
    rng = np.random.default_rng(0)
    year = np.concatenate([np.repeat(np.arange(1955, 1985), 3), rng.integers(1985, 2004, 1000)])
    cars = pd.DataFrame({"year": year, "size": rng.random(len(year))})
    cars["airbag"] = pd.Series(rng.choice(["1", "2"], len(year))).where(year >= 1985)
    options = FAST if model == "ctgan" else {}
    synthesizer = Synthesizer(metadata_of("cars"), seed=1, model=model, model_options=options, progress=False)

    twin = synthesizer.fit({"cars": cars}).sample()["cars"]

    assert (twin["year"] < 1985).sum() > 20
    assert (twin["airbag"].isna() == (twin["year"] < 1985)).all()


def test_rare_values_are_not_taken_away() -> None:
    """A model knows little of 23 planes with a speed: it would put them beyond the point, and lose them."""
    rng = np.random.default_rng(0)
    year = rng.integers(1960, 2014, 3000)
    old = np.flatnonzero(year < 1984)[:23]
    speed = pd.Series(np.where(np.isin(np.arange(3000), old), rng.integers(90, 430, 3000), np.nan))
    data = {"planes": pd.DataFrame({"year": year, "speed": speed, "seats": rng.integers(2, 400, 3000)})}
    synthesizer = Synthesizer(metadata_of("planes"), seed=1, model_options=FAST, progress=False)
    assert "speed is null" not in str(synthesizer.plan(data))
    assert 3 < synthesizer.fit(data).sample()["planes"]["speed"].notna().sum() < 80


def test_a_point_that_few_rows_hold_is_not_told() -> None:
    size = np.arange(1000) * 1_000 + 4_321  # each held by one row
    data = pd.DataFrame({"size": size, "grade": np.where(np.arange(1000) < 500, None, "a")})
    synthesizer = Synthesizer(metadata_of("parcels"), seed=1, model_options=FAST, progress=False)
    plan = str(synthesizer.plan({"parcels": data}))
    told = {int(number) for number in re.findall(r"rule: size (?:>=|<) (\d+) or grade", plan)}
    assert told
    assert not told & {*size.tolist()}
    rule = f"size >= {size[500]} or grade is null"
    declared = Synthesizer(metadata_of("parcels", rules=[rule]), seed=1, model_options=FAST, progress=False)
    assert rule in str(declared.plan({"parcels": data}))


KINDS = {
    pa.int8(): st.integers(-128, 127),
    pa.int64(): st.integers(-(2**62), 2**62),
    pa.uint64(): st.integers(0, 2**64 - 1),
    pa.float32(): st.floats(width=32, allow_nan=False),
    pa.float64(): st.floats(allow_nan=False),
    pa.decimal128(9, 3): st.integers(-(10**8), 10**8).map(lambda n: Decimal(n).scaleb(-3)),
    pa.date32(): st.dates(),
    pa.timestamp("us"): st.datetimes(),
    pa.timestamp("s"): st.datetimes().map(lambda t: t.replace(microsecond=0)),
    pa.timestamp("ns", "Europe/Berlin"): st.datetimes(
        dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1), timezones=st.just(dt.timezone.utc)
    ),
}


def test_a_point_that_few_rows_hold_gives_way_to_a_rounder_one() -> None:
    rng = np.random.default_rng(0)
    day = pd.Timestamp("1990-03-07") + pd.to_timedelta(rng.permutation(9000)[:2000], "D")
    joined = pd.DataFrame({"joined": day, "email": pd.Series(["a", "b"] * 1000)})
    joined["email"] = joined["email"].where(day >= day[np.argsort(day)[700]])
    joined.loc[np.argsort(day)[:600:2], "email"] = "c"
    synthesizer = Synthesizer(metadata_of("members"), seed=1, model_options=FAST, progress=False)
    plan = str(synthesizer.plan({"members": joined}))
    (point,) = re.findall(r"rule: joined < '([-\d]+)' or email is not null", plan)
    assert point.endswith("-01")
    assert pd.Timestamp(point) not in {*day}


def test_two_ends_leave_nothing_between_them() -> None:
    year = np.repeat([1900, 1910, 1920, 1948, 1981, 1990, 2000], 40)
    table = pa.table({"year": year, "x": pa.array([None if y < 1981 else 1 for y in year])})
    null, value = find_thresholds(table, {"x": np.asarray(table["x"].is_null())}, ["year"])
    assert {str(null), str(value)} == {"year >= 1980 or x is null", "year < 1980 or x is not null"}


@given(data=st.data(), kind=st.sampled_from(list(KINDS)), is_upper=st.booleans(), starts_null=st.booleans())
def test_what_is_found_holds_and_is_read_back(
    data: st.DataObject, kind: pa.DataType, is_upper: bool, starts_null: bool
) -> None:
    values = data.draw(st.lists(KINDS[kind], min_size=2, max_size=40))
    values = values * (500 // len(values) + 1)
    on = pa.array(values, kind)
    point = data.draw(st.sampled_from(values))
    ticks = np.array([v > point if is_upper else v >= point for v in values])
    is_null = ticks == starts_null
    column = pa.array([None if null else 1 for null in is_null])
    table = pa.table({"on": on, "column": column})
    for rule in find_thresholds(table, {"column": is_null}, ["on"]):
        assert not rule.broken(table).any()
        assert rule.support(table) >= 16
        (clause,) = parse_clauses(str(rule))
        assert clause.columns == rule.columns
        assert (clause.sign, clause.point, clause.is_null) == (rule.sign, rule.point, rule.is_null)


@pytest.mark.parametrize(
    ("point", "kind", "can"),
    [
        ("1969", pa.int16(), True),
        ("-1.5", pa.int16(), True),
        ("-1.5", pa.uint64(), False),
        ("infinity", pa.float64(), False),
        ("nan", pa.float64(), False),
        ("", pa.float32(), False),
        ("abc", pa.decimal128(9, 3), False),
        ("'1969'", pa.int64(), False),
        ("1969", pa.date32(), False),
        ("'1969-02-30'", pa.date32(), False),
        ("'1969-02-03'", pa.timestamp("ms"), True),
        ("'soon'", pa.timestamp("ms"), False),
        ("'1969-02-03'", pa.timestamp("ns", "UTC"), True),
        ("'0001-01-01'", pa.timestamp("ns"), False),
        ("1969", pa.string(), False),
        ("1969", pa.bool_(), False),
        ("1969", pa.duration("s"), False),
    ],
)
def test_points_are_values_that_a_type_has(point: str, kind: pa.DataType, *, can: bool) -> None:
    assert can_be_beyond(point, kind) == can


@given(point=st.text(max_size=12), kind=st.sampled_from([*KINDS, pa.string(), pa.duration("s")]))
def test_any_text_that_is_taken_is_compared(point: str, kind: pa.DataType) -> None:
    if can_be_beyond(point, kind):
        rule = NullBeyond("on", "<", point, "column", is_null=True)
        assert not rule.beyond(pa.table({"on": pa.array([None], kind)})).any()


def test_the_clause_language_is_that_of_sql() -> None:
    for text, says in (
        ("year >= 1969 or division is null", ("year", ">=", "1969", "division", True)),
        ("1969 <= year or division is null", ("year", ">=", "1969", "division", True)),
        ("division is not null or (year < -1.5)", ("year", "<", "-1.5", "division", False)),
        ("at > date '2020-01-01' or x is null", ("at", ">", "'2020-01-01'", "x", True)),
    ):
        (clause,) = parse_clauses(text)
        on, column = clause.columns
        assert (on, clause.sign, clause.point, column, clause.is_null) == says


def test_a_point_with_an_offset_is_that_moment() -> None:
    kind = pa.timestamp("us", "UTC")
    at = pa.array([dt.datetime(2020, 1, 1, 11, tzinfo=dt.timezone.utc)], kind)
    rule = NullBeyond("at", ">=", "'2020-01-01 13:00:00+02:00'", "x", is_null=True)
    assert not rule.beyond(pa.table({"at": at})).any()
    later = NullBeyond("at", ">=", "'2020-01-01 14:00:00+02:00'", "x", is_null=True)
    assert later.beyond(pa.table({"at": at})).all()


def test_a_refusal_names_table_column_and_remedy() -> None:
    metadata = metadata_of("seasons", rules=["division >= 5 or average is null"])
    with pytest.raises(SchemaValidationError) as caught:
        Synthesizer(metadata, progress=False).fit({"seasons": seasons()})
    text = str(caught.value)
    assert "seasons" in text
    assert "declare it of other columns, or take the rule out" in text


def test_columns_of_all_types_can_be_introduced() -> None:
    kinds: list[tuple[pa.DataType, list[Any]]] = [
        (pa.uuid(), [bytes([n] * 16) for n in range(40)]),
        (pa.list_(pa.int64()), [[1, 2], [3], []]),
        (pa.struct([("x", pa.int64()), ("y", pa.string())]), [{"x": 1, "y": "a"}, {"x": 2, "y": None}]),
        (pa.binary(), [b"a", b"\xff"]),
        (pa.bool_(), [True, False]),
        (pa.decimal128(9, 2), [Decimal("1.50"), Decimal("-3.25")]),
        (pa.date32(), [dt.date(2020, 1, 1), dt.date(2021, 5, 6)]),
        (pa.time64("us"), [dt.time(9), dt.time(17, 30)]),
        (pa.timestamp("ms", "UTC"), [dt.datetime(2020, 1, 1, tzinfo=dt.timezone.utc)]),
        (pa.float32(), [0.5, 2.25]),
        (pa.string(), [f"word {n} of many" for n in range(400)]),
    ]
    rng = np.random.default_rng(0)
    year = rng.integers(1990, 2020, 600)
    columns = {"year": pa.array(year)}
    for place, (kind, values) in enumerate(kinds):  # each in another year
        picked = rng.integers(0, len(values), 600)
        late = [values[n] if y >= 2000 + place else None for n, y in zip(picked, year, strict=True)]
        columns[str(kind)] = pa.array(late, kind)
    synthesizer = Synthesizer(metadata_of("things"), seed=1, model_options=FAST, progress=False)

    twin = synthesizer.fit({"things": pa.table(columns)}).sample(scale=2)["things"]

    assert len(twin) == 1200
    for place, (kind, _) in enumerate(kinds):
        assert (twin[str(kind)].isna() == (twin["year"] < 2000 + place)).all(), kind
