"""What a score means: how alike two halves of the real data are.

A score alone says little. Two samples of one small table differ by chance alone, and a column with many
categories never scores 1. So each score of the twin stands beside the score that the real data reaches
against itself, split into two random halves.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from synthohive_py.rng import Seed

__all__ = ["chance", "clustering", "real_vs_real"]

SMALL = 10_000  # fewer values are split several times, because one split of them says little
ROUNDS = 5
LARGE = 200_000  # two halves of so many values are alike to the third digit; of more, some are drawn


def real_vs_real(
    compare: Callable[[np.ndarray, np.ndarray], float],
    real: np.ndarray,
    *,
    seed: Seed,
    families: np.ndarray | None = None,
) -> float:
    """The score of two disjoint random halves of the real values.

    Args:
        compare: How two arrays are scored.
        real: The real values; for a cardinality, the number of children of each real parent.
        seed: The stream that the halves are drawn from.
        families: Numbers of families that stay together.
    """
    if len(real) < 2:  # no halves: the twin has to be as it is
        return 1.0
    generator = seed.numpy()
    rounds = ROUNDS if len(real) < SMALL else 1
    if families is not None:
        sides = [generator.permutation(int(families.max()) + 1)[families] % 2 == 0 for _ in range(rounds)]
        return float(np.mean([compare(real[side], real[~side]) for side in sides]))
    if len(real) > LARGE:
        real = generator.choice(real, LARGE, replace=False, shuffle=False)
    half = len(real) // 2
    scores = []
    for _ in range(rounds):
        shuffled = generator.permutation(real)
        scores.append(compare(shuffled[:half], shuffled[half:]))
    return float(np.mean(scores))


def chance(real_rows: int, synthetic_rows: int, *, deviation: float = 1.0) -> float:
    """How far two samples of these sizes may lie apart by chance alone.

    Args:
        real_rows: The size of the real sample.
        synthetic_rows: The size of the synthetic sample.
        deviation: The standard deviation of what is compared; 1 covers cumulative distributions.
    """
    if not real_rows or not synthetic_rows:
        return 0.0
    return deviation * math.sqrt(1 / real_rows + 1 / synthetic_rows)


def clustering(codes: np.ndarray, families: np.ndarray) -> float:
    """How many rows of families say no more than one row on its own would: 1 if families are all alike.

    It is the factor by which the variance of shares grows, the design effect.

    Args:
        codes: Per row a number from 0 on.
        families: Per row the number of its family, from 0 on.
    """
    if not len(codes):
        return 1.0
    width = int(codes.max()) + 1
    sizes = np.bincount(families).astype(np.float64)
    shares = np.bincount(codes) / len(codes)
    independent = len(codes) * (1 - (shares**2).sum())
    count = int((sizes > 0).sum())
    if independent < 1e-9 or count in (1, len(codes)):
        return 1.0
    cells = families.astype(np.int64) * width + codes
    dense = len(sizes) * width <= 8 * len(codes)
    both = np.bincount(cells) if dense else np.unique(cells, return_counts=True)[1]
    squares = (both.astype(np.float64) ** 2).sum()
    squares += (shares**2).sum() * (sizes**2).sum() - 2 * (shares[codes] * sizes[families]).sum()
    return max(float(squares / independent) * count / (count - 1), 1.0)
