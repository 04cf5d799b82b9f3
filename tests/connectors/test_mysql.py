"""MariaDB in, MariaDB out, on a real server: exact types, all twins or none, any names, clear errors."""

from __future__ import annotations

import datetime as dt
import re
import socket
import threading
import time
import uuid
from decimal import Decimal
from urllib.parse import quote

import pyarrow as pa
import pymysql
import pytest
from faults import Proxy
from mariadb_server import PASSWORD
from postgres_server import free_port

from synthohive_py import Synthesizer
from synthohive_py.connectors import Place, Relation, Twin, open_url
from synthohive_py.connectors import mysql as module
from synthohive_py.connectors.mysql import MySQLConnector
from synthohive_py.errors import ConnectorError
from synthohive_py.schema import ForeignKey

UTC = dt.timezone.utc
ID = uuid.UUID("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")
D = Decimal
US = pa.timestamp("us")

# The type, values as SQL has them, the type in Arrow, the values there.
EXACT = [
    ("tinyint", ["-128"], pa.int8(), [-128]),
    ("tinyint(1)", ["1", "0", "7"], pa.int8(), [1, 0, 7]),
    ("tinyint unsigned", ["255"], pa.uint8(), [255]),
    ("smallint", ["-32768"], pa.int16(), [-32768]),
    ("smallint unsigned", ["65535"], pa.uint16(), [65535]),
    ("mediumint", ["-8388608"], pa.int32(), [-8388608]),
    ("mediumint unsigned", ["16777215"], pa.uint32(), [16777215]),
    ("int", ["-2147483648"], pa.int32(), [-(2**31)]),
    ("int(5) unsigned zerofill", ["42"], pa.uint32(), [42]),
    ("bigint", ["-9223372036854775808"], pa.int64(), [-(2**63)]),
    ("bigint unsigned", ["18446744073709551615"], pa.uint64(), [2**64 - 1]),
    ("decimal(10, 2)", ["-12345678.90"], pa.decimal128(10, 2), [D("-12345678.90")]),
    ("decimal(38, 20)", ["1.00000000000000000001"], pa.decimal128(38, 20), [D("1.00000000000000000001")]),
    ("decimal(65, 30)", ["1.5"], pa.decimal256(65, 30), [D("1.5")]),
    ("float", ["1.1", "0.12345678"], pa.float32(), None),
    ("double", ["0.1", "1e-300"], pa.float64(), [0.1, 1e-300]),
    ("bit(1)", ["b'1'"], pa.uint64(), [1]),
    ("bit(64)", ["18446744073709551615"], pa.uint64(), [2**64 - 1]),
    ("date", ["'1000-01-01'", "'9999-12-31'"], pa.date32(), [dt.date(1000, 1, 1), dt.date(9999, 12, 31)]),
    ("datetime", ["'2024-02-29 10:00:00'"], US, [dt.datetime(2024, 2, 29, 10)]),
    ("datetime(6)", ["'2024-02-29 10:00:00.123456'"], US, [dt.datetime(2024, 2, 29, 10, 0, 0, 123456)]),
    (
        "timestamp(6) null",
        ["'2024-02-29 10:00:00.5'"],
        pa.timestamp("us", "UTC"),
        [dt.datetime(2024, 2, 29, 8, 0, 0, 500000, tzinfo=UTC)],
    ),
    ("time", ["'23:59:59'"], pa.time64("us"), [dt.time(23, 59, 59)]),
    ("time(6)", ["'10:00:00.123456'"], pa.time64("us"), [dt.time(10, 0, 0, 123456)]),
    ("year", ["2024"], pa.int16(), [2024]),
    ("char(5)", ["'ab'"], pa.string(), ["ab"]),
    ("varchar(20)", ["''", "'NULL'", "'Grüße😀'"], pa.string(), ["", "NULL", "Grüße😀"]),
    ("text", [r"'a,b\"c\\d\n\t;\'\0%s'"], pa.string(), ["a,b\"c\\d\n\t;'\0%s"]),
    ("varchar(9) charset latin1", ["'Grüße'"], pa.string(), ["Grüße"]),
    ("enum('a','b''c')", ["'b''c'"], pa.string(), ["b'c"]),
    ("set('a','b')", ["'a,b'", "''"], pa.string(), ["a,b", ""]),
    ("json", ["""'{"b": 1,  "a": [null]}'"""], pa.string(), ['{"b": 1,  "a": [null]}']),
    ("blob", ["x'00ff'", "''"], pa.binary(), [b"\x00\xff", b""]),
    ("binary(3)", ["x'00ff'"], pa.binary(), [b"\x00\xff\x00"]),
    ("varbinary(5)", ["x'00ff'"], pa.binary(), [b"\x00\xff"]),
    ("uuid", [f"'{ID}'"], pa.string(), [str(ID)]),
    ("inet6", ["'::1'"], pa.string(), ["::1"]),
    ("point", ["point(1, 2)"], pa.string(), ["POINT(1 2)"]),
]


