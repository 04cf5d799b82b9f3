"""Sources with more rows than are read: whole families are learned, and twins are as large as the sources."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import duckdb
import pytest
from shop import BOTH, KEY, Database, DuckDB, Postgres, Project, foreign_key

from synthohive_py.dbt.model import train, write_twins
from synthohive_py.dbt.session import PostgresSession

pytestmark = BOTH

META = {"synthohive_model": "gaussian_copula", "synthohive_seed": 3, "synthohive_max_training_rows": 100}
VISITS = """
create table shop.visits as
select i * 5 as visit_id, (((i * i) % 89) * 3 + 100)::bigint as customer_id, i % 7 as page
from {} as r (i)
"""
CHILDREN = """
select visits, count(*)
from (select count(*) as visits from {}.visits group by customer_id) as counted
group by visits
order by visits
"""


@contextmanager
def schema_and_session(database: Database) -> Iterator[tuple[Any, Any]]:
    """What dbt hands to the Python models of this database."""
    if isinstance(database, DuckDB):
        with duckdb.connect(str(database.path)) as connection:
            yield connection.table("analytics.synthohive_schema"), connection
    else:
        assert isinstance(database, Postgres)
        session = PostgresSession(f"{database.server}/{database.name}")
        yield session.table(f'"{database.name}"."analytics"."synthohive_schema"'), session


@pytest.fixture
def busy(project: Project) -> Project:
    """A shop of 2,000 visits of 45 customers, some of whom come five times as often as others."""
    is_duckdb = isinstance(project.database, DuckDB)
    project.query(VISITS.format("range(2000)" if is_duckdb else "generate_series(0, 1999)"))
    visits = {
        "name": "visits",
        "columns": [
            {"name": "visit_id", **KEY},
            {"name": "customer_id", "data_tests": ["not_null", foreign_key("customers", "customer_id")]},
        ],
    }
    for name in ("orders", "order_lines"):
        project.table(name)["config"] = {"meta": {"synthohive": {"enabled": False}}}
    project.sources["tables"].append(visits)
    done = project.write().dbt("run", "--select", "synthohive_schema")
    assert done.returncode == 0, done.stdout
    return project


def test_a_twin_of_a_sample_has_all_rows_and_children(
    busy: Project, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with schema_and_session(busy.database) as (schema, session):
        models = duckdb.from_df(train(schema, session, META))
        told = write_twins(schema, models, session, META)

    assert "of 2000 rows are read, in families" in caplog.text
    assert {row.table_name: (row.real_rows, row.twin_rows) for row in told.itertuples()} == {
        "countries": (3, 3),
        "customers": (200, 200),
        "visits": (2000, 2000),
    }
    assert busy.query("select count(*) from shop_synthetic.visits") == [(2000,)]
    assert busy.query(CHILDREN.format("shop_synthetic")) == busy.query(CHILDREN.format("shop"))
