"""Folders of files when things go wrong: old twins or new ones, no half file, a clear error."""

from __future__ import annotations

import contextlib
import functools
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import deltalake
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
import pytest
from faults import assert_one_write, kill_writers, limit_files, small_disk

from synthohive_py.connectors import open_url, swaps
from synthohive_py.connectors.files import read_parquet, write_tables
from synthohive_py.errors import ConnectorError
from synthohive_py.report.report import ValidationReport

FORMATS = ["parquet", "csv", "delta"]


def write(folder: Path, output_format: Any = "parquet", value: int = 1) -> dict[str, Path]:
    rows = pa.table({"a": [value], "j": ["{}"]})
    return write_tables([("t", rows), ("u", rows)], folder, output_format)


def read(folder: Path, output_format: str, name: str) -> pa.Table:
    if output_format == "delta":
        return pa.table(deltalake.DeltaTable(str(folder / name)).to_pyarrow_table())
    reader: Callable[..., pa.Table] = {"parquet": pq.read_table, "csv": pc.read_csv}[output_format]
    return reader(folder / f"{name}.{output_format}")


def state(folder: Path, output_format: str = "parquet") -> tuple[int, ...]:
    found: list[int] = []
    for name in ("t", "u"):
        numbers = read(folder, output_format, name).column("a").to_pylist()
        found += [len(numbers), min(numbers), max(numbers)]
    return tuple(found)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_killed_writer_leaves_twins_of_one_write(tmp_path: Path) -> None:
    for schema in ("shop", "twins"):
        write(tmp_path / schema)
    states = []

    for _ in kill_writers(f"parquet:///{tmp_path}"):
        with swaps.alone_in(tmp_path / "twins"):  # as the next run begins
            states.append(state(tmp_path / "twins"))
        assert_one_write(states[-1])

    assert len(set(states)) > 1  # some were killed after a write
    write(tmp_path / "twins")
    assert names(tmp_path / "twins") == ["t.parquet", "u.parquet"]


WRITER = """
import sys
import numpy as np
import pyarrow as pa
from synthohive_py.connectors.files import write_tables
numbers = np.random.default_rng(0).integers(0, 2**62, 400_000)
rows = pa.table({"a": numbers, "j": numbers.astype(str)})
write_tables([("t", rows.slice(0, 10)), ("u", rows)], sys.argv[1], sys.argv[2])
"""


def on_a_full_disk(folder: Path, output_format: str, limit: int | None) -> str:
    before = functools.partial(limit_files, limit) if limit else None
    command = [sys.executable, "-c", WRITER, str(folder), output_format]
    child = subprocess.run(command, check=False, capture_output=True, text=True, preexec_fn=before)
    return child.stderr


@pytest.mark.parametrize("output_format", FORMATS)
def test_files_that_cannot_grow_leave_the_old_twins(tmp_path: Path, output_format: str) -> None:
    write(tmp_path, output_format)
    before = names(tmp_path)

    said = on_a_full_disk(tmp_path, output_format, 2_000_000)

    assert "ConnectorError: can't write to" in said
    assert "make room" in said
    assert state(tmp_path, output_format) == (1, 1, 1, 1, 1, 1)
    assert names(tmp_path) == before


@pytest.mark.parametrize(("output_format", "size"), [("parquet", "3m"), ("csv", "3m"), ("delta", "9m")])
def test_a_full_disk_leaves_the_old_twins(tmp_path: Path, output_format: str, size: str) -> None:
    with small_disk(tmp_path / "disk", size) as folder:
        write(folder, output_format)
        before = names(folder)

        said = on_a_full_disk(folder, output_format, None)

        assert "ConnectorError: " in said
        assert "output_path" in said
        assert state(folder, output_format) == (1, 1, 1, 1, 1, 1)
        assert names(folder) == before


