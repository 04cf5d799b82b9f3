"""What was judged of a twin: one plain list, which every judge adds to and every reader takes."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Finding"]


@dataclass(frozen=True)
class Finding:
    """One thing that was judged.

    Attributes:
        table: The table.
        column: The column, several joined by commas, a foreign key as `column -> parent`, or None where the
            whole table is meant.
        metric: What was measured, by its SDMetrics name if it has one.
        score: From 0 to 1; 1 is best.
        baseline: What the real data reaches against itself.
        threshold: The score that is enough.
        passed: Whether the score reaches it.
        reason: Why, in words and shares; no real value occurs in it.
    """

    table: str
    column: str | None
    metric: str
    score: float
    baseline: float
    threshold: float
    passed: bool
    reason: str

    def __str__(self) -> str:
        where = ".".join(filter(None, (self.table, self.column)))
        return f"{where}: {self.metric} is {self.score:.3f}, {self.threshold:.3f} is enough: {self.reason}"
