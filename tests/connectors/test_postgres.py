"""PostgreSQL in, PostgreSQL out, on a real server: all twins or none, any names, clear errors."""

from __future__ import annotations

import datetime as dt
import socket
import threading
import time
import uuid
from decimal import Decimal
from types import SimpleNamespace
from urllib.parse import quote

import pyarrow as pa
import pytest
from postgres_server import PASSWORD, free_port, postgres_server
from postgres_tables import columns_of, leftovers, shop, twin

from synthohive_py import Synthesizer
from synthohive_py.connectors import Place, Relation, Twin, connect, open_url
from synthohive_py.connectors import postgres as module
from synthohive_py.connectors.postgres import PostgresConnector
from synthohive_py.errors import ConnectorError
from synthohive_py.schema import ForeignKey

UTC = dt.timezone.utc
ID = uuid.UUID("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")
D = Decimal


def test_rows_come_in_pieces_in_their_order_and_columns_in_the_order_asked(postgres, sql) -> None:
    sql(
        "create table shop.t as "
        "select g as a, g::text as b, g * 0.5 as c from generate_series(1, 200000) as g"
    )

    pieces = list(postgres.batches(shop(postgres), ["b", "a"]))

    assert pieces[0].num_rows == 0
    assert max(piece.num_rows for piece in pieces) <= 65_536
    whole = pa.concat_tables(pieces)
    assert whole.column_names == ["b", "a"]
    assert whole.column("a").to_pylist() == list(range(1, 200_001))
    assert postgres.count(shop(postgres)) == 200_000


def test_reading_may_end_early(postgres, sql) -> None:
    sql("create table shop.t as select g as a from generate_series(1, 500000) as g")

    pieces = postgres.batches(shop(postgres))
    next(pieces)
    next(pieces)
    pieces.close()

    assert leftovers(sql) == []


def test_a_database_in_another_encoding_is_read_and_written(
    postgres_uri, sql, monkeypatch: pytest.MonkeyPatch
) -> None:
    sql("drop database if exists latin")
    sql("create database latin encoding 'LATIN1' template template0 locale 'C'")
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    connector = PostgresConnector(f"{postgres_uri.rpartition('/')[0]}/latin")
    target = connector.relation("twins", "t")
    rows = pa.table({"a": ["Grüße"], "j": ['{"ä": 1}']})

    with connector.writing({"t": Place(None, target, rows.schema)}) as add:
        add("t", rows)

    assert connector.read(target) == rows
    sql("drop database latin")


# ---------------------------------------------------------------- twins


def test_a_twin_has_the_columns_of_its_source_and_nothing_that_ties_it_to_that(postgres, sql) -> None:
    sql("create schema other")
    sql("create sequence other.numbers")
    sql(
        """
        create table shop.t (
            id serial primary key, other_id bigint default nextval('other.numbers'),
            no integer generated always as identity, a text not null default 'x''y',
            b numeric(5, 2) default 1.50, gone integer, c numeric generated always as (b * 2) stored,
            at timestamptz default now(), "Select" text collate "C",
            check (b > 0)
        )
        """
    )
    sql("alter table shop.t drop column gone")
    sql("insert into shop.t (a, b) values ('q', 2)")
    rows = postgres.read(shop(postgres))

    postgres.write_twins([twin(postgres, rows)])

    expected = [
        ("id", "integer", True, False, None, False),
        ("other_id", "bigint", False, False, None, False),
        ("no", "integer", True, False, None, False),
        ("a", "text", True, False, "'x''y'::text", False),
        ("b", "numeric(5,2)", False, False, "1.50", False),
        ("c", "numeric", False, True, "(b * (2)::numeric)", False),
        ("at", "timestamp with time zone", False, False, "now()", False),
        ("Select", "text", False, False, None, False),
    ]
    assert columns_of(sql, "twins") == expected
    assert postgres.read(postgres.relation("twins", "t")) == rows
    sql("drop schema other cascade")
    sql("drop table shop.t")


