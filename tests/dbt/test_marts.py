"""Marts whose numbers are hard to count with are compared all the same, and told in valid JSON."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from synthohive_py.comparison import MartComparison, MeanGap, RunComparison
from synthohive_py.connectors import Relation
from synthohive_py.dbt.marts import compare_mart
from synthohive_py.dbt.runs import Mart
from synthohive_py.rng import Seed

ROWS = 400


def compared(real: np.ndarray, twin: np.ndarray) -> MartComparison:
    mart = Mart("sums", Relation("warehouse", "shop", "sums"), (), is_snapshot=False, is_last=True)
    sides = [(pa.Table.from_pandas(pd.DataFrame({"total": side})), ROWS) for side in (real, twin)]
    return compare_mart(mart, sides[0], sides[1], Seed(0))


@pytest.mark.parametrize("scale", [1e-310, 1e-200, 1.0, 1e200, 1e307])
def test_a_mean_is_off_by_as_much_whatever_its_scale(scale: float) -> None:
    rng = np.random.default_rng(0)
    [mean] = compared(rng.normal(5, 1, ROWS) * scale, rng.normal(8, 1, ROWS) * scale).means

    assert mean.gap == pytest.approx(3, abs=0.2)
    assert 0 < mean.baseline < 0.3
    assert mean.total_ratio == pytest.approx(1.6, abs=0.1)
    assert not mean.passed


@pytest.mark.parametrize("twin", [[1e308, -1e308], [1e308, 1e308], [math.inf, 1e308]])
def test_a_twin_beyond_all_numbers_fails_and_is_told_in_valid_json(twin: list[float]) -> None:
    rng = np.random.default_rng(0)
    mart = compared(rng.normal(5, 1, ROWS) * 1e-300, np.array(twin * (ROWS // 2)))
    text = RunComparison("shop", (), (mart,)).to_json()

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    [told] = json.loads(text, parse_constant=refuse)["marts"]
    assert [mean.passed for mean in mart.means] == [False]
    assert told["means"][0]["gap"] is None
    assert told["failures"] == 1


def test_numbers_that_json_has_are_told_as_they_are() -> None:
    mart = MartComparison("sums", means=(MeanGap("total", 0.25, 0.1, 0.8, math.nan),))
    told = RunComparison("shop", (), (mart,)).to_dict()["marts"][0]["means"][0]
    [written] = json.loads(RunComparison("shop", (), (mart,)).to_json())["marts"]

    assert math.isnan(told["total_ratio"])
    assert written["means"] == [{**told, "total_ratio": None}]
