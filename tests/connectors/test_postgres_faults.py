"""PostgreSQL when things go wrong, on a real server: old twins or new ones, nothing left, a clear error."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable, Iterator

import adbc_driver_postgresql.dbapi as adbc
import numpy as np
import pyarrow as pa
import pytest
from faults import ROWS, WRITTEN, Proxy, assert_one_write, kill_writers, limit_files
from postgres_server import PASSWORD, Server, stoppable_server
from postgres_tables import leftovers

from synthohive_py.connectors import Place
from synthohive_py.connectors import postgres as module
from synthohive_py.connectors.postgres import PostgresConnector
from synthohive_py.errors import ConnectorError

MANY = 400_000  # rows, of about 70 bytes


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with stoppable_server() as server:
        yield server


@pytest.fixture
def sql(server: Server) -> Callable[..., list[tuple]]:
    def run(*statements: str) -> list[tuple]:
        with adbc.connect(server.uri, autocommit=True) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []

    run("drop schema if exists shop, twins cascade", "create schema shop", "create schema twins")
    for name in ("t", "u"):
        run(f"create table shop.{name} (a bigint, j jsonb)", f"create table twins.{name} (a bigint, j jsonb)")
        run(f"insert into twins.{name} values (1, '{{}}')")
    return run


def write(
    connector: PostgresConnector, rows: int = ROWS, meanwhile: Callable[[], None] | None = None
) -> None:
    """Write both twins; `meanwhile` is called when half of the second one is written."""
    places = {n: Place(connector.relation("shop", n), connector.relation("twins", n)) for n in ("t", "u")}
    made = pa.table({"a": np.full(rows, time.time_ns()), "j": ['{"of": "about thirty letters"}'] * rows})
    with connector.writing(places) as add:
        add("t", made)
        add("u", made.slice(0, rows // 2))
        if meanwhile:
            meanwhile()
        add("u", made.slice(rows // 2))


def assert_unchanged_and_recovers(sql, server: Server) -> None:
    """The old twins are there and nothing else; the next run writes new ones."""
    assert sql(WRITTEN) == [(1, 1, 1, 1, 1, 1)]
    assert leftovers(sql) == []
    write(PostgresConnector(server.uri))
    [state] = sql(WRITTEN)
    assert_one_write(state)
    assert state[0] == ROWS
    assert leftovers(sql) == []


def change(sql) -> None:
    """Let the old twins be dropped for new tables; else they stay, and get new rows."""
    sql("alter table shop.t add n integer", "alter table shop.u add n integer")


@pytest.mark.parametrize("is_changed", [False, True])
def test_a_killed_writer_leaves_twins_of_one_write(server, sql, is_changed: bool) -> None:
    if is_changed:
        sql("alter table shop.t alter a set default 5", "alter table twins.u alter a set default 5")
    states = []
    for _ in kill_writers(server.uri):
        assert leftovers(sql) == []
        [state] = sql(WRITTEN)
        assert_one_write(state)
        states.append(state)

    assert len(set(states)) > 1  # some were killed after a write
    write(PostgresConnector(server.uri))
    assert_one_write(sql(WRITTEN)[0])


@pytest.mark.parametrize("mode", ["fast", "immediate", "terminated"])
def test_a_server_that_stops_leaves_the_old_twins(server, sql, mode: str) -> None:
    if mode == "immediate":
        change(sql)

    def stop() -> None:
        if mode == "terminated":
            sql(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where application_name = 'synthohive' and pid <> pg_backend_pid()"
            )
        else:
            server.stop(mode)

    try:
        with pytest.raises(ConnectorError, match=r"twins.*u.*no twin was changed.*server runs") as caught:
            write(PostgresConnector(server.uri), meanwhile=stop)
        if mode != "terminated":
            with pytest.raises(ConnectorError, match="check host and port"):
                write(PostgresConnector(server.uri))
    finally:
        if mode != "terminated":
            server.start()

    assert PASSWORD not in repr(caught.value)
    assert_unchanged_and_recovers(sql, server)


def test_a_server_that_stops_ends_reading_with_the_name_of_the_table(server, sql) -> None:
    sql(f"insert into shop.t select g, '{{}}' from generate_series(1, {MANY}) as g")
    connector = PostgresConnector(server.uri)
    pieces = connector.batches(connector.relation("shop", "t"))
    next(pieces)
    server.stop()

    try:
        with pytest.raises(ConnectorError, match=r"shop.*t.*can't be read.*server runs"):
            list(pieces)
    finally:
        server.start()


@pytest.mark.parametrize("is_changed", [False, True])
def test_a_full_disk_leaves_the_old_twins(server, sql, is_changed: bool) -> None:
    """No file grows beyond 17 MB: more than one of the log, less than a twin."""
    if is_changed:
        change(sql)
    server.stop("fast")
    server.start(functools.partial(limit_files, 17 * 2**20))
    try:
        with pytest.raises(ConnectorError, match=r"twins.*no twin was changed.*extend.*make room"):
            write(PostgresConnector(server.uri), MANY)
    finally:
        server.stop("fast")
        server.start()

    assert_unchanged_and_recovers(sql, server)


@pytest.mark.parametrize("right", ["insert on twins.u", "all on schema twins"])
def test_a_right_that_is_revoked_meanwhile_leaves_the_old_twins(server, sql, right: str) -> None:
    if "schema" in right:
        change(sql)
    if not sql("select 1 from pg_roles where rolname = 'guest'"):
        sql("create role guest login password 'guest-pw'")
    sql("grant all on schema shop, twins to guest", "grant all on all tables in schema shop to guest")
    sql("alter table twins.t owner to guest", "alter table twins.u owner to guest")
    guest = PostgresConnector(server.uri.replace(f"postgres:{PASSWORD}", "guest:guest-pw"))

    with pytest.raises(ConnectorError, match=r"twins.*u.*no twin was changed.*denied.*grant this user"):
        write(guest, meanwhile=lambda: sql(f"revoke {right} from guest"))

    assert_unchanged_and_recovers(sql, server)


@pytest.mark.parametrize(
    "holding",
    ["lock table twins.u in share mode", "select a from twins.u for update", "select a from twins.u"],
)
def test_a_lock_that_another_holds_is_waited_for_and_then_refused(
    server, sql, holding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if holding.endswith("twins.u"):  # a reader disturbs only those who drop the table
        change(sql)
    monkeypatch.setattr(module, "LOCK_SECONDS", 1)
    with adbc.connect(server.uri) as connection, connection.cursor() as cursor:
        cursor.execute(holding)
        with pytest.raises(ConnectorError, match=r"twins.*u.*no twin was changed.*timeout.*other program"):
            write(PostgresConnector(server.uri))
        monkeypatch.setattr(module, "LOCK_SECONDS", 20)
        waiting = threading.Thread(target=write, args=(PostgresConnector(server.uri),))
        waiting.start()
        waiting.join(0.5)
        assert waiting.is_alive()
        connection.rollback()
    waiting.join(20)

    assert sql(WRITTEN)[0][0] == ROWS
    assert leftovers(sql) == []


def test_a_connection_that_is_lost_when_all_is_written_is_not_called_unchanged(server, sql) -> None:
    port = server.uri.rpartition(":")[2].partition("/")[0]
    proxy = Proxy(int(port), b"commit\0")
    connector = PostgresConnector(server.uri.replace(f":{port}/", f":{proxy.port}/"))

    with pytest.raises(ConnectorError, match=r"last moment.*look at the twins") as caught:
        write(connector)
    proxy.close()

    assert "no twin was changed" not in str(caught.value)
    assert leftovers(sql) == []
    assert sql(WRITTEN)[0][0] == ROWS  # the server had done it


def test_the_server_gives_up_a_writer_that_has_vanished(server) -> None:
    with PostgresConnector(server.uri)._session() as session:
        kept = session.ask("select current_setting('tcp_keepalives_idle') as it")

    assert kept == [{"it": "60"}]
