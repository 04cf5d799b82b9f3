"""What a dbt project says of personal data arrives: columns with `pii: true`, and the project's strategy."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from synthohive_py import SettingError
from synthohive_py.dbt.model import score, train, write_twins
from synthohive_py.dbt.schema import read_schema

PEOPLE = [f"Kunigunde Zwickel{i}" for i in range(40)]


def schema_rows(settings: dict[str, object]) -> pd.DataFrame:
    place = {"database": "shop", "schema": "crm", "identifier": "people", "twin_schema": "twins"}
    facts = [
        (
            "table",
            "source.p.crm.people",
            {**place, "exists": True, "unknown_columns": [], "settings": {"enabled": True}},
        ),
        ("column", "id", {"settings": {}}),
        ("column", "nickname", {"settings": settings}),
        ("column", "e_mail", {"settings": {}}),
        ("primary_key", "id", {"columns": ["id"]}),
    ]
    return pd.DataFrame(
        [(kind, "shop", "people", name, json.dumps(payload)) for kind, name, payload in facts],
        columns=["kind", "source_name", "table_name", "name", "payload"],
    )


@pytest.mark.parametrize("strategy", [None, "mask"])
def test_the_twin_in_the_database_holds_no_personal_data(tmp_path: Path, strategy: str | None) -> None:
    with duckdb.connect(str(tmp_path / "shop.duckdb")) as connection:
        frame = pd.DataFrame(
            {"id": range(40), "nickname": PEOPLE, "e_mail": [f"k{i}@z.de" for i in range(40)]}
        )
        connection.register("real", frame)
        connection.execute("create schema crm; create table crm.people as select * from real")
        schema = connection.from_df(schema_rows({"pii": True}))
        meta = {"synthohive_model": "gaussian_copula", "synthohive_pii_strategy": strategy}

        models = connection.from_df(train(schema, connection, meta))
        write_twins(schema, models, connection, meta)

        twin = connection.execute("select * from twins.people").df()
        judged = score(schema, models, connection, meta)

    assert len(twin) == 40
    assert not set(twin["nickname"]) & set(PEOPLE)
    # Invented names may be longer than real ones: they are not compared.
    assert "nickname" not in set(judged["column_name"])
    assert "e_mail" not in set(judged["column_name"])
    assert not set(twin["e_mail"]) & set(frame["e_mail"])
    assert twin["e_mail"].str.startswith("[EMAIL ").all() == (strategy == "mask")


def test_columns_are_declared_by_their_settings() -> None:
    metadata = read_schema(schema_rows({"pii": True}).to_dict("records")).metadata

    assert metadata.tables["people"].pii_cols == ("nickname",)
    public = read_schema(schema_rows({"pii": False}).to_dict("records")).metadata
    assert public.tables["people"].public_cols == ("nickname",)
    with pytest.raises(SettingError, match="pii"):
        read_schema(schema_rows({"pii": "yes"}).to_dict("records"))
