"""Tables as Parquet files, one per table, written part after part."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from synthohive_py.errors import ConnectorError

__all__ = ["write_parquet"]

CHUNK_ROWS = 100_000


def write_parquet(
    parts: Iterable[tuple[str, pa.Table]], folder: str | os.PathLike[str], *, chunk_rows: int = CHUNK_ROWS
) -> dict[str, Path]:
    """Write `<table>.parquet` for each table; of each only a few rows are in memory at a time.

    The files appear when all of them are complete. Older ones of the same names are replaced.

    Args:
        parts: Names of tables with some of their rows, at least once each.
        folder: Made if it does not exist.
        chunk_rows: Rows of a row group.

    Returns:
        Per table its file.

    Raises:
        ConnectorError: A file can't be written; those that were there are as they were.
    """
    target = Path(folder)
    drafts: dict[str, Path] = {}
    writers: dict[str, pq.ParquetWriter] = {}
    try:
        target.mkdir(parents=True, exist_ok=True)
        for name, part in parts:
            if name not in drafts:
                drafts[name] = target / f".{_file_name(name)}.{os.getpid()}.draft"
                writers[name] = pq.ParquetWriter(
                    drafts[name], part.schema, compression="zstd", compression_level=1
                )
            writers[name].write_table(part, row_group_size=chunk_rows)
        for writer in writers.values():
            writer.close()
        files = {name: target / _file_name(name) for name in drafts}
        for name, file in files.items():
            drafts[name].replace(file)
    except OSError as error:
        raise ConnectorError(
            f"can't write to {target}",
            expected="a folder with room and the right to write",
            received=str(error),
            remedy="choose another output_path, or make room",
        ) from error
    finally:
        for writer in writers.values():
            with contextlib.suppress(OSError):  # the disk is full: told above
                writer.close()
        for draft in drafts.values():
            draft.unlink(missing_ok=True)
    return files


def _file_name(table: str) -> str:
    if "/" in table or "\0" in table or table in ("", ".", ".."):
        raise ConnectorError(
            "can't be the name of a file",
            table=table,
            remedy="sample into data frames and write the files under other names",
        )
    return f"{table}.parquet"
