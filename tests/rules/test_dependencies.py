"""What decides what: a value, a parent or a made-up login says what follows, in every generated row."""

from __future__ import annotations

import datetime as dt
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synthohive_py import Metadata, PrivacyConfig, Synthesizer

FAST = {"epochs": 2}  # a model that knows little breaks much, so that all is left to the rules
RNG = np.random.default_rng


def twin_of(metadata: Metadata, data: dict[str, pd.DataFrame], **options: Any) -> dict[str, pd.DataFrame]:
    synthesizer = Synthesizer(metadata, seed=1, model_options=FAST, progress=False)
    return synthesizer.fit(data).sample(**options)


def planned(metadata: Metadata, data: dict[str, pd.DataFrame]) -> str:
    return str(Synthesizer(metadata, progress=False).plan(data))


def decides(table: pd.DataFrame, on: str, column: str) -> bool:
    return bool(table.groupby(on)[column].nunique(dropna=False).max() == 1)


def lines(rows: int = 1200) -> pd.DataFrame:
    """Lines of invoices: the article decides the rate of the tax, which the tax is computed from."""
    rng = RNG(0)
    article = rng.choice(list("abcdefg"), rows)
    rate = pd.Series(article).map(dict(zip("abcdefg", [0.2, 0.2, 0.1, 0.0, 0.2, 0.1, 0.05], strict=True)))
    net = np.round(rng.gamma(2, 40, rows), 2)
    limit = np.round(rate + rng.choice([0.0, 0.05, 0.1], rows), 2)
    return pd.DataFrame(
        {"article": article, "net": net, "rate": rate, "limit": limit, "tax": np.round(net * rate, 2)}
    )


def test_a_factor_of_a_formula_may_be_decided_and_limited() -> None:
    metadata = Metadata()
    metadata.add_table("lines")
    plan = planned(metadata, {"lines": lines()})
    assert "article decides rate" in plan
    assert "rate <= limit" in plan
    assert "tax = net * rate" in plan

    twin = twin_of(metadata, {"lines": lines()}, scale=3)["lines"]

    assert len(twin) == 3600
    assert decides(twin, "article", "rate")
    assert (twin["rate"] <= twin["limit"]).all()
    assert np.allclose(twin["tax"], twin["net"] * twin["rate"], atol=0.0051)
    real = lines().groupby("article")["rate"].first()
    assert twin.groupby("article")["rate"].first().equals(real)


def standings() -> dict[str, pd.DataFrame]:
    """Teams of a race by their place; a few are excluded, which is a text of its own for the place."""
    rng = RNG(0)
    race = np.repeat(np.arange(150), 12)
    place = np.tile(np.arange(1, 13), 150)
    text = pd.Series(place.astype(str)).where((place < 12) | (rng.random(len(place)) < 0.5), "E")
    table = pd.DataFrame({"race_id": race, "place": place, "text": text, "points": (13 - place) * 2})
    return {"races": pd.DataFrame({"id": range(150), "hot": rng.random(150) < 0.3}), "standings": table}


def test_what_orders_siblings_chooses_who_decides_it() -> None:
    metadata = Metadata()
    metadata.add_table("races", pk="id")
    metadata.add_table("standings", fk={"race_id": "races.id"}, order_by="place")
    assert "text decides place" in planned(metadata, standings())

    twin = twin_of(metadata, standings(), scale=2)["standings"]

    assert len(twin) > 3000
    assert decides(twin, "text", "place")
    assert (twin.loc[twin["text"] != "E", "text"].astype(int) == twin.loc[twin["text"] != "E", "place"]).all()
    assert (twin["text"] == "E").any()


def test_a_column_of_a_key_chooses_who_decides_it() -> None:
    """Invoices are numbered by the year; the day says which."""
    rng = RNG(0)
    year = np.repeat(np.arange(2015, 2025), 150)
    day = [
        dt.date(int(y), 1, 1) + dt.timedelta(int(d))
        for y, d in zip(year, rng.integers(0, 12, 1500) * 30, strict=True)
    ]
    invoices = pd.DataFrame({"year": year, "number": np.tile(np.arange(150), 10), "day": day})
    metadata = Metadata()
    metadata.add_table("invoices", pk=["year", "number"])
    assert "day decides year" in planned(metadata, {"invoices": invoices})

    twin = twin_of(metadata, {"invoices": invoices})["invoices"]

    assert len(twin) == 1500
    assert not twin.duplicated(["year", "number"]).any()
    assert ([d.year for d in twin["day"]] == twin["year"]).all()