def test_columns_are_matched_by_name_and_missing_ones_get_their_default(postgres, sql) -> None:
    sql("create table shop.t (a integer, b text, c integer default 7, d jsonb default '{}')")

    postgres.write_twins([twin(postgres, pa.table({"b": ["x"], "a": [1]}))])

    assert sql("select a, b, c, d::text from twins.t") == [(1, "x", 7, "{}")]


def test_other_arrow_types_are_cast_where_no_value_is_lost(postgres, sql) -> None:
    sql(
        "create table shop.t (a smallint, b text, c timestamp, d numeric(6, 2), e double precision, "
        "f uuid, g numeric)"
    )
    rows = pa.table(
        {
            "a": pa.array([7], pa.int64()),
            "b": pa.array(["x"]).dictionary_encode(),
            "c": pa.array([1_700_000_000_123_456_789], pa.timestamp("ns")),
            "d": pa.array([D("1.5000")], pa.decimal128(20, 4)),
            "e": pa.array([1.5], pa.float32()),
            "f": [str(ID)],
            "g": [2.5],
        }
    )

    postgres.write_twins([twin(postgres, rows)])

    assert sql("select a::int, b, c::text, d::text, e, f::text, g::text from twins.t") == [
        (7, "x", "2023-11-14 22:13:20.123456", "1.50", 1.5, str(ID), "2.5")
    ]
    for odd in ({"a": [70_000]}, {"d": [D("1.555")]}, {"a": ["secret"]}, {"nope": [1]}):
        (name,) = odd
        with pytest.raises(ConnectorError, match="no twin was changed") as caught:
            postgres.write_twins([twin(postgres, pa.table(odd))])
        assert caught.value.column == name
        assert "secret" not in str(caught.value)


def test_a_twin_without_a_source_gets_the_nearest_types(postgres, sql) -> None:
    arrays = {
        "a": pa.array([1], pa.uint8()),
        "b": pa.array([2**64 - 1], pa.uint64()),
        "c": pa.array([D("1.50")], pa.decimal128(5, 2)),
        "d": pa.array(["x"], pa.large_string()),
        "e": pa.array([b"x"], pa.binary(1)),
        "f": pa.array([dt.datetime(2024, 1, 1)], pa.timestamp("ns", "Europe/Berlin")),
        "g": pa.array([None], pa.null()),
        "h": pa.array([[1]], pa.list_(pa.int64())),
        "i": pa.array([ID.bytes], pa.uuid()),
        "j": pa.array(["x"]).dictionary_encode(),
        "k": pa.array([1.5], pa.float16()),
    }
    rows = pa.table(arrays)
    target = postgres.relation("twins", "t")

    for _ in range(2):
        with postgres.writing({"t": Place(None, target, rows.schema)}) as add:
            add("t", rows)

    kinds = [
        "smallint",
        "numeric(20,0)",
        "numeric(5,2)",
        "text",
        "bytea",
        "tz",
        "text",
        "bigint[]",
        "uuid",
        "text",
        "real",
    ]
    found = [kind for _, kind, *_ in columns_of(sql, "twins")]
    assert found == [kind if kind != "tz" else "timestamp with time zone" for kind in kinds]
    assert sql("select a::int, b::text, c::text, d, g, h, k from twins.t") == [
        (1, str(2**64 - 1), "1.50", "x", None, [1], 1.5)
    ]
    struct = pa.schema({"odd": pa.struct({"a": pa.int8()})})
    with (
        pytest.raises(ConnectorError, match=r"odd.*struct.*can't be written"),
        postgres.writing({"t": Place(None, target, struct)}),
    ):
        pass


NAMES = [
    'quo"te',
    "sp ace",
    "Üñí",
    "select",
    "a.b",
    "MiXed",
    "x'; drop table shop.t; --",
    "$1",
    "%s",
    "ü" * 31 + "x",
]


@pytest.mark.parametrize("name", NAMES)
def test_any_name_is_taken_literally(postgres, sql, name: str) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    sql(f"drop schema if exists {quoted} cascade")
    sql(f"create schema {quoted}")
    sql(f"create table {quoted}.{quoted} ({quoted} integer, j jsonb)")
    source = postgres.relation(name, name)
    target = postgres.relation("twins", name)

    postgres.write_twins([Twin(source, target, pa.table({name: [7], "j": ["1"]}))])

    assert postgres.read(target).to_pydict() == {name: [7], "j": ["1"]}
    assert list(postgres.reflect(name).tables) == [name]
    sql(f"drop schema {quoted} cascade")


