"""The package builds twins in DuckDB, proves them, and finds what is wrong with broken ones."""

from __future__ import annotations

import json

import pytest
from shop import BOTH, Project

from synthohive_py.dbt.schema import read_schema
from synthohive_py.schema import Constraint, Metadata

pytestmark = BOTH

TABLES = ["countries", "customers", "order_lines", "orders"]
COLUMNS = """
select column_name, data_type
from information_schema.columns
where table_schema = '{}' and table_name = '{}'
order by ordinal_position
"""
ORPHANS = """
select avg((referred_by not in (select customer_id from {0}.customers))::int)
from {0}.customers
where referred_by is not null
"""


def test_all_models_and_tests_pass(built: Project) -> None:
    assert set(built.statuses().values()) == {"success", "pass"}
    assert built.twins() == TABLES


@pytest.mark.parametrize("table", TABLES)
def test_twins_have_the_columns_order_and_types_of_their_sources(built: Project, table: str) -> None:
    assert built.query(COLUMNS.format("shop_synthetic", table)) == built.query(COLUMNS.format("shop", table))


def test_keys_are_read_from_tests_and_kept(built: Project) -> None:
    repeated = "select 1 from shop_synthetic.order_lines group by shop_no, order_no, line having count(*) > 1"
    parentless = (
        "select 1 from shop_synthetic.order_lines left join shop_synthetic.orders using (shop_no, order_no) "
        "where customer_id is null"
    )

    assert built.query(repeated) == []
    assert built.query(parentless) == []
    assert built.query("select * from shop_synthetic.countries") == built.query(
        "select * from shop.countries"
    )


def test_keys_can_be_said_by_constraints(project: Project) -> None:
    customers, orders = project.table("customers"), project.table("orders")
    customers["columns"][0] = {
        "name": "customer_id",
        "constraints": [{"type": "unique"}, {"type": "not_null"}],
    }
    orders["data_tests"] = []
    parent = {"type": "foreign_key", "to": "source('shop', 'customers')", "to_columns": ["customer_id"]}
    orders["columns"] = [
        {"name": "shop_no", "constraints": [{"type": "primary_key"}]},
        {"name": "order_no", "constraints": [{"type": "primary_key"}]},
        {"name": "customer_id", "constraints": [parent]},
    ]

    done = project.write().dbt("run", "--select", "synthohive_schema")
    keys = project.query(
        "select table_name, kind, payload from analytics.synthohive_schema "
        "where table_name in ('customers', 'orders') and kind in ('primary_key', 'foreign_key') "
        "order by table_name, kind, payload"
    )
    columns = [(table, kind, json.loads(payload)["columns"]) for table, kind, payload in keys]

    assert done.returncode == 0, done.stdout
    assert columns == [
        ("customers", "foreign_key", ["country"]),
        ("customers", "foreign_key", ["referred_by"]),
        ("customers", "primary_key", ["customer_id"]),
        ("orders", "foreign_key", ["customer_id"]),
        ("orders", "primary_key", ["shop_no", "order_no"]),
    ]


GENERIC = """
{% test expression_is_true(model, expression, column_name=none) %}
select * from {{ model }} where not ({{ column_name or '' }} {{ expression }})
{% endtest %}
{% test accepted_range(model, column_name, min_value=none, max_value=none, inclusive=true) %}
select * from {{ model }} where {{ column_name }} < {{ min_value }}
{% endtest %}
"""


def test_rules_and_ranges_are_read_from_tests(project: Project) -> None:
    def says(expression: str, **config: object) -> dict[str, object]:
        return {"expression_is_true": {"arguments": {"expression": expression}, "config": config}}

    customers, lines = project.table("customers"), project.table("order_lines")
    customers["config"] = {"meta": {"synthohive": {"order_by": "joined", "rules": ["customer_id > credit"]}}}
    lines["data_tests"] += [
        says("quantity <= line"),
        says("length(note) > 2"),
        says("price > 0", severity="warn"),
        says("line < price", meta={"synthohive": {"ignore": True}}),
    ]
    whole = {"accepted_range": {"arguments": {"min_value": 1, "max_value": 50}}}
    open_ended = {"accepted_range": {"arguments": {"min_value": 0, "inclusive": False}}}
    lines["columns"] += [
        {"name": "quantity", "data_tests": [says("<= price"), whole]},
        {"name": "price", "data_tests": [open_ended]},
    ]
    project.write()
    project.text("tests/generic/declaring.sql", GENERIC)

    done = project.dbt("run", "--select", "synthohive_schema")
    assert done.returncode == 0, done.stdout
    names = ("kind", "source_name", "table_name", "name", "payload")
    rows = project.query(f"select {', '.join(names)} from analytics.synthohive_schema")
    tables = read_schema([dict(zip(names, row, strict=True)) for row in rows]).metadata.tables

    assert set(tables["order_lines"].rules) == {"quantity <= line", "quantity <= price"}
    assert tables["order_lines"].constraints == {"quantity": Constraint(min=1, max=50)}
    assert tables["customers"].rules == ("customer_id > credit",)
    assert tables["customers"].order_by == "joined"


