"""Fast sampling from an autoregressive network: column by column, by inverse CDF, in small batches.

Per column: one small matrix product for the hidden units, one for the logits, an exponential, a running
sum and one uniform number. A unit that is always 1 carries the biases, so that nothing is copied to add
them, and all buffers are used again. Batches are small enough for them to stay in the processor's cache.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from synthohive_py.models.network import AutoregressiveNetwork

__all__ = ["BATCH_ROWS", "SHRINK", "Sampler"]

BATCH_ROWS = 4096
FEW_CODES = 16  # up to here counting is faster than searching
# The largest float32 uniform, made a little smaller, so that rounding never takes a draw past the last code.
SHRINK = np.float32(1 - 2**-22)
SILU_OF_IT_IS_ONE = 1.2784645427610738
SMALLEST_TOTAL = 1e-20  # of unnormalised probabilities; below, and where they overflow, softmax is needed


class Sampler:
    """Draws batches of at most `BATCH_ROWS` rows. Not to be shared by threads.

    Args:
        network: The fitted network.
        columns: How many of its columns to draw.
        forbidden: Per column a mask of the codes that are never drawn.
    """

    def __init__(self, network: AutoregressiveNetwork, columns: int, forbidden: Mapping[int, Tensor]) -> None:
        self.network, self.columns, self.forbidden = network, columns, forbidden
        self.sizes = network.cardinalities[:columns]
        self.ends = [1 + end for end in network.visible]
        hidden, dtype = network.hidden, _quickest_type()
        self.weights, self.heads = [], []
        for j in range(columns):
            block = slice(j * hidden, (j + 1) * hidden)
            seen = torch.cat([network.bias[block, None], network.weight[block, : network.visible[j]]], 1)
            self.weights.append(seen.detach().t().contiguous().to(dtype))
            head, bias = network.head_weights[j].detach(), network.head_biases[j].detach()
            self.heads.append(torch.cat([head, bias[:, None]], 1).t().contiguous())
        self.embeddings = [network.column_embedding(j).detach().to(dtype) for j in range(columns)]
        self.x = torch.ones(BATCH_ROWS, 1 + network.weight.shape[1], dtype=dtype)
        self.product = torch.empty(BATCH_ROWS, hidden, dtype=dtype)
        self.units = torch.full((BATCH_ROWS, hidden + 1), SILU_OF_IT_IS_ONE)
        self.logits = {size: torch.empty(BATCH_ROWS, size) for size in set(self.sizes)}
        self.sums = {size: torch.empty(BATCH_ROWS, size) for size in set(self.sizes)}

    def draw(self, uniforms: Tensor, context: Tensor, given: Tensor | None) -> Tensor:
        """(rows, columns) codes.

        Args:
            uniforms: (columns, rows) numbers from 0 to 1.
            context: (rows, context columns) codes.
            given: (rows, all columns) codes to keep, -1 where the network is free; or None.
        """
        network, rows = self.network, uniforms.shape[1]
        out = torch.empty(self.columns, rows, dtype=torch.int32)
        # Without context and condition all rows begin alike.
        first = context if given is not None or context.shape[1] else context[:1]
        condition = network.unconditioned(len(first))
        if condition is not None and given is not None:
            condition = torch.where(given >= 0, given, condition)
        start = network.inputs(torch.empty(len(first), 0, dtype=torch.int64), first, condition)
        self.x[:rows, 1 : 1 + start.shape[1]] = start
        for j in range(self.columns):
            codes = self._draw_column(j, uniforms[j], rows)
            if given is not None:
                codes = torch.where(given[:, j] >= 0, given[:, j], codes)
            out[j] = codes
            if j + 1 < self.columns:
                embedded = torch.index_select(self.embeddings[j], 0, codes)
                self.x[:rows, self.ends[j] : self.ends[j + 1]] = embedded
        return out.t()

    def _draw_column(self, column: int, uniform: Tensor, rows: int) -> Tensor:
        size = self.sizes[column]
        torch.mm(self.x[:rows, : self.ends[column]], self.weights[column], out=self.product[:rows])
        self.units[:rows, :-1] = self.product[:rows]
        units = torch.nn.functional.silu(self.units[:rows])
        logits = torch.mm(units, self.heads[column], out=self.logits[size][:rows])
        if column in self.forbidden:
            logits.masked_fill_(self.forbidden[column], -torch.inf)
        sums = torch.cumsum(torch.exp(logits), 1, out=self.sums[size][:rows])
        total = sums[:, -1]
        least, most = torch.aminmax(total)
        if not (least > SMALLEST_TOTAL and most < torch.inf):
            sums = torch.cumsum(torch.softmax(logits, 1), 1)
            total = sums[:, -1]
        aim = (uniform * total)[:, None]
        if size <= FEW_CODES:
            return (sums <= aim).sum(1)
        return torch.searchsorted(sums, aim, right=True)[:, 0]


def _quickest_type() -> torch.dtype:
    """The type of the wide products. bfloat16 is several times quicker where the processor multiplies it."""
    # Newer than our oldest torch.
    capabilities: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()
    return torch.bfloat16 if capabilities.get("amx_bf16") else torch.float32