@pytest.mark.parametrize("name", ["x" * 64, "ü" * 32, "a\0b"])
def test_names_that_postgres_would_cut_are_refused(postgres, name: str) -> None:
    with pytest.raises(ConnectorError, match="at most 63 bytes"):
        postgres.relation("shop", name)
    with pytest.raises(ConnectorError, match="at most 63 bytes"):
        postgres.reflect(name)


def test_a_twin_never_replaces_a_real_table(postgres, sql) -> None:
    sql("create table shop.t as select 1 as a")

    with pytest.raises(ConnectorError, match=r"shop.*would replace a real table"):
        postgres.write_twins([Twin(shop(postgres), shop(postgres), pa.table({"a": [2]}))])

    assert sql("select a from shop.t") == [(1,)]


# ---------------------------------------------------------------- old twins


def test_a_server_with_the_same_names_is_another_one(postgres_uri, sql) -> None:
    """A copy for the developers: the same database, schema and tables, elsewhere."""
    sql("create table shop.t as select g as a, g % 3 as b from generate_series(1, 60) as g")
    synthesizer = Synthesizer(model="gaussian_copula", progress=False).fit(f"{postgres_uri}?schema=shop")

    with postgres_server() as elsewhere:
        for _ in range(2):  # also where the table is there from the time before
            synthesizer.sample(output_path=f"{elsewhere}?schema=shop")
        copied, _ = open_url(elsewhere)
        assert copied.count(copied.relation("shop", "t")) == 60
    with pytest.raises(ConnectorError, match="would replace the real table"):
        synthesizer.sample(output_path=f"{postgres_uri}?schema=shop")


def test_an_old_twin_with_the_same_columns_keeps_what_is_tied_to_it(postgres, sql) -> None:
    sql("create table shop.t (id serial, a integer)")
    postgres.write_twins([twin(postgres, pa.table({"id": [1], "a": [1]}))])
    sql("create view twins.v as select sum(a)::int as total from twins.t")
    sql("create index on twins.t (a)")

    postgres.write_twins([twin(postgres, pa.table({"id": [1, 2], "a": [5, 6]}))])

    assert sql("select total from twins.v") == [(11,)]
    assert sql("select count(*) from pg_indexes where schemaname = 'twins'") == [(1,)]


def test_keys_among_old_twins_stay(postgres, sql) -> None:
    sql("create table shop.t (id integer)")
    sql("create table shop.u (t_id integer)")
    parents, children = pa.table({"id": [1]}), pa.table({"t_id": [1]})
    postgres.write_twins([twin(postgres, parents), twin(postgres, children, "u")])
    sql("alter table twins.t add primary key (id)")
    sql("alter table twins.u add foreign key (t_id) references twins.t")
    sql("alter table shop.t alter id set not null")

    postgres.write_twins(
        [twin(postgres, pa.table({"id": [2]})), twin(postgres, pa.table({"t_id": [2]}), "u")]
    )
    with pytest.raises(ConnectorError, match=r"twins.*foreign key.*no twin|no twin.*foreign key"):
        postgres.write_twins([twin(postgres, pa.table({"id": [3]}))])

    assert sql("select t_id from twins.u") == [(2,)]


def test_an_old_twin_with_other_columns_is_replaced_unless_a_view_needs_it(postgres, sql) -> None:
    sql("create table shop.t (a integer)")
    postgres.write_twins([twin(postgres, pa.table({"a": [1]}))])
    sql("alter table shop.t alter a type bigint")

    postgres.write_twins([twin(postgres, pa.table({"a": [2]}))])

    assert columns_of(sql, "twins") == columns_of(sql, "shop")
    sql("create view twins.v as select a from twins.t")
    sql("alter table shop.t add b text")
    with pytest.raises(ConnectorError, match=r"twins.*no twin was changed.*depend.*drop what depends"):
        postgres.write_twins([twin(postgres, pa.table({"a": [3]}))])
    assert sql("select a from twins.v") == [(2,)]
    assert leftovers(sql) == []


