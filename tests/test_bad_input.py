"""Whatever is passed, what comes back is a twin or an error that says what was expected instead."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from synthohive_py import (
    DataError,
    ForeignKey,
    Metadata,
    SchemaError,
    SchemaValidationError,
    SettingError,
    Synthesizer,
)

ROWS = 60
Tables = dict[str, Any]


def synthesizer(metadata: Metadata, **options: Any) -> Synthesizer:
    return Synthesizer(metadata, **{"model": "gaussian_copula", "progress": False, **options})


def alone(name: str = "t", **options: Any) -> Metadata:
    metadata = Metadata()
    metadata.add_table(name, **options)
    return metadata


def family(**options: Any) -> Metadata:
    metadata = Metadata()
    metadata.add_table("parents", pk="id", **options)
    metadata.add_table("children", fk={"parent": "parents.id"})
    return metadata


def refusal(metadata: Metadata, data: Tables) -> str:
    """What a fit says, and a plan, too."""
    with pytest.raises(SchemaValidationError) as caught:
        synthesizer(metadata).fit(data)
    assert synthesizer(metadata).plan(data).problems == caught.value.problems
    return str(caught.value)


# ---------------------------------------------------------------- declarations


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"pk": 5}, "pk"),
        ({"pk": ["a", "a"]}, "named twice"),
        ({"fk": 5}, "fk must be a mapping"),
        ({"fk": {"a": 5}}, r"parent\.column"),
        ({"foreign_keys": 5}, "foreign_keys"),
        ({"fk": {"a": "p.id"}, "foreign_keys": 5}, "foreign_keys"),
        ({"unique": [()]}, "unique"),
        ({"unique": [("a", "a")]}, "named twice"),
    ],
)
def test_declarations_of_other_shapes_are_refused(options: dict[str, Any], word: str):
    with pytest.raises(SchemaError, match=word):
        Metadata().add_table("t", **options)


@pytest.mark.parametrize("name", [5, None, ["t"], ""])
def test_a_table_without_a_text_for_a_name_is_refused(name: Any):
    with pytest.raises(SchemaError, match="name"):
        Metadata().add_table(name)


# ---------------------------------------------------------------- data


@pytest.mark.parametrize("data", [None, 5, [pd.DataFrame({"a": [1]})], {5: pd.DataFrame({"a": [1]})}])
@pytest.mark.parametrize("call", ["fit", "plan"])
def test_data_that_are_no_tables_by_name_are_refused(call: str, data: Any):
    with pytest.raises(DataError, match=r"no tables by name.*expected a dict"):
        getattr(synthesizer(alone()), call)(data)


def test_columns_may_have_any_name(tmp_path: Path):
    names = [".id", "__array__", "~__array__", "a.b", "[0]"]
    frame = pd.DataFrame({name: np.arange(ROWS) % (60 if name == ".id" else 4) for name in names})
    metadata = Metadata()
    metadata.add_table("__array__", pk=".id", unique=[(".id", "a.b")])
    key = ForeignKey(columns="[0]", parent="__array__", parent_columns=".id")
    metadata.add_table("children", foreign_keys=[key])
    before = synthesizer(metadata).fit({"__array__": frame, "children": frame})

    before.save(tmp_path / "kept")
    twin = Synthesizer.load(tmp_path / "kept", progress=False).sample()

    assert list(twin["__array__"].columns) == names
    assert twin["__array__"][".id"].is_unique
    for name, expected in before.sample().items():
        pd.testing.assert_frame_equal(twin[name], expected)


# ---------------------------------------------------------------- keys


def ends(parent: pa.Array, child: pa.Array) -> Tables:
    return {
        "parents": pa.table({"id": parent, "x": np.arange(len(parent)) % 3}),
        "children": pa.table({"parent": child, "y": np.arange(len(child)) % 4}),
    }


INT8 = pa.array(np.arange(ROWS) % 20, pa.int8())


@pytest.mark.parametrize(
    ("parent", "child", "word"),
    [
        (pa.array(2**60 + np.arange(20)), pa.array(2.0**60 + np.zeros(ROWS)), "exactly.*Int64"),
        (pa.array(np.arange(20, dtype="float16")), pa.array(np.arange(20, dtype="float16")), "halffloat"),
        (pa.array(100 + np.arange(20), pa.int32()), INT8, "too little room"),
        (pa.array(1000 + np.arange(20), pa.int32()), INT8, "exactly"),
        (pa.array(np.arange(20) - 5, pa.int32()), pa.array(INT8, pa.uint8()), "exactly"),
        (pa.array(2**20 * np.arange(20)), pa.array(np.zeros(ROWS), pa.float32()), "exactly"),
        (pa.array(np.arange(20), pa.timestamp("us", "UTC")), INT8.cast(pa.int64()).cast(pa.timestamp("us")),
         "another type"),
        (pa.array(np.arange(20), pa.timestamp("us")), pa.array([0] * 5, pa.timestamp("s")), "exactly"),
        (pa.array([uuid.UUID(int=i) for i in range(20)]), pa.array([1] * 9), "another type"),
        (pa.array([[i] for i in range(20)]), pa.array([[1]] * 9), "list.*to text"),
    ],
)  # fmt: skip
def test_ends_of_a_key_that_do_not_go_together_are_refused(parent: pa.Array, child: pa.Array, word: str):
    assert re.search(word, refusal(family(), ends(parent, child)))


@pytest.mark.parametrize(
    ("parent", "child"),
    [
        (pa.array(np.arange(20)), pa.array(np.arange(ROWS) % 20, pa.int16())),
        (pa.array(np.arange(20)), pa.array(np.arange(ROWS) % 20.0, mask=np.arange(ROWS) % 7 == 0)),
        (pa.array([dt.time(i) for i in range(20)], pa.time32("s")),
         pa.array([dt.time(i % 20) for i in range(ROWS)], pa.time64("us"))),
        (pa.array(np.arange(20), pa.duration("s")), pa.array(np.arange(ROWS) % 20 * 1000, pa.duration("ms"))),
        (pa.array([dt.date(2024, 1, 1 + i) for i in range(20)]),
         pa.array([dt.date(2024, 1, 1 + i % 20) for i in range(ROWS)], pa.date64())),
        (pa.array([bytes([i, 255]) for i in range(20)]),
         pa.array([bytes([i % 20, 255]) for i in range(ROWS)], pa.large_binary())),
    ],
    ids=["widths", "masked by pandas", "times", "durations", "days", "bytes"],
)  # fmt: skip
def test_ends_of_several_types_that_go_together_are_joined(parent: pa.Array, child: pa.Array):
    twin = synthesizer(family()).fit(ends(parent, child)).sample(scale=0.5)

    kept = twin["children"]["parent"].dropna()
    assert len(kept)
    assert set(kept) <= set(twin["parents"]["id"])


def test_a_copied_table_does_not_refer_to_one_that_is_made_anew():
    metadata = Metadata()
    metadata.add_table("parents", pk="id")
    metadata.add_table("children", fk={"parent": "parents.id"}, mode="reference")
    data = ends(pa.array(np.arange(20)), pa.array(np.arange(20)))

    assert "declare 'parents' with mode='reference', too" in refusal(metadata, data)
    synthesizer(metadata).fit({**data, "children": data["children"].slice(0, 0)})
    metadata.tables["parents"] = metadata.tables["parents"].model_copy(update={"mode": "reference"})
    synthesizer(metadata).fit(data)


# ---------------------------------------------------------------- constraints and accepted values


def test_whole_numbers_are_declared_only_of_whole_numbers():
    whole = alone(constraints={"a": {"dtype": "int"}})

    assert "30 of 60 values that are none" in refusal(whole, {"t": pd.DataFrame({"a": np.arange(60) / 2})})
    decimals = pd.DataFrame({"a": [Decimal("1.50"), Decimal("2.00")] * 10})
    assert "10 of 20 values" in refusal(whole, {"t": decimals})
    twin = synthesizer(whole).fit({"t": pd.DataFrame({"a": [1.0, 2.0, None] * 20})}).sample()["t"]["a"]
    assert (twin.dropna() % 1 == 0).all()


def test_values_that_are_not_accepted_are_counted_and_not_told():
    message = refusal(
        alone(accepted_values={"a": ["new"]}), {"t": pd.DataFrame({"a": ["new", "secret", None] * 20})}
    )

    assert "20 of 60 rows" in message
    assert "add these values, clean the rows, or remove accepted_values" in message
    assert "secret" not in message


@pytest.mark.parametrize(
    ("values", "accepted"),
    [
        ([1, 2], ["x"]),
        ([1, 2], [1, 2, 2.5]),
        ([1, 2], [1, 2, 2**80]),
        (["a", "b"], ["a", "b", "\ud800"]),
        ([b"a", b"b"], [b"a", b"b"]),
        ([[1], [2]], [[1], [2]]),
    ],
)
def test_values_that_a_column_can_not_hold_are_not_accepted(values: list[Any], accepted: list[Any]):
    assert "accept" in refusal(
        alone(accepted_values={"a": accepted}), {"t": pd.DataFrame({"a": values * 30})}
    )


@pytest.mark.parametrize(
    ("values", "accepted"),
    [
        ([1, 2], ["1", "2", "3"]),
        ([True, False], ["true", "false"]),
        ([dt.date(2024, 1, 1), dt.date(2024, 1, 2)], ["2024-01-01", "2024-01-02"]),
        ([Decimal("1.5"), Decimal("2.5")], [1.5, 2.5, None]),
        ([None, None], ["x"]),
    ],
)
def test_values_may_be_accepted_as_another_type_writes_them(values: list[Any], accepted: list[Any]):
    real = pd.DataFrame({"a": values * 30})

    twin = synthesizer(alone(accepted_values={"a": accepted})).fit({"t": real}).sample()["t"]

    assert set(twin["a"]) <= set(values)


@pytest.mark.parametrize(
    "told", [{"constraints": {"a": {"min": 0}}}, {"accepted_values": {"a": [*range(ROWS)]}}]
)
@pytest.mark.parametrize("unique", [{"pk": "a"}, {"unique": ["a"]}])
def test_nothing_is_declared_of_values_that_are_computed(unique: dict[str, Any], told: dict[str, Any]):
    message = refusal(alone(**unique, **told), {"t": pd.DataFrame({"a": range(ROWS)})})

    assert "its values are computed" in message
    assert "synthohive.ignore" in message


# ---------------------------------------------------------------- arguments


@pytest.fixture(scope="module")
def fitted() -> Synthesizer:
    metadata = Metadata()
    metadata.add_table("p", pk="id")
    metadata.add_table("c", fk={"p": "p.id"})
    hours = pd.date_range("2024-01-01", periods=20, freq="h")
    days = [dt.date(2024, 1, 1 + i) for i in range(20)]
    p = pd.DataFrame({"id": range(20), "x": [1.5, 2.5] * 10, "at": hours, "day": days})
    c = pd.DataFrame({"p": np.arange(ROWS) % 20, "q": np.arange(ROWS) % 6})
    return synthesizer(metadata).fit({"p": p, "c": c})


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        *(({"scale": scale}, "scale.*a number above 0") for scale in ("2", None, [1], True, 1j)),
        *(({"num_rows": {"p": n}}, "p: num_rows is no whole number") for n in (5.5, "5", None, True)),
        *(({"num_rows": rows}, "num_rows is no mapping") for rows in (5, ["p"], "p")),
        ({"num_rows": {5: 5}}, "5.*root tables"),
        *(({"conditions": some}, "conditions are no mapping") for some in (5, ["c"], {"c": 5}, {"c": []})),
        ({"conditions": {"c": {5: 1}}}, "no such column"),
        ({"conditions": {5: {"q": 1}}}, "not in the schema"),
        ({"conditions": {"q": 5}}, 'not in the schema.*write them as {"orders"'),
        ({"conditions": {"c": {"q": [1, 2]}}}, "c.q: has a condition of several values.*one value"),
        *(({"append_to": twin}, "append_to is no path.*dict of tables") for twin in (5, pd.DataFrame(), [])),
        *(({"output_path": path}, "output_path is no path") for path in (5, b"x", "a\0b")),
        ({"output_format": "csv"}, "nothing is to be written"),
        ({"output_format": "excel"}, "output_format is unknown"),
        ({"output_format": 5}, "output_format is unknown"),
        *(({"chunk_rows": rows}, "chunk_rows") for rows in (0, "5", None)),
    ],
)  # fmt: skip
def test_arguments_of_sample_are_refused_by_name(fitted: Synthesizer, arguments: dict[str, Any], word: str):
    with pytest.raises(SettingError, match=word):
        fitted.sample(**arguments)


def test_numbers_of_numpy_are_numbers(fitted: Synthesizer):
    assert len(fitted.sample({"p": np.int64(7)}, scale=np.float32(1))["p"]) == 7


@pytest.mark.parametrize("path", [5, None, b"kept", "a\0b"])
def test_what_is_no_path_is_refused(fitted: Synthesizer, path: Any):
    with pytest.raises(SettingError, match="path is no path"):
        fitted.save(path)
    with pytest.raises(SettingError, match="path is no path"):
        Synthesizer.load(path)
    if path is not None:
        with pytest.raises(SettingError, match="checkpoint_path is no path"):
            synthesizer(alone()).fit({"t": pd.DataFrame({"a": [1, 2]})}, checkpoint_path=path)


@pytest.mark.parametrize("options", ["abc", 5, ["epochs"], {5: 1}])
def test_options_of_a_model_go_by_name(options: Any):
    with pytest.raises(SettingError, match="model_options are no options by name"):
        synthesizer(alone(), model_options=options)


@pytest.mark.parametrize("model", [5, None, ["ctgan"]])
def test_a_model_goes_by_its_name(model: Any):
    with pytest.raises(SettingError, match="there is no model"):
        synthesizer(alone(), model=model)


@pytest.mark.parametrize(
    "condition",
    [
        {"c": {"q": 2.5}},
        {"c": {"q": Decimal("2.5")}},
        {"c": {"q": float("nan")}},
        {"p": {"at": pd.Timestamp("2024-01-01", tz="Europe/Vienna")}},
        {"p": {"day": dt.datetime(2024, 1, 1, 5)}},
        {"c": {"q": "\ud800"}},
    ],
)
def test_a_condition_that_the_column_would_change_is_refused(fitted: Synthesizer, condition: dict[str, Any]):
    with pytest.raises(SettingError, match="can't have the value"):
        fitted.sample(conditions=condition)


@pytest.mark.parametrize(
    "condition",
    [
        {"c": {"q": 2.0}},
        {"c": {"q": np.int8(2)}},
        {"p": {"at": dt.datetime(2024, 1, 1, 5)}},
        {"p": {"day": pd.Timestamp("2024-01-05")}},
    ],
)
def test_a_condition_of_another_type_and_the_same_value_is_kept(
    fitted: Synthesizer, condition: dict[str, Any]
):
    [(table, wanted)] = condition.items()
    [(column, value)] = wanted.items()

    assert set(pd.to_datetime(fitted.sample(conditions=condition)[table][column])) == {pd.Timestamp(value)}


# ---------------------------------------------------------------- twins to append to


@pytest.mark.parametrize(
    ("table", "change", "word"),
    [
        ("p", {"more": 1}, "p: the table to append to holds.*'more'"),
        ("p", {"id": None}, "p.id.*holds nulls"),
        ("p", {"id": pd.array([None, *range(19)], dtype="Int64")}, "p.id.*holds nulls"),
        ("p", {"id": 7}, "p.id.*not unique"),
        ("c", {"p": 10**6}, "c.p.*refers to rows of 'p' that are not there"),
    ],
)
def test_a_twin_that_is_not_sound_is_not_appended_to(
    fitted: Synthesizer, table: str, change: dict[str, Any], word: str
):
    twin = fitted.sample()
    twin[table] = twin[table].assign(**change)

    with pytest.raises(SettingError, match=word):
        fitted.sample(append_to=twin)


def test_a_table_that_the_schema_does_not_have_is_not_appended_to(fitted: Synthesizer):
    with pytest.raises(SettingError, match=r"the twin to append to holds.*only p, c.*'new'"):
        fitted.sample(append_to={**fitted.sample(), "new": pd.DataFrame({"a": [1]})})


# ---------------------------------------------------------------- misspelt names


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda _: alone(primary_kye="a"), None),
        (lambda _: alone(constraint={}), "'constraints'"),
        (lambda _: alone(constraints={"a": {"minn": 1}}), "'min'"),
        (lambda _: synthesizer(alone(), model="ctgn"), "'ctgan'"),
        (lambda _: synthesizer(alone(), model_options={"shrinkag": 1}), "'shrinkage'"),
        (lambda _: Synthesizer(alone(), modl="ctgan"), "'model'"),
        (lambda f: f.fit({}, checkpoint="x"), "'checkpoint_path'"),
        (lambda f: f.sample({"P": 5}), "'p'"),
        (lambda f: f.sample(conditions={"C": {"q": 1}}), "'c'"),
        (lambda f: f.sample(conditions={"p": {"dy": 1}}), "'day'"),
    ],
)
def test_a_near_name_is_proposed(fitted: Synthesizer, call: Any, word: str | None):
    with pytest.raises((SchemaError, SettingError)) as caught:
        call(fitted)
    assert f"did you mean {word}?" in str(caught.value) if word else "did you mean" not in str(caught.value)


def test_near_names_of_tables_and_columns_are_proposed():
    metadata = alone("Orders", pk="ID")
    assert "did you mean 'Orders'?" in refusal(metadata, {"orders": pd.DataFrame({"ID": [1, 2]})})
    assert "did you mean 'id'?" in refusal(metadata, {"Orders": pd.DataFrame({"id": [1, 2]})})
    metadata.add_table("lines", fk={"order": "Ordrs.ID"})
    assert "did you mean 'Orders'?" in refusal(metadata, {"Orders": pd.DataFrame({"ID": [1, 2]})})


def test_only_what_can_be_given_is_proposed():
    with pytest.raises(SettingError) as caught:
        Synthesizer(alone(), earlyer=1)
    assert "earlier" not in str(caught.value)
    with pytest.raises(SchemaError, match=r"take one of name, pk, .*, fk$"):
        alone(primary_key="a")
    with pytest.raises(SettingError, match="tables and URLs are given to fit"):
        Synthesizer({"t": pd.DataFrame({"a": [1]})})  # type: ignore[arg-type]
    with pytest.raises(SchemaError, match="'6' is no column; a bound is no rule, but min or max"):
        alone(rules=["a > 6"])


def test_personal_columns_that_are_not_there_are_refused():
    metadata = alone(pk="id", pii_cols=["emial"])
    frame = pd.DataFrame({"id": range(ROWS), "email": [f"a{i}@b.at" for i in range(ROWS)]})
    assert "t.emial: is declared but not in the data" in refusal(metadata, {"t": frame})


def test_a_problem_is_told_once_and_bounds_as_they_are_declared():
    told = refusal(alone(pk="id", accepted_values={"x": ["a"]}), {"t": pd.DataFrame()})
    assert told.startswith("Schema and data have 1 problem:")
    told = refusal(alone(constraints={"x": {"min": 5}}), {"t": pd.DataFrame({"x": range(ROWS)})})
    assert "expected values of at least 5.0; received values from 0.0 to 59.0" in told


def test_no_word_of_pydantic_is_in_an_error_of_ours():
    wrong: list[dict[str, Any]] = [
        {"pk": 5},
        {"fks": {}},
        {"mode": "copy"},
        {"unique": [()]},
        {"constraints": {"a": 5}},
        {"constraints": {"a": {"min": "x"}}},
        {"foreign_keys": [{"columns": ["a"]}]},
        {"accepted_values": {"a": 5}},
        {"fk": 5},
        {"order_by": 5},
        {"foreign_keys": [{"columns": "a", "parent": "p", "parent_columns": "b", "driver": "often"}]},
    ]
    for options in wrong:
        with pytest.raises(SchemaError) as caught:
            Metadata().add_table("t", **options)
        assert caught.value.table == "t"
        assert not re.search(
            "Input should|Extra inputs|Value error|Field required|pydantic", str(caught.value)
        )
    with pytest.raises(SchemaError, match="tables: must be a mapping"):
        Metadata(tables=5)  # type: ignore[arg-type]


# ---------------------------------------------------------------- days and times as text


@pytest.mark.parametrize(("column", "value"), [("day", "2024-01-05"), ("at", "2024-01-01T05:00")])
def test_days_and_times_in_conditions_may_be_text(fitted: Synthesizer, column: str, value: str):
    twin = fitted.sample(conditions={"p": {column: value}})

    assert set(pd.to_datetime(twin["p"][column])) == {pd.Timestamp(value)}


@pytest.mark.parametrize(
    ("column", "value", "word"),
    [
        ("day", "5.1.2024", "as text '2024-02-29'"),
        ("day", "2024-01-05 07:00", "as text '2024-02-29'"),
        ("at", "noon", "as text '2024-02-29 13:45:00'"),
        ("at", "1999-01-01", "never has the value"),
    ],
)
def test_text_that_is_no_day_of_the_column_is_refused(
    fitted: Synthesizer, column: str, value: str, word: str
):
    with pytest.raises(SettingError, match=word):
        fitted.sample(conditions={"p": {column: value}})
