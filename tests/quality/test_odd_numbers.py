"""Columns that are hard to count with are judged all the same, and without a warning."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from synthohive_py import Metadata
from synthohive_py.quality.metrics import tv_complement
from synthohive_py.report import ValidationReport, make_report
from synthohive_py.rng import Seed

ROWS = 80
RNG = np.random.default_rng(0)
ODD: dict[str, Sequence[object]] = {
    "only nulls": [None] * ROWS,
    "only nan": [math.nan] * ROWS,
    "neighbours": [1.0, 1.0 + 2**-52] * (ROWS // 2),
    "subnormal": [5e-324, 0.0] * (ROWS // 2),
    "huge": (RNG.normal(size=ROWS) * 1e307).tolist(),
    "both ends": [1.7e308, -1.7e308, 0.0, 1.0] * (ROWS // 4),
    "infinite": [math.inf, -math.inf, 1.0, 2.0] * (ROWS // 4),
}


def report(values: Sequence[object], others: Sequence[object]) -> ValidationReport:
    metadata = Metadata()
    metadata.add_table("t", pk="id")
    number = RNG.normal(size=ROWS)
    real, twin = (pd.DataFrame({"id": range(ROWS), "odd": v, "n": number}) for v in (values, others))
    return make_report(metadata, {"t": real}, {"t": twin}, seed=Seed(0))


@pytest.mark.parametrize("name", ODD)
def test_every_score_is_a_share(name: str) -> None:
    made = report(ODD[name], ODD[name])

    figures = [n for f in made.findings for n in (f.score, f.baseline, f.threshold)]
    assert all(0 <= n <= 1 + 1e-9 for n in figures)
    assert "NaN" not in made.to_json()
    assert json.loads(made.to_json())
    assert [f.metric for f in made.failures if f.column is not None and "odd" in f.column] == []


def test_huge_numbers_are_told_apart() -> None:
    made = report(ODD["huge"], [-abs(float(str(n))) for n in ODD["huge"]])

    assert [f.metric for f in made.failures if f.column == "odd"] == ["KSComplement"]


def test_categories_without_one_in_common_have_no_score_below_0() -> None:
    scores = [
        tv_complement(pa.array([f"a{i}" for i in range(n)]), pa.array([f"b{i}" for i in range(n)]))
        for n in range(1, 600)
    ]

    assert min(scores) == 0
