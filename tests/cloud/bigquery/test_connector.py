"""BigQuery in, BigQuery out, on an emulator: exact types, all twins or none, clear errors."""

from __future__ import annotations

import datetime as dt
import json
import time
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from google.api_core.exceptions import Forbidden
from google.cloud import bigquery

from synthohive_py.connectors import Place, Relation, Twin, open_url
from synthohive_py.connectors.bigquery import BigQueryConnector, keys_of
from synthohive_py.connectors.bigquery_types import column_of
from synthohive_py.errors import ConnectorError
from synthohive_py.schema import ForeignKey

D = Decimal
UTC = dt.timezone.utc
# The type, values as SQL has them, the type in Arrow, the values there.
EXACT = [
    ("INT64", ["-9223372036854775808"], pa.int64(), [-(2**63)]),
    ("NUMERIC", ["-12345678.9", "1.25"], pa.decimal128(38, 9), [D("-12345678.9"), D("1.25")]),
    ("FLOAT64", ["0.1", "1e-300"], pa.float64(), [0.1, 1e-300]),
    ("STRING", ["''", "'NULL'", "'Grüße😀, \"x\"'"], pa.string(), ["", "NULL", 'Grüße😀, "x"']),
    ("BOOL", ["true", "false"], pa.bool_(), [True, False]),
    ("BYTES", ["from_hex('00ff')"], pa.binary(), [b"\x00\xff"]),
    ("DATE", ["'0001-01-01'", "'9999-12-31'"], pa.date32(), [dt.date(1, 1, 1), dt.date(9999, 12, 31)]),
    ("TIME", ["'23:59:59.123456'"], pa.time64("us"), [dt.time(23, 59, 59, 123456)]),
    (
        "DATETIME",
        ["'9999-12-31 10:00:00.123456'"],
        pa.timestamp("us"),
        [dt.datetime(9999, 12, 31, 10, 0, 0, 123456)],
    ),
    (
        "TIMESTAMP",
        ["'2024-02-29 10:00:00.5+02:00'"],
        pa.timestamp("us", "UTC"),
        [dt.datetime(2024, 2, 29, 8, 0, 0, 500000, tzinfo=UTC)],
    ),
]


def shop(connector: BigQueryConnector, table: str = "t") -> Relation:
    return connector.relation("shop", table)


def twin(connector: BigQueryConnector, rows: pa.Table, table: str = "t") -> Twin:
    return Twin(shop(connector, table), connector.relation("twins", table), rows)


def tables(client: bigquery.Client, dataset: str = "twins") -> list[str]:
    return sorted(item.table_id for item in client.list_tables(dataset))


def test_every_type_comes_exactly_and_goes_back_the_same(connector, client, sql) -> None:
    names = [f"c{place}" for place in range(len(EXACT))]
    kinds = [f"{name} {kind}" for name, (kind, *_) in zip(names, EXACT, strict=True)]
    sql(f"create table shop.t (id int64 not null, {', '.join(kinds)})")
    for place in range(4):  # values, and nulls where there are no more
        values = [values[place] if place < len(values) else "null" for _, values, *_ in EXACT]
        sql(f"insert into shop.t values ({place}, {', '.join(values)})")

    rows = connector.read(shop(connector)).sort_by("id")
    for _ in range(2):
        connector.write_twins([twin(connector, rows)])

    for name, (kind, _, arrow, expected) in zip(names, EXACT, strict=True):
        assert (kind, rows.schema.field(name).type) == (kind, arrow)
        assert (kind, rows.column(name).to_pylist()) == (kind, [*expected, None, None, None, None][:4])
    assert client.get_table("twins.t").schema == client.get_table("shop.t").schema
    assert connector.read(connector.relation("twins", "t")).sort_by("id") == rows
    assert connector.count(connector.relation("twins", "t")) == 4
    assert tables(client) == ["t"]


def test_json_lists_and_structs_come_and_go(connector, client, sql) -> None:
    field = bigquery.SchemaField
    parts = [field("x", "INTEGER"), field("y", "STRING")]
    schema = [field("j", "JSON"), field("a", "INTEGER", "REPEATED"), field("s", "RECORD", fields=parts)]
    client.create_table(bigquery.Table("acme.shop.t", schema))
    sql("""insert into shop.t values (json '{"a": [1, null]}', [1, 2], struct(1, 'q'))""")

    rows = connector.read(shop(connector))
    connector.write_twins([twin(connector, rows)])

    [row] = rows.to_pylist()
    assert (json.loads(row["j"]), row["a"], row["s"]) == ({"a": [1, None]}, [1, 2], {"x": 1, "y": "q"})
    assert connector.read(connector.relation("twins", "t")) == rows
    assert [f.field_type for f in client.get_table("twins.t").schema] == ["JSON", "INTEGER", "RECORD"]


