"""What is known of all real rows where only some of them were read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synthohive_py.plan import Link, Plan

__all__ = ["Population"]

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Population:
    """The plan and the numbers of all rows, told by their keys.

    Attributes:
        plan: Made from the keys of all rows.
        rows: Per table how many rows it has.
        degrees: Per link, how many children each row of the parent's table has.
        degrees_read: The same for the rows that were read, in their order.
        drawn: Per table, which of the rows that were read were drawn. The others are there because these
            refer to them: more of those with many children.
    """

    plan: Plan
    rows: Mapping[str, int]
    degrees: Mapping[str, Rows]
    degrees_read: Mapping[str, Rows]
    drawn: Mapping[str, npt.NDArray[np.bool_]]

    def unparented(self, link: Link) -> tuple[float, float]:
        """Rows without a parent for each row with one, and the share of orphans among them."""
        orphans = link.orphan_share if link.key.orphans == "keep" else 0.0
        alone = link.null_share + orphans
        return alone / max(1 - link.null_share - link.orphan_share, 1e-9), orphans / max(alone, 1e-9)