def shop(connector: MySQLConnector, table: str = "t") -> Relation:
    return connector.relation("shop", table)


def twin(connector: MySQLConnector, rows: pa.Table, table: str = "t") -> Twin:
    return Twin(shop(connector, table), connector.relation("twins", table), rows)


def columns_of(sql, schema: str, table: str = "t") -> list[tuple]:
    return sql(
        "select column_name, column_type, is_nullable, column_default, generation_expression, collation_name "
        f"from information_schema.columns where table_schema = '{schema}' and table_name = '{table}' "
        "order by ordinal_position"
    )


def leftovers(sql) -> list[tuple]:
    """What no run may leave: tables of ours, and connections; the server takes a moment to see them end."""
    deadline = time.monotonic() + 5
    while True:
        found = sql(
            "select table_name from information_schema.tables where table_name like 'synthohive%' union all "
            "select info from information_schema.processlist where info regexp 'shop|twins'"
        )
        found = [row for row in found if "processlist" not in str(row[0])]
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(0.05)


# ---------------------------------------------------------------- types


@pytest.mark.parametrize("loads_files", [True, False])
def test_every_type_comes_exactly_and_goes_back_the_same(mysql, mysql_sql, loads_files) -> None:
    names = [f"c{place}" for place in range(len(EXACT))]
    kinds = [f"{name} {kind}" for name, (kind, *_) in zip(names, EXACT, strict=True)]
    mysql_sql(f"create table shop.t (id integer, {', '.join(kinds)})")
    for place in range(4):  # values, and nulls where there are no more
        values = [values[place] if place < len(values) else "null" for _, values, *_ in EXACT]
        mysql_sql(f"insert into shop.t values ({place}, {', '.join(values)})")

    rows = mysql.read(shop(mysql))
    mysql_sql(f"set global local_infile = {int(loads_files)}")
    mysql.write_twins([twin(mysql, rows)])
    mysql_sql("set global local_infile = 1")

    for name, (kind, _, arrow, expected) in zip(names, EXACT, strict=True):
        assert (kind, rows.schema.field(name).type) == (kind, arrow)
        if expected is not None:
            assert (kind, rows.column(name).to_pylist()) == (kind, [*expected, None, None, None, None][:4])
    assert columns_of(mysql_sql, "twins") == columns_of(mysql_sql, "shop")
    shown = ", ".join(f"hex({name}), {name}" for name in names)
    texts = [mysql_sql(f"select id, {shown} from {schema}.t order by id") for schema in ("shop", "twins")]
    assert texts[0] == texts[1]
    assert mysql.count(mysql.relation("twins", "t")) == 4


