"""Judge the twin of people, batting and teams (see siblings.py). Knows nothing of the engine that made it.

    python siblings_judge.py REAL_FOLDER TWIN_FOLDER

- `quality`, `cardinality`, `intertable`: of SDMetrics' report of several tables.
- `aggregates`: a classifier tells real people from synthetic ones by number, mean and variety of their
  seasons; area under its ROC curve, 0.5 is ideal. `rich` adds spread, least and most.
- `lag`: the same for a season beside the one before it; `child` for a season alone.
- `season_agrees`: the share of seasons whose team is one of that year.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from sdmetrics.reports.multi_table import QualityReport
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict

COUNTS = ["G", "AB", "R", "H", "2B", "HR", "RBI", "SB", "BB", "SO"]
NUMBERS = [*COUNTS, "yearID"]
KEYS = {"people": ["playerID"], "batting": ["playerID", "team"], "teams": ["team"]}
ROWS = 6_000

Tables = dict[str, pd.DataFrame]


def read(folder: Path) -> Tables:
    """The tables, with keys and categories as text and all else as numbers."""
    tables = {name: pd.read_parquet(folder / f"{name}.parquet") for name in KEYS}
    for name, frame in tables.items():
        for column in frame:
            if column in KEYS[name] or not pd.api.types.is_numeric_dtype(frame[column]):
                text = frame[column].astype("object")
                tables[name][column] = text.where(text.notna(), None).map(str, na_action="ignore")
            else:
                tables[name][column] = frame[column].astype("float64")
    tables["batting"] = tables["batting"].sort_values(["playerID", "yearID"], kind="stable")
    return tables


def report(real: Tables, twin: Tables) -> dict[str, float]:
    """Scores of SDMetrics."""

    def columns(name: str, frame: pd.DataFrame) -> dict[str, dict[str, str]]:
        kind = {c: "numerical" if frame[c].dtype == "float64" else "categorical" for c in frame}
        return {c: {"sdtype": "id" if c in KEYS[name] else kind[c]} for c in frame}

    metadata = {
        "tables": {
            "people": {"primary_key": "playerID", "columns": columns("people", real["people"])},
            "teams": {"primary_key": "team", "columns": columns("teams", real["teams"])},
            "batting": {"columns": columns("batting", real["batting"])},
        },
        "relationships": [
            {
                "parent_table_name": parent,
                "child_table_name": "batting",
                "parent_primary_key": key,
                "child_foreign_key": key,
            }
            for parent, key in (("people", "playerID"), ("teams", "team"))
        ],
    }
    judged = QualityReport()
    judged.generate(real, twin, metadata, verbose=False)
    scores = judged.get_properties().set_index("Property")["Score"]
    return {
        "quality": judged.get_score(),
        "cardinality": scores["Cardinality"],
        "intertable": scores["Intertable Trends"],
    }


def c2st(real: pd.DataFrame, twin: pd.DataFrame) -> float:
    """How well a classifier tells the rows of one from those of the other."""
    rng = np.random.default_rng(0)
    size = min(ROWS, len(real), len(twin))
    both = pd.concat([f.iloc[rng.permutation(len(f))[:size]] for f in (real, twin)])
    for column in both:
        if both[column].dtype != "float64":
            both[column] = pd.factorize(both[column])[0]
    label = np.repeat([1, 0], size)
    model = HistGradientBoostingClassifier(max_iter=120, random_state=0)
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    chance = cross_val_predict(model, both.to_numpy(float), label, cv=folds, method="predict_proba")[:, 1]
    return float(roc_auc_score(label, chance))


def aggregates(tables: Tables, *, is_rich: bool) -> pd.DataFrame:
    """People with figures over their seasons."""
    seasons = tables["batting"].groupby("playerID")
    found = seasons[NUMBERS].agg(["mean", "std", "min", "max"] if is_rich else ["mean"])
    found.columns = ["_".join(column) for column in found.columns]
    found["seasons"] = seasons.size().astype("float64")
    for column in ("lgID", "stint"):
        found[f"variety_{column}"] = seasons[column].nunique().astype("float64")
    return (
        tables["people"]
        .merge(found, left_on="playerID", right_index=True, how="left")
        .drop(columns="playerID")
    )


def with_previous(batting: pd.DataFrame) -> pd.DataFrame:
    """Seasons beside the one before; first seasons are left out."""
    names = [*NUMBERS, "lgID"]
    before = batting.groupby("playerID")[names].shift(1).add_suffix("_before")
    both = pd.concat([batting[names], before], axis=1)
    return both[both["yearID_before"].notna()]


def main() -> None:
    """Judge and print."""
    warnings.filterwarnings("ignore")
    real, twin = (read(Path(argument)) for argument in sys.argv[1:3])
    season = twin["batting"].merge(twin["teams"][["team", "season", "league"]], on="team", how="left")
    found = {
        **report(real, twin),
        "child": c2st(*(t["batting"].drop(columns=KEYS["batting"]) for t in (real, twin))),
        "aggregates": c2st(*(aggregates(t, is_rich=False) for t in (real, twin))),
        "rich": c2st(*(aggregates(t, is_rich=True) for t in (real, twin))),
        "lag": c2st(*(with_previous(t["batting"]) for t in (real, twin))),
        "parent": c2st(*(t["people"].drop(columns="playerID") for t in (real, twin))),
        "teams": c2st(*(t["teams"].drop(columns="team") for t in (real, twin))),
        "season_agrees": float((season["season"] == season["yearID"]).mean()),
        "league_agrees": float((season["league"] == season["lgID"]).mean()),
        "repeated_seasons": float(twin["batting"].duplicated(["playerID", "yearID"]).mean()),
        "orphans": float(season["season"].isna().sum()),
    }
    print(json.dumps({name: round(float(score), 4) for name, score in found.items()}, indent=1))


if __name__ == "__main__":
    main()