def test_columns_that_dbt_quotes_are_the_same_columns(project: Project) -> None:
    names = ("kind", "source_name", "table_name", "name", "payload")
    found = []
    for quote in (False, True):
        for table in project.sources["tables"]:
            for column in table.get("columns", []):
                column["quote"] = quote
        done = project.write().dbt("run", "--select", "synthohive_schema")
        assert done.returncode == 0, done.stdout
        rows = project.query(f"select {', '.join(names)} from analytics.synthohive_schema")
        found.append(read_schema([dict(zip(names, row, strict=True)) for row in rows]).metadata)
        found.append(Metadata.from_dbt(project.folder))

    assert found[2].tables == found[0].tables
    assert found[3].tables == found[1].tables


def test_an_empty_source_has_an_empty_twin(project: Project) -> None:
    project.query("delete from shop.order_lines")

    done = project.write().build()

    assert done.returncode == 0, done.stdout
    assert "SynthoHive adapter: customers: learning from " in done.stdout
    assert "SynthoHive adapter: customers: fitted on " in done.stdout
    assert project.query("select * from shop_synthetic.order_lines") == []
    twin, real = (COLUMNS.format(schema, "order_lines") for schema in ("shop_synthetic", "shop"))
    assert project.query(twin) == project.query(real)


def test_orphans_are_kept_where_it_is_asked(built: Project) -> None:
    [(real,)] = built.query(ORPHANS.format("shop"))
    [(twin,)] = built.query(ORPHANS.format("shop_synthetic"))

    assert real > 0
    assert abs(real - twin) < 0.1


def test_quality_holds_a_row_per_finding(built: Project) -> None:
    rows = built.query(
        "select source_name, table_name, metric, score, baseline, threshold, passed, reason "
        "from analytics.synthohive_quality"
    )

    assert {row[0] for row in rows} == {"shop"}
    assert {row[1] for row in rows} == set(TABLES)
    assert {"KSComplement", "TVComplement", "KeyUniqueness", "CardinalityShapeSimilarity"} <= {
        r[2] for r in rows
    }
    assert all(0 <= row[3] <= 1 and row[6] == (row[3] >= row[5] - 1e-9) and row[7] for row in rows)


def test_the_tables_model_says_what_was_written(built: Project) -> None:
    rows = built.query("select table_name, mode, twin_rows from analytics.synthohive_tables order by 1")

    assert [(name, mode) for name, mode, _ in rows] == [
        (name, "reference" if name == "countries" else "synthesize") for name in TABLES
    ]
    for name, _, count in rows:
        assert built.query(f"select count(*) from shop_synthetic.{name}") == [(count,)]


def test_the_same_seed_gives_the_same_twins_and_another_seed_others(built: Project, project: Project) -> None:
    again = project.write()
    assert again.build().returncode == 0
    for table in TABLES:
        assert again.query(f"select * from shop_synthetic.{table}") == built.query(
            f"select * from shop_synthetic.{table}"
        )

    more = again.dbt("run", "--select", "synthohive_tables", "--vars", "synthohive_seed: 4")
    assert more.returncode == 0, more.stdout
    assert again.query("select * from shop_synthetic.orders") != built.query(
        "select * from shop_synthetic.orders"
    )


@pytest.mark.parametrize(
    ("damage", "failing"),
    [
        (
            "delete from shop_synthetic.customers where customer_id % 2 = 0",
            "synthohive_foreign_keys_have_parents",
        ),
        (
            "insert into shop_synthetic.orders select * from shop_synthetic.orders limit 1",
            "synthohive_primary_keys_are_unique",
        ),
        ("update shop_synthetic.orders set order_no = null", "synthohive_primary_keys_are_unique"),
        (
            "alter table shop_synthetic.orders alter status type integer using 1",
            "synthohive_columns_are_the_same",
        ),
    ],
)
def test_a_broken_twin_fails_dbt_test(built: Project, damage: str, failing: str) -> None:
    built.query(damage)

    done = built.dbt("test", "--select", "package:synthohive")

    assert done.returncode == 1, done.stdout
    assert built.statuses()[failing] == "fail"


def test_a_poor_twin_fails_the_quality_gate(built: Project) -> None:
    built.query("update shop_synthetic.order_lines set price = price + 100")

    done = built.dbt("build", "--select", "synthohive_quality")

    assert done.returncode == 1, done.stdout
    assert built.statuses()["synthohive_quality_is_enough"] == "fail", done.stdout
    failed = built.query("select column_name, reason from analytics.synthohive_quality where not passed")
    assert "price" in {column for column, _ in failed}


def test_a_failed_write_leaves_the_old_twins(built: Project) -> None:
    before = built.query("select * from shop_synthetic.customers")
    built.query("drop table shop_synthetic.orders; create view shop_synthetic.orders as select 1 as one")

    done = built.dbt("run", "--select", "synthohive_tables", "--vars", "synthohive_seed: 9")

    assert done.returncode == 1, done.stdout
    assert "no twin was changed" in done.stdout
    assert built.query("select * from shop_synthetic.customers") == before


def test_a_damaged_artefact_is_refused(built: Project) -> None:
    before = built.query("select * from shop_synthetic.customers")
    built.query("update analytics.synthohive_models set payload = payload || 'x' where kind = 'artifact'")

    done = built.dbt("run", "--select", "synthohive_tables")

    assert done.returncode == 1, done.stdout
    assert "SerializationError" in done.stdout
    assert "synthohive_models+" in done.stdout
    assert built.query("select * from shop_synthetic.customers") == before
