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

from synthohive_py.errors import GenerationError, SettingError
from synthohive_py.models.base import Codes, EpochReport, FitReport, TableModel, register_model
from synthohive_py.models.network import AutoregressiveNetwork
from synthohive_py.models.threads import one_thread
from synthohive_py.models.training import LikelihoodOptions, Rows, Trained, split_rows, train
from synthohive_py.rng import Seed

__all__ = ["Autoregressive", "AutoregressiveOptions", "check_range"]

BATCH_ROWS = 8192
FEW_CODES = 16  # up to here counting is faster than searching
# The largest float32 uniform, made a little smaller, so that rounding never takes a draw past the last code.
SHRINK = np.float32(1 - 2**-22)


@dataclass(frozen=True)
class AutoregressiveOptions:
    """Options of `Autoregressive`.

    Attributes:
        hidden: Hidden units per column; 0 for 32, or 48 where rows depend on a context.
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
    dropout: float = 0.1
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
    conditional: ClassVar[bool] = False

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.network: AutoregressiveNetwork | None = None
        self.context_cardinalities: tuple[int, ...] = ()

    # ------------------------------------------------------------ learning

    @one_thread()
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
        rows = Rows(torch.as_tensor(codes, dtype=torch.int64), _context_tensor(context, len(codes)))
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
            hidden=self.options.hidden or (48 if self.context_cardinalities else 32),
            conditional=self.conditional,
            generator=seed.child("weights").torch(),
        )

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

    @one_thread()
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
        forbidden = {j: ~torch.as_tensor(mask) for j, mask in (allowed or {}).items() if j < columns}
        if rows and any(bool(mask.all()) for mask in forbidden.values()):
            raise GenerationError("no code of a column is allowed", remedy="relax the condition")
        out = np.empty((rows, columns), np.int32)
        if not columns:
            return out
        contexts = _context_tensor(context, rows)
        draw = _Sampler(network, columns, forbidden)
        # Batches have a fixed size: the last bits of a matrix product depend on its shape.
        for start in range(0, rows, BATCH_ROWS):
            part = slice(start, min(start + BATCH_ROWS, rows))
            uniforms = generator.random((part.stop - start, columns), dtype=np.float32) * SHRINK
            fixed = None if given is None else torch.as_tensor(given[part], dtype=torch.int64)
            out[part] = draw(torch.from_numpy(uniforms), contexts[part], fixed).numpy()
        return out

    @one_thread()
    @torch.inference_mode()
    def log_prob(self, codes: Codes, *, context: Codes | None = None) -> npt.NDArray[np.float64]:
        network = self._fitted()
        contexts = _context_tensor(context, len(codes))
        out = np.zeros(len(codes))
        for start in range(0, len(codes) if network.cardinalities else 0, BATCH_ROWS):
            part = slice(start, start + BATCH_ROWS)
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


class _Sampler:
    """Draws rows column by column: one small matrix product and one uniform number per cell."""

    def __init__(self, network: AutoregressiveNetwork, columns: int, forbidden: Mapping[int, Tensor]) -> None:
        self.network, self.columns, self.forbidden = network, columns, forbidden
        hidden = network.hidden
        weight = network.weight.detach()
        self.weights = [
            weight[j * hidden : (j + 1) * hidden, :end].t().contiguous()
            for j, end in enumerate(network.visible[:columns])
        ]
        self.heads = [w.detach().t().contiguous() for w in network.head_weights]

    def __call__(self, uniforms: Tensor, context: Tensor, given: Tensor | None) -> Tensor:
        """(rows, columns) codes by inverse CDF."""
        network, rows = self.network, len(uniforms)
        out = torch.empty(rows, self.columns, dtype=torch.int32)
        x = torch.empty(rows, network.weight.shape[1])
        start = network.inputs(torch.empty(rows, 0, dtype=torch.int64), context, self._condition(rows, given))
        x[:, : start.shape[1]] = start
        for j in range(self.columns):
            codes = self._draw(j, x[:, : network.visible[j]], uniforms[:, j : j + 1])
            if given is not None:
                codes = torch.where(given[:, j] >= 0, given[:, j], codes)
            out[:, j] = codes
            if j + 1 < self.columns:
                x[:, network.visible[j] : network.visible[j + 1]] = network.column_embedding(j)[codes]
        return out

    def _condition(self, rows: int, given: Tensor | None) -> Tensor | None:
        free = self.network.unconditioned(rows)
        return free if free is None or given is None else torch.where(given >= 0, given, free)

    def _draw(self, column: int, visible: Tensor, uniform: Tensor) -> Tensor:
        network = self.network
        block = slice(column * network.hidden, (column + 1) * network.hidden)
        z = torch.nn.functional.silu(torch.addmm(network.bias[block], visible, self.weights[column]))
        logits = torch.addmm(network.head_biases[column], z, self.heads[column])
        if column in self.forbidden:
            logits.masked_fill_(self.forbidden[column], -torch.inf)
        cumulated = torch.cumsum(torch.softmax(logits, 1), 1)
        aim = uniform * cumulated[:, -1:]
        if cumulated.shape[1] <= FEW_CODES:
            return (cumulated <= aim).sum(1)
        return torch.searchsorted(cumulated, aim, right=True)[:, 0]


def _context_tensor(context: Codes | None, rows: int) -> Tensor:
    if context is None:
        return torch.empty(rows, 0, dtype=torch.int64)
    return torch.as_tensor(context, dtype=torch.int64)


def _marginals(codes: Tensor, cardinalities: Sequence[int]) -> list[Tensor]:
    """Frequencies of each column's codes, smoothed by half a row (Jeffreys' prior)."""
    counts = [torch.bincount(codes[:, j], minlength=k) + 0.5 for j, k in enumerate(cardinalities)]
    return [count / count.sum() for count in counts]


def _independent_loss(codes: Tensor, marginals: Sequence[Tensor]) -> float:
    return float(sum(-marginal[codes[:, j]].log().mean() for j, marginal in enumerate(marginals)))


def check_range(name: str, value: float, *, least: float, most: float | None = None) -> None:
    """Refuse an option's value that is out of range.

    Raises:
        SettingError: It is.
    """
    if value < least or (most is not None and value > most):
        bounds = f"at least {least}" if most is None else f"from {least} to {most}"
        raise SettingError(f"option {name!r} is out of range", expected=bounds, received=repr(value))
