"""The tests that compare with twins, in Snowflake's SQL: all run, and find a table and its copy alike."""

from __future__ import annotations

from dbt.cli.main import dbtRunner
from of_copies import add_tests_of_copies
from shop import Project
from snowflake_project import TABLES


def test_all_run_and_find_a_copy_alike(project: Project, sql) -> None:
    sql("create schema ACME.SHOP_SYNTHETIC")
    for name in TABLES:
        sql(f"create table ACME.SHOP_SYNTHETIC.{name} as select * from ACME.SHOP.{name}")
    tests = add_tests_of_copies(project)
    where = ["--project-dir", str(project.folder), "--profiles-dir", str(project.folder)]

    done = dbtRunner().invoke(["test", "--select", "tag:compared", *where])

    said = {result.node.name: (str(result.status), result.message) for result in done.result}
    assert {name: what for name, what in said.items() if what[0] != "pass"} == {}
    assert len(said) == tests
