"""The gate passes a faithful twin, and says why it fails any other."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from synthohive_py.errors import DataError
from synthohive_py.quality import Finding, score, summarise
from synthohive_py.rng import Seed
from synthohive_py.schema import ForeignKey, Metadata

SHOPS, ORDERS = 400, 4_000
Tables = Mapping[str, pa.Table]


def make_tables(seed: int, *, orphans: float = 0.0) -> dict[str, pa.Table]:
    """Shops and their orders; every seed draws from the same distribution."""
    rng = np.random.default_rng(seed)
    shop = rng.integers(0, SHOPS, ORDERS)
    shop = np.where(rng.random(ORDERS) < orphans, SHOPS + 1, shop)
    shops = {
        "shop_id": np.arange(SHOPS),
        "name": [f"shop {i}" for i in rng.integers(0, 10**9, SHOPS)],
        "country": rng.choice(["AT", "DE", "CH"], SHOPS, p=[0.5, 0.3, 0.2]),
    }
    orders = {
        "shop_id": pa.array(shop, mask=rng.random(ORDERS) < 0.05),
        "line": np.arange(ORDERS),
        "amount": pa.array(rng.gamma(2, 10, ORDERS), mask=rng.random(ORDERS) < 0.1),
        "paid": rng.random(ORDERS) < 0.7,
        "status": rng.choice(["new", "sent", "done"], ORDERS),
    }
    return {"shops": pa.table(shops), "orders": pa.table(orders)}


def make_metadata(*, orphans: str = "drop") -> Metadata:
    metadata = Metadata()
    metadata.add_table("shops", pk="shop_id")
    key = ForeignKey(columns="shop_id", parent="shops", parent_columns="shop_id", orphans=orphans)
    metadata.add_table("orders", pk="line", foreign_keys=[key])
    return metadata


REAL = make_tables(0)
TWIN = make_tables(1)


def change(table: str, column: str, values: object) -> dict[str, pa.Table]:
    """The twin with one column replaced."""
    old = TWIN[table]
    position = old.column_names.index(column)
    return {**TWIN, table: old.set_column(position, column, values)}


def judge(twin: Tables, *, real: Tables = REAL, orphans: str = "drop", **options: float) -> list[Finding]:
    return score(make_metadata(orphans=orphans), real, twin, seed=Seed(0), **options)


def failures(findings: list[Finding]) -> list[tuple[str, str | None, str]]:
    return [(f.table, f.column, f.metric) for f in findings if not f.passed]


def only_failure(findings: list[Finding]) -> Finding:
    failed = [f for f in findings if not f.passed]
    assert len(failed) == 1, failed
    return failed[0]


def test_a_faithful_twin_passes() -> None:
    findings = judge(TWIN)

    assert failures(findings) == []
    assert {f.table for f in findings} == {"shops", "orders"}
    assert all(0 <= f.score <= 1 and 0 <= f.baseline <= 1 and f.reason for f in findings)


def test_every_column_is_judged_by_what_it_is() -> None:
    """Keys as keys, unique text by its length, the rest by its distribution."""
    judged = {(f.table, f.column, f.metric) for f in judge(TWIN)}

    assert judged == {
        ("shops", None, "TableStructure"),
        ("shops", None, "RowCountSimilarity"),
        ("shops", "shop_id", "KeyUniqueness"),
        ("shops", "name", "StringLengthKSComplement"),
        ("shops", "country", "TVComplement"),
        ("shops", None, "NewRowSynthesis"),
        ("orders", None, "TableStructure"),
        ("orders", None, "RowCountSimilarity"),
        ("orders", "line", "KeyUniqueness"),
        ("orders", "shop_id -> shops", "ReferentialIntegrity"),
        ("orders", "shop_id -> shops", "CardinalityShapeSimilarity"),
        ("orders", "shop_id", "MissingValueSimilarity"),
        ("orders", "amount", "MissingValueSimilarity"),
        ("orders", "amount", "KSComplement"),
        ("orders", "paid", "TVComplement"),
        ("orders", "status", "TVComplement"),
        ("orders", None, "ColumnPairTrends"),
        ("orders", None, "MutualInformationKept"),
        ("orders", "shop_id -> shops", "InterTableTrends"),
        ("orders", "shop_id -> shops", "MutualInformationKept"),
        ("orders", None, "NewRowSynthesis"),
    }


def test_a_twin_of_noise_fails_for_its_shapes() -> None:
    rng = np.random.default_rng(5)
    noise = change("orders", "amount", pa.array(rng.normal(size=ORDERS), mask=rng.random(ORDERS) < 0.1))
    noise["orders"] = noise["orders"].set_column(4, "status", pa.array(rng.choice(["x", "y"], ORDERS)))
    findings = judge(noise)

    assert {("orders", "amount", "KSComplement"), ("orders", "status", "TVComplement")} <= {
        *failures(findings)
    }
    reasons = {f.column: f.reason for f in findings if not f.passed}
    assert "of the twin's values lie too low" in reasons["amount"]
    assert "3 of 3 real categories never occur, 2 categories are not in the real data" in reasons["status"]


def test_shuffled_keys_fail_for_their_cardinality() -> None:
    """Every key still refers to a shop, but all of them to few shops."""
    few = pa.array(np.random.default_rng(0).integers(0, 5, ORDERS), mask=np.arange(ORDERS) % 20 == 0)
    failed = next(f for f in judge(change("orders", "shop_id", few)) if not f.passed)

    assert (failed.column, failed.metric) == ("shop_id -> shops", "CardinalityShapeSimilarity")
    assert "of the parents have none, in the twin 98.8%" in failed.reason


def test_one_repeated_primary_key_fails() -> None:
    line = TWIN["orders"]["line"].to_numpy().copy()
    line[1] = line[0]
    failed = only_failure(judge(change("orders", "line", pa.array(line))))

    assert failed.metric == "KeyUniqueness"
    assert failed.reason == "1 of 4000 rows repeat an earlier key"
    assert failed.score == pytest.approx(1 - 1 / ORDERS)


def test_one_null_in_a_primary_key_fails() -> None:
    nulls = pa.array(np.arange(ORDERS), mask=np.arange(ORDERS) == 7)
    failed = only_failure(judge(change("orders", "line", nulls)))

    assert failed.reason == "1 of 4000 rows have a null in the key"


def test_nulls_in_a_unique_combination_pass() -> None:
    metadata = Metadata()
    metadata.add_table("orders", unique=[["shop_id", "line"]])
    findings = score(metadata, REAL, {"orders": TWIN["orders"]}, seed=Seed(0))

    assert [(f.column, f.passed) for f in findings if f.metric == "KeyUniqueness"] == [
        ("shop_id, line", True)
    ]


def test_one_orphan_fails_where_the_real_data_has_none() -> None:
    keys = TWIN["orders"]["shop_id"].to_pylist()
    failed = only_failure(
        judge(change("orders", "shop_id", pa.array([SHOPS + 5, *keys[1:]])), orphans="keep")
    )

    assert failed.metric == "ReferentialIntegrity"
    assert "0.0% do in the real data, 0.0% are allowed" in failed.reason
    rows = len(keys) - TWIN["orders"]["shop_id"].null_count
    assert failed.score == pytest.approx(1 - 1 / rows, abs=1e-6)


@pytest.mark.parametrize(
    ("orphans", "share", "passed"),
    [("drop", 0.0, True), ("drop", 0.1, False), ("keep", 0.1, True), ("keep", 0.2, False)],
)
def test_orphans_follow_the_wish_and_the_real_rate(orphans: str, share: float, passed: bool) -> None:
    real, twin = make_tables(0, orphans=0.1), make_tables(1, orphans=share)
    findings = judge(twin, real=real, orphans=orphans, tolerance=0.5)

    assert [f.passed for f in findings if f.metric == "ReferentialIntegrity"] == [passed]


def test_a_composite_key_with_an_overlapping_foreign_key_is_judged() -> None:
    """One unknown pair is an orphan, although each half of it is known."""
    days = pa.table({"city": ["a", "a", "b", "b"], "day": [1, 2, 1, 3], "rain": [0.1, 0.2, 0.3, 0.4]})
    metadata = Metadata()
    metadata.add_table("days", pk=["city", "day"])
    link = ForeignKey(columns=["city", "day"], parent="days", parent_columns=["city", "day"])
    metadata.add_table("trips", pk=["city", "seat"], foreign_keys=[link])
    trips = pa.table({"city": ["a", "b"], "day": [2, 1], "seat": [1, 1]})
    broken = pa.table({"city": ["a", "b"], "day": [2, 2], "seat": [1, 1]})

    good, bad = (
        score(metadata, {"days": days, "trips": trips}, {"days": days, "trips": twin}, seed=Seed(0))
        for twin in (trips, broken)
    )

    assert failures(good) == []
    assert failures(bad) == [("trips", "city, day -> days", "ReferentialIntegrity")]
    # The day is part of a composite key and no foreign key, so its values count.
    assert ("days", "day", "KSComplement") in {(f.table, f.column, f.metric) for f in good}


def test_null_rates_may_differ_by_two_points() -> None:
    def with_nulls(share: float) -> Tables:
        mask = np.arange(ORDERS) < share * ORDERS
        values = np.random.default_rng(round(share * 1000)).normal(size=ORDERS)
        return change("orders", "amount", pa.array(values, mask=mask))

    real = {**REAL, "orders": with_nulls(0.05)["orders"]}

    assert failures(judge(with_nulls(0.065), real=real)) == []
    failed = only_failure(judge(with_nulls(0.08), real=real))
    assert failed.metric == "MissingValueSimilarity"
    assert "5.0% of the real values are null, in the twin 8.0%" in failed.reason


@pytest.mark.parametrize(
    ("break_it", "reason"),
    [
        (lambda t: t.drop_columns(["paid"]), "the twin lacks paid"),
        (lambda t: t.append_column("extra", pa.nulls(len(t))), "the twin has in addition extra"),
        (lambda t: t.select(t.column_names[::-1]), "the twin has its columns in another order"),
        (
            lambda t: t.set_column(3, "paid", pc.cast(t["paid"], pa.int8())),
            "the twin has other types in paid",
        ),
    ],
    ids=["lacking", "surplus", "order", "type"],
)
def test_other_columns_fail_the_structure(break_it: Callable[[pa.Table], pa.Table], reason: str) -> None:
    failed = only_failure(judge({**TWIN, "orders": break_it(TWIN["orders"])}))

    assert failed.metric == "TableStructure"
    assert failed.reason == reason
    assert 0 < failed.score < 1


def test_values_that_can_not_be_read_in_the_real_type_fail() -> None:
    words = pa.array(["many"] * ORDERS)
    findings = judge(change("orders", "amount", words))

    assert ("orders", "amount", "KSComplement") in failures(findings)
    assert "the twin holds string where the real table holds double" in {f.reason for f in findings}


def test_a_lacking_key_column_fails() -> None:
    twin = {**TWIN, "shops": TWIN["shops"].drop_columns(["shop_id"])}
    failed = failures(judge(twin))

    assert ("shops", "shop_id", "KeyUniqueness") in failed
    assert ("orders", "shop_id -> shops", "ReferentialIntegrity") in failed


def test_a_missing_twin_fails_and_a_missing_real_table_is_an_error() -> None:
    findings = judge({"shops": TWIN["shops"]})

    assert ("orders", None, "TableStructure") in failures(findings)
    assert ("orders", None, "RowCountSimilarity") in failures(findings)
    with pytest.raises(DataError, match="orders: has no real data to compare with"):
        judge(TWIN, real={"shops": REAL["shops"]})


def test_the_number_of_rows_follows_the_scale() -> None:
    half = {**TWIN, "shops": TWIN["shops"].slice(0, SHOPS // 2)}

    assert ("shops", None, "RowCountSimilarity") in failures(judge(half))
    assert ("shops", None, "RowCountSimilarity") not in failures(judge(half, scale=0.5))


def test_chance_is_no_failure_in_tiny_tables() -> None:
    """Two samples of twelve rows differ a lot; the gate knows."""
    metadata = Metadata()
    metadata.add_table("tiny", pk="id")

    def sample(seed: int) -> Tables:
        rng = np.random.default_rng(seed)
        columns = {"x": rng.normal(size=12), "kind": rng.choice(["a", "b"], 12), "id": np.arange(12)}
        return {"tiny": pa.table(columns)}

    judged = [failures(score(metadata, sample(0), sample(seed), seed=Seed(0))) for seed in range(1, 40)]

    assert sum(bool(failed) for failed in judged) <= 1


def test_a_column_that_is_empty_only_in_the_twin_fails() -> None:
    findings = judge(change("orders", "amount", pa.nulls(ORDERS, pa.float64())))

    assert failures(findings)[:2] == [
        ("orders", "amount", "MissingValueSimilarity"),
        ("orders", "amount", "KSComplement"),
    ]
    assert any(f.reason.startswith("the twin has no values") for f in findings)


def test_skipped_tables_are_not_judged_and_reference_tables_are() -> None:
    metadata = Metadata()
    metadata.add_table("shops", pk="shop_id", mode="reference")
    metadata.add_table("orders", mode="skip")
    findings = score(metadata, {"shops": REAL["shops"]}, {"shops": REAL["shops"]}, seed=Seed(0), scale=3.0)

    assert failures(findings) == []
    assert {f.table for f in findings} == {"shops"}


def test_the_same_seed_gives_the_same_findings() -> None:
    assert judge(TWIN) == judge(TWIN)


def test_no_reason_holds_a_real_value() -> None:
    secret = change("shops", "name", pa.array(["Mrs Smith"] * SHOPS))

    assert not any("Smith" in f.reason for f in judge(secret))


def test_the_summary_counts_keys_and_averages_shapes() -> None:
    broken = change("orders", "shop_id", pa.array([SHOPS + 5] * ORDERS))
    shops, orders = summarise(judge(broken))

    assert (shops.table, shops.key_checks, shops.key_failures, shops.failures) == ("shops", 1, 0, 0)
    assert (orders.table, orders.key_checks, orders.key_failures) == ("orders", 2, 1)
    shapes = [
        f
        for f in judge(broken)
        if f.table == "orders" and f.metric in {"KSComplement", "TVComplement", "CardinalityShapeSimilarity"}
    ]
    assert orders.quality == pytest.approx(np.mean([f.score for f in shapes]))
    assert orders.baseline == pytest.approx(np.mean([f.baseline for f in shapes]))
    assert orders.failures == sum(not f.passed for f in judge(broken) if f.table == "orders")


def test_a_table_of_keys_has_no_quality() -> None:
    metadata = Metadata()
    metadata.add_table("ids", pk="id")
    table = {"ids": pa.table({"id": [1, 2, 3]})}
    [summary] = summarise(score(metadata, table, table, seed=Seed(0)))

    assert (summary.quality, summary.baseline, summary.key_checks) == (None, None, 1)