@pytest.mark.parametrize(
    ("kind", "value", "says"),
    [
        ("date", "'0000-00-00'", "0000-00-00"),
        ("datetime", "'2024-00-01'", "0000-00-00"),
        ("time", "'-10:00:00'", "below 0"),
        ("time", "'25:00:00'", "above 24 hours"),
    ],
)
def test_values_that_arrow_cannot_hold_are_refused_with_their_column(
    mysql, mysql_sql, kind, value, says
) -> None:
    mysql_sql(f"create table shop.t (id integer, `The Value` {kind})")
    mysql_sql("set sql_mode = ''")
    mysql_sql(f"insert into shop.t values (1, {value})")

    with pytest.raises(ConnectorError, match=says) as caught:
        mysql.read(shop(mysql))

    assert caught.value.column == "The Value"
    assert mysql.read(shop(mysql), ["id"]).to_pydict() == {"id": [1]}


def test_rows_come_in_pieces_in_their_order_and_reading_may_end_early(mysql, mysql_sql) -> None:
    mysql_sql("create table shop.t (b text, a integer primary key)")
    mysql_sql("insert into shop.t select seq, seq from shop.seq_1_to_200000")

    pieces = list(mysql.batches(shop(mysql), ["a", "b"]))

    assert pieces[0].num_rows == 0
    assert max(piece.num_rows for piece in pieces) <= 65_536
    assert pa.concat_tables(pieces).column("a").to_pylist() == list(range(1, 200_001))
    assert mysql.count(shop(mysql)) == 200_000
    early = mysql.batches(shop(mysql))
    next(early)
    next(early)
    early.close()
    assert leftovers(mysql_sql) == []


# ---------------------------------------------------------------- twins


def test_a_twin_has_the_columns_of_its_source_and_none_of_its_keys(mysql, mysql_sql) -> None:
    mysql_sql(
        "create table shop.t (id int unsigned primary key auto_increment, "
        "a varchar(20) not null default 'x''y', b decimal(5, 2) default 1.50 comment 'a, b', "
        "c decimal(6, 2) generated always as (b * 2) stored, "
        "at datetime default current_timestamp, `Se``lect` int check (`Se``lect` > 0), unique (a), key (b), "
        "check (b > 0)) default charset latin1"
    )
    mysql_sql("insert into shop.t (a, b) values ('ü', 2)")
    rows = mysql.read(shop(mysql))

    for _ in range(2):
        mysql.write_twins([twin(mysql, rows)])

    assert columns_of(mysql_sql, "twins") == columns_of(mysql_sql, "shop")
    assert mysql.read(mysql.relation("twins", "t")) == rows
    assert mysql_sql("select * from information_schema.statistics where table_schema = 'twins'") == []
    assert leftovers(mysql_sql) == []


def test_checks_sequences_and_history_of_the_source_are_not_the_twins(mysql, mysql_sql) -> None:
    mysql_sql("create sequence shop.numbers")
    mysql_sql(
        "create table shop.t (a int default nextval(shop.numbers) check (a > 0), "
        "b varchar(20) default 'CHECK (1), `b` int,' comment 'no AUTO_INCREMENT' check (b <> ''), j json, "
        "since timestamp(6) generated always as row start, until timestamp(6) generated always as row end, "
        "period for system_time (since, until)) comment 'ENGINE=none' with system versioning"
    )
    mysql_sql("insert into shop.t (a, j) values (1, '{}')")
    rows = mysql.read(shop(mysql))
    shorter = rows.set_column(0, "a", pa.array([-1], pa.int32()))

    mysql.write_twins([twin(mysql, shorter)])

    assert mysql.read(mysql.relation("twins", "t")) == shorter
    mysql_sql("drop sequence shop.numbers")
    mysql_sql("insert into twins.t (j) values ('[]')")
    [(a, b)] = mysql_sql("select a, b from twins.t where j = '[]'")
    assert (a, b) == (None, "CHECK (1), `b` int,")
    [(_, shown)] = mysql_sql("show create table twins.t")
    assert "COMMENT 'no AUTO_INCREMENT'" in shown
    with pytest.raises(pymysql.Error, match="CONSTRAINT"):
        mysql_sql("insert into twins.t (j) values ('no json')")


