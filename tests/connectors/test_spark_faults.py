"""Spark when things go wrong: old twins or new ones, never both; nothing left; one writer at a time."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from faults import WRITTEN, Proxy, assert_one_write, kill_writers, small_disk
from pyspark.sql.connect.client.retries import DefaultPolicy
from sail_server import sail_server, sail_session

from synthohive_py import ConnectorError
from synthohive_py.connectors import Place, Relation, open_url, spark_swaps
from synthohive_py.connectors.spark import SparkConnector

TWINS = Relation("sail", "twins", "")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with sail_server() as url:
        yield url


@contextlib.contextmanager
def shop(server: str, warehouse: Path | None = None) -> Iterator[tuple[str, Any]]:
    """A URL and its session, with a catalog of its own and real tables without rows."""
    with sail_session(server, warehouse) as (url, session):
        session.sql("create schema shop")
        for name in "tu":
            session.sql(f"create table shop.{name} (a bigint, j string) using parquet")
        session.sql("create table shop.narrow (a tinyint, j string) using parquet")
        yield url, session


@pytest.fixture
def opened(server: str) -> Iterator[tuple[str, Any]]:
    with shop(server) as both:
        yield both


@pytest.fixture
def session(opened: tuple[str, Any]) -> Any:
    return opened[1]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dead runs are known as such soon."""
    monkeypatch.setattr(spark_swaps, "LOCK_SECONDS", 0.5)
    monkeypatch.setattr(spark_swaps, "BEAT_SECONDS", 0.05)
    monkeypatch.setattr(spark_swaps, "POLL_SECONDS", 0.02)


def twin(name: str) -> Relation:
    return Relation("sail", "twins", name)


def write(connector: SparkConnector, value: int = 1, source: str = "u", second: str = "twins") -> None:
    """Both twins with a row each; `u` like another real table, and into another schema, if need be."""
    places = {
        "t": Place(Relation("sail", "shop", "t"), twin("t")),
        "u": Place(Relation("sail", "shop", source), Relation("sail", second, "u")),
    }
    with connector.writing(places) as add:
        for name in places:
            add(name, pa.table({"a": [value], "j": ["{}"]}))


def fails(connector: SparkConnector, match: str) -> None:
    """The first twin is replaced, then the second one can't be: a tinyint holds no 1000."""
    with pytest.raises(ConnectorError, match=match):
        write(connector, 1000, "narrow")


def state(session: Any) -> tuple[int, ...]:
    return tuple(session.sql(WRITTEN).collect()[0])


def names(session: Any, schema: str = "twins") -> list[str]:
    return sorted(table.name for table in session.catalog.listTables(schema))


# ------------------------------------------------------------ killed writers


def test_a_killed_writer_leaves_twins_of_one_write(opened: tuple[str, Any]) -> None:
    url, session = opened
    connector = SparkConnector(session)
    write(connector)
    states = []

    for _ in kill_writers(url, times=6):
        connector.read(twin("t"))  # ends what was begun
        states.append(state(session))
        assert_one_write(states[-1])
        with spark_swaps.alone_in(connector.catalog, [TWINS]):  # as the next run begins
            assert state(session) == states[-1]
        assert names(session) == ["t", "u"]

    assert len(set(states)) > 1  # some were killed after a write


# Ends itself at a certain call of a certain function.
ENDED = """
import os, sys
sys.path.insert(0, sys.argv[1])
from test_spark_faults import open_url, spark_swaps, write
_, _, url, name, calls, source, second = sys.argv
owner = spark_swaps.Run if hasattr(spark_swaps.Run, name) else spark_swaps
call, left = getattr(owner, name), [int(calls)]
def counted(*args):
    if not left[0]:
        os.kill(os.getpid(), 9)
    left[0] -= 1
    return call(*args)
setattr(owner, name, counted)
write(open_url(url + "?format=delta")[0], 1000 if source == "narrow" else 2, source, second)
"""


def end_at(url: str, call: str, number: int, source: str = "u", second: str = "twins") -> None:
    options = [str(Path(__file__).parent), url, call, str(number), source, second]
    assert subprocess.run([sys.executable, "-c", ENDED, *options], check=False).returncode == -9


