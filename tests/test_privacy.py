"""What only few real rows hold is not given out again, however small the table is."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from synthohive_py import Metadata, Synthesizer

THRESHOLD = 5


def people(rows: int) -> pd.DataFrame:
    rng = np.random.default_rng(rows)
    number = rng.integers(10**9, 10**10, rows)
    return pd.DataFrame(
        {
            "ssn": [f"{n % 900:03d}-{n % 97:02d}-{n}" for n in number],
            "mail": [f"user{n}@{'example' if n % 2 else 'mail'}.org" for n in number],
            "salary": np.round(rng.lognormal(10, 1, rows), 6),
            "weight": rng.normal(70, 9, rows),
            "account": rng.integers(10**14, 10**15, rows),
            "town": np.where(rng.random(rows) < 0.97, "Wien", [f"village {n}" for n in number]),
            "seen": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 10**17, rows), unit="ns"),
        }
    )


@pytest.mark.parametrize("rows", [10, 49, 300, 5000])
@pytest.mark.parametrize("model", ["ctgan", "gaussian_copula"])
def test_no_rare_value_is_given_out_again(rows: int, model: str) -> None:
    real = people(rows)
    metadata = Metadata()
    metadata.add_table("people")
    synthesizer = Synthesizer(metadata, model=model, max_fit_seconds=2, progress=False)

    twin = synthesizer.fit({"people": real}).sample(num_rows={"people": 2 * rows})["people"]

    for column in real:
        counts = real[column].value_counts()
        rare = counts.index[counts < THRESHOLD]
        assert not twin[column].isin(rare).any(), column


def test_no_rare_value_is_in_the_artefact(tmp_path: Path) -> None:
    real = people(300)
    metadata = Metadata()
    metadata.add_table("people")
    path = tmp_path / "people.synthohive"

    Synthesizer(metadata, model="gaussian_copula", progress=False).fit({"people": real}).save(path)

    content = path.read_bytes()
    for column in ("ssn", "mail", "town"):
        rare = set(real[column]) - {"Wien"}
        assert not [value for value in rare if value.encode() in content]
    for column in ("salary", "weight"):
        assert not [value for value in real[column] if np.float64(value).tobytes() in content]
    assert not [value for value in real["account"] if np.int64(value).tobytes() in content]


def test_what_belongs_to_one_customer_is_rare_however_many_rows_hold_it(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    site = np.array([f"{''.join(rng.choice(list('abcdefgh'), 9))}.org" for _ in range(200)], object)
    iban = rng.integers(10**14, 10**15, 200)
    customers = pd.DataFrame({"id": range(200)})
    contracts = pd.DataFrame({"id": range(300), "customer": np.arange(300) % 200})
    of = np.repeat(np.arange(300), 12)  # the contract of each bill
    whose = contracts["customer"].to_numpy()[of]
    kind = rng.choice(["water", "power"], len(of))
    bills = pd.DataFrame({"contract": of, "site": site[whose], "iban": iban[whose], "kind": kind})
    said = list(zip(site[whose], kind, range(len(of)), strict=True))
    documents = [dict(zip(("site", "kind", "no"), values, strict=True)) for values in said]
    bills["text"] = [json.dumps({"of": [document]}) for document in documents]
    bills["struct"] = documents
    bills["list"] = [list(map(str, values)) for values in said]
    bills["whole"] = [[site[w]] for w in whose]
    metadata = Metadata()
    metadata.add_table("customers", pk="id")
    metadata.add_table("contracts", pk="id", fk={"customer": "customers.id"})
    metadata.add_table("bills", fk={"contract": "contracts.id"})
    synthesizer = Synthesizer(metadata, model="gaussian_copula", progress=False)
    synthesizer.fit({"customers": customers, "contracts": contracts, "bills": bills})
    synthesizer.save(tmp_path / "bills.synthohive")

    twin, content = synthesizer.sample(scale=3)["bills"], (tmp_path / "bills.synthohive").read_bytes()

    assert not twin["site"].isin(site).any()
    written = twin[["text", "struct", "list", "whole"]].to_csv()
    assert not [value for value in site if value in written]
    assert {json.loads(text)["of"][0]["kind"] for text in twin["text"]} == {"water", "power"}
    assert not twin["iban"].isin(iban).any()
    assert set(twin["kind"]) == {"water", "power"}
    assert not [value for value in site if value.encode() in content]
    assert not [value for value in iban if np.int64(value).tobytes() in content]
    assert twin.groupby("contract")["site"].nunique().mean() < 1.2  # a contract keeps its own