@pytest.mark.parametrize("is_first", [False, True])
def test_a_file_that_cannot_be_replaced_leaves_the_others(tmp_path: Path, is_first: bool) -> None:
    if not is_first:
        write(tmp_path)
        (tmp_path / "u.parquet").unlink()
    (tmp_path / "u.parquet").mkdir()
    before = names(tmp_path)

    with pytest.raises(ConnectorError, match="can't write to"):
        write(tmp_path, value=2)

    assert names(tmp_path) == before
    if not is_first:
        assert read(tmp_path, "parquet", "t").column("a").to_pylist() == [1]


def test_a_move_that_fails_in_the_middle_is_taken_back(tmp_path: Path) -> None:
    for name in ("a", "b", "new"):
        (tmp_path / f".{name}.1.draft").write_text("2")
    (tmp_path / "a").write_text("1")
    moves = {tmp_path / f".{name}.1.draft": tmp_path / name for name in ("a", "new", "b")}
    (tmp_path / ".b.1.draft").unlink()  # the last one can't be moved

    with pytest.raises(OSError, match="draft"):
        swaps.swap(moves)

    assert names(tmp_path) == ["a"]
    assert (tmp_path / "a").read_text() == "1"


@pytest.mark.parametrize("moved", [0, 1, 2])
def test_a_run_that_was_killed_in_the_middle_of_the_moves_is_put_in_order(tmp_path: Path, moved: int) -> None:
    """As a process leaves it that was killed after so many moves."""
    write(tmp_path)
    (tmp_path / "u.parquet").unlink()
    code = (
        "import os, sys; from pathlib import Path; from synthohive_py.connectors import swaps; "
        "f = Path(sys.argv[1]); left = [int(sys.argv[2])]; replace = Path.replace\n"
        "def moved(draft, place):\n"
        "    if not left[0]: os.kill(os.getpid(), 9)\n"
        "    left[0] -= 1; return replace(draft, place)\n"
        "Path.replace = moved\n"
        "for n in 'tu': (f / f'.{n}.1.draft').write_text('new')\n"
        "swaps.swap({f / f'.{n}.1.draft': f / f'{n}.parquet' for n in 'tu'})"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path), str(moved)], check=False)

    with swaps.alone_in(tmp_path):
        pass

    if moved < 2:
        assert names(tmp_path) == ["t.parquet"]
        assert read(tmp_path, "parquet", "t").column("a").to_pylist() == [1]
    else:
        assert [(tmp_path / f"{name}.parquet").read_text() for name in "tu"] == ["new", "new"]


def test_an_interrupt_in_the_middle_of_the_moves_takes_them_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path)
    replace = Path.replace

    def interrupted(draft: Path, place: Path) -> Path:
        if draft.suffix == ".draft" and place.name == "u.parquet":
            raise KeyboardInterrupt
        return replace(draft, place)

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path, value=2)

    assert state(tmp_path) == (1, 1, 1, 1, 1, 1)
    assert names(tmp_path) == ["t.parquet", "u.parquet"]


def test_a_copy_of_what_was_there_is_taken_back_only_if_it_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a file system without links, where the disk gets full while the old twins are copied."""
    write(tmp_path)

    def half(place: Path, kept: Path) -> None:
        (kept / place.name).write_bytes(place.read_bytes()[:9])
        raise OSError("No space left on device")

    monkeypatch.setattr(swaps, "_keep", half)
    with pytest.raises(ConnectorError, match="No space left"):
        write(tmp_path, value=2)

    assert state(tmp_path) == (1, 1, 1, 1, 1, 1)
    assert names(tmp_path) == ["t.parquet", "u.parquet"]


# ---------------------------------------------------------------- Delta

KILLED = """
import os, sys
from pathlib import Path
import pyarrow as pa
from synthohive_py.connectors import deltas
from synthohive_py.connectors.files import write_tables
written, write, rename = [], deltas._write, Path.rename
def killed(*given):
    if len(written) == int(sys.argv[2]):
        os.kill(os.getpid(), 9)
    write(*given)
    written.append(given)
def moved(draft, place):
    if sys.argv[3] == "in the middle":
        os.kill(os.getpid(), 9)
    return rename(draft, place)
