"""The choice between the generators of `ctgan`, and what is particular to the one of the paper."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from synthohive_py.errors import SettingError
from synthohive_py.models import get_model
from synthohive_py.models.moments import PairwiseMoments, one_hot
from synthohive_py.rng import Seed


def dependent(rows: int, seed: int = 0) -> torch.Tensor:
    rng = np.random.default_rng(seed)
    first = rng.integers(0, 6, rows)
    return torch.from_numpy(np.stack([first, (first + rng.integers(0, 2, rows)) % 6, first % 2], 1))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"generator": "transformer"}, "no such generator.*autoregressive, mlp.*'transformer'"),
        ({"generator": ["mlp"]}, "no such generator"),
        ({"generator": "mlp", "dropout": 0.1}, "no option 'dropout'.*moment_weight"),
        ({"moment_weight": 1.0}, "no option 'moment_weight'.*critic_steps"),
        ({"generator": "mlp", "pac": 0}, "'pac' is out of range"),
    ],
)
def test_options_are_those_of_the_generator(options: dict[str, object], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        get_model("ctgan")(**options)


def test_the_game_against_the_critic_keeps_the_time_limit() -> None:
    codes = dependent(600).numpy().astype(np.int32)
    model = get_model("ctgan")(epochs=1, critic_steps=5000)

    report = model.fit(codes, (6, 6, 2), seed=Seed(0), max_seconds=2.0)

    assert report.refinement  # it was played
    assert report.seconds < 15  # all its steps would take far longer


def test_the_moment_loss_and_its_gradient_are_those_of_its_formula() -> None:
    sizes, real = (6, 6, 2), dependent(500)
    moments = PairwiseMoments(sizes, real, torch.full((500,), 1 / 500))
    rows = torch.rand(40, 14, generator=Seed(1).torch(), requires_grad=True)

    (gradient,) = torch.autograd.grad(moments.loss(rows), rows)
    halves = [half.T @ half / 20 - moments.target for half in (rows[:20], rows[20:])]
    by_hand = (halves[0] * halves[1] * moments.importance).sum()
    (expected,) = torch.autograd.grad(by_hand, rows)

    assert float(moments.loss(rows).detach()) == pytest.approx(float(by_hand.detach()), rel=1e-4)
    assert torch.allclose(gradient, expected, atol=1e-6)


def test_the_moment_loss_tells_real_rows_from_rows_without_dependence() -> None:
    sizes = (6, 6, 2)
    moments = PairwiseMoments(sizes, dependent(4000), torch.full((4000,), 1 / 4000))
    alike, shuffled = dependent(4000, seed=1), dependent(4000, seed=1)
    shuffled[:, 1] = shuffled[torch.randperm(4000, generator=Seed(2).torch()), 1]

    assert abs(float(moments.loss(one_hot(alike, sizes)))) < 0.01
    assert float(moments.loss(one_hot(shuffled, sizes))) > 0.05


def test_columns_of_many_codes_share_cells() -> None:
    real = dependent(1000)
    wide = torch.stack([real[:, 0] * 400, real[:, 1] * 400 + 399], 1)

    moments = PairwiseMoments((2400, 2400), wide, torch.full((1000,), 1 / 1000))

    assert moments.width == 1024
    assert float(moments.loss(one_hot(wide, (2400, 2400)))) == pytest.approx(0, abs=0.01)
    assert float(moments.loss(one_hot(wide.flip(1), (2400, 2400)))) > 0.1


def test_frequencies_are_corrected_after_training() -> None:
    """Even a network that had no time to learn has the real frequencies."""
    rng = np.random.default_rng(3)
    codes = np.stack([rng.choice(4, 3000, p=[0.7, 0.2, 0.09, 0.01]), rng.integers(0, 5, 3000)], 1)
    model = get_model("ctgan")(generator="mlp", epochs=1)
    model.fit(codes.astype(np.int32), (4, 5), seed=Seed(0))

    sample = model.sample(20_000, generator=Seed(1).numpy())

    real, drawn = (np.bincount(c[:, 0], minlength=4) / len(c) for c in (codes, sample))
    assert np.abs(real - drawn).max() < 0.02
