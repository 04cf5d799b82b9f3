"""What training left to do: each column loses what it learned by heart, and its shares are made right.

All columns of a table are trained for one number of steps. While dates of a thousand codes are still being
learned, a status that depends on nothing is remembered row by row, which the sum of the losses does not show.
In rows unlike the real ones such a column leans to its commonest code: its shares drift, and customers lose
what tells them apart. Held-out rows say how much of each column to keep. Nothing but weights is changed, so
sampling takes no longer.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from synthohive_py.models.network import AutoregressiveNetwork
from synthohive_py.models.training import Rows

__all__ = ["calibrate"]

MOST_ROWS, LEAST_ROWS = 4096, 256  # to judge inputs by
MOST_TRIALS = 10_000_000  # rows times pairs of columns: a wide table is judged by fewer rows
GATES = (0.0, 0.25, 0.5, 0.75)  # what an input may keep of its weight
BALANCED_ROWS = 32_768  # whose mean chances are made right
BALANCED_CELLS = 20_000_000  # those rows times the codes of a column
BALANCINGS = 5
UNSEEN = 0.5  # added to the count of each code
MOST_SHIFT = 2.0  # of a code's logit in one balancing


@torch.no_grad()
def calibrate(network: AutoregressiveNetwork, training: Rows, held_out: Rows) -> None:
    """Change each column's weights as held-out rows ask for.

    1. An input (an earlier column, or the context) is weakened, or replaced by its mean, where held-out rows
       get likelier by that: backward elimination, the most useless input first.
    2. Each code gets the bias with which its mean chance in the real rows is its share of them.

    A condition keeps its weight: rows that are drawn for one are rarer than rows to judge it by.

    Args:
        network: A fitted one, changed in place.
        training: The rows that it has learned from.
        held_out: Rows to judge by; without any, nothing changes.
    """
    if not len(held_out):
        return
    most = min(max(MOST_TRIALS // max(len(network.cardinalities), 1) ** 2, LEAST_ROWS), MOST_ROWS)
    judges, known = _some(held_out, most), _some(training, BALANCED_ROWS)
    asked, seen = _inputs(network, judges), _inputs(network, known)
    mean = seen.mean(0)
    for j, size in enumerate(network.cardinalities):
        counts = torch.bincount(torch.cat([training.codes[:, j], held_out.codes[:, j]]), minlength=size)
        share = (counts + UNSEEN) / (counts + UNSEEN).sum()
        column = _Column(network, j)
        column.weaken_inputs(asked, mean, judges.codes[:, j])
        column.balance(seen[:: len(seen) * size // BALANCED_CELLS + 1], share)


@dataclass(frozen=True)
class _Column:
    """The weights of one column."""

    network: AutoregressiveNetwork
    place: int

    @property
    def hidden(self) -> tuple[Tensor, Tensor]:
        """Weights and bias of its hidden units; views."""
        units = self.network.hidden
        block, end = slice(self.place * units, (self.place + 1) * units), self.network.visible[self.place]
        return self.network.weight[block, :end], self.network.bias[block]

    @property
    def head(self) -> tuple[Tensor, Tensor]:
        return self.network.head_weights[self.place], self.network.head_biases[self.place]

    def logits(self, inputs: Tensor) -> Tensor:
        weight, bias = self.hidden
        return F.linear(F.silu(F.linear(inputs[:, : weight.shape[1]], weight, bias)), *self.head)

    def weaken_inputs(self, inputs: Tensor, mean: Tensor, codes: Tensor) -> None:
        weight, bias = self.hidden
        parts = self.network.parts(self.place)
        units = F.linear(inputs[:, : weight.shape[1]], weight, bias)
        told = [F.linear(inputs[:, part] - mean[part], weight[:, part]) for part in parts]

        def loss(units: Tensor) -> float:
            return float(F.cross_entropy(F.linear(F.silu(units), *self.head), codes))

        least = loss(units)
        without = [loss(units - tells) for tells in told]
        for k in sorted(range(len(parts)), key=without.__getitem__):
            best, gate = min((loss(units - (1 - gate) * told[k]), gate) for gate in GATES)
            if best < least:
                least = best
                units -= (1 - gate) * told[k]
                bias += (1 - gate) * weight[:, parts[k]] @ mean[parts[k]]
                weight[:, parts[k]] *= gate

    def balance(self, inputs: Tensor, share: Tensor) -> None:
        logits, bias = self.logits(inputs), self.head[1]
        for _ in range(BALANCINGS):
            mean = torch.softmax(logits, 1).mean(0)
            shift = (share.log() - mean.log()).clamp(-MOST_SHIFT, MOST_SHIFT)
            logits += shift
            bias += shift


def _inputs(network: AutoregressiveNetwork, rows: Rows) -> Tensor:
    return network.inputs(rows.codes, rows.context, network.unconditioned(len(rows)))


def _some(rows: Rows, most: int) -> Rows:
    """So many of the rows, evenly spread."""
    return rows.take(torch.linspace(0, len(rows) - 1, min(len(rows), most)).long())
