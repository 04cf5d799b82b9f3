"""What is computed by hand for speed is what autograd, and a network that has sampled before, would say."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from synthohive_py.models.autoregressive import Autoregressive
from synthohive_py.models.heads import head_losses
from synthohive_py.models.network import AutoregressiveNetwork
from synthohive_py.rng import Seed

SIZES = (2, 30, 1, 300)
ROWS, HIDDEN = 50, 7


def losses_and_gradients(by_hand: bool) -> tuple[Tensor, list[Tensor]]:
    generator = Seed(1).torch()
    units = torch.randn(ROWS, len(SIZES) * HIDDEN, generator=generator).requires_grad_()
    weights = [(3 * torch.randn(k, HIDDEN, generator=generator)).requires_grad_() for k in SIZES]
    biases = [torch.randn(k, generator=generator).requires_grad_() for k in SIZES]
    codes = torch.stack([torch.randint(k, (ROWS,), generator=generator) for k in SIZES], 1)
    if by_hand:
        losses = head_losses(units, codes, weights, biases)
    else:
        own = units.view(ROWS, len(SIZES), HIDDEN).unbind(1)
        heads = enumerate(zip(own, weights, biases, strict=True))
        losses = torch.stack([F.cross_entropy(F.linear(u, w, b), codes[:, j]) for j, (u, w, b) in heads])
    (losses * torch.tensor([1.0, 2.0, 3.0, 0.5])).sum().backward()
    return losses.detach(), [t.grad for t in (units, *weights, *biases) if t.grad is not None]


def test_losses_of_heads_and_their_gradients_are_those_of_autograd() -> None:
    losses, gradients = losses_and_gradients(by_hand=True)
    expected, theirs = losses_and_gradients(by_hand=False)

    torch.testing.assert_close(losses, expected)
    assert len(gradients) == len(theirs) == 1 + 2 * len(SIZES)
    for one, other in zip(gradients, theirs, strict=True):
        torch.testing.assert_close(one, other)


def test_a_code_without_any_chance_has_a_finite_loss() -> None:
    losses = head_losses(
        torch.zeros(1, 1), torch.tensor([[1]]), [torch.zeros(2, 1)], [torch.tensor([0.0, -1000.0])]
    )

    assert 80 < float(losses[0]) < float("inf")


def test_context_columns_are_looked_up_in_tables_of_their_own() -> None:
    sizes = (3, 300, 3, 2, 299)  # the third has as wide an embedding as the first, the last as the second
    network = AutoregressiveNetwork((2,), sizes, hidden=4, conditional=False, generator=Seed(1).torch())
    context = torch.tensor([[k - 1 for k in sizes], [0] * len(sizes)])

    places = network.looked_up(context)
    used = {(id(table), place) for table, rows in places for place in rows.flatten().tolist()}

    assert sum(rows.shape[1] for _, rows in places) == len(sizes)
    assert len(used) == 2 * len(sizes)  # no row of a table is of two columns
    assert sum(len(table) for table, _ in places) == sum(sizes)


def test_what_shifts_a_model_is_seen_by_rows_that_are_drawn_afterwards() -> None:
    codes = np.random.default_rng(0).integers(0, 4, (400, 2)).astype(np.int32)
    model = Autoregressive(epochs=2)
    model.fit(codes, (4, 4), seed=Seed(1))
    before = model.sample(500, generator=np.random.default_rng(1))

    model.shift([np.array([0.0, 0.0, 100.0, 0.0]), np.zeros(4)])
    after = model.sample(500, generator=np.random.default_rng(1))

    assert len(np.unique(before[:, 0])) == 4
    assert (after[:, 0] == 2).all()
