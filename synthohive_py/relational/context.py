"""What a row is generated from, of all that is known of its parents and siblings: what tells something.

With few rows a model finds patterns in anything: the more columns that tell nothing it sees, the less it
learns from those that do.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from synthohive_py.columns.base import Codes

__all__ = ["MAX_CONTEXT", "telling_columns"]

MAX_CONTEXT = 96  # code columns of the parent and its parents that a child is generated from

LEVELS = 8  # of each column, compared by its information on others
MAX_ROWS = 20_000  # that are looked at
SHUFFLES = 20

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


def telling_columns(context: Codes, codes: Codes, parents: Rows, rng: np.random.Generator) -> tuple[int, ...]:
    """The context columns that tell more of some column of the rows than chance would.

    Chance is what the context tells after it was dealt to other parents: a permutation test whose statistic
    is the largest mutual information with any column. A context column stays if no column does as well in
    nineteen of twenty shuffles.

    Args:
        context: (rows, C) codes of each row's parents.
        codes: (rows, D) codes of the rows.
        parents: (rows,) the parent row of each row; negative for none.
        rng: Shuffles.
    """
    some = np.flatnonzero(parents >= 0)
    if len(some) > MAX_ROWS:
        some = np.sort(rng.permutation(some)[:MAX_ROWS])
    if not len(some) or not context.shape[1] or not codes.shape[1]:
        return ()
    first, family = np.unique(parents[some], return_index=True, return_inverse=True)[1:]
    above = np.stack([_levels(column) for column in context[some].T], axis=1)
    own = _one_hot(np.stack([_levels(column) for column in codes[some].T], axis=1))
    told = _information(_one_hot(above), own)
    by_chance = [
        _information(_one_hot(above[first[rng.permutation(len(first))][family]]), own).max()
        for _ in range(SHUFFLES)
    ]
    return tuple(np.flatnonzero(told > np.quantile(by_chance, 0.95)).tolist())


def _levels(codes: npt.NDArray[np.int32]) -> Rows:
    """At most so many levels, about equally frequent where there are many codes."""
    unique, inverse, counts = np.unique(codes, return_inverse=True, return_counts=True)
    if len(unique) <= LEVELS:
        return inverse.astype(np.int64)
    middle = np.cumsum(counts) - counts / 2
    return (middle / len(codes) * LEVELS).astype(np.int64)[inverse]


def _one_hot(levels: Rows) -> Floats:
    """(rows, columns, levels) ones and zeros."""
    return (levels[:, :, None] == np.arange(LEVELS)).astype(np.float32)


def _information(above: Floats, own: Floats) -> npt.NDArray[np.float64]:
    """(C,) per column above, its largest mutual information with a column below, in nats."""
    rows, columns = len(above), above.shape[1]
    pairs = above.reshape(rows, -1).T @ own.reshape(rows, -1) / rows
    joint = pairs.reshape(columns, LEVELS, -1, LEVELS).astype(np.float64)
    expected = joint.sum(axis=3, keepdims=True) * joint.sum(axis=1, keepdims=True)
    ratio = np.divide(joint, expected, out=np.ones_like(joint), where=joint > 0)
    information: npt.NDArray[np.float64] = (joint * np.log(ratio)).sum(axis=(1, 3)).max(axis=1)
    return information