@pytest.mark.parametrize(
    ("call", "number", "source"), [("_say", 0, "u"), ("_fill", 1, "u"), ("_put_back", 1, "narrow")]
)
def test_the_next_run_ends_what_a_killed_one_has_begun(
    server: str, tmp_path: Path, call: str, number: int, source: str
) -> None:
    """Before the swap, in its midst, and while twins were put back because one could not be replaced."""
    value = 2 if call == "_fill" else 1
    with shop(server, tmp_path) as (url, session):
        connector = SparkConnector(session, "delta")
        write(connector, 1, source)

        end_at(url, call, number, source)

        assert any(name.startswith("synthohive_tmp_lock_") for name in names(session))
        assert [connector.read(twin(name)).column("a").to_pylist() for name in "tu"] == [[value]] * 2
        write(connector, 3)
        assert state(session) == (1, 3, 3, 1, 3, 3)
        assert names(session) == ["t", "u"]
        assert [path for path in tmp_path.glob("synthohive_tmp_*/**/*") if path.is_file()] == []


def test_what_a_killed_run_has_begun_is_ended_in_all_its_schemas(opened: tuple[str, Any]) -> None:
    """Its own tables are in `twins`; the next run writes to `zoo` only."""
    url, session = opened
    connector = SparkConnector(session, "delta")
    end_at(url, "_fill", 1, second="zoo")

    place = Place(None, Relation("sail", "zoo", "v"), pa.schema([("a", pa.int64())]))
    with connector.writing({"v": place}):
        pass

    assert names(session, "twins") == ["t"]
    assert names(session, "zoo") == ["u", "v"]
    for table in ("twins.t", "zoo.u"):
        assert session.sql(f"select a from {table}").collect() == [(2,)]


# ------------------------------------------------------------ errors


@pytest.mark.parametrize("file_format", ["delta", "parquet"])
def test_a_twin_that_cannot_be_replaced_leaves_all_as_they_were(session: Any, file_format: str) -> None:
    connector = SparkConnector(session, file_format)
    fails(connector, r"u: the twin can't be replaced; all old twins are back; .*1000.*write again")
    assert names(session) == []

    write(connector, 1, "narrow")
    fails(connector, "u: the twin can't be replaced")

    assert state(session) == (1, 1, 1, 1, 1, 1)
    assert names(session) == ["t", "u"]


@contextlib.contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """As without the right to write there. Only root can do it; elsewhere the test is skipped."""
    for options in (["--bind", folder], ["-o", "remount,ro,bind"]):
        if subprocess.run(["mount", *options, folder], check=False, capture_output=True).returncode:
            pytest.skip("this user can't mount a folder")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.mark.parametrize("file_format", ["delta", "parquet"])
def test_a_twin_that_may_not_be_written_leaves_all_as_they_were(
    server: str, tmp_path: Path, file_format: str
) -> None:
    with shop(server, tmp_path) as (_, session):
        connector = SparkConnector(session, file_format)
        write(connector)
        [file] = tmp_path.glob("u-*/*.parquet")

        with read_only(file.parent), pytest.raises(ConnectorError, match=r"u: .*are back; .*Read-only"):
            write(connector, 2)

        assert state(session) == (1, 1, 1, 1, 1, 1)
        assert names(session) == ["t", "u"]
        write(connector, 3)
        assert state(session) == (1, 3, 3, 1, 3, 3)


@pytest.mark.parametrize(
    ("size", "words"),
    [("1m", "no twin was changed"), ("2m", "all old twins are back"), ("3m", "all old twins are back")],
)
def test_a_full_disk_leaves_all_as_they_were(server: str, tmp_path: Path, size: str, words: str) -> None:
    """It is full while rows come, while the first twin is replaced, or while the second one is."""
    numbers = pa.array(np.random.default_rng(0).integers(0, 2**62, 100_000))  # 0.8 MB in any file
    places = {name: Place(None, twin(name), pa.schema([("a", pa.int64())])) for name in "tu"}
    with small_disk(tmp_path / "disk", size) as folder, shop(server, folder) as (_, session):
        connector = SparkConnector(session, "parquet")
        write(connector)

        def run() -> None:
            with connector.writing(places) as add:
                for name in places:
                    add(name, pa.table({"a": numbers}))

        with pytest.raises(ConnectorError, match=f"{words}.*No space left"):
            run()

        assert state(session) == (1, 1, 1, 1, 1, 1)
        assert names(session) == ["t", "u"]


