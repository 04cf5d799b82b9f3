"""The classical conditional tabular GAN (CTGAN; Xu et al. 2019): all columns of a row at once.

What differs from the paper: codes in place of modes and offsets; a condition may name several columns and
is put into the row as it is; a loss on pairwise frequencies beside the critic; hard straight-through
Gumbel samples; and, after training, a correction of each column's frequencies.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from synthohive_py.models.base import Codes, EpochReport, masks_of
from synthohive_py.models.drawing import SHRINK, draw_codes
from synthohive_py.models.mlp_network import MLPGenerator
from synthohive_py.models.mlp_training import Game, MLPOptions
from synthohive_py.models.neural import NeuralModel
from synthohive_py.models.processor import processor_settings
from synthohive_py.models.training import Rows, Trained, context_tensor
from synthohive_py.rng import Seed

__all__ = ["MLPModel"]

BATCH_ROWS = 4096
CALIBRATION_ROWS = 8192
CALIBRATION_STEPS = 10


class MLPModel(NeuralModel[MLPGenerator]):
    """`CTGAN` with the generator of the paper. See `MLPOptions` for its options."""

    name: ClassVar[str] = "ctgan"
    Options: ClassVar[type[Any]] = MLPOptions

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.frequencies: list[npt.NDArray[np.float32]] = []

    # ------------------------------------------------------------ learning

    def _make_network(self, generator: torch.Generator) -> MLPGenerator:
        return MLPGenerator(
            self.cardinalities,
            self.context_cardinalities,
            latent=self.options.latent,
            hidden=self.options.hidden,
            generator=generator,
        )

    def _start_from(self, codes: Tensor, marginals: Sequence[Tensor]) -> None:
        counts = [torch.bincount(codes[:, j], minlength=k) for j, k in enumerate(self.cardinalities)]
        self.frequencies = [(c / c.sum().clamp(min=1)).cpu().numpy().astype(np.float32) for c in counts]
        network = self._fitted()
        with torch.no_grad():
            network.bias.copy_(torch.cat(list(marginals)).log())
            network.heads.mul_(0.1)  # at first each column has its frequencies, whatever the noise

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
        deadline = None if max_seconds is None else time.monotonic() + max_seconds
        game = Game(self._fitted(), training, held_out, self.options, seed=seed.child("game"))
        trained = game.run(progress, deadline)
        self._fitted().cpu()
        with torch.device("cpu"):
            self._calibrate(training.context.cpu(), seed.child("calibration").numpy())
        return trained

    @torch.no_grad()
    def _calibrate(self, context: Tensor, rng: np.random.Generator) -> None:
        """Shift the logits of each code so that generated columns have the real frequencies."""
        network = self._fitted()
        context = context[torch.from_numpy(rng.integers(0, len(context), CALIBRATION_ROWS))]
        condition = self._condition(CALIBRATION_ROWS, None, {}, rng)
        noise = torch.from_numpy(rng.standard_normal((len(condition), network.latent), dtype=np.float32))
        logits = torch.split(network(noise, condition, context), list(network.cardinalities), 1)
        bias = torch.split(network.bias, list(network.cardinalities))
        for j, column in enumerate(logits):
            # Where a code is given it has its frequency already, but for chance: all rows count as free.
            aim = torch.from_numpy(self.frequencies[j]) + 1e-6
            shift = torch.zeros(column.shape[1])
            for _ in range(CALIBRATION_STEPS):
                shift += (aim / (torch.softmax(column + shift, 1).mean(0) + 1e-6)).log().clamp(-2, 2)
            bias[j].add_(shift)

    def _biases(self) -> Sequence[Tensor]:
        return torch.split(self._fitted().bias, list(self.cardinalities))

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
        masks = masks_of(allowed, columns, rows)
        forbidden = {j: ~torch.as_tensor(mask) for j, mask in masks.items()}
        out = np.empty((rows, columns), np.int32)
        above = context_tensor(context, rows)
        for start in range(0, rows if columns else 0, BATCH_ROWS):
            part = slice(start, min(start + BATCH_ROWS, rows))
            size = part.stop - start
            condition = self._condition(size, None if given is None else given[part], masks, generator)
            noise = torch.from_numpy(generator.standard_normal((size, network.latent), dtype=np.float32))
            logits = network(noise, condition, above[part])
            uniforms = torch.from_numpy(generator.random((columns, size), dtype=np.float32) * SHRINK)
            for j, column in enumerate(torch.split(logits, list(network.cardinalities), 1)[:columns]):
                out[part, j] = draw_codes(column, uniforms[j], condition[:, j], forbidden.get(j)).numpy()
        return out

    def _condition(
        self,
        rows: int,
        given: Codes | None,
        masks: Mapping[int, npt.NDArray[np.bool_]],
        rng: np.random.Generator,
    ) -> Tensor:
        """(rows, columns): the given codes; where none is given, one code drawn by its real frequency.

        Where rows depend on a context nothing is drawn: the frequency of a code depends on it too.
        """
        network = self._fitted()
        out = (
            np.full((rows, len(network.cardinalities)), -1, np.int64)
            if given is None
            else given.astype(np.int64)
        )
        if network.context_cardinalities:
            return torch.from_numpy(out)
        column = rng.integers(0, out.shape[1], rows)
        uniform = rng.random(rows)
        free = (out < 0).all(1)
        for j, frequency in enumerate(self.frequencies):
            chosen = free & (column == j)
            weight = np.cumsum(
                np.where(masks[j], frequency, 0) if j in masks else frequency, dtype=np.float64
            )
            if weight[-1] > 0:
                out[chosen, j] = np.searchsorted(weight, uniform[chosen] * SHRINK * weight[-1], side="right")
        return torch.from_numpy(out)

    # ------------------------------------------------------------ keeping

    def state(self) -> dict[str, Any]:
        return {**super().state(), "frequencies": self.frequencies}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> MLPModel:
        model = super().from_state(state)
        model.frequencies = [np.asarray(f) for f in state["frequencies"]]
        return model
