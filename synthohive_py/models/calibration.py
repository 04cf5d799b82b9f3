"""What training leaves to do: in the real rows, each code's mean chance comes close to its share.

Training leaves the chances of a column's codes a little off on average. A generated row has its columns one
after the other, and a family its siblings, so what is a little off in each adds up.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from synthohive_py.models.network import AutoregressiveNetwork
from synthohive_py.models.training import Rows

__all__ = ["calibrate"]

MOST_ROWS = 32_768  # whose chances are averaged, evenly spread
MOST_CELLS = 20_000_000  # those rows times the codes of a column
UNSEEN = 0.5  # the count of a code that never came
MOST_SHIFT = 2.0  # of a code's logit


@torch.no_grad()
def calibrate(network: AutoregressiveNetwork, training: Rows, held_out: Rows) -> None:
    """Shift each code by how far its mean chance in the real rows is from its share of them.

    Once, which is not all the way where most rows are sure of their code: such a column is wrong in few rows,
    and the bias that makes up for them would turn many others.

    Args:
        network: A fitted one; only the biases of its heads change.
        training: The rows that it has learned from.
        held_out: The other rows; they count, too.
    """
    known = training.take(torch.linspace(0, len(training) - 1, min(len(training), MOST_ROWS)).long())
    inputs = network.inputs(known.codes, known.context, network.unconditioned(len(known)))
    for j, (size, block) in enumerate(zip(network.cardinalities, network.blocks(), strict=True)):
        counts = torch.bincount(torch.cat([training.codes[:, j], held_out.codes[:, j]]), minlength=size)
        counts = counts.clamp(min=UNSEEN)
        some = inputs[:: len(inputs) * size // MOST_CELLS + 1, : network.visible[j]]
        mean = F.softmax(network.column_logits(j, block, some), 1).mean(0)
        shift = (counts / counts.sum()).log() - mean.log()
        network.head_biases[j] += shift.clamp(-MOST_SHIFT, MOST_SHIFT)
