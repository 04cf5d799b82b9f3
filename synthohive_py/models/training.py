"""Maximum likelihood without babysitting: held-out rows decide when to slow down and when to stop."""

from __future__ import annotations

import copy
import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from synthohive_py.errors import TrainingError
from synthohive_py.models.base import Codes, EpochReport
from synthohive_py.models.network import AutoregressiveNetwork, Noise
from synthohive_py.rng import Seed

__all__ = [
    "Condition",
    "LikelihoodOptions",
    "Rows",
    "Trained",
    "context_tensor",
    "split_rows",
    "train",
    "validation_loss",
]

logger = logging.getLogger(__name__)

MIN_HELD_OUT = 20  # rows; fewer can't tell learning from remembering
EPOCH_STEPS = 200  # an epoch of a large table ends here, so that held-out rows are looked at often enough
LEAST_STEPS = 50  # between two looks: after fewer, the running mean shows no progress yet
WARM_UP_STEPS = 50
MAX_DIVERGENCES = 3
EVALUATION_ROWS = 4096
MEAN_SHARE = 0.01  # that a step adds to the running mean of the weights
PROGRESS = 5e-5  # share of the loss; less is noise
FINAL_RATE = 0.03  # of the learning rate, at the end of the schedule

Condition = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class LikelihoodOptions:
    """How to train by likelihood.

    Attributes:
        epochs: The most passes over the training rows.
        max_steps: The most batches, however large the table.
        batch_size: Rows per batch; smaller for tables of fewer than 20 batches.
        learning_rate: The largest step size of AdamW.
        weight_decay: Of AdamW.
        dropout: The share of hidden units that are dropped while training.
        patience: Looks at held-out rows without progress after which training ends.
        validation_share: The share of rows that are held out.
    """

    epochs: int
    max_steps: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    dropout: float
    patience: int
    validation_share: float


@dataclass(frozen=True)
class Rows:
    """Rows to learn from.

    Attributes:
        codes: (rows, columns) int64.
        context: (rows, context columns) int64.
    """

    codes: Tensor
    context: Tensor

    def __len__(self) -> int:
        return len(self.codes)

    def take(self, index: Tensor) -> Rows:
        """Some of the rows."""
        return Rows(self.codes.index_select(0, index), self.context.index_select(0, index))


@dataclass(frozen=True)
class Trained:
    """What training did; the network holds the best weights that it found. See `FitReport`."""

    history: list[EpochReport]
    validation_loss: float | None
    stopped_by: str
    refinement: dict[str, float | bool] = field(default_factory=dict)


def split_rows(
    rows: int, groups: npt.NDArray[np.int64] | None, share: float, seed: Seed
) -> tuple[Tensor, Tensor]:
    """Row numbers to train on and to hold out; rows of one group stay together.

    Nothing is held out of a table with too few rows.
    """
    wanted = max(round(rows * share), MIN_HELD_OUT)
    if rows < 2 * MIN_HELD_OUT:
        return torch.arange(rows), torch.arange(0)
    rng = seed.numpy()
    order = rng.permutation(rows)
    held_out = np.zeros(rows, bool)
    if groups is not None:
        held_out = _groups_to_hold_out(groups, order, wanted)
    # A group with most of the rows can't be held out: then its rows are split like any others.
    if not wanted / 2 <= held_out.sum() <= 2 * wanted:
        held_out = np.zeros(rows, bool)
        held_out[order[:wanted]] = True
    return torch.as_tensor(np.flatnonzero(~held_out)), torch.as_tensor(np.flatnonzero(held_out))


def _groups_to_hold_out(
    groups: npt.NDArray[np.int64], order: npt.NDArray[np.int64], wanted: int
) -> npt.NDArray[np.bool_]:
    _, ids = np.unique(
        np.where(groups < 0, groups.max(initial=0) + 1 + np.arange(len(groups)), groups), return_inverse=True
    )
    first = np.full(ids.max() + 1, len(ids))
    np.minimum.at(first, ids[order], np.arange(len(ids)))  # groups come in a random order
    ranked = np.argsort(first)
    sizes = np.bincount(ids)[ranked]
    chosen = ranked[: int(np.searchsorted(sizes.cumsum(), wanted)) + 1]
    return np.isin(ids, chosen)