def test_made_up_values_that_are_none_of_their_type_are_replaced(mysql, mysql_url, mysql_sql, caplog) -> None:
    mysql_sql(
        "create table shop.t "
        "(doc json, paper json not null, either json, note varchar(30), kind enum('Sad', 'h''y') not null)"
    )
    values = [
        (f'{{"id": {i}}}', f'["{i}"]', ("abcdefghij"[i % 10] + "lorem ipsum dolor sit amet ")[: 12 + i % 19])
        for i in range(150)
    ]
    rows = ", ".join(
        f"('{doc}', '{paper}', '{doc if i % 3 == 0 else i}', '{note}', {1 + (i < 3)})"
        for i, (doc, paper, note) in enumerate(values)
    )
    mysql_sql(f"insert into shop.t values {rows}")

    synthesizer = Synthesizer(model="gaussian_copula", progress=False).fit(f"{mysql_url}/shop")
    synthesizer.sample(output_path=f"{mysql_url}/shop?schema=twins")

    assert mysql.count(mysql.relation("twins", "t")) == 150
    assert mysql_sql("select max(char_length(note)) <= 30, count(note) from twins.t") == [(1, 150)]
    assert mysql_sql("select count(*) from twins.t where json_value(doc, '$.id') >= 0") == [(150,)]
    assert mysql_sql("select count(*) from twins.t where json_length(paper) = 1") == [(150,)]
    assert re.search(r"either: \d+ made-up values are none of its type; null stands there", caplog.text)
    with pytest.raises(ConnectorError, match="no twin was changed"):  # what is no twin is refused
        mysql.write_twins([twin(mysql, pa.table({"paper": ["no json"]}))])


@pytest.mark.parametrize("loads_files", [True, False])
def test_a_percent_sign_in_any_name_is_taken_literally(mysql, mysql_sql, loads_files: bool) -> None:
    mysql_sql("drop database if exists `tw%sins`")
    mysql_sql("create table shop.t (`a%s` int, `values (%s)` int)")
    mysql_sql(f"set global local_infile = {int(loads_files)}")
    target = mysql.relation("tw%sins", "t")
    rows = pa.table({"a%s": pa.array([1, 2], pa.int32()), "values (%s)": pa.array([3, None], pa.int32())})

    mysql.write_twins([Twin(shop(mysql), target, rows)])

    assert mysql.read(target) == rows
    mysql_sql("set global local_infile = 1")
    mysql_sql("drop database `tw%sins`")


def test_a_twin_without_a_source_gets_the_nearest_types(mysql, mysql_sql) -> None:
    rows = pa.table(
        {
            "a": pa.array([2**64 - 1], pa.uint64()),
            "b": [True],
            "c": pa.array([D("1.50")], pa.decimal128(5, 2)),
            "d": pa.array(["x"]).dictionary_encode(),
            "e": [b"\x00"],
            "f": pa.array([dt.datetime(2044, 1, 1)], pa.timestamp("ns", "Europe/Berlin")),
            "g": pa.array([None], pa.null()),
            "h": pa.array([ID.bytes], pa.uuid()),
        }
    )
    target = mysql.relation("twins", "t")

    with mysql.writing({"t": Place(None, target, rows.schema)}) as add:
        add("t", rows)

    expected = (2**64 - 1, 1, D("1.50"), "x", b"\x00", dt.datetime(2044, 1, 1), None, str(ID))
    assert mysql_sql("select * from twins.t") == [expected]
    lists = pa.schema({"odd": pa.list_(pa.int8())})
    with (
        pytest.raises(ConnectorError, match=r"odd.*list.*can't be written"),
        mysql.writing({"t": Place(None, target, lists)}),
    ):
        pass


