"""The tests that compare with twins, in Snowflake's SQL: all run, and find a table and its copy alike."""

from __future__ import annotations

from typing import Any

from dbt.cli.main import dbtRunner
from shop import Project
from snowflake_project import TABLES

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


def test_all_run_and_find_a_copy_alike(project: Project, sql) -> None:
    sql("create or replace schema ACME.SHOP_SYNTHETIC")
    for name in TABLES:
        sql(f"create table ACME.SHOP_SYNTHETIC.{name} as select * from ACME.SHOP.{name}")
    for table, tests in TESTS.items():
        place = project.table(table)
        for column, kind, arguments in tests:
            at_least = {} if "no_" in kind or kind == "rules_hold" else {"min_score": 1}
            test = {"arguments": {**arguments, **at_least}, "config": {"tags": ["compared"]}}
            entry = (
                place if column is None else next((c for c in place["columns"] if c["name"] == column), None)
            )
            if entry is None:
                entry = {"name": column}
                place["columns"].append(entry)
            entry["data_tests"] = [*entry.get("data_tests", []), {f"synthohive.{kind}": test}]
    project._yaml("models/sources.yml", {"sources": [project.sources]})
    where = ["--project-dir", str(project.folder), "--profiles-dir", str(project.folder)]

    done = dbtRunner().invoke(["test", "--select", "tag:compared", *where])

    said = {result.node.name: (str(result.status), result.message) for result in done.result}
    assert {name: what for name, what in said.items() if what[0] != "pass"} == {}
    assert len(said) == sum(map(len, TESTS.values()))
