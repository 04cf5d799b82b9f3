"""Columns that follow from others are computed: they hold in every row of the twin."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from synthohive_py import Metadata, Synthesizer
from synthohive_py.columns import TableCodec
from synthohive_py.rng import Seed

RNG = np.random.default_rng(0)
NET, TAX = RNG.integers(100, 9000, 500), RNG.integers(0, 900, 500)
NULL = RNG.random(500) < 0.2


def decoded(table: pa.Table, **options: object) -> pa.Table:
    codec = TableCodec.fit(table, name="t", threshold=5, **options)
    return TableCodec.from_state(codec.state()).decode(codec.encode(table), seed=Seed(1))


def as_type(values: np.ndarray, kind: pa.DataType) -> pa.Array:
    if pa.types.is_decimal(kind):
        return pa.array([Decimal(int(v)) / 100 for v in values], kind, mask=NULL)
    if pa.types.is_floating(kind):
        return pa.array(np.round(values / 100, 2), kind, mask=NULL)
    return pa.array(values, mask=NULL).cast(kind)


@pytest.mark.parametrize("kind", [pa.int32(), pa.float64(), pa.decimal128(12, 2), pa.duration("s")], ids=str)
def test_a_sum_holds_in_every_row_and_keeps_its_type(kind: pa.DataType) -> None:
    real = pa.table({"total": as_type(NET + TAX, kind), "net": as_type(NET, kind), "tax": as_type(TAX, kind)})

    twin = decoded(real).to_pylist()

    assert decoded(real).schema == real.schema
    assert sum(row["total"] is None for row in twin) == NULL.sum()
    for row in twin:
        if row["total"] is not None:
            expected = row["net"] + row["tax"]
            assert row["total"] == (round(expected, 2) if isinstance(expected, float) else expected)


def test_a_copy_stays_a_copy() -> None:
    real = pa.table({"a": NET, "b": NET, "c": TAX})

    twin = decoded(real)

    assert twin["a"] == twin["b"]


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.slice(0, 50),  # too few rows
        lambda t: t.set_column(0, "total", pc_add_one(t["total"])),  # wrong in one row
        lambda t: t.set_column(2, "tax", pa.array([i % 3 for i in range(500)])),  # no sum at all
    ],
)
def test_what_does_not_hold_or_may_be_chance_is_learned(change: object) -> None:
    table = change(pa.table({"total": NET + TAX, "net": NET, "tax": TAX}))

    codec = TableCodec.fit(table, name="t", threshold=5)

    assert all(codec.codec(name).cardinalities for name in codec.names)


QUANTITY, PRICE = RNG.integers(1, 40, 500), np.round(RNG.gamma(2, 30, 500), 2)
OFF, TAXED = RNG.choice([0, 0.05, 0.2], 500), RNG.choice([7, 19], 500)


@pytest.mark.parametrize(
    ("factors", "amount"),
    [
        ({"q": QUANTITY, "p": PRICE}, QUANTITY * PRICE),
        ({"p": PRICE, "off": OFF}, PRICE * (1 - OFF)),
        ({"tax": TAXED, "p": PRICE}, PRICE * (1 + TAXED / 100)),
        ({"off": OFF, "q": QUANTITY, "p": PRICE}, QUANTITY * PRICE * (1 - OFF)),
        ({"q": QUANTITY, "p": PRICE, "n": NET}, QUANTITY * PRICE * NET),
    ],
    ids=["two", "a discount", "a tax in percent", "a discount of two", "three"],
)
def test_a_product_is_found_and_holds_in_every_row(
    factors: dict[str, np.ndarray], amount: np.ndarray
) -> None:
    real = pa.table({"amount": np.round(amount, 2), **factors})

    codec = TableCodec.fit(real, name="t", threshold=5)
    twin = decoded(real).to_pandas()

    assert not codec.codec("amount").cardinalities
    made = codec.codec("amount").differs(pa.array(twin["amount"]), {k: pa.array(twin[k]) for k in factors})
    assert not made.any()
    assert twin["amount"].corr(pd.Series(amount)) > 0.9


def test_what_is_computed_may_be_a_factor() -> None:
    subtotal = np.round(QUANTITY * PRICE, 2)
    total = np.round(subtotal * (1 - OFF), 2)
    real = pa.table(
        {"total": total, "subtotal": subtotal, "off": OFF, "q": QUANTITY, "p": PRICE, "fee": NET / 100}
    )
    real = real.append_column("due", pa.array(np.round(total + NET / 100, 2)))

    codec = TableCodec.fit(real, name="t", threshold=5)

    assert {name for name in codec.names if not codec.codec(name).cardinalities} == {
        "total",
        "subtotal",
        "due",
    }
    twin = decoded(real).to_pandas()
    assert np.allclose(twin["total"], twin["subtotal"] * (1 - twin["off"]), atol=0.0051)
    assert np.allclose(twin["due"], twin["total"] + twin["fee"], atol=0.0051)


def pc_add_one(column: pa.ChunkedArray) -> pa.Array:
    values = column.to_numpy().copy()
    values[7] += 1
    return pa.array(values)


def test_key_columns_are_never_derived() -> None:
    table = pa.table({"total": NET + TAX, "net": NET, "tax": TAX})

    codec = TableCodec.fit(table, name="t", threshold=5, independent=("net",))

    assert codec.codec("total").cardinalities


def test_sums_hold_in_the_twin() -> None:
    frame = pd.DataFrame({"net": NET, "tax": TAX, "total": NET + TAX, "kind": ["a", "b"] * 250})
    metadata = Metadata()
    metadata.add_table("bills")

    twin = Synthesizer(metadata, model="autoregressive", model_options={"epochs": 2}, progress=False).fit(
        {"bills": frame}
    )

    bills = twin.sample()["bills"]
    assert (bills["total"] == bills["net"] + bills["tax"]).all()
    assert list(bills.columns) == list(frame.columns)
