"""Rules hold in the twin as they do in the real rows.

A declared rule must hold in every row. One that was found holds in all real rows, perhaps by chance: a second
real sample may break it in a few rows, and so may a twin, though SynthoHive's own break none.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from synthohive_py.clauses import Clause, parse_clauses
from synthohive_py.findings import Finding
from synthohive_py.quality.families import Families
from synthohive_py.quality.integrity import absent
from synthohive_py.quality.judged import Judged, Tables

if TYPE_CHECKING:
    from synthohive_py.rules import Rule, TableRules

__all__ = ["judge_rules"]

UNLIKELY = 0.01  # chance does not explain that all rows that break a rule are on one side, if it is as rare


def judge_rules(
    pair: Judged, known: TableRules, real: Tables, synthetic: Tables, families: Families
) -> Iterator[Finding]:
    """How many rows break each rule.

    Args:
        pair: The table.
        known: Its rules, and the keys to the parents that some are about.
        real: All real tables.
        synthetic: All tables of the twin.
        families: Whose rows belong together.
    """
    if any(name not in synthetic for name in known.parents):
        return  # the keys have failed already
    ours, theirs = known.relatives(pair.real, real), known.relatives(pair.twin, synthetic)
    real_families, twin_families = families.main(pair.config.name)
    for rule in known.rules:
        if absent(pair.twin, rule.columns):
            continue  # the structure has failed already
        rows = pair.twin.num_rows
        broken = rule.broken(pair.twin, theirs)
        count, allowed = int(broken.sum()), 0
        if count and not _is_declared(rule, pair.config.clauses):
            allowed = _by_chance(rule.support(pair.real, ours), rule.support(pair.twin, theirs))
            # One account may break a rule in each of its rows.
            few = _by_chance(len(np.unique(real_families)), len(np.unique(twin_families)))
            if len(np.unique(twin_families[broken])) <= few:
                allowed = max(allowed, count)
        reason = f"{count} of {rows} rows break it" if count else "holds in every row"
        if allowed:
            reason += "; no real one does, and chance explains " + (
                "so few" if count <= allowed else f"{allowed}"
            )
        yield pair.finding(
            str(rule),
            "RuleAdherence",
            1 - count / max(rows, 1),
            baseline=1.0,
            threshold=1 - allowed / max(rows, 1),
            reason=reason,
        )


def _by_chance(real: int, twin: int) -> int:
    """How many of the twin's rows may break what none of the real ones breaks, if both are of one kind."""
    return int(math.log(UNLIKELY) / math.log(twin / (real + twin))) if real and twin else 0


def _is_declared(rule: Rule, clauses: tuple[Clause, ...]) -> bool:
    try:
        return set(parse_clauses(str(rule))) <= set(clauses)
    except ValueError:  # a name that no declaration can hold
        return False
