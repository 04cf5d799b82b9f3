"""The game of a generator of whole rows against a critic, and when it ends."""

from __future__ import annotations

import copy
import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from synthohive_py.models.base import check_range
from synthohive_py.models.critic import PENALTY, Critic
from synthohive_py.models.epochs import EpochLoop
from synthohive_py.models.mlp_network import MLPGenerator
from synthohive_py.models.moments import PairwiseMoments, one_hot
from synthohive_py.models.network import Noise
from synthohive_py.models.training import Rows
from synthohive_py.rng import Seed

__all__ = ["Game", "MLPOptions"]

TEMPERATURE = 0.5  # of the Gumbel samples
DROPOUT = 0.5  # of the critic
WARM_UP_STEPS = 100
FINAL_RATE = 0.1  # of the learning rate, reached on the second half of the way
MEAN_SHARE = 0.002  # that a step adds to the running mean of the generator
MORE_CONDITIONS = 0.3  # share of rows whose condition has more than one column
JUDGED_ROWS = 8192  # at most,
JUDGED_SHARE = 10  # per held-out row,
LEAST_JUDGED = 500


@dataclass(frozen=True)
class MLPOptions:
    """Options of `CTGAN` with `generator="mlp"`.

    Attributes:
        latent: Random numbers that a row is made of.
        hidden: Units of each of the two hidden layers of the generator.
        epochs: Passes over the training rows: steps of critic and generator, in batches.
        max_steps: The most batches, however large the table.
        batch_size: Rows per batch.
        learning_rate: The largest step size of Adam, of critic and generator.
        pac: Rows that the critic judges together.
        moment_weight: Weight of the pairwise frequencies beside the critic's opinion.
        patience: Epochs without progress on held-out rows after which training ends.
        validation_share: The share of rows that are held out.

    Raises:
        SettingError: A value is out of range.
    """

    latent: int = 128
    hidden: int = 256
    epochs: int = 150
    max_steps: int = 20_000
    batch_size: int = 500
    learning_rate: float = 2e-3
    pac: int = 10
    moment_weight: float = 30.0
    patience: int = 30
    validation_share: float = 0.1

    def __post_init__(self) -> None:
        for name in ("latent", "hidden", "epochs", "max_steps", "batch_size", "patience"):
            check_range(name, getattr(self, name), least=1)
        check_range("learning_rate", self.learning_rate, least=1e-7, most=1)
        check_range("pac", self.pac, least=1, most=50)
        check_range("moment_weight", self.moment_weight, least=0)
        check_range("validation_share", self.validation_share, least=0.01, most=0.5)


