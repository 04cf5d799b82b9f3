"""The autoregressive generator of `CTGAN`: learned by likelihood, refined against a critic."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from synthohive_py.models.autoregressive import Autoregressive, AutoregressiveOptions
from synthohive_py.models.base import EpochReport, check_range
from synthohive_py.models.critic import CriticOptions, refine
from synthohive_py.models.training import Rows, Trained
from synthohive_py.rng import Seed

__all__ = ["RefinedAutoregressive", "RefinedOptions"]

UNCONDITIONED = 0.5  # share of rows that are learned without any condition
MOST_CONDITIONED = 0.4  # of the columns of a row, at most and on average half as many
LIKELIHOOD_TIME = 0.7  # share of a time limit that the likelihood phase gets


@dataclass(frozen=True)
class RefinedOptions(AutoregressiveOptions):
    """Options of `CTGAN`; those of `AutoregressiveOptions` and more.

    Attributes:
        critic_steps: Steps of the generator against the critic; 0 for likelihood alone.
        critic_weight: Weight of the critic's opinion beside the likelihood.
        pac: Rows that the critic judges together.

    Raises:
        SettingError: A value is out of range.
    """

    critic_steps: int = 50
    critic_weight: float = 0.1
    pac: int = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("critic_steps", self.critic_steps, least=0)
        check_range("critic_weight", self.critic_weight, least=0, most=1)
        check_range("pac", self.pac, least=1, most=50)


class RefinedAutoregressive(Autoregressive):
    """A conditional tabular GAN whose generator writes one column after the other.

    As in the paper the generator gets a condition vector, is trained on real rows that meet the
    condition, and plays against a PacGAN critic with a gradient penalty. Other than there, the
    condition may name several columns, and the generator is first fitted by likelihood: the game
    alone learns tables far less well. `sample` honours conditions (`given`) exactly.
    See `RefinedOptions` for its options.
    """

    name: ClassVar[str] = "ctgan"
    Options: ClassVar[type[Any]] = RefinedOptions
    conditional: ClassVar[bool] = True

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
        network, options = self._fitted(), self.options
        started = time.monotonic()
        trained = self._train(
            training,
            held_out,
            centres,
            seed=seed,
            condition=_Conditions(network.cardinalities, seed.child("conditions").torch()),
            progress=progress,
            max_seconds=None if max_seconds is None else max_seconds * LIKELIHOOD_TIME,
        )
        is_late = max_seconds is not None and time.monotonic() - started > max_seconds * LIKELIHOOD_TIME
        if not trained.history or not options.critic_steps or is_late or len(training) < options.pac:
            return trained
        refinement = refine(
            network,
            training,
            held_out,
            centres,
            CriticOptions(steps=options.critic_steps, weight=options.critic_weight, pac=options.pac),
            condition=_Conditions(network.cardinalities, seed.child("critic conditions").torch()),
            seed=seed.child("critic"),
            deadline=None if max_seconds is None else started + max_seconds,
        )
        loss = refinement["loss_after"] if refinement["kept"] else trained.validation_loss
        return replace(trained, validation_loss=loss, refinement=refinement)


@dataclass(frozen=True)
class _Conditions:
    """Training by sampling: the condition of a real row is made of some of its own codes."""

    cardinalities: tuple[int, ...]
    generator: torch.Generator

    def __call__(self, codes: Tensor) -> Tensor:
        """(rows, columns): codes of the row where it is conditioned, else the column's cardinality."""
        rows = len(codes)
        share = torch.rand(rows, 1, generator=self.generator) * MOST_CONDITIONED
        chosen = torch.rand(codes.shape, generator=self.generator) < share
        chosen &= torch.rand(rows, 1, generator=self.generator) >= UNCONDITIONED
        return torch.where(chosen, codes, torch.tensor(self.cardinalities))
