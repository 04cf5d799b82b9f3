"""Fast sampling from an autoregressive network: column by column, by inverse CDF, in small batches.

Per column: one small matrix product for the hidden units, one for the logits, an exponential, a running
sum and one uniform number. A unit that is always 1 carries the biases, so that nothing is copied to add
them, and all buffers are used again. Batches are small enough for them to stay in the processor's cache.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from synthohive_py.models.network import AutoregressiveNetwork
from synthohive_py.models.processor import quickest_type

__all__ = ["BATCH_ROWS", "Sampler", "SamplingWeights"]

BATCH_ROWS = 4096
HEIGHTS = (256, 1024, BATCH_ROWS)  # rows that products of bfloat16 are made of
FEW_CODES = 16  # up to here counting is faster than searching
# The largest float32 uniform, made a little smaller, so that rounding never takes a draw past the last code.
SILU_OF_IT_IS_ONE = 1.2784645427610738
SMALLEST_TOTAL = 1e-20  # of unnormalised probabilities; below, and where they overflow, softmax is needed


class SamplingWeights:
    """The weights of a fitted network as sampling needs them. Threads may share them.

    Args:
        network: The network, which is not to change any more.
    """

    def __init__(self, network: AutoregressiveNetwork) -> None:
        self.dtype = quickest_type()
        self.weights, self.heads, self.embeddings = [], [], []
        for j, (weight, bias) in enumerate(network.blocks()):
            seen = torch.cat([bias[:, None], weight], 1)
            self.weights.append(seen.detach().t().contiguous().to(self.dtype))
            head, head_bias = network.head_weights[j].detach(), network.head_biases[j].detach()
            self.heads.append(torch.cat([head, head_bias[:, None]], 1).t().contiguous())
            self.embeddings.append(network.column_embedding(j).detach().to(self.dtype))


class Sampler:
    """Draws batches of rows. Not to be shared by threads.

    Args:
        network: The fitted network.
        weights: Its weights.
        columns: How many of its columns to draw.
        forbidden: Per column a mask of the codes that are never drawn.
        rows: The most rows of a batch, at most `BATCH_ROWS`.
    """

    def __init__(
        self,
        network: AutoregressiveNetwork,
        weights: SamplingWeights,
        columns: int,
        forbidden: Mapping[int, Tensor],
        *,
        rows: int,
    ) -> None:
        self.network, self.columns, self.forbidden = network, columns, forbidden
        self.sizes = network.cardinalities[:columns]
        self.ends = [1 + end for end in network.visible]
        self.dtype = weights.dtype
        self.weights, self.heads, self.embeddings = weights.weights, weights.heads, weights.embeddings
        height = self._height(rows)
        self.x = torch.ones(height, 1 + network.weight.shape[1], dtype=self.dtype)
        self.product = torch.empty(height, network.hidden, dtype=self.dtype)
        self.units = torch.empty(rows, network.hidden + 1)
        self.sums = {size: torch.empty(rows, size) for size in set(self.sizes)}
        self.totals = torch.empty(columns, rows)

    def draw(self, uniforms: Tensor, context: Tensor, given: Tensor | None) -> Tensor:
        """(rows, columns) codes.

        Args:
            uniforms: (columns, rows) numbers from 0 to 1.
            context: (rows, context columns) codes.
            given: (rows, all columns) codes to keep, -1 where the network is free; or None.
        """
        network, rows = self.network, uniforms.shape[1]
        # Without context and condition all rows begin alike.
        first = context if given is not None or context.shape[1] else context[:1]
        condition = network.unconditioned(len(first))
        if condition is not None and given is not None:
            condition = torch.where(given >= 0, given, condition)
        start = network.inputs(torch.empty(len(first), 0, dtype=torch.int64), first, condition)
        self.x[:rows, 1 : 1 + start.shape[1]] = start
        asked = None if given is None else given.t().to(torch.int32)
        out = self._draw_columns(uniforms, asked, torch.exp_)
        totals = self.totals[:, :rows]
        if not (totals.min() > SMALLEST_TOTAL and totals.max() < torch.inf):
            out = self._draw_columns(uniforms, asked, _softmax_)
        return out.t()

    def _draw_columns(
        self, uniforms: Tensor, given: Tensor | None, weigh: Callable[[Tensor], Tensor]
    ) -> Tensor:
        """(columns, rows) codes; `weigh` makes chances of logits, up to a factor for each row."""
        rows = uniforms.shape[1]
        x, product, units = (
            self.x[: self._height(rows)],
            self.product[: self._height(rows)],
            self.units[:rows],
        )
        out = torch.empty(self.columns, rows, dtype=torch.int32)
        for j, size in enumerate(self.sizes):
            torch.mm(x[:, : self.ends[j]], self.weights[j], out=product)
            units[:, :-1] = product[:rows]
            units[:, -1] = SILU_OF_IT_IS_ONE
            torch.nn.functional.silu(units, inplace=True)
            chances = torch.mm(units, self.heads[j], out=self.sums[size][:rows])
            if j in self.forbidden:
                chances.masked_fill_(self.forbidden[j], -torch.inf)
            sums = weigh(chances).cumsum_(1)
            total = self.totals[j, :rows].copy_(sums[:, -1])
            aim = torch.mul(uniforms[j], total)[:, None]
            if size <= FEW_CODES:
                codes = torch.sum(sums <= aim, 1, dtype=torch.int32, out=out[j])
            else:
                codes = out[j].copy_(torch.searchsorted(sums, aim, right=True, out_int32=True)[:, 0])
            codes.clamp_(max=size - 1)  # only where a total is not a number; the rows are drawn again
            if given is not None:
                torch.where(given[j] >= 0, given[j], codes, out=codes)
            if j + 1 < self.columns:
                x[:rows, self.ends[j] : self.ends[j + 1]] = torch.index_select(self.embeddings[j], 0, codes)
        return out

    def _height(self, rows: int) -> int:
        """How many rows are multiplied, the last ones for nothing.

        For products of bfloat16 torch keeps a program per shape, in the end a gigabyte of them.
        """
        if self.dtype != torch.bfloat16:
            return rows
        return next(height for height in HEIGHTS if height >= rows)


def _softmax_(logits: Tensor) -> Tensor:
    return torch.softmax(logits, 1, out=logits)
