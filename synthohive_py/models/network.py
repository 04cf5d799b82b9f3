"""The autoregressive network: every column's codes, given the columns before it.

One masked matrix product computes the hidden units of all columns at once (a block-triangular MADE;
Germain et al. 2015), on learned embeddings of the codes. Each column has a head of its own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from synthohive_py.models.heads import head_losses
from synthohive_py.models.processor import quick_linear

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
        wide = self._make_context_tables([int(k) for k in context_cardinalities], generator)
        widths = [_embedding_width(k) for k in self.cardinalities]
        self.embeddings = nn.ParameterList(
            nn.Parameter(_first_embedding(k, w, generator))
            for k, w in zip(self.cardinalities, widths, strict=True)
        )
        units = min(wide, SUMMARY_WIDTH)
        self.summary_weights = nn.ParameterList(
            nn.Parameter(_uniform(units, width, generator)) for width in ((wide, units) if units else ())
        )
        self.summary_biases = nn.ParameterList(nn.Parameter(torch.zeros(units)) for _ in self.summary_weights)
        ends = [(CONDITION_WIDTH if conditional else 0) + units]
        for width in widths:
            ends.append(ends[-1] + width)
        self.visible = tuple(ends[:-1])
        columns, total = len(self.cardinalities), ends[-1]

        self.conditional = conditional
        if conditional:
            table = torch.empty(sum(self.cardinalities), CONDITION_WIDTH).normal_(0, 0.1, generator=generator)
            self.condition_table = nn.Parameter(table)
            steps = torch.tensor([0, *self.cardinalities])
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

    def _make_context_tables(self, cardinalities: Sequence[int], generator: torch.Generator) -> int:
        """Make the tables of embeddings of the context, and give their width together.

        Columns with embeddings of the same width share a table: with a hundred columns, a lookup for each
        takes many times as long.
        """
        groups: dict[int, list[int]] = {}
        for i, k in enumerate(cardinalities):
            groups.setdefault(_embedding_width(k), []).append(i)
        self.context_tables = nn.ParameterList(
            nn.Parameter(torch.cat([_first_embedding(cardinalities[i], width, generator) for i in group]))
            for width, group in groups.items()
        )
        self.lookups = [len(group) for group in groups.values()]
        order, offsets = [], []
        for group in groups.values():
            order += group
            offsets += [0, *accumulate(cardinalities[i] for i in group)][:-1]
        for name, numbers in {"lookup_order": order, "lookup_offsets": offsets}.items():
            self.register_buffer(name, torch.tensor(numbers, dtype=torch.int64), persistent=False)
        return sum(width * len(group) for width, group in groups.items())

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
        rows, columns = torch.nonzero(codes < torch.tensor(self.cardinalities), as_tuple=True)
        asked = self.condition_table[codes[rows, columns] + self.condition_offsets[columns]]
        return asked.new_zeros(len(codes), CONDITION_WIDTH).index_add(0, rows, asked)

    def summary(self, context: Tensor, noise: Noise | None) -> Tensor:
        """(rows, units): what all columns see of the context, by two layers, the second beside the first.

        A wide context (the parent, its parents, the elder siblings) has far more inputs than a column can
        learn to weigh for itself from a few thousand families; together the columns can.
        """
        # Indexing, not F.embedding: its way back takes half the time.
        x = torch.cat([table[places].flatten(1) for table, places in self.looked_up(context)], 1)
        if noise:
            x = noise.drop(x, noise.rate / 2)
        (first, second), (bias, other) = self.summary_weights, self.summary_biases
        linear = quick_linear if noise else F.linear
        x = F.silu(linear(x, first, bias))
        return x + F.silu(linear(noise.drop(x) if noise else x, second, other))

    def looked_up(self, context: Tensor) -> list[tuple[Tensor, Tensor]]:
        """The tables of embeddings of the context, and the (rows, columns) places of its codes in each."""
        places = context.index_select(1, self.lookup_order) + self.lookup_offsets
        return list(zip(self.context_tables, torch.split(places, self.lookups, 1), strict=True))

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
        return self.embeddings[column]

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
        z = self._units(codes, context, condition, noise)
        units = z.view(len(z), len(self.cardinalities), self.hidden).unbind(1)
        return [F.linear(u, w, b) for u, w, b in zip(units, self.head_weights, self.head_biases, strict=True)]

    def _units(self, codes: Tensor, context: Tensor, condition: Tensor | None, noise: Noise | None) -> Tensor:
        """(rows, columns * hidden) hidden units of all columns."""
        x = self.inputs(codes, context, condition, noise)
        if noise:
            x = noise.drop(x, noise.rate / 2)
        linear = quick_linear if noise else F.linear
        z = F.silu(linear(x, self.weight * self.mask, self.bias))
        return noise.drop(z) if noise else z

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
    ) -> Tensor:
        """(columns,) the mean negative log-likelihood of each column's codes, in nats."""
        units = self._units(codes, context, condition, noise)
        return head_losses(units, codes, list(self.head_weights), list(self.head_biases))

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
