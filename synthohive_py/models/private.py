"""Training with differential privacy: DP-SGD (Abadi et al. 2016) for the autoregressive network.

What one entity can change is bounded in each step, and noise hides it. An entity is a row, or all rows that
belong to one root row; it is drawn by chance on its own (Poisson sampling), and its gradient is shortened to
a bounded length. Every layer of the network is a linear one or an embedding that a row uses once, so the
length of each row's gradient follows from what goes into a layer and what comes back to it (Goodfellow 2015);
the gradients themselves are never held row by row (Bu et al. 2023), and a step takes about as long as
without privacy. An entity of several rows is shortened by the sum of their lengths, which is never less than
the length of their sum.

Nothing but these steps and the noisy frequencies they start from looks at the rows: no rows are held out, and
training ends when the planned steps are done.
"""

from __future__ import annotations

import copy
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from synthohive_py.models.base import Codes, EpochReport, FitReport
from synthohive_py.models.network import AutoregressiveNetwork
from synthohive_py.models.training import Rows, Trained
from synthohive_py.rng import Seed

__all__ = [
    "PrivateModel",
    "PrivateSteps",
    "clipped_gradient",
    "noisy_marginals",
    "plan_steps",
    "train_privately",
]

BATCH = 1024  # entities in a batch, on average; larger ones drown the noise
EPOCHS = 30
LEAST_BATCHES = 10  # of a table with few entities
MAX_FAMILY = 64  # rows of an entity that a step looks at
WARM_UP = 0.05  # share of the steps
MEAN_SHARE = 0.01
REPORTED = 20  # times that progress is told


@dataclass(frozen=True)
class PrivateSteps:
    """How to train a table, and what its accounting rests on.

    Attributes:
        sample_rate: The chance of each entity to be in a batch.
        steps: How many batches.
        noise: Standard deviation of the noise on the sum of a batch's gradients, in units of `clip`.
        marginal_noise: The same for the frequencies that training starts from, in units of the most that an
            entity changes them.
        clip: The most that one entity adds to the sum, as a Euclidean length.
        learning_rate: The largest step size of AdamW.
    """

    sample_rate: float
    steps: int
    noise: float
    marginal_noise: float
    clip: float = 1.0
    learning_rate: float = 6e-3


class PrivateModel(ABC):
    """What a table model has besides, if it can be trained with differential privacy."""

    @abstractmethod
    def fit_privately(
        self,
        codes: Codes,
        cardinalities: Sequence[int],
        entities: npt.NDArray[np.int64],
        steps: PrivateSteps,
        *,
        context: Codes | None = None,
        context_cardinalities: Sequence[int] = (),
        seed: Seed,
        progress: Callable[[EpochReport], None] | None = None,
        max_seconds: float | None = None,
    ) -> FitReport:
        """Learn a table by nothing but the noisy sums that are planned.

        Args:
            codes: As in `TableModel.fit`, as are the arguments that are not named here.
            cardinalities: Codes per column.
            entities: (rows,) from 0 on, equal for rows of one entity.
            steps: The sums that may be taken, and their noise.
            context: (rows, context columns).
            context_cardinalities: Codes per context column.
            seed: Of batches and noise.
            progress: Called some times.
            max_seconds: The time there is.
        """


def plan_steps(entities: int) -> tuple[float, int]:
    """The sample rate and the number of steps for a table of so many entities."""
    rate = min(1.0, min(BATCH, max(entities / LEAST_BATCHES, 1)) / max(entities, 1))
    return rate, max(round(EPOCHS / rate), 1)


def noisy_marginals(
    codes: Tensor, cardinalities: Sequence[int], entities: Tensor, noise: float, seed: Seed
) -> list[Tensor]:
    """Frequencies of each column's codes, where each entity counts once, with Gaussian noise.

    Args:
        codes: (rows, columns) int64.
        cardinalities: Codes per column.
        entities: (rows,) int64 from 0 on, equal for rows of one entity.
        noise: Standard deviation, in units of what one entity changes over all columns.
        seed: Of the noise.
    """
    generator = seed.torch()
    weights = 1 / torch.bincount(entities).clamp(min=1)[entities].float()
    spread = noise * math.sqrt(len(cardinalities))
    marginals = []
    for j, k in enumerate(cardinalities):
        counts = torch.zeros(k).index_add_(0, codes[:, j], weights)
        counts += torch.randn(k, generator=generator) * spread
        # Below the noise nothing is known: such codes share what may be there.
        counts = counts.clamp(min=max(spread, 1.0) / 2)
        marginals.append(counts / counts.sum())
    return marginals


