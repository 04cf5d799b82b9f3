"""A twin beside the real rows: how both are read, what is demanded of it, what is reported."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthohive_py.comparison import RunComparison
from synthohive_py.connectors.database import is_url, read_twin
from synthohive_py.connectors.paths import read_tables
from synthohive_py.errors import ConnectorError, GenerationError, QualityError, SettingError
from synthohive_py.frames import check_tables
from synthohive_py.privacy.report import PrivacyReport
from synthohive_py.quality import Tolerances, judge
from synthohive_py.quality.replaced import replaced_columns
from synthohive_py.report import ValidationReport, check_path, make_report
from synthohive_py.rng import Seed

if TYPE_CHECKING:
    from synthohive_py.findings import Finding
    from synthohive_py.relational.fitted import FitSettings, FittedSchema
    from synthohive_py.relational.population import Population
    from synthohive_py.schema import Metadata

__all__ = ["Data", "Judging"]

Data = Mapping[str, Any] | str
ENDINGS = (".parquet", ".csv", "")  # of a table in a folder


class Judging:
    """What a synthesizer says of its twins; a part of `Synthesizer`, which has the rest."""

    seed: int
    settings: FitSettings
    _real: Callable[[], Data] | None

    if TYPE_CHECKING:

        def _learned(self, call: str) -> FittedSchema: ...

        def _read(self, data: Data) -> tuple[Metadata, Mapping[str, Any], Population | None]: ...

    def generate_validation_report(
        self,
        real_data: Data | None,
        synthetic_data: Data | os.PathLike[str],
        output_path: str | os.PathLike[str] | None = None,
        *,
        compared: RunComparison | None = None,
    ) -> ValidationReport:
        """Compare a twin with the real rows: scores, baselines, pictures, verdict.

        Args:
            real_data: The real tables, as `fit` takes them; None for those of the last fit.
            synthetic_data: The twin: what `sample` returned, the folder it wrote to, or its schema in a
                database.
            output_path: Where to write the report: a path that ends in `.html` or `.json`, or a folder for
                both. The page works offline; nothing that fewer than `k_anonymity_threshold` real rows hold
                is in it.
            compared: What `compare_runs` said of your own dbt project: it becomes a section of the report.

        Raises:
            ConnectorError: A table can't be read, or the report can't be written.
            DataError: The data are no tables by name.
            GenerationError: Nothing was learned yet, or there are no real rows to compare with.
            SettingError: The path ends in another format, or `compared` is no comparison.
        """
        fitted = self._learned("generate_validation_report")
        if output_path is not None:
            check_path(output_path)
        if compared is not None and not isinstance(compared, RunComparison):
            raise SettingError(
                "compared is no comparison of two runs",
                expected="what compare_runs returns",
                received=type(compared).__name__,
            )
        twin = read_synthetic(fitted, synthetic_data)
        tables, _ = self._real_rows(real_data)
        report = make_report(
            fitted.metadata,
            tables,
            twin,
            seed=Seed(self.seed),
            threshold=self.settings.k_anonymity_threshold,
            scale=None,
            rules=fitted.rules(),
            training={name: table.report for name, table in fitted.tables.items() if table.report},
            replaced=replaced_columns(*fitted.made_up(), tables),
            protection=PrivacyReport.of(fitted.privacy),
            compared=compared,
        )
        if output_path is not None:
            report.write(output_path)
        return report

    def _real_rows(self, given: Data | None) -> tuple[Mapping[str, Any], Mapping[str, int]]:
        """The real rows, and of tables that were read in part how many rows there are."""
        data = self._real() if given is None and self._real else given
        if data is None:
            raise GenerationError(
                "there are no real rows to compare the twin with: what was learned keeps none",
                remedy="pass them to generate_validation_report as real_data, to sample as real",
            )
        _, tables, population = self._read(data)
        return tables, population.rows if population else {}

    def _check_demand(self, quality_threshold: object, real: Data | None, conditions: object) -> None:
        """Refuse a quality that can't be judged, before any row is made."""
        is_number = isinstance(quality_threshold, int | float) and not isinstance(quality_threshold, bool)
        if quality_threshold is not None and not (is_number and 0 < float(str(quality_threshold)) <= 1):
            raise SettingError(
                "quality_threshold is out of range",
                expected="a number above 0, and at most 1",
                received=repr(quality_threshold)[:80],
            )
        if conditions:
            raise SettingError(
                "a twin that meets conditions can't be compared with all real rows",
                remedy="leave out conditions, or quality_threshold and return_metrics",
            )
        if real is None and self._real is None:
            self._real_rows(None)

    def _judge(
        self,
        twin: Mapping[str, Any],
        quality_threshold: float | None,
        options: Mapping[str, Any],
        real: Data | None,
    ) -> list[Finding]:
        """All findings on a twin that was made with these options; with a threshold it has to pass."""
        fitted = self._learned("sample")
        tables, rows = self._real_rows(real)
        tolerances = None if quality_threshold is None else Tolerances(shape=1 - quality_threshold)
        found = judge(
            fitted.metadata,
            tables,
            twin,
            seed=Seed(self.seed),
            tolerances=tolerances,
            scale=options["scale"] if options["num_rows"] is None and options["append_to"] is None else None,
            rules=fitted.rules(),
            real_rows=rows,
            replaced=replaced_columns(*fitted.made_up(), tables),
        ).findings
        failures = [finding for finding in found if not finding.passed]
        if failures and quality_threshold is not None:
            raise QualityError(failures, of=len(found))
        return found


def read_synthetic(fitted: FittedSchema, twin: object) -> Mapping[str, Any]:
    """The twin's tables: as they are, from their files, from a folder, or from a schema of a database.

    Raises:
        ConnectorError: They can't be read.
        DataError: They are no tables by name.
    """
    if isinstance(twin, str) and is_url(twin):
        return read_twin(twin, fitted)
    if isinstance(twin, str | os.PathLike):
        if not Path(twin).is_dir():
            raise ConnectorError(
                "there is no such folder with a twin",
                expected="what sample returned, the folder it wrote to, or a database's URL",
                received=str(twin),
                remedy="pass the folder that sample(output_path=...) wrote to",
            )
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