class Game(EpochLoop):
    """Adam for both players; the running mean of the generator is judged on held-out rows, the best is kept.

    Real rows are drawn by training-by-sampling: a column, one of its codes by the logarithm of its
    frequency, a row that has it. Rows that depend on a context are drawn evenly, half of them without a
    condition.

    Args:
        network: Changed in place.
        training: Rows to learn from.
        held_out: Rows to judge by.
        options: See there.
        seed: Everything random derives from it.
    """

    progress_share = 0.005

    def __init__(
        self,
        network: MLPGenerator,
        training: Rows,
        held_out: Rows,
        options: MLPOptions,
        *,
        seed: Seed,
    ) -> None:
        super().__init__()
        self.patience = options.patience
        self.network, self.training, self.held_out, self.options = network, training, held_out, options
        self.seed, self.random = seed, seed.child("steps").torch()
        self.mean = copy.deepcopy(network)
        packs = min(options.batch_size, len(training)) // (2 * options.pac)
        self.batch_size = max(packs, 1) * 2 * options.pac
        self.steps_per_epoch = max(len(training) // self.batch_size, 1)
        self.total = min(options.epochs * self.steps_per_epoch, options.max_steps)
        self.is_conditioned = not network.context_cardinalities
        self.chances = _CodeChances(network.cardinalities, training.codes) if self.is_conditioned else None
        self.every = (*network.cardinalities, *network.context_cardinalities)
        self.moments = PairwiseMoments(self.every, *self._weighted(training))
        self.aim = self.moments.of_codes(*self._weighted(held_out))
        self.critic = Critic(
            sum(self.every), options.pac, seed.child("critic").torch(), Noise(DROPOUT, self.random)
        )
        self.first_critic = copy.deepcopy(self.critic.state_dict())
        betas = (0.5, 0.9)
        self.critic_optimizer = torch.optim.Adam(
            self.critic.parameters(), lr=options.learning_rate, betas=betas, foreach=True
        )
        self.generator_optimizer = torch.optim.Adam(
            network.parameters(), lr=options.learning_rate, betas=betas, weight_decay=1e-6, foreach=True
        )
        self.steps = 0
        self.caution = 1.0  # the learning rate's factor: less after a divergence

    @property
    def is_over(self) -> bool:
        return self.steps >= self.total

    def epoch(self, deadline: float | None) -> tuple[float, bool]:
        total, steps = 0.0, min(self.steps_per_epoch, self.total - self.steps)
        for step in range(1, steps + 1):
            for optimizer in (self.critic_optimizer, self.generator_optimizer):
                optimizer.param_groups[0]["lr"] = self.rate
            total += self._step()
            self.steps += 1
            share = max(MEAN_SHARE, 1 / (self.steps + 1))
            with torch.no_grad():
                torch._foreach_lerp_(list(self.mean.parameters()), list(self.network.parameters()), share)
            if deadline is not None and time.monotonic() >= deadline:
                return total / step, True
        return total / steps, False

    def _step(self) -> float:
        """One step of each player, on the same generated rows; returns the generator's loss."""
        batch, condition = self._batch()
        fake = self._generate(self.network, batch, condition, self.random)
        self._teach_critic(one_hot(torch.cat([batch.codes, batch.context], 1), self.every), fake.detach())
        opinion = -self.critic(fake).mean()
        loss = opinion + self.options.moment_weight * self.moments.loss(fake)
        self.generator_optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.generator_optimizer.step()
        return float(loss.detach())

    def _teach_critic(self, real: Tensor, fake: Tensor) -> None:
        loss = self.critic(fake).mean() - self.critic(real).mean()
        loss = loss + PENALTY * self.critic.penalty(real, fake, self.random)
        self.critic_optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.critic_optimizer.step()

    def _generate(
        self, network: MLPGenerator, rows: Rows, condition: Tensor, random: torch.Generator
    ) -> Tensor:
        """One-hot rows that pass gradients on to their logits; what is conditioned is so.

        The one-hot context follows the row.
        """
        noise = torch.empty(len(rows), network.latent).normal_(generator=random)
        logits = network(noise, condition, rows.context)
        gumbel = torch.empty_like(logits).uniform_(1e-10, 1, generator=random).log_().neg_()
        gumbel = gumbel.clamp_(min=1e-10).log_().mul_(-1 / TEMPERATURE)
        noisy = torch.add(gumbel, logits, alpha=1 / TEMPERATURE)
        columns = []
        for j, column in enumerate(torch.split(noisy, list(network.cardinalities), 1)):
            soft = torch.softmax(column, 1)
            asked = condition[:, j]
            code = torch.where(asked >= 0, asked, soft.detach().argmax(1))[:, None]
            hard = torch.zeros_like(soft).scatter_(1, code, 1.0)
            free = (asked < 0)[:, None]
            columns.append(hard + (soft - soft.detach()) * free)
        if network.context_cardinalities:
            columns.append(one_hot(rows.context, network.context_cardinalities))
        return torch.cat(columns, 1)

    def _batch(self) -> tuple[Rows, Tensor]:
        """Real rows, and the conditions that generated rows shall meet like them."""
        size = self.batch_size
        if self.chances is None:
            batch = self.training.take(torch.randint(len(self.training), (size,), generator=self.random))
            first = torch.randint(batch.codes.shape[1], (size,), generator=self.random)
            some = torch.rand(size, 1, generator=self.random) < 0.5
        else:
            index, first = self.chances.draw(size, self.random)
            batch, some = self.training.take(index), torch.ones(size, 1, dtype=torch.bool)
        chosen = torch.arange(batch.codes.shape[1]) == first[:, None]
        share = torch.rand(size, 1, generator=self.random) / 2
        share *= torch.rand(size, 1, generator=self.random) < MORE_CONDITIONS
        chosen |= torch.rand(batch.codes.shape, generator=self.random) < share
        return batch, torch.where(chosen & some, batch.codes, -1)

    def _weighted(self, rows: Rows) -> tuple[Tensor, Tensor]:
        """Codes with context, and how often each row is drawn."""
        every = torch.cat([rows.codes, rows.context], 1)
        weights = torch.ones(len(rows)) if self.chances is None else self.chances.of_rows(rows.codes)
        return every, weights / weights.sum()

    @torch.no_grad()
    def score(self) -> float:
        """How far the mean generator is from held-out rows, with the same noise every time."""
        random, live = self.seed.child("judge").torch(), self.random
        self.random = random
        total, size = [], 0
        while size < min(JUDGED_ROWS, max(LEAST_JUDGED, JUDGED_SHARE * len(self.held_out))):
            batch, condition = self._batch()
            total.append(self._generate(self.mean, batch, condition, random))
            size += len(batch)
        self.random = live
        return self.moments.distance(torch.cat(total), self.aim)

    @property
    def rate(self) -> float:
        """Warm-up, a plateau, and a straight way down on the second half."""
        done = self.steps / self.total
        slow = 1 - (1 - FINAL_RATE) * max(0.0, 2 * done - 1)
        return self.options.learning_rate * self.caution * slow * min(1.0, (self.steps + 1) / WARM_UP_STEPS)

    def weights(self) -> dict[str, Tensor]:
        return copy.deepcopy(self.mean.state_dict())

    def load(self, weights: dict[str, Tensor]) -> None:
        self.network.load_state_dict(weights)

    def go_back(self, weights: dict[str, Tensor]) -> None:
        for network in (self.network, self.mean):
            network.load_state_dict(weights)
        self.critic.load_state_dict(self.first_critic)
        for optimizer in (self.critic_optimizer, self.generator_optimizer):
            optimizer.state.clear()
        self.caution *= 0.3


class _CodeChances:
    """Training-by-sampling: how likely each code is to be the condition, and each row to be drawn."""

    def __init__(self, cardinalities: Sequence[int], codes: Tensor) -> None:
        self.offsets = torch.tensor([0, *cardinalities])[:-1].cumsum(0)
        self.codes = codes
        ratios = []
        for j, k in enumerate(cardinalities):
            count = torch.bincount(codes[:, j], minlength=k).float()
            by_log = torch.log1p(count)
            ratios.append(by_log / by_log.sum() / count.clamp(min=1))
        self.ratio = torch.cat(ratios)  # of each code: its chance, shared among its rows
        self.cumulated = self.of_rows(codes).cumsum(0)

    def of_rows(self, codes: Tensor) -> Tensor:
        """(rows,) chances, up to a factor."""
        return self.ratio[codes + self.offsets].sum(1)

    def draw(self, size: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
        """Row numbers, and of each row the column that it was drawn for."""
        aim = torch.rand(size, generator=random) * self.cumulated[-1]
        rows = torch.searchsorted(self.cumulated, aim).clamp(max=len(self.codes) - 1)
        share = self.ratio[self.codes[rows] + self.offsets].cumsum(1)
        aim = torch.rand(size, 1, generator=random) * share[:, -1:]
        return rows, torch.searchsorted(share, aim)[:, 0].clamp(max=share.shape[1] - 1)
