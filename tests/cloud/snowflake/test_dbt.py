"""dbt on an emulated Snowflake: the same models, macros and tests, and dbt's own code around the models."""

from __future__ import annotations

from dbt.contracts.results import NodeStatus
from shop import Project
from snowflake_project import Submitted, dbt


def test_twins_are_built_and_proved(project: Project, submitted: Submitted, sql) -> None:
    for _ in range(2):  # the second time everything is there
        done = dbt(project, "build", "--select", "package:synthohive")

        statuses = {result.node.name: result.status for result in done.result}
        # What the quickest model learns need not be good enough.
        quality = statuses.pop("synthohive_quality_is_enough")
        assert quality in (NodeStatus.Pass, NodeStatus.Fail)
        assert set(statuses.values()) == {NodeStatus.Success, NodeStatus.Pass}, statuses
        assert len(statuses) == 7

    assert set(submitted.code) == {"synthohive_models", "synthohive_tables", "synthohive_quality"}
    assert not any("$$" in code for code in submitted.code.values())  # which would end the procedure's text
    for name, rows in (("COUNTRIES", 3), ("CUSTOMERS", 200)):
        assert sql(f"select count(*) from ACME.SHOP_SYNTHETIC.{name}") == [(rows,)]
    assert sql("select count(*) from ACME.ANALYTICS.SYNTHOHIVE_TABLES") == [(4,)]
