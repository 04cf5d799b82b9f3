"""DuckDB when things go wrong: the old twins are there or the new ones, and the error says what to do."""

from __future__ import annotations

import functools
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from faults import WRITTEN, assert_one_write, kill_writers, limit_files, small_disk

from synthohive_py.connectors import Place, Relation, Twin, open_url
from synthohive_py.connectors.duckdb import DuckDBConnector
from synthohive_py.errors import ConnectorError

SCHEMA = """
create schema shop; create table shop.t (a bigint, j varchar); create table shop.u (a bigint, j varchar);
create schema twins; create table twins.t as select 1::bigint as a, '{}' as j;
create table twins.u as from twins.t
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return made(tmp_path)


def made(folder: Path) -> Path:
    path = folder / "d.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(SCHEMA)
    return path


@pytest.fixture
def connector(file: Path) -> Iterator[DuckDBConnector]:
    connector = open_url(f"duckdb:///{file}")[0]
    yield connector
    connector.close()


def places(connector: DuckDBConnector) -> dict[str, Place]:
    return {n: Place(connector.relation("shop", n), connector.relation("twins", n)) for n in ("t", "u")}


def twin(connector: DuckDBConnector, rows: pa.Table, table: str = "t") -> Twin:
    return Twin(connector.relation("shop", table), connector.relation("twins", table), rows)


def state(file: Path) -> tuple[int, ...]:
    with duckdb.connect(str(file)) as connection:
        [found] = connection.execute(WRITTEN).fetchall()
        tables = connection.execute("select table_name from duckdb_tables() order by all").fetchall()
    assert tables == [("t",), ("t",), ("u",), ("u",)]
    return found


def test_a_killed_writer_leaves_twins_of_one_write(file: Path) -> None:
    states = []
    for _ in kill_writers(f"duckdb:///{file}"):
        states.append(state(file))
        assert_one_write(states[-1])
    assert len(set(states)) > 1  # some were killed after a write

    connector = open_url(f"duckdb:///{file}")[0]
    rows = pa.table({"a": [1], "j": ["{}"]})
    connector.write_twins([twin(connector, rows, name) for name in ("t", "u")])
    connector.close()

    assert_one_write(state(file))
    assert sorted(path.name for path in file.parent.iterdir()) == ["d.duckdb"]


WRITER = """
import sys
import numpy as np
import pyarrow as pa
from synthohive_py.connectors import Place, open_url
connector, _ = open_url(sys.argv[1])
places = {n: Place(connector.relation("shop", n), connector.relation("twins", n)) for n in ("t", "u")}
numbers = np.random.default_rng(0).integers(0, 2**62, 300_000)
rows = pa.table({"a": numbers, "j": numbers.astype(str)})
with connector.writing(places) as add:
    for name in places:
        add(name, rows)
"""


def on_a_full_disk(file: Path, limit: int | None) -> str:
    """What a writer in a process of its own says: DuckDB may give up a database whose disk is full."""
    before = functools.partial(limit_files, limit) if limit else None
    command = [sys.executable, "-c", WRITER, f"duckdb:///{file}"]
    child = subprocess.run(command, check=False, capture_output=True, text=True, preexec_fn=before)
    return child.stderr


FULL = r"ConnectorError: .*twins.*no twin was changed.*make room"


@pytest.mark.parametrize("limit", [2_000_000, 6_000_000])
def test_files_that_cannot_grow_leave_the_old_twins(file: Path, limit: int) -> None:
    said = on_a_full_disk(file, limit)

    assert re.search(FULL, said)
    assert state(file)[0] == 1
    assert on_a_full_disk(file, None) == ""  # the next run
    assert state(file)[0] == 300_000


@pytest.mark.parametrize("size", ["3m", "9m"])
def test_a_full_disk_leaves_the_old_twins(tmp_path: Path, size: str) -> None:
    with small_disk(tmp_path / "disk", size) as folder:
        file = made(folder)

        said = on_a_full_disk(file, None)

        assert re.search(FULL, said)
        assert state(file)[0] == 1


def test_a_second_writer_is_refused_and_the_first_one_ends_well(connector: DuckDBConnector) -> None:
    rows = pa.table({"a": [2], "j": ["{}"]})
    with connector.writing(places(connector)) as add:
        add("t", rows)
        with pytest.raises(ConnectorError, match=r"twins.*no twin was changed.*[Cc]onflict.*wait until"):
            connector.write_twins([twin(connector, rows, "u")])
        add("u", rows)

    assert connector.connection.execute(WRITTEN).fetchone() == (1, 2, 2, 1, 2, 2)


def test_a_file_that_another_program_holds_is_named(file: Path) -> None:
    holder = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print(1, flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", holder, str(file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        child.stdout.readline()
        start = time.monotonic()
        with pytest.raises(ConnectorError, match=r"d.duckdb.*lock.*end the program that holds"):
            open_url(f"duckdb:///{file}")
        assert time.monotonic() - start < 5
        child.stdin.close()


def test_a_file_that_another_program_reads_is_read_and_not_written(file: Path) -> None:
    holder = (
        "import duckdb, sys; c = duckdb.connect(sys.argv[1], read_only=True); print(1, flush=True); "
        "sys.stdin.read()"
    )
    command = [sys.executable, "-c", holder, str(file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        child.stdout.readline()
        connector, _ = open_url(f"duckdb:///{file}")
        with closing(connector):
            assert connector.read(connector.relation("twins", "t")).num_rows == 1
            with pytest.raises(ConnectorError, match=r"read-only.*open the database for writing"):
                connector.write_twins([twin(connector, pa.table({"a": [2]}))])
        child.stdin.close()


def test_what_is_no_file_of_duckdb_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.duckdb").write_text("rows")

    with pytest.raises(ConnectorError, match=r"a\.duckdb.*can't be opened.*file of DuckDB"):
        open_url(f"duckdb:///{tmp_path / 'a.duckdb'}")


def test_a_file_opened_to_be_read_is_not_written(file: Path) -> None:
    with duckdb.connect(str(file), read_only=True) as connection:
        connector = DuckDBConnector(connection)
        with pytest.raises(ConnectorError, match=r"read-only.*open the database for writing"):
            connector.write_twins([twin(connector, pa.table({"a": [2]}))])

    assert state(file)[:3] == (1, 1, 1)


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("drop table twins.t; create view twins.t as select 1 as a", r"View.*drop it"),
        (
            "alter table twins.t add primary key (a); create table twins.k (a bigint references twins.t)",
            r"main key table.*drop what depends",
        ),
        ("alter table shop.t alter a set not null", r"NOT NULL.*give the rows a value"),
        ("drop table shop.t", r"does not exist.*correct the name"),
    ],
)
def test_what_stands_in_the_way_is_said(connector: DuckDBConnector, statement: str, says: str) -> None:
    connector.connection.execute(statement)

    with pytest.raises(ConnectorError, match=rf"twins.*\bt\b.*no twin was changed.*{says}"):
        connector.write_twins([twin(connector, pa.table({"a": pa.nulls(1, pa.int64())}))])


def test_a_missing_schema_or_column_is_named(connector: DuckDBConnector) -> None:
    with pytest.raises(ConnectorError, match=r"nowhere.*no table.*correct the schema"):
        connector.reflect("nowhere")
    with pytest.raises(ConnectorError, match=r"nope.*not found.*correct the name"):
        connector.read(connector.relation("shop", "t"), ["nope"])
    with pytest.raises(ConnectorError, match=r"nowhere.*does not exist.*correct the name"):
        connector.count(Relation("d", "nowhere", "t"))
