"""A table as a chain of conditional distributions, one column after the other."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from synthohive_py.models.base import (
    Codes,
    EpochReport,
    FitReport,
    check_range,
    masks_of,
    register_model,
)
from synthohive_py.models.calibration import calibrate
from synthohive_py.models.drawing import SHRINK
from synthohive_py.models.network import AutoregressiveNetwork
from synthohive_py.models.neural import NeuralModel
from synthohive_py.models.prior import FEW_ROWS, learn_copula
from synthohive_py.models.private import PrivateModel, PrivateSteps, noisy_marginals, train_privately
from synthohive_py.models.processor import processor_settings
from synthohive_py.models.sampler import BATCH_ROWS, Sampler, SamplingWeights
from synthohive_py.models.training import (
    Condition,
    LikelihoodOptions,
    Rows,
    Trained,
    context_tensor,
    train,
    validation_loss,
)
from synthohive_py.rng import Seed

__all__ = ["Autoregressive", "AutoregressiveOptions"]

LIKELIHOOD_ROWS = 4096
WIDE = 64  # codes per column; tables with more on average need more hidden units
MOST_UNITS = 1280  # of all columns together
LEAST_HIDDEN = 6  # units per column
MANY_ROWS = 20_000  # that depend on a context and are not learned by heart with half the dropout


@dataclass(frozen=True)
class AutoregressiveOptions:
    """Options of `Autoregressive`.

    Attributes:
        hidden: Hidden units per column; 0 for 24 where rows depend on a context, else 32, or 64 where the
            columns have many codes; fewer where there are many columns.
        epochs: The most passes over the training rows.
        max_steps: The most batches, however large the table.
        batch_size: Rows per batch.
        learning_rate: The largest step size.
        weight_decay: Of AdamW.
        dropout: The share of hidden units that are dropped while training; half of it where at least 20,000
            rows depend on a context.
        patience: Looks at held-out rows without progress after which training ends.
        validation_share: The share of rows that are held out.

    Raises:
        SettingError: A value is out of range.
    """

    hidden: int = 0
    epochs: int = 40
    max_steps: int = 5000
    batch_size: int = 512
    learning_rate: float = 3e-3
    weight_decay: float = 1e-4
    dropout: float = 0.2
    patience: int = 4
    validation_share: float = 0.1

    def __post_init__(self) -> None:
        check_range("hidden", self.hidden, least=0)
        check_range("weight_decay", self.weight_decay, least=0)
        for name in ("epochs", "max_steps", "batch_size", "patience"):
            check_range(name, getattr(self, name), least=1)
        check_range("learning_rate", self.learning_rate, least=1e-7, most=1)
        check_range("dropout", self.dropout, least=0, most=0.9)
        check_range("validation_share", self.validation_share, least=0.01, most=0.5)


@register_model
class Autoregressive(NeuralModel[AutoregressiveNetwork], PrivateModel):
    """Each column's codes by a network that sees the context and the columns before it.

    The network is a masked one (MADE; Germain et al. 2015) on embedded codes; it is fitted by likelihood
    and sampled exactly, column by column. See `AutoregressiveOptions` for its options.
    """

    name: ClassVar[str] = "autoregressive"
    Options: ClassVar[type[Any]] = AutoregressiveOptions
    conditional: ClassVar[bool] = False

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._sampling: SamplingWeights | None = None  # made by the first draw

    # ------------------------------------------------------------ learning

    def shift(self, logits: Sequence[npt.NDArray[np.float64]]) -> None:
        super().shift(logits)
        self._sampling = None

    def _make_network(self, generator: torch.Generator) -> AutoregressiveNetwork:
        self._sampling = None
        return AutoregressiveNetwork(
            self.cardinalities,
            self.context_cardinalities,
            hidden=self._hidden(),
            conditional=self.conditional,
            generator=generator,
        )

    def _hidden(self) -> int:
        if self.options.hidden:
            return int(self.options.hidden)
        columns = len(self.cardinalities)
        wanted = 64 if sum(self.cardinalities) > WIDE * columns else 32
        if self.context_cardinalities:
            wanted = 24  # a wide context is easily learned by heart
        # Every unit sees all columns before its own: with as many units per column, work would grow with
        # the square of the columns.
        return max(min(wanted, MOST_UNITS // max(columns, 1)), LEAST_HIDDEN)

    def _start_from(self, codes: Tensor, marginals: Sequence[Tensor]) -> None:  # noqa: ARG002
        self._fitted().start_from_marginals(marginals)

    def _learn(
        self,
        training: Rows,
        held_out: Rows,
        centres: Sequence[npt.NDArray[np.float64] | None] | None,
        *,
        seed: Seed,
        progress: Callable[[EpochReport], None] | None,
        max_seconds: float | None,
    ) -> Trained:
        return self._train(training, held_out, centres, seed=seed, progress=progress, max_seconds=max_seconds)

    def _train(
        self,
        training: Rows,
        held_out: Rows,
        centres: Sequence[npt.NDArray[np.float64] | None] | None,
        *,
        seed: Seed,
        condition: Condition | None = None,
        progress: Callable[[EpochReport], None] | None,
        max_seconds: float | None,
    ) -> Trained:
        """By likelihood: few rows first by their copula."""
        started, options = time.monotonic(), self._likelihood_options(len(training))
        if len(training) < FEW_ROWS:
            learn_copula(
                self._fitted(),
                training,
                held_out,
                centres,
                options,
                context_cardinalities=self.context_cardinalities,
                seed=seed.child("copula"),
                condition=condition,
                max_seconds=None if max_seconds is None else max_seconds / 2,
            )
        spent = time.monotonic() - started
        return train(
            self._fitted(),
            training,
            held_out,
            options,
            seed=seed.child("likelihood"),
            condition=condition,
            progress=progress,
            max_seconds=None if max_seconds is None else max(max_seconds - spent, 0.0),
        )

    def _biases(self) -> Sequence[Tensor]:
        return list(self._fitted().head_biases)

    def _settle(self, trained: Trained, training: Rows, held_out: Rows) -> Trained:
        calibrate(self._fitted(), training, held_out)
        return replace(trained, validation_loss=validation_loss(self._fitted(), held_out))

    @processor_settings()
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
        """See there; of the model's options only `hidden` counts, and it is trained on the processor."""
        wall, cpu = time.monotonic(), time.process_time()
        self._build(cardinalities, context_cardinalities, seed)
        trained = Trained([], None, "no columns")
        rows = Rows(torch.as_tensor(codes, dtype=torch.int64), context_tensor(context, len(codes)))
        if self.cardinalities and len(codes):
            network, whose = self._fitted(), torch.as_tensor(entities)
            network.start_from_marginals(
                noisy_marginals(
                    rows.codes, self.cardinalities, whose, steps.marginal_noise, seed.child("marginals")
                )
            )
            trained = train_privately(
                network,
                rows,
                entities,
                steps,
                seed=seed.child("private"),
                progress=progress,
                max_seconds=max_seconds,
            )
        return FitReport(
            rows=len(codes),
            epochs=trained.history[-1].epoch if trained.history else 0,
            seconds=time.monotonic() - wall,
            cpu_seconds=time.process_time() - cpu,
            stopped_by=trained.stopped_by,
            history=[],
        )

    def _likelihood_options(self, rows: int) -> LikelihoodOptions:
        o = self.options
        eased = self.context_cardinalities and rows >= MANY_ROWS
        return LikelihoodOptions(
            epochs=o.epochs,
            max_steps=o.max_steps,
            batch_size=o.batch_size,
            learning_rate=o.learning_rate,
            weight_decay=o.weight_decay,
            dropout=o.dropout / 2 if eased else o.dropout,
            patience=o.patience,
            validation_share=o.validation_share,
        )

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
        if not columns:
            return out
        contexts = context_tensor(context, rows)
        if self._sampling is None:
            self._sampling = SamplingWeights(network)
        sampler = Sampler(network, self._sampling, columns, forbidden, rows=min(rows, BATCH_ROWS))
        # Batches have a fixed size: the last bits of a matrix product depend on its shape.
        for start in range(0, rows, BATCH_ROWS):
            part = slice(start, min(start + BATCH_ROWS, rows))
            uniforms = generator.random((columns, part.stop - start), dtype=np.float32) * SHRINK
            # The first column's are spread evenly, so that its codes come as often as they should.
            spread = generator.permuted(np.arange(part.stop - start) + uniforms[0])
            uniforms[0] = spread / (part.stop - start) * SHRINK
            fixed = None if given is None else torch.as_tensor(given[part], dtype=torch.int64)
            out[part] = sampler.draw(torch.from_numpy(uniforms), contexts[part], fixed).numpy()
        return out

    @processor_settings()
    @torch.inference_mode()
    def log_prob(self, codes: Codes, *, context: Codes | None = None) -> npt.NDArray[np.float64]:
        network = self._fitted()
        contexts = context_tensor(context, len(codes))
        out = np.zeros(len(codes))
        for start in range(0, len(codes) if network.cardinalities else 0, LIKELIHOOD_ROWS):
            part = slice(start, start + LIKELIHOOD_ROWS)
            batch = torch.as_tensor(codes[part], dtype=torch.int64)
            logits = network(batch, contexts[part], network.unconditioned(len(batch)))
            for j, column in enumerate(logits):
                out[part] += torch.log_softmax(column, 1).gather(1, batch[:, j : j + 1])[:, 0].numpy()
        return out
