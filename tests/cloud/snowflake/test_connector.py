"""Snowflake in, Snowflake out, on an emulator: exact types, all twins or none, clear errors."""

from __future__ import annotations

import datetime as dt
import socket
import time
from decimal import Decimal
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from synthohive_py.connectors import Place, Relation, Twin, open_url
from synthohive_py.connectors.reflection import Reflected
from synthohive_py.connectors.snowflake import SnowflakeConnector, folded, keys_of
from synthohive_py.connectors.snowflake_types import column_of
from synthohive_py.errors import ConnectorError
from synthohive_py.schema import ForeignKey

D = Decimal
US = pa.timestamp("us")
UTC = ZoneInfo("UTC")
# The type, values as SQL has them, the type in Arrow, the values there.
EXACT = [
    ("number(9,0)", ["-123456789"], pa.int64(), [-123456789]),
    ("integer", ["9223372036854775807"], pa.int64(), [2**63 - 1]),
    ("number(20,0)", ["9223372036854775808"], pa.decimal128(38, 0), [D(2**63)]),
    ("number(10,2)", ["-12345678.90", "0"], pa.decimal128(10, 2), [D("-12345678.90"), D("0.00")]),
    ("number(38,20)", ["1.00000000000000000001"], pa.decimal128(38, 20), [D("1.00000000000000000001")]),
    ("float", ["0.1", "1e-300"], pa.float64(), [0.1, 1e-300]),
    ("varchar", ["''", "'NULL'", "'Grüße😀, \"x\" \\\\ '"], pa.string(), ["", "NULL", 'Grüße😀, "x" \\ ']),
    ("boolean", ["true", "false"], pa.bool_(), [True, False]),
    ("binary", ["to_binary('00ff', 'HEX')"], pa.binary(), [b"\x00\xff"]),
    ("date", ["'0001-01-01'", "'9999-12-31'"], pa.date32(), [dt.date(1, 1, 1), dt.date(9999, 12, 31)]),
    ("time", ["'23:59:59.123456'"], pa.time64("us"), [dt.time(23, 59, 59, 123456)]),
    ("timestamp_ntz", ["'9999-12-31 10:00:00.123456'"], US, [dt.datetime(9999, 12, 31, 10, 0, 0, 123456)]),
    (
        "timestamp_tz",
        ["'2024-02-29 10:00:00.5+02:00'"],
        pa.timestamp("us", "UTC"),
        [dt.datetime(2024, 2, 29, 8, 0, 0, 500000, tzinfo=UTC)],
    ),
    ("variant", ["""parse_json('{"a":[1,null]}')"""], pa.string(), ['{"a":[1,null]}']),
    ("array", ["parse_json('[1,2]')::array"], pa.string(), ["[1,2]"]),
]


def shop(connector: SnowflakeConnector, table: str = "T") -> Relation:
    return connector.relation("shop", table)


def twin(connector: SnowflakeConnector, rows: pa.Table, table: str = "T") -> Twin:
    return Twin(shop(connector, table), connector.relation("twins", table), rows)


def tables(sql, schema: str = "TWINS") -> list[str]:
    return sorted(row[1] for row in sql(f"show tables in schema ACME.{schema}"))


def test_every_type_comes_exactly_and_goes_back_the_same(connector, sql) -> None:
    names = [f"C{place}" for place in range(len(EXACT))]
    kinds = [f"{name} {kind}" for name, (kind, *_) in zip(names, EXACT, strict=True)]
    sql(f"create table SHOP.T (ID integer, {', '.join(kinds)})")
    for place in range(4):  # values, and nulls where there are no more
        values = [values[place] if place < len(values) else "null" for _, values, *_ in EXACT]
        sql(f"insert into SHOP.T select {place}, {', '.join(values)}")

    rows = connector.read(shop(connector)).sort_by("ID")
    connector.write_twins([twin(connector, rows)])

    for name, (kind, _, arrow, expected) in zip(names, EXACT, strict=True):
        assert (kind, rows.schema.field(name).type) == (kind, arrow)
        assert (kind, rows.column(name).to_pylist()) == (kind, [*expected, None, None, None, None][:4])
    described = [sql(f"describe table ACME.{schema}.T") for schema in ("SHOP", "TWINS")]
    assert described[0] == described[1]
    assert connector.read(connector.relation("twins", "T")).sort_by("ID") == rows
    assert connector.count(connector.relation("twins", "T")) == 4
    assert tables(sql) == ["T"]


def test_columns_are_read_as_they_are_asked_for(connector, sql) -> None:
    sql("create table SHOP.T (A integer, B varchar)")
    sql("insert into SHOP.T select seq, 'x' from (select 1 as seq union all select 2)")

    pieces = list(connector.batches(shop(connector), ["B", "A"]))

    assert pieces[0].num_rows == 0
    assert sorted(pa.concat_tables(pieces).to_pylist(), key=str) == [{"B": "x", "A": 1}, {"B": "x", "A": 2}]
    with pytest.raises(ConnectorError, match=r"NOPE.*there is no such column.*one of A, B"):
        connector.read(shop(connector), ["NOPE"])


