"""Spark in, Spark out, on a server of Sail: exact types, all twins or none, rows made by tasks."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from sail_server import sail_server, sail_session
from shop_schema import shop as shop_schema

from synthohive_py import ConnectorError, ForeignKey, Metadata, Synthesizer
from synthohive_py.connectors import Place, Relation, Twin, connect, open_url, spark, spark_tasks, spark_types
from synthohive_py.relational import shards

TYPES = """
    tiny tinyint, small smallint, whole int, big bigint not null, price decimal(9, 2), huge decimal(38, 0),
    ratio float, real double, flag boolean, said string, raw binary, day date, moment timestamp,
    local timestamp_ntz, tags array<string>, inner struct<`a b`: int, c: string>, counts map<string, bigint>
"""
VALUES = """
    1, 2, 3, 4, 1.50, 99999999999999999999999999999999999999, 1.5, 2.5, true, 'text', X'00FF',
    date '2024-02-29', timestamp '2024-01-01 10:00:00.123456', timestamp_ntz '2024-01-01 10:00:00',
    array('x', null), named_struct('a b', 1, 'c', 'x'), map('k', 1)
"""
TIMES = pa.timestamp("us", "UTC")
NULLS = "null, null, null, 5" + ", null" * 13


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with sail_server() as url:
        yield url


@pytest.fixture
def opened(server: str) -> Iterator[tuple[str, Any]]:
    """A URL and its session, with a catalog of its own and an empty schema."""
    with sail_session(server) as (url, session):
        session.sql("create schema shop")
        yield url, session


@pytest.fixture
def url(opened: tuple[str, Any]) -> str:
    return opened[0]


@pytest.fixture
def session(opened: tuple[str, Any]) -> Any:
    return opened[1]


def relation(schema: str, table: str) -> Relation:
    return Relation("sail", schema, table)


def tables(session: Any, schema: str) -> list[str]:
    return sorted(table.name for table in session.catalog.listTables(schema))


def fill(session: Any, name: str, rows: pa.Table) -> None:
    session.createDataFrame(rows).write.format("delta").saveAsTable(f"shop.{name}")


def sort(rows: pa.Table) -> pa.Table:
    return rows.sort_by([(name, "ascending") for name in rows.column_names])


@pytest.mark.parametrize("file_format", ["delta", "parquet"])
def test_twins_have_the_types_of_the_source_and_the_rows_given(session: Any, file_format: str) -> None:
    session.sql(f"create table shop.t ({TYPES}) using {file_format}")
    session.sql(f"insert into shop.t values ({VALUES}), ({NULLS})")
    connector = spark.SparkConnector(session, file_format)
    rows = connector.read(relation("shop", "t"))
    assert connector.count(relation("shop", "t")) == rows.num_rows == 2
    assert rows.schema.field("moment").type == pa.timestamp("us", "UTC")
    assert rows.schema.field("price").type == pa.decimal128(9, 2)

    connector.write_twins([Twin(relation("shop", "t"), relation("twins", "t"), rows)])

    described = [connector.described(relation(schema, "t")) for schema in ("shop", "twins")]
    assert described[0] == described[1]
    back = connector.read(relation("twins", "t"))
    assert back.schema == rows.schema
    assert sorted(map(str, back.to_pylist())) == sorted(map(str, rows.to_pylist()))
    assert tables(session, "twins") == ["t"]


def test_rows_come_in_pieces_and_only_the_columns_asked_for(session: Any) -> None:
    connector = connect(session)
    session.range(0, 200_000).selectExpr("id", "cast(id as string) as text").write.saveAsTable("shop.t")

    pieces = list(connector.batches(relation("shop", "t"), ["text"]))

    assert len(pieces) > 3
    assert {tuple(piece.column_names) for piece in pieces} == {("text",)}
    assert len(set(pa.concat_tables(pieces).column("text").to_pylist())) == 200_000


def test_types_that_spark_has_not_become_the_nearest(session: Any) -> None:
    rows = pa.table(
        {
            "unsigned": pa.array([2**64 - 1], pa.uint64()),
            "at": pa.array([36_000_000], pa.time64("us")),
            "id": pa.array([b"\0" * 16], pa.uuid()),
            "kind": pa.array(["x"]).dictionary_encode(),
            "nothing": pa.nulls(1),
            "nano": pa.array([1_700_000_000_123_456_789], pa.timestamp("ns")),
            "lists": pa.array([[["a"]]], pa.large_list(pa.list_(pa.large_string()))),
        }
    )
    connector = connect(session)
    place = Place(None, relation("twins", "t"), rows.schema)

    with connector.writing({"t": place}) as add:
        add("t", rows)

    [row] = connector.read(relation("twins", "t")).to_pylist()
    assert row["unsigned"] == 2**64 - 1
    assert (row["at"], row["id"]) == ("00:00:36.000000", "00000000-0000-0000-0000-000000000000")
    assert (row["kind"], row["nothing"], row["lists"]) == ("x", None, [["a"]])
    assert str(row["nano"]) == "2023-11-14 22:13:20.123456"
    schema = pa.schema([("wide", pa.decimal256(60, 2))])
    with pytest.raises(ConnectorError, match=r"t\.wide: has the type decimal256.*38 digits"):
        connector.writing({"t": Place(None, relation("twins", "t"), schema)}).__enter__()


ODD = {
    "zoned": pa.array([-62_135_596_800_000_000, 253_402_300_799_999_999], pa.timestamp("us", "Asia/Tokyo")),
    "local": pa.array([-1, None], pa.timestamp("us")),
    "day": pa.array([-719_162, 2_932_896], pa.date32()),
    "large": pa.array([Decimal("-" + "9" * 38), None], pa.decimal128(38, 0)),
    "small": pa.array([Decimal("0." + "9" * 38), None], pa.decimal128(38, 38)),
    "real": pa.array([float("inf"), None]),
    "text": ["\n'\"\\`\0😀", ""],
    "raw": [b"\0\xff", b""],
    "no number": pa.nulls(2, pa.int64()),
    "no list": pa.nulls(2, pa.list_(pa.int64())),
    "no struct": pa.nulls(2, pa.struct([("a", pa.int64())])),
    "lists": pa.array([[[1], None, []], None], pa.list_(pa.list_(pa.int32()))),
    "structs": pa.array(
        [[{"a `b": 1, "c": None}], []], pa.list_(pa.struct([("a `b", "int32"), ("c", "string")]))
    ),
    "maps": pa.array([[("k", [{"a": 1.5}])], []], pa.map_("string", pa.list_(pa.struct([("a", "float64")])))),
    "raw parts": pa.array([{"b": b"\0", "at": 1}, None], pa.struct([("b", "binary"), ("at", TIMES)])),
}


@pytest.mark.parametrize("rows", [2, 0])
@pytest.mark.parametrize("file_format", ["delta", "parquet"])
def test_odd_values_come_back_as_they_were(session: Any, file_format: str, rows: int) -> None:
    given = pa.table(ODD).slice(0, rows)
    connector = spark.SparkConnector(session, file_format)

    with connector.writing({"t": Place(None, relation("twins", "t"), given.schema)}) as add:
        add("t", given)

    back = connector.read(relation("twins", "t"))
    expected = spark_types.spark_schema(given.schema, "t")
    assert back.column_names == given.column_names
    assert list(map(spark_types.sql_type, back.schema.types)) == list(
        map(spark_types.sql_type, expected.types)
    )
    assert sorted(map(str, back.to_pylist())) == sorted(map(str, given.cast(back.schema).to_pylist()))


def test_columns_that_are_one_to_spark_are_refused(session: Any) -> None:
    schema = pa.schema([("a", pa.int64()), ("A", pa.int64())])

    with pytest.raises(ConnectorError, match=r"t\.A: has a column 'a', too.*no twin was changed.*rename"):
        connect(session).writing({"t": Place(None, relation("twins", "t"), schema)}).__enter__()

    assert tables(session, "twins") == []


@pytest.fixture
def families(session: Any) -> tuple[pa.Table, pa.Table]:
    customers = pa.table({"customer_id": range(300), "city": ["Graz", "Linz", "Wien"] * 100})
    orders = pa.table(
        {
            "order_id": range(900),
            "customer_id": [i * i % 300 for i in range(900)],
            "amount": [5 + 1.5 * (i % 37) for i in range(900)],
        }
    )
    fill(session, "customers", customers)
    fill(session, "orders", orders)
    return customers, orders


@pytest.mark.usefixtures("families")
def test_a_url_is_enough_for_a_twin_beside_the_tables(url: str, session: Any) -> None:
    synthesizer = Synthesizer(model="gaussian_copula", progress=False).fit(f"{url}?schema=shop")

    places = synthesizer.sample(output_path=f"{url}?schema=twins&format=delta")

    assert places == {"customers": "`sail`.`twins`.`customers`", "orders": "`sail`.`twins`.`orders`"}
    for name, frame in synthesizer.sample().items():
        written = sort(session.table(places[name]).toArrow())
        assert written.equals(sort(pa.Table.from_pandas(frame, preserve_index=False)).cast(written.schema))


@pytest.mark.usefixtures("families")
def test_large_tables_are_read_in_families(url: str) -> None:
    synthesizer = Synthesizer(model="gaussian_copula", max_training_rows=200, progress=False)

    twin = synthesizer.fit(f"{url}?schema=shop").sample()

    assert len(twin["orders"]) == 900
    assert twin["orders"]["customer_id"].isin(twin["customers"]["customer_id"]).all()


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shards of few rows, told to the tasks with their numbers."""
    monkeypatch.setattr(shards, "SHARD_ROWS", 400)
    monkeypatch.setattr(shards, "WHOLE_ROWS", 50)
    monkeypatch.setattr(shards, "SHARD_SHARE", 5)


