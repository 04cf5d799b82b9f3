"""How good a twin is: metrics, their real-vs-real baselines, and a gate that says pass or fail."""

from __future__ import annotations

from synthohive_py.findings import Finding
from synthohive_py.quality.gate import TableSummary, score, summarise
from synthohive_py.quality.metrics import (
    ks_complement,
    missing_value_similarity,
    string_length_ks_complement,
    tv_complement,
)

__all__ = [
    "Finding",
    "TableSummary",
    "ks_complement",
    "missing_value_similarity",
    "score",
    "string_length_ks_complement",
    "summarise",
    "tv_complement",
]
