"""What holds in every real row: found in the data, kept in every generated row, counted in the report."""

from __future__ import annotations

from synthohive_py.rules.kinds import (
    AtMost,
    Computed,
    Depends,
    Intervals,
    Nulls,
    Repeats,
    Rising,
    Rule,
    TableRules,
    rule_from_state,
)
from synthohive_py.rules.mining import mine_rules

__all__ = [
    "AtMost",
    "Computed",
    "Depends",
    "Intervals",
    "Nulls",
    "Repeats",
    "Rising",
    "Rule",
    "TableRules",
    "mine_rules",
    "rule_from_state",
]
