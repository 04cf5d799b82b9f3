"""The autoregressive network: every column's codes, given the columns before it.

One masked matrix product computes the hidden units of all columns at once (a block-triangular MADE;
Germain et al. 2015), on learned embeddings of the codes. Each column has a head of its own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["AutoregressiveNetwork", "Noise"]

CONDITION_WIDTH = 32
SUMMARY_WIDTH = 128  # units that a context is summarised in
LEVELS = 2**8  # of a unit's chance to be dropped
SMOOTH_FROM = 20  # codes; columns of fewer learn each code for itself


@dataclass(frozen=True)
class Noise:
    """Dropout from a generator of its own, so that no global state is touched.

    Attributes:
        rate: The share of units that are dropped, to a 256th.
        generator: The source of randomness.
    """

    rate: float
    generator: torch.Generator

    def drop(self, x: Tensor, rate: float | None = None) -> Tensor:
        """`x` with some units set to zero and the others scaled up."""
        rate = self.rate if rate is None else rate
        if rate == 0:
            return x
        dropped = round(rate * LEVELS)
        keep = self._bits(x) >= dropped - LEVELS // 2
        return x * keep.view(torch.uint8).to(x.dtype).mul_(LEVELS / (LEVELS - dropped))

    def _bits(self, x: Tensor) -> Tensor:
        """A random byte for each value of `x`.

        Eight from each draw take an eighth of the time of a random float for each, and bytes a fraction of
        the time of booleans in a product: a quarter of the whole training.
        """
        drawn = torch.empty(-(-x.numel() // 8), dtype=torch.int64, device=x.device)
        drawn.random_(torch.iinfo(torch.int64).min, None, generator=self.generator)
        return drawn.view(torch.int8)[: x.numel()].view(x.shape)


class AutoregressiveNetwork(nn.Module):
    """Logits of each column from the context and the columns before it.

    Its input is a row of floats: [condition | summary of the context | embeddings of the columns].
    Column j sees the first `visible[j]` of them.

    Args:
        cardinalities: Codes per column.
        context_cardinalities: Codes per context column.
        hidden: Hidden units per column.
        conditional: Whether a condition vector is part of the input (see `condition`).
        generator: Draws the initial weights.
    """

    mask: Tensor
    condition_offsets: Tensor
    lookup_order: Tensor
    lookup_offsets: Tensor
    summary_order: Tensor

    def __init__(
        self,
        cardinalities: Sequence[int],
        context_cardinalities: Sequence[int],
        *,
        hidden: int,
        conditional: bool,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.cardinalities = tuple(int(k) for k in cardinalities)
        self.context_width = len(context_cardinalities)
        self.hidden = hidden
        sizes = [*(int(k) for k in context_cardinalities), *self.cardinalities]
        widths = [_embedding_width(k) for k in sizes]
        self.embeddings = nn.ParameterList(
            nn.Parameter(_first_embedding(k, w, generator)) for k, w in zip(sizes, widths, strict=True)
        )
        self._group_context(widths[: self.context_width])
        wide = sum(widths[: self.context_width])
        units = min(wide, SUMMARY_WIDTH)
        self.summary_weights = nn.ParameterList(
            nn.Parameter(_uniform(units, width, generator)) for width in ((wide, units) if units else ())
        )
        self.summary_biases = nn.ParameterList(nn.Parameter(torch.zeros(units)) for _ in self.summary_weights)
        ends = [(CONDITION_WIDTH if conditional else 0) + units]
        for width in widths[self.context_width :]:
            ends.append(ends[-1] + width)
        self.visible = tuple(ends[:-1])
        columns, total = len(self.cardinalities), ends[-1]

        self.conditional = conditional
        if conditional:
            # Row `offset + K` of a column means that it is not conditioned.
            rows = sum(self.cardinalities) + columns
            table = torch.empty(rows, CONDITION_WIDTH).normal_(0, 0.1, generator=generator)
            self.condition_table = nn.Parameter(table)
            steps = torch.tensor([0, *(k + 1 for k in self.cardinalities)])
            self.register_buffer("condition_offsets", steps.cumsum(0)[:-1], persistent=False)

        weight, mask = torch.zeros(columns * hidden, total), torch.zeros(columns * hidden, total)
        for j, end in enumerate(self.visible):
            block = slice(j * hidden, (j + 1) * hidden)
            weight[block, :end] = _uniform(hidden, end, generator)
            mask[block, :end] = 1
        self.weight, self.bias = nn.Parameter(weight), nn.Parameter(torch.zeros(columns * hidden))
        self.register_buffer("mask", mask, persistent=False)
        self.head_weights = nn.ParameterList(
            nn.Parameter(_first_head(k, hidden, generator)) for k in self.cardinalities
        )
        self.head_biases = nn.ParameterList(nn.Parameter(torch.zeros(k)) for k in self.cardinalities)

    def _group_context(self, widths: Sequence[int]) -> None:
        """Context columns with embeddings of the same width are looked up together, in one table.

        With a hundred columns, a lookup for each takes three times as long there and back, a tenth of a step.
        """
        groups: dict[int, list[int]] = {}
        for i, width in enumerate(widths):
            groups.setdefault(width, []).append(i)
        self.lookups = tuple(tuple(group) for group in groups.values())
        starts, offsets = np.cumsum([0, *widths]), []
        for group in self.lookups:
            offsets += [0, *np.cumsum([len(self.embeddings[i]) for i in group])][:-1]
        order = [i for group in self.lookups for i in group]
        inputs = [j for i in order for j in range(starts[i], starts[i + 1])]
        facts = {"lookup_order": order, "lookup_offsets": offsets, "summary_order": inputs}
        for name, numbers in facts.items():
            self.register_buffer(name, torch.tensor(numbers, dtype=torch.int64), persistent=False)

    def start_from_marginals(self, marginals: Sequence[Tensor]) -> None:
        """Let the heads begin with the frequencies of their codes: only dependence is left to learn."""
        with torch.no_grad():
            for bias, marginal in zip(self.head_biases, marginals, strict=True):
                bias.copy_(marginal.log())

    def condition(self, codes: Tensor) -> Tensor:
        """The condition vector of CTGAN (Xu et al. 2019) times a matrix: one embedding per condition, summed.

        Args:
            codes: (rows, columns); a column's cardinality where it is not conditioned.
        """
        return F.embedding_bag(codes + self.condition_offsets, self.condition_table, mode="sum")

    def summary(self, context: Tensor, noise: Noise | None) -> Tensor:
        """(rows, units): what all columns see of the context, by two layers, the second beside the first.

        A wide context (the parent, its parents, the elder siblings) has far more inputs than a column can
        learn to weigh for itself from a few thousand families; together the columns can.
        """
        x = self._looked_up(context)
        if noise:
            x = noise.drop(x, noise.rate / 2)
        (first, second), (bias, other) = self.summary_weights, self.summary_biases
        x = F.silu(F.linear(x, first.index_select(1, self.summary_order), bias))
        return x + F.silu(F.linear(noise.drop(x) if noise else x, second, other))

    def _looked_up(self, context: Tensor) -> Tensor:
        """(rows, inputs) the embeddings of the context, in the order of `lookups`."""
        places = context.index_select(1, self.lookup_order) + self.lookup_offsets
        tables = [torch.cat([self.embeddings[i] for i in group]) for group in self.lookups]
        # Indexing, not F.embedding: its way back takes half the time.
        parts = torch.split(places, [len(group) for group in self.lookups], 1)
        return torch.cat([table[part].flatten(1) for table, part in zip(tables, parts, strict=True)], 1)

    def inputs(
        self, codes: Tensor, context: Tensor, condition: Tensor | None, noise: Noise | None = None
    ) -> Tensor:
        """The network's input for whole rows (`codes`), or for what precedes them if they have no column."""
        parts = [] if condition is None else [self.condition(condition)]
        if self.context_width:
            parts.append(self.summary(context, noise))
        parts += [self.column_embedding(j)[codes[:, j]] for j in range(codes.shape[1])]
        return torch.cat(parts, 1) if parts else codes.new_zeros((len(codes), 0), dtype=self.weight.dtype)

    def column_embedding(self, column: int) -> Tensor:
        """(codes, width) embeddings of a column."""
        return self.embeddings[self.context_width + column]

    def forward(
        self, codes: Tensor, context: Tensor, condition: Tensor | None = None, noise: Noise | None = None
    ) -> list[Tensor]:
        """Logits (rows, codes) of each column, all of them given the real columns before it.

        Args:
            codes: (rows, columns) int64.
            context: (rows, context columns) int64.
            condition: (rows, columns) int64, for a conditional network.
            noise: Dropout, while training.
        """
        x = self.inputs(codes, context, condition, noise)
        if noise:
            x = noise.drop(x, noise.rate / 2)
        z = F.silu(F.linear(x, self.weight * self.mask, self.bias))
        if noise:
            z = noise.drop(z)
        units = z.view(len(z), len(self.cardinalities), self.hidden).unbind(1)
        return [F.linear(u, w, b) for u, w, b in zip(units, self.head_weights, self.head_biases, strict=True)]

    def blocks(self) -> list[tuple[Tensor, Tensor]]:
        """Per column the weights and the bias of its hidden units.

        They are split once: the gradient of a slice is as large as what it was cut from.
        """
        weights, biases = torch.split(self.weight, self.hidden), torch.split(self.bias, self.hidden)
        return [(w[:, :end], b) for w, b, end in zip(weights, biases, self.visible, strict=True)]

    def column_logits(self, column: int, block: tuple[Tensor, Tensor], x: Tensor) -> Tensor:
        """Logits of one column from its block and the input up to that column."""
        z = F.silu(F.linear(x, *block))
        return F.linear(z, self.head_weights[column], self.head_biases[column])

    def losses(
        self, codes: Tensor, context: Tensor, condition: Tensor | None = None, noise: Noise | None = None
    ) -> list[Tensor]:
        """Per column the mean negative log-likelihood of its codes, in nats."""
        logits = self(codes, context, condition, noise)
        return [F.cross_entropy(out, codes[:, j]) for j, out in enumerate(logits)]

    def unconditioned(self, rows: int) -> Tensor | None:
        """The condition that conditions nothing; None for a network without conditions."""
        if not self.conditional:
            return None
        return torch.tensor(self.cardinalities).expand(rows, -1)


