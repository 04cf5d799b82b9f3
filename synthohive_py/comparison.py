"""What two runs of one dbt project say: which tests keep their verdict, how alike the marts are.

No real value is in it: scores, counts and shares only.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from synthohive_py.findings import Finding

__all__ = ["FIGURES", "LEGEND", "MartComparison", "MeanGap", "RunComparison", "Verdict"]

# What is told of a mart, and what it means.
FIGURES = ("rows", "twin's rows", "alike", "baseline", "mean off", "baseline", "failed")
LEGEND = {
    "alike": "how alike the columns are distributed, from 0 to 1, mean of all columns",
    "mean off": "the mean that is off most, in standard deviations of its column",
    "baseline": "what two halves of the real mart reach",
    "failed": "columns and pairs that are further from the baseline than chance and tolerance explain",
}


@dataclass(frozen=True)
class MeanGap:
    """How far the mean of a column of numbers is off.

    Attributes:
        column: The column.
        gap: The twin's mean less the real one, in standard deviations of the real column; if that is
            constant, as a share of its value.
        baseline: How far apart, without sign, the means of two halves of the real column are.
        threshold: How far, without sign, the gap may go.
        total_ratio: The twin's total as a multiple of the real one; None where that is 0.
    """

    column: str
    gap: float
    baseline: float
    threshold: float
    total_ratio: float | None

    @property
    def passed(self) -> bool:
        """Whether the gap is no more than that."""
        return abs(self.gap) <= self.threshold


@dataclass(frozen=True)
class MartComparison:
    """One model or snapshot, as both runs have built it.

    Attributes:
        name: Its name.
        problem: Why it can't be compared; None if it was.
        real_rows: Rows on the real data.
        twin_rows: Rows on the twins.
        quality: The mean score of its columns' shapes; None if it has none but keys.
        baseline: What two halves of the real mart reach.
        findings: Columns and pairs of columns, with score, baseline, threshold and reason.
        means: The columns of numbers.
    """

    name: str
    problem: str | None = None
    real_rows: int = 0
    twin_rows: int = 0
    quality: float | None = None
    baseline: float | None = None
    findings: tuple[Finding, ...] = ()
    means: tuple[MeanGap, ...] = ()

    @property
    def failures(self) -> int:
        """How many columns and pairs of columns are not good enough: their findings, or their means."""
        failing = {finding.column for finding in self.findings if not finding.passed}
        return len(failing | {mean.column for mean in self.means if not mean.passed})

    @property
    def widest(self) -> MeanGap | None:
        """The column whose mean is off most."""
        return max(self.means, key=lambda mean: abs(mean.gap), default=None)

    @property
    def figures(self) -> tuple[str, ...]:
        """What is told of it, in the order of `FIGURES`."""
        widest = self.widest
        return (
            f"{self.real_rows:,}",
            f"{self.twin_rows:,}",
            _decimal(self.quality),
            _decimal(self.baseline),
            _decimal(abs(widest.gap) if widest else None),
            _decimal(widest.baseline if widest else None),
            str(self.failures),
        )


@dataclass(frozen=True)
class Verdict:
    """What became of one test in both runs.

    Attributes:
        test: The test's name.
        unique_id: Its id in dbt.
        real: dbt's status on the real data: `pass`, `warn`, `fail`, `error`, `skipped`; or `not run`.
        twin: The same in the run on the twins.
        real_failures: Rows that failed it there; None if dbt did not count.
        twin_failures: Rows of the twins that failed it.
    """

    test: str
    unique_id: str
    real: str
    twin: str
    real_failures: int | None
    twin_failures: int | None

    @property
    def is_kept(self) -> bool:
        """Whether both runs say the same. A test that one of them did not run is not kept."""
        return self.real == self.twin


@dataclass(frozen=True)
class RunComparison:
    """Two runs of one project. `str()` gives a table to print.

    Attributes:
        project: The project's name.
        verdicts: All tests and unit tests of both runs, without those of this package.
        marts: What was compared.
    """

    project: str
    verdicts: tuple[Verdict, ...]
    marts: tuple[MartComparison, ...]

    @property
    def kept(self) -> float | None:
        """The share of tests that keep their verdict; None if there are no tests."""
        return sum(v.is_kept for v in self.verdicts) / len(self.verdicts) if self.verdicts else None

    @property
    def changed(self) -> tuple[Verdict, ...]:
        """The tests that do not keep their verdict."""
        return tuple(verdict for verdict in self.verdicts if not verdict.is_kept)

    @property
    def broken(self) -> tuple[Verdict, ...]:
        """The tests that pass on the real data, and not on the twins."""
        return tuple(v for v in self.verdicts if v.real == "pass" and v.twin != "pass")

    @property
    def summary(self) -> str:
        """What became of the tests, in a line."""
        if self.kept is None:
            return "no tests were run"
        tests, broken = len(self.verdicts), len(self.broken)
        if broken:
            told = f"of those that pass on the real data {broken} fail on the twins"
        else:
            told = "all that pass on the real data pass on the twins"
        return f"{tests - len(self.changed)} of {tests} tests keep their verdict ({self.kept:.1%}); {told}"

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain values, as `to_json` writes them."""
        return {
            "project": self.project,
            "kept": self.kept,
            "tests": [{**asdict(v), "is_kept": v.is_kept} for v in self.verdicts],
            "marts": [{**asdict(m), "failures": m.failures} for m in self.marts],
        }

    def to_json(self, path: str | os.PathLike[str] | None = None) -> str:
        """All of it as JSON, also written to `path` if there is one; what is no number is null in it."""
        text = json.dumps(_told(self.to_dict()), indent=2, allow_nan=False)
        if path is not None:
            Path(path).write_text(text + "\n", encoding="utf-8")
        return text

    def __str__(self) -> str:
        return "\n".join(_lines(self))


# ---------------------------------------------------------------- words


def _lines(comparison: RunComparison) -> Iterator[str]:
    yield comparison.summary
    for verdict in comparison.changed:
        yield f"  {verdict.test}: {verdict.real} on the real data, {verdict.twin} on the twins"
    if not comparison.marts:
        return
    yield ""
    width = max(4, *(len(mart.name) for mart in comparison.marts)) + 2
    yield "mart".ljust(width) + "".join(f"{head:>13}" for head in FIGURES)
    for mart in comparison.marts:
        if mart.problem:
            yield f"{mart.name.ljust(width)}  not compared: {mart.problem}"
        else:
            yield mart.name.ljust(width) + "".join(f"{figure:>13}" for figure in mart.figures)
    yield ""
    for name, meaning in LEGEND.items():
        yield f"{name.ljust(8)}  {meaning}"


def _told(value: Any) -> Any:
    """The same without numbers that JSON does not have."""
    if isinstance(value, dict):
        return {key: _told(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_told(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _decimal(number: float | None) -> str:
    return "-" if number is None else f"{number:.3f}"
