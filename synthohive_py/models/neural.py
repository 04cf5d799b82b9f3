"""What all models made of a neural network share: the split of the rows, the report and the artefact."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from synthohive_py.errors import GenerationError
from synthohive_py.models.base import Codes, EpochReport, FitReport, TableModel
from synthohive_py.models.processor import processor_settings
from synthohive_py.models.training import Rows, Trained, context_tensor, split_rows
from synthohive_py.rng import Seed

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["NeuralModel"]

Network = TypeVar("Network", bound=nn.Module)
Centres = Sequence[npt.NDArray[np.float64] | None]


class NeuralModel(TableModel, Generic[Network]):
    """A table model that is a network and how to train it.

    Its options have a `validation_share`.
    """

    accelerated: ClassVar[bool] = True

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.network: Network | None = None
        self.cardinalities: tuple[int, ...] = ()
        self.context_cardinalities: tuple[int, ...] = ()

    @abstractmethod
    def _make_network(self, generator: torch.Generator) -> Network:
        """An untrained network for the cardinalities, its weights drawn from the generator."""

    @abstractmethod
    def _start_from(self, codes: Tensor, marginals: Sequence[Tensor]) -> None:
        """Let the network begin with the frequencies of each column's codes."""

    @abstractmethod
    def _learn(
        self,
        training: Rows,
        held_out: Rows,
        centres: Centres | None,
        *,
        seed: Seed,
        progress: Callable[[EpochReport], None] | None,
        max_seconds: float | None,
    ) -> Trained:
        """Train the network; there are held-out rows."""

    def _settle(self, trained: Trained, training: Rows, held_out: Rows) -> Trained:  # noqa: ARG002
        """What is left to do after training."""
        return trained

    @processor_settings()
    def fit(
        self,
        codes: Codes,
        cardinalities: Sequence[int],
        *,
        context: Codes | None = None,
        context_cardinalities: Sequence[int] = (),
        groups: npt.NDArray[np.int64] | None = None,
        centres: Centres | None = None,
        seed: Seed,
        progress: Callable[[EpochReport], None] | None = None,
        max_seconds: float | None = None,
    ) -> FitReport:
        wall, cpu = time.monotonic(), time.process_time()
        self._build(cardinalities, context_cardinalities, seed)
        rows = Rows(torch.as_tensor(codes, dtype=torch.int64), context_tensor(context, len(codes)))
        trained, baseline = Trained([], None, "too few rows" if self.cardinalities else "no columns"), None
        if self.cardinalities:
            marginals = _marginals(rows.codes, self.cardinalities)
            self._start_from(rows.codes, marginals)
            split = split_rows(len(rows), groups, self.options.validation_share, seed.child("split"))
            training, held_out = (rows.take(index) for index in split)
            if len(held_out):
                baseline = _independent_loss(held_out.codes, marginals)
                trained = self._learn(
                    training, held_out, centres, seed=seed, progress=progress, max_seconds=max_seconds
                )
                trained = self._settle(trained, training, held_out)
        self._fitted().cpu()
        return FitReport(
            rows=len(codes),
            epochs=trained.history[-1].epoch if trained.history else 0,
            seconds=time.monotonic() - wall,
            cpu_seconds=time.process_time() - cpu,
            validation_loss=trained.validation_loss,
            baseline_loss=baseline,
            stopped_by=trained.stopped_by,
            history=trained.history,
            refinement=trained.refinement,
        )

    @torch.no_grad()
    def shift(self, logits: Sequence[npt.NDArray[np.float64]]) -> None:
        for bias, change in zip(self._biases(), logits, strict=True):
            bias.add_(torch.from_numpy(change))

    @abstractmethod
    def _biases(self) -> Sequence[Tensor]:
        """Per column the bias of the logit of each of its codes; views."""

    def _build(self, cardinalities: Sequence[int], context_cardinalities: Sequence[int], seed: Seed) -> None:
        self.cardinalities = tuple(int(k) for k in cardinalities)
        self.context_cardinalities = tuple(int(k) for k in context_cardinalities)
        self.network = self._make_network(seed.child("weights").torch())

    def _fitted(self) -> Network:
        if self.network is None:
            raise GenerationError("the model has learned nothing yet", remedy="call fit first")
        return self.network

    def state(self) -> dict[str, Any]:
        weights = self._fitted().state_dict()
        return {
            "options": {f: getattr(self.options, f) for f in self.options.__dataclass_fields__},
            "cardinalities": list(self.cardinalities),
            "context_cardinalities": list(self.context_cardinalities),
            "weights": {name: value.numpy().copy() for name, value in weights.items()},
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        model = cls(**state["options"])
        model._build(state["cardinalities"], state["context_cardinalities"], Seed(0))
        weights = {name: torch.from_numpy(np.array(value)) for name, value in state["weights"].items()}
        model._fitted().load_state_dict(weights)
        return model


def _marginals(codes: Tensor, cardinalities: Sequence[int]) -> list[Tensor]:
    """Frequencies of each column's codes, smoothed by half a row (Jeffreys' prior)."""
    counts = [torch.bincount(codes[:, j], minlength=k) + 0.5 for j, k in enumerate(cardinalities)]
    return [count / count.sum() for count in counts]


def _independent_loss(codes: Tensor, marginals: Sequence[Tensor]) -> float:
    return float(sum(-marginal[codes[:, j]].log().mean() for j, marginal in enumerate(marginals)))
