"""Declared rules are kept however few rows there are, and refused if they can't be."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from synthohive_py import Metadata, SchemaError, SchemaValidationError, Synthesizer
from synthohive_py.clauses import parse_clauses, quoted

Frames = dict[str, pd.DataFrame]
CARS = 12  # so few visits follow that no rule is found in them
FAST = {"epochs": 2}

RULES = [
    "mileage never falls along visited within a parent",
    "parent.built <= visited and visited < collected",
    "total = labour + parts",
    "parts = quantity * price",
    "currency = parent.currency",
    "card is null or iban is null",
    '"a place" decides region',
    "paid_by decides whether card is null",
    "due = total * (1 + vat * 0.01)",
    "paid = due * quantity * (1 - rebate)",
]


def garage() -> Frames:
    """Cars and their visits, in too few rows to find rules in."""
    rng = np.random.default_rng(4)
    built = pd.Timestamp("2015-01-01") + pd.to_timedelta(rng.integers(0, 1500, CARS), "D")
    cars = pd.DataFrame({"id": range(CARS), "built": built, "currency": rng.choice(["EUR", "CHF"], CARS)})
    of = np.repeat(np.arange(CARS), 5)
    rows = len(of)
    later = np.tile(np.arange(1, 6), CARS) * 200 + rng.integers(0, 150, rows)
    place = rng.choice(list("abc"), rows)
    by_card = rng.random(rows) < 0.5
    visits = pd.DataFrame(
        {
            "car": of,
            "visited": built[of] + pd.to_timedelta(later, "D"),
            "mileage": later * 30 + rng.integers(0, 300, rows),
            "labour": np.round(rng.gamma(2, 40, rows), 2),
            "quantity": rng.integers(1, 5, rows),
            "price": np.round(rng.gamma(2, 20, rows), 2),
            "currency": cars["currency"].to_numpy()[of],
            "card": np.where(by_card, "visa", None),
            "iban": np.where(~by_card, "DE", None),
            "a place": place,
            "region": [{"a": "N", "b": "N", "c": "S"}[p] for p in place],
        }
    )
    visits["collected"] = visits["visited"] + pd.to_timedelta(rng.integers(1, 9, rows), "D")
    visits["parts"] = np.round(visits["quantity"] * visits["price"], 2)
    visits["total"] = np.round(visits["labour"] + visits["parts"], 2)
    visits["paid_by"] = np.where(by_card, "card", rng.choice(["bank", "cash"], rows))
    visits["vat"] = rng.choice([7, 19], rows)
    visits["rebate"] = rng.choice([0, 0.05, 0.1], rows)
    visits["due"] = np.round(visits["total"] * (1 + visits["vat"] / 100), 2)
    visits["paid"] = np.round(visits["due"] * visits["quantity"] * (1 - visits["rebate"]), 2)
    return {"cars": cars, "visits": visits}


def declared(*rules: str) -> Metadata:
    metadata = Metadata()
    metadata.add_table("cars", pk="id")
    metadata.add_table("visits", fk={"car": "cars.id"}, order_by="visited", rules=rules)
    return metadata


@pytest.fixture(scope="module")
def fitted() -> Synthesizer:
    return Synthesizer(declared(*RULES), seed=1, model_options=FAST, progress=False).fit(garage())


@pytest.mark.parametrize("scale", [1.0, 8.0])
def test_all_kinds_hold(fitted: Synthesizer, scale: float, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        twin = fitted.sample(scale=scale)
    assert not [r for r in caplog.records if "break a rule" in r.getMessage()]
    visits = twin["visits"].merge(twin["cars"], left_on="car", right_on="id", suffixes=("", "_of_car"))
    assert len(visits) == len(twin["visits"])
    assert (visits["built"] <= visits["visited"]).all()
    assert (visits["visited"] < visits["collected"]).all()
    assert (visits["total"] == np.round(visits["labour"] + visits["parts"], 2)).all()
    assert (visits["parts"] == np.round(visits["quantity"] * visits["price"], 2)).all()
    assert (visits["currency"] == visits["currency_of_car"]).all()
    assert (visits["card"].isna() | visits["iban"].isna()).all()
    assert (visits["card"].isna() == (visits["paid_by"] != "card")).all()
    assert np.allclose(visits["due"], visits["total"] * (1 + visits["vat"] / 100), atol=0.0051)
    paid = visits["due"] * visits["quantity"] * (1 - visits["rebate"])
    assert np.allclose(visits["paid"], paid, atol=0.0051)
    assert not visits.drop_duplicates(["a place", "region"])["a place"].duplicated().any()
    in_order = visits.sort_values(["car", "visited"])
    assert (in_order.groupby("car")["mileage"].diff().fillna(0) >= 0).all()


def test_without_declaring_them_they_are_broken() -> None:
    twin = Synthesizer(declared(), seed=1, model_options=FAST, progress=False).fit(garage()).sample(scale=8.0)
    visits = twin["visits"]
    assert (visits["total"] != np.round(visits["labour"] + visits["parts"], 2)).any()
    assert (visits["visited"] >= visits["collected"]).any()


def test_the_plan_names_them_in_words_that_can_be_declared() -> None:
    plan = Synthesizer(declared(*RULES), progress=False).plan(garage())
    named = {rule.text for table in plan.tables if table.name == "visits" for rule in table.rules}
    assert named == {part for rule in RULES for part in rule.split(" and ")}
    assert [c for rule in sorted(named) for c in parse_clauses(rule)]


def test_they_are_part_of_an_artefact(fitted: Synthesizer, tmp_path: Path) -> None:
    fitted.save(tmp_path / "garage.syn")
    again = Synthesizer.load(tmp_path / "garage.syn")
    pd.testing.assert_frame_equal(again.sample()["visits"], fitted.sample()["visits"])


def _crossed(visits: pd.DataFrame) -> pd.DataFrame:
    return visits.assign(collected=visits["visited"] - pd.Timedelta(days=1))


def _same(visits: pd.DataFrame) -> pd.DataFrame:
    return visits


@pytest.mark.parametrize(
    ("rule", "change", "why"),
    [
        ("visited <= collected", _crossed, "60 of 60 real rows break it"),
        ("total = labour + price", _same, "of 60 real rows break it"),
        ("currency = parent.built", _same, "real rows break it"),
        ("labour <= card", _same, "of the types double and string"),
        ("total = labour + collected", _same, "of the types"),
        ("total = parts + parent.x", _same, "'parent . x' is no column"),
        ("parent.nothing <= visited", _same, "the parent has no column nothing, but id, built, currency"),
        ("mileage never falls along collected within a parent", _same, "not ordered by collected"),
        ("visited = collected", _same, "a key, an order"),
        ("car <= mileage", _same, "car is part of a key"),
        ("colected >= visited", _same, "is declared but not in the data"),
        ('region decides "a place"', _same, "real rows break it"),
        ("quantity = extract(month from visited)", _same, "of 60 real rows break it"),
        ("quantity = extract(hour from card)", _same, "of the types int64 and string"),
        ("card = extract(month from visited)", _same, "of the types string and timestamp"),
        (
            "quantity = extract(hour from visited at time zone 'Mars/Base')",
            _same,
            "first at the zone it is in",
        ),
        (
            "quantity = extract(hour from visited at time zone 'UTC' at time zone 'Mars/Base')",
            _same,
            "there is no time zone Mars/Base",
        ),
    ],
)
def test_a_rule_that_can_not_be_kept_is_refused(
    rule: str, change: Callable[[pd.DataFrame], pd.DataFrame], why: str
) -> None:
    data = garage()
    data["visits"] = change(data["visits"])
    with pytest.raises(SchemaError, match="visits") as caught:
        Synthesizer(declared(rule), model_options=FAST, progress=False).fit(data)
    assert why in str(caught.value)


def test_the_plan_reports_a_rule_that_real_rows_break() -> None:
    data = garage()
    data["visits"] = _crossed(data["visits"])
    plan = Synthesizer(declared("visited <= collected"), progress=False).plan(data)
    assert "60 of 60 real rows break it" in str(plan)


def test_a_rule_on_a_parent_needs_one_that_rows_are_generated_from() -> None:
    metadata = Metadata()
    metadata.add_table("cars", pk="id", mode="reference")
    metadata.add_table("visits", fk={"car": "cars.id"}, rules=["parent.built <= visited"])
    with pytest.raises(SchemaValidationError, match="small reference table is none"):
        Synthesizer(metadata, progress=False).fit(garage())


def test_two_formulas_in_a_circle_are_refused() -> None:
    data = garage()
    data["visits"]["also"] = data["visits"]["price"]
    with pytest.raises(SchemaValidationError, match="computed twice, or from itself"):
        Synthesizer(declared("price = also", "also = price"), progress=False).fit(data)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("start <= end", "at_most start end"),
        ("end > start", "below start end"),
        ("((end >= start) or end is null)", "at_most start end"),
        ("a * `b c` = d", "product d a b c"),
        ("x = parent.y", "repeats x y"),
        ("parent.x < y", "below x y"),
        ('parent(a, "b c").x <= y', "at_most x y"),
        ("a is not null or b is null", "nulls a b"),
        ("A DECIDES b", "decides A b"),
        ("a decides Whether b is NULL", "null_by a b"),
        ("a = b * c * (1 - d)", "product a b c d"),
        ("a = (1 + t / 100) * b", "product a t b"),
        ("a = round(b * (1.0 - 0.01 * d), 2)", "product a b d"),
        ("a = extract(month from b)", "date_part a b"),
        ("Year( `b c` ) = a", "date_part a b c"),
        ("a = date_trunc(b, month)", "date_part a b"),
        ("a = CAST(b AS date)", "date_part a b"),
        ("a = extract(hour from b at time zone 'UTC' at time zone 'Asia/Tokyo')", "date_part a b"),
        ('(a, "b""c") do not overlap within a parent', 'apart a b"c'),
    ],
)
def test_rules_are_read(text: str, says: str) -> None:
    (clause,) = parse_clauses(text)
    assert " ".join([clause.kind, *clause.columns]) == says


@pytest.mark.parametrize(
    "text",
    ["", "a", "a < 5", "a <> b", "a = a", "a < b < c", "f(a) < b", "a is null", "a < b or c < d",
     "a is null or a is not null", "parent.a < parent.b", "(a < b", "a < b)", "a = b + b", "a; drop table b",
     "a = b - c", "a = b * (2 - c)", "a = b * (1 - c * 3)", "a = b + c * d", "a decides whether b",
     "a = extract(moon from b)", "a = extract(month from a)", "a = extract(month from b + c)", "a = month(3)",
     "parent(a.x <= y", "parent().x <= y", "parent(a)x <= y", "parent(a).x < parent(b).y", "x = parent(a).y"],
)  # fmt: skip
def test_what_is_no_rule_is_refused_when_it_is_declared(text: str) -> None:
    with pytest.raises(SchemaError, match="is not understood"):
        declared(text)


@pytest.mark.parametrize("name", ["plain", "größe", "two words", "or", 'a"b', "1st", "a.b"])
def test_quoted_names_are_read_back(name: str) -> None:
    (clause,) = parse_clauses(f"{quoted(name)} <= other_one")
    assert clause.columns == (name, "other_one")


def quick(metadata: Metadata, model: str = "gaussian_copula") -> Synthesizer:
    return Synthesizer(metadata, model=model, seed=1, progress=False, max_fit_seconds=5)


@pytest.mark.parametrize("model", ["autoregressive", "gaussian_copula"])
def test_siblings_end_where_their_parent_says(model: str) -> None:
    rng = np.random.default_rng(0)
    closed, of = rng.integers(0, 4000, 150), rng.integers(0, 150, 1200)
    first = pd.Timestamp("2000-01-01")
    accounts = pd.DataFrame({"id": range(150), "closed": first + pd.to_timedelta(closed, "D")})
    used = first + pd.to_timedelta(closed[of] - rng.integers(0, 300, 1200), "D")
    metadata = Metadata()
    metadata.add_table("accounts", pk="id")
    metadata.add_table("uses", fk={"account": "accounts.id"}, rules="used <= parent.closed", order_by="used")
    data = {"accounts": accounts, "uses": pd.DataFrame({"account": of, "used": used})}
    twin = quick(metadata, model).fit(data).sample()
    both = twin["uses"].merge(twin["accounts"], left_on="account", right_on="id")

    before = (both["closed"] - both["used"]).dt.days
    assert len(both) == 1200
    assert before.min() >= 0
    assert 100 < before.mean() < 200  # 150 in the real rows: not all at the end


def test_two_columns_may_decide_a_third_one() -> None:
    number = np.random.default_rng(0).integers(0, 40, 300)
    cities = pd.DataFrame(
        {"city": [f"c{n}" for n in number], "country": [f"k{n % 7}" for n in number], "number": number}
    )
    metadata = Metadata()
    metadata.add_table("cities", rules="city decides country")

    twin = quick(metadata).fit({"cities": cities}).sample()["cities"]

    assert len(twin) == 300
    assert twin.groupby("city")["country"].nunique().max() == 1
    assert twin.groupby("number")["country"].nunique().max() == 1


def test_made_up_values_are_decided_without_copying_rows() -> None:
    people = pd.DataFrame(
        {"login": [f"user{i // 2}" for i in range(300)], "mail": [f"user{i // 2}@x.com" for i in range(300)]}
    )
    people["height"] = np.random.default_rng(0).normal(170, 10, 300)
    metadata = Metadata()
    metadata.add_table("people", rules="login decides mail")

    twin = quick(metadata).fit({"people": people}).sample()["people"]

    assert twin.groupby("login")["mail"].nunique().max() == 1
    assert not twin.duplicated().any()


def test_columns_with_points_in_their_names_can_decide() -> None:
    real = pd.DataFrame(
        {".city": [f"c{i % 9}" for i in range(200)], "a[0]": [f"k{i % 9 % 4}" for i in range(200)]}
    )
    metadata = Metadata()
    metadata.add_table("places")

    twin = quick(metadata).fit({"places": real}).sample()["places"]

    assert twin.groupby(".city")["a[0]"].nunique().max() == 1
