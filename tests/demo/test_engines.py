"""The demo's dbt project on each engine, with the same model files: real, twins, and compared."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import duckdb
import pytest
from postgres_server import postgres_server
from sail_server import sail_server, sail_session

ROOT = Path(__file__).parents[2]
DAYS = 7
# All in one process: dbt takes seconds to start.
RUN = """
import shutil, sys
from dbt.cli.main import dbtRunner

target, days, *steps = sys.argv[1:]
sys.path.append("scripts")
sys.argv = ["load_flights.py", "--target", target, "--days", days]
import load_flights
load_flights.main()
for number, step in enumerate(steps):
    done = dbtRunner().invoke(["--no-use-colors", *step.split()])
    shutil.copy("target/run_results.json", f"results-{number}.json")
    if not done.success:
        sys.exit(f"dbt {step} failed: {done.exception}")
"""
# So few flights share a clock time that none is learned as one, unless values of single rows are.
QUICK = json.dumps(
    {
        "synthohive_model_options": {"epochs": 10},
        "synthohive_k_anonymity_threshold": 1,
        "synthohive_tolerance": 0.5,
    },
    separators=(",", ":"),  # the steps are split at spaces
)
STEPS = (
    "build --exclude package:synthohive --target {target}",
    f"build --select package:synthohive --vars {QUICK} --target {{target}}",
    "build --exclude package:synthohive --target {twins}",
)


# Of one mart: flights, airlines, the cancelled flights' share, and minutes of delay.
COMPARED = """
select
    cast(sum(flights) as integer),
    count(distinct airline_code),
    cast(sum(cancelled_flights) as float) / sum(flights),
    cast(sum(mean_departure_delay * flights) / sum(flights) as float)
from {}.carrier_monthly_delays
"""


def build(target: str, folder: Path, environment: dict[str, str]) -> list[Counter[str]]:
    """Load and build everything in a copy of the project; what dbt says of the nodes of each step.

    Whatever dbt calls deprecated is an error.
    """
    project = folder / "integration_tests"
    ignored = shutil.ignore_patterns("target", "logs", "dbt_packages")
    shutil.copytree(ROOT / "integration_tests", project, ignore=ignored)
    (project / "dbt_packages").mkdir()
    (project / "dbt_packages" / "synthohive").symlink_to(ROOT, target_is_directory=True)
    (project / "run.py").write_text(RUN)  # Spark's client does not work under `python -c`
    twins = "synthetic" if target == "dev" else f"{target}_synthetic"
    steps = [step.replace("{target}", target).replace("{twins}", twins) for step in STEPS]
    done = subprocess.run(
        [sys.executable, "run.py", target, str(DAYS), *steps],
        cwd=project,
        env={**os.environ, "DBT_WARN_ERROR_OPTIONS": '{"error": ["Deprecations"]}', **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    results = [json.loads((project / f"results-{n}.json").read_text())["results"] for n in range(len(steps))]
    return [Counter(result["status"] for result in some) for some in results]


def assert_alike(steps: list[Counter[str]], ask: Callable[[str], list[tuple[Any, ...]]]) -> None:
    """Everything was built, and what the project says of the twins is what it says of the real flights."""
    real, twins, synthetic = steps
    schemas = ("analytics", "analytics_synthetic")
    [of_real], [of_twins] = (ask(COMPARED.format(schema)) for schema in schemas)
    [(findings, passed)] = ask(
        "select count(*), count(*) filter (where passed) from analytics.synthohive_quality"
    )

    assert real.keys() == synthetic.keys() == {"success", "pass", "warn"}
    assert twins == {"success": 4, "pass": 4}
    assert real["success"] == synthetic["success"] == 9
    assert passed == findings > 50
    assert of_real[0] == 6_099
    assert of_twins[0] == pytest.approx(of_real[0], rel=0.1)  # some flights find no unused number in an hour
    assert of_twins[1] == of_real[1] == 15
    assert of_twins[2] == pytest.approx(of_real[2], abs=0.01)
    assert of_twins[3] == pytest.approx(of_real[3], abs=3)


def test_duckdb_builds_the_same_project_on_real_rows_and_on_twins(tmp_path: Path) -> None:
    database = tmp_path / "flights.duckdb"

    steps = build("dev", tmp_path, {"FLIGHTS_DB": str(database)})

    with duckdb.connect(str(database)) as connection:
        assert_alike(steps, lambda query: connection.execute(query).fetchall())


def test_postgres_builds_the_same_project_on_real_rows_and_on_twins(tmp_path: Path) -> None:
    psycopg2 = pytest.importorskip("psycopg2")
    with postgres_server() as uri:
        at = urlsplit(uri)
        where = {"PGHOST": at.hostname, "PGPORT": at.port, "PGUSER": at.username, "PGPASSWORD": at.password}
        environment = {name: str(value) for name, value in where.items()} | {"PGDATABASE": "postgres"}

        steps = build("postgres", tmp_path, environment)

        with closing(psycopg2.connect(uri)) as connection, connection.cursor() as cursor:

            def ask(query: str) -> list[tuple[Any, ...]]:
                cursor.execute(query)
                return cursor.fetchall()

            assert_alike(steps, ask)


def test_spark_builds_the_same_project_on_real_rows_and_on_twins(tmp_path: Path) -> None:
    pytest.importorskip("pysail")
    warehouse = tmp_path / "warehouse"
    with sail_server() as server, sail_session(server, warehouse) as (url, session):
        steps = build("spark", tmp_path, {"SPARK_REMOTE": url, "FLIGHTS_WAREHOUSE": str(warehouse)})

        assert_alike(steps, lambda query: [tuple(row) for row in session.sql(query).collect()])
