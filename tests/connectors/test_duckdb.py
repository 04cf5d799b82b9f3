"""DuckDB in, DuckDB out: exact types, all twins or none, any names."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pyarrow as pa
import pytest

from synthohive_py.connectors import Relation, Twin, connect
from synthohive_py.errors import ConnectorError

TYPES = """
select
    1::tinyint as tiny, 2::hugeint as huge, 1.5::decimal(9, 2) as price, 2.5::float as ratio, true as flag,
    'a'::varchar as text, 'low'::enum ('low', 'high') as level, uuid() as id, date '2024-02-29' as day,
    time '10:30' as at, timestamp '2024-01-01 10:00:00.123456' as moment,
    timestamptz '2024-01-01 10:00:00+02' as seen,
    null::integer as nothing
from range(50)
"""


# Each type with a value that is easily lost on its way.
VALUES = {
    "tinyint": "-128",
    "ubigint": "18446744073709551615",
    "hugeint": "-170141183460469231731687303715884105728",
    "uhugeint": "340282366920938463463374607431768211455",
    "decimal(38, 10)": "1.5",
    "bignum": f"'{'9' * 60}'",
    "float": "'nan'",
    "double": "'-inf'",
    "varchar": "'a\"b,\n\\ü😀'",
    "blob": r"'\x00\xff'::blob",
    "bit": "'10101'",
    "date": "'infinity'",
    "time": "'24:00:00'",
    "timetz": "'10:00:00+02'",
    "timestamp": "'infinity'",
    "timestamp_s": "'2024-01-01 10:00:00'",
    "timestamp_ns": "'2024-01-01 10:00:00.123456789'",
    "timestamptz": "'2024-01-01 10:00:00+02'",
    "interval": "'1 year 2 days 3 hours'",
    "uuid": "uuid()",
    "json": """'{"a":  1}'""",
    "enum ('a', 'b')": "'b'",
    "integer[]": "[1, null, 3]",
    "varchar[][]": "[['a'], []]",
    "bit[]": "['101'::bit]",
    "integer[3]": "[1, 2, 3]",
    "struct (a integer, b varchar)": "{'a': 1, 'b': 'x'}",
    "map (integer, varchar)": "map {1: 'x'}",
    "union (i integer, t varchar)": "union_value(t := 'x')",
}


@pytest.fixture
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(":memory:") as connection:
        connection.execute("create schema shop")
        yield connection


def relation(schema: str, table: str) -> Relation:
    return Relation("memory", schema, table)


def twin(rows: pa.Table, table: str = "t") -> Twin:
    return Twin(relation("shop", table), relation("shop_synthetic", table), rows)


def test_twins_have_the_types_of_the_source_and_the_rows_given(database: duckdb.DuckDBPyConnection) -> None:
    database.execute(f"create table shop.t as {TYPES}")
    connector = connect(database)
    rows = connector.read(relation("shop", "t"))

    connector.write_twins([twin(rows)])

    described = [database.execute(f"describe {name}").fetchall() for name in ("shop.t", "shop_synthetic.t")]
    assert described[0] == described[1]
    assert connector.read(relation("shop_synthetic", "t")) == rows


@pytest.mark.parametrize(("kind", "value"), VALUES.items())
def test_every_type_comes_and_goes_back_the_same(database, kind: str, value: str) -> None:
    database.execute(f"create table shop.t (id integer, v {kind})")
    database.execute(f"insert into shop.t values (1, {value}), (2, null)")
    connector = connect(database)

    connector.write_twins([twin(connector.read(relation("shop", "t")))])

    shown = "select id, typeof(v), v::varchar from {}.t order by id"
    texts = [database.execute(shown.format(name)).fetchall() for name in ("shop", "shop_synthetic")]
    assert texts[0] == texts[1]


def test_order_defaults_and_computed_columns_are_kept_and_no_keys(database) -> None:
    database.execute("create sequence shop.numbers")
    database.execute(
        "create table shop.t (id integer primary key default nextval('shop.numbers'), "
        "a varchar not null default 'x''y', twice integer generated always as (id * 2), "
        "b decimal(5, 2) default 1.5 check (b > 0), "
        'seen timestamptz default now(), "Sel""ect" integer unique)'
    )
    database.execute("insert into shop.t (b) values (2)")
    connector = connect(database)
    rows = connector.read(relation("shop", "t"))

    for _ in range(2):
        connector.write_twins([twin(rows)])

    described = [row[:3] + row[4:5] for row in database.execute("describe shop_synthetic.t").fetchall()]
    assert described == [
        ("id", "INTEGER", "NO", None),
        ("a", "VARCHAR", "NO", "'x''y'"),
        ("twice", "INTEGER", "YES", None),
        ("b", "DECIMAL(5,2)", "YES", "1.5"),
        ("seen", "TIMESTAMP WITH TIME ZONE", "YES", "now()"),
        ('Sel"ect', "INTEGER", "YES", None),
    ]
    assert connector.read(relation("shop_synthetic", "t")) == rows
    database.execute("update shop_synthetic.t set id = 4")
    assert database.execute("select twice from shop_synthetic.t").fetchall() == [(8,)]
    kinds = database.execute(
        "select distinct constraint_type from duckdb_constraints() where schema_name = 'shop_synthetic'"
    )
    assert kinds.fetchall() == [("NOT NULL",)]
    database.execute("drop table shop.t; drop sequence shop.numbers")


def test_many_rows_are_there_as_soon_as_they_are_written(tmp_path) -> None:
    """DuckDB 2.0.0 hides more than 122,880 rows after `create table as` and `insert` in one transaction."""
    with duckdb.connect(str(tmp_path / "many.duckdb")) as database:
        database.execute("create schema shop; create table shop.t as select range as id from range(200_000)")
        connector = connect(database)
        rows = connector.read(Relation("many", "shop", "t"))
        connector.write_twins([Twin(Relation("many", "shop", "t"), Relation("many", "twins", "t"), rows)])

        assert connector.read(Relation("many", "twins", "t")).num_rows == 200_000
        assert database.execute("select sum(id) from twins.t").fetchone() == (199_999 * 100_000,)


def test_columns_are_matched_by_name(database: duckdb.DuckDBPyConnection) -> None:
    database.execute("create table shop.t (a integer, b varchar)")

    connect(database).write_twins([twin(pa.table({"b": ["x"], "a": [1]}))])

    assert database.execute("from shop_synthetic.t").fetchall() == [(1, "x")]


@pytest.mark.parametrize(
    "name", ['quo"te', "sp ace", "Üñí", "select", "a.b", "x'; drop table shop.t; --", "ü" * 90]
)
def test_any_name_is_taken_literally(database: duckdb.DuckDBPyConnection, name: str) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    database.execute(f"create table shop.t as select 1 as one; create table shop.{quoted} ({quoted} integer)")
    connector = connect(database)

    connector.write_twins([twin(pa.table({name: [7]}), name)])

    assert connector.read(relation("shop_synthetic", name)).to_pydict() == {name: [7]}
    assert connector.read(relation("shop", "t")).num_rows == 1


def test_a_failure_changes_nothing(database: duckdb.DuckDBPyConnection) -> None:
    database.execute("create table shop.t (a integer); create table shop.u (a integer)")
    connector = connect(database)
    connector.write_twins([twin(pa.table({"a": [1]}))])

    with pytest.raises(ConnectorError, match=r"shop_synthetic.*\"u\".*no twin was changed"):
        connector.write_twins([twin(pa.table({"a": [2]})), twin(pa.table({"a": ["not a number"]}), "u")])

    assert database.execute("from shop_synthetic.t").fetchall() == [(1,)]
    tables = database.execute("select table_name from duckdb_tables() where schema_name = 'shop_synthetic'")
    assert tables.fetchall() == [("t",)]
    database.execute("begin; commit")  # no transaction was left open


def test_an_open_result_of_the_session_is_not_disturbed(database: duckdb.DuckDBPyConnection) -> None:
    database.execute("create table shop.t as select range as a from range(5000)")
    connector = connect(database)
    database.execute("select a from shop.t order by a")
    first = database.fetchone()

    connector.write_twins([twin(connector.read(relation("shop", "t")))])

    assert (first, database.fetchone()) == ((0,), (1,))


def test_a_table_that_is_not_there_is_named(database: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(ConnectorError, match=r"shop.*missing.*can't be read"):
        connect(database).read(relation("shop", "missing"))


def test_other_sessions_are_refused_with_what_to_do() -> None:
    with pytest.raises(ConnectorError, match=r"no connector.*dbt-duckdb"):
        connect(object())


def test_a_twin_never_replaces_a_real_table(database: duckdb.DuckDBPyConnection) -> None:
    database.execute("create table shop.t as select 1 as a")
    rows = pa.table({"a": [2, 3]})

    with pytest.raises(ConnectorError, match="would replace a real table"):
        connect(database).write_twins([Twin(relation("shop", "t"), relation("shop", "t"), rows)])

    with pytest.raises(ConnectorError, match="would replace a real table"):  # as DuckDB understands it
        connect(database).write_twins([Twin(relation("shop", "t"), relation("SHOP", "T"), rows)])

    assert database.execute("from shop.t").fetchall() == [(1,)]


def test_two_twins_whose_names_differ_in_case_alone_are_refused(database: duckdb.DuckDBPyConnection) -> None:
    database.execute("create table shop.t as select 1 as a; create table shop.u as select 1 as a")
    rows = pa.table({"a": [2, 3]})
    twins = [Twin(relation("shop", a), relation("twins", b), rows) for a, b in (("t", "x"), ("u", "X"))]

    with pytest.raises(ConnectorError, match=r"X.*would replace the twin of 'x'"):
        connect(database).write_twins(twins)
