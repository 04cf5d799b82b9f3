"""A twin beside the real rows, for the synthesizer: where both are read, what is demanded, what is reported."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthohive_py.connectors.database import is_url, read_twin
from synthohive_py.connectors.paths import read_tables
from synthohive_py.errors import ConnectorError, GenerationError, QualityError, SettingError
from synthohive_py.frames import check_tables
from synthohive_py.quality import Tolerances, judge
from synthohive_py.report import ValidationReport, make_report
from synthohive_py.rng import Seed

if TYPE_CHECKING:
    from synthohive_py.findings import Finding
    from synthohive_py.relational.fitted import FittedSchema
    from synthohive_py.relational.population import Population

__all__ = ["Real", "check_demand", "judge_twin", "read_synthetic", "report_twin"]

ENDINGS = (".parquet", ".csv", "")  # of a table in a folder


@dataclass(frozen=True)
class Real:
    """The real rows that a twin is compared with.

    Attributes:
        tables: Per table its rows, or a sample of them.
        population: How many rows there are, if these are a sample.
    """

    tables: Mapping[str, Any]
    population: Population | None = None

    @property
    def rows(self) -> Mapping[str, int]:
        """Per table how many rows it has, where only a sample was read."""
        return self.population.rows if self.population else {}


def check_demand(quality_threshold: float | None, *, is_known: bool, conditions: object) -> None:
    """Refuse a quality that can't be judged, before any row is made.

    Raises:
        GenerationError: There are no real rows to compare with.
        SettingError: The threshold is out of range, or conditions make the twin differ on purpose.
    """
    is_number = isinstance(quality_threshold, int | float) and not isinstance(quality_threshold, bool)
    if quality_threshold is not None and not (is_number and 0 < quality_threshold <= 1):
        raise SettingError(
            "quality_threshold is out of range",
            expected="a number above 0, and at most 1",
            received=repr(quality_threshold),
        )
    if conditions:
        raise SettingError(
            "a twin that meets conditions can't be compared with all real rows",
            remedy="leave out conditions, or quality_threshold and return_metrics",
        )
    if not is_known:
        raise GenerationError(
            "there are no real rows to compare the twin with: what was learned keeps none",
            remedy="pass them: sample(..., real=tables)",
        )


def judge_twin(
    fitted: FittedSchema,
    real: Real,
    twin: Mapping[str, Any],
    *,
    quality_threshold: float | None,
    scale: float | None,
    seed: Seed,
) -> list[Finding]:
    """All findings on a twin; with a threshold it has to pass.

    Args:
        fitted: What it was made from.
        real: The real rows.
        twin: The synthetic rows.
        quality_threshold: What a score must reach where two halves of the real rows reach 1; scores may be
            as far below lower baselines. None to judge without a demand.
        scale: The size asked of the twin; None if its size is not judged.
        seed: The stream of all samples and halves.

    Raises:
        QualityError: A finding did not pass; it lists them all.
    """
    tolerances = None if quality_threshold is None else Tolerances(shape=1 - quality_threshold)
    found = judge(
        fitted.metadata,
        real.tables,
        twin,
        seed=seed,
        tolerances=tolerances,
        scale=scale,
        rules=fitted.rules(),
        real_rows=real.rows,
        replaced=_replaced(fitted),
    ).findings
    failures = [finding for finding in found if not finding.passed]
    if failures and quality_threshold is not None:
        raise QualityError(failures, of=len(found))
    return found


def report_twin(
    fitted: FittedSchema, real: Real, twin: Mapping[str, Any], *, threshold: int, seed: Seed
) -> ValidationReport:
    """The report on a twin of any size; nothing that fewer real rows than the threshold hold is in it."""
    return make_report(
        fitted.metadata,
        real.tables,
        twin,
        seed=seed,
        threshold=threshold,
        scale=None,
        rules=fitted.rules(),
        training={name: table.report for name, table in fitted.tables.items() if table.report},
        replaced=_replaced(fitted),
    )


def read_synthetic(fitted: FittedSchema, twin: object) -> Mapping[str, Any]:
    """The twin's tables: as they are, from their files, from a folder, or from a schema of a database.

    Raises:
        ConnectorError: They can't be read.
        DataError: They are no tables by name.
    """
    if isinstance(twin, str) and is_url(twin):
        return read_twin(twin, fitted)
    if isinstance(twin, str | os.PathLike):
        return read_tables({name: _file_of(Path(twin), name) for name in fitted.tables})
    check_tables(twin)
    assert isinstance(twin, Mapping)  # noqa: S101 - check_tables refuses all else
    return read_tables(twin)


def _file_of(folder: Path, name: str) -> Path:
    for ending in ENDINGS:
        path = folder / f"{name}{ending}"
        if path.exists():
            return path
    raise ConnectorError(
        "the folder has no such table",
        table=name,
        expected=f"{name}.parquet, {name}.csv, or a folder {name}",
        received=str(folder),
        remedy="pass the folder that sample(output_path=...) wrote to",
    )


def _replaced(fitted: FittedSchema) -> dict[str, set[str]]:
    """Per table the columns that hold made-up people instead of what was learned."""
    found: dict[str, set[str]] = {}
    for column in fitted.privacy.get("columns", ()):
        found.setdefault(column["table"], set()).add(column["column"])
    return found
