"""How good synthetic rows of one table are. Knows nothing of the engine that made them.

    python judge.py TRAIN.parquet HOLDOUT.parquet SYNTHETIC.parquet TYPES.json TARGET OUT.json

- `c2st`: a classifier told to tell real from synthetic rows; area under its ROC curve, 0.5 is ideal.
- `pairs`: SDMetrics' Column Pair Trends of the pairs that are related in the real rows; `quality` is its
  whole quality score over all pairs, `shapes` its Column Shapes.
- `utility`: train on synthetic rows, test on real held-out rows (AUC, or R2 of a number); `utility_real` is
  the same after training on real rows.
- `dcr`: the median distance of a synthetic row to its closest training row, over that of a held-out row.
  Below 1, synthetic rows lie closer to the training rows than unseen real ones do.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from sdmetrics.reports import QualityReport
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.model_selection import cross_val_predict
from sklearn.preprocessing import LabelBinarizer

ROWS = 10_000  # of each side, at most, for the classifier
QUERIES = 2_000
CATEGORIES = ("categorical", "boolean")

Matrix = npt.NDArray[np.float64]


def tidy(frame: pd.DataFrame, types: dict[str, str]) -> pd.DataFrame:
    """Categories as text, all else as numbers: engines give back different dtypes for the same values."""
    columns = {}
    for name, kind in types.items():
        column = frame[name]
        if kind in CATEGORIES:
            columns[name] = column.astype("object").where(column.notna(), None).map(_text)
        elif kind == "datetime":
            seconds = pd.to_datetime(column).astype("datetime64[s]")
            columns[name] = seconds.astype("int64").where(seconds.notna()).astype("float64")
        else:
            columns[name] = pd.to_numeric(column.astype("object")).astype("float64")
    return pd.DataFrame(columns).reset_index(drop=True)


def _text(value: object) -> str | None:
    if value is None:
        return None
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def as_matrix(frames: list[pd.DataFrame], types: dict[str, str]) -> tuple[list[Matrix], list[bool]]:
    """The frames with categories as the same numbers in all of them, and which columns are categories."""
    both = pd.concat(frames)
    is_category = [types[c] in CATEGORIES for c in both]
    columns = []
    for name, category in zip(both, is_category, strict=True):
        if category:
            codes = pd.Categorical(both[name], both[name].value_counts().index[:250]).codes.astype("float64")
            columns.append(np.where(codes < 0, np.nan, codes))
        else:
            columns.append(both[name].to_numpy())
    whole = np.stack(columns, axis=1)
    return np.split(whole, np.cumsum([len(f) for f in frames])[:-1]), is_category


def c2st(real: pd.DataFrame, synthetic: pd.DataFrame, types: dict[str, str]) -> float:
    """Five-fold area under the ROC curve of gradient-boosted trees."""
    size = min(len(real), len(synthetic), ROWS)
    sides = [f.sample(size, random_state=0) for f in (real, synthetic)]
    parts, categories = as_matrix(sides, types)
    label = np.repeat([0, 1], size)
    order = np.random.default_rng(0).permutation(2 * size)
    model = HistGradientBoostingClassifier(categorical_features=categories, random_state=0)
    rows = np.concatenate(parts)[order]
    guess = cross_val_predict(model, rows, label[order], cv=5, method="predict_proba")
    return float(roc_auc_score(label[order], guess[:, 1]))


def sdmetrics_scores(real: pd.DataFrame, synthetic: pd.DataFrame, types: dict[str, str]) -> dict[str, float]:
    """Scores of SDMetrics' quality report: of related pairs alone, and of all pairs."""
    sdtypes = {c: "categorical" if kind in CATEGORIES else "numerical" for c, kind in types.items()}
    columns = {c: {"sdtype": sdtype} for c, sdtype in sdtypes.items()}
    metadata = {"tables": {"t": {"columns": columns}}, "relationships": []}
    scores = {}
    for every in (False, True):
        report = QualityReport()
        if every:
            report.real_correlation_threshold = report.real_association_threshold = 0
        report.generate({"t": real}, {"t": synthetic}, metadata, verbose=False)
        found = report.get_properties().set_index("Property")["Score"]
        if every:
            scores["quality"] = report.get_score()
        else:
            scores |= {"shapes": found["Column Shapes"], "pairs": found["Column Pair Trends"]}
    return {name: float(score) for name, score in scores.items()}


def utility(
    train: pd.DataFrame, holdout: pd.DataFrame, synthetic: pd.DataFrame, types: dict[str, str], target: str
) -> dict[str, float]:
    """Predict the target of held-out rows after training on synthetic rows, and on real ones."""
    inputs = {c: kind for c, kind in types.items() if c != target}
    parts, categories = as_matrix([f[list(inputs)] for f in (train, synthetic, holdout)], inputs)
    classify = types[target] in CATEGORIES
    model_class = HistGradientBoostingClassifier if classify else HistGradientBoostingRegressor
    scores = {}
    for name, frame, rows in (("utility_real", train, parts[0]), ("utility", synthetic, parts[1])):
        model = model_class(categorical_features=categories, random_state=0)
        known = frame[target].notna().to_numpy()
        model.fit(rows[known], frame.loc[known, target])
        if not classify:
            scores[name] = float(r2_score(holdout[target], model.predict(parts[2])))
            continue
        truth = LabelBinarizer().fit(model.classes_).transform(holdout[target])
        guess = model.predict_proba(parts[2])
        scores[name] = float(roc_auc_score(truth, guess[:, 1:] if truth.shape[1] == 1 else guess))
    return scores


def dcr(train: pd.DataFrame, holdout: pd.DataFrame, synthetic: pd.DataFrame, types: dict[str, str]) -> float:
    """Ratio of the median Gower distances to the closest training row."""
    sides = [train, *(f.sample(min(len(f), QUERIES), random_state=0) for f in (synthetic, holdout))]
    parts, categories = as_matrix(sides, types)
    low, high = np.nanquantile(parts[0], [0.01, 0.99], axis=0)
    scale = np.where(high > low, high - low, 1)
    real, *queries = (np.nan_to_num(part, nan=-1e9) for part in parts)
    distances = [[_nearest(row, real, scale, np.array(categories)) for row in rows] for rows in queries]
    of_synthetic, of_holdout = (float(np.median(d)) for d in distances)
    return of_synthetic / of_holdout if of_holdout else float("nan")


def _nearest(row: Matrix, real: Matrix, scale: Matrix, categories: npt.NDArray[np.bool_]) -> float:
    gap = np.minimum(np.abs(real[:, ~categories] - row[~categories]) / scale[~categories], 1).sum(axis=1)
    return float((gap + (real[:, categories] != row[categories]).sum(axis=1)).min())


def main() -> None:
    """Read, judge, write."""
    warnings.filterwarnings("ignore")
    train_path, holdout_path, synthetic_path, types_path, target, out = sys.argv[1:]
    types = json.loads(Path(types_path).read_text())
    train, holdout, synthetic = (
        tidy(pd.read_parquet(path), types) for path in (train_path, holdout_path, synthetic_path)
    )
    result = {
        "c2st": c2st(train, synthetic, types),
        **sdmetrics_scores(train, synthetic, types),
        **utility(train, holdout, synthetic, types, target),
        "dcr": dcr(train, holdout, synthetic, types),
    }
    Path(out).write_text(json.dumps(result))


if __name__ == "__main__":
    main()
