"""How far generated rows are from real ones in their pairwise frequencies: a loss for generators."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

__all__ = ["PairwiseMoments", "one_hot"]

WIDTH = 1024  # columns with many codes are folded, so that a row has about so many cells
CHUNK = 4096
RARE = 2e-3  # added to a frequency, so that the rarest cells do not drown the others


class PairwiseMoments:
    """The frequencies of all pairs of codes of different columns, real ones against generated ones.

    These are the second moments of one-hot rows. The estimate of their squared distance is unbiased: each
    half of a generated batch is compared with the real moments, and the two differences are multiplied
    (a U-statistic, as in Li et al. 2015 for MMD). A biased one would reward rows that vary too little.

    Args:
        cardinalities: Codes per column.
        codes: (rows, columns) real rows.
        weights: (rows,) how often each of them is met, summing to 1.
    """

    def __init__(self, cardinalities: Sequence[int], codes: Tensor, weights: Tensor) -> None:
        self.offsets = torch.tensor([0, *cardinalities])[:-1].cumsum(0)
        self.cell, column = _cells(cardinalities)
        self.width = len(column)
        self.target = self.of_codes(codes, weights)
        spread = (self.target.diagonal() + RARE).rsqrt()
        self.importance = spread[:, None] * spread
        self.importance[column[:, None] == column] = 0.0
        self.importance /= max(len(cardinalities), 1) ** 2

    def of_codes(self, codes: Tensor, weights: Tensor) -> Tensor:
        """(cells, cells) weighted second moments of real rows."""
        total = torch.zeros(self.width, self.width)
        for start in range(0, len(codes), CHUNK):
            part = slice(start, start + CHUNK)
            rows = torch.zeros(len(codes[part]), self.width)
            rows.scatter_(1, self.cell[codes[part] + self.offsets], 1.0)
            total += (rows * weights[part, None]).T @ rows
        return total

    def loss(self, rows: Tensor) -> Tensor:
        """The distance of one-hot rows from the real moments, without bias; it may be negative.

        Args:
            rows: (rows, codes) one-hot rows with gradients.
        """
        cells = self._fold(rows)
        half = len(cells) // 2
        # The gradient is written down here: it needs no further array of all pairs.
        with torch.no_grad():
            one, other = (
                torch.addmm(self.target, part.T, part, beta=-1, alpha=1 / len(part))
                for part in (cells[:half], cells[half:])
            )
            weighted = other * self.importance
            value = torch.dot(weighted.view(-1), one.view(-1))
            one *= self.importance
            slope = torch.cat(
                [cells[:half] @ weighted * (2 / half), cells[half:] @ one * (2 / (len(cells) - half))]
            )
        linear = torch.dot(slope.view(-1), cells.view(-1))
        return value + linear - linear.detach()

    def distance(self, rows: Tensor, target: Tensor) -> float:
        """The distance of one-hot rows from other moments, such as those of held-out rows."""
        cells = self._fold(rows)
        gap = cells.T @ cells / len(cells) - target
        return float((gap**2 * self.importance).sum())

    def _fold(self, rows: Tensor) -> Tensor:
        if self.width == len(self.cell):
            return rows
        return rows.new_zeros(len(rows), self.width).index_add(1, self.cell, rows)


def _cells(cardinalities: Sequence[int]) -> tuple[Tensor, Tensor]:
    """The cell of each code, and the column of each cell; where codes are many, neighbours share cells."""
    most = np.inf if sum(cardinalities) <= WIDTH else max(WIDTH // len(cardinalities), 2)
    sizes = [int(min(k, most)) for k in cardinalities]
    starts = np.concatenate([[0], np.cumsum(sizes)])
    cells = [starts[j] + np.arange(k) * sizes[j] // k for j, k in enumerate(cardinalities)]
    columns = np.repeat(np.arange(len(sizes)), sizes)
    return torch.as_tensor(np.concatenate([*cells, np.zeros(0, np.int64)])), torch.as_tensor(columns)


def one_hot(codes: Tensor, cardinalities: Sequence[int]) -> Tensor:
    """(rows, all codes) floats."""
    offsets = torch.tensor([0, *cardinalities]).cumsum(0)
    return torch.zeros(len(codes), int(offsets[-1])).scatter_(1, codes + offsets[:-1], 1.0)
