"""The losses of all heads of a network, and their gradients, in one pass.

A table has some thirty heads of a few hundred numbers each. Left to autograd, each is a dozen operations on
the way there and back, which cost more than their numbers; and the gradient of a loss is known as soon as
the chances are: chance minus one for the right code, chance for the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

__all__ = ["head_losses"]

LEAST_CHANCE = 1e-37  # the logarithm of a smaller one is not known


def head_losses(units: Tensor, codes: Tensor, weights: Sequence[Tensor], biases: Sequence[Tensor]) -> Tensor:
    """(columns,) the mean negative log-likelihood of each column's codes, in nats.

    Args:
        units: (rows, columns * hidden) hidden units, those of each column beside each other.
        codes: (rows, columns) int64.
        weights: Per column (codes, hidden).
        biases: Per column (codes,).
    """
    losses: Tensor = _HeadLosses.apply(units, codes, *weights, *biases)  # type: ignore[no-untyped-call]
    return losses


class _HeadLosses(torch.autograd.Function):
    """See `head_losses`."""

    @staticmethod
    def forward(ctx: Any, units: Tensor, codes: Tensor, *heads: Tensor) -> Tensor:
        count = codes.shape[1]
        weights, biases = heads[:count], heads[count:]
        own, right = units.view(len(units), count, -1), []
        ctx.errors = []  # chances, less one for the right code
        minus = units.new_full((len(units), 1), -1.0)
        for j in range(count):
            chances = torch.softmax(torch.addmm(biases[j], own[:, j], weights[j].t()), 1)
            code = codes[:, j : j + 1]
            right.append(chances.gather(1, code))
            ctx.errors.append(chances.scatter_add_(1, code, minus))
        ctx.save_for_backward(units, *weights)
        return -torch.cat(right, 1).clamp_(min=LEAST_CHANCE).log_().mean(0)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        units, *weights = ctx.saved_tensors
        own, returned = units.view(len(units), len(weights), -1), torch.empty_like(units)
        into = returned.view(own.shape)
        of_weights, of_biases = [], []
        for j, share in enumerate(gradient / len(units)):
            errors = ctx.errors[j].mul_(share)
            torch.mm(errors, weights[j], out=into[:, j])
            of_weights.append(errors.t() @ own[:, j])
            of_biases.append(errors.sum(0))
        ctx.errors = []
        return (returned, None, *of_weights, *of_biases)
