"""PostgreSQL's errors while real rows are read: they name the table and what to do, and show no value."""

from __future__ import annotations

import socket
import traceback
from collections.abc import Iterator
from urllib.parse import quote

import adbc_driver_postgresql.dbapi as adbc
import pyarrow as pa
import pytest
from postgres_server import PASSWORD
from postgres_tables import leftovers, shop, twin
from sockets import sockets_to

from synthohive_py import Synthesizer
from synthohive_py.connectors import Place, open_url
from synthohive_py.connectors import postgres as module
from synthohive_py.connectors.postgres import PostgresConnector
from synthohive_py.errors import ConnectorError

SECRET = "Alice Secretperson"  # noqa: S105  a value of a row

# What a view computes from `x`, and what is said.
BROKEN = [
    ("x::integer", r"invalid input syntax for type integer. What to do: correct the value"),
    ("1 / length(replace(x, 'Alice Secretperson', ''))", r"division by zero. What to do: correct the value"),
    ("shop.judged(x)", r"whose text may show a value.*psql"),
]


@pytest.mark.parametrize(("computed", "says"), BROKEN)
@pytest.mark.parametrize("place", [1, 19_999])
def test_a_view_that_fails_is_named_without_the_value(postgres, sql, computed: str, says: str, place) -> None:
    sql(
        "create function shop.judged(x text) returns text language plpgsql as $$ begin "
        f"if x = '{SECRET}' then raise exception 'what of % ?', x; end if; return x; end $$"
    )
    value = f"case when g = {place} then '{SECRET}' else g::text end"
    sql(f"create table shop.b as select {value} as x from generate_series(1, 20000) as g")
    sql(f"create view shop.v as select {computed} as y from shop.b")

    with pytest.raises(ConnectorError, match=rf"shop.*v.*can't be read.*{says}") as caught:
        postgres.read(shop(postgres, "v"))

    shown = "".join(traceback.format_exception(caught.value))
    assert SECRET not in shown
    assert "Secretperson" not in shown


@pytest.fixture
def unchecked(postgres_uri: str, sql) -> Iterator[str]:
    """A database whose encoding lets any bytes in."""
    sql("drop database if exists unchecked")
    sql("create database unchecked encoding 'SQL_ASCII' template template0 locale 'C'")
    yield f"{postgres_uri.rpartition('/')[0]}/unchecked"
    sql("drop database unchecked")