def test_what_is_no_table_is_not_replaced(postgres, sql) -> None:
    sql("create schema twins")
    sql("create table shop.t (a integer)")
    sql("create view twins.t as select 1 as a")

    with pytest.raises(ConnectorError, match=r"twins.*no table"):
        postgres.write_twins([twin(postgres, pa.table({"a": [1]}))])


# ---------------------------------------------------------------- all or none


@pytest.mark.parametrize("is_first", [True, False])
@pytest.mark.parametrize("kind", ["integer", "jsonb", "varchar(3)", "shop.small"])
def test_a_failure_changes_nothing(postgres, sql, kind: str, is_first: bool) -> None:
    sql("create domain shop.small as integer check (value < 10)")
    sql("create table shop.t (a integer)")
    sql(f"create table shop.u (a {kind})")
    if not is_first:
        postgres.write_twins([twin(postgres, pa.table({"a": [1]}))])
    bad = [4444] if kind == "shop.small" else ["no number"]

    with pytest.raises(ConnectorError, match=r'twins.*"?u.*no twin was changed') as caught:
        postgres.write_twins(
            [twin(postgres, pa.table({"a": [2]})), twin(postgres, pa.table({"a": bad}), "u")]
        )

    assert str(bad[0]) not in str(caught.value)
    exists = sql("select to_regclass('twins.t')::text, to_regclass('twins.u')::text")
    assert exists == [(None, None) if is_first else ("twins.t", None)]
    if not is_first:
        assert sql("select a from twins.t") == [(1,)]
    assert leftovers(sql) == []


def test_an_error_of_the_caller_changes_nothing(postgres, sql) -> None:
    sql("create table shop.t (a integer)")
    place = Place(shop(postgres), postgres.relation("twins", "t"))

    def fail() -> None:
        with postgres.writing({"t": place}) as add:
            add("t", pa.table({"a": [1]}))
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        fail()

    assert sql("select to_regnamespace('twins')::text") == [(None,)]
    assert leftovers(sql) == []


def test_readers_see_the_old_twins_until_the_end(postgres, sql) -> None:
    sql("create table shop.t (a integer)")
    postgres.write_twins([twin(postgres, pa.table({"a": [1]}))])
    places = {n: Place(shop(postgres), postgres.relation("twins", n)) for n in ("t", "new")}

    with postgres.writing(places) as add:
        add("t", pa.table({"a": [2]}))
        add("t", pa.table({"a": [3]}))
        meanwhile = sql("select a, to_regclass('twins.new')::text from twins.t")

    assert meanwhile == [(1, None)]
    assert sql("select a from twins.t order by a") == [(2,), (3,)]
    assert sql("select count(*) from twins.new") == [(0,)]  # without any rows, too


def test_a_second_writer_waits_for_the_first(postgres, sql, monkeypatch: pytest.MonkeyPatch) -> None:
    sql("create table shop.t (a integer)")
    second = threading.Thread(target=postgres.write_twins, args=([twin(postgres, pa.table({"a": [2]}))],))

    with postgres.writing({"t": Place(shop(postgres), postgres.relation("twins", "t"))}) as add:
        add("t", pa.table({"a": [1]}))
        second.start()
        second.join(0.5)
        assert second.is_alive()
        monkeypatch.setattr(module, "LOCK_SECONDS", 1)
        with pytest.raises(ConnectorError, match=r"another program is writing twins to the schema 'twins'"):
            postgres.write_twins([twin(postgres, pa.table({"a": [3]}))])
        place = {"t": Place(shop(postgres), postgres.relation("other", "t"))}
        with postgres.writing(place):  # another schema is free
            pass
    second.join(10)

    assert sql("select a from twins.t") == [(2,)]
    assert leftovers(sql) == []


# ---------------------------------------------------------------- keys


