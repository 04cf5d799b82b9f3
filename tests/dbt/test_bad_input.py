"""Bad input ends in a typed error that names the table and the remedy, and nothing is written."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from shop import Project, foreign_key

Change = Callable[[Project], object]


def mark(project: Project, table: str, **settings: object) -> None:
    entry = project.table(table)
    entry["config"] = {"meta": {"synthohive": {**settings}}}


def no_marks(project: Project) -> None:
    project.sources["config"] = {}
    project.table("countries").pop("config")


def unmarked_parent(project: Project) -> None:
    mark(project, "customers", enabled=False)


CASES: dict[str, tuple[Change, list[str]]] = {
    "no marked source": (no_marks, ["SchemaError", "no source is marked", "enabled: true"]),
    "a table that does not exist": (
        lambda p: p.sources["tables"].append({"name": "invoices"}),
        ["SchemaValidationError", "invoices", "does not exist"],
    ),
    "a key to an unmarked table": (
        unmarked_parent,
        ["SchemaValidationError", "orders.customer_id", "customers", "mode: reference"],
    ),
    "a repeated primary key": (
        lambda p: p.query("insert into shop.customers from shop.customers limit 1"),
        ["SchemaValidationError", "customers.customer_id"],
    ),
    "a null in a primary key": (
        lambda p: p.query("insert into shop.orders values (1, null, 100, 'new', now()::timestamp)"),
        ["SchemaValidationError", "orders"],
    ),
    "ends of other types": (
        lambda p: p.query("alter table shop.orders alter customer_id type varchar"),
        ["SchemaValidationError", "orders.customer_id", "customers"],
    ),
    "a parent without rows": (
        lambda p: p.query("delete from shop.customers"),
        ["SchemaValidationError", "orders.customer_id", "which has no rows"],
    ),
    "an infinite value": (
        lambda p: p.query("update shop.order_lines set price = 'inf'::double where line = 1"),
        ["SchemaValidationError", "order_lines.price", "infinite"],
    ),
    "a value that is not accepted": (
        lambda p: p.query("update shop.orders set status = 'gone' where order_no = 10"),
        ["SchemaValidationError", "orders.status", "3 of 600 rows", "synthohive.ignore: true"],
    ),
    "an unknown setting": (
        lambda p: mark(p, "orders", orphan="keep"),
        ["SettingError", "orders", "'orphan'", "did you mean 'orphans'"],
    ),
    "an unknown mode": (lambda p: mark(p, "orders", mode="copy"), ["SettingError", "orders", "reference"]),
    "a variable of a wrong type": (
        lambda p: p.variables.update(synthohive_seed="seven"),
        ["SettingError", "synthohive_seed", "int"],
    ),
    "an unknown model": (
        lambda p: p.variables.update(synthohive_model="gan"),
        ["SettingError", "'gan'", "autoregressive, ctgan"],
    ),
    "twins in the place of the sources": (
        lambda p: p.variables.update(synthohive_suffix=""),
        ["SchemaValidationError", "replace a source table", "synthohive_suffix"],
    ),
    "a key to a column that does not exist": (
        lambda p: p.table("orders")["columns"].append(
            {"name": "status", "data_tests": [foreign_key("customers", "nothing")]}
        ),
        ["SchemaValidationError", "orders", "nothing"],
    ),
    "settings that are no mapping": (
        lambda p: p.table("orders").update(config={"meta": {"synthohive": "on"}}),
        ["SettingError", "shop.orders", "no mapping", '"on"'],
    ),
    "settings of a column that does not exist": (
        lambda p: p.table("orders")["columns"].append(
            {"name": "sum", "config": {"meta": {"synthohive": {"min": 0}}}}
        ),
        ["SchemaValidationError", "orders.sum", "has settings but does not exist"],
    ),
    "a foreign key that lacks a part": (
        lambda p: mark(p, "orders", foreign_keys=[{"columns": "customer_id", "parent": "customers"}]),
        ["SettingError", "orders", "lacks parent_columns"],
    ),
    "a foreign key that is no mapping": (
        lambda p: mark(p, "orders", foreign_keys=["customers"]),
        ["SettingError", "orders", "foreign_keys", "of mappings"],
    ),
    "a primary key of numbers": (
        lambda p: mark(p, "orders", primary_key=[1]),
        ["SettingError", "orders", "primary_key", "of names"],
    ),
}


@pytest.mark.parametrize(("change", "words"), CASES.values(), ids=CASES)
def test_it_is_refused_before_training(project: Project, change: Change, words: list[str]) -> None:
    change(project)
    before = project.query("select table_schema, table_name from information_schema.tables order by all")

    done = project.write().build()

    assert done.returncode == 1, done.stdout
    assert [word for word in words if word not in done.stdout] == [], done.stdout
    after = project.query(
        "select table_schema, table_name from information_schema.tables "
        "where table_name <> 'synthohive_schema' order by all"
    )
    assert after == before