@pytest.mark.parametrize(
    "name", ["back`tick", 'quo"te', "sp ace", "Üñí", "select", "a.b", "%s", "$1", "ü" * 64]
)
def test_any_name_is_taken_literally(mysql, mysql_sql, name: str) -> None:
    quoted = "`" + name.replace("`", "``") + "`"
    mysql_sql(f"drop database if exists {quoted}")
    mysql_sql(f"create database {quoted}")
    mysql_sql(f"create table {quoted}.{quoted} ({quoted} integer)")
    source, target = mysql.relation(name, name), mysql.relation("twins", name)

    mysql.write_twins([Twin(source, target, pa.table({name: [7]}))])
    mysql_sql("set global local_infile = 0")
    mysql.write_twins([Twin(source, target, pa.table({name: [7]}))])
    mysql_sql("set global local_infile = 1")

    assert mysql.read(target).to_pydict() == {name: [7]}
    assert list(mysql.reflect(name).tables) == [name]
    mysql_sql(f"drop database {quoted}")


def test_names_that_are_too_long_are_refused(mysql) -> None:
    with pytest.raises(ConnectorError, match="at most 64 characters"):
        mysql.relation("shop", "x" * 65)


def test_a_twin_never_replaces_a_real_table(mysql, mysql_sql) -> None:
    mysql_sql("create table shop.t as select 1 as a")

    with pytest.raises(ConnectorError, match=r"shop.*would replace a real table"):
        mysql.write_twins([Twin(shop(mysql), shop(mysql), pa.table({"a": [2]}))])

    assert mysql_sql("select a from shop.t") == [(1,)]


def test_views_on_a_twin_stay_and_keys_to_it_are_named(mysql, mysql_sql) -> None:
    mysql_sql("create table shop.t (a integer)")
    mysql.write_twins([twin(mysql, pa.table({"a": [1]}))])
    mysql_sql("create view twins.v as select sum(a) as total from twins.t")

    mysql.write_twins([twin(mysql, pa.table({"a": [5, 6]}))])

    assert mysql_sql("select total from twins.v") == [(11,)]
    with pytest.raises(ConnectorError, match=r"twins.*v.*no table"):
        mysql.write_twins([Twin(shop(mysql), mysql.relation("twins", "v"), pa.table({"a": [1]}))])
    mysql_sql("alter table twins.t add primary key (a)")
    mysql_sql("create table twins.mine (a integer, foreign key (a) references twins.t (a))")
    with pytest.raises(ConnectorError, match=r"twins.*foreign key.*mine.*drop that key"):
        mysql.write_twins([twin(mysql, pa.table({"a": [7]}))])
    assert mysql_sql("select total from twins.v") == [(11,)]
    assert leftovers(mysql_sql) == []


# ---------------------------------------------------------------- all or none


@pytest.mark.parametrize("loads_files", [True, False])
@pytest.mark.parametrize("is_first", [True, False])
@pytest.mark.parametrize("kind", ["integer", "varchar(3)", "enum('a')", "double"])
def test_a_failure_changes_nothing(mysql, mysql_sql, kind, is_first, loads_files) -> None:
    bad = [float("nan")] if kind == "double" else ["no number"]
    mysql_sql("create table shop.t (a integer)")
    mysql_sql(f"create table shop.u (a {kind})")
    if not is_first:
        mysql.write_twins([twin(mysql, pa.table({"a": [1]}))])
    mysql_sql(f"set global local_infile = {int(loads_files)}")

    with pytest.raises(ConnectorError, match=r"twins.*u.*no twin was changed") as caught:
        mysql.write_twins([twin(mysql, pa.table({"a": [2]})), twin(mysql, pa.table({"a": bad}), "u")])
    mysql_sql("set global local_infile = 1")

    assert "no number" not in str(caught.value)
    tables = mysql_sql("select table_name from information_schema.tables where table_schema = 'twins'")
    assert tables == ([] if is_first else [("t",)])
    if is_first:
        assert mysql_sql("select 1 from information_schema.schemata where schema_name = 'twins'") == []
    else:
        assert mysql_sql("select a from twins.t") == [(1,)]
    assert leftovers(mysql_sql) == []


