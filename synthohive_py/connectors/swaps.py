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

from synthohive_py.errors import ConnectorError

__all__ = ["alone_in", "draft_of", "swap"]

LOCK_SECONDS = 60  # that a writer waits for another one

DRAFT = re.compile(r"\..+\.\d+\.draft")
OLD, DONE = ".synthohive-old", ".synthohive-done"  # folders with what was there before
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
            _clear_up(folder)
        yield
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
    kept = next(iter(moves)).parent / f".{os.getpid()}{OLD}"
    try:
        kept.mkdir()
        for place in moves.values():
            _keep(place, kept)
        for draft, place in moves.items():
            draft.replace(place)
    except OSError:
        _take_back(kept)
        raise
    shutil.rmtree(kept.rename(kept.with_suffix(DONE)))  # renamed first: half of it must not be taken back


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


def _clear_up(folder: Path) -> None:
    for path in folder.glob(".*"):
        if path.name.endswith(OLD):
            _take_back(path)
        elif path.name.endswith(DONE):
            shutil.rmtree(path)
        elif DRAFT.fullmatch(path.name) and path.is_file():
            path.unlink()
