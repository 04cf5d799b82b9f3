"""Files that take their places together, in a folder where one program writes at a time."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from synthohive_py.connectors.deltas import take_back as take_back_deltas
from synthohive_py.errors import ConnectorError

__all__ = ["alone_in", "draft_of", "settle", "swap"]

LOCK_SECONDS = 60  # that a writer waits for another one

DRAFT = re.compile(r"\..+\.\d+\.draft")
# Folders with what was there before: while it is put there, while files move, and when all have moved.
KEEPING, OLD, DONE = ".synthohive-keeping", ".synthohive-old", ".synthohive-done"
ABSENT = ".absent"  # where nothing was


def draft_of(folder: Path, name: str) -> Path:
    """Where a file of a table grows."""
    return folder / f".{name}.{os.getpid()}.draft"


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Let no second writer into a folder, and clear up after one that was killed.

    The lock is the operating system's, on the folder itself: it leaves no file, and ends with the process.
    Where a file system has none, nobody waits, and drafts of others stay.

    Raises:
        ConnectorError: Another program has been writing there for a minute.
    """
    if sys.platform == "win32":
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    deadline = time.monotonic() + LOCK_SECONDS
    try:
        while (is_locked := _locked(handle)) is False:
            if time.monotonic() > deadline:
                raise ConnectorError(
                    f"another program is writing twins to {folder}; no twin was changed",
                    remedy="wait until it has ended, and try again",
                )
            time.sleep(0.1)
        if is_locked:
            _take_all_back(folder)
            _remove_drafts(folder)
        yield
    finally:
        os.close(handle)


def settle(folder: Path) -> None:
    """Before reading: take back what a killed writer has half done. One that still writes is not waited for.

    Raises:
        ConnectorError: A Delta table can't be taken back.
        OSError: A file can't be taken back.
    """
    if sys.platform == "win32" or not folder.is_dir():
        return
    try:
        handle = os.open(folder, os.O_RDONLY)
    except PermissionError:  # who may not list a folder may still read files of it
        return
    try:
        if _locked(handle):
            _take_all_back(folder)
    finally:
        os.close(handle)


def _locked(handle: int) -> bool | None:
    """Whether we have the lock; None if the file system has no locks."""
    if sys.platform == "win32":
        return None
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def swap(moves: Mapping[Path, Path]) -> None:
    """Move files to their places in the same folder: all of them, or none.

    What was there is kept beside them until all have moved. So it comes back if one can't, and a process that
    is killed meanwhile leaves what the next run puts in order.

    Args:
        moves: Per file its place.

    Raises:
        OSError: A file can't be moved; all is as it was.
    """
    if not moves:
        return
    folder, run = next(iter(moves)).parent, f".{os.getpid()}"
    keeping, kept, done = (folder / f"{run}{ending}" for ending in (KEEPING, OLD, DONE))
    try:
        keeping.mkdir()
        for place in moves.values():
            _keep(place, keeping)
        keeping.rename(kept)  # what is kept by half must not be taken back
        for draft, place in moves.items():
            draft.replace(place)
        kept.rename(done)  # nor must half of it, while it is removed
    except BaseException:
        _take_back(kept)
        shutil.rmtree(keeping, ignore_errors=True)
        raise
    shutil.rmtree(done)


def _keep(place: Path, kept: Path) -> None:
    if not place.exists():
        (kept / f"{place.name}{ABSENT}").touch()
        return
    try:
        os.link(place, kept / place.name)
    except OSError:  # a file system without links
        shutil.copy2(place, kept / place.name)


def _take_back(kept: Path) -> None:
    for file in kept.glob("*"):
        if file.name.endswith(ABSENT):
            (kept.parent / file.name.removesuffix(ABSENT)).unlink(missing_ok=True)
        else:
            file.replace(kept.parent / file.name)
    shutil.rmtree(kept, ignore_errors=True)  # two links to one file stay two


def _take_all_back(folder: Path) -> None:
    for path in folder.glob(f".*{OLD}"):
        _take_back(path)
    take_back_deltas(folder)


def _remove_drafts(folder: Path) -> None:
    for path in folder.glob(".*"):
        if path.name.endswith((KEEPING, DONE)) or DRAFT.fullmatch(path.name):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