def test_readers_see_the_old_twins_until_the_end(mysql, mysql_sql) -> None:
    mysql_sql("create table shop.t (a integer)")
    mysql.write_twins([twin(mysql, pa.table({"a": [1]}))])
    places = {n: Place(shop(mysql), mysql.relation("twins", n)) for n in ("t", "new")}

    with mysql.writing(places) as add:
        add("t", pa.table({"a": [2]}))
        add("t", pa.table({"a": [3]}))
        meanwhile = mysql_sql("select a from twins.t")

    assert meanwhile == [(1,)]
    assert mysql_sql("select a from twins.t order by a") == [(2,), (3,)]
    assert mysql_sql("select count(*) from twins.new") == [(0,)]


def test_a_second_writer_waits_for_the_first(mysql, mysql_sql, monkeypatch: pytest.MonkeyPatch) -> None:
    mysql_sql("create table shop.t (a integer)")
    second = threading.Thread(target=mysql.write_twins, args=([twin(mysql, pa.table({"a": [2]}))],))

    with mysql.writing({"t": Place(shop(mysql), mysql.relation("twins", "t"))}) as add:
        add("t", pa.table({"a": [1]}))
        second.start()
        second.join(0.5)
        assert second.is_alive()
        monkeypatch.setattr(module, "LOCK_SECONDS", 1)
        with pytest.raises(ConnectorError, match=r"another program.*twins.*try again"):
            mysql.write_twins([twin(mysql, pa.table({"a": [3]}))])
        with mysql.writing({"t": Place(shop(mysql), mysql.relation("other", "t"))}):  # another one is free
            pass
    second.join(10)

    assert mysql_sql("select a from twins.t") == [(2,)]


def test_a_connection_that_is_lost_when_all_is_written_is_not_called_unchanged(
    mysql, mysql_url, mysql_sql
) -> None:
    mysql_sql("create table shop.t (a integer)")
    port = mysql_url.rpartition(":")[2]
    proxy = Proxy(int(port), b"rename table")
    connector = open_url(f"{mysql_url.replace(port, str(proxy.port))}/shop")[0]

    with pytest.raises(ConnectorError, match=r"twins.*last moment.*look at the twins") as caught:
        connector.write_twins([twin(mysql, pa.table({"a": [1]}))])
    proxy.close()

    assert "no twin was changed" not in str(caught.value)
    mysql.write_twins([twin(mysql, pa.table({"a": [2]}))])  # waits until the server has done what it was told
    assert mysql_sql("select a from twins.t") == [(2,)]
    assert leftovers(mysql_sql) == []


# ---------------------------------------------------------------- keys and errors