def train_privately(
    network: AutoregressiveNetwork,
    rows: Rows,
    entities: npt.NDArray[np.int64],
    plan: PrivateSteps,
    *,
    seed: Seed,
    progress: Callable[[EpochReport], None] | None = None,
    max_seconds: float | None = None,
) -> Trained:
    """Fit the network by noisy steps, and leave the running mean of its weights in it.

    Args:
        network: Changed in place; without conditions.
        rows: All rows to learn from.
        entities: (rows,) from 0 on, equal for rows of one entity.
        plan: See there.
        seed: Of batches and noise.
        progress: Called some times; its losses are not private and go nowhere else.
        max_seconds: The time there is; fewer steps than planned are spent then, never more.
    """
    started = time.monotonic()
    order = np.argsort(entities, kind="stable")
    ends = np.searchsorted(entities[order], np.arange(int(entities.max(initial=-1)) + 2))
    drawing, noise = seed.child("batches").numpy(), seed.child("noise").torch()
    parameters = list(network.parameters())
    optimizer = torch.optim.AdamW(parameters, lr=plan.learning_rate, weight_decay=0.0, betas=(0.9, 0.99))
    mean, expected = copy.deepcopy(network), plan.sample_rate * (len(ends) - 1)
    history: list[EpochReport] = []
    stopped_by = "schedule"
    for step in range(plan.steps):
        chosen = np.flatnonzero(drawing.random(len(ends) - 1) < plan.sample_rate)
        index, owner = _rows_of(chosen, order, ends, drawing)
        gradients = clipped_gradient(network, rows.take(index), owner, plan.clip)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            hidden = torch.randn(gradient.shape, generator=noise) * (plan.noise * plan.clip)
            parameter.grad = (gradient + hidden) / max(expected, 1.0)
        for group in optimizer.param_groups:
            group["lr"] = plan.learning_rate * _schedule(step / plan.steps)
        optimizer.step()
        with torch.no_grad():
            share = max(MEAN_SHARE, 1 / (step + 2))
            torch._foreach_lerp_(list(mean.parameters()), list(network.parameters()), share)
        if progress and step % max(plan.steps // REPORTED, 1) == 0:
            progress(EpochReport(int(step * plan.sample_rate) + 1, math.nan, None, plan.learning_rate))
        if max_seconds is not None and time.monotonic() - started > max_seconds:
            stopped_by = "time"
            break
    network.load_state_dict(mean.state_dict())
    history.append(EpochReport(max(round((step + 1) * plan.sample_rate), 1), math.nan, None, 0.0))
    return Trained(history, None, stopped_by)


def _schedule(done: float) -> float:
    return min(1.0, (done + 1e-3) / WARM_UP) * (0.05 + 0.95 * (1 + math.cos(math.pi * done)) / 2)


def _rows_of(
    chosen: npt.NDArray[np.int64],
    order: npt.NDArray[np.int64],
    ends: npt.NDArray[np.int64],
    rng: np.random.Generator,
) -> tuple[Tensor, Tensor]:
    """The rows of some entities, not more than `MAX_FAMILY` of each, and the place of the entity of each."""
    families = []
    for entity in chosen:
        family = order[ends[entity] : ends[entity + 1]]
        families.append(
            family if len(family) <= MAX_FAMILY else rng.choice(family, MAX_FAMILY, replace=False)
        )
    index = np.concatenate([np.zeros(0, np.int64), *families])
    owner = np.repeat(np.arange(len(families)), [len(family) for family in families])
    return torch.as_tensor(index), torch.as_tensor(owner, dtype=torch.int64)


def clipped_gradient(network: AutoregressiveNetwork, rows: Rows, owner: Tensor, clip: float) -> list[Tensor]:
    """The sum of all entities' gradients, each not longer than `clip`.

    Args:
        network: Without conditions.
        rows: The rows of some entities.
        owner: (rows,) int64 the entity of each row, from 0 on.
        clip: The length.

    Returns:
        In the order and the shapes of `network.parameters()`.
    """
    passed = _Passed.through(network, rows)
    lengths = passed.squared_lengths().sqrt()
    totals = torch.zeros(int(owner.max()) + 1 if len(owner) else 0).index_add_(0, owner, lengths)
    return passed.weighted_sum((clip / totals.clamp(min=clip))[owner])


@dataclass(frozen=True)
class _Linear:
    """A linear layer in one pass: what went into it, and what came back."""

    entered: Tensor
    returned: Tensor

    def squared_lengths(self) -> Tensor:
        return self.returned.square().sum(1) * (self.entered.square().sum(1) + 1)

    def weighted_sum(self, weights: Tensor) -> tuple[Tensor, Tensor]:
        returned = self.returned * weights[:, None]
        return returned.T @ self.entered, returned.sum(0)


class _Passed:
    """One pass of some rows through the network and back, with what the gradient of each row is made of."""

    def __init__(self, network: AutoregressiveNetwork, rows: Rows, tensors: dict[str, list[Tensor]]) -> None:
        self.network, self.rows = network, rows
        self.looked_up = tensors["embedded"]
        self.summary = [_Linear(*pair) for pair in zip(tensors["context"], tensors["summary"], strict=True)]
        (self.inputs,), (self.hidden,) = tensors["inputs"], tensors["hidden"]
        self.heads = [_Linear(*pair) for pair in zip(tensors["units"], tensors["logits"], strict=True)]

    @classmethod
    def through(cls, network: AutoregressiveNetwork, rows: Rows) -> _Passed:
        """The forward pass of `network.forward` with its steps kept, and the way back to each of them."""
        columns = len(network.cardinalities)
        looked_up = _looked_up(network, rows)
        embedded = [F.embedding(places, table).flatten(1) for table, places in looked_up]
        context = len(looked_up) - columns
        entered, summed, parts = [], [], []
        if context:
            (first, second), (bias, other) = network.summary_weights, network.summary_biases
            entered.append(torch.cat(embedded[:context], 1))
            summed.append(F.linear(entered[0], first, bias))
            entered.append(F.silu(summed[0]))
            summed.append(F.linear(entered[1], second, other))
            parts.append(entered[1] + F.silu(summed[1]))
        x = torch.cat([*parts, *embedded[context:]], 1)
        hidden = F.linear(x, network.weight * network.mask, network.bias)
        units = F.silu(hidden).view(len(rows), columns, network.hidden).unbind(1)
        logits = [
            F.linear(u, w, b)
            for u, w, b in zip(units, network.head_weights, network.head_biases, strict=True)
        ]
        loss = sum(
            (F.cross_entropy(out, rows.codes[:, j], reduction="sum") for j, out in enumerate(logits)),
            start=x.new_zeros(()),
        )
        reached = [*embedded, *summed, hidden, *logits]
        # The last column's embedding leads nowhere: there is no column after it.
        back = torch.autograd.grad(loss, reached, allow_unused=True, materialize_grads=True)
        start = len(embedded) + len(summed)
        kept = {
            "embedded": list(back[: len(embedded)]),
            "context": [tensor.detach() for tensor in entered],
            "summary": list(back[len(embedded) : start]),
            "inputs": [x.detach()],
            "hidden": [back[start]],
            "units": [u.detach() for u in units],
            "logits": list(back[start + 1 :]),
        }
        return cls(network, rows, kept)

    def squared_lengths(self) -> Tensor:
        """(rows,) the squared length of each row's gradient over all weights."""
        network, columns = self.network, len(self.network.cardinalities)
        total = torch.zeros(len(self.rows))
        for returned in self.looked_up:
            total += returned.square().sum(1)
        for layer in [*self.summary, *self.heads]:
            total += layer.squared_lengths()
        # A column's hidden units see the inputs up to its own.
        seen = F.pad(self.inputs.square().cumsum(1), (1, 0))[:, list(network.visible)] + 1
        per_column = self.hidden.square().view(len(total), columns, network.hidden).sum(2)
        return total + (per_column * seen).sum(1)

    def weighted_sum(self, weights: Tensor) -> list[Tensor]:
        """The rows' gradients times their weights, summed, in the order of the network's parameters."""
        network = self.network
        found: dict[int, Tensor] = {}
        for (table, places), returned in zip(_looked_up(network, self.rows), self.looked_up, strict=True):
            each = (returned * weights[:, None]).view(-1, table.shape[1])
            found[id(table)] = torch.zeros_like(table).index_add_(0, places.flatten(), each)
        layers = [
            (network.summary_weights, network.summary_biases, self.summary),
            (network.head_weights, network.head_biases, self.heads),
        ]
        for matrices, biases, passed in layers:
            for matrix, bias, layer in zip(matrices, biases, passed, strict=True):
                found[id(matrix)], found[id(bias)] = layer.weighted_sum(weights)
        wide, bias = _Linear(self.inputs, self.hidden).weighted_sum(weights)
        found[id(network.weight)], found[id(network.bias)] = wide * network.mask, bias
        return [found[id(parameter)] for parameter in network.parameters()]


def _looked_up(network: AutoregressiveNetwork, rows: Rows) -> list[tuple[Tensor, Tensor]]:
    """The tables of embeddings, and the places that each row has in them: those of the context come first."""
    own = [(table, rows.codes[:, j : j + 1]) for j, table in enumerate(network.embeddings)]
    return [*network.looked_up(rows.context), *own]
