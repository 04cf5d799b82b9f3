"""The real data against itself."""

from __future__ import annotations

import numpy as np
import pytest

from synthohive_py.quality.baseline import chance, real_vs_real
from synthohive_py.quality.metrics import KS
from synthohive_py.rng import Seed


def test_the_same_seed_gives_the_same_baseline() -> None:
    values = np.random.default_rng(0).normal(size=500)

    first, second = (real_vs_real(KS.compare, values, seed=Seed(3)) for _ in range(2))

    assert first == second
    assert first != real_vs_real(KS.compare, values, seed=Seed(4))


def test_the_halves_are_disjoint_and_cover_the_column() -> None:
    seen = []

    def compare(left: np.ndarray, right: np.ndarray) -> float:
        seen.append(np.concatenate([left, right]))
        return 1.0

    real_vs_real(compare, np.arange(11), seed=Seed(0))

    assert all(np.sort(values).tolist() == list(range(11)) for values in seen)


def test_more_rows_are_more_alike() -> None:
    values = np.random.default_rng(0).normal(size=20_000)

    small, large = (real_vs_real(KS.compare, values[:n], seed=Seed(0)) for n in (50, 20_000))

    assert small < 0.9
    assert large > 0.97


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_tiny_columns_have_a_baseline(rows: int) -> None:
    assert 0.0 <= real_vs_real(KS.compare, np.arange(rows), seed=Seed(0)) <= 1.0


def test_chance_shrinks_with_the_rows() -> None:
    assert chance(8, 8) == 0.5
    assert chance(800, 800) == pytest.approx(0.05)
    assert chance(100, 100, deviation=0.0) == 0.0
    assert chance(0, 100) == 0.0
