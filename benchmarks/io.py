"""Rows per second that the connectors read and write, beside pandas with SQLAlchemy.

Needs the extra dev, mariadb-server, and for the comparison `pip install sqlalchemy psycopg2-binary`:

    python benchmarks/io.py

The servers are private ones on this machine, without fsync.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa

TESTS = Path(__file__).parents[1] / "tests"
sys.path[:0] = [str(TESTS), str(TESTS / "connectors")]

ROWS = 1_000_000
FEW = 100_000  # of them for pandas, which is slow
BATCH = 65_536

POSTGRES = """
create table shop.t (
    id bigint, customer_id integer, quantity smallint, price numeric(10, 2), weight double precision,
    is_paid boolean, status text, note text, day date, moment timestamp
)
"""
MYSQL = """
create table shop.t (
    id bigint, customer_id integer, quantity smallint, price decimal(10, 2), weight double,
    is_paid tinyint(1), status varchar(20), note varchar(40), day date, moment datetime(6)
)
"""


def made(rows: int) -> pa.Table:
    """Ten columns of the types that shops have."""
    rng = np.random.default_rng(0)
    ids = np.arange(rows)
    cents = pa.array(rng.integers(1, 10_000_00, rows)).cast(pa.decimal128(20, 0))
    price = pa.compute.multiply(cents, pa.scalar("0.01").cast(pa.decimal128(3, 2))).cast(pa.decimal128(10, 2))
    days = rng.integers(18_000, 20_000, rows).astype(np.int32)
    status = pa.DictionaryArray.from_arrays(rng.integers(0, 3, rows), ["open", "paid", "sent"])
    return pa.table(
        {
            "id": ids,
            "customer_id": rng.integers(0, 50_000, rows).astype(np.int32),
            "quantity": rng.integers(1, 20, rows).astype(np.int16),
            "price": price,
            "weight": rng.gamma(2.0, 1.5, rows),
            "is_paid": rng.random(rows) < 0.7,
            "status": status.cast(pa.string()),
            "note": pa.compute.binary_join_element_wise("note of order", pa.array(ids).cast("string"), " "),
            "day": pa.array(days).cast(pa.date32()),
            "moment": pa.array(rng.integers(16 * 10**14, 17 * 10**14, rows), pa.timestamp("us")),
        }
    )


def speed(rows: int, run: Callable[[], object]) -> int:
    """Rows per second, the better of two runs."""
    seconds = []
    for _ in range(2):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return round(rows / min(seconds))


def twins(connector: object, table: pa.Table) -> Callable[[], None]:
    """Writes the table as the twin of shop.t, in pieces."""
    from synthohive_py.connectors import Place

    def write() -> None:
        place = Place(connector.relation("shop", "t"), connector.relation("twins", "t"))
        with connector.writing({"t": place}) as add:
            for start in range(0, table.num_rows, BATCH):
                add("t", table.slice(start, BATCH))

    return write


def read(connector: object, schema: str) -> None:
    """Reads all pieces, and keeps none."""
    for _ in connector.batches(connector.relation(schema, "t")):
        pass


def postgres(table: pa.Table) -> dict[str, int]:
    """The connector, and pandas where SQLAlchemy is installed."""
    import adbc_driver_postgresql.dbapi as adbc
    from postgres_server import postgres_server

    from synthohive_py.connectors.postgres import PostgresConnector

    with postgres_server() as uri:
        with adbc.connect(uri, autocommit=True) as connection, connection.cursor() as cursor:
            cursor.execute("create schema shop")
            cursor.execute(POSTGRES)
        connector = PostgresConnector(uri)
        found = {
            "write": speed(table.num_rows, twins(connector, table)),
            "read": speed(table.num_rows, lambda: read(connector, "twins")),
        }
        if importlib.util.find_spec("sqlalchemy") and importlib.util.find_spec("psycopg2"):
            found |= pandas_postgres(uri, table.slice(0, FEW))
    return found


def mysql(table: pa.Table) -> dict[str, int]:
    """The connector alone."""
    import pymysql
    from mariadb_server import mariadb_server

    from synthohive_py.connectors import open_url
    from synthohive_py.connectors.urls import Address

    with mariadb_server() as url:
        at = Address.read(url)
        with pymysql.connect(host=at.host, port=at.port, user=at.user, password=at.password) as connection:
            for statement in ("create database shop", MYSQL):
                connection.cursor().execute(statement)
        connector, _ = open_url(f"{url}/shop")
        return {
            "write": speed(table.num_rows, twins(connector, table)),
            "read": speed(table.num_rows, lambda: read(connector, "twins")),
        }


def pandas_postgres(uri: str, table: pa.Table) -> dict[str, int]:
    """to_sql and read_sql."""
    import pandas as pd
    import sqlalchemy

    engine = sqlalchemy.create_engine(uri.replace("postgresql://", "postgresql+psycopg2://"))
    frame = table.to_pandas()

    def write() -> None:
        with engine.begin() as connection:
            frame.to_sql("pandas_t", connection, if_exists="replace", index=False)

    def read_back() -> None:
        with engine.connect() as connection:
            pd.read_sql("select * from pandas_t", connection)

    found = {"pandas write": speed(FEW, write), "pandas read": speed(FEW, read_back)}
    engine.dispose()
    return found


def main() -> None:
    """Print the numbers as JSON."""
    table = made(ROWS)
    print(json.dumps({"postgres": postgres(table), "mysql": mysql(table)}, indent=1))


if __name__ == "__main__":
    main()
