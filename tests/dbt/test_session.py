"""What becomes of a model's result where the database runs no Python: columns and rows for `copy`."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from synthohive_py.dbt.native import rows_of
from synthohive_py.dbt.session import PostgresSession, as_copy
from synthohive_py.errors import DataError, SynthoHiveError


def test_nulls_and_empty_texts_differ() -> None:
    copy = as_copy(pd.DataFrame({"text": ["", None, 'a "b",\n'], "number": [1.5, np.nan, np.inf]}))

    assert copy.columns == {"text": "text", "number": "double precision"}
    assert copy.csv.read() == b'"",1.5\n,\n"a ""b"",\n",inf\n'
    assert copy.rows == 3


@pytest.mark.parametrize(
    ("kind", "there"),
    [
        ("int8", "smallint"),
        ("uint8", "smallint"),
        ("uint16", "integer"),
        ("int32", "integer"),
        ("uint32", "bigint"),
        ("uint64", "numeric(20)"),
        ("float32", "real"),
        ("bool", "boolean"),
        ("date32", "date"),
        ("large_string", "text"),
    ],
)
def test_every_type_has_one_that_holds_it(kind: str, there: str) -> None:
    table = pa.table({"a": pa.array([], pa.type_for_alias(kind))})

    assert as_copy(table).columns == {"a": there}


@pytest.mark.parametrize(
    ("result", "words"),
    [
        ([1], "no data frame; expected .*; received builtins.list"),
        (pd.DataFrame({"a": [[1]]}), "a: has the type list<.*can't be written"),
        (pd.DataFrame({"a": [1, "secret"]}), "a: holds values of several types"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "columns of the same name; received a"),
    ],
)
def test_what_can_not_be_written_is_refused(result: object, words: str) -> None:
    with pytest.raises(DataError, match=words) as refused:
        as_copy(result)

    assert "secret" not in str(refused.value)


def test_a_session_does_not_show_its_password() -> None:
    session = PostgresSession("postgresql://me:secret@/shop?host=localhost&port=1")

    assert "secret" not in repr(session) + str(session.table('"shop"."a"."b"'))
    with pytest.raises(SynthoHiveError) as refused:
        session.table('"shop"."a"."b"').df()
    assert "secret" not in str(refused.value)


class SparkFrame:
    def toArrow(self) -> pa.Table:  # noqa: N802  as Spark names it
        return pa.table({"kind": ["report"]})


class OldSparkFrame:
    def collect(self) -> list[OldSparkFrame]:
        return [self]

    def asDict(self) -> dict[str, str]:  # noqa: N802
        return {"kind": "report"}


@pytest.mark.parametrize("relation", [SparkFrame(), OldSparkFrame()])
def test_rows_of_spark_are_read_as_those_of_other_databases(relation: object) -> None:
    assert rows_of(relation) == [{"kind": "report"}]
