"""What the Gaussian copula learns, and what it does with conditions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr

from synthohive_py.errors import SettingError
from synthohive_py.models import TableModel, get_model
from synthohive_py.models.base import Codes
from synthohive_py.rng import Seed

ROWS = 20_000
CARDINALITIES = (2, 10, 4)


def cut_normals(rows: int = ROWS) -> Codes:
    """A rare flag, ten equal classes and four unequal ones, of correlated normals."""
    rng = np.random.default_rng(1)
    z = rng.multivariate_normal(np.zeros(3), [[1, 0.7, -0.5], [0.7, 1, -0.2], [-0.5, -0.2, 1]], rows)
    columns = [z[:, 0] > 1, np.floor(10 * ndtr(z[:, 1])), np.digitize(z[:, 2], [-1.5, 0, 0.5])]
    return np.stack(columns, 1).astype(np.int32)


def fitted(
    codes: Codes, cardinalities: tuple[int, ...], *, ordered: bool = True, **more: object
) -> TableModel:
    model = get_model("gaussian_copula")()
    centres = [np.arange(float(k)) if ordered else None for k in cardinalities]
    model.fit(codes, cardinalities, centres=centres, seed=Seed(5), **more)
    return model


@pytest.fixture(scope="module")
def learned() -> TableModel:
    return fitted(cut_normals(), CARDINALITIES)


def rng(seed: int = 3) -> np.random.Generator:
    return Seed(seed).numpy()


def test_correlations_and_marginals_of_codes_are_those_of_the_table(learned: TableModel) -> None:
    real, sample = cut_normals(), learned.sample(ROWS, generator=rng())

    assert np.abs(np.corrcoef(real.T) - np.corrcoef(sample.T)).max() < 0.03
    for j, k in enumerate(CARDINALITIES):
        counts = [np.bincount(codes[:, j], minlength=k) / ROWS for codes in (real, sample)]
        assert np.abs(counts[0] - counts[1]).max() < 0.015


def test_categories_in_no_order_are_put_into_one() -> None:
    real = cut_normals()
    shuffled = np.array([3, 8, 0, 6, 9, 1, 4, 7, 2, 5], np.int32)
    codes = np.stack([real[:, 0], shuffled[real[:, 1]], real[:, 1]], 1)
    model = fitted(codes, (2, 10, 10), ordered=False)

    sample = model.sample(ROWS, generator=rng())

    assert np.corrcoef(np.argsort(shuffled)[sample[:, 1]], sample[:, 2])[0, 1] > 0.95


def test_columns_without_any_relation_stay_so() -> None:
    rng_ = np.random.default_rng(2)
    codes = np.stack([rng_.integers(0, 300, 500), rng_.integers(0, 5, 500)], 1).astype(np.int32)

    model = fitted(codes, (300, 5), ordered=False)

    assert abs(model.correlation[0, 1]) < 0.3


def test_given_codes_shift_the_other_columns(learned: TableModel) -> None:
    real = cut_normals()
    given = np.full((ROWS, 3), -1, np.int32)
    given[:, 0], given[:, 2] = 1, 0

    sample = learned.sample(ROWS, given=given, generator=rng())

    alike = real[(real[:, 0] == 1) & (real[:, 2] == 0)]
    assert sample[:, 1].mean() == pytest.approx(alike[:, 1].mean(), abs=0.35)
    assert (sample[:, [0, 2]] == [1, 0]).all()


def test_each_row_follows_its_own_condition(learned: TableModel) -> None:
    given = np.full((ROWS, 3), -1, np.int32)
    given[::2, 1], given[1::2, 1] = 0, 9
    given[::4, 2] = 3

    sample = learned.sample(ROWS, given=given, generator=rng())

    assert sample[1::2, 0].mean() > sample[::2, 0].mean() + 0.3
    assert (sample[given >= 0] == given[given >= 0]).all()


def test_completing_a_table_keeps_its_correlations(learned: TableModel) -> None:
    real = cut_normals()
    given = real.copy()
    given[:, 1] = -1

    sample = learned.sample(ROWS, given=given, generator=rng())

    assert np.abs(np.corrcoef(real.T) - np.corrcoef(sample.T)).max() < 0.03


def test_columns_depend_on_an_ordered_context() -> None:
    real = cut_normals()
    model = fitted(real[:, :1], (2,), context=real[:, 1:], context_cardinalities=(10, 4))

    sample = model.sample(ROWS, context=real[:, 1:], generator=rng())

    joint = np.column_stack([sample, real[:, 1:]])
    assert np.abs(np.corrcoef(real.T) - np.corrcoef(joint.T)).max() < 0.04


def test_allowed_codes_keep_their_odds(learned: TableModel) -> None:
    mask = np.array([True, False, False, True])
    real = cut_normals()[:, 2]

    sample = learned.sample(ROWS, allowed={2: mask}, generator=rng())[:, 2]

    assert set(np.unique(sample)) == {0, 3}
    assert (sample == 0).mean() == pytest.approx((real == 0).sum() / np.isin(real, [0, 3]).sum(), abs=0.02)


@pytest.mark.parametrize("ordered", [True, False])
def test_codes_that_were_never_seen_are_drawn_only_on_demand(ordered: bool) -> None:
    codes = cut_normals(3000)[:, :2] * np.array([1, 2], np.int32) + 1
    model = fitted(codes, (4, 24), ordered=ordered)

    sample = model.sample(ROWS, generator=rng())
    given = np.tile(np.array([[-1, 0]], np.int32), (50, 1))
    alone = np.array([True, False, False, True])

    assert set(np.unique(sample[:, 0])) == {1, 2}
    assert set(np.unique(sample[:, 1])) == set(range(1, 20, 2))
    assert (model.sample(50, given=given, generator=rng())[:, 1] == 0).all()
    assert set(np.unique(model.sample(500, allowed={0: alone}, generator=rng())[:, 0])) == {0, 3}


def test_without_rows_every_code_is_as_likely() -> None:
    model = fitted(np.empty((0, 2), np.int32), (3, 2))

    sample = model.sample(3000, generator=rng())

    assert np.abs(np.bincount(sample[:, 0], minlength=3) / 3000 - 1 / 3).max() < 0.04


def test_many_alike_columns_are_learned() -> None:
    first = np.random.default_rng(0).integers(0, 3, (200, 1))
    codes = np.repeat(first, 300, axis=1).astype(np.int32)
    model = fitted(codes, (3,) * 300)

    sample = model.sample(200, generator=rng())

    assert np.corrcoef(sample[:, 0], sample[:, 299])[0, 1] > 0.85


def test_shrinkage_has_bounds_and_loosens_the_columns() -> None:
    model = get_model("gaussian_copula")(shrinkage=1.0)
    model.fit(cut_normals(), CARDINALITIES, centres=[np.arange(3.0)] * 3, seed=Seed(0))

    sample = model.sample(ROWS, generator=rng())

    assert abs(np.corrcoef(sample.T)[0, 1]) < 0.03
    with pytest.raises(SettingError, match="out of range"):
        get_model("gaussian_copula")(shrinkage=2.0)
