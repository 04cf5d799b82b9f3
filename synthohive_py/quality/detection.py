"""The classifier two-sample test (C2ST): can a classifier tell the twin's rows from the real ones?

Gradient boosting of scikit-learn (`pip install synthohive-py[quality]`) sees some rows of both sides and
tells others apart. Its AUC is .5 where it is no better than chance and 1 where it is never wrong; the score
is SDMetrics' for detection, 1 less what the AUC is above chance, doubled. Siblings are never on both sides of
the split, along no key, or knowing a customer or a product would pass for telling real from synthetic.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from synthohive_py.errors import SettingError
from synthohive_py.quality.features import Feature, coarse, split

if TYPE_CHECKING:
    from synthohive_py.quality.views import View
    from synthohive_py.rng import Seed

__all__ = ["check_available", "detection_auc", "detection_score", "is_available", "real_detection_auc"]

Array = np.ndarray
ROWS = 5_000  # of each side
LEAST_ROWS, LEAST_FAMILIES = 50, 10
FOLDS = 3
ENOUGH_ROWS = 1_000  # of each side, to keep siblings along several keys apart
TREES = 60
MAX_CATEGORIES = 250  # a split by categories takes at most 255


def is_available() -> bool:
    """Whether scikit-learn is installed."""
    return all(importlib.util.find_spec(name) is not None for name in ("sklearn", "threadpoolctl"))


def check_available() -> None:
    """Refuse to go on without scikit-learn.

    Raises:
        SettingError: It is not installed.
    """
    if not is_available():
        raise SettingError(
            "the classifier test needs scikit-learn",
            remedy="pip install 'synthohive-py[quality]', or judge with detection=False",
        )


def detection_score(auc: float) -> float:
    """The AUC as a score: 1 for chance and less, 0 for a classifier that is never wrong."""
    return 1 - max(2 * auc - 1, 0.0)


def detection_auc(view: View, seed: Seed) -> float | None:
    """How well a classifier tells the twin's rows of a view from the real ones; None for too few rows."""
    generator = seed.numpy()
    size = min(len(view.real_families), len(view.twin_families), ROWS)
    if size < LEAST_ROWS or not view.features:
        return None
    real, twin = (
        generator.permutation(len(families))[:size] for families in (view.real_families, view.twin_families)
    )
    ours, theirs = view.real_families[real], view.twin_families[twin]
    if min(len(np.unique(ours)), len(np.unique(theirs))) < LEAST_FAMILIES:
        return None
    ways = [(ours, theirs), *((ours[real], theirs[twin]) for ours, theirs in view.others)]
    families = [np.concatenate([ours, theirs + ours.max() + 1]) for ours, theirs in ways]
    return _auc([f.take(real, twin) for f in view.features], families, generator)


def real_detection_auc(view: View, seed: Seed) -> float | None:
    """The same for two halves of the real rows, in whole families: the baseline."""
    generator = seed.numpy()
    families = np.unique(view.real_families, return_inverse=True)[1]
    rows = generator.permutation(len(families))[: 2 * ROWS]
    if not view.features or len(rows) < 2 * LEAST_ROWS or families.max() + 1 < 2 * LEAST_FAMILIES:
        return None
    ways = [families[rows], *(ours[rows] for ours, _ in view.others)]
    numbers = [Feature("", "number", ours, ours) for ours in ways]
    # The twin has rows of its own, and perhaps fewer: both sides are real ones here.
    ours = [replace(f, real=f.real[rows], twin=f.real[rows]) for f in view.features]
    halves = split([*ours, *numbers], generator, families[rows])
    both = [np.concatenate([f.real, f.twin]) for f in halves[len(ours) :]]
    return _auc(halves[: len(ours)], both, generator)


def _auc(found: list[Feature], families: Sequence[Array], generator: np.random.Generator) -> float | None:
    """The mean AUC of rows whose families, along any key, the classifier has not seen."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score
    from threadpoolctl import threadpool_limits

    found = [coarse(f, MAX_CATEGORIES) if f.categories > MAX_CATEGORIES else f for f in found]
    rows = np.stack([np.concatenate([f.real, f.twin]) for f in found], axis=1)
    side = np.repeat([0, 1], [len(found[0].real), len(found[0].twin)])
    seed = int(generator.integers(2**31))
    scores = []
    with threadpool_limits(1):  # threads of several processes wait for each other; and sums depend on them
        places = _folds(side, families, seed)
        for fold in range(FOLDS):
            train, test = (places != fold).all(axis=0), (places == fold).all(axis=0)
            if len(np.unique(side[test])) < 2 or len(np.unique(side[train])) < 2:
                return None  # few large families: a fold of one side only
            known = ~np.isnan(rows[train]).all(axis=0)  # scikit-learn has no bins for columns without values
            if not known.any():
                return None
            model = HistGradientBoostingClassifier(
                max_iter=TREES,
                categorical_features=[
                    f.categories > 0 for f, is_known in zip(found, known, strict=True) if is_known
                ],
                early_stopping=False,
                random_state=seed,
            )
            model.fit(rows[train][:, known], side[train])
            scores.append(roc_auc_score(side[test], model.predict_proba(rows[test][:, known])[:, 1]))
    return float(np.mean(scores))


def _folds(side: Array, families: Sequence[Array], seed: int) -> Array:
    """(ways, rows): the fold of each row's family; of few rows only along the first key."""
    from sklearn.model_selection import StratifiedGroupKFold

    ways = families if len(side) >= 2 * ENOUGH_ROWS else families[:1]
    places = np.zeros((len(ways), len(side)), np.int64)
    for way, numbers in zip(places, ways, strict=True):
        folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
        for fold, (_, test) in enumerate(folds.split(side, side, numbers)):
            way[test] = fold
    tested = [
        (side[(places == fold).all(axis=0)], side[(places != fold).all(axis=0)]) for fold in range(FOLDS)
    ]
    is_enough = all(np.bincount(part, minlength=2).min() >= LEAST_ROWS for both in tested for part in both)
    return places if is_enough else places[:1]
