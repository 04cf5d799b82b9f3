"""Your own project as the judge: one run of dbt on the real data and one on the twins, side by side.

Tests that keep their verdict, and marts that say the same, are what a twin is for. Distances of marts stand
beside those of two halves of the real mart. No real value is in the result: scores, counts and shares only.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack

from synthohive_py.comparison import MartComparison, RunComparison, Verdict
from synthohive_py.dbt.marts import BuiltTables, Tables, compare_mart
from synthohive_py.dbt.runs import Result, Run, read_run
from synthohive_py.errors import SettingError
from synthohive_py.rng import Seed

__all__ = ["compare_runs"]

NOT_RUN = "not run"


def compare_runs(
    real: str | os.PathLike[str],
    twin: str | os.PathLike[str],
    *,
    real_tables: Tables | str | None = None,
    twin_tables: Tables | str | None = None,
    models: Collection[str] | None = None,
    max_rows: int = 1_000_000,
    seed: int = 0,
) -> RunComparison:
    """Compare two runs of `dbt build` of one project: on the real data, and on the twins.

    Args:
        real: The target folder of the run on the real data (`dbt build --target-path ...`).
        twin: The target folder of the run on the twins.
        real_tables: The URL of the database with what the first run has built, or frames by name of model.
            Without it only tests are compared.
        twin_tables: The same of the second run; by default the same database.
        models: Names of models and snapshots to compare; by default all from which no other model is built.
        max_rows: Of larger ones a sample of about so many rows is compared.
        seed: Decides which rows are sampled, and how the real ones are halved.

    Raises:
        ConnectorError: The database refused.
        DataError: What is passed as frames is none, or a column holds what can't be compared.
        SchemaError: A folder holds no run of dbt.
        SettingError: The runs are not of one project, both have written to the same table, or there is no
            model of a name.
    """
    runs = read_run(real), read_run(twin)
    _check_runs(*runs)
    if max_rows < 1:
        raise SettingError("max_rows is out of range", expected="at least 1", received=repr(max_rows))
    stream = Seed(seed).child("compare")
    marts = []
    if real_tables is not None:
        if twin_tables is None and not isinstance(real_tables, str):
            raise SettingError("twin_tables are missing", expected="frames of both runs, or a URL")
        with ExitStack() as stack:
            sides = [BuiltTables(real_tables, "real_tables", max_rows, stack)] * 2
            if twin_tables is not None:
                sides[1] = BuiltTables(twin_tables, "twin_tables", max_rows, stack)
            marts = [_mart(unique_id, runs, sides, stream) for unique_id in _chosen(*runs, models)]
    return RunComparison(runs[0].project, tuple(_verdicts(*runs)), tuple(marts))


# ---------------------------------------------------------------- runs


def _check_runs(real: Run, twin: Run) -> None:
    if real.project != twin.project:
        raise SettingError(
            "the runs are not of one project",
            received=f"{real.project} in {real.path} and {twin.project} in {twin.path}",
            remedy="build the same project twice, in a target with the real data and in one with the twins",
        )
    for unique_id, mart in twin.marts.items():
        other = real.marts.get(unique_id)
        if other is not None and str(other.relation).lower() == str(mart.relation).lower():
            raise SettingError(
                "both runs write to the same table",
                table=mart.name,
                received=str(mart.relation),
                remedy="give the target with the twins a schema of its own; a snapshot follows it if it has "
                "no target_schema",
            )


def _verdicts(real: Run, twin: Run) -> Iterator[Verdict]:
    absent = Result("", NOT_RUN, None)
    for unique_id in sorted({*real.tests, *twin.tests}):
        one, other = real.tests.get(unique_id, absent), twin.tests.get(unique_id, absent)
        name = one.name or other.name
        yield Verdict(name, unique_id, one.status, other.status, one.failures, other.failures)


def _chosen(real: Run, twin: Run, models: Collection[str] | None) -> list[str]:
    marts = {**twin.marts, **real.marts}
    if models is None:
        return [unique_id for unique_id, mart in marts.items() if mart.is_last]
    by_name = {mart.name: unique_id for unique_id, mart in marts.items()}
    unknown = [str(name) for name in models if name not in by_name]
    if unknown or isinstance(models, str):
        raise SettingError(
            "there is no such model",
            expected=f"a list of some of {', '.join(by_name)}",
            received=models if isinstance(models, str) else ", ".join(unknown),
        )
    return [by_name[name] for name in models]


def _mart(unique_id: str, runs: tuple[Run, Run], sides: Sequence[BuiltTables], seed: Seed) -> MartComparison:
    mart = runs[0].marts.get(unique_id) or runs[1].marts[unique_id]
    for run, data in zip(runs, ("the real data", "the twins"), strict=True):
        built = run.models.get(unique_id)
        if built is None or built.status != "success":
            return MartComparison(mart.name, f"{built.status if built else NOT_RUN} on {data}")
    real, twin = (
        tables.read(run.marts[unique_id], seed.child(mart.name, side))
        for tables, run, side in zip(sides, runs, ("real", "twin"), strict=True)
    )
    return compare_mart(mart, real, twin, seed.child(mart.name, "compare"))