def test_bytes_that_are_no_text_are_refused_with_their_table(unchecked: str) -> None:
    with adbc.connect(unchecked, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("create table t as select convert_from('\\xe9'::bytea, 'SQL_ASCII') as a")
    connector = PostgresConnector(unchecked)
    with pytest.raises(ConnectorError, match=r"t.*can't be read.*byte sequence.*correct the text") as caught:
        connector.read(connector.relation("public", "t"))
    assert "e9" not in str(caught.value)

    with adbc.connect(unchecked, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(
            "do $$ begin execute "
            "'create table ' || convert_from('\\x74e9'::bytea, 'SQL_ASCII') || ' (a int)'; end $$"
        )
    with pytest.raises(ConnectorError, match=r"first question.*byte sequence.*rename the tables") as caught:
        open_url(unchecked)
    assert "can't be reached" not in str(caught.value)


def test_reading_that_the_server_cancels_gives_no_part_of_the_rows(postgres, sql) -> None:
    sql("create table shop.b as select repeat('x', 1000) as a from generate_series(1, 100000)")
    pieces = postgres.batches(shop(postgres, "b"))
    next(pieces)
    next(pieces)
    sql(
        "select pg_cancel_backend(pid) from pg_stat_activity "
        "where application_name = 'synthohive' and pid <> pg_backend_pid()"
    )

    with pytest.raises(ConnectorError, match=r"shop.*b.*can't be read.*canceling statement due to user"):
        list(pieces)
    assert leftovers(sql) == []


def test_a_first_question_that_takes_too_long_is_said_to(postgres_uri) -> None:
    with adbc.connect(postgres_uri) as connection, connection.cursor() as cursor:
        cursor.execute("lock table pg_catalog.pg_type in access exclusive mode")
        with pytest.raises(ConnectorError, match=r"first question.*statement timeout.*statement_timeout\)"):
            open_url(f"{postgres_uri}?options=-c%20statement_timeout%3D200")


# ---------------------------------------------------------------- locks


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOCK_SECONDS", 1)


@pytest.mark.usefixtures("impatient")
def test_a_real_table_that_another_holds_is_not_waited_for_for_ever(postgres_uri, postgres, sql) -> None:
    sql("create table shop.t (a numeric)")
    sql("create table shop.u (a integer)")
    held = r"shop.*u.*can't be read.*lock timeout.*other program that holds the table"
    with adbc.connect(postgres_uri) as connection, connection.cursor() as cursor:
        cursor.execute("lock table shop.u in access exclusive mode")

        for read in (postgres.read, postgres.count):
            with pytest.raises(ConnectorError, match=held):
                read(shop(postgres, "u"))
        with pytest.raises(ConnectorError, match=held) as caught:
            postgres.write_twins([twin(postgres, pa.table({"a": [1]}), name) for name in ("t", "u")])

    assert "twins" not in caught.value.table
    assert leftovers(sql) == []


# ---------------------------------------------------------------- rights and names


def test_a_table_that_this_user_may_not_read_is_left_out_with_a_warning(postgres_uri, sql, caplog) -> None:
    if not sql("select 1 from pg_roles where rolname = 'reader'"):
        sql("create role reader login password 'reader-pw'")
    sql("create table shop.customers (id integer primary key, name text)")
    sql("create table shop.orders (id integer primary key, customer_id integer references shop.customers)")
    sql("insert into shop.customers select g, 'n' from generate_series(1, 20) as g")
    sql("insert into shop.orders select g, g from generate_series(1, 20) as g")
    sql("grant usage on schema shop to reader")
    sql("grant select on shop.orders to reader")
    url = postgres_uri.replace(f"postgres:{PASSWORD}", "reader:reader-pw")

    synthesizer = Synthesizer(model="gaussian_copula", progress=False).fit(f"{url}?schema=shop")

    assert list(synthesizer.sample()) == ["orders"]
    [said] = [text for text in caplog.messages if "customers" in text]
    assert said == (
        "shop.customers is left out: this user may not read it (grant select on it); "
        "its keys are lost: orders (customer_id)"
    )


def test_names_of_columns_that_postgres_would_cut_are_refused(postgres) -> None:
    rows = pa.table({"x" * 64: [1]})

    with (
        pytest.raises(ConnectorError, match=r"twins.*t.*name can't be one.*at most 63 bytes.*64") as caught,
        postgres.writing({"t": Place(None, postgres.relation("twins", "t"), rows.schema)}) as add,
    ):
        add("t", rows)

    assert caught.value.column == "x" * 64


# ---------------------------------------------------------------- the URL


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("connect_timeout", "s3cret"),
        ("sslmode", "s3cret"),
        ("port", "s3cret"),
        ("pasword", "s3cret"),
        ("options", "-c%20s3cret%3D1"),
        ("options", "-c%20geqo%3Ds3cret"),
    ],
)
def test_an_option_is_named_and_its_value_is_not_shown(postgres_uri, option: str, value: str) -> None:
    url = "postgresql://postgres@/postgres" if option == "port" else postgres_uri

    with pytest.raises(ConnectorError, match=rf"{option}.*correct|correct the value of {option}") as caught:
        open_url(f"{url}?{option}={value}")

    assert "s3cret" not in f"{caught.value!r} {caught.value.__cause__!r}".replace(PASSWORD, "")
    assert "check host and port" not in str(caught.value)


def test_a_password_that_ends_the_url_too_early_is_not_shown(postgres_uri) -> None:
    with pytest.raises(ConnectorError, match="correct the options") as caught:
        open_url(postgres_uri.replace(quote(PASSWORD), "12?s3cret=x"))

    assert "s3cret" not in str(caught.value)


# ---------------------------------------------------------------- a network that has died


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="the system has no such option")
def test_both_sides_give_up_a_side_that_has_vanished(postgres_uri) -> None:
    port = int(postgres_uri.rpartition(":")[2].partition("/")[0])
    with PostgresConnector(postgres_uri)._session() as session:
        server = session.ask("select current_setting('tcp_user_timeout') as it")
        ours = [found.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) for found in sockets_to(port)]

    assert 120_000 in ours
    assert server == [{"it": "120000"}]