def test_columns_are_read_as_they_are_asked_for(connector, sql) -> None:
    sql("create table shop.t (a int64, b string)")
    sql("insert into shop.t values (1, 'x'), (2, 'x')")
    sql("create view shop.v as select a from shop.t")

    pieces = list(connector.batches(shop(connector), ["b", "a"]))

    assert pieces[0].num_rows == 0
    assert sorted(pa.concat_tables(pieces).to_pylist(), key=str) == [{"b": "x", "a": 1}, {"b": "x", "a": 2}]
    assert sorted(connector.read(shop(connector, "v")).column("a").to_pylist()) == [1, 2]
    with pytest.raises(ConnectorError, match=r"nope.*there is no such column.*one of a, b"):
        connector.read(shop(connector), ["nope"])


def test_without_the_right_to_the_storage_api_rows_come_slowly(client, sql) -> None:
    class Denied:
        def create_read_session(self, **_: object) -> None:
            raise Forbidden("bigquery.readsessions.create denied")

    sql("create table shop.t as select 1 as a")
    connector = BigQueryConnector(client, Denied())

    assert connector.read(shop(connector)).to_pydict() == {"a": [1]}


def test_a_twin_that_was_there_is_kept_and_one_with_other_columns_is_replaced(connector, client, sql) -> None:
    sql("create table shop.t (a int64 not null, b string)")
    connector.write_twins([twin(connector, pa.table({"a": [1], "b": ["y"]}))])
    before = client.get_table("twins.t").created

    connector.write_twins([twin(connector, pa.table({"a": [5, 6], "b": ["y", None]}))])
    kept = client.get_table("twins.t").created
    sql("create or replace table shop.t (a int64 not null, b string, c float64)")
    connector.write_twins([twin(connector, pa.table({"a": [7], "b": ["z"], "c": [0.5]}))])

    assert before == kept
    assert sql("select * from twins.t") == [{"a": 7, "b": "z", "c": 0.5}]
    assert tables(client) == ["t"]


def test_a_twin_without_a_source_gets_the_nearest_types(connector, sql) -> None:
    rows = pa.table(
        {
            "a": pa.array([2**64 - 1], pa.uint64()),
            "b": [True],
            "d": pa.array(["x"]).dictionary_encode(),
            "f": pa.array([dt.datetime(2044, 1, 1)], pa.timestamp("ns", "Europe/Berlin")),
            "g": pa.array([None], pa.null()),
        }
    )
    target = connector.relation("twins", "t")

    with connector.writing({"t": Place(None, target, rows.schema)}) as add:
        add("t", rows)

    [row] = sql("select * from twins.t")
    assert tuple(row.values()) == (2**64 - 1, True, "x", dt.datetime(2044, 1, 1, tzinfo=UTC), None)
    lists = pa.schema({"odd": pa.list_(pa.list_(pa.int8()))})
    with (
        pytest.raises(ConnectorError, match=r"odd.*list.*can't be written"),
        connector.writing({"t": Place(None, target, lists)}),
    ):
        pass


@pytest.mark.parametrize("is_first", [True, False])
def test_after_an_error_of_the_caller_nothing_has_changed(connector, client, sql, is_first) -> None:
    sql("create table shop.t (a int64)")
    if not is_first:
        connector.write_twins([twin(connector, pa.table({"a": [1]}))])

    def write() -> None:
        with connector.writing({"t": Place(shop(connector), connector.relation("twins", "t"))}) as add:
            add("t", pa.table({"a": [2]}))
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        write()

    if is_first:
        assert "twins" not in {item.dataset_id for item in client.list_datasets()}
    else:
        assert (sql("select a from twins.t"), tables(client)) == ([{"a": 1}], ["t"])


@pytest.mark.parametrize("is_first", [True, False])
def test_after_an_error_of_bigquery_nothing_has_changed(connector, client, sql, is_first) -> None:
    """Somebody makes one of the tables, or another one in its place, while the rows are in the making."""
    rows = {name: pa.table({"a": [1]}) for name in ("t", "u")}
    for name in rows:
        sql(f"create table shop.{name} (a int64)")
    if not is_first:
        connector.write_twins([twin(connector, table, name) for name, table in rows.items()])
    places = {name: Place(shop(connector, name), connector.relation("twins", name)) for name in rows}

    def write() -> None:
        with connector.writing(places) as add:
            add("t", pa.table({"a": [2]}))
            add("u", pa.table({"a": [2]}))
            if is_first:
                client.create_table(bigquery.Table("acme.twins.u"))
            else:
                sql("create or replace table twins.u (other string)")

    with pytest.raises(ConnectorError, match="no twin was changed"):
        write()

    assert tables(client) == (["u"] if is_first else ["t", "u"])
    if not is_first:
        assert sql("select a from twins.t") == [{"a": 1}]