def test_two_columns_decide_one_though_neither_decides_the_other() -> None:
    rng = RNG(0)
    town, prefix = rng.integers(0, 30, 1500), rng.integers(0, 10, 1500)
    prefix = town % 5 + 5 * (prefix % 3)  # both say the state, town % 5
    places = pd.DataFrame(
        {
            "state": [f"s{t % 5}" for t in town],
            "town": [f"t{t}" for t in town],
            "prefix": [f"0{p}" for p in prefix],
        }
    )
    metadata = Metadata()
    metadata.add_table("places")

    twin = twin_of(metadata, {"places": places})["places"]

    assert len(twin) == 1500
    assert decides(twin, "town", "state")
    assert decides(twin, "prefix", "state")


def test_clock_times_decide_their_hours() -> None:
    rng = RNG(0)
    hour, minute = rng.integers(5, 24, 20_000), rng.choice([0, 5, 15, 30, 45, 59], 20_000)
    flights = pd.DataFrame({"at": hour * 100 + minute, "hour": hour, "late": rng.normal(0, 9, 20_000)})
    metadata = Metadata()
    metadata.add_table("flights")

    twin = twin_of(metadata, {"flights": flights})["flights"]

    assert (twin["at"] // 100 == twin["hour"]).all()


def visits() -> dict[str, pd.DataFrame]:
    """Visits by the kinds of a copied table, of persons whose tariff is that of all their visits."""
    rng = RNG(0)
    kinds = pd.DataFrame({"id": [10, 20, 30, 40], "name": ["check", "x-ray", "call", "other"]})
    rows = 2400
    person, kind = np.repeat(np.arange(300), 8), rng.choice(kinds["id"], rows)
    table = pd.DataFrame(
        {
            "person_id": person,
            "kind_id": kind,
            "fee": pd.Series(kind).map({10: 40, 20: 95, 30: 40, 40: 40}),
            "room": pd.Series(rng.integers(1, 9, rows), dtype="Int64").mask(kind == 30),
            "tariff": [f"{'abcd'[p % 4]}" for p in person],
        }
    )
    return {
        "kinds": kinds,
        "persons": pd.DataFrame({"id": range(300), "age": rng.integers(1, 90, 300)}),
        "visits": table,
    }


def test_a_parent_decides() -> None:
    """The key of a copied one says what it always says, that of another one what its first rows say."""
    metadata = Metadata()
    metadata.add_table("kinds", pk="id", mode="reference")
    metadata.add_table("persons", pk="id")
    metadata.add_table("visits", fk={"kind_id": "kinds.id", "person_id": "persons.id"})
    plan = planned(metadata, visits())
    assert "kind_id decides fee" in plan
    assert "kind_id decides whether room is null" in plan
    assert "person_id decides tariff" in plan

    twin = twin_of(metadata, visits(), scale=2)["visits"]

    assert len(twin) > 4000
    assert (twin["fee"] == twin["kind_id"].map({10: 40, 20: 95, 30: 40, 40: 40})).all()
    assert (twin["room"].isna() == (twin["kind_id"] == 30)).all()
    assert decides(twin, "person_id", "tariff")
    assert twin["tariff"].value_counts(normalize=True).max() < 0.5


@pytest.mark.parametrize("is_private", [False, True])
def test_made_up_values_decide(is_private: bool) -> None:
    """Accounts belong to single customers, four to each, so that the twin has others than these."""
    rng = RNG(0)
    customer = np.repeat(np.arange(150), 20)
    account = customer * 4 + rng.integers(0, 4, 3000)
    payments = pd.DataFrame(
        {
            "customer_id": customer,
            "account": account * 7919 % 10_007,
            "bank": [f"bank {'abcdefghij'[a % 10]}" for a in account],
            "amount": np.round(rng.gamma(2, 20, 3000), 2),
        }
    )
    customers = pd.DataFrame({"id": range(150), "age": rng.integers(18, 90, 150)})
    data = {"customers": customers, "payments": payments}
    metadata = Metadata()
    metadata.add_table("customers", pk="id")
    metadata.add_table("payments", fk={"customer_id": "customers.id"})
    assert "account decides bank" in planned(metadata, data)
    privacy = PrivacyConfig(pii_columns=["payments.account"]) if is_private else None
    synthesizer = Synthesizer(metadata, privacy, seed=1, model_options=FAST, progress=False)

    twin = synthesizer.fit(data).sample()["payments"]

    assert twin["account"].duplicated().mean() > 0.3
    assert decides(twin, "account", "bank")
    assert twin["bank"].value_counts(normalize=True).max() < 0.3


def test_what_a_parent_says_may_go_with_nulls() -> None:
    """Leagues without a name counted no errors, and their games have no umpire; all others have one."""
    rng = RNG(0)
    teams = pd.DataFrame({"id": range(200), "league": rng.choice(["A", "B", None], 200)})
    team = np.repeat(np.arange(200), 10)
    league = teams["league"].to_numpy()[team]
    errors = pd.Series(rng.integers(0, 30, 2000), dtype="Int64").mask(
        pd.isna(league) | (rng.random(2000) < 0.2)
    )
    umpire = pd.Series(rng.choice(list("xyz"), 2000)).mask(pd.isna(league))
    games = pd.DataFrame({"team_id": team, "league": league, "errors": errors, "umpire": umpire})
    metadata = Metadata()
    metadata.add_table("teams", pk="id")
    metadata.add_table("games", fk={"team_id": "teams.id"})

    twin = twin_of(metadata, {"teams": teams, "games": games}, scale=2)["games"]

    assert len(twin) == 4000
    assert twin.loc[twin["league"].isna(), "errors"].isna().all()
    assert (twin["league"].isna() == twin["umpire"].isna()).all()
    assert twin["errors"].notna().mean() > 0.3


def test_values_of_single_customers_decide_without_being_stored(tmp_path: Path) -> None:
    """Both columns have some that many customers share, and some that only one has."""
    rng = RNG(0)
    customer = np.repeat(np.arange(200), 10)
    own = customer % 3 == 0
    code = np.where(own, 10_000 + customer * 17, rng.integers(0, 20, 2000))
    policies = pd.DataFrame(
        {
            "customer_id": customer,
            "code": code,
            "plan": [f"special {c}" if o else f"plan {c % 7}" for c, o in zip(code, own, strict=True)],
            "ended": pd.Series(rng.integers(2000, 2020, 2000), dtype="Int64").mask(code % 2 == 0),
        }
    )
    customers = pd.DataFrame({"id": range(200), "age": rng.integers(18, 90, 200)})
    metadata = Metadata()
    metadata.add_table("customers", pk="id")
    metadata.add_table("policies", fk={"customer_id": "customers.id"})
    synthesizer = Synthesizer(metadata, seed=1, model_options=FAST, progress=False)

    twin = synthesizer.fit({"customers": customers, "policies": policies}).sample()["policies"]

    assert decides(twin, "code", "plan")
    common = twin[twin["code"] < 20]
    assert (common["plan"] == [f"plan {c % 7}" for c in common["code"]]).mean() > 0.5
    synthesizer.save(tmp_path / "artefact")
    content = (tmp_path / "artefact").read_bytes()
    assert b"plan 3" in content  # nothing is compressed
    assert b"special " not in content


@pytest.mark.parametrize("kind", [pa.uuid(), pa.binary(16), pa.string()])
@pytest.mark.parametrize("model", ["ctgan", "gaussian_copula"])
def test_uuids_and_bytes_decide_as_texts_do(kind: pa.DataType, model: str, tmp_path: Path) -> None:
    """Rows of a few tenants; of what a tenant has, most is null."""
    tenants = [uuid.UUID(int=number * 10**30 + 7, version=4) for number in range(6)]
    of = np.arange(600) % 6
    texts = pa.array([str(tenants[number]) for number in of])
    stored = pa.array([tenants[number].bytes for number in of], pa.binary(16))
    tags = {pa.string(): texts, pa.binary(16): stored, pa.uuid(): pa.uuid().wrap_array(stored)}
    rows = pa.table(
        {
            "tenant": tags[kind],
            "plan": pa.array(["free", "free", None, None, None, "paid"]).take(pa.array(of)),
            "domain": [f"{number}.example" for number in of],
            "owner": pa.uuid().wrap_array(stored),
        }
    )
    options = {"epochs": 2} if model == "ctgan" else {}
    metadata = Metadata()
    metadata.add_table("rows")
    synthesizer = Synthesizer(metadata, seed=1, model=model, model_options=options, progress=False)
    synthesizer.fit({"rows": rows}).save(tmp_path / "rows.syn")

    Synthesizer.load(tmp_path / "rows.syn").sample(scale=2, output_path=tmp_path / "twin")
    twin = pq.read_table(tmp_path / "twin" / "rows.parquet")

    assert twin.schema.field("tenant").type == kind
    both = [{tuple(row.items()) for row in table.to_pylist()} for table in (rows, twin)]
    assert both[0] == both[1]
