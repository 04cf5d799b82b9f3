"""TVAE (Xu et al. 2019): a variational autoencoder of a table of codes."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from synthohive_py.models.base import Codes, EpochReport, check_range, masks_of, register_model
from synthohive_py.models.drawing import SHRINK, draw_codes
from synthohive_py.models.epochs import EpochLoop
from synthohive_py.models.neural import NeuralModel
from synthohive_py.models.processor import processor_settings
from synthohive_py.models.training import FINAL_RATE, Rows, Trained, context_tensor
from synthohive_py.rng import Seed

__all__ = ["TVAE", "TVAEOptions"]

BATCH_ROWS = 4096
WARM_UP_SHARE = 0.2  # of the epochs
LATENTS_PER_GIVEN_ROW = 32  # of which the one that explains the given codes best is likely taken


@dataclass(frozen=True)
class TVAEOptions:
    """Options of `TVAE`.

    Attributes:
        latent: Dimensions of the latent space.
        components: Gaussians that the prior is a mixture of.
        hidden: Units of each of the two hidden layers, of the encoder and of the decoder.
        epochs: The most passes over the training rows.
        batch_size: Rows per batch; fewer in small tables.
        learning_rate: Step size of Adam.
        weight_decay: Of Adam.
        loss_factor: Weight of the reconstruction beside the divergence from the prior.
        patience: Epochs without progress on held-out rows after which training ends.
        validation_share: The share of rows that are held out.

    Raises:
        SettingError: A value is out of range.
    """

    latent: int = 32
    components: int = 256
    hidden: int = 256
    epochs: int = 40
    batch_size: int = 512
    learning_rate: float = 4e-3
    weight_decay: float = 1e-5
    loss_factor: float = 4.0
    patience: int = 12
    validation_share: float = 0.1

    def __post_init__(self) -> None:
        for name in ("latent", "components", "hidden", "epochs", "batch_size", "patience"):
            check_range(name, getattr(self, name), least=1)
        check_range("learning_rate", self.learning_rate, least=1e-7, most=1)
        check_range("weight_decay", self.weight_decay, least=0)
        check_range("loss_factor", self.loss_factor, least=0.01, most=100)
        check_range("validation_share", self.validation_share, least=0.01, most=0.5)


class _Network(nn.Module):
    """Encoder and decoder. One-hot inputs are sums of embeddings: wide tables cost no wide products."""

    def __init__(
        self,
        cardinalities: Sequence[int],
        context_cardinalities: Sequence[int],
        options: TVAEOptions,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.cardinalities = tuple(map(int, cardinalities))
        self.latent = options.latent
        hidden, codes, above = options.hidden, sum(self.cardinalities), sum(context_cardinalities)

        def weight(*shape: int) -> nn.Parameter:
            bound = math.sqrt(1 / shape[-1])
            return nn.Parameter(torch.empty(shape).uniform_(-bound, bound, generator=generator))

        self.seen = nn.Parameter(torch.empty(codes + above, hidden).normal_(0, 0.3, generator=generator))
        self.above = nn.Parameter(torch.empty(above, hidden).normal_(0, 0.3, generator=generator))
        self.encoder = weight(hidden, hidden)
        self.encoder_bias = nn.Parameter(torch.zeros(2, hidden))
        self.moments = weight(2 * options.latent, hidden)
        self.moments_bias = nn.Parameter(torch.zeros(2 * options.latent))
        self.decoder_in = weight(hidden, options.latent)
        self.decoder = weight(hidden, hidden)
        self.decoder_bias = nn.Parameter(torch.zeros(2, hidden))
        self.heads = nn.Parameter(torch.empty(codes, hidden).normal_(0, 0.1, generator=generator))
        self.heads_bias = nn.Parameter(torch.zeros(codes))
        self.centres = nn.Parameter(
            torch.empty(options.components, options.latent).normal_(generator=generator)
        )
        self.scales = nn.Parameter(torch.zeros(options.components, options.latent))  # logarithms
        self.shares = nn.Parameter(torch.zeros(options.components))

    def _offsets(self, sizes: Sequence[int]) -> Tensor:
        return torch.tensor([0, *sizes])[:-1].cumsum(0)

    def encode(self, codes: Tensor, context: Tensor, context_sizes: Sequence[int]) -> tuple[Tensor, Tensor]:
        """(rows, latent) means and log variances."""
        sizes = (*self.cardinalities, *context_sizes)
        rows = torch.cat([codes, context], 1) + self._offsets(sizes)
        x = F.relu(F.embedding_bag(rows, self.seen, mode="sum") + self.encoder_bias[0])
        x = F.relu(F.linear(x, self.encoder, self.encoder_bias[1]))
        mean, log_variance = F.linear(x, self.moments, self.moments_bias).chunk(2, 1)
        return mean, log_variance.clamp(-8, 4)

    def prior(self, latent: Tensor) -> Tensor:
        """(rows,) log density of each point under the mixture, up to the constant of a Gaussian."""
        precision = torch.exp(-2 * self.scales)
        # The square of a difference, multiplied out: no (rows, components, latent) array.
        distance = (
            latent**2 @ precision.T
            - 2 * latent @ (self.centres * precision).T
            + (self.centres**2 * precision).sum(1)
        )
        return torch.logsumexp(torch.log_softmax(self.shares, 0) - self.scales.sum(1) - distance / 2, 1)

    def decode(self, latent: Tensor, context: Tensor, context_sizes: Sequence[int]) -> list[Tensor]:
        """Logits of each column."""
        x = F.linear(latent, self.decoder_in, self.decoder_bias[0])
        if len(context_sizes):
            x = x + F.embedding_bag(context + self._offsets(context_sizes), self.above, mode="sum")
        x = F.relu(F.linear(F.relu(x), self.decoder, self.decoder_bias[1]))
        return list(torch.split(F.linear(x, self.heads, self.heads_bias), list(self.cardinalities), 1))


@register_model
class TVAE(NeuralModel[_Network]):
    """The tabular variational autoencoder of the CTGAN paper, on codes.

    All columns are drawn from softmax heads: the codes stand for modes and categories alike. Two things
    keep the latent space in use: the divergence gains its weight in the first epochs (Bowman et al. 2016),
    and the prior is a learned mixture of Gaussians in place of one (Tomczak and Welling 2018). See
    `TVAEOptions` for its options.
    """

    name: ClassVar[str] = "tvae"
    Options: ClassVar[type[Any]] = TVAEOptions

    # ------------------------------------------------------------ learning

    def _make_network(self, generator: torch.Generator) -> _Network:
        return _Network(self.cardinalities, self.context_cardinalities, self.options, generator)

    def _start_from(self, codes: Tensor, marginals: Sequence[Tensor]) -> None:  # noqa: ARG002
        with torch.no_grad():
            self._fitted().heads_bias.copy_(torch.cat(list(marginals)).log())

    def _learn(
        self,
        training: Rows,
        held_out: Rows,
        centres: Sequence[npt.NDArray[np.float64] | None] | None,  # noqa: ARG002  codes are categories
        *,
        seed: Seed,
        progress: Callable[[EpochReport], None] | None,
        max_seconds: float | None,
    ) -> Trained:
        loop = _Training(
            self._fitted(), training, held_out, self.options, self.context_cardinalities, seed=seed
        )
        return loop.run(progress, None if max_seconds is None else time.monotonic() + max_seconds)

    def _biases(self) -> Sequence[Tensor]:
        return torch.split(self._fitted().heads_bias, list(self.cardinalities))

    # ------------------------------------------------------------ generating

    @processor_settings()
    @torch.inference_mode()
    def sample(
        self,
        rows: int,
        *,
        context: Codes | None = None,
        given: Codes | None = None,
        allowed: Mapping[int, npt.NDArray[np.bool_]] | None = None,
        columns: int | None = None,
        generator: np.random.Generator,
    ) -> Codes:
        network = self._fitted()
        columns = len(network.cardinalities) if columns is None else columns
        forbidden = {j: ~torch.as_tensor(mask) for j, mask in masks_of(allowed, columns, rows).items()}
        out = np.empty((rows, columns), np.int32)
        above = context_tensor(context, rows)
        step = BATCH_ROWS if given is None else BATCH_ROWS // LATENTS_PER_GIVEN_ROW
        for start in range(0, rows if columns else 0, step):
            part = slice(start, min(start + step, rows))
            size = part.stop - start
            fixed = None if given is None else torch.as_tensor(given[part], dtype=torch.int64)
            latent = self._latents(size, above[part], fixed, generator)
            logits = network.decode(latent, above[part], self.context_cardinalities)[:columns]
            uniforms = torch.from_numpy(generator.random((columns, size), dtype=np.float32) * SHRINK)
            kept = torch.full((size, columns), -1) if fixed is None else fixed
            for j, column in enumerate(logits):
                out[part, j] = draw_codes(column, uniforms[j], kept[:, j], forbidden.get(j)).numpy()
        return out

    def _latents(
        self, rows: int, context: Tensor, given: Tensor | None, generator: np.random.Generator
    ) -> Tensor:
        """Points of the latent space: from the prior, or by how well they explain the given codes."""
        network = self._fitted()
        several = 1 if given is None else LATENTS_PER_GIVEN_ROW
        noise = generator.standard_normal((rows * several, network.latent), dtype=np.float32)
        shares = torch.softmax(network.shares, 0).cumsum(0)
        aim = torch.from_numpy(generator.random(len(noise), dtype=np.float32)) * shares[-1]
        picked = torch.searchsorted(shares, aim, right=True).clamp(max=len(shares) - 1)
        latent = network.centres[picked] + torch.from_numpy(noise) * network.scales[picked].exp()
        if given is None:
            return latent
        repeated = given.repeat_interleave(several, 0)
        logits = network.decode(latent, context.repeat_interleave(several, 0), self.context_cardinalities)
        score = torch.zeros(len(latent))
        for j, column in enumerate(logits):
            likelihood = torch.log_softmax(column, 1).gather(1, repeated[:, j : j + 1].clamp(min=0))[:, 0]
            score += torch.where(repeated[:, j] >= 0, likelihood, 0.0)
        sums = torch.softmax(score.view(rows, several), 1).cumsum(1)
        aim = torch.from_numpy(generator.random((rows, 1), dtype=np.float32)) * sums[:, -1:]
        picked = torch.searchsorted(sums, aim, right=True)[:, 0].clamp(max=several - 1)
        return latent.view(rows, several, -1)[torch.arange(rows), picked]


class _Training(EpochLoop):
    """Epochs of Adam on the evidence lower bound."""

    def __init__(
        self,
        network: _Network,
        training: Rows,
        held_out: Rows,
        options: TVAEOptions,
        context_sizes: Sequence[int],
        *,
        seed: Seed,
    ) -> None:
        super().__init__()
        self.network, self.options, self.sizes = network, options, context_sizes
        self.training, self.held_out = training, held_out
        self.patience = options.patience
        self.random = seed.child("training").torch()
        self.seed = seed
        self.caution = 1.0  # the learning rate's factor: less after a divergence
        self.optimizer = torch.optim.Adam(
            network.parameters(), lr=options.learning_rate, weight_decay=options.weight_decay
        )
        # In these epochs the divergence gains its weight, so that the latent space comes into use.
        self.warm_up = max(1.0, WARM_UP_SHARE * options.epochs)

    @property
    def is_over(self) -> bool:
        return len(self.history) >= self.options.epochs

    @property
    def rate(self) -> float:
        return float(self.optimizer.param_groups[0]["lr"])

    @property
    def is_warming_up(self) -> bool:
        """While the divergence weighs little the loss grows with it: that is no want of progress."""
        return len(self.history) <= self.warm_up

    def epoch(self, deadline: float | None) -> tuple[float, bool]:
        size = int(min(self.options.batch_size, max(16, len(self.training) // 20)))
        order = torch.randperm(len(self.training), generator=self.random)
        done = len(self.history) / self.options.epochs
        weight = min(1.0, (len(self.history) + 1) / self.warm_up)
        rate = self.options.learning_rate * (0.5 + 0.5 * math.cos(math.pi * done))
        for group in self.optimizer.param_groups:
            group["lr"] = max(rate, FINAL_RATE * self.options.learning_rate) * self.caution
        total, steps = 0.0, 0
        for batch in torch.split(order, size):
            loss = self._loss(self.training.take(batch), self.random, weight)
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
            self.optimizer.step()
            total, steps = total + float(loss.detach()), steps + 1
            if deadline is not None and time.monotonic() >= deadline:
                return total / steps, True
        return total / steps, False

    def _loss(self, rows: Rows, random: torch.Generator, divergence_weight: float = 1.0) -> Tensor:
        mean, log_variance = self.network.encode(rows.codes, rows.context, self.sizes)
        noise = torch.empty_like(mean).normal_(generator=random)
        latent = mean + noise * (log_variance / 2).exp()
        logits = self.network.decode(latent, rows.context, self.sizes)
        errors = torch.stack([F.cross_entropy(out, rows.codes[:, j]) for j, out in enumerate(logits)]).sum()
        # Of a mixture it has no closed form: one point of the posterior stands for it.
        density = -(noise**2 + log_variance).sum(1) / 2
        divergence = (density - self.network.prior(latent)).mean()
        return self.options.loss_factor * errors + divergence_weight * divergence

    @torch.no_grad()
    def score(self) -> float:
        """The loss of held-out rows, with the same noise every time."""
        random = self.seed.child("judge").torch()
        parts = torch.split(torch.arange(len(self.held_out)), BATCH_ROWS)
        losses = [float(self._loss(self.held_out.take(p), random)) * len(p) for p in parts]
        return sum(losses) / len(self.held_out)

    def weights(self) -> dict[str, Tensor]:
        return {name: value.clone() for name, value in self.network.state_dict().items()}

    def load(self, weights: dict[str, Tensor]) -> None:
        self.network.load_state_dict(weights)

    def go_back(self, weights: dict[str, Tensor]) -> None:
        self.load(weights)
        self.optimizer.state.clear()
        self.caution *= 0.2