@pytest.mark.filterwarnings("ignore:.RETRIES_EXCEEDED")
@pytest.mark.parametrize(("text", "is_done"), [(b"_moves`", False), (b"cast(`a` as bigint)", True)])
def test_a_lost_connection_leaves_twins_of_one_write(
    opened: tuple[str, Any], text: bytes, is_done: bool
) -> None:
    url, session = opened
    write(SparkConnector(session))
    port = int(url.split("/")[2].partition(":")[2])
    proxy = Proxy(port, text)
    connector, _ = open_url(url.replace(str(port), str(proxy.port)))
    connector.session.client.set_retry_policies([DefaultPolicy(max_retries=1)])
    proxy.close()  # what was opened goes on

    with pytest.raises(ConnectorError, match="received"):
        write(connector, 2)

    value = 2 if is_done else 1
    assert SparkConnector(session).read(twin("t")).column("a").to_pylist() == [value]
    assert state(session) == (1, value, value, 1, value, value)
    write(SparkConnector(session), 3)
    assert names(session) == ["t", "u"]


# ------------------------------------------------------------ several runs


def test_a_second_writer_waits_for_the_first_and_is_then_refused(session: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(spark_swaps, "LOCK_SECONDS", 20)
    connector = SparkConnector(session)
    write(connector)
    second = threading.Thread(target=write, args=(connector, 3))

    with spark_swaps.alone_in(connector.catalog, [TWINS]):
        second.start()
        second.join(0.5)
        assert second.is_alive()
        assert connector.read(twin("t")).column("a").to_pylist() == [1]  # who reads waits for no drafts
        monkeypatch.setattr(spark_swaps, "LOCK_SECONDS", 0.5)
        with pytest.raises(ConnectorError, match=r"another run is writing.*twins; no twin was ch.*try again"):
            write(connector, 2)
    second.join(20)

    assert state(session) == (1, 3, 3, 1, 3, 3)
    assert names(session) == ["t", "u"]


@pytest.mark.parametrize("is_one_dead", [False, True])
def test_of_many_writers_one_is_in_at_a_time(session: Any, is_one_dead: bool, monkeypatch: Any) -> None:
    session.sql("create schema twins")
    catalog = SparkConnector(session).catalog
    if is_one_dead:
        spark_swaps.Run(catalog, [TWINS]).take({})
    monkeypatch.setattr(spark_swaps, "LOCK_SECONDS", 1 if is_one_dead else 30)
    inside, most, entered = [], [], []

    def enter() -> None:
        for _ in range(2):
            with contextlib.suppress(ConnectorError), spark_swaps.alone_in(catalog, [TWINS]):
                inside.append(1)
                entered.append(1)
                most.append(len(inside))
                time.sleep(0.05)
                inside.pop()

    threads = [threading.Thread(target=enter) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert max(most) == 1
    assert is_one_dead or len(entered) == 10  # nobody had to wait too long
    assert names(session) == []


def test_a_run_that_was_taken_for_dead_changes_nothing(session: Any, monkeypatch: Any) -> None:
    connector = SparkConnector(session)
    write(connector)
    monkeypatch.setattr(spark_swaps, "BEAT_SECONDS", 60)
    places = {"t": Place(Relation("sail", "shop", "t"), twin("t"))}

    def run() -> None:
        with connector.writing(places) as add:
            add("t", pa.table({"a": [2], "j": ["{}"]}))
            write(connector, 3)

    with pytest.raises(ConnectorError, match="another run has taken over"):
        run()

    assert state(session) == (1, 3, 3, 1, 3, 3)
    assert names(session) == ["t", "u"]


def test_a_table_that_has_the_name_of_a_lock_is_told(session: Any) -> None:
    session.sql("create schema twins")
    session.sql("create table twins.synthohive_tmp_lock_1 (x int) using parquet")

    with pytest.raises(ConnectorError, match=r"lock_1`: has the name of a lock.*drop it"):
        write(SparkConnector(session))

    assert names(session) == ["synthohive_tmp_lock_1"]
