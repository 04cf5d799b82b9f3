"""How much noise a budget of differential privacy takes, by Rényi differential privacy (Mironov 2017).

The counting itself is Opacus's: of Gaussian noise on the sum of a batch that each entity is in by chance
(Mironov, Talwar, Zhang 2019).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from synthohive_py.errors import SettingError

__all__ = ["Budget", "Releases", "epsilon_of", "noise_for"]

ORDERS = [1.25, 1.5, 1.75, 2.5, *range(2, 33), *range(36, 65, 4), 80, 128, 256, 1024, 4096]
LEAST_NOISE, MOST_NOISE = 0.2, 20_000.0
HALVINGS = 22
LARGEST_DELTA = 1e-5


@dataclass(frozen=True)
class Budget:
    """The privacy loss that may be spent: `epsilon`, but for a chance of `delta` (None: by the entities)."""

    epsilon: float
    delta: float | None = None

    def delta_for(self, entities: int) -> float:
        """The chance: as given, or 1e-5, or a tenth of one entity's share if that is less."""
        return self.delta if self.delta is not None else min(LARGEST_DELTA, 0.1 / max(entities, 1))


@dataclass(frozen=True)
class Releases:
    """Noisy sums of one kind.

    Attributes:
        sample_rate: The chance of each entity to be in a sum.
        steps: How many sums.
        noise: Standard deviation of the noise, in units of the most that an entity adds.
    """

    sample_rate: float
    steps: int
    noise: float


def epsilon_of(releases: Sequence[Releases], delta: float) -> float:
    """The privacy loss of all these sums together.

    Raises:
        SettingError: Opacus is not installed.
    """
    rdp = _accountant()
    total = sum(
        rdp.compute_rdp(q=r.sample_rate, noise_multiplier=r.noise, steps=r.steps, orders=ORDERS)
        for r in releases
    )
    orders = np.array(ORDERS)
    # From Rényi to (epsilon, delta): Canonne, Kamath, Steinke 2020, proposition 12.
    spent = total - (math.log(delta) + np.log(orders)) / (orders - 1) + np.log1p(-1 / orders)
    return max(float(np.nanmin(spent)), 0.0)


def noise_for(
    epsilon: float, delta: float, planned: Sequence[tuple[float, int]], spent: Sequence[Releases] = ()
) -> float:
    """The least noise with which planned sums keep the budget.

    Args:
        epsilon: What may be spent.
        delta: The chance that it is more.
        planned: Sample rates and numbers of sums.
        spent: Sums with noise of their own that count, too.

    Raises:
        SettingError: No noise is enough, or Opacus is not installed.
    """
    low, high = LEAST_NOISE, MOST_NOISE
    if _with_noise(high, planned, spent, delta) > epsilon:
        raise SettingError(
            "epsilon is too small for these tables",
            received=f"{epsilon:g} at delta {delta:.1g}",
            remedy="raise epsilon or delta",
        )
    for _ in range(HALVINGS):
        middle = (low * high) ** 0.5
        if _with_noise(middle, planned, spent, delta) > epsilon:
            low = middle
        else:
            high = middle
    return high


def _with_noise(
    noise: float, planned: Sequence[tuple[float, int]], spent: Sequence[Releases], delta: float
) -> float:
    return epsilon_of([*(Releases(rate, steps, noise) for rate, steps in planned), *spent], delta)


def _accountant() -> Any:
    try:
        from opacus.accountants.analysis import rdp
    except ImportError as error:
        raise SettingError(
            "enable_differential_privacy needs the package opacus",
            remedy="pip install 'synthohive-py[dp]', or leave it off",
        ) from error
    return rdp
