"""What few rows are learned from first: many rows of their Gaussian copula.

A network learns nothing from a hundred rows before it knows them by heart. Their correlations can be told
from so few, and rows that have these correlations, and nothing else, can be made without end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from synthohive_py.models.gaussian_copula import GaussianCopula
from synthohive_py.models.network import AutoregressiveNetwork
from synthohive_py.models.training import LikelihoodOptions, Rows, train
from synthohive_py.rng import Seed

__all__ = ["FEW_ROWS", "learn_copula"]

FEW_ROWS = 5000  # from which on a network finds the correlations by itself
COPULA_ROWS = 10_000
STEPS = 400


def learn_copula(
    network: AutoregressiveNetwork,
    training: Rows,
    held_out: Rows,
    centres: Sequence[npt.NDArray[np.float64] | None] | None,
    options: LikelihoodOptions,
    *,
    context_cardinalities: Sequence[int],
    seed: Seed,
    condition: Callable[[Tensor], Tensor] | None = None,
    max_seconds: float | None = None,
) -> None:
    """Fit the network by likelihood to rows of the copula of the training rows, as long as that helps.

    Args:
        network: Changed in place.
        training: The rows whose copula it is.
        held_out: Rows that tell what helps.
        centres: Per column, positions of its codes if they are ordered.
        options: How to train.
        context_cardinalities: Codes per context column.
        seed: Everything random derives from it.
        condition: Draws the condition codes of a batch, for a conditional network.
        max_seconds: The time there is.
    """
    codes, context = training.codes.cpu().numpy(), training.context.cpu().numpy()
    copula = GaussianCopula()
    copula.fit(
        codes.astype(np.int32),
        network.cardinalities,
        context=context.astype(np.int32) if context.shape[1] else None,
        context_cardinalities=context_cardinalities,
        centres=centres,
        seed=seed.child("copula"),
    )
    rng = seed.child("rows").numpy()
    above = context[rng.integers(0, len(context), COPULA_ROWS)]
    drawn = copula.sample(
        COPULA_ROWS, context=above.astype(np.int32) if context.shape[1] else None, generator=rng
    )
    device = training.codes.device
    rows = Rows(torch.from_numpy(drawn).long().to(device), torch.from_numpy(above).long().to(device))
    short = replace(options, max_steps=min(STEPS, options.max_steps))
    train(network, rows, held_out, short, seed=seed, condition=condition, max_seconds=max_seconds)
