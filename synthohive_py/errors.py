"""Every error that SynthoHive raises on purpose.

    SynthoHiveError
    ├── SchemaError                the declared schema is wrong
    │   └── SchemaValidationError  several problems of schema or data, all listed
    ├── DataError                  a column or table holds what can't be learned
    ├── SettingError               an option or a dbt setting is unknown or out of range
    │   └── PrivacyError           a demand on privacy is unknown or out of range
    ├── TrainingError              a model could not be fitted
    ├── GenerationError            synthetic rows could not be made
    │   └── ConstraintViolationError  a model class of the user's own made rows that break a constraint
    ├── SerializationError         an artefact can't be written, read or trusted
    ├── QualityError               the twin is worse than the asked-for threshold
    └── ConnectorError             a database or a file refused

Every one of them carries facts (`table`, `column`, `expected`, `received`, `remedy`), and its text is made
from them, so that a reader learns who is meant, what is wrong and what to do next.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from synthohive_py.findings import Finding

__all__ = [
    "ConnectorError",
    "ConstraintViolationError",
    "DataError",
    "GenerationError",
    "PrivacyError",
    "Problem",
    "QualityError",
    "SchemaError",
    "SchemaValidationError",
    "SerializationError",
    "SettingError",
    "SynthoHiveError",
    "TrainingError",
    "did_you_mean",
]


MOST_FINDINGS = 20  # that the message of a QualityError spells out


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, as facts.

    Attributes:
        summary: What is wrong, as one sentence without its end mark.
        table: The table meant, if one is.
        column: The column meant, or several joined by commas.
        expected: What would have been right.
        received: What came instead.
        remedy: What the reader can do about it.
    """

    summary: str
    table: str | None = None
    column: str | None = None
    expected: str | None = None
    received: str | None = None
    remedy: str | None = None

    def __str__(self) -> str:
        where = ".".join(part for part in (self.table, self.column) if part)
        sentences = [f"{where}: {self.summary}" if where else self.summary]
        if self.expected is not None:
            sentences.append(f"expected {self.expected}")
        if self.received is not None:
            sentences.append(f"received {self.received}")
        text = "; ".join(sentences).removesuffix(".")
        return f"{text}. What to do: {self.remedy}" if self.remedy else f"{text}."


class SynthoHiveError(Exception):
    """The root of the tree: catch it to catch all that SynthoHive raises on purpose."""

    def __init__(
        self,
        summary: str,
        *,
        table: str | None = None,
        column: str | None = None,
        expected: str | None = None,
        received: str | None = None,
        remedy: str | None = None,
    ) -> None:
        self.problem = Problem(summary, table, column, expected, received, remedy)
        super().__init__(str(self.problem))

    @property
    def table(self) -> str | None:
        """The table meant, if one is."""
        return self.problem.table

    @property
    def column(self) -> str | None:
        """The column meant, if one is."""
        return self.problem.column


class SchemaError(SynthoHiveError):
    """The declared schema is wrong."""


class SchemaValidationError(SchemaError):
    """Schema and data have problems; `problems` lists every one of them."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        first = self.problems[0]
        super().__init__(first.summary, table=first.table, column=first.column)
        count = len(self.problems)
        heading = "1 problem" if count == 1 else f"{count} problems"
        lines = "\n".join(f"  {i}. {p}" for i, p in enumerate(self.problems, 1))
        self.args = (f"Schema and data have {heading}:\n{lines}",)


class DataError(SynthoHiveError):
    """A table or column holds what can't be learned."""


class SettingError(SynthoHiveError):
    """An option or a dbt setting is unknown or out of range."""


class PrivacyError(SettingError):
    """A demand on privacy is unknown or out of range."""


class TrainingError(SynthoHiveError):
    """A model could not be fitted."""


class GenerationError(SynthoHiveError):
    """Synthetic rows could not be made as asked."""


class ConstraintViolationError(GenerationError):
    """A model class of the user's own, for data frames, made rows that break a declared constraint."""


class SerializationError(SynthoHiveError):
    """An artefact can't be written, read or trusted."""


class QualityError(SynthoHiveError):
    """The twin is worse than the asked-for threshold; `findings` lists every check that it failed."""

    def __init__(self, findings: Sequence[Finding], *, of: int) -> None:
        self.findings = tuple(findings)
        first = self.findings[0]
        remedy = "train longer or with another model, or lower quality_threshold"
        super().__init__(first.reason, table=first.table, column=first.column, remedy=remedy)
        lines = [f"  {i}. {finding}" for i, finding in enumerate(self.findings[:MOST_FINDINGS], 1)]
        rest = len(self.findings) - len(lines)
        more = [f"  ... and {rest} more, in the error's `findings`"] if rest else []
        heading = f"The twin fails {len(self.findings)} of {of} checks:"
        self.args = ("\n".join([heading, *lines, *more, f"What to do: {remedy}"]),)


class ConnectorError(SynthoHiveError):
    """A database or a file refused."""


def did_you_mean(name: object, known: Iterable[object]) -> str | None:
    """A remedy for a misspelt name: the nearest of the known ones, if one is near in any case of letters."""
    texts = {str(text).lower(): str(text) for text in known}
    near = difflib.get_close_matches(str(name).lower(), list(texts), 1)
    return f"did you mean {texts[near[0]]!r}?" if near else None