def _uniform(rows: int, columns: int, generator: torch.Generator) -> Tensor:
    bound = math.sqrt(3 / max(columns, 1))
    return torch.empty(rows, columns).uniform_(-bound, bound, generator=generator)


def _first_embedding(codes: int, width: int, generator: torch.Generator) -> Tensor:
    noise = torch.empty(codes, width).normal_(0, 0.5, generator=generator)
    return noise if codes < SMOOTH_FROM else _waves(codes, width) + 0.3 * noise


def _first_head(codes: int, hidden: int, generator: torch.Generator) -> Tensor:
    noise = torch.empty(codes, hidden).normal_(0, 0.02, generator=generator)
    return noise if codes < SMOOTH_FROM else 0.3 * _waves(codes, hidden) + noise


def _waves(codes: int, width: int) -> Tensor:
    """(codes, width): a ramp, then cosines and sines of 1, 2, 3, ... half turns over the codes.

    Weights that begin so treat neighbouring codes alike (Vaswani et al. 2017), which saves a column of
    numbers from learning each of its codes for itself. Codes of categories are sorted by frequency, so
    neighbours have nothing in common but how rare they are; training soon tells them apart.
    """
    place = torch.linspace(0, 1, codes)[:, None]
    angle = math.pi * place * torch.arange(1, width // 2 + 1)
    waves = torch.stack([angle.cos(), angle.sin()], 2).flatten(1)
    return torch.cat([2 * place - 1, waves], 1)[:, :width]


def _embedding_width(cardinality: int) -> int:
    return min(cardinality, max(4, math.ceil(3 * cardinality**0.3) + 1))
