"""Keys are counted as SQL counts them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sdmetrics.column_pairs import ReferentialIntegrity
from sdmetrics.single_column import KeyUniqueness
from sdmetrics.utils import get_cardinality_distribution

from synthohive_py.quality.keys import KeyCheck, check_key, check_link


def test_a_unique_key_has_nothing_to_report() -> None:
    assert check_key(pa.table({"id": [3, 1, 2]}), ["id"]) == KeyCheck(3, 0, 0)


def test_nulls_and_repetitions_are_told_apart() -> None:
    table = pa.table({"a": [1, 1, 1, None, 2], "b": ["x", "x", "y", "x", None]})

    assert check_key(table, ["a", "b"]) == KeyCheck(rows=5, incomplete=2, repeated=1)
    assert check_key(table, ["a"]) == KeyCheck(rows=5, incomplete=1, repeated=2)


@pytest.mark.parametrize("values", [[], [None, None]], ids=["no rows", "only nulls"])
def test_a_key_without_values(values: list[None]) -> None:
    table = pa.table({"id": pa.array(values, pa.int64())})

    assert check_key(table, ["id"]) == KeyCheck(len(values), len(values), 0)


def test_wide_composite_keys_do_not_collide() -> None:
    """Six columns of 1,000 values would overflow 64 bits if their codes were only multiplied."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.integers(0, 1_000, (3_000, 7)), columns=list("abcdefg"))
    frame = pd.concat([frame, frame.iloc[:5]])

    assert check_key(pa.table(frame), list("abcdefg")).repeated == int(frame.duplicated().sum())


def test_a_null_refers_to_nothing_and_an_unknown_key_is_an_orphan() -> None:
    parent = pa.table({"id": [1, 2, 3]})
    child = pa.table({"fk": [1, 1, 3, 9, None]})
    link = check_link(child, ["fk"], parent, ["id"])

    assert (link.rows, link.orphans) == (4, 1)
    assert link.counts.tolist() == [2, 0, 1]
    assert link.orphan_share == 0.25


def test_composite_links_need_every_part() -> None:
    parent = pa.table({"a": [1, 1, 2], "b": ["x", "y", "x"]})
    child = pa.table({"fa": [1, 1, 2, 2, None], "fb": ["x", "x", "x", "y", "x"]})
    link = check_link(child, ["fa", "fb"], parent, ["a", "b"])

    assert (link.rows, link.orphans) == (4, 1)
    assert link.counts.tolist() == [2, 0, 1]


@pytest.mark.parametrize(
    ("child_type", "parent_type"),
    [
        (pa.int32(), pa.int64()),
        (pa.float64(), pa.int64()),
        (pa.int64(), pa.decimal128(22, 2)),
        (pa.uint8(), pa.int16()),
        (pa.int64(), pa.string()),
    ],
    ids=str,
)
def test_the_two_ends_may_differ_in_type(child_type: pa.DataType, parent_type: pa.DataType) -> None:
    child = pa.table({"fk": pa.array([1, 2, 2, 5]).cast(child_type)})
    parent = pa.table({"id": pa.array([1, 2, 3]).cast(parent_type)})
    link = check_link(child, ["fk"], parent, ["id"])

    assert link.orphans == 1
    assert link.counts.tolist() == [1, 2, 0]


def test_empty_tables_link() -> None:
    parent, child = pa.table({"id": pa.array([], pa.int64())}), pa.table({"fk": [1, 2]})

    assert check_link(child, ["fk"], parent, ["id"]).orphans == 2
    assert check_link(child.slice(0, 0), ["fk"], parent, ["id"]).orphan_share == 0.0


def test_key_scores_equal_sdmetrics() -> None:
    rng = np.random.default_rng(1)
    parents = pd.Series(np.arange(500), name="id")
    children = pd.Series(rng.integers(0, 520, 3_000), name="id")
    link = check_link(pa.table({"fk": children}), ["fk"], pa.table({"id": parents}), ["id"])

    both = (parents, children)
    assert 1 - link.orphan_share == pytest.approx(ReferentialIntegrity.compute(both, both))
    assert link.counts.tolist() == get_cardinality_distribution(parents, children).astype(int).tolist()
    check = check_key(pa.table({"fk": children}), ["fk"])
    assert 1 - check.repeated / check.rows == pytest.approx(KeyUniqueness.compute(parents, children))
