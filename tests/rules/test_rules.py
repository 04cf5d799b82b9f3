"""What holds in every real row holds in every generated one, and is named."""

from __future__ import annotations

import datetime as dt
import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from synthohive_py import Metadata, Synthesizer
from synthohive_py.frames import to_arrow
from synthohive_py.quality import score
from synthohive_py.rng import Seed

Frames = dict[str, pd.DataFrame]
FAST = {"epochs": 2}  # a model that knows little breaks much, so that all is left to the rules


def shop() -> tuple[Metadata, Frames]:
    """Users with orders: every kind of rule."""
    rng = np.random.default_rng(0)
    users, first = 300, pd.Timestamp("2020-01-01")
    city = rng.choice(list("abcdefgh"), users)
    joined = first + pd.to_timedelta(rng.integers(0, 900, users), "D")
    left = pd.Series(joined + pd.to_timedelta(rng.integers(1, 900, users), "D"))
    people = pd.DataFrame(
        {
            "id": np.arange(users),
            "city": city,
            "country": [dict(zip("abcdefgh", "XXXYYZZZ", strict=True))[c] for c in city],
            "joined": joined,
            "left": left.where(rng.random(users) < 0.7),
        }
    )
    of = np.repeat(np.arange(users), rng.integers(0, 8, users))
    rows = len(of)
    by_card = rng.random(rows) < 0.4
    orders = pd.DataFrame(
        {
            "id": np.arange(rows),
            "user_id": of,
            "placed": joined[of] + pd.to_timedelta(rng.integers(0, 500, rows), "D"),
            "quantity": rng.integers(1, 9, rows),
            "price": np.round(rng.gamma(2, 20, rows), 2),
            "card": np.where(by_card, rng.choice(["visa", "amex"], rows), None),
            "iban": np.where(~by_card, rng.choice(["DE", "FR"], rows), None),
        }
    )
    orders["shipped"] = orders["placed"] + pd.to_timedelta(rng.integers(0, 10, rows), "D")
    orders["total"] = np.round(orders["quantity"] * orders["price"], 2)
    metadata = Metadata()
    metadata.add_table("users", pk="id")
    metadata.add_table("orders", pk="id", fk={"user_id": "users.id"})
    return metadata, {"users": people, "orders": orders}


@pytest.fixture(scope="module")
def fitted() -> Synthesizer:
    metadata, data = shop()
    return Synthesizer(metadata, seed=3, model_options=FAST, progress=False).fit(data)


