"""Epochs until nothing gets better: when to end, what to keep, and what to do when training diverges."""

from __future__ import annotations

import logging
import math
from abc import ABC, abstractmethod
from collections.abc import Callable

from torch import Tensor

from synthohive_py.errors import TrainingError
from synthohive_py.models.base import EpochReport
from synthohive_py.models.training import MAX_DIVERGENCES, Trained

__all__ = ["EpochLoop"]

logger = logging.getLogger(__name__)


class EpochLoop(ABC):
    """Training judged on held-out rows after each epoch.

    Attributes:
        patience: Epochs without progress after which training ends.
        progress_share: The share by which a score has to be better; less is noise.
        history: The epochs so far.
    """

    patience: int
    progress_share: float = 0.0

    def __init__(self) -> None:
        self.history: list[EpochReport] = []

    @property
    @abstractmethod
    def is_over(self) -> bool:
        """Whether the schedule is done."""

    @property
    @abstractmethod
    def rate(self) -> float:
        """The step size."""

    @property
    def is_warming_up(self) -> bool:
        """Whether it is too early to judge progress."""
        return False

    @abstractmethod
    def epoch(self, deadline: float | None) -> tuple[float, bool]:
        """Train for an epoch; returns its mean loss, and whether the deadline is reached."""

    @abstractmethod
    def score(self) -> float:
        """How far from held-out rows it is now."""

    @abstractmethod
    def weights(self) -> dict[str, Tensor]:
        """A copy of what was judged."""

    @abstractmethod
    def load(self, weights: dict[str, Tensor]) -> None:
        """Take back such a copy."""

    @abstractmethod
    def go_back(self, weights: dict[str, Tensor]) -> None:
        """Take back such a copy and go on more carefully, with no memory of the steps that led astray."""

    def run(self, progress: Callable[[EpochReport], None] | None, deadline: float | None) -> Trained:
        """Train; the best weights remain.

        Args:
            progress: Called after each epoch.
            deadline: When to end, by the monotonic clock.

        Raises:
            TrainingError: The loss was not finite four times.
        """
        best, kept, bad, divergences, reason = math.inf, self.weights(), 0, 0, "schedule"
        while not self.is_over:
            loss, is_late = self.epoch(deadline)
            score = self.score() if math.isfinite(loss) else math.inf
            if not math.isfinite(score):
                divergences += 1
                if divergences > MAX_DIVERGENCES:
                    raise TrainingError("training diverged", remedy="lower the model option learning_rate")
                logger.warning("training diverged; starting again from the best weights")
                self.go_back(kept)
                continue
            self.history.append(EpochReport(len(self.history) + 1, loss, score, self.rate))
            if progress:
                progress(self.history[-1])
            bad = 0 if score < best * (1 - self.progress_share) or self.is_warming_up else bad + 1
            if score < best:
                best, kept = score, self.weights()
            if is_late or bad >= self.patience:
                reason = "time" if is_late else "patience"
                break
        self.load(kept)
        return Trained(self.history, None, reason)