deltas._write, Path.rename = killed, moved
rows = pa.table({"a": [2, 2], "b": [2, 2]})
write_tables([("t", rows), ("u", rows)], sys.argv[1], "delta")
"""


def killed_delta_write(folder: Path, after: int, where: str = "between") -> None:
    command = [sys.executable, "-c", KILLED, str(folder), str(after), where]
    assert subprocess.run(command, check=False).returncode == -9


def read_by_url(folder: Path, name: str) -> list[int]:
    connector, _ = open_url(f"delta:///{folder}")
    return list(connector.read(connector.relation("", name), ["a"]).column("a").to_pylist())


@pytest.mark.parametrize("old", ["tu", "u"])
def test_delta_tables_of_a_killed_run_get_their_old_versions_back(tmp_path: Path, old: str) -> None:
    write_tables([(name, pa.table({"a": [1]})) for name in old], tmp_path, "delta")

    killed_delta_write(tmp_path, 1)
    assert read(tmp_path, "delta", "t").column("a").to_pylist() == [2, 2]
    assert read_by_url(tmp_path, "u") == [1]  # a reader puts it in order

    assert [name for name in names(tmp_path) if not swaps.DRAFT.fullmatch(name)] == list(old)
    assert [read(tmp_path, "delta", name).to_pydict() for name in old] == [{"a": [1]}] * len(old)
    write(tmp_path, "delta", value=3)
    assert state(tmp_path, "delta") == (1, 3, 3, 1, 3, 3)
    assert names(tmp_path) == ["t", "u"]
    assert deltalake.DeltaTable(str(tmp_path / "u")).version() == 1  # its history is kept


def test_a_run_that_was_killed_within_its_first_delta_table_leaves_nothing(tmp_path: Path) -> None:
    killed_delta_write(tmp_path, 2, "in the middle")

    with swaps.alone_in(tmp_path):
        pass

    assert names(tmp_path) == []


def test_what_others_have_done_to_delta_tables_since_stays(tmp_path: Path) -> None:
    write_tables([("u", pa.table({"a": [1]}))], tmp_path, "delta")
    killed_delta_write(tmp_path, 1)
    (tmp_path / "t" / "notes.txt").write_text("mine")
    deltalake.write_deltalake(str(tmp_path / "u"), pa.table({"a": [7]}), mode="append")

    swaps.settle(tmp_path)

    assert sorted(read_by_url(tmp_path, "u")) == [1, 7]
    assert names(tmp_path / "t") == ["notes.txt"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, Exception])
def test_whatever_ends_the_writing_of_delta_tables_the_old_versions_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    write_tables([("t", pa.table({"a": [1]})), ("u", pa.table({"a": [1]}))], tmp_path, "delta")
    written = deltalake.write_deltalake

    def ended(folder: str, *given: Any, **options: Any) -> None:
        if folder.endswith("u"):
            raise error
        written(folder, *given, **options)

    monkeypatch.setattr(deltalake, "write_deltalake", ended)
    raised = KeyboardInterrupt if error is KeyboardInterrupt else ConnectorError
    with pytest.raises(raised):
        write_tables([(n, pa.table({"a": [2], "b": [2]})) for n in ("new", "t", "u")], tmp_path, "delta")

    assert names(tmp_path) == ["t", "u"]
    assert [read(tmp_path, "delta", name).to_pydict() for name in "tu"] == [{"a": [1]}] * 2


def test_columns_that_delta_does_not_tell_apart_are_refused_by_name_of_their_table(tmp_path: Path) -> None:
    with pytest.raises(ConnectorError, match=r"^t: can't be written as a Delta table.*Duplicate field"):
        write_tables([("t", pa.table({"A": [1], "a": [2]}))], tmp_path, "delta")

    assert names(tmp_path) == []


@pytest.mark.parametrize("is_file_there", [True, False])
def test_a_folder_of_the_users_is_no_place_for_a_delta_table(tmp_path: Path, is_file_there: bool) -> None:
    (tmp_path / "u").mkdir()
    (tmp_path / "u" / "thesis.txt").write_text("years of work")
    if is_file_there:
        (tmp_path / "t").write_text("a file")
    before = names(tmp_path)

    with pytest.raises(ConnectorError, match="is there, and is no twin that was written before"):
        write(tmp_path, "delta")

    assert names(tmp_path) == before
    assert names(tmp_path / "u") == ["thesis.txt"]


def test_what_can_not_be_taken_back_is_told_and_taken_back_by_the_next_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    write_tables([("t", pa.table({"a": [1]}))], tmp_path, "delta")

    def full(*_: Any) -> None:
        raise OSError("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(deltalake.DeltaTable, "restore", full)
        bad = pa.table({"A": [1], "a": [2]})
        with pytest.raises(ConnectorError, match="Duplicate field"):
            write_tables([("t", pa.table({"a": [2]})), ("u", bad)], tmp_path, "delta")

    assert "until the next run" in caplog.text
    assert read_by_url(tmp_path, "t") == [1]


# ---------------------------------------------------------------- who else is there, and names


def test_a_second_writer_waits_for_the_first_and_is_then_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path)
    second = threading.Thread(target=write, args=(tmp_path,), kwargs={"value": 3})

    with swaps.alone_in(tmp_path):
        second.start()
        second.join(0.5)
        assert second.is_alive()
        monkeypatch.setattr(swaps, "LOCK_SECONDS", 0.3)
        with pytest.raises(ConnectorError, match=r"another program.*no twin was changed.*try again"):
            write(tmp_path, value=2)
        assert state(tmp_path) == (1, 1, 1, 1, 1, 1)
    second.join(10)

    assert state(tmp_path) == (1, 3, 3, 1, 3, 3)
    assert names(tmp_path) == ["t.parquet", "u.parquet"]


@pytest.mark.parametrize("name", ["../x", "a/b", "..", "", "\0", "x" * 230])
def test_a_name_never_leaves_the_folder(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "inner"

    with pytest.raises(ConnectorError, match="can't be the name of a file"):
        write_tables([(name, pa.table({"a": [1]}))], folder)

    assert names(tmp_path) == ["inner"]
    assert names(folder) == []


NAMES = ["CON", "sp ace", "Üñí😀", 'quo"te', "a'; rm -rf *", "%2e%2e", "%2e%2e%2fup", "~", "x" * 200]


@pytest.mark.parametrize("output_format", FORMATS)
@pytest.mark.parametrize("name", NAMES)
def test_any_other_name_is_taken_literally(tmp_path: Path, name: str, output_format: Any) -> None:
    if output_format == "delta" and "%" in name:  # deltalake would write to the folder above
        with pytest.raises(ConnectorError, match="can't be the name of a Delta table"):
            write_tables([(name, pa.table({"a": [1]}))], tmp_path, output_format)
        assert names(tmp_path) == []
        return

    path = write_tables([(name, pa.table({"a": [1]}))], tmp_path, output_format)[name]

    assert path.parent == tmp_path
    assert names(tmp_path) == [path.name]
    assert read(tmp_path, output_format, name).column("a").to_pylist() == [1]


@pytest.mark.parametrize("output_format", FORMATS)
def test_a_folder_with_a_colon_is_no_uri(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output_format: Any
) -> None:
    monkeypatch.chdir(tmp_path)

    files = write(Path("twin:v2"), output_format)

    assert files["t"].parent == Path("twin:v2")
    assert state(tmp_path / "twin:v2", output_format) == (1, 1, 1, 1, 1, 1)
    if output_format == "parquet":
        assert read_parquet("twin:v2", ["t"])["t"].num_rows == 1


def test_a_full_disk_leaves_the_old_report(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "64k") as folder:
        (folder / "r.json").write_text("old")
        with contextlib.suppress(OSError), (folder / "fill").open("wb", buffering=0) as file:
            file.write(b"x" * 65_536)

        with pytest.raises(ConnectorError, match=r"can't write the report to .*r\.json.*No space"):
            ValidationReport((), detection=False, threshold=11).write(folder / "r.json")

        assert (folder / "r.json").read_text() == "old"
        assert names(folder) == ["fill", "r.json"]