def test_keys_are_found(postgres, sql) -> None:
    sql("create schema other")
    sql("create table other.far (id integer primary key)")
    sql("create table shop.b (y integer, x integer, z integer unique, primary key (x, y))")
    sql(
        "create table shop.a (id integer primary key, p integer, q integer, "
        "far integer references other.far, up integer references shop.a, z integer references shop.b (z), "
        "part text, foreign key (q, p) references shop.b (x, y), unique (q, p))"
    )
    sql("create unique index on shop.a (p) where p > 0")
    sql("create unique index on shop.a (lower(part))")
    sql("create unique index on shop.a (part, id) include (q)")
    sql(
        "create table shop.logs (at date, a_id integer references shop.a, primary key (at, a_id)) "
        "partition by range (at)"
    )
    sql("create table shop.logs_24 partition of shop.logs for values from ('2024-01-01') to ('2025-01-01')")
    sql("create table shop.refs (at date, a_id integer, foreign key (at, a_id) references shop.logs)")
    sql("create view shop.v as select 1 as one")

    found = postgres.reflect("shop").tables

    assert list(found) == ["a", "b", "logs", "refs"]
    assert (found["b"].pk, found["a"].pk, found["logs"].pk) == (("x", "y"), ("id",), ("at", "a_id"))
    assert found["refs"].pk in ((), None)
    assert [tuple(u) for u in found["a"].unique] == [("q", "p"), ("part", "id")]
    keys = {
        ForeignKey(columns=("up",), parent="a", parent_columns=("id",)),
        ForeignKey(columns=("z",), parent="b", parent_columns=("z",)),
        ForeignKey(columns=("q", "p"), parent="b", parent_columns=("x", "y")),
    }
    assert set(found["a"].foreign_keys) == keys
    assert found["logs"].foreign_keys == (ForeignKey(columns=("a_id",), parent="a", parent_columns=("id",)),)
    assert found["refs"].foreign_keys == (
        ForeignKey(columns=("at", "a_id"), parent="logs", parent_columns=("at", "a_id")),
    )


# ---------------------------------------------------------------- errors


def broken(uri: str, **changes: str) -> str:
    parts = {"user": "postgres", "password": PASSWORD, "host": "127.0.0.1", "database": "postgres"}
    parts |= {"port": uri.rpartition(":")[2].partition("/")[0], **changes}
    parts["password"] = quote(parts["password"], safe="")
    return "postgresql://{user}:{password}@{host}:{port}/{database}".format(**parts)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (
            {"password": "wr@ng/:pass?word#"},
            r"password authentication failed.*correct the user and the password",
        ),
        ({"user": "nobody"}, r'authentication failed for user "nobody".*correct the user'),
        ({"host": "no-such-host.invalid"}, r"no-such-host.invalid.*check host and port"),
        ({"port": "free"}, r"refused.*check host and port"),
        ({"database": "missing"}, r'database "missing" does not exist.*correct the database'),
        ({"database": "postgres?sslmode=require"}, r"SSL.*set sslmode"),
        ({"database": "postgres?colour=red"}, r"colour.*correct the options"),
    ],
)
def test_a_wrong_url_says_what_is_wrong_and_no_secret(postgres_uri, changes, says) -> None:
    changes = {k: str(free_port()) if v == "free" else v for k, v in changes.items()}
    url = broken(postgres_uri, **changes)
    start = time.monotonic()

    with pytest.raises(ConnectorError, match=says) as caught:
        open_url(url)
    with pytest.raises(ConnectorError, match=says):
        PostgresConnector(url).count(Relation("postgres", "shop", "t"))

    assert time.monotonic() - start < 10
    text = f"{caught.value!r} {caught.value.__cause__!r}"
    for secret in (PASSWORD, "wr@ng", quote("wr@ng"), "pass?word", "postgresql://"):
        assert secret not in text


def test_a_server_that_says_nothing_is_given_up() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        start = time.monotonic()
        with pytest.raises(ConnectorError, match="timeout expired"):
            open_url(f"postgresql://u:p@127.0.0.1:{silent.getsockname()[1]}/db")
        assert time.monotonic() - start < 5


