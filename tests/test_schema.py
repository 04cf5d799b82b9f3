"""Declarations and data are checked before anything is trained, and every problem is listed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from synthohive_py import (
    Constraint,
    ForeignKey,
    Metadata,
    SchemaError,
    SchemaValidationError,
    SettingError,
    Synthesizer,
    SynthoHiveError,
)


def shop() -> Metadata:
    metadata = Metadata()
    metadata.add_table("users", pk="id")
    metadata.add_table("orders", pk="id", fk={"user_id": "users.id"})
    return metadata


def shop_data() -> dict[str, pd.DataFrame]:
    return {
        "users": pd.DataFrame({"id": [1, 2, 3], "age": [30, 40, 50]}),
        "orders": pd.DataFrame({"id": [1, 2, 3], "user_id": [1, 1, 3]}),
    }


def problems(
    metadata: Metadata, data: dict[str, pd.DataFrame] | None
) -> list[tuple[str | None, str | None, str]]:
    with pytest.raises(SchemaValidationError) as caught:
        metadata.validate(data)
    return [(p.table, p.column, p.summary) for p in caught.value.problems]


def test_a_sound_schema_and_its_data_pass():
    shop().validate()
    shop().validate(shop_data())


def test_single_and_composite_keys_are_declared_alike():
    metadata = Metadata()
    metadata.add_table("a", pk="x")
    metadata.add_table(
        "b",
        pk=["x", "y"],
        foreign_keys=[ForeignKey(columns=["x", "y"], parent="c", parent_columns=["x", "y"])],
        fk={"x": "a.x"},
    )

    assert metadata.tables["a"].pk == ("x",)
    assert [str(k) for k in metadata.tables["b"].foreign_keys] == ["(x, y) -> c(x, y)", "(x) -> a(x)"]


def test_a_table_name_may_hold_dots():
    metadata = Metadata()
    metadata.add_table("orders", fk={"user_id": "crm.main.users.id"})

    key = metadata.tables["orders"].foreign_keys[0]
    assert (key.parent, key.parent_columns) == ("crm.main.users", ("id",))


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"primary_key": "id"}, "primary_key"),
        ({"fk": {"user_id": "users"}}, "parent.column"),
        ({"mode": "copy"}, "mode"),
        ({"constraints": {"age": {"min": 5, "max": 1}}}, "min 5.0 is above max 1.0"),
        ({"constraints": {"age": {"minimum": 5}}}, "minimum"),
        ({"foreign_keys": [{"columns": ["a"], "parent": "t", "parent_columns": ["a", "b"]}]}, "columns"),
    ],
)
def test_wrong_declarations_are_refused_and_named(options, word):
    with pytest.raises(SchemaError, match=word) as caught:
        Metadata().add_table("users", pk="id", **options)
    assert isinstance(caught.value, SynthoHiveError)


def test_a_table_declared_twice_is_refused():
    metadata = shop()
    with pytest.raises(SchemaError, match="users: is declared twice"):
        metadata.add_table("users")


def test_unknown_parents_are_listed_together():
    metadata = Metadata()
    metadata.add_table("orders", fk={"user_id": "users.id", "shop_id": "shops.id"})

    assert problems(metadata, None) == [
        ("orders", "user_id", "refers to the unknown table 'users'"),
        ("orders", "shop_id", "refers to the unknown table 'shops'"),
    ]


def test_every_problem_of_the_data_is_listed_at_once():
    metadata = shop()
    metadata.add_table("parts", pk="id", constraints={"weight": Constraint(min=0)})
    metadata.add_table("empty", pk="id")
    metadata.add_table("full", fk={"empty_id": "empty.id"})
    data = {
        "users": pd.DataFrame({"id": [1, 1, None], "age": [30.0, np.inf, 50.0]}),
        "orders": pd.DataFrame({"id": [1, 2, 3], "customer": [1, 1, 3]}),
        "parts": pd.DataFrame({"id": [1, 2], "weight": [-1.0, 2.0]}),
        "empty": pd.DataFrame({"id": []}),
        "full": pd.DataFrame({"empty_id": [1, 2]}),
        "stray": pd.DataFrame({"x": [1]}),
    }

    assert problems(metadata, data) == [
        ("stray", None, "has data but is not declared"),
        ("users", "age", "holds infinite values"),
        ("users", "id", "the primary key holds nulls"),
        ("users", "id", "the primary key is not unique"),
        ("orders", "user_id", "is declared but not in the data"),
        ("parts", "weight", "breaks its own constraint in the real data"),
        ("full", "empty_id", "refers to 'empty', which has no rows"),
    ]


def test_the_two_ends_of_a_foreign_key_must_share_a_type():
    data = shop_data()
    data["orders"]["user_id"] = ["1", "1", "3"]

    assert problems(shop(), data) == [("orders", "user_id", "has another type than the key it refers to")]


def test_a_foreign_key_must_refer_to_unique_columns():
    metadata = Metadata()
    metadata.add_table("users")
    metadata.add_table("orders", fk={"user_id": "users.id"})
    data = shop_data()
    data["users"]["id"] = [1, 1, 3]

    assert problems(metadata, data) == [
        ("orders", "user_id", "refers to columns of 'users' that are not unique")
    ]


def test_messages_hold_no_real_values():
    data = shop_data()
    data["users"]["id"] = [123_456_789, 123_456_789, 3]

    with pytest.raises(SchemaValidationError) as caught:
        shop().validate(data)
    assert "123456789" not in str(caught.value)


def test_mixed_types_in_a_column_are_refused_by_name():
    data = shop_data()
    data["users"]["age"] = [30, "forty", 50.0]

    assert problems(shop(), data) == [("users", "age", "mixes values that have no common type")]


def test_a_type_that_arrow_lacks_is_refused_by_name():
    data = shop_data()
    data["users"]["age"] = [1j, 2j, 3j]

    assert problems(shop(), data) == [("users", "age", "has the type complex128, which can't be learned")]


def test_a_cycle_inside_primary_keys_can_not_be_cut():
    metadata = Metadata()
    metadata.add_table("a", pk="id", fk={"id": "b.id"})
    metadata.add_table("b", pk="id", fk={"id": "a.id"})

    (problem,) = problems(metadata, None)
    assert "refers to itself through" in problem[2]


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"model": "gpt"}, "gpt"),
        ({"model_options": {"epoch": 3}}, "epoch"),
        ({"k_anonymity_threshold": 0}, "k_anonymity_threshold"),
        ({"max_training_rows": 0}, "max_training_rows"),
        ({"max_training_rows": 1.5}, "max_training_rows.*whole number"),
        ({"max_fit_seconds": "60"}, "max_fit_seconds"),
        ({"max_fit_seconds": float("nan")}, "max_fit_seconds"),
        ({"seed": "seven"}, "seed"),
    ],
)
def test_wrong_options_are_refused_before_any_data_is_read(options, word):
    with pytest.raises(SettingError, match=word):
        Synthesizer(shop(), **options)


def test_bad_data_is_refused_by_fit():
    data = shop_data()
    data["users"]["id"] = [1, 1, 3]
    synthesizer = Synthesizer(shop(), progress=False)

    with pytest.raises(SchemaValidationError, match="the primary key is not unique"):
        synthesizer.fit(data)
    with pytest.raises(SynthoHiveError, match="needs a fitted synthesizer"):
        synthesizer.sample()
