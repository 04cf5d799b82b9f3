"""What the tests of PostgreSQL share: names of tables, and what is in the catalog."""

from __future__ import annotations

import time

import pyarrow as pa

from synthohive_py.connectors import Relation, Twin
from synthohive_py.connectors.postgres import PostgresConnector


def shop(connector: PostgresConnector, table: str = "t") -> Relation:
    return connector.relation("shop", table)


def twin(connector: PostgresConnector, rows: pa.Table, table: str = "t") -> Twin:
    return Twin(shop(connector, table), connector.relation("twins", table), rows)


def columns_of(sql, schema: str, table: str = "t") -> list[tuple]:
    return sql(
        "select attname::text, format_type(atttypid, atttypmod), attnotnull, attgenerated <> '', "
        "pg_get_expr(adbin, adrelid), attidentity <> '' "
        "from pg_attribute left join pg_attrdef on attrelid = adrelid and attnum = adnum "
        f"where attrelid = '{schema}.{table}'::regclass and attnum > 0 and not attisdropped order by attnum"
    )


def leftovers(sql) -> list[tuple]:
    """What no run may leave: tables of ours, and connections; the server takes a moment to see them end."""
    deadline = time.monotonic() + 5
    while True:
        found = sql(
            "select relname::text from pg_class where relname like 'synthohive%' union all "
            "select state || query from pg_stat_activity where application_name = 'synthohive'"
        )
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(0.05)