def test_any_password_and_a_socket_are_taken(postgres_uri, sql) -> None:
    password = "p@ss/w:rd?#%20+ 'ü\""  # noqa: S105
    sql('drop role if exists "odd:user@"')
    sql('create role "odd:user@" login password \'' + password.replace("'", "''") + "'")
    folder = sql("select current_setting('unix_socket_directories')")[0][0]
    port = postgres_uri.rpartition(":")[2].partition("/")[0]
    who = f"{quote('odd:user@', safe='')}:{quote(password, safe='')}"

    for where in (f"127.0.0.1:{port}/postgres?", f"/postgres?host={quote(folder, safe='')}&port={port}&"):
        connector, schema = open_url(f"postgresql://{who}@{where}application_name=me&schema=shop")
        assert (schema, connector.relation("a", "b").database) == ("shop", "postgres")
        connector.close()


@pytest.mark.parametrize("is_option", [False, True])
def test_a_socket_may_lie_in_a_folder_of_mixed_case(postgres_uri, sql, tmp_path, is_option: bool) -> None:
    folder = sql("select current_setting('unix_socket_directories')")[0][0]
    port = postgres_uri.rpartition(":")[2].partition("/")[0]
    (tmp_path / "MiXed").symlink_to(folder)
    quoted = quote(str(tmp_path / "MiXed"), safe="")
    where = f"/postgres?host={quoted}&port={port}" if is_option else f"{quoted}/postgres?port={port}"

    connector, _ = open_url(f"postgresql://postgres:{quote(PASSWORD)}@{where}")

    assert connector.relation("a", "b").database == "postgres"


def test_a_missing_schema_or_table_is_named(postgres, sql) -> None:
    sql("create table shop.t (a integer)")
    with pytest.raises(ConnectorError, match=r"nowhere.*there is no such schema"):
        postgres.read(postgres.relation("nowhere", "t"))
    with pytest.raises(ConnectorError, match=r"shop.*missing.*there is no such table"):
        postgres.count(shop(postgres, "missing"))
    with pytest.raises(ConnectorError, match=r"nope.*there is no such column.*one of a"):
        postgres.read(shop(postgres), ["nope"])
    with pytest.raises(ConnectorError, match=r"nowhere.*no table"):
        postgres.reflect("nowhere")
    with pytest.raises(ConnectorError, match=r"shop.*missing.*there is no such table"):
        postgres.write_twins([twin(postgres, pa.table({"a": [1]}), "missing")])
    with pytest.raises(ConnectorError, match=r"elsewhere.*cross-database"):
        postgres.read(Relation("elsewhere", "shop", "t"))


def test_missing_rights_are_named(postgres_uri, postgres, sql) -> None:
    sql("create table shop.t (a integer)")
    sql("create table shop.secret (a integer)")
    sql(
        "do $$ begin create role guest login password 'guest-pw'; "
        "exception when duplicate_object then null; end $$"
    )
    guest = PostgresConnector(broken(postgres_uri, user="guest", password="guest-pw"))  # noqa: S106

    with pytest.raises(ConnectorError, match=r"shop.*permission denied for schema.*grant"):
        guest.read(shop(postgres))
    sql("grant usage on schema shop to guest")
    sql("grant select on shop.t to guest")
    with pytest.raises(ConnectorError, match=r"secret.*permission denied for table.*grant"):
        guest.read(shop(postgres, "secret"))
    assert list(guest.reflect("shop").tables) == ["t"]
    with pytest.raises(ConnectorError, match=r"permission denied for database.*grant"):
        guest.write_twins([twin(postgres, pa.table({"a": [1]}))])
    sql("create schema twins")
    sql("grant usage on schema twins to guest")
    with pytest.raises(ConnectorError, match=r"twins.*permission denied for schema.*grant"):
        guest.write_twins([twin(postgres, pa.table({"a": [1]}))])
    sql("grant create on schema twins to guest")
    guest.write_twins([twin(postgres, pa.table({"a": [1]}))])

    assert sql("select a from twins.t") == [(1,)]


def test_a_session_with_a_uri_gets_the_connector(postgres_uri) -> None:
    connector = connect(SimpleNamespace(uri=postgres_uri))

    assert isinstance(connector, PostgresConnector)
    assert connector.relation("a", "b") == Relation("postgres", "a", "b")
    assert PASSWORD not in repr(connector)
