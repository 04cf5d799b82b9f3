"""Refinement of a generator against a critic: PacGAN (Lin et al. 2018) with WGAN-GP (Gulrajani et al. 2017).

The critic sees packs of rows as one-hot codes, with the position of each code beside them where
neighbouring codes mean neighbouring values. The generator is refined by straight-through Gumbel samples
(Jang et al. 2017), while likelihood keeps it from drifting; its running mean is what remains.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from synthohive_py.models.network import AutoregressiveNetwork, Noise
from synthohive_py.models.processor import quick_linear
from synthohive_py.models.training import Rows, validation_loss
from synthohive_py.rng import Seed

__all__ = ["PENALTY", "Critic", "CriticOptions", "refine"]

PENALTY = 10.0  # weight of the gradient penalty
SLOPE = 0.2  # of the leaky ReLU
ROW_UNITS = 128
WIDE_ROW = 2000  # codes; of wider rows a step takes fewer, so that its work does not grow
LEAST_ROWS = 100
JUDGED_ROWS = 4000
LIKELIHOOD_SLACK = 1e-3  # the refined generator may be worse by this share of the loss, no more

Condition = Callable[[Tensor], Tensor]
Centres = Sequence[npt.NDArray[np.float64] | None]


@dataclass(frozen=True)
class CriticOptions:
    """How to refine.

    Attributes:
        steps: Steps of the generator.
        warm_up: Steps of the critic alone, before them.
        batch_size: Rows per step, fewer where they are wide; a multiple of `pac`.
        pac: Rows that the critic judges together.
        weight: Weight of the critic's opinion beside the likelihood, per pack.
        generator_rate: Step size of the generator.
        critic_rate: Step size of the critic.
        decay: Share that a step adds to the running mean of the weights.
        dropout: The share of units that are dropped.
    """

    steps: int
    warm_up: int = 50
    batch_size: int = 500
    pac: int = 10
    weight: float = 0.1
    generator_rate: float = 1e-4
    critic_rate: float = 4e-4
    decay: float = 0.02
    dropout: float = 0.1


class Critic(nn.Module):
    """One layer for each row, then two over the pack of rows.

    Args:
        width: Numbers per row.
        pac: Rows per pack.
        generator: Draws the initial weights.
        noise: Dropout.
    """

    def __init__(self, width: int, pac: int, generator: torch.Generator, noise: Noise) -> None:
        super().__init__()
        self.pac, self.noise = pac, noise
        sizes = [(width, ROW_UNITS), (ROW_UNITS * pac, 256), (256, 256), (256, 1)]
        self.weights = nn.ParameterList(
            nn.Parameter(torch.empty(out, inp).uniform_(-(inp**-0.5), inp**-0.5, generator=generator))
            for inp, out in sizes
        )
        self.biases = nn.ParameterList(nn.Parameter(torch.zeros(out)) for _, out in sizes)

    def forward(self, rows: Tensor) -> Tensor:
        """(packs, 1) scores of (rows, width) rows; higher means more real."""
        row, *layers, last = list(zip(self.weights, self.biases, strict=True))
        x = F.leaky_relu(quick_linear(rows, *row), SLOPE).reshape(len(rows) // self.pac, -1)
        for weight, bias in layers:
            x = self.noise.drop(F.leaky_relu(F.linear(x, weight, bias), SLOPE))
        return F.linear(x, *last)

    def penalty(self, real: Tensor, fake: Tensor, generator: torch.Generator) -> Tensor:
        """How far the gradient's norm is from 1 between real and fake packs."""
        packs = len(real) // self.pac
        mix = torch.empty(packs, 1, 1).uniform_(generator=generator)
        mix = mix.expand(packs, self.pac, 1).reshape(-1, 1)
        between = (mix * real + (1 - mix) * fake).requires_grad_()
        (gradient,) = torch.autograd.grad(self(between).sum(), between, create_graph=True)
        return ((gradient.view(packs, -1).norm(2, 1) - 1) ** 2).mean()