@pytest.mark.parametrize("scale", [1.0, 3.0])
def test_rules_hold_in_every_row(fitted: Synthesizer, scale: float, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        twin = fitted.sample(scale=scale)

    users, orders = twin["users"], twin["orders"]
    joined = orders.merge(users, left_on="user_id", right_on="id", suffixes=("", "_user"))
    assert not users[["city", "country"]].drop_duplicates()["city"].duplicated().any()
    assert not (users["left"] <= users["joined"]).any()
    assert (orders["card"].isna() != orders["iban"].isna()).all()
    assert (orders["placed"] <= orders["shipped"]).all()
    assert (joined["joined"] <= joined["placed"]).all()
    assert np.allclose(orders["total"], orders["quantity"] * orders["price"], atol=0.0051)
    assert "break a rule" not in caplog.text


def test_rules_are_kept_by_an_artefact(fitted: Synthesizer, tmp_path: Path) -> None:
    fitted.save(tmp_path / "shop.syn")

    again = Synthesizer.load(tmp_path / "shop.syn", progress=False).sample()

    pd.testing.assert_frame_equal(again["orders"], fitted.sample()["orders"])


def test_rules_hold_in_a_table_that_stands_alone() -> None:
    _, data = shop()
    metadata = Metadata()
    metadata.add_table("users", pk="id")

    twin = Synthesizer(metadata, model_options=FAST, progress=False).fit({"users": data["users"]}).sample()

    assert not (twin["users"]["left"] <= twin["users"]["joined"]).any()
    assert not twin["users"][["city", "country"]].drop_duplicates()["city"].duplicated().any()


@pytest.mark.parametrize("model", ["autoregressive", "gaussian_copula"])
def test_a_price_of_a_product_and_an_order_that_is_lost(model: str) -> None:
    """What an item costs is computed from the price that its product brings; a status says what is null."""
    rng = np.random.default_rng(5)
    rows, price = 2000, np.round(rng.gamma(3, 9, 40), 2)
    product, quantity = rng.integers(0, 40, rows), rng.integers(1, 6, rows)
    discount = rng.choice([0.0, 0.05, 0.2], rows, p=[0.7, 0.2, 0.1])
    status = rng.choice(["done", "lost", "open"], rows, p=[0.8, 0.05, 0.15])
    items = pd.DataFrame(
        {
            "order_id": np.sort(rng.integers(0, 700, rows)),
            "product_id": product,
            "quantity": quantity,
            "price": price[product],
            "discount": discount,
            "amount": np.round(quantity * price[product] * (1 - discount), 2),
            "status": status,
            "paid_by": pd.Series(rng.choice(["card", "cash"], rows)).where(status != "open"),
            "arrived_in": pd.Series(rng.integers(1, 9, rows)).where(status == "done").astype("Int64"),
        }
    )
    metadata = Metadata()
    metadata.add_table("orders", pk="id")
    metadata.add_table("products", pk="id")
    metadata.add_table("items", fk={"order_id": "orders.id", "product_id": "products.id"})
    data = {
        "orders": pd.DataFrame({"id": range(700)}),
        "products": pd.DataFrame({"id": range(40), "price": price}),
        "items": items,
    }

    synthesizer = Synthesizer(metadata, model=model, seed=1, progress=False, max_fit_seconds=5)
    plan = str(synthesizer.plan(data))
    twin = synthesizer.fit(data).sample()

    assert "amount = quantity * price * (1 - discount)" in plan
    assert "status decides whether paid_by is null" in plan
    made = twin["items"].merge(twin["products"], left_on="product_id", right_on="id", suffixes=("", "_now"))
    assert (made["price"] == made["price_now"]).all()
    amount = made["quantity"] * made["price"] * (1 - made["discount"])
    assert np.allclose(made["amount"], amount, atol=0.0051)
    assert (made["paid_by"].isna() == (made["status"] == "open")).all()
    assert (made["arrived_in"].notna() == (made["status"] == "done")).all()
    assert (made["status"] == "lost").mean() == pytest.approx(0.05, abs=0.02)


@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_a_float_stays_above_another(kind: str) -> None:
    rng = np.random.default_rng(2)
    speed = rng.integers(0, 20, 3000) * 1.15078
    gust = np.where(rng.random(3000) < 0.5, speed + rng.integers(1, 9, 3000) * 1.15078, np.nan)
    metadata = Metadata()
    metadata.add_table("weather")

    synthesizer = Synthesizer(metadata, model_options=FAST, progress=False)
    wind = pd.DataFrame({"speed": speed, "gust": gust}, dtype=kind)
    twin = synthesizer.fit({"weather": wind}).sample(scale=5)["weather"]

    assert not (twin["gust"] <= twin["speed"]).any()
    assert twin.dtypes.eq(kind).all()


def history(*, gaps: bool) -> tuple[Metadata, Frames]:
    """Machines with the periods they were leased for, one after the other, and a meter that only rises."""
    rng = np.random.default_rng(1)
    machines, each = 60, 6
    machine = np.repeat(np.arange(machines), each)
    lengths = rng.integers(1, 50, (machines, each))
    pauses = rng.integers(0, 20, (machines, each)) * gaps
    start = np.cumsum(lengths + pauses, axis=1) - lengths
    begun = np.datetime64("2021-01-01", "s") + (start + rng.integers(0, 200, (machines, 1))).ravel() * 86400
    leases = pd.DataFrame(
        {
            "machine_id": machine,
            "begun": begun,
            "ended": begun + lengths.ravel() * 86400,
            "meter": np.cumsum(rng.integers(0, 900, (machines, each)), axis=1).ravel(),
        }
    )
    metadata = Metadata()
    metadata.add_table("machines", pk="id")
    metadata.add_table("leases", pk=["machine_id", "begun"], fk={"machine_id": "machines.id"})
    return metadata, {"machines": pd.DataFrame({"id": np.arange(machines)}), "leases": leases}


@pytest.mark.parametrize("gaps", [True, False])
def test_periods_of_a_parent_do_not_overlap_and_meters_never_fall(gaps: bool) -> None:
    metadata, data = history(gaps=gaps)

    leases = Synthesizer(metadata, model_options=FAST, progress=False).fit(data).sample()["leases"]

    leases = leases.sort_values(["machine_id", "begun"])
    following = leases.groupby("machine_id").shift(-1)
    assert (leases["begun"] <= leases["ended"]).all()
    assert not (leases["ended"] > following["begun"]).any()
    assert not (leases["meter"] > following["meter"]).any()


def test_a_condition_goes_before_a_rule_and_is_warned_of(
    fitted: Synthesizer, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        twin = fitted.sample(conditions={"orders": {"card": "visa", "iban": "DE"}})

    assert set(twin["orders"]["card"]) == {"visa"}
    assert "break a rule: card is null or iban is null" in caplog.text


def test_the_gate_counts_the_rows_that_break_a_rule(fitted: Synthesizer) -> None:
    learned = fitted._fitted
    assert learned is not None
    _, data = shop()
    real = {name: to_arrow(frame, name) for name, frame in data.items()}
    twin = {name: to_arrow(frame, name) for name, frame in fitted.sample().items()}
    early = pa.array([dt.datetime(1999, 1, 1)] * 3 + twin["orders"].column("shipped").to_pylist()[3:])
    place = twin["orders"].column_names.index("shipped")
    spoilt = twin["orders"].set_column(place, "shipped", early)

    def judged(tables: dict[str, pa.Table]) -> dict[str | None, bool]:
        found = score(learned.metadata, real, tables, seed=Seed(0), rules=learned.rules())
        return {f.column: f.passed for f in found if f.metric == "RuleAdherence" and f.table == "orders"}

    assert all(judged(twin).values())
    assert judged(twin)["total = quantity * price"]
    assert not judged({**twin, "orders": spoilt})["placed <= shipped"]


def test_a_row_that_can_keep_no_rule_is_left_out_or_takes_the_values_of_another() -> None:
    """Careers lie within lives; a few generated lives are too short for any."""
    rng = np.random.default_rng(4)
    born = rng.integers(1850, 1990, 400)
    people = pd.DataFrame({"id": range(400), "born": born, "died": born + rng.integers(2, 90, 400)})
    of = np.repeat(np.arange(400), rng.integers(1, 5, 400))
    span = people["died"].to_numpy()[of] - born[of]
    jobs = pd.DataFrame(
        {"person_id": of, "year": born[of] + 1 + (rng.random(len(of)) * (span - 1)).astype(int)}
    )
    metadata = Metadata()
    metadata.add_table("people", pk="id")
    metadata.add_table("jobs", fk={"person_id": "people.id"})

    synthesizer = Synthesizer(metadata, model_options=FAST, progress=False)
    twin = synthesizer.fit({"people": people, "jobs": jobs}).sample(scale=5)

    both = twin["jobs"].merge(twin["people"], left_on="person_id", right_on="id")
    assert (both["born"] < both["year"]).all()
    assert (both["year"] < both["died"]).all()
    assert len(both) > 4.8 * len(jobs)


def races() -> tuple[Metadata, Frames]:
    """Stops of cars in races: the key has a column that a rule is about, and one that is matched."""
    rng = np.random.default_rng(1)
    rows = [
        (race, car, stop, min(stop * 12 + int(rng.integers(-11, 12)), 60))
        for race in range(60)
        for car in rng.permutation(30)[:20]
        for stop in range(1, 1 + int(rng.integers(1, 5)))
    ]
    stops = pd.DataFrame(rows, columns=["race", "car", "stop", "lap"]).sort_values(["race", "lap"])
    stops["lap"] = np.maximum(stops["lap"], stops["stop"])
    metadata = Metadata()
    metadata.add_table("races", pk="id")
    metadata.add_table("cars", pk="id")
    metadata.add_table("stops", pk=["race", "car", "stop"], fk={"race": "races.id", "car": "cars.id"})
    some = rng.choice(list("xyz"), 60)
    return metadata, {
        "races": pd.DataFrame({"id": range(60), "track": some}),
        "cars": pd.DataFrame({"id": range(30), "team": some[:30]}),
        "stops": stops.reset_index(drop=True),
    }


def test_a_rule_about_a_column_of_a_key_leaves_the_key_unique() -> None:
    metadata, data = races()
    synthesizer = Synthesizer(metadata, seed=1, model_options=FAST, progress=False).fit(data)
    assert "stop <= lap" in str(synthesizer.plan(data))
    for scale in (1.0, 4.0):
        stops = synthesizer.sample(scale=scale)["stops"]
        assert (stops["stop"] <= stops["lap"]).all()
        assert not stops.duplicated(["race", "car", "stop"]).any()


def test_values_that_follow_from_rare_ones_only_do_not_vanish() -> None:
    """Most planes have no speed; those of rare models, which the twin can't have, have."""
    rng = np.random.default_rng(0)
    common = pd.DataFrame({"model": rng.choice(["a", "b", "c"], 1500), "speed": np.nan})
    rare = pd.DataFrame({"model": [f"rare {i}" for i in range(60)], "speed": rng.integers(90, 200, 60)})
    metadata = Metadata()
    metadata.add_table("planes")
    planes = pd.concat([common, rare.loc[np.arange(120) % 60]], ignore_index=True)
    synthesizer = Synthesizer(metadata, model="gaussian_copula", progress=False).fit({"planes": planes})

    twin = synthesizer.sample(scale=2)["planes"]

    assert "model decides speed" in str(synthesizer.plan({"planes": planes}))
    assert 120 < twin["speed"].notna().sum() <= 240
    assert twin.groupby("model")["speed"].nunique(dropna=False).max() == 1
    assert not {*rare["model"]} & {*twin["model"]}
    more = synthesizer.sample(append_to={"planes": twin}, seed=2)["planes"]
    every = pd.concat([twin, more])
    assert len(every) > len(twin)
    assert every.groupby("model")["speed"].nunique(dropna=False).max() == 1
    assert twin.loc[twin["speed"].notna(), "model"].str.fullmatch(r"rare \d+").all()
