"""What every registered model must do, whatever it is made of."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from synthohive_py.errors import GenerationError, SettingError
from synthohive_py.models import TableModel, get_model, model_names
from synthohive_py.models.base import Codes
from synthohive_py.rng import Seed

# Models that train in epochs; options for a first impression of a small table, and for learning one well.
TRAINED = ("autoregressive", "ctgan", "ctgan mlp", "tvae")
EVERY = (*model_names(), "ctgan mlp")
QUICK = {name: {"epochs": 4, "batch_size": 64} for name in TRAINED}
THOROUGH = {name: {"epochs": 20, "batch_size": 64} for name in TRAINED}
THOROUGH["ctgan mlp"] = {"epochs": 80, "batch_size": 100}
# What a Gaussian copula can't express: a parity, and a support with holes.
EXACT = ("autoregressive", "ctgan")
SHAPES = {
    "one row": (1, (3, 2)),
    "seven rows": (7, (3, 2, 5)),
    "one column": (200, (4,)),
    "a constant column": (200, (3, 1, 2)),
    "a thousand categories": (500, (2, 1000)),
    "no columns": (50, ()),
}


def random_codes(rows: int, cardinalities: tuple[int, ...], seed: int = 0) -> Codes:
    rng = np.random.default_rng(seed)
    columns = [rng.integers(0, k, rows) for k in cardinalities]
    return np.stack(columns, 1).astype(np.int32) if columns else np.zeros((rows, 0), np.int32)


def dependent_codes(rows: int) -> Codes:
    """The second column is the first plus noise, the third the parity of the first."""
    rng = np.random.default_rng(1)
    first = rng.integers(0, 8, rows)
    return np.stack([first, np.minimum(first + rng.integers(0, 2, rows), 8), first % 2], 1).astype(np.int32)


def make(name: str, **options: object) -> TableModel:
    """A model by the name of its class and, where there is a choice, of its generator."""
    model, *generator = name.split()
    return get_model(model)(**({"generator": generator[0]} if generator else {}), **options)


def fitted(name: str, codes: Codes, cardinalities: tuple[int, ...], **more: object) -> TableModel:
    model = make(name, **more.pop("options", QUICK.get(name, {})))
    model.fit(codes, cardinalities, seed=Seed(5), **more)
    return model


def is_exact(model: TableModel) -> bool:
    return model.name in EXACT and getattr(model, "generator", "") != "mlp"


def rng(seed: int = 3) -> np.random.Generator:
    return Seed(seed).numpy()


@pytest.fixture(params=EVERY)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module", params=EVERY)
def learned(request: pytest.FixtureRequest) -> TableModel:
    name = request.param
    return fitted(name, dependent_codes(4000), (8, 9, 2), options=THOROUGH.get(name, {}))


@pytest.mark.parametrize(("rows", "cardinalities"), SHAPES.values(), ids=SHAPES)
def test_any_shape_is_learned_and_sampled_within_bounds(
    name: str, rows: int, cardinalities: tuple[int, ...]
) -> None:
    model = fitted(name, random_codes(rows, cardinalities), cardinalities)

    sample = model.sample(300, generator=rng())

    assert sample.shape == (300, len(cardinalities))
    assert sample.dtype == np.int32
    assert (sample >= 0).all()
    assert (sample < np.array(cardinalities, dtype=np.int32)).all()
    assert model.sample(0, generator=rng()).shape == (0, len(cardinalities))


def test_marginals_and_dependence_are_learned(learned: TableModel) -> None:
    sample = learned.sample(4000, generator=rng())

    assert np.abs(np.bincount(sample[:, 0], minlength=8) / 4000 - 1 / 8).max() < 0.04
    # Ten games of CTGAN's own generator, three of them with twice the epochs, ended at 0.83 to 0.94.
    least = 0.8 if getattr(learned, "generator", "") == "mlp" else 0.9
    assert np.corrcoef(sample[:, 0], sample[:, 1])[0, 1] > least
    if is_exact(learned):
        assert (sample[:, 2] == sample[:, 0] % 2).mean() > 0.97
        assert np.isin(sample[:, 1] - sample[:, 0], (0, 1)).mean() > 0.97


def test_rows_depend_on_their_context(name: str) -> None:
    context = random_codes(3000, (5,))
    codes = (4 - context).astype(np.int32)
    options = THOROUGH.get(name, {})
    model = fitted(name, codes, (5,), context=context, context_cardinalities=(5,), options=options)

    sample = model.sample(3000, context=context, generator=rng())

    assert (sample == codes).mean() > (0.97 if name in EXACT else 0.7)


def test_same_seed_gives_the_same_model_and_the_same_rows(name: str) -> None:
    codes = dependent_codes(400)
    one, other = (fitted(name, codes, (8, 9, 2)) for _ in range(2))

    assert (one.sample(500, generator=rng()) == other.sample(500, generator=rng())).all()
    assert (one.sample(500, generator=rng()) != one.sample(500, generator=rng(4))).any()


def test_training_leaves_global_generators_alone(name: str) -> None:
    import torch

    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002  it is what we watch
    fitted(name, dependent_codes(300), (8, 9, 2)).sample(10, generator=rng())

    assert torch.equal(before[0], torch.get_rng_state())
    assert (before[1] == np.random.get_state()[1]).all()  # noqa: NPY002


def test_given_codes_are_kept_exactly(learned: TableModel) -> None:
    given = np.full((500, 3), -1, np.int32)
    given[::2, 2], given[:, 1] = 1, 4

    sample = learned.sample(500, given=given, generator=rng())

    assert (sample[given >= 0] == given[given >= 0]).all()


def test_only_allowed_codes_are_drawn(learned: TableModel) -> None:
    allowed = np.zeros(9, bool)
    allowed[[2, 8]] = True

    sample = learned.sample(2000, allowed={1: allowed}, generator=rng())

    assert set(np.unique(sample[:, 1])) <= {2, 8}
    with pytest.raises(GenerationError, match="no code"):
        learned.sample(1, allowed={0: np.zeros(8, bool)}, generator=rng())


@pytest.mark.parametrize("columns", [0, 1, 2])
def test_a_prefix_of_the_columns_can_be_sampled(learned: TableModel, columns: int) -> None:
    allowed = {2: np.zeros(2, bool)}  # of a column that is not asked for

    sample = learned.sample(100, columns=columns, allowed=allowed, generator=rng())

    assert sample.shape == (100, columns)


def test_the_state_is_plain_and_brings_the_model_back(learned: TableModel) -> None:
    state = learned.state()
    again = type(learned).from_state(state)

    json.dumps(state, default=lambda leaf: leaf.tolist() if isinstance(leaf, np.ndarray) else None)
    assert (again.sample(300, generator=rng()) == learned.sample(300, generator=rng())).all()


def test_the_report_is_plain_and_says_what_was_learned(name: str) -> None:
    seen = []
    model = make(name, **QUICK.get(name, {}))
    report = model.fit(dependent_codes(1000), (8, 9, 2), seed=Seed(0), progress=seen.append)

    assert json.loads(json.dumps(asdict(report)))["rows"] == 1000
    assert report.history == seen
    assert report.epochs == (seen[-1].epoch if seen else 0)
    if name in TRAINED:
        assert report.epochs > 0
    if name in EXACT:
        assert report.validation_loss < report.baseline_loss


@pytest.mark.parametrize("name", TRAINED)
def test_a_time_limit_is_kept(name: str) -> None:
    report = make(
        name, epochs=10_000, **({} if name == "tvae" else {"max_steps": 10**9, "patience": 10_000})
    ).fit(random_codes(3000, (9, 9)), (9, 9), seed=Seed(0), max_seconds=1.0)

    assert report.stopped_by == "time"
    assert report.seconds < 20


@pytest.mark.parametrize("name", TRAINED)
def test_a_group_with_nearly_all_rows_does_not_stop_learning(name: str) -> None:
    codes = dependent_codes(1000)
    model = make(name, **QUICK[name])

    report = model.fit(codes, (8, 9, 2), groups=np.where(np.arange(1000) < 990, 0, -1), seed=Seed(0))

    assert report.epochs > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epoch": 3}, "no option 'epoch'.*one of .*epochs"),
        ({"epochs": "3"}, "wrong type.*int"),
        ({"epochs": True}, "wrong type"),
        ({"epochs": 0}, "out of range.*at least 1"),
        ({"dropout": 2}, "out of range"),
    ],
)
@pytest.mark.parametrize("name", EXACT)
def test_wrong_options_are_refused(name: str, options: dict[str, object], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        make(name, **options)


def test_a_model_without_fit_says_so(name: str) -> None:
    with pytest.raises(GenerationError, match="fit"):
        make(name).sample(1, generator=rng())


def test_unknown_models_are_refused_with_a_list() -> None:
    with pytest.raises(SettingError, match="autoregressive, ctgan"):
        get_model("gan")


@pytest.mark.parametrize("name", ["autoregressive", "ctgan"])
def test_likelihoods_are_those_of_the_samples(name: str) -> None:
    model = fitted(name, dependent_codes(2000), (8, 9, 2))
    every = np.stack(np.meshgrid(range(8), range(9), range(2), indexing="ij"), -1).reshape(-1, 3)

    probability = np.exp(getattr(model, "engine", model).log_prob(every.astype(np.int32)))
    sample = model.sample(20_000, generator=rng())
    counts = np.zeros((8, 9, 2))
    np.add.at(counts, tuple(sample.T), 1 / 20_000)

    assert probability.sum() == pytest.approx(1, abs=1e-4)
    assert np.abs(counts.ravel() - probability).sum() < 0.1


def test_the_critic_takes_part_and_never_makes_the_fit_worse() -> None:
    options = {"epochs": 10, "critic_steps": 20}
    model = get_model("ctgan")(**options)
    report = model.fit(dependent_codes(3000), (8, 9, 2), centres=[np.arange(8.0), None, None], seed=Seed(2))

    assert {"kept", "gap_before", "gap_after"} <= set(report.refinement)
    assert report.validation_loss <= report.refinement["loss_before"] * 1.001


def test_conditions_reach_earlier_columns_of_ctgan() -> None:
    """What is asked of the last column changes the first, which is generated before it."""
    model = fitted("ctgan", dependent_codes(4000), (8, 9, 2), options={"epochs": 30, "batch_size": 128})
    given = np.full((2000, 3), -1, np.int32)
    given[:, 2] = 1

    sample = model.sample(2000, given=given, generator=rng())

    assert (sample[:, 0] % 2 == 1).mean() > 0.9


def test_shifted_codes_come_more_often(learned: TableModel) -> None:
    """And what depends on them follows."""
    before = learned.sample(4000, generator=rng())
    shift = [np.zeros(8), np.zeros(9), np.zeros(2)]
    # Where all that varies is drawn before the codes (the latent variables), the codes' chances say little.
    says_little = learned.name != "gaussian_copula" and not is_exact(learned)
    shift[0][3] = 4.0 if says_little else 2.0
    learned.shift(shift)
    after = learned.sample(4000, generator=rng())
    learned.shift([-change for change in shift])

    odds = [(sample[:, 0] == 3).mean() / (sample[:, 0] != 3).mean() for sample in (before, after)]
    assert (1.1 if says_little else 2) < odds[1] / odds[0] < 15
    if learned.name != "gaussian_copula":
        assert np.isin(after[after[:, 0] == 3, 1], [3, 4]).mean() > 0.6
    np.testing.assert_array_equal(learned.sample(4000, generator=rng()), before)


@pytest.mark.parametrize("name", ["autoregressive", "ctgan"])
def test_what_depends_on_nothing_is_not_learned_by_heart(name: str) -> None:
    """Beside a parent that a model has never seen, too, a status has its share."""
    seeds = np.random.default_rng(0)
    rows = 3000
    context = np.stack([seeds.integers(0, 60, rows) for _ in range(6)], 1).astype(np.int32)
    hard = (context[:, 0] * 5 + seeds.integers(0, 3, rows)).astype(np.int32)  # takes many steps to learn
    status = seeds.choice(4, rows, p=[0.72, 0.1, 0.1, 0.08]).astype(np.int32)
    model = make(name, epochs=60, batch_size=64, patience=60)
    model.fit(
        np.stack([hard, status], 1), (303, 4), context=context, context_cardinalities=(60,) * 6, seed=Seed(5)
    )

    unseen = np.stack([seeds.integers(0, 60, 8000) for _ in range(6)], 1).astype(np.int32)
    sample = model.sample(8000, context=unseen, generator=rng())

    assert (np.abs(sample[:, 0] - unseen[:, 0] * 5 - 1) <= 1).mean() > 0.8
    assert (sample[:, 1] == 0).mean() == pytest.approx((status == 0).mean(), abs=0.02)


def test_divergence_ends_in_a_clear_error() -> None:
    from synthohive_py.errors import TrainingError
    from synthohive_py.models import training
    from synthohive_py.models.network import AutoregressiveNetwork

    network = AutoregressiveNetwork((3,), (), hidden=4, conditional=False, generator=Seed(0).torch())
    network.head_weights[0].data.fill_(float("nan"))
    import torch

    rows = training.Rows(torch.zeros(100, 1, dtype=torch.int64), torch.zeros(100, 0, dtype=torch.int64))
    options = training.LikelihoodOptions(3, 100, 32, 0.01, 0.0, 0.0, 3, 0.1)
    with pytest.raises(TrainingError, match=r"diverged.*learning_rate"):
        training.train(network, rows, rows, replace(options), seed=Seed(0))
