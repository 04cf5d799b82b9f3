"""MariaDB when things go wrong, on a real server: old twins or new ones, a clear error; and ways to it."""

from __future__ import annotations

import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pymysql
import pytest
import trustme
from faults import ROWS, WRITTEN, assert_one_write, kill_writers
from mariadb_server import PASSWORD, Server, stoppable_server

from synthohive_py.connectors import Place, open_url
from synthohive_py.connectors import mysql as module
from synthohive_py.errors import ConnectorError

MANY = 400_000  # rows, more than the 40 MB that tables outside files of their own may take


@pytest.fixture(scope="module")
def certificates() -> Iterator[Path]:
    """The server's, for 127.0.0.1; and of another authority, `other.pem`."""
    authority = trustme.CA()
    own = authority.issue_cert("127.0.0.1")
    with tempfile.TemporaryDirectory(prefix="synthohive-tls-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # the server runs as another user
        authority.cert_pem.write_to_path(folder / "ca.pem")
        own.private_key_pem.write_to_path(folder / "key.pem")
        own.cert_chain_pems[0].write_to_path(folder / "cert.pem")
        trustme.CA().cert_pem.write_to_path(folder / "other.pem")
        yield folder


@pytest.fixture(scope="module")
def server(certificates: Path) -> Iterator[Server]:
    keys = [f"--ssl-{kind}={certificates / kind}.pem" for kind in ("ca", "cert", "key")]
    with stoppable_server("--innodb-data-file-path=ibdata1:40M", *keys) as server:
        yield server


@pytest.fixture
def sql(server: Server) -> Callable[..., list[tuple]]:
    port = int(server.url.rpartition(":")[2])

    def run(*statements: str) -> list[tuple]:
        options = {"password": PASSWORD, "autocommit": True}
        with pymysql.connect(host="127.0.0.1", port=port, user="root", **options) as connection:
            cursor = connection.cursor()
            for statement in statements:
                cursor.execute(statement)
            return list(cursor.fetchall())

    for name in ("shop", "twins"):
        run(f"drop database if exists {name}", f"create database {name}")
        for table in ("t", "u"):
            run(f"create table {name}.{table} (a bigint, j varchar(99))")
    for table in ("t", "u"):
        run(f"insert into twins.{table} values (1, '{{}}')")
    return run


def leftovers(sql) -> list[tuple]:
    return sql("select table_name from information_schema.tables where table_name like 'synthohive%'")


def write(url: str, rows: int = ROWS, meanwhile: Callable[[], None] | None = None) -> None:
    """Write both twins; `meanwhile` is called when half of the second one is written."""
    connector, _ = open_url(f"{url}/shop")
    places = {n: Place(connector.relation("shop", n), connector.relation("twins", n)) for n in ("t", "u")}
    made = pa.table(
        {"a": np.full(rows, time.time_ns()), "j": ['{"of": "about fifty letters, as there are 50"}'] * rows}
    )
    with connector.writing(places) as add:
        add("t", made)
        add("u", made.slice(0, rows // 2))
        if meanwhile:
            meanwhile()
        add("u", made.slice(rows // 2))


def assert_unchanged_and_recovers(sql, server: Server) -> None:
    """The old twins are there; the next run writes new ones and leaves nothing else."""
    assert sql(WRITTEN) == [(1, 1, 1, 1, 1, 1)]
    write(server.url)
    [state] = sql(WRITTEN)
    assert_one_write(state)
    assert state[0] == ROWS
    assert leftovers(sql) == []


def test_a_killed_writer_leaves_twins_of_one_write(server, sql) -> None:
    states = []
    for _ in kill_writers(f"{server.url}/shop"):
        [state] = sql(WRITTEN)
        assert_one_write(state)
        states.append(state)

    assert len(set(states)) > 1  # some were killed after a write
    write(server.url)
    assert_one_write(sql(WRITTEN)[0])
    assert leftovers(sql) == []


@pytest.mark.parametrize("how", ["ended", "killed", "only the connection"])
def test_a_server_that_stops_leaves_the_old_twins(server, sql, how: str) -> None:
    def stop() -> None:
        if how == "only the connection":
            others = (
                "select id from information_schema.processlist where id <> connection_id() and user = 'root'"
            )
            for (number,) in sql(others):
                sql(f"kill {number}")
        else:
            server.stop(signal.SIGTERM if how == "ended" else signal.SIGKILL)

    try:
        with pytest.raises(ConnectorError, match=r"twins.*u.*no twin was changed.*server runs") as caught:
            write(server.url, meanwhile=stop)
    finally:
        if how != "only the connection":
            server.start()

    assert PASSWORD not in repr(caught.value)
    assert_unchanged_and_recovers(sql, server)


@pytest.mark.parametrize("loads_files", [1, 0])
def test_a_full_disk_leaves_the_old_twins(server, sql, loads_files: int) -> None:
    sql("set global innodb_file_per_table = 0", f"set global local_infile = {loads_files}")
    try:
        with pytest.raises(ConnectorError, match=r"twins.*no twin was changed.*full.*make room"):
            write(server.url, MANY)
        assert leftovers(sql) == []
    finally:
        sql("set global innodb_file_per_table = 1", "set global local_infile = 1")

    assert_unchanged_and_recovers(sql, server)


def test_rows_without_a_place_on_their_way_leave_the_old_twins(
    server, sql, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))

    with pytest.raises(ConnectorError, match=r"twins.*t.*no twin was changed.*missing.*TMPDIR"):
        write(server.url)

    monkeypatch.undo()
    assert_unchanged_and_recovers(sql, server)


@pytest.mark.parametrize("right", ["insert", "all", "alter, drop"])
def test_a_right_that_is_revoked_meanwhile_leaves_the_old_twins(server, sql, right: str) -> None:
    who = "guest@'127.0.0.1'"
    sql(f"create or replace user {who} identified by 'guest-pw'", f"grant all on shop.* to {who}")
    sql(f"grant all on twins.* to {who}")
    url = server.url.replace(f"root:{PASSWORD}", "guest:guest-pw")

    with pytest.raises(ConnectorError, match=r"twins.*u.*no twin was changed.*denied.*grant this user"):
        write(url, meanwhile=lambda: sql(f"revoke {right} on twins.* from {who}"))

    assert_unchanged_and_recovers(sql, server)


def test_a_table_that_another_holds_is_waited_for_and_then_refused(
    server, sql, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOCK_SECONDS", 1)
    port = int(server.url.rpartition(":")[2])
    with pymysql.connect(host="127.0.0.1", port=port, user="root", password=PASSWORD) as reader:
        reader.cursor().execute("select * from twins.t")  # in an open transaction
        with pytest.raises(ConnectorError, match=r"twins.*t.*no twin was changed.*timeout.*other program"):
            write(server.url)
        assert leftovers(sql) == []
        monkeypatch.setattr(module, "LOCK_SECONDS", 20)
        waiting = threading.Thread(target=write, args=(server.url,))
        waiting.start()
        waiting.join(1)
        assert waiting.is_alive()
        reader.rollback()
    waiting.join(20)

    assert sql(WRITTEN)[0][0] == ROWS
    assert leftovers(sql) == []


def test_a_server_that_stops_ends_reading_with_the_name_of_the_table(server, sql) -> None:
    sql("insert into shop.t select seq, repeat('x', 99) from shop.seq_1_to_200000")
    connector, _ = open_url(f"{server.url}/shop")
    pieces = connector.batches(connector.relation("shop", "t"))
    assert [next(pieces).num_rows > 0 for _ in range(2)] == [False, True]
    server.stop()

    try:
        with pytest.raises(ConnectorError, match=r"shop.*t.*can't be read.*server runs"):
            list(pieces)
    finally:
        server.start()


# ---------------------------------------------------------------- TLS and sockets


def in_the_url(certificates: Path, options: str) -> str:
    return options.format(**{p.stem: quote(str(p), safe="") for p in certificates.iterdir()})


@pytest.mark.parametrize(
    "options",
    [
        "ssl_mode=required",
        "ssl_mode=verify_ca&ssl_ca={ca}",
        "ssl_mode=VERIFY_IDENTITY&ssl_ca={ca}",
        "ssl_ca={ca}",
        "ssl_ca={ca}&ssl_cert={cert}&ssl_key={key}",
    ],
)
def test_all_goes_by_tls_where_the_url_says_so(server, sql, certificates: Path, options: str) -> None:
    who = "tls@'127.0.0.1'"
    sql(f"create or replace user {who} identified by 'tls-pw' require ssl", f"grant all on *.* to {who}")
    sql("insert into shop.t values (5, 'x'), (null, null)")
    sql("alter table shop.t add (f float default 0.1, d decimal(30, 5) default 1.5, b bit(3) default b'101')")
    sql("alter table shop.t add (x blob, c time(3) default '10:00:00.5')")
    sql("alter table shop.t add s timestamp default '2024-01-01 10:00:00'")
    sql("update shop.t set x = x'00ff'")
    plain, _ = open_url(f"{server.url}/shop")
    url = server.url.replace(f"root:{PASSWORD}", "tls:tls-pw")
    connector, _ = open_url(f"{url}/shop?{in_the_url(certificates, options)}")
    source = connector.relation("shop", "t")

    rows = connector.read(source)
    with connector.writing({"t": Place(source, connector.relation("twins", "t"))}) as add:
        add("t", rows)

    assert rows == plain.read(source)
    assert connector.read(connector.relation("twins", "t")) == rows
    assert connector.count(source) == 2


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("ssl_ca={other}", r"certificate.*set ssl_mode and ssl_ca"),
        ("ssl_mode=verify_identity", r"certificate.*set ssl_mode and ssl_ca"),
        ("ssl_mode=off", r"ssl_mode is unknown.*one of required"),
        ("ssl_ca=missing.pem", r"certificates can't be read.*correct the paths"),
        ("ssl_ca={ca}&ssl_cert={ca}", r"certificates can't be read"),
    ],
)
def test_a_server_that_is_not_trusted_is_refused(server, certificates: Path, options: str, says: str) -> None:
    with pytest.raises(ConnectorError, match=says) as caught:
        open_url(f"{server.url}/shop?{in_the_url(certificates, options)}")

    assert PASSWORD not in f"{caught.value!r} {caught.value.__cause__!r}"


def test_the_file_of_a_socket_is_taken(server, sql) -> None:
    sql("insert into shop.t values (5, 'x')")
    who = server.url.partition("@")[0]

    connector, schema = open_url(f"{who}@/shop?socket={quote(str(server.socket), safe='')}")

    assert connector.read(connector.relation(schema, "t")).to_pydict() == {"a": [5], "j": ["x"]}
    with pytest.raises(ConnectorError, match=r"no such socket.*correct it"):
        open_url(f"{who}@/shop?socket=/missing/socket")
