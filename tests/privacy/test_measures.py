"""What is measured on copies, on strangers and on other real rows."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from synthohive_py.privacy import PrivacyFinding, disclosure
from synthohive_py.rng import Seed

ALL = {
    "DistanceToClosestRecord",
    "ExactCopies",
    "MembershipInference",
    "NearestNeighbourDistanceRatio",
    "RareCombinations",
}


def people(rows: int, seed: int) -> pa.Table:
    rng = np.random.default_rng(seed)
    age = rng.integers(18, 90, rows)
    return pa.table(
        {
            "age": pa.array(age, mask=rng.random(rows) < 0.05),
            "income": np.round(rng.lognormal(8, 1, rows) * age, 2),
            "town": rng.choice(["Graz", "Linz", "Wien", None], rows, p=[0.2, 0.2, 0.5, 0.1]),
            "married": rng.random(rows) < age / 100,
            "since": pa.array(rng.integers(0, 10**9, rows), pa.timestamp("s")),
        }
    )


def judge(twin: pa.Table, holdout: pa.Table | None) -> dict[str, PrivacyFinding]:
    findings = disclosure("people", people(2000, 0), twin, holdout=holdout, seed=Seed(0))
    return {finding.metric: finding for finding in findings}


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_other_real_rows_pass(seed: int) -> None:
    found = judge(people(2000, 10 + seed), people(1000, 100 + seed))

    assert set(found) == ALL
    assert [f.reason for f in found.values() if not f.passed] == []


def test_a_copy_of_the_real_rows_fails_everything() -> None:
    found = judge(people(2000, 0), people(1000, 5))

    assert {metric for metric, finding in found.items() if not finding.passed} == ALL
    assert found["MembershipInference"].score < 0.1


def test_a_copy_of_some_real_rows_is_found() -> None:
    twin = pa.concat_tables([people(2000, 0).slice(0, 300), people(1700, 9)])

    found = judge(twin, people(1000, 5))

    assert not found["ExactCopies"].passed
    assert found["ExactCopies"].score == pytest.approx(0.85, abs=0.03)
    assert not found["RareCombinations"].passed


def test_rows_that_are_nearly_real_ones_are_found() -> None:
    real = people(2000, 0)
    income = np.asarray(real.column("income")) * 1.0001
    twin = real.set_column(1, "income", pa.array(income))

    found = judge(twin, people(1000, 5))

    assert found["ExactCopies"].passed
    assert not found["DistanceToClosestRecord"].passed
    assert not found["NearestNeighbourDistanceRatio"].passed
    assert not found["MembershipInference"].passed


def test_without_a_holdout_two_halves_are_compared() -> None:
    real, other = judge(people(2000, 0), None), judge(people(2000, 11), None)

    assert set(real) == set(other) == ALL - {"MembershipInference"}
    assert [f.reason for f in other.values() if not f.passed] == []
    assert {f.metric for f in real.values() if f.passed} == set()


def test_real_rows_that_repeat_each_other_are_no_leak() -> None:
    """In a small domain every twin row equals a real one, and so does every other real row."""
    real, twin, held = (
        pa.table({"a": np.random.default_rng(s).integers(0, 3, 500), "b": ["x", "y"] * 250})
        for s in (1, 2, 3)
    )
    findings = disclosure("small", real, twin, holdout=held, seed=Seed(0))

    assert [f.reason for f in findings if not f.passed] == []
    assert next(f for f in findings if f.metric == "ExactCopies").baseline == 0


def test_keys_and_tiny_tables_are_not_measured() -> None:
    real = people(2000, 0)

    assert disclosure("people", real.slice(0, 10), real, seed=Seed(0)) == []
    assert disclosure("people", real, real, seed=Seed(0), skip=real.column_names) == []


def test_no_real_value_is_in_a_reason() -> None:
    found = judge(people(2000, 0), people(1000, 5))

    assert not [f for f in found.values() if any(town in f.reason for town in ("Graz", "Linz", "Wien"))]
