"""Tests that compare with twins, for twins that are copies: all of them pass."""

from __future__ import annotations

from typing import Any

from shop import Project

CUSTOMER = {"to": "source('shop', 'customers')", "field": "customer_id"}
ORDER = {"to": "source('shop', 'orders')"} | {
    name: ["shop_no", "order_no"] for name in ("columns", "to_columns")
}
# Per table its tests; those on a column name it.
TESTS: dict[str, list[tuple[str | None, str, dict[str, Any]]]] = {
    "customers": [
        ("credit", "ks_complement", {}),
        ("joined", "ks_complement", {}),
        ("country", "tv_complement", {}),
        ("referred_by", "null_rate_similarity", {}),
        (None, "correlation_similarity", {"columns": ["joined", "credit"]}),
        (None, "contingency_similarity", {"columns": ["country", "vip"]}),
    ],
    "orders": [
        ("customer_id", "cardinality_similarity", CUSTOMER),
        ("customer_id", "no_orphans", {**CUSTOMER, "max_share": 0.1}),
        (
            None,
            "rules_hold",
            {"rules": ["order_no > 0", "shop_no >= parent.customer_id - 1000", "status decides status"]},
        ),
    ],
    "order_lines": [
        ("price", "ks_complement", {}),
        (None, "correlation_similarity", {"columns": ["line", "price"]}),
        (None, "cardinality_similarity", ORDER),
        (None, "no_orphans", ORDER),
        (None, "no_copied_rows", {"columns": ["note"], "max_share": 0.1}),
        (None, "rules_hold", {"rules": ["line never falls along line within a parent"]}),
    ],
}


def add_tests_of_copies(project: Project) -> int:
    """Put them into the YAML of the sources, which is written; how many there are."""
    for table, tests in TESTS.items():
        place = project.table(table)
        for column, kind, arguments in tests:
            at_least = {} if "no_" in kind or kind == "rules_hold" else {"min_score": 1}
            test = {"arguments": {**arguments, **at_least}, "config": {"tags": ["compared"]}}
            entry = place
            if column is not None:
                named = [c for c in place["columns"] if c["name"] == column]
                entry = named[0] if named else {"name": column}
                place["columns"] += [] if named else [entry]
            entry["data_tests"] = [*entry.get("data_tests", []), {f"synthohive.{kind}": test}]
    project._yaml("models/sources.yml", {"sources": [project.sources]})
    return sum(map(len, TESTS.values()))
