"""Scores equal those of SDMetrics, and hold where SDMetrics has none."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sdmetrics.single_column import KSComplement, MissingValueSimilarity, TVComplement

from synthohive_py.quality import (
    ks_complement,
    missing_value_similarity,
    string_length_ks_complement,
    tv_complement,
)
from synthohive_py.quality.metrics import KS, TEXT_LENGTH, TV, choose_metric, has_nulls

ROWS = 2_000
CLOSE = 1e-6


def draw(kind: str, side: int) -> pd.Series:
    """A column of this kind; side 0 and 1 come from different distributions."""
    rng = np.random.default_rng([side, 7])
    rows = ROWS + 100 * side
    normal = rng.normal(loc=0.3 * side, size=rows)
    columns = {
        "float": lambda: pd.Series(normal),
        "float32": lambda: pd.Series(normal.astype("float32")),
        "rounded": lambda: pd.Series(normal.round(1)),
        "integer": lambda: pd.Series(rng.poisson(4 + side, rows)),
        "nullable integer": lambda: pd.Series(rng.poisson(4 + side, rows), dtype="Int64").mask(normal > 1),
        "float with nulls": lambda: pd.Series(normal).mask(rng.random(rows) < 0.1 + 0.1 * side),
        "datetime": lambda: pd.Series(pd.Timestamp("2024-01-01") + pd.to_timedelta(normal, unit="D")),
        "datetime with nulls": lambda: pd.Series(
            pd.Timestamp("2024-01-01") + pd.to_timedelta(normal, unit="D")
        ).mask(normal > 1),
        "boolean": lambda: pd.Series(normal > 0.5),
        "boolean with nulls": lambda: pd.Series(normal > 0.5, dtype="boolean").mask(normal > 1),
        "text": lambda: pd.Series(rng.choice(list("abcdef")[side:], rows)),
        "text with nulls": lambda: pd.Series(rng.choice(["a", "b", None], rows)),
        "many texts": lambda: pd.Series(rng.integers(0, 900 + 300 * side, rows).astype(str)),
    }
    return columns[kind]()


def arrow(series: pd.Series) -> pa.ChunkedArray:
    return pa.chunked_array([pa.Array.from_pandas(series)])


@pytest.mark.parametrize(
    "kind",
    [
        "float",
        "float32",
        "rounded",
        "integer",
        "nullable integer",
        "float with nulls",
        "datetime",
        "datetime with nulls",
    ],
)
def test_ks_complement_equals_sdmetrics(kind: str) -> None:
    real, twin = draw(kind, 0), draw(kind, 1)

    assert ks_complement(arrow(real), arrow(twin)) == pytest.approx(
        KSComplement.compute(real, twin), abs=CLOSE
    )


@pytest.mark.parametrize("kind", ["boolean", "boolean with nulls", "text", "text with nulls", "many texts"])
def test_tv_complement_equals_sdmetrics(kind: str) -> None:
    real, twin = draw(kind, 0), draw(kind, 1)

    assert tv_complement(arrow(real), arrow(twin)) == pytest.approx(
        TVComplement.compute(real, twin), abs=CLOSE
    )


@pytest.mark.parametrize(
    "kind", ["float with nulls", "datetime with nulls", "boolean with nulls", "text with nulls", "float"]
)
def test_missing_value_similarity_equals_sdmetrics(kind: str) -> None:
    real, twin = draw(kind, 0), draw(kind, 1)

    assert missing_value_similarity(arrow(real), arrow(twin)) == pytest.approx(
        MissingValueSimilarity.compute(real, twin), abs=CLOSE
    )


def test_string_lengths_are_scored_as_numbers() -> None:
    real, twin = draw("many texts", 0), draw("many texts", 1)

    assert string_length_ks_complement(arrow(real), arrow(twin)) == pytest.approx(
        KSComplement.compute(real.str.len(), twin.str.len()), abs=CLOSE
    )


def test_chunks_do_not_matter() -> None:
    real, twin = draw("text", 0), draw("text", 1)
    parts = pa.chunked_array([pa.array(real[:7]), pa.array(real[7:])])

    assert tv_complement(arrow(real), arrow(twin)) == tv_complement(parts, arrow(twin))


@pytest.mark.parametrize(
    ("real", "twin"),
    [
        ([Decimal("1.10"), Decimal("2.20"), None], [Decimal("2.20"), Decimal("2.20")]),
        ([dt.date(2024, 1, 1), dt.date(2024, 1, 2), None], [dt.date(2024, 1, 2)]),
        ([dt.time(1), dt.time(2)], [dt.time(2), None]),
        ([dt.timedelta(1), dt.timedelta(2)], [dt.timedelta(2)]),
        ([2**62, 2**62 + 1], [2**62 + 1]),
    ],
    ids=["decimal", "date", "time", "duration", "large integer"],
)
def test_ks_complement_takes_every_ordered_type(real: list[object], twin: list[object]) -> None:
    """Half of the real values lie below the only value of the twin."""
    assert ks_complement(pa.array(real), pa.array(twin)) == 0.5


def test_nan_is_no_value() -> None:
    real = pa.array([1.0, float("nan"), None])

    assert ks_complement(real, pa.array([1.0])) == 1.0
    assert missing_value_similarity(real, pa.array([1.0])) == pytest.approx(1 / 3)
    assert has_nulls(pa.chunked_array([pa.array([float("nan")])]))


def test_a_twin_of_another_width_is_read_in_the_real_type() -> None:
    assert ks_complement(pa.array([1, 2, 3], pa.int64()), pa.array([1, 2, 3], pa.int32())) == 1.0
    assert tv_complement(pa.array(["a"]), pa.array(["a"], pa.large_string())) == 1.0
    assert tv_complement(pa.array(["a", "b"]).dictionary_encode(), pa.array(["a"])) == 0.5


@pytest.mark.parametrize("metric", [KS, TV, TEXT_LENGTH], ids=lambda metric: metric.name)
def test_columns_without_values(metric: object) -> None:
    """Two empty columns are alike; an empty one beside a full one is not."""
    values = pa.array(["a", "b"]) if metric is TEXT_LENGTH else pa.array([1, 2])
    nothing = pa.nulls(2, values.type)

    assert metric(nothing, nothing) == 1.0
    assert metric(values, nothing) == 0.0
    assert metric(nothing, values) == 0.0


def test_the_metric_follows_from_the_real_column() -> None:
    names = [f"name {i}" for i in range(100)]
    expected = {
        "KSComplement": [pa.array([1, 2]), pa.array([1.5]), pa.array([dt.date(2024, 1, 1)])],
        "TVComplement": [
            pa.array([True]),
            pa.array(["a", "b"] * 50),
            pa.array(["a"] * 9).dictionary_encode(),
        ],
        "StringLengthKSComplement": [pa.array(names), pa.array(["a", "b"] * 20 + names)],
    }
    for name, arrays in expected.items():
        for array in arrays:
            metric = choose_metric(pa.chunked_array([array]))
            assert metric is not None
            assert metric.name == name

    assert choose_metric(pa.chunked_array([pa.nulls(3)])) is None
    assert choose_metric(pa.chunked_array([pa.array(names)]), closed=True) is TV
