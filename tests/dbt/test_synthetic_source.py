"""`synthetic_source()`: twins in synthetic targets, real tables elsewhere, and no silent fallback."""

from __future__ import annotations

from shop import BOTH, Project

pytestmark = BOTH

UNIT_TEST = """
unit_tests:
  - name: orders_are_counted
    model: spent
    given:
      - input: source('shop', 'orders')
        rows: [{customer_id: 1}, {customer_id: 1}, {customer_id: 2}]
    expect:
      rows: [{customer_id: 1, orders: 2}, {customer_id: 2, orders: 1}]
"""


def test_a_synthetic_target_reads_the_twins_and_leaves_the_package_out(built: Project) -> None:
    done = built.dbt("build", "--target", "synthetic")

    assert done.returncode == 0, done.stdout
    statuses = built.statuses()
    assert not {"synthohive_schema", "synthohive_tables", "synthohive_quality"} & set(statuses)
    assert statuses["spent"] == "success"
    assert built.query("select sum(orders) from analytics_synthetic.spent") == built.query(
        "select count(*) from shop_synthetic.orders"
    )


def test_other_targets_read_the_real_tables(built: Project) -> None:
    assert built.dbt("run", "--select", "spent").returncode == 0
    assert built.query("select sum(orders) from analytics.spent") == [(600,)]


def test_a_source_without_a_twin_is_an_error(built: Project) -> None:
    built.query("drop table shop_synthetic.orders")

    done = built.dbt("build", "--select", "spent", "--target", "synthetic")

    assert done.returncode != 0
    assert "source shop.orders has no twin" in done.stdout
    assert "What to do: run `dbt build --select package:synthohive`" in done.stdout
    assert "passthrough: true" in done.stdout

    done = built.dbt("run", "--select", "synthohive_quality")

    assert done.returncode != 0
    assert "the twin of the source shop.orders can't be read" in done.stdout
    assert "run `dbt build --select synthohive_tables+`" in done.stdout


def test_a_source_that_gets_no_twin_has_to_be_marked_first(project: Project) -> None:
    project.table("orders")["config"] = {"meta": {"synthohive": {"enabled": False}}}

    done = project.write().dbt("run", "--select", "spent", "--target", "synthetic")

    assert done.returncode != 0
    assert "What to do: mark the source with config.meta.synthohive.enabled: true, and run" in done.stdout


def test_passthrough_gives_the_real_table(project: Project) -> None:
    project.table("orders")["config"] = {"meta": {"synthohive": {"passthrough": True}}}
    project.write()

    done = project.dbt("run", "--select", "spent", "--target", "synthetic")

    assert done.returncode == 0, done.stdout
    assert project.query("select sum(orders) from analytics_synthetic.spent") == [(600,)]


def test_unit_tests_keep_their_own_rows(built: Project) -> None:
    (built.folder / "models" / "unit.yml").write_text(UNIT_TEST)

    done = built.dbt("test", "--select", "orders_are_counted", "--target", "synthetic")

    assert done.returncode == 0, done.stdout
    assert list(built.statuses().values()) == ["pass"]
