"""Folders of files when things go wrong: old twins or new ones, no half file, a clear error."""

from __future__ import annotations

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

from synthohive_py.connectors import swaps
from synthohive_py.connectors.files import write_tables
from synthohive_py.errors import ConnectorError

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