def test_a_twin_that_was_there_is_kept_and_one_with_other_columns_is_replaced(connector, sql) -> None:
    sql("create table SHOP.T (A integer not null, B varchar default 'x')")
    connector.write_twins([twin(connector, pa.table({"A": [1], "B": ["y"]}))])
    sql("create view ACME.TWINS.V as select sum(A) as total from ACME.TWINS.T")

    connector.write_twins([twin(connector, pa.table({"A": [5, 6], "B": ["y", None]}))])
    total = sql("select total from ACME.TWINS.V")
    sql("alter table SHOP.T add column C float")
    connector.write_twins([twin(connector, pa.table({"A": [7], "B": ["z"], "C": [0.5]}))])

    assert total == [(11,)]
    assert sql("select * from ACME.TWINS.T") == [(7, "z", 0.5)]
    assert tables(sql) == ["T"]
    with pytest.raises(ConnectorError, match=r"V.*is no table"):
        connector.write_twins([Twin(shop(connector), connector.relation("twins", "V"), pa.table({"A": [1]}))])


def test_a_twin_without_a_source_gets_the_nearest_types(connector, sql) -> None:
    rows = pa.table(
        {
            "a": pa.array([2**64 - 1], pa.uint64()),
            "b": [True],
            "c": pa.array([D("1.50")], pa.decimal128(5, 2)),
            "d": pa.array(["x"]).dictionary_encode(),
            "f": pa.array([dt.datetime(2044, 1, 1)], pa.timestamp("ns", "Europe/Berlin")),
            "g": pa.array([None], pa.null()),
        }
    )
    target = connector.relation("twins", "t")

    with connector.writing({"t": Place(None, target, rows.schema)}) as add:
        add("t", rows)

    [row] = sql('select * from ACME.TWINS."t"')
    assert row[:4] == (2**64 - 1, True, D("1.50"), "x")
    assert (row[4].astimezone(UTC), row[5]) == (dt.datetime(2044, 1, 1, tzinfo=UTC), None)
    lists = pa.schema({"odd": pa.list_(pa.int8())})
    with (
        pytest.raises(ConnectorError, match=r"odd.*list.*can't be written"),
        connector.writing({"t": Place(None, target, lists)}),
    ):
        pass


@pytest.mark.parametrize("is_first", [True, False])
@pytest.mark.parametrize("wrong", ["caller", "value"])
def test_after_an_error_nothing_has_changed(connector, sql, is_first, wrong) -> None:
    for name in ("T", "U"):
        sql(f"create table SHOP.{name} (A integer, B number(3,0))")
    fine = pa.table({"A": [1], "B": pa.array([1], pa.int64())})
    if not is_first:
        connector.write_twins([twin(connector, fine), twin(connector, fine, "U")])
    places = {n: Place(shop(connector, n), connector.relation("twins", n)) for n in ("T", "U")}
    words, error = ("no twin was changed", ConnectorError) if wrong == "value" else ("mine", KeyError)

    def write() -> None:
        with connector.writing(places) as add:
            add("T", pa.table({"A": [2], "B": [2]}))
            add("U", pa.table({"A": [2], "B": [12345 if wrong == "value" else 2]}))  # five digits in three
            if wrong == "caller":
                raise KeyError("mine")

    with pytest.raises(error, match=words) as caught:
        write()

    assert "12345" not in str(caught.value)
    if is_first:
        assert sql("show tables in database ACME") == [
            row for row in sql("show tables in database ACME") if row[4] == "SHOP"
        ]
    else:
        assert (sql("select * from ACME.TWINS.T"), sql("select * from ACME.TWINS.U")) == ([(1, 1)], [(1, 1)])
        assert tables(sql) == ["T", "U"]


def test_primary_keys_are_found(connector, sql) -> None:
    sql("create table SHOP.B (X integer, Y integer, primary key (X, Y))")
    sql("create table SHOP.A (ID integer primary key, N integer)")
    sql("create view SHOP.V as select 1 as one")

    found = connector.reflect("shop").tables

    assert list(found) == ["A", "B"]
    assert (found["A"].pk, found["B"].pk) == (("ID",), ("X", "Y"))


