"""A table as a chain of conditional distributions, one column after the other."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from synthohive_py.errors import GenerationError
from synthohive_py.models.base import (
    Codes,
    EpochReport,
    FitReport,
    TableModel,
    check_range,
    masks_of,
    register_model,
)
from synthohive_py.models.network import AutoregressiveNetwork
from synthohive_py.models.processor import processor_settings
from synthohive_py.models.sampler import BATCH_ROWS, SHRINK, Sampler
from synthohive_py.models.training import LikelihoodOptions, Rows, Trained, context_tensor, split_rows, train
from synthohive_py.rng import Seed

__all__ = ["Autoregressive", "AutoregressiveOptions"]

LIKELIHOOD_ROWS = 4096
WIDE = 64  # codes per column; tables with more on average need more hidden units
MOST_UNITS = 1280  # of all columns together
LEAST_HIDDEN = 6  # units per column


@dataclass(frozen=True)
class AutoregressiveOptions:
    """Options of `Autoregressive`.

    Attributes:
        hidden: Hidden units per column; 0 for 32, or 48 where rows depend on a context, or 64 where the
            columns have many codes; fewer where there are many columns.
        epochs: The most passes over the training rows.
        max_steps: The most batches, however large the table.
        batch_size: Rows per batch.
        learning_rate: The largest step size.
        weight_decay: Of AdamW.
        dropout: The share of hidden units that are dropped while training.
        patience: Epochs without progress on held-out rows after which training ends.
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
class Autoregressive(TableModel):
    """Each column's codes by a network that sees the context and the columns before it.

    The network is a masked one (MADE; Germain et al. 2015) on embedded codes; it is fitted by likelihood
    and sampled exactly, column by column. See `AutoregressiveOptions` for its options.
    """

    name: ClassVar[str] = "autoregressive"
    Options: ClassVar[type[Any]] = AutoregressiveOptions
    accelerated: ClassVar[bool] = True
    conditional: ClassVar[bool] = False

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.network: AutoregressiveNetwork | None = None
        self.context_cardinalities: tuple[int, ...] = ()

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
        centres: Sequence[npt.NDArray[np.float64] | None] | None = None,
        seed: Seed,
        progress: Callable[[EpochReport], None] | None = None,
        max_seconds: float | None = None,
    ) -> FitReport:
        wall, cpu = time.monotonic(), time.process_time()
        rows = Rows(torch.as_tensor(codes, dtype=torch.int64), context_tensor(context, len(codes)))
        self.network = self._build(cardinalities, context_cardinalities, seed)
        if not len(cardinalities):
            return FitReport(len(codes), stopped_by="no columns")
        marginals = _marginals(rows.codes, self.network.cardinalities)
        self.network.start_from_marginals(marginals)
        training, held_out = (
            rows.take(index)
            for index in split_rows(len(rows), groups, self.options.validation_share, seed.child("split"))
        )
        trained, refinement = self._learn(
            training, held_out, centres, seed=seed, progress=progress, max_seconds=max_seconds
        )
        self.network.cpu()
        return FitReport(
            rows=len(codes),
            epochs=len(trained.history),
            seconds=time.monotonic() - wall,
            cpu_seconds=time.process_time() - cpu,
            validation_loss=trained.validation_loss,
            baseline_loss=_independent_loss(held_out.codes, marginals) if len(held_out) else None,
            stopped_by=trained.stopped_by,
            history=trained.history,
            refinement=refinement,
        )

    def _build(
        self, cardinalities: Sequence[int], context_cardinalities: Sequence[int], seed: Seed
    ) -> AutoregressiveNetwork:
        self.context_cardinalities = tuple(int(k) for k in context_cardinalities)
        return AutoregressiveNetwork(
            cardinalities,
            self.context_cardinalities,
            hidden=self._hidden(cardinalities),
            conditional=self.conditional,
            generator=seed.child("weights").torch(),
        )

    def _hidden(self, cardinalities: Sequence[int]) -> int:
        if self.options.hidden:
            return int(self.options.hidden)
        wanted = 48 if self.context_cardinalities else 32
        if sum(cardinalities) > WIDE * len(cardinalities):
            wanted = 64
        # Every unit sees all columns before its own: with as many units per column, work would grow with
        # the square of the columns.
        return max(min(wanted, MOST_UNITS // max(len(cardinalities), 1)), LEAST_HIDDEN)

    def _learn(
        self,
        training: Rows,
        held_out: Rows,
        centres: Sequence[npt.NDArray[np.float64] | None] | None,  # noqa: ARG002  the critic of a subclass uses them
        *,
        seed: Seed,
        progress: Callable[[EpochReport], None] | None,
        max_seconds: float | None,
    ) -> tuple[Trained, dict[str, float | bool]]:
        trained = train(
            self._fitted(),
            training,
            held_out,
            self._likelihood_options(),
            seed=seed.child("likelihood"),
            progress=progress,
            max_seconds=max_seconds,
        )
        return trained, {}

    def _likelihood_options(self) -> LikelihoodOptions:
        o = self.options
        return LikelihoodOptions(
            epochs=o.epochs,
            max_steps=o.max_steps,
            batch_size=o.batch_size,
            learning_rate=o.learning_rate,
            weight_decay=o.weight_decay,
            dropout=o.dropout,
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
        sampler = Sampler(network, columns, forbidden)
        # Batches have a fixed size: the last bits of a matrix product depend on its shape.
        for start in range(0, rows, BATCH_ROWS):
            part = slice(start, min(start + BATCH_ROWS, rows))
            uniforms = generator.random((columns, part.stop - start), dtype=np.float32) * SHRINK
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

    def _fitted(self) -> AutoregressiveNetwork:
        if self.network is None:
            raise GenerationError("the model has learned nothing yet", remedy="call fit first")
        return self.network

    # ------------------------------------------------------------ keeping

    def state(self) -> dict[str, Any]:
        network = self._fitted()
        return {
            "options": {f: getattr(self.options, f) for f in self.options.__dataclass_fields__},
            "cardinalities": list(network.cardinalities),
            "context_cardinalities": list(self.context_cardinalities),
            "weights": {name: value.numpy().copy() for name, value in network.state_dict().items()},
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Autoregressive:
        model = cls(**state["options"])
        model.network = model._build(state["cardinalities"], state["context_cardinalities"], Seed(0))
        model.network.load_state_dict(
            {name: torch.from_numpy(np.array(value)) for name, value in state["weights"].items()}
        )
        return model


def _marginals(codes: Tensor, cardinalities: Sequence[int]) -> list[Tensor]:
    """Frequencies of each column's codes, smoothed by half a row (Jeffreys' prior)."""
    counts = [torch.bincount(codes[:, j], minlength=k) + 0.5 for j, k in enumerate(cardinalities)]
    return [count / count.sum() for count in counts]


def _independent_loss(codes: Tensor, marginals: Sequence[Tensor]) -> float:
    return float(sum(-marginal[codes[:, j]].log().mean() for j, marginal in enumerate(marginals)))