def test_keys_are_found(mysql, mysql_sql) -> None:
    mysql_sql("create database other")
    mysql_sql("create table other.far (id integer primary key)")
    mysql_sql("create table shop.b (y integer, x integer, z integer unique, primary key (x, y))")
    mysql_sql(
        "create table shop.a (id integer primary key, p integer, q integer, far integer, up integer, "
        "z integer, foreign key (far) references other.far (id), foreign key (up) references shop.a (id), "
        "foreign key (z) references shop.b (z), foreign key (q, p) references shop.b (x, y), unique (q, p))"
    )
    mysql_sql("create view shop.v as select 1 as one")

    found = mysql.reflect("shop").tables

    assert list(found) == ["a", "b"]
    assert (found["b"].pk, found["a"].pk) == (("x", "y"), ("id",))
    assert [tuple(u) for u in found["a"].unique] == [("q", "p")]
    assert set(found["a"].foreign_keys) == {
        ForeignKey(columns=("up",), parent="a", parent_columns=("id",)),
        ForeignKey(columns=("z",), parent="b", parent_columns=("z",)),
        ForeignKey(columns=("q", "p"), parent="b", parent_columns=("x", "y")),
    }


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (PASSWORD, quote("wr@ng/:pass?word#", safe=""), r"Access denied.*correct the user and the password"),
        ("root:", "nobody:", r"Access denied for user 'nobody'.*correct the user"),
        ("127.0.0.1", "no-such-host.invalid", r"no-such-host.invalid.*check host and port"),
        (":{port}/", ":{free}/", r"refused.*check host and port"),
        ("/shop", "/missing", r"Unknown database 'missing'.*correct the database"),
        ("/shop", "", r"names no database"),
        ("/shop", "/shop?colour=red", r"options.*colour"),
    ],
)
def test_a_wrong_url_says_what_is_wrong_and_no_secret(mysql_url, mysql_sql, old, new, says) -> None:  # noqa: ARG001
    ports = {"port": mysql_url.rpartition(":")[2], "free": free_port()}
    url = f"{mysql_url}/shop".replace(old.format(**ports), new.format(**ports))
    start = time.monotonic()

    with pytest.raises(ConnectorError, match=says) as caught:
        open_url(url)

    assert time.monotonic() - start < 5
    for secret in (PASSWORD, "wr@ng", quote("wr@ng"), "pass?word", "mysql://root"):
        assert secret not in f"{caught.value!r} {caught.value.__cause__!r}"


def test_a_server_that_says_nothing_is_given_up() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        start = time.monotonic()
        with pytest.raises(ConnectorError, match=r"timed out|Lost connection.*try again"):
            open_url(f"mysql://u:p@127.0.0.1:{silent.getsockname()[1]}/db")
        assert time.monotonic() - start < 5


def test_any_password_is_taken(mysql, mysql_url, mysql_sql) -> None:
    password = "p@ss/w:rd?#%20+ ü"  # noqa: S105
    mysql_sql(f"create or replace user `odd:user@`@'127.0.0.1' identified by '{password}'")
    mysql_sql("grant select on shop.* to `odd:user@`@'127.0.0.1'")
    mysql_sql("create table shop.t as select 1 as a")
    who = f"{quote('odd:user@', safe='')}:{quote(password, safe='')}"
    url = mysql_url.replace(f"root:{PASSWORD}", who)

    connector, schema = open_url(f"{url}/?schema=shop")

    assert (schema, connector.read(shop(mysql)).to_pydict()) == ("shop", {"a": [1]})
    with pytest.raises(ConnectorError, match=r"denied.*grant"):
        connector.write_twins([twin(mysql, pa.table({"a": [1]}))])
    mysql_sql("create database twins")
    with pytest.raises(ConnectorError, match=r"denied.*twins.*grant"):
        connector.write_twins([twin(mysql, pa.table({"a": [1]}))])


def test_a_missing_database_table_or_column_is_named(mysql, mysql_sql) -> None:
    mysql_sql("create table shop.t (a integer)")
    with pytest.raises(ConnectorError, match=r"nowhere.*there is no such database"):
        mysql.read(mysql.relation("nowhere", "t"))
    with pytest.raises(ConnectorError, match=r"shop.*missing.*there is no such table"):
        mysql.count(shop(mysql, "missing"))
    with pytest.raises(ConnectorError, match=r"nope.*there is no such column.*one of a"):
        mysql.read(shop(mysql), ["nope"])
    with pytest.raises(ConnectorError, match=r"nowhere.*no table"):
        mysql.reflect("nowhere")
    with pytest.raises(ConnectorError, match=r"shop.*missing.*there is no such table"):
        mysql.write_twins([twin(mysql, pa.table({"a": [1]}), "missing")])


@pytest.mark.usefixtures("mysql_sql")
def test_a_server_has_a_number_of_its_own(mysql_url) -> None:
    connector, _ = open_url(f"{mysql_url}/shop")
    same, _ = open_url(f"{mysql_url}/information_schema?schema=shop")

    assert len(connector.home()) > 20
    assert connector.home() == same.home()
