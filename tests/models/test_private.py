"""Gradients of DP-SGD are those of single rows, shortened and summed; noise and batches are as planned."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.func import functional_call, grad, vmap

from synthohive_py.models.network import AutoregressiveNetwork
from synthohive_py.models.private import (
    PrivateSteps,
    clipped_gradient,
    noisy_marginals,
    plan_steps,
    train_privately,
)
from synthohive_py.models.processor import processor_settings
from synthohive_py.models.training import Rows
from synthohive_py.rng import Seed

SIZES = (3, 40, 2, 7)


def network_of(context: tuple[int, ...]) -> AutoregressiveNetwork:
    return AutoregressiveNetwork(SIZES, context, hidden=5, conditional=False, generator=Seed(1).torch())


def some_rows(size: int, context: tuple[int, ...], seed: int = 0) -> Rows:
    rng = np.random.default_rng(seed)
    draw = [torch.as_tensor(np.stack([rng.integers(0, k, size) for k in ks], 1)) for ks in (SIZES,)]
    above = [rng.integers(0, k, size) for k in context]
    return Rows(
        draw[0], torch.as_tensor(np.stack(above, 1)) if above else torch.empty(size, 0, dtype=torch.int64)
    )


def row_by_row(network: AutoregressiveNetwork, rows: Rows) -> list[Tensor]:
    """(rows, ...) of each parameter the gradient of each row, by another way: torch.func."""

    def loss(weights: dict[str, Tensor], codes: Tensor, context: Tensor) -> Tensor:
        logits = functional_call(network, weights, (codes[None], context[None]))
        return sum(
            -torch.log_softmax(out, 1)[0].gather(0, codes[j : j + 1])[0] for j, out in enumerate(logits)
        )

    weights = {name: p.detach() for name, p in network.named_parameters()}
    found = vmap(grad(loss), in_dims=(None, 0, 0))(weights, rows.codes, rows.context)
    return [found[name] for name, _ in network.named_parameters()]


@pytest.mark.parametrize("context", [(), (4,), (4, 30, 2)])
def test_each_row_is_shortened_as_its_own_gradient_says(context: tuple[int, ...]) -> None:
    network, rows = network_of(context), some_rows(16, context)
    single = row_by_row(network, rows)
    lengths = torch.sqrt(sum(g.flatten(1).square().sum(1) for g in single))
    clip = float(lengths.median())  # half of them are shortened

    actual = clipped_gradient(network, rows, torch.arange(16), clip)

    factor = (clip / lengths).clamp(max=1)
    for found, rowwise in zip(actual, single, strict=True):
        torch.testing.assert_close(found, torch.einsum("r,r...->...", factor, rowwise), rtol=1e-3, atol=1e-5)


def test_an_entity_of_many_rows_adds_no_more_than_one_of_a_single_row() -> None:
    network, rows = network_of((4,)), some_rows(200, (4,))

    found = clipped_gradient(network, rows, torch.zeros(200, dtype=torch.int64), 0.5)

    assert math.sqrt(sum(float(g.square().sum()) for g in found)) <= 0.5 * (1 + 1e-5)


def test_without_rows_a_step_is_noise_alone() -> None:
    network, rows = network_of(()), some_rows(0, ())

    found = clipped_gradient(network, rows, torch.empty(0, dtype=torch.int64), 1.0)

    assert all(float(g.abs().sum()) == 0 for g in found)


def test_batches_have_the_planned_size_and_their_noise_the_planned_strength() -> None:
    """With a clip near zero nothing but noise moves the weights: one step of it is measured."""
    network, rows = network_of(()), some_rows(400, ())
    before = [p.detach().clone() for p in network.parameters()]
    quiet = PrivateSteps(sample_rate=0.5, steps=1, noise=0.0, marginal_noise=1.0, clip=1e-9)
    train_privately(network, rows, np.arange(400), quiet, seed=Seed(0))
    loud = network_of(())
    train_privately(
        loud,
        rows,
        np.arange(400),
        PrivateSteps(sample_rate=0.5, steps=1, noise=1e9, marginal_noise=1.0, clip=1e-9),
        seed=Seed(0),
    )
    gradients = torch.cat([p.grad.flatten() for p in loud.parameters() if p.grad is not None])

    assert float(gradients.std()) == pytest.approx(1 / 200, rel=0.1)  # noise * clip / expected entities
    assert all(p.grad is not None for p in network.parameters())
    assert any(not torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True))


def test_a_plan_looks_at_each_entity_about_as_often_however_many_there_are() -> None:
    for entities in (1, 50, 1000, 10**6):
        rate, steps = plan_steps(entities)

        assert 0 < rate <= 1
        assert 25 <= rate * steps <= 35


def test_an_entity_changes_the_frequencies_by_no_more_than_its_bound() -> None:
    rows = some_rows(300, ())
    entities = torch.cat([torch.zeros(100, dtype=torch.int64), torch.arange(1, 201)])
    less = entities[100:] - 1
    seed, big = Seed(3), 1e-9

    whole = noisy_marginals(rows.codes, SIZES, entities, big, seed)
    without = noisy_marginals(rows.codes[100:], SIZES, less, big, seed)

    change = sum(float((a * 201 - b * 200).square().sum()) for a, b in zip(whole, without, strict=True))
    assert math.sqrt(change) <= math.sqrt(len(SIZES)) + 0.01


@processor_settings()
def test_private_training_learns_what_many_rows_share() -> None:
    rng = np.random.default_rng(0)
    first = rng.integers(0, 3, 4000)
    codes = np.stack([first, first * 13, first % 2, first * 2], 1)
    rows = Rows(torch.as_tensor(codes), torch.empty(4000, 0, dtype=torch.int64))
    network = network_of(())
    rate, steps = plan_steps(4000)
    plan = PrivateSteps(rate, steps, noise=1.0, marginal_noise=5.0)

    report = train_privately(network, rows, np.arange(4000), plan, seed=Seed(0))

    with torch.no_grad():
        loss = sum(map(float, network.losses(rows.codes, rows.context)))
    assert report.stopped_by == "schedule"
    assert loss < math.log(3) + 1  # the columns after the first follow from it; alone they are 4.4
