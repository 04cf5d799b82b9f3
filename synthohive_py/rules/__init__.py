"""What holds in every real row: declared or found, kept in every generated row, counted in the report."""

from __future__ import annotations

from synthohive_py.rules.dateparts import DatePart, dates_of, find_date_parts
from synthohive_py.rules.declared import declared_formulas, declared_repetitions, declared_rules
from synthohive_py.rules.kinds import (
    AtMost,
    Computed,
    Depends,
    Intervals,
    NullBy,
    Nulls,
    Relatives,
    Repeats,
    Rising,
    Rule,
    TableRules,
    rule_from_state,
)
from synthohive_py.rules.mining import mine_rules
from synthohive_py.rules.thresholds import NullBeyond

__all__ = [
    "AtMost",
    "Computed",
    "DatePart",
    "Depends",
    "Intervals",
    "NullBeyond",
    "NullBy",
    "Nulls",
    "Relatives",
    "Repeats",
    "Rising",
    "Rule",
    "TableRules",
    "dates_of",
    "declared_formulas",
    "declared_repetitions",
    "declared_rules",
    "find_date_parts",
    "mine_rules",
    "rule_from_state",
]
