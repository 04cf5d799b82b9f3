"""What training leaves to do: in the real rows, each code's mean chance becomes its share.

The running mean of the weights, the dropout and the end of training leave each column's chances a little off.
In a row that matters to nobody; along the columns of a row and the siblings of a family it adds up.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from synthohive_py.models.network import AutoregressiveNetwork
from synthohive_py.models.training import Rows

__all__ = ["calibrate"]

MOST_ROWS = 32_768
MOST_CELLS = 20_000_000  # those rows times the codes of a column
STEPS = 5
UNSEEN = 0.5  # added to the count of each code
MOST_SHIFT = 2.0  # of a code's logit in one step


@torch.no_grad()
def calibrate(network: AutoregressiveNetwork, training: Rows, held_out: Rows) -> None:
    """Give each code the bias with which its mean chance in the real rows is its share of them.

    Args:
        network: A fitted one; only the biases of its heads change.
        training: The rows that it has learned from.
        held_out: The other rows; they count, too.
    """
    known = training.take(torch.linspace(0, len(training) - 1, min(len(training), MOST_ROWS)).long())
    inputs = network.inputs(known.codes, known.context, network.unconditioned(len(known)))
    for j, (size, block) in enumerate(zip(network.cardinalities, network.blocks(), strict=True)):
        counts = torch.bincount(torch.cat([training.codes[:, j], held_out.codes[:, j]]), minlength=size)
        share = (counts + UNSEEN) / (counts + UNSEEN).sum()
        some = inputs[:: len(inputs) * size // MOST_CELLS + 1, : network.visible[j]]
        _balance(network.column_logits(j, block, some), network.head_biases[j], share)


def _balance(logits: Tensor, bias: Tensor, share: Tensor) -> None:
    for _ in range(STEPS):
        mean = F.softmax(logits, 1).mean(0)
        shift = (share.log() - mean.log()).clamp(-MOST_SHIFT, MOST_SHIFT)
        logits += shift
        bias += shift