@pytest.fixture(scope="module")
def learned() -> Synthesizer:
    metadata, data = shop_schema()
    return Synthesizer(metadata, model="autoregressive", model_options={"epochs": 3}, progress=False).fit(
        data
    )


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    "options",
    [{"workers": 1}, {"workers": 2}, {"seed": 5}, {"conditions": {"orders": {"sum": 30.0}}}],
    ids=str,
)
def test_tasks_make_the_rows_that_are_made_here(
    url: str, session: Any, learned: Synthesizer, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a cycle, a self reference and tables that shards share."""
    here = learned.sample(scale=3, **options)
    monkeypatch.setattr(spark._Staging, "add", only(spark._Staging.add, {"products", "regions"}))

    places = learned.sample(scale=3, output_path=f"{url}?schema=twins", **options)

    there = {name: session.table(place).toArrow() for name, place in places.items()}
    for name, frame in here.items():
        made = pa.Table.from_pandas(frame, preserve_index=False).cast(there[name].schema)
        assert sort(there[name]).equals(sort(made)), name
    assert tables(session, "twins") == sorted(here)


def only(add: Any, names: set[str]) -> Any:
    """Fails where rows of another table are written from here."""

    def checked(self: Any, name: str, rows: pa.Table) -> None:
        assert name in names
        add(self, name, rows)

    return checked


@pytest.mark.usefixtures("small")
def test_rows_are_added_to_a_twin_by_tasks(url: str, session: Any, learned: Synthesizer) -> None:
    twin = learned.sample()
    here = learned.sample(append_to=twin)

    places = learned.sample(append_to=twin, output_path=f"{url}?schema=twins", workers=2)

    for name, frame in here.items():
        there = session.table(places[name]).toArrow()
        made = pa.Table.from_pandas(frame, preserve_index=False).cast(there.schema)
        assert sort(there).equals(sort(made)), name


@pytest.mark.usefixtures("small")
def test_what_is_too_large_to_send_is_made_here(
    url: str, session: Any, learned: Synthesizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spark, "SENT_BYTES", 1)
    monkeypatch.setattr(spark_tasks, "rows_of", None)

    places = learned.sample(output_path=f"{url}?schema=twins")

    for name, frame in learned.sample().items():
        assert session.table(places[name]).count() == len(frame)


@pytest.mark.usefixtures("small")
def test_a_task_that_fails_changes_nothing(
    url: str, session: Any, learned: Synthesizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    learned.sample(output_path=f"{url}?schema=twins")
    before = {name: session.table(f"twins.{name}").count() for name in tables(session, "twins")}

    def failing(_: Any) -> Any:
        from synthohive_py.errors import GenerationError

        raise GenerationError("on purpose")
        yield

    monkeypatch.setattr(spark, "shard_maker", lambda _: (failing, 1))

    with pytest.raises(ConnectorError, match=r"no twin was changed; received .*GenerationError.*on purpose"):
        learned.sample(scale=2, output_path=f"{url}?schema=twins")

    assert {name: session.table(f"twins.{name}").count() for name in tables(session, "twins")} == before


def test_an_error_leaves_the_old_twins_and_nothing_else(session: Any) -> None:
    connector = connect(session)
    schema = pa.schema([("a", pa.int64())])
    places = {name: Place(None, relation("twins", name), schema) for name in ("t", "u")}
    with connector.writing(places) as add:
        add("t", pa.table({"a": [1]}))

    def run() -> None:
        with connector.writing(places) as add:
            add("t", pa.table({"a": [2]}))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run()

    assert connector.read(relation("twins", "t")).to_pydict() == {"a": [1]}
    assert connector.read(relation("twins", "u")).num_rows == 0  # replaced, also without rows
    assert tables(session, "twins") == ["t", "u"]


def test_a_twin_with_the_same_columns_keeps_its_table(session: Any) -> None:
    connector = spark.SparkConnector(session, "delta")

    def write(rows: pa.Table) -> None:
        with connector.writing({"t": Place(None, relation("twins", "t"), rows.schema)}) as add:
            add("t", rows)

    write(pa.table({"a": [1]}))
    write(pa.table({"a": [2]}))
    assert session.sql("select * from twins.t version as of 1").toArrow().to_pydict() == {"a": [1]}
    write(pa.table({"b": ["x"]}))
    assert connector.read(relation("twins", "t")).to_pydict() == {"b": ["x"]}


NAMES = ["quo`te", "sp ace", "Üñí", "select", "MixedCase", "a.b", "../up", "%2e", "x'; drop table shop.t; --"]


@pytest.mark.parametrize("name", [*NAMES, "x" * 200])
def test_any_name_is_taken_literally(session: Any, name: str) -> None:
    connector = connect(session)
    rows = pa.table({name: [7]})

    with connector.writing({name: Place(None, relation("twins", name), rows.schema)}) as add:
        add(name, rows)

    assert connector.read(relation("twins", name), [name]).to_pydict() == {name: [7]}


@pytest.mark.parametrize("catalog", ["sail", None])  # dbt's relations name none
def test_a_twin_never_replaces_a_real_table(session: Any, catalog: Any) -> None:
    fill(session, "t", pa.table({"a": [1]}))
    connector = connect(session)

    with pytest.raises(ConnectorError, match="would replace a real table"):
        connector.write_twins(
            [Twin(relation("shop", "t"), Relation(catalog, "SHOP", "t"), pa.table({"a": [2]}))]
        )

    assert connector.read(relation("shop", "t")).to_pydict() == {"a": [1]}


def test_what_is_not_there_is_named(url: str, session: Any) -> None:
    with pytest.raises(ConnectorError, match=r"missing: can't be read; .*not found"):
        connect(session).count(relation("shop", "missing"))
    with pytest.raises(ConnectorError, match="no table in the schema 'shop'"):
        Metadata.from_database(f"{url}?schema=shop")
    with pytest.raises(ConnectorError, match="nowhere"):
        Metadata.from_database(f"{url}?schema=nowhere")


def test_a_session_of_a_url_without_a_name_ends_with_the_connector(server: str) -> None:
    connector, schema = open_url(server)
    connector.close()

    assert schema == "default"
    with pytest.raises(ConnectorError, match="can't be read"):
        connector.count(relation("shop", "t"))


@pytest.mark.parametrize(
    ("ending", "words"),
    [
        ("/;token=secret?schema=shop&mode=x", "option 'mode'"),
        ("/;token=secret?schema=shop", "no Spark Connect server answers at 127.0.0.1"),
    ],
)
def test_a_wrong_url_is_refused_within_seconds_without_its_token(ending: str, words: str) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))  # nobody listens
        with pytest.raises(ConnectorError, match=words) as refused:
            open_url(f"sc://127.0.0.1:{silent.getsockname()[1]}{ending}")

    assert "secret" not in str(refused.value)


def test_a_foreign_key_may_be_declared_where_names_do_not_tell_it(url: str, session: Any) -> None:
    fill(session, "a", pa.table({"x": range(200)}))
    fill(session, "b", pa.table({"y": [i % 200 for i in range(400)]}))
    metadata = Metadata()
    metadata.add_table("a", pk="x")
    key = ForeignKey(columns="y", parent="a", parent_columns="x")
    metadata.add_table("b", foreign_keys=[key])

    twin = Synthesizer(metadata, model="gaussian_copula", progress=False).fit(f"{url}?schema=shop").sample()

    assert twin["b"]["y"].isin(twin["a"]["x"]).all()


def test_without_spark_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "synthohive_py.connectors.spark", None)

    with pytest.raises(ConnectorError, match=r"synthohive-py\[spark\]"):
        open_url("sc://localhost")