def refine(
    network: AutoregressiveNetwork,
    training: Rows,
    held_out: Rows,
    centres: Centres | None,
    options: CriticOptions,
    *,
    condition: Condition,
    seed: Seed,
    deadline: float | None = None,
) -> dict[str, float | bool]:
    """Refine a fitted conditional network against a critic; it stays as it was if the critic does not win.

    The refined weights are kept if, on held-out rows, the critic tells them less well from real rows than
    the weights before, and their likelihood is no worse.

    Args:
        network: Changed in place.
        training: Real rows.
        held_out: Real rows to judge by.
        centres: Per column the positions of its codes, or None.
        options: See there.
        condition: Draws the condition codes of a batch.
        seed: Everything random derives from it.
        deadline: When to end, by the monotonic clock, even if there are steps left.

    Returns:
        What was measured: `kept`, the critic's `gap` and the `loss` before and after.
    """
    game = _Game(network, training, centres, options, condition=condition, seed=seed)
    mean = copy.deepcopy(network)
    for step in range(options.warm_up + options.steps):
        game.teach_critic()
        if step >= options.warm_up:
            game.teach_generator()
            with torch.no_grad():
                torch._foreach_lerp_(list(mean.parameters()), list(network.parameters()), options.decay)
        if deadline is not None and time.monotonic() >= deadline:
            break
    before, after = game.start, mean
    judged = held_out.take(torch.arange(min(len(held_out), JUDGED_ROWS)))
    losses = [validation_loss(n, held_out) for n in (before, after)]
    gaps = [game.gap(n, judged) for n in (before, after)]
    kept = abs(gaps[1]) < abs(gaps[0]) and losses[1] <= losses[0] * (1 + LIKELIHOOD_SLACK)
    network.load_state_dict((after if kept else before).state_dict())
    return {
        "kept": kept,
        "gap_before": gaps[0],
        "gap_after": gaps[1],
        "loss_before": losses[0],
        "loss_after": losses[1],
    }


class _Game:
    """Generator, critic and their optimisers."""

    def __init__(
        self,
        network: AutoregressiveNetwork,
        training: Rows,
        centres: Centres | None,
        options: CriticOptions,
        *,
        condition: Condition,
        seed: Seed,
    ) -> None:
        self.network, self.training, self.options, self.condition = network, training, options, condition
        self.start = copy.deepcopy(network)
        self.random = seed.child("game").torch()
        self.seed = seed
        self.positions = _positions(network.cardinalities, centres)
        width = sum(network.cardinalities) + self.positions.shape[1]
        noise = Noise(options.dropout, self.random)
        self.noise = noise
        self.critic = Critic(width, options.pac, seed.child("critic").torch(), noise)
        self.critic_optimizer = torch.optim.Adam(
            self.critic.parameters(), lr=options.critic_rate, betas=(0.5, 0.9)
        )
        self.generator_optimizer = torch.optim.Adam(
            network.parameters(), lr=options.generator_rate, betas=(0.5, 0.9)
        )
        rows = min(options.batch_size, max(LEAST_ROWS, int(options.batch_size * WIDE_ROW / width)))
        packs = min(rows, len(training)) // options.pac
        self.batch_size = max(packs, 1) * options.pac

    def teach_critic(self) -> None:
        batch = self._batch()
        real = self._features(self._one_hot(batch.codes))
        fake = self._fake(self.network, batch, self.condition(batch.codes), self.random)
        score = self.critic(torch.cat([real, fake]))
        packs = len(score) // 2
        loss = score[packs:].mean() - score[:packs].mean()
        loss = loss + PENALTY * self.critic.penalty(real, fake, self.random)
        self.critic_optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.critic_optimizer.step()

    def teach_generator(self) -> None:
        """One step against the critic and along the likelihood, on the same rows and conditions."""
        batch = self._batch()
        condition = self.condition(batch.codes)
        fake = self._features(_generate(self.network, batch.context, condition, self.random))
        opinion = -self.critic(fake).mean() * self.options.pac
        losses = self.network.losses(batch.codes, batch.context, condition, self.noise)
        loss = losses.sum() + self.options.weight * opinion
        self.generator_optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.generator_optimizer.step()

    @torch.no_grad()
    def gap(self, network: AutoregressiveNetwork, rows: Rows) -> float:
        """How much higher the critic rates real rows than those of a generator (a Wasserstein distance)."""
        usable = len(rows) // self.options.pac * self.options.pac
        rows = rows.take(torch.arange(usable))
        if not usable:
            return 0.0
        critic = copy.deepcopy(self.critic)
        critic.noise = Noise(0.0, self.random)
        random = self.seed.child("judge").torch()
        fake = self._fake(network, rows, network.unconditioned(usable), random)
        real = self._features(self._one_hot(rows.codes))
        return float(critic(real).mean() - critic(fake).mean())

    def _batch(self) -> Rows:
        return self.training.take(
            torch.randint(len(self.training), (self.batch_size,), generator=self.random)
        )

    def _fake(
        self, network: AutoregressiveNetwork, rows: Rows, condition: Tensor | None, random: torch.Generator
    ) -> Tensor:
        return self._features(self._one_hot(_draw(network, rows.context, condition, random)))

    def _features(self, one_hot: Tensor) -> Tensor:
        return torch.cat([one_hot, one_hot @ self.positions], 1)

    def _one_hot(self, codes: Tensor) -> Tensor:
        return torch.cat([F.one_hot(codes[:, j], k) for j, k in enumerate(self.network.cardinalities)], 1).to(
            self.positions.dtype
        )