def context_tensor(context: Codes | None, rows: int) -> Tensor:
    """(rows, context columns) int64; without context there are no columns."""
    if context is None:
        return torch.empty(rows, 0, dtype=torch.int64)
    return torch.as_tensor(context, dtype=torch.int64)


@torch.no_grad()
def validation_loss(network: AutoregressiveNetwork, rows: Rows) -> float:
    """Mean negative log-likelihood of rows, in nats per row, without condition."""
    total = 0.0
    for start in range(0, len(rows), EVALUATION_ROWS):
        part = rows.take(torch.arange(start, min(start + EVALUATION_ROWS, len(rows))))
        condition = network.unconditioned(len(part))
        total += float(network.losses(part.codes, part.context, condition).sum()) * len(part)
    return total / max(len(rows), 1)


def train(
    network: AutoregressiveNetwork,
    training: Rows,
    held_out: Rows,
    options: LikelihoodOptions,
    *,
    seed: Seed,
    condition: Condition | None = None,
    progress: Callable[[EpochReport], None] | None = None,
    max_seconds: float | None = None,
) -> Trained:
    """Fit the network by likelihood and leave the best weights in it.

    AdamW with a cosine schedule; the running mean of the weights is judged and kept: after each epoch, or
    after several of a small table. After two looks without progress the best weights come back and the step
    size shrinks; after `patience` of them training ends.

    Args:
        network: Changed in place.
        training: Rows to learn from.
        held_out: Rows to judge by.
        options: See there.
        seed: Of batches and dropout.
        condition: Draws the condition codes of a batch, for a conditional network.
        progress: Called after each epoch.
        max_seconds: The time there is.

    Raises:
        TrainingError: The loss was not finite four times.
    """
    loop = _Loop(network, training, options, seed=seed, condition=condition, max_seconds=max_seconds)
    best = validation_loss(network, held_out)
    kept = _copy(network)
    history: list[EpochReport] = []
    bad = 0
    while not loop.is_over:
        loss = loop.run_epochs()
        if math.isfinite(loss):
            score = validation_loss(loop.mean, held_out)
        if not math.isfinite(loss) or not math.isfinite(score):
            loop.recover(kept)
            continue
        history.append(EpochReport(loop.epochs, loss, score, loop.rate))
        logger.debug("epoch %d: training %.4f, validation %.4f", len(history), loss, score)
        if progress:
            progress(history[-1])
        if score < best - PROGRESS * abs(best):
            best, kept, bad = score, _copy(loop.mean), 0
            continue
        bad += 1
        if bad >= options.patience:
            network.load_state_dict(kept)
            return Trained(history, best, "patience")
        if bad % 2 == 0:
            loop.slow_down(kept, 0.4)
    network.load_state_dict(kept)
    return Trained(history, best, "time" if loop.is_late else "schedule")