def test_keys_are_taken_from_what_bigquery_documents() -> None:
    """The emulator has no keys: this is a table as in the documentation of the REST API."""

    def key(name: str, dataset: str, columns: dict[str, str]) -> dict[str, object]:
        references = [
            {"referencingColumn": ours, "referencedColumn": theirs} for ours, theirs in columns.items()
        ]
        parent = {"projectId": "p", "datasetId": dataset, "tableId": "orders"}
        return {"name": name, "referencedTable": parent, "columnReferences": references}

    foreign = [key("a", "shop", {"shop": "shop_no", "no": "order_no"}), key("b", "other", {"x": "y"})]
    table = bigquery.Table.from_api_repr(
        {
            "tableReference": {"projectId": "p", "datasetId": "shop", "tableId": "lines"},
            "tableConstraints": {"primaryKey": {"columns": ["shop", "no", "line"]}, "foreignKeys": foreign},
        }
    )

    found = keys_of(table)

    expected = ForeignKey(columns=("shop", "no"), parent="orders", parent_columns=("shop_no", "order_no"))
    assert (found.pk, found.foreign_keys) == (("shop", "no", "line"), [expected])


@pytest.mark.parametrize(
    ("declared", "kind", "given"),
    [
        ({"type": "NUMERIC", "precision": "10", "scale": "2"}, pa.decimal128(10, 2), "`c`"),
        ({"type": "BIGNUMERIC"}, pa.decimal256(76, 38), "`c`"),
        ({"type": "GEOGRAPHY"}, pa.string(), "st_geogfromtext(`c`)"),
        ({"type": "INTERVAL"}, pa.string(), "cast(`c` as interval)"),
        ({"type": "RANGE", "rangeElementType": {"type": "DATE"}}, pa.string(), "cast(`c` as RANGE<DATE>)"),
    ],
)
def test_columns_that_the_emulator_lacks_are_made_again(declared, kind, given) -> None:
    column = column_of(bigquery.SchemaField.from_api_repr({"name": "c", "mode": "NULLABLE", **declared}), "t")

    assert (column.type, column.given) == (kind, given)


def test_lists_of_json_are_refused_with_their_column() -> None:
    with pytest.raises(ConnectorError, match=r"t\.c: has a type that is not read; received ARRAY<JSON>"):
        column_of(bigquery.SchemaField("c", "JSON", "REPEATED"), "t")


def test_a_wrong_url_says_what_is_wrong(server, tmp_path: Path) -> None:
    (tmp_path / "key.json").write_text('{"private_key": "s3cret"}')
    endpoint = f"endpoint={server[0]}"
    for url, says in (
        (f"bigquery://acme?{endpoint}", "no URL of a BigQuery dataset"),
        (f"bigquery://acme?schema=shop&colour=red&{endpoint}", "received colour"),
        ("bigquery://acme?schema=shop&endpoint=http://127.0.0.1:9", "'acme' can't be reached"),
        (f"bigquery://acme?schema=shop&credentials={tmp_path / 'none.json'}", "credentials can't be read"),
        (
            f"bigquery://acme?schema=shop&credentials={tmp_path / 'key.json'}",
            "can't be read|can't be reached",
        ),
    ):
        start = time.monotonic()
        with pytest.raises(ConnectorError, match=says) as caught:
            open_url(url)
        assert time.monotonic() - start < 5
        assert "s3cret" not in f"{caught.value!r} {caught.value.__cause__!r}"


def test_a_missing_dataset_or_table_is_named(connector) -> None:
    with pytest.raises(ConnectorError, match=r"shop.*missing.*can't be read.*correct the name"):
        connector.read(shop(connector, "missing"))
    with pytest.raises(ConnectorError, match="nowhere"):
        connector.reflect("nowhere")
    with pytest.raises(ConnectorError, match=r"no twin was changed.*correct the name"):
        connector.write_twins([twin(connector, pa.table({"a": [1]}), "missing")])


def test_a_url_leads_to_the_tables(server, sql) -> None:
    sql("create table shop.b (a int64)")
    sql("create table shop.a (a int64)")
    connector, schema = open_url(f"bigquery://acme?schema=shop&endpoint={server[0]}")

    assert list(connector.reflect(schema).tables) == ["a", "b"]
    connector.close()