def _generate(
    network: AutoregressiveNetwork, context: Tensor, condition: Tensor, random: torch.Generator
) -> Tensor:
    """One-hot rows that pass gradients on to the logits they were drawn from."""
    nothing = torch.empty(len(context), 0, dtype=torch.int64)
    x = network.inputs(nothing, context, condition)
    columns = []
    for j, block in enumerate(network.blocks()):
        logits = network.column_logits(j, block, x)
        uniform = torch.empty_like(logits).uniform_(1e-10, 1.0, generator=random)
        soft = torch.softmax(logits - torch.log(-torch.log(uniform) + 1e-10), 1)
        hard = torch.zeros_like(soft).scatter_(1, soft.max(1, keepdim=True).indices, 1.0)
        columns.append(hard - soft.detach() + soft)
        x = torch.cat([x, columns[-1] @ network.column_embedding(j)], 1)
    return torch.cat(columns, 1)


@torch.no_grad()
def _draw(
    network: AutoregressiveNetwork, context: Tensor, condition: Tensor | None, random: torch.Generator
) -> Tensor:
    """(rows, columns) codes, by inverse CDF: less work than samples with a way back."""
    codes = torch.empty(len(context), 0, dtype=torch.int64)
    x = network.inputs(codes, context, condition)
    for j, block in enumerate(network.blocks()):
        sums = torch.softmax(network.column_logits(j, block, x), 1).cumsum_(1)
        aim = torch.empty(len(context), 1).uniform_(generator=random)
        drawn = torch.searchsorted(sums, aim, right=True).clamp_(max=network.cardinalities[j] - 1)
        codes = torch.cat([codes, drawn], 1)
        x = torch.cat([x, network.column_embedding(j)[drawn[:, 0]]], 1)
    return codes


def _positions(cardinalities: Sequence[int], centres: Centres | None) -> Tensor:
    """(all codes, ordered columns): takes one-hot rows to the positions of their codes."""
    ordered = [j for j, centre in enumerate(centres or ()) if centre is not None]
    out = torch.zeros(sum(cardinalities), len(ordered))
    offsets = np.concatenate([[0], np.cumsum(cardinalities)])
    for i, j in enumerate(ordered):
        centre = (centres or ())[j]
        out[offsets[j] : offsets[j + 1], i] = torch.as_tensor(np.asarray(centre), dtype=out.dtype)
    return out