class _Loop:
    """Batches, optimiser and step size; and the running mean of the weights, which is what is judged."""

    def __init__(
        self,
        network: AutoregressiveNetwork,
        training: Rows,
        options: LikelihoodOptions,
        *,
        seed: Seed,
        condition: Condition | None,
        max_seconds: float | None,
    ) -> None:
        self.network, self.training, self.options = network, training, options
        self.condition = condition
        self.max_seconds = max_seconds
        self.batch_size = int(min(options.batch_size, max(16, len(training) // 20)))
        self.epoch_steps = min(math.ceil(len(training) / self.batch_size), EPOCH_STEPS)
        self.steps_between = math.ceil(LEAST_STEPS / self.epoch_steps) * self.epoch_steps
        passes = math.ceil(len(training) / self.batch_size) * options.epochs
        self.total_steps = max(1, min(passes, options.max_steps))
        self.order = seed.child("batches").torch()
        self.noise = Noise(options.dropout, seed.child("dropout").torch())
        self.mean = copy.deepcopy(network)
        self.weights, self.mean_weights = _in_one(network), _in_one(self.mean)
        self.optimizer = torch.optim.AdamW(
            [self.weights],
            lr=options.learning_rate,
            weight_decay=options.weight_decay,
            betas=(0.9, 0.99),
            fused=True,
        )
        self.slowed = 1.0
        self.step = 0
        self.divergences = 0
        self.queue = torch.empty(0, dtype=torch.int64)
        self.started = time.monotonic()

    @property
    def is_late(self) -> bool:
        return self.max_seconds is not None and time.monotonic() - self.started >= self.max_seconds

    @property
    def is_over(self) -> bool:
        return self.step >= self.total_steps or self.is_late

    @property
    def rate(self) -> float:
        """Warm-up, then a cosine to its end; a time limit shortens the schedule."""
        done = self.step / self.total_steps
        if self.max_seconds:
            done = max(done, min((time.monotonic() - self.started) / self.max_seconds, 1.0))
        cosine = FINAL_RATE + (1 - FINAL_RATE) * (1 + math.cos(math.pi * done)) / 2
        warm_up = min(1.0, (self.step + 1) / WARM_UP_STEPS)
        return self.options.learning_rate * self.slowed * cosine * warm_up

    @property
    def epochs(self) -> int:
        """How many there were."""
        return math.ceil(self.step / self.epoch_steps)

    def run_epochs(self) -> float:
        """Mean loss of the batches of an epoch, or of some short ones; infinite or NaN where it diverged."""
        total, steps = 0.0, 0
        while steps < self.steps_between and not self.is_over:
            if len(self.queue) < min(self.batch_size, len(self.training)):
                shuffled = torch.randperm(len(self.training), generator=self.order)
                self.queue = torch.cat([self.queue, shuffled])
            batch = self.training.take(self.queue[: self.batch_size])
            self.queue = self.queue[self.batch_size :]
            loss = self._learn(batch)
            if not math.isfinite(loss):
                return loss
            total, steps = total + loss, steps + 1
        return total / max(steps, 1)

    def _learn(self, batch: Rows) -> float:
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate
        condition = self.condition(batch.codes) if self.condition else None
        loss = self.network.losses(batch.codes, batch.context, condition, self.noise).sum()
        self.optimizer.zero_grad(set_to_none=False)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_([self.weights], 5.0)
        self.optimizer.step()
        self.step += 1
        with torch.no_grad():
            share = max(MEAN_SHARE, 1 / (self.step + 1))
            self.mean_weights.lerp_(self.weights, share)
        return float(loss.detach())

    def slow_down(self, kept: dict[str, Tensor], factor: float) -> None:
        self.slowed *= factor
        self.network.load_state_dict(kept)
        self.mean.load_state_dict(kept)

    def recover(self, kept: dict[str, Tensor]) -> None:
        """Back to the best weights, with a smaller step and no memory of the steps that led astray."""
        self.divergences += 1
        if self.divergences > MAX_DIVERGENCES:
            raise TrainingError(
                "training diverged",
                expected="a finite loss",
                received=f"none after {self.divergences} attempts with ever smaller steps",
                remedy="lower the model option learning_rate",
            )
        logger.warning("training diverged at step %d; starting again from the best weights", self.step)
        self.slow_down(kept, 0.2)
        self.optimizer.state.clear()


def _in_one(network: nn.Module) -> nn.Parameter:
    """All weights of a network as one vector with one gradient; the network's own become views of it.

    A network has some hundred small ones, and an optimiser spends more time on going from one to the next
    than on their numbers.
    """
    parameters = list(network.parameters())
    whole = nn.Parameter(torch.cat([p.detach().flatten() for p in parameters]))
    whole.grad = torch.zeros_like(whole)
    sizes = [p.numel() for p in parameters]
    parts = zip(torch.split(whole.detach(), sizes), torch.split(whole.grad, sizes), strict=True)
    for parameter, (values, gradient) in zip(parameters, parts, strict=True):
        parameter.data, parameter.grad = values.view_as(parameter), gradient.view_as(parameter)
    return whole


def _copy(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}
