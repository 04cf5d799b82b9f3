"""Frames come back with the dtypes and the kinds of values they had, exactly."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from synthohive_py import Metadata, SchemaValidationError, Synthesizer

ROWS = 60
LARGE = 2**60 + 7


def twin_of(frame: pd.DataFrame, **options: Any) -> pd.DataFrame:
    metadata = Metadata()
    metadata.add_table("t", **options)
    return Synthesizer(metadata, model="gaussian_copula", progress=False).fit({"t": frame}).sample()["t"]


# ---------------------------------------------------------------- Python's own objects


def test_large_integers_beside_none_stay_exact():
    parents = pd.DataFrame({"id": pd.Series([LARGE + 3 * i for i in range(20)], dtype=object)})
    children = pd.DataFrame(
        {
            "parent": pd.Series(
                [None if i % 5 == 0 else LARGE + 3 * (i % 20) for i in range(ROWS)], dtype=object
            )
        }
    )
    metadata = Metadata()
    metadata.add_table("parents", pk="id")
    metadata.add_table("children", fk={"parent": "parents.id"})
    synthesizer = Synthesizer(metadata, model="gaussian_copula", progress=False)

    twin = synthesizer.fit({"parents": parents, "children": children}).sample()

    kept = [value for value in twin["children"]["parent"] if value is not None]
    assert {type(value) for value in kept} == {int}
    assert None in set(twin["children"]["parent"])
    assert set(kept) <= set(twin["parents"]["id"])


@pytest.mark.parametrize(
    "values",
    [
        [1, 2, None],
        [True, False, None],
        [0.5, 1.5, None],
        ["a", "b", None],
        [b"a", b"b", None],
        [Decimal("1.5"), Decimal("2.5"), None],
        [dt.date(2024, 1, 1), dt.date(2024, 1, 2), None],
        [dt.datetime(2024, 1, 1, 5), dt.datetime(2024, 1, 2, 6), None],
        [dt.timedelta(days=1), dt.timedelta(days=2), None],
        [dt.time(5), dt.time(6), None],
        [[1], [2, 3], None],
    ],
    ids=lambda values: type(values[0]).__name__,
)
def test_objects_come_back_as_python_values_and_none(values: list[Any]):
    real = pd.DataFrame({"c": pd.Series(values * 20, dtype=object)})

    twin = twin_of(real)["c"]

    assert twin.dtype == object
    assert {type(value) for value in twin} == {type(value) for value in values}


# ---------------------------------------------------------------- Arrow types


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (pa.decimal128(10, 2), [Decimal("1.50"), Decimal("2.25")]),
        (pa.list_(pa.int64()), [[1, 2], [3]]),
        (pa.struct([("a", pa.int64())]), [{"a": 1}, {"a": 2}]),
        (pa.dictionary(pa.int8(), pa.string()), ["x", "y"]),
        (pa.dictionary(pa.int16(), pa.int64(), ordered=True), [1, 2]),
        (pa.timestamp("us", "Europe/Vienna"), [dt.datetime(2024, 1, 1), dt.datetime(2024, 1, 2)]),
        (pa.string(), ["x", "y"]),
        (pa.int16(), [1, 2]),
    ],
    ids=lambda value: str(value) if isinstance(value, pa.DataType) else "",
)
def test_arrow_types_come_back_with_their_parameters(kind: pa.DataType, values: list[Any]):
    column = pa.array([*values, None] * 20)
    column = column.dictionary_encode() if pa.types.is_dictionary(kind) else column
    real = pd.DataFrame({"c": pd.array(column.cast(kind), dtype=pd.ArrowDtype(kind))})

    twin = twin_of(real)

    assert twin.dtypes.to_dict() == real.dtypes.to_dict()


def test_more_values_than_the_indices_count_are_no_problem():
    kind = pa.dictionary(pa.int8(), pa.string())
    codes = pa.array([f"K-{i:05d}" for i in range(100)]).cast(kind)
    frame = pd.DataFrame({"c": pd.array(codes, dtype=pd.ArrowDtype(kind))})
    metadata = Metadata()
    metadata.add_table("t", pk="c")

    twin = Synthesizer(metadata, model="gaussian_copula", progress=False).fit({"t": frame}).sample(scale=3)

    assert twin["t"]["c"].nunique() == 300


# ---------------------------------------------------------------- categories


@pytest.mark.parametrize("categories", [[3, 2, 1], [2.5, 0.5], [True, False], ["small", "large"]])
@pytest.mark.parametrize("ordered", [True, False])
def test_categories_keep_their_order_and_type(categories: list[Any], ordered: bool):
    values = (categories * ROWS)[:ROWS]
    values[7] = None
    real = pd.DataFrame({"c": pd.Categorical(values, categories=categories, ordered=ordered)})

    twin = twin_of(real)["c"]

    assert twin.cat.ordered is ordered
    assert list(twin.cat.categories) == categories
    assert twin.cat.categories.dtype == real["c"].cat.categories.dtype


def test_rare_categories_of_numbers_are_not_told():
    real = pd.DataFrame(
        {"c": pd.Categorical([3] * 30 + [1] * 30 + [777], categories=[3, 777, 1], ordered=True)}
    )

    assert list(twin_of(real)["c"].cat.categories) == [3, 1]


def test_categories_of_days_come_back():
    days = [dt.date(2024, 1, 1), dt.date(2024, 1, 2)]

    assert set(twin_of(pd.DataFrame({"c": pd.Categorical(days * 30)}))["c"].cat.categories) <= set(days)


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    "columns",
    [
        [1, "b"],
        pd.MultiIndex.from_tuples([("a", "x"), ("a", "y")]),
        [dt.date(2024, 1, 1), "b"],
        ["\ud800", "b"],
    ],
)
def test_labels_that_are_no_text_are_refused(columns: Any):
    frame = pd.DataFrame(np.arange(20).reshape(10, 2), columns=columns)

    with pytest.raises(SchemaValidationError, match=r"name is no text.*rename the columns"):
        twin_of(frame)


@pytest.mark.parametrize("kind", [object, "category"])
def test_text_that_is_no_unicode_is_refused_by_name(kind: Any):
    frame = pd.DataFrame({"c": pd.Series(["fine", "\ud800"] * 10, dtype=kind)})

    with pytest.raises(SchemaValidationError, match=r"t\.c: holds text that is no valid Unicode"):
        twin_of(frame)
