"""Keys of a twin: unique, complete, referring to rows that exist, and with as many children as real ones.

Keys have no slack: one repeated primary key fails, and so does one orphan where the real data has none or
`orphans="drop"` was asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from synthohive_py.findings import Finding
from synthohive_py.quality.judged import Judged, Tables
from synthohive_py.quality.keys import LinkCheck, check_key, check_link
from synthohive_py.quality.metrics import CARDINALITY
from synthohive_py.quality.shapes import judge_shape

if TYPE_CHECKING:
    from synthohive_py.schema import ForeignKey

__all__ = ["LinkCounts", "absent", "count_link", "judge_keys", "judge_link"]


@dataclass(frozen=True)
class LinkCounts:
    """One foreign key, counted on both sides, or the reason why it can't be."""

    key: ForeignKey
    absent: str | None
    real: LinkCheck
    twin: LinkCheck

    @property
    def label(self) -> str:
        return f"{', '.join(self.key.columns)} -> {self.key.parent}"


def judge_keys(pair: Judged) -> Iterator[Finding]:
    """Primary keys and unique combinations repeat nothing."""
    for columns in pair.config.unique_sets:
        label = ", ".join(columns)
        lacking = absent(pair.twin, columns)
        if lacking:
            yield pair.finding(label, "KeyUniqueness", 0.0, baseline=1.0, threshold=1.0, reason=lacking)
            continue
        primary = columns == pair.config.pk
        real, _ = _key_score(pair.real, columns, primary=primary)
        share, reason = _key_score(pair.twin, columns, primary=primary)
        yield pair.finding(label, "KeyUniqueness", share, baseline=real, threshold=1.0, reason=reason)


def _key_score(table: pa.Table, columns: Sequence[str], *, primary: bool) -> tuple[float, str]:
    """The share of rows whose key is one; nulls count only against a primary key."""
    check = check_key(table, columns)
    rows = check.rows if primary else check.rows - check.incomplete
    wrong = check.repeated + (check.incomplete if primary else 0)
    parts = []
    if check.repeated:
        parts.append(f"{check.repeated} of {check.rows} rows repeat an earlier key")
    if primary and check.incomplete:
        parts.append(f"{check.incomplete} of {check.rows} rows have a null in the key")
    return 1 - wrong / rows if rows else 1.0, ", ".join(parts) or "every key is complete and unique"


def count_link(pair: Judged, key: ForeignKey, real: Tables, synthetic: Tables) -> LinkCounts:
    """Count the children and orphans of a foreign key on both sides."""
    parent = synthetic.get(key.parent, real[key.parent].schema.empty_table())
    ours = check_link(pair.real, key.columns, real[key.parent], key.parent_columns)
    lacking = absent(pair.twin, key.columns) or absent(parent, key.parent_columns)
    if lacking:
        return LinkCounts(key, lacking, ours, LinkCheck(0, 0, np.zeros(0, dtype=np.int64)))
    return LinkCounts(key, None, ours, check_link(pair.twin, key.columns, parent, key.parent_columns))


def judge_link(pair: Judged, link: LinkCounts, families: Sequence[np.ndarray] = ()) -> Iterator[Finding]:
    """A foreign key refers to rows that exist, and parents have as many children as real ones.

    Args:
        pair: The table.
        link: The key.
        families: Per way in which the real parents belong together, the number of each one's family.
    """
    real, twin = link.real, link.twin
    kept = real.orphan_share > 0 and link.key.orphans == "keep"
    allowed = real.orphan_share + pair.tolerances.orphans if kept else 0.0
    if link.absent:
        reason = link.absent
    elif not twin.orphans:
        reason = f"every key is one of {link.key.parent}"
    else:
        reason = (
            f"{twin.orphans} of {twin.rows} rows refer to no row of {link.key.parent}; "
            f"{real.orphan_share:.1%} do in the real data, {allowed:.1%} are allowed"
        )
    yield pair.finding(
        link.label,
        "ReferentialIntegrity",
        0.0 if link.absent else 1 - twin.orphan_share,
        baseline=1 - real.orphan_share,
        threshold=1 - allowed,
        reason=reason,
    )
    if not link.absent:
        counts = pa.chunked_array([real.counts]), pa.chunked_array([twin.counts])
        yield judge_shape(pair, link.label, CARDINALITY, *counts, families=families)


def absent(table: pa.Table, columns: Sequence[str]) -> str | None:
    """Which columns the twin lacks, in words."""
    lacking = [column for column in columns if column not in table.column_names]
    return f"the twin lacks {', '.join(lacking)}" if lacking else None
