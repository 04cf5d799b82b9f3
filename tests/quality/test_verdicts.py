"""Twins that are no good fail for the right reason, and another real sample passes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from synthohive_py import Metadata
from synthohive_py.errors import SettingError
from synthohive_py.quality import Finding, detection, judge, score

CUSTOMERS, ORDERS = 600, 6_000
Frames = dict[str, pd.DataFrame]


def sample(seed: int) -> Frames:
    """Customers and their orders: columns that depend on each other, within a table and along the key."""
    rng = np.random.default_rng(seed)
    region = rng.choice(["north", "south", "west"], CUSTOMERS, p=[0.5, 0.3, 0.2])
    age = rng.normal(45, 12, CUSTOMERS).round(1)
    income = (age * 900 + rng.normal(0, 4_000, CUSTOMERS)).round()
    whose = rng.integers(0, CUSTOMERS, ORDERS)
    amount = (income[whose] / 500 * rng.gamma(8, 1 / 8, ORDERS)).round(2)
    shipping = (amount * 0.1 + rng.normal(0, 1, ORDERS)).round(2)
    channel = np.where(amount > np.median(amount), "shop", "web")
    channel = np.where(rng.random(ORDERS) < 0.1, "phone", channel)
    return {
        "customers": pd.DataFrame(
            {"customer_id": range(CUSTOMERS), "region": region, "age": age, "income": income}
        ),
        "orders": pd.DataFrame(
            {
                "order_id": range(ORDERS),
                "customer_id": whose,
                "amount": amount,
                "shipping": shipping,
                "channel": channel,
            }
        ),
    }


def noise(real: Frames) -> Frames:
    """Values of the real range, each as likely as any other."""
    rng = np.random.default_rng(9)
    twin = {}
    for name, frame in real.items():
        twin[name] = frame.copy()
        for column in frame.columns[1 if name == "customers" else 2 :]:
            values = frame[column]
            twin[name][column] = (
                rng.choice(values.unique(), len(frame))
                if values.dtype == object
                else rng.uniform(values.min(), values.max(), len(frame))
            )
    return twin


def shuffled(real: Frames) -> Frames:
    """Every column as it is, but in an order of its own: perfect one by one, meaningless as rows."""
    rng = np.random.default_rng(9)
    return {
        name: pd.DataFrame(
            {c: frame[c] if c.endswith("_id") else rng.permutation(frame[c].to_numpy()) for c in frame}
        )
        for name, frame in real.items()
    }


def copied(real: Frames) -> Frames:
    """The real rows under new keys, in another order."""
    order = real["orders"].sample(frac=1, random_state=1).reset_index(drop=True)
    return {"customers": real["customers"], "orders": order.assign(order_id=range(ORDERS))}


def metadata() -> Metadata:
    declared = Metadata()
    declared.add_table("customers", pk="customer_id")
    declared.add_table("orders", pk="order_id", fk={"customer_id": "customers.customer_id"})
    return declared


def judged(twin: Frames) -> list[Finding]:
    return score(metadata(), sample(0), twin, seed=0, detection=True)


def failed(findings: list[Finding]) -> dict[str, list[str | None]]:
    """Per metric, of what it failed."""
    result: dict[str, list[str | None]] = {}
    for finding in findings:
        if not finding.passed:
            result.setdefault(finding.metric, []).append(finding.column)
    return result


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_second_real_sample_passes(seed: int) -> None:
    findings = judged(sample(seed))

    assert failed(findings) == {}
    assert {"C2ST", "C2STWithParent", "C2STWithChildren"} <= {f.metric for f in findings}
    aucs = [1 - f.score / 2 for f in findings if f.metric.startswith("C2ST")]
    assert max(aucs) < 0.58


@pytest.mark.parametrize("seed", [8, 10])  # -.54 and .08 in place of .68
def test_a_correlation_of_few_known_rows_proves_little(seed: int) -> None:
    """Of 3,000 planes the speed of 300 is known, in the twin that of four: their correlation is chance."""

    def planes(seed: int, known: int) -> Frames:
        rng = np.random.default_rng(seed)
        seats = rng.normal(100, 30, 3_000).round()
        speed = (seats + rng.normal(0, 30, 3_000)).round()
        speed[known:] = np.nan
        return {"planes": pd.DataFrame({"id": range(3_000), "seats": seats, "speed": speed})}

    declared = Metadata()
    declared.add_table("planes", pk="id")
    reasons = failed(score(declared, planes(0, 300), planes(seed, 4), seed=0))

    assert "CorrelationSimilarity" not in reasons


def test_a_twin_of_noise_fails_for_its_columns_and_pairs() -> None:
    reasons = failed(judged(noise(sample(0))))

    assert {"age", "income", "amount", "shipping"} <= set(reasons["KSComplement"])
    assert "age, income" in reasons["CorrelationSimilarity"]
    assert "C2ST" in reasons
    assert "NewRowSynthesis" not in reasons


def test_a_shuffled_twin_fails_for_its_pairs_alone() -> None:
    reasons = failed(judged(shuffled(sample(0))))

    assert not {"KSComplement", "TVComplement", "NewRowSynthesis", "KeyUniqueness"} & set(reasons)
    assert {"age, income", "amount, shipping"} <= set(reasons["CorrelationSimilarity"])
    assert None in reasons["MutualInformationKept"]
    assert "customer_id -> customers" in reasons["MutualInformationKept"]


def test_a_copied_twin_fails_for_its_copies_alone() -> None:
    findings = judged(copied(sample(0)))

    assert failed(findings) == {"NewRowSynthesis": [None, None]}
    assert "100.0% of the rows equal a real row" in next(f.reason for f in findings if not f.passed)


@pytest.mark.parametrize("scale", [0.5, 2])
def test_a_twin_of_another_size_is_told_by_the_classifier_too(scale: float) -> None:
    twin = sample(1)
    twin["customers"] = pd.concat([twin["customers"]] * 2)[: round(CUSTOMERS * scale)]
    twin["customers"] = twin["customers"].assign(customer_id=range(round(CUSTOMERS * scale)))
    twin["orders"] = pd.concat([twin["orders"]] * 2)[: round(ORDERS * scale)]
    twin["orders"] = twin["orders"].assign(
        order_id=range(len(twin["orders"])),
        customer_id=twin["orders"]["customer_id"] % int(CUSTOMERS * scale),
    )
    findings = score(metadata(), sample(0), twin, seed=0, scale=scale, detection=True)

    assert "C2ST" not in failed(findings)
    assert {f.table for f in findings if f.metric == "C2ST"} == {"customers", "orders"}


@pytest.mark.parametrize("kind", ["replaced", "texts"])
def test_copies_are_found_beside_a_value_that_is_made_up_anew(kind: str) -> None:
    """Nobody gets a real e-mail or a rare text again: rows that are real in all else are copies."""
    real, twin = sample(0), copied(sample(0))
    for side, frames in (("real", real), ("twin", twin)):
        frames["customers"] = frames["customers"].assign(
            note=[f"{side} {number}" for number in range(CUSTOMERS)]
        )
    replaced = {"customers": ["note"]} if kind == "replaced" else None
    findings = judge(metadata(), real, twin, seed=0, replaced=replaced).findings

    assert failed(findings) == {"NewRowSynthesis": [None, None]}


def test_without_scikit_learn_the_classifier_is_refused_and_all_else_works(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    find = detection.importlib.util.find_spec
    monkeypatch.setattr(
        detection.importlib.util, "find_spec", lambda name: None if name == "sklearn" else find(name)
    )

    with pytest.raises(SettingError, match=r"needs scikit-learn.*synthohive-py\[quality\]"):
        judged(sample(1))
    assert failed(score(metadata(), sample(0), sample(1), seed=0)) == {}


@pytest.mark.parametrize("spoil", [noise, shuffled, copied])
def test_no_reason_tells_a_value(spoil: Callable[[Frames], Frames]) -> None:
    reasons = " ".join(f.reason for f in judged(spoil(sample(0))))

    assert not any(value in reasons for value in ("north", "south", "phone"))
