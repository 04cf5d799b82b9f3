"""TVAE (Xu et al. 2019): a variational autoencoder of a table of codes."""

from __future__ import annotations

import logging
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

from synthohive_py.errors import GenerationError, TrainingError
from synthohive_py.models.base import (
    Codes,
    EpochReport,
    FitReport,
    TableModel,
    check_range,
    masks_of,
    register_model,
)
from synthohive_py.models.processor import processor_settings
from synthohive_py.models.training import FINAL_RATE, MAX_DIVERGENCES, Rows, context_tensor, split_rows
from synthohive_py.rng import Seed

__all__ = ["TVAE", "TVAEOptions"]

logger = logging.getLogger(__name__)

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
class TVAE(TableModel):
    """The tabular variational autoencoder of the CTGAN paper, on codes.

    All columns are drawn from softmax heads: the codes stand for modes and categories alike. Two things
    keep the latent space in use: the divergence gains its weight in the first epochs (Bowman et al. 2016),
    and the prior is a learned mixture of Gaussians in place of one (Tomczak and Welling 2018). See
    `TVAEOptions` for its options.
    """

    name: ClassVar[str] = "tvae"
    Options: ClassVar[type[Any]] = TVAEOptions
    accelerated: ClassVar[bool] = True

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.network: _Network | None = None
        self.context_sizes: tuple[int, ...] = ()

    # ------------------------------------------------------------ learning

    @processor_settings()
    def fit(
        self,
        codes: Codes,
        cardinalities: Sequence[int],
        *,
        context: Codes | None = None,
        context_cardinalities: Sequence[int] = (),
        groups: npt.NDArray[np.int64] | None = None,
        centres: Sequence[npt.NDArray[np.float64] | None] | None = None,  # noqa: ARG002  codes are categories
        seed: Seed,
        progress: Callable[[EpochReport], None] | None = None,
        max_seconds: float | None = None,
    ) -> FitReport:
        wall, cpu = time.monotonic(), time.process_time()
        network = self._build(cardinalities, context_cardinalities, seed)
        if not len(cardinalities):
            return FitReport(len(codes), stopped_by="no columns")
        rows, above = torch.as_tensor(codes, dtype=torch.int64), context_tensor(context, len(codes))
        with torch.no_grad():
            counts = [torch.bincount(rows[:, j], minlength=k) + 0.5 for j, k in enumerate(cardinalities)]
            network.heads_bias.copy_(torch.cat([(c / c.sum()).log() for c in counts]))
        training, held_out = split_rows(
            len(codes), groups, self.options.validation_share, seed.child("split")
        )
        if not len(held_out):
            network.cpu()
            return FitReport(len(codes), seconds=time.monotonic() - wall)
        split = training, held_out
        loop = _Training(network, self.options, self.context_sizes, Rows(rows, above), split=split, seed=seed)
        stopped_by = loop.run(progress, None if max_seconds is None else wall + max_seconds)
        network.cpu()
        return FitReport(
            rows=len(codes),
            epochs=len(loop.history),
            seconds=time.monotonic() - wall,
            cpu_seconds=time.process_time() - cpu,
            stopped_by=stopped_by,
            history=loop.history,
        )

    def _build(
        self, cardinalities: Sequence[int], context_cardinalities: Sequence[int], seed: Seed
    ) -> _Network:
        self.context_sizes = tuple(map(int, context_cardinalities))
        generator = seed.child("weights").torch()
        self.network = _Network(cardinalities, self.context_sizes, self.options, generator)
        return self.network

    def _fitted(self) -> _Network:
        if self.network is None:
            raise GenerationError("the model has learned nothing yet", remedy="call fit first")
        return self.network

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
            fixed = None if given is None else torch.as_tensor(given[part], dtype=torch.int64)
            latent = self._latents(part.stop - start, above[part], fixed, generator)
            logits = network.decode(latent, above[part], self.context_sizes)[:columns]
            uniforms = torch.from_numpy(generator.random((columns, part.stop - start), dtype=np.float32))
            for j, column in enumerate(logits):
                if j in forbidden:
                    column.masked_fill_(forbidden[j], -torch.inf)
                sums = torch.softmax(column, 1).cumsum(1)
                aim = (uniforms[j] * (1 - 2**-22) * sums[:, -1])[:, None]
                drawn = torch.searchsorted(sums, aim, right=True)[:, 0]
                if fixed is not None:
                    drawn = torch.where(fixed[:, j] >= 0, fixed[:, j], drawn)
                out[part, j] = drawn.numpy()
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
        logits = network.decode(latent, context.repeat_interleave(several, 0), self.context_sizes)
        score = torch.zeros(len(latent))
        for j, column in enumerate(logits):
            likelihood = torch.log_softmax(column, 1).gather(1, repeated[:, j : j + 1].clamp(min=0))[:, 0]
            score += torch.where(repeated[:, j] >= 0, likelihood, 0.0)
        sums = torch.softmax(score.view(rows, several), 1).cumsum(1)
        aim = torch.from_numpy(generator.random((rows, 1), dtype=np.float32)) * sums[:, -1:]
        picked = torch.searchsorted(sums, aim, right=True)[:, 0].clamp(max=several - 1)
        return latent.view(rows, several, -1)[torch.arange(rows), picked]

    # ------------------------------------------------------------ keeping

    def state(self) -> dict[str, Any]:
        network = self._fitted()
        return {
            "options": {f: getattr(self.options, f) for f in self.options.__dataclass_fields__},
            "cardinalities": list(network.cardinalities),
            "context_cardinalities": list(self.context_sizes),
            "weights": {name: value.numpy().copy() for name, value in network.state_dict().items()},
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> TVAE:
        model = cls(**state["options"])
        network = model._build(state["cardinalities"], state["context_cardinalities"], Seed(0))
        network.load_state_dict({n: torch.from_numpy(np.array(v)) for n, v in state["weights"].items()})
        return model


class _Training:
    """Epochs of Adam on the evidence lower bound; the best weights on held-out rows are kept."""

    def __init__(
        self,
        network: _Network,
        options: TVAEOptions,
        context_sizes: Sequence[int],
        rows: Rows,
        *,
        split: tuple[Tensor, Tensor],
        seed: Seed,
    ) -> None:
        self.network, self.options, self.sizes = network, options, context_sizes
        self.codes, self.context = rows.codes, rows.context
        self.training, self.held_out = split
        self.random = seed.child("training").torch()
        self.seed = seed
        self.history: list[EpochReport] = []
        self.caution = 1.0  # the learning rate's factor: less after a divergence
        self.optimizer = torch.optim.Adam(
            self.network.parameters(), lr=self.options.learning_rate, weight_decay=self.options.weight_decay
        )

    def run(self, progress: Callable[[EpochReport], None] | None, deadline: float | None) -> str:
        """Train; returns why it ended."""
        best, kept, bad, divergences = math.inf, self._copy(), 0, 0
        while len(self.history) < self.options.epochs:
            loss, is_late = self._epoch(deadline)
            score = self._score() if math.isfinite(loss) else math.inf
            if not math.isfinite(score):
                divergences += 1
                if divergences > MAX_DIVERGENCES:
                    raise TrainingError("training diverged", remedy="lower the model option learning_rate")
                logger.warning("training diverged; starting again from the best weights")
                self.network.load_state_dict(kept)
                self.optimizer.state.clear()
                self.caution *= 0.2
                continue
            rate = self.optimizer.param_groups[0]["lr"]
            self.history.append(EpochReport(len(self.history) + 1, loss, score, rate))
            if progress:
                progress(self.history[-1])
            # While the divergence weighs little the loss grows with it: that is no want of progress.
            bad = 0 if score < best or len(self.history) <= self._warm_up else bad + 1
            if score < best:
                best, kept = score, self._copy()
            if bad >= self.options.patience or is_late:
                self.network.load_state_dict(kept)
                return "time" if is_late else "patience"
        self.network.load_state_dict(kept)
        return "schedule"

    @property
    def _warm_up(self) -> float:
        """Epochs in which the divergence gains its weight, so that the latent space comes into use."""
        return max(1.0, WARM_UP_SHARE * self.options.epochs)

    def _epoch(self, deadline: float | None) -> tuple[float, bool]:
        size = int(min(self.options.batch_size, max(16, len(self.training) // 20)))
        order = self.training[torch.randperm(len(self.training), generator=self.random)]
        done = len(self.history) / self.options.epochs
        weight = min(1.0, (len(self.history) + 1) / self._warm_up)
        rate = self.options.learning_rate * (0.5 + 0.5 * math.cos(math.pi * done))
        for group in self.optimizer.param_groups:
            group["lr"] = max(rate, FINAL_RATE * self.options.learning_rate) * self.caution
        total, steps = 0.0, 0
        for batch in torch.split(order, size):
            loss = self._loss(batch, self.random, weight)
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
            self.optimizer.step()
            total, steps = total + float(loss.detach()), steps + 1
            if deadline is not None and time.monotonic() >= deadline:
                return total / steps, True
        return total / steps, False

    def _loss(self, batch: Tensor, random: torch.Generator, divergence_weight: float = 1.0) -> Tensor:
        codes, context = self.codes[batch], self.context[batch]
        mean, log_variance = self.network.encode(codes, context, self.sizes)
        noise = torch.empty_like(mean).normal_(generator=random)
        latent = mean + noise * (log_variance / 2).exp()
        logits = self.network.decode(latent, context, self.sizes)
        errors = torch.stack([F.cross_entropy(out, codes[:, j]) for j, out in enumerate(logits)]).sum()
        # Of a mixture it has no closed form: one point of the posterior stands for it.
        density = -(noise**2 + log_variance).sum(1) / 2
        divergence = (density - self.network.prior(latent)).mean()
        return self.options.loss_factor * errors + divergence_weight * divergence

    @torch.no_grad()
    def _score(self) -> float:
        """The loss of held-out rows, with the same noise every time."""
        random = self.seed.child("judge").torch()
        parts = torch.split(self.held_out, BATCH_ROWS)
        return sum(float(self._loss(p, random)) * len(p) for p in parts) / len(self.held_out)

    def _copy(self) -> dict[str, Tensor]:
        return {name: value.clone() for name, value in self.network.state_dict().items()}
