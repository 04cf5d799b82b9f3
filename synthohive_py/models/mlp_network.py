"""The generator of the CTGAN paper: a residual network that writes all columns of a row at once."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["MLPGenerator"]

EMBEDDED = 64  # width of the condition and of the context


class MLPGenerator(nn.Module):
    """Two residual layers from noise, condition and context to the logits of all codes.

    Args:
        cardinalities: Codes per column.
        context_cardinalities: Codes per context column.
        latent: Width of the noise.
        hidden: Units per layer.
        generator: Draws the initial weights.
    """

    offsets: Tensor
    context_offsets: Tensor

    def __init__(
        self,
        cardinalities: Sequence[int],
        context_cardinalities: Sequence[int],
        *,
        latent: int,
        hidden: int,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.cardinalities = tuple(map(int, cardinalities))
        self.context_cardinalities = tuple(map(int, context_cardinalities))
        self.latent = latent

        def weight(out: int, width: int) -> nn.Parameter:
            return nn.Parameter(
                torch.empty(out, width).uniform_(-(width**-0.5), width**-0.5, generator=generator)
            )

        def embedding(codes: int) -> nn.Parameter:
            return nn.Parameter(torch.empty(codes, EMBEDDED).normal_(0, 1, generator=generator))

        codes, width = sum(self.cardinalities), latent + 2 * EMBEDDED
        self.condition = embedding(codes)
        self.context = embedding(sum(self.context_cardinalities))
        self.layers = nn.ParameterList([weight(hidden, width), weight(hidden, width + hidden)])
        self.norms = nn.ParameterList(
            nn.Parameter(torch.stack([torch.ones(hidden), torch.zeros(hidden)])) for _ in self.layers
        )
        self.heads = weight(codes, width + 2 * hidden)
        self.bias = nn.Parameter(torch.zeros(codes))
        self.register_buffer("offsets", _starts(self.cardinalities), persistent=False)
        self.register_buffer("context_offsets", _starts(self.context_cardinalities), persistent=False)

    def forward(self, noise: Tensor, condition: Tensor, context: Tensor) -> Tensor:
        """(rows, all codes) logits.

        Args:
            noise: (rows, latent) standard normal numbers.
            condition: (rows, columns) codes; -1 where nothing is asked for.
            context: (rows, context columns) codes.
        """
        asked = condition >= 0
        starts = asked.sum(1).cumsum(0) - asked.sum(1)
        wanted = F.embedding_bag((condition + self.offsets)[asked], self.condition, starts, mode="sum")
        x = torch.cat([noise, wanted, self._embedded(context)], 1)
        for weight, norm in zip(self.layers, self.norms, strict=True):
            h = F.linear(x, weight)
            x = torch.cat([F.relu(F.layer_norm(h, h.shape[1:], norm[0], norm[1])), x], 1)
        return F.linear(x, self.heads, self.bias)

    def _embedded(self, context: Tensor) -> Tensor:
        if not context.shape[1]:
            return context.new_zeros(len(context), EMBEDDED, dtype=self.context.dtype)
        return F.embedding_bag(context + self.context_offsets, self.context, mode="sum")


def _starts(cardinalities: Sequence[int]) -> Tensor:
    return torch.tensor([0, *cardinalities])[:-1].cumsum(0)
