"""The report as an object: the verdict, all findings, and where to write them."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthohive_py.comparison import RunComparison
from synthohive_py.errors import ConnectorError, SettingError
from synthohive_py.findings import Finding
from synthohive_py.privacy.report import PrivacyReport
from synthohive_py.quality import Tolerances, judge
from synthohive_py.quality.detection import is_available
from synthohive_py.report.contents import TablePart, privacy_findings, table_parts
from synthohive_py.report.page import page
from synthohive_py.rng import Seed
from synthohive_py.states import replace_file

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from synthohive_py.rules import TableRules
    from synthohive_py.schema import Metadata

__all__ = ["ValidationReport", "check_path", "make_report"]

SUFFIXES = (".html", ".htm", ".json")
NAME = "validation_report"  # of the files in a folder


@dataclass(frozen=True, repr=False)
class ValidationReport:
    """How good a twin is: every finding beside its baseline, and what may be shown of both sides.

    Attributes:
        tables: Table by table, as plain data.
        detection: Whether a classifier was asked.
        threshold: Nothing that fewer real rows hold is in it.
        protection: What was done for privacy while the twin was learned; None if nobody knows.
        compared: What the user's own dbt project says of the twin, if it was asked; no part of the verdict.
    """

    tables: tuple[TablePart, ...]
    detection: bool
    threshold: int
    protection: PrivacyReport | None = None
    compared: RunComparison | None = None

    @property
    def findings(self) -> list[Finding]:
        """All findings, table by table."""
        return [finding for table in self.tables for finding in table.findings]

    @property
    def failures(self) -> list[Finding]:
        """The findings that did not pass."""
        return [finding for finding in self.findings if not finding.passed]

    @property
    def passed(self) -> bool:
        """Whether all findings passed."""
        return not self.failures

    def __repr__(self) -> str:
        return f"<ValidationReport: {self._verdict}>"

    def __str__(self) -> str:
        """The verdict, and what failed."""
        return "\n".join([self._verdict, *(f"  {failure}" for failure in self.failures)])

    @property
    def _verdict(self) -> str:
        if self.passed:
            return f"all {len(self.findings)} checks pass"
        return f"{len(self.failures)} of {len(self.findings)} checks fail"

    def to_json(self) -> str:
        """All of it as JSON."""
        content: dict[str, Any] = {"passed": self.passed, **asdict(self)}
        content["failures"] = [asdict(finding) for finding in self.failures]
        content["compared"] = None if self.compared is None else self.compared.to_dict()
        return json.dumps(content, indent=1, default=str)

    def to_html(self) -> str:
        """One page, which needs nothing else."""
        protection = None if self.protection is None else str(self.protection)
        return page(
            self.tables,
            detection=self.detection,
            threshold=self.threshold,
            protection=protection,
            compared=self.compared,
        )

    def write(self, path: str | os.PathLike[str]) -> list[Path]:
        """Write it where the path says: `.html`, `.json`, or both into a folder.

        Returns:
            The files.

        Raises:
            ConnectorError: A file can't be written.
            SettingError: The path ends otherwise.
        """
        target = check_path(path)
        is_folder = not target.suffix or target.is_dir()
        files = [target / f"{NAME}{end}" for end in (".html", ".json")] if is_folder else [target]
        try:
            for file in files:
                text = self.to_json() if file.suffix.lower() == ".json" else self.to_html()
                replace_file(file, text.encode())
        except OSError as error:
            raise ConnectorError(
                f"can't write the report to {target}",
                received=error.strerror or str(error),
                remedy="check that the folder may be written to",
            ) from error
        return files


def check_path(path: str | os.PathLike[str]) -> Path:
    """The path, if a report can be written there.

    Raises:
        SettingError: It is no path, or has an ending that is no report's.
    """
    if not isinstance(path, str | os.PathLike):
        raise SettingError(
            "output_path is no path",
            expected="where to write the report, as text or a path",
            received=type(path).__name__,
            remedy="pass the real tables first, then the twin, then the path",
        )
    target = Path(path)
    if target.suffix and target.suffix.lower() not in SUFFIXES and not target.is_dir():
        raise SettingError(
            "the path of the report ends in no known format",
            expected=f"one of {', '.join(SUFFIXES)}, or a folder for both",
            received=repr(target.suffix),
        )
    return target


def make_report(
    metadata: Metadata,
    real: Mapping[str, pa.Table | pd.DataFrame],
    synthetic: Mapping[str, pa.Table | pd.DataFrame],
    *,
    seed: Seed,
    threshold: int = 5,
    tolerances: Tolerances | None = None,
    scale: float | None = 1.0,
    rules: Mapping[str, TableRules] | None = None,
    training: Mapping[str, Mapping[str, Any]] | None = None,
    real_rows: Mapping[str, int] | None = None,
    replaced: Mapping[str, Collection[str]] | None = None,
    protection: PrivacyReport | None = None,
    compared: RunComparison | None = None,
) -> ValidationReport:
    """Judge a twin, and keep what may be shown.

    Args:
        metadata: The declared tables and keys.
        real: The real tables by name.
        synthetic: The tables of the twin by name.
        seed: The stream that all samples and halves are drawn from.
        threshold: Nothing that fewer real rows hold is shown.
        tolerances: How far scores may be below their baselines.
        scale: The size asked of the twin, relative to the real data; None if its size is not judged.
        rules: Per table, rules that hold in every real row.
        training: Per table, what its training reported.
        real_rows: Per table how many rows it has, where `real` is a sample.
        replaced: Per table the columns whose values are made up anew on purpose, which are not compared.
        protection: What was done for privacy while the twin was learned.
        compared: What the user's own dbt project says of the twin.

    Raises:
        DataError: A declared table has no real data, or the data are no tables.
    """
    detection = is_available()
    judgement = judge(
        metadata,
        real,
        synthetic,
        seed=seed,
        tolerances=tolerances,
        scale=scale,
        rules=rules,
        detection=detection,
        real_rows=real_rows,
        replaced=replaced,
    )
    privacy = [finding for judged in judgement.tables.values() for finding in privacy_findings(judged)]
    parts = table_parts(judgement, privacy, training or {}, threshold=threshold)
    return ValidationReport(parts, detection, threshold, protection, compared)
