"""Delta tables that get new versions together: all of them, or none."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from synthohive_py.errors import ConnectorError

__all__ = ["deltalake", "open_delta", "take_back", "version_to_replace", "write_versions"]

logger = logging.getLogger(__name__)

LOG = "_delta_log"
JOURNAL = ".synthohive-delta"  # the run, and per table its version before; there while new ones are written
MARK = "synthohive_run"  # in the log of a table: which run has written a version


def write_versions(folder: Path, drafts: Mapping[str, Path], chunk_rows: int) -> None:
    """Write new versions of tables in a folder, from Parquet files; if one fails, the old ones come back.

    A process that is killed meanwhile leaves the journal, with which the next run does that.

    Raises:
        ConnectorError: A table can't be written.
    """
    versions = {name: version_to_replace(folder / name) for name in drafts}
    journal, run = folder / JOURNAL, secrets.token_hex(8)
    try:
        journal.write_text(json.dumps({"run": run, "versions": versions}), encoding="utf-8")
        for name, draft in drafts.items():
            _write(folder / name, draft, run, chunk_rows)
        journal.unlink()
    except BaseException:
        try:
            take_back(folder)
        except (ConnectorError, OSError) as error:  # it must not hide the first one
            logger.warning("Some twins are new, some old, until the next run puts that in order: %s", error)
        raise


def take_back(folder: Path) -> None:
    """Give the tables of a folder their old versions back, if a run has ended before all had new ones.

    Raises:
        ConnectorError: A table can't be read or written.
    """
    journal = folder / JOURNAL
    if not journal.exists():
        return
    try:
        noted = json.loads(journal.read_text(encoding="utf-8"))
    except ValueError:  # of a run that was killed before it wrote any table
        noted = {"versions": {}}
    for name, version in noted["versions"].items():
        place = folder / name
        # Nothing is taken back that the run did not write, or that others have written to since.
        if (place / LOG).is_dir() and (table := open_delta(place)).history(1)[0].get(MARK) == noted["run"]:
            if version is None:
                _remove_new(place)
            else:
                with _unwritten(place):
                    table.restore(version)
        if version is None:
            with contextlib.suppress(OSError):  # it is not there, or there are files of others
                place.rmdir()
    journal.unlink()


def version_to_replace(folder: Path) -> int | None:
    """The version of the Delta table at a place of a twin; None if nothing is there.

    Raises:
        ConnectorError: Something else is there.
    """
    if (folder / LOG).is_dir():
        return int(open_delta(folder).version())
    if os.path.lexists(folder):
        raise ConnectorError(
            f"{folder} is there, and is no twin that was written before",
            table=folder.name,
            expected="a Delta table, or nothing",
            remedy="remove it, or write to another folder",
        )
    return None


def open_delta(folder: Path) -> Any:
    """A Delta table, as deltalake has it.

    Raises:
        ConnectorError: It is none, or the package deltalake is missing.
    """
    package = deltalake()
    try:
        return package.DeltaTable(str(folder))
    except package.exceptions.DeltaError as error:
        raise ConnectorError(
            f"the Delta table {folder} can't be opened",
            received=str(error).split("\n")[0][:300],
            remedy="check that its log is complete",
        ) from error


def deltalake() -> Any:
    """The package that writes Delta tables.

    Raises:
        ConnectorError: It is missing.
    """
    try:
        import deltalake
    except ImportError as error:
        raise ConnectorError(
            "the package deltalake is missing",
            expected="delta-rs, to write Delta tables",
            remedy="pip install synthohive-py[deltalake]",
        ) from error
    return deltalake


def _write(place: Path, draft: Path, run: str, chunk_rows: int) -> None:
    """Write a version; where nothing is, a table that grows elsewhere: what is in a place is complete."""
    package, new = deltalake(), _draft_beside(place)
    try:
        with pq.ParquetFile(draft) as file, _unwritten(place):
            package.write_deltalake(
                str(place if (place / LOG).is_dir() else new),
                pa.RecordBatchReader.from_batches(file.schema_arrow, file.iter_batches(chunk_rows)),
                mode="overwrite",
                schema_mode="overwrite",
                commit_properties=package.CommitProperties(custom_metadata={MARK: run}),
            )
            if new.exists():
                new.rename(place)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _remove_new(place: Path) -> None:
    """Remove a table, its log last and at once: until then the next run knows what it is."""
    for part in place.glob("part-*.parquet"):
        part.unlink()
    removed = (place / LOG).rename(_draft_beside(place))
    shutil.rmtree(removed)


def _draft_beside(place: Path) -> Path:
    """Where a table grows or vanishes; no process has the number 0, so no other draft has the name."""
    return place.with_name(f".{place.name}.{os.getpid()}.0.draft")


@contextlib.contextmanager
def _unwritten(folder: Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # deltalake raises plain ones too
        raise ConnectorError(
            f"can't be written as a Delta table to {folder}",
            table=folder.name,
            received=str(error).split("\n")[0][:300],
            remedy="choose another output_path, or write Parquet",
        ) from error
