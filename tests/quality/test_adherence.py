"""A declared rule must hold in every row; one that was found may fail in as few rows as chance explains."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from synthohive_py import Metadata
from synthohive_py.quality import Finding, score
from synthohive_py.rules import AtMost, Nulls, TableRules

CUSTOMERS, ORDERS = 200, 2_000
SHIPPED = AtMost("placed", "shipped")
TOLD = Nulls("mail", "phone", "both")


def orders(broken: np.ndarray | None = None) -> dict[str, pd.DataFrame]:
    """Orders that are shipped after they were placed, but for some rows."""
    rng = np.random.default_rng(0)
    placed = rng.integers(0, 1_000, ORDERS)
    shipped = placed + rng.integers(0, 50, ORDERS)
    shipped[broken] = placed[broken] - 1 if broken is not None else shipped[broken]
    frame = pd.DataFrame({"customer_id": np.arange(ORDERS) % CUSTOMERS, "placed": placed, "shipped": shipped})
    frame["mail"] = pd.Series(["a", None] * (ORDERS // 2))
    frame["phone"] = pd.Series([None, "b"] * (ORDERS // 2))
    return {"customers": pd.DataFrame({"customer_id": range(CUSTOMERS)}), "orders": frame}


def judged(twin: dict[str, pd.DataFrame], *, declared: tuple[str, ...] = ()) -> dict[str | None, Finding]:
    metadata = Metadata()
    metadata.add_table("customers", pk="customer_id")
    metadata.add_table("orders", fk={"customer_id": "customers.customer_id"}, rules=declared)
    rules = {"orders": TableRules((SHIPPED, TOLD), None)}
    found = score(metadata, orders(), twin, seed=0, rules=rules)
    return {finding.column: finding for finding in found if finding.metric == "RuleAdherence"}


@pytest.mark.parametrize(("rows", "passed"), [(5, True), (20, False)])
def test_a_rule_that_was_found_may_fail_in_few_rows(rows: int, passed: bool) -> None:
    finding = judged(orders(np.arange(rows)))["placed <= shipped"]

    assert (finding.passed, finding.score) == (passed, 1 - rows / ORDERS)
    told = "so few" if passed else "6"
    assert finding.reason == f"{rows} of {ORDERS} rows break it; no real one does, and chance explains {told}"


@pytest.mark.parametrize(
    "rule", ["shipped >= placed", "placed <= shipped and (mail is not null or phone is not null)"]
)
def test_a_declared_rule_fails_in_none(rule: str) -> None:
    finding = judged(orders(np.arange(1)), declared=(rule,))["placed <= shipped"]

    assert (finding.passed, finding.reason) == (False, f"1 of {ORDERS} rows break it")


def test_one_declared_rule_does_not_make_others_strict() -> None:
    found = judged(orders(np.arange(1)), declared=("mail is not null or phone is not null",))

    assert found["placed <= shipped"].passed
    assert found["mail is not null or phone is not null"].reason == "holds in every row"


def test_all_rows_of_a_few_parents_may_break_a_rule_that_was_found() -> None:
    """Chance explains other customers, each with ten orders, as well as other orders."""
    of_four = np.flatnonzero(np.arange(ORDERS) % CUSTOMERS < 4)

    assert judged(orders(of_four))["placed <= shipped"].passed
    assert not judged(orders(np.arange(len(of_four))))["placed <= shipped"].passed
