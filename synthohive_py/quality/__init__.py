"""How good a twin is: metrics, their real-vs-real baselines, and a gate that says pass or fail."""

from __future__ import annotations

from synthohive_py.findings import Finding
from synthohive_py.quality.gate import Judgement, TableSummary, judge, score, summarise
from synthohive_py.quality.judged import Tolerances
from synthohive_py.quality.metrics import (
    ks_complement,
    missing_value_similarity,
    string_length_ks_complement,
    tv_complement,
)
from synthohive_py.quality.pairs import (
    contingency_similarity,
    correlation_similarity,
    mutual_information,
)

__all__ = [
    "Finding",
    "Judgement",
    "TableSummary",
    "Tolerances",
    "contingency_similarity",
    "correlation_similarity",
    "judge",
    "ks_complement",
    "missing_value_similarity",
    "mutual_information",
    "score",
    "string_length_ks_complement",
    "summarise",
    "tv_complement",
]