def test_keys_are_taken_from_what_snowflake_documents() -> None:
    """The emulator gives no foreign keys: these are rows as in the documentation of `show imported keys`."""
    found = {name: Reflected() for name in ("ORDERS", "LINES")}
    pair = {"pk_database_name": "D", "pk_schema_name": "S", "fk_database_name": "D", "fk_schema_name": "S"}
    imported = [
        {**pair, "pk_table_name": "ORDERS", "pk_column_name": theirs, "fk_table_name": "LINES"}
        | {"fk_column_name": ours, "key_sequence": number, "fk_name": "FK"}
        for number, ours, theirs in ((2, "NO", "ORDER_NO"), (1, "SHOP", "SHOP_NO"))
    ]
    away = {**imported[0], "pk_schema_name": "OTHER", "fk_name": "AWAY"}
    key = {"table_name": "ORDERS", "constraint_name": "PK"}
    primary = [
        {**key, "column_name": name, "key_sequence": place}
        for place, name in ((1, "SHOP_NO"), (2, "ORDER_NO"))
    ]

    keys_of(found, primary, [{**primary[0], "constraint_name": "U"}], [*imported, away])

    expected = ForeignKey(columns=("SHOP", "NO"), parent="ORDERS", parent_columns=("SHOP_NO", "ORDER_NO"))
    assert found["LINES"].foreign_keys == [expected]
    assert (found["ORDERS"].pk, found["ORDERS"].unique) == (("SHOP_NO", "ORDER_NO"), [("SHOP_NO",)])


@pytest.mark.parametrize(
    ("declared", "more", "definition", "given"),
    [
        (
            "NUMBER(38,0)",
            {"default": "IDENTITY START 1 INCREMENT 1"},
            '"C" NUMBER(38,0)',
            "cast({} as NUMBER(38,0))",
        ),
        ("NUMBER(5,2)", {"expression": "A * 2"}, '"C" NUMBER(5,2) as (A * 2)', "cast({} as NUMBER(5,2))"),
        (
            "VARCHAR(9) COLLATE 'de'",
            {"null?": "N"},
            "\"C\" VARCHAR(9) COLLATE 'de' not null",
            "cast({} as VARCHAR(9))",
        ),
        ("OBJECT", {}, '"C" OBJECT', "parse_json({})::OBJECT"),
        ("GEOGRAPHY", {}, '"C" GEOGRAPHY', "to_geography({})"),
        ("VECTOR(FLOAT, 3)", {}, '"C" VECTOR(FLOAT, 3)', "cast({} as VECTOR(FLOAT, 3))"),
    ],
)
def test_columns_that_the_emulator_lacks_are_made_again(declared, more, definition, given) -> None:
    row = {"name": "C", "type": declared, "null?": "Y", "default": None, "expression": None, **more}
    column = column_of(row)

    assert (column.definition, column.given) == (definition, given)


@pytest.mark.parametrize(
    ("name", "meant"), [("shop", "SHOP"), ("Shop_1$", "SHOP_1$"), ('"shop"', "shop"), ("my shop", "my shop")]
)
def test_names_in_a_url_are_meant_as_in_sql(name: str, meant: str) -> None:
    assert folded(name) == meant


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("/acme?", "/missing?", r"database 'MISSING' can't be entered.*correct the name"),
        ("/acme?", "?", r"names no database"),
        ("&protocol", "&colour=red&protocol", r"options that are not known.*colour"),
        ("port={port}", "port={free}", r"can't be reached.*check account"),
    ],
)
def test_a_wrong_url_says_what_is_wrong_and_no_secret(server, url, old, new, says) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        ports = {"port": server["port"], "free": free.getsockname()[1]}
        start = time.monotonic()
        with pytest.raises(ConnectorError, match=says) as caught:
            open_url(url.replace(old.format(**ports), new.format(**ports)))

    assert time.monotonic() - start < 5
    assert "s3cret" not in f"{caught.value!r} {caught.value.__cause__!r}"


def test_an_account_that_is_not_there_is_given_up_within_seconds() -> None:
    start = time.monotonic()
    with pytest.raises(ConnectorError, match="can't be reached"):
        open_url("snowflake://me:s3cret@no-such-account.invalid/shop")
    assert time.monotonic() - start < 5


def test_a_missing_schema_or_table_is_named(connector) -> None:
    with pytest.raises(ConnectorError, match=r"SHOP.*MISSING.*can't be read.*not exist.*correct the name"):
        connector.read(shop(connector, "MISSING"))
    with pytest.raises(ConnectorError, match=r"SHOP.*MISSING.*can't be read"):
        connector.count(shop(connector, "MISSING"))
    with pytest.raises(ConnectorError, match=r"nowhere"):
        connector.reflect("nowhere")
    with pytest.raises(ConnectorError, match=r"can't be written; no twin was changed"):
        connector.write_twins([twin(connector, pa.table({"A": [1]}), "MISSING")])


def test_a_twin_never_replaces_a_real_table(connector, sql) -> None:
    sql("create table SHOP.T as select 1 as A")

    with pytest.raises(ConnectorError, match=r"SHOP.*would replace a real table"):
        connector.write_twins([Twin(shop(connector), shop(connector), pa.table({"A": [2]}))])

    assert sql("select A from SHOP.T") == [(1,)]
