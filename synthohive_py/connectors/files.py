"""Tables as Parquet files, one per table, written part after part."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from synthohive_py.errors import ConnectorError

__all__ = ["write_parquet"]


def write_parquet(
    tables: Iterable[tuple[str, Iterator[pa.Table]]], folder: str | os.PathLike[str]
) -> dict[str, Path]:
    """Write `<table>.parquet` for each table; at most a few parts are in memory at a time.

    The files appear when all of them are complete. Older ones of the same names are replaced.

    Args:
        tables: Names and parts of at least one table each.
        folder: Made if it does not exist.

    Returns:
        Per table its file.

    Raises:
        ConnectorError: A file can't be written; those that were there are as they were.
    """
    target = Path(folder)
    drafts: dict[str, Path] = {}
    try:
        target.mkdir(parents=True, exist_ok=True)
        for name, parts in tables:
            drafts[name] = target / f".{_file_name(name)}.{os.getpid()}.draft"
            _write(drafts[name], parts)
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
        for draft in drafts.values():
            draft.unlink(missing_ok=True)
    return files


def _write(path: Path, parts: Iterator[pa.Table]) -> None:
    first = next(parts)
    with pq.ParquetWriter(path, first.schema, compression="zstd", compression_level=1) as writer:
        writer.write_table(first)
        for part in parts:
            writer.write_table(part)


def _file_name(table: str) -> str:
    if "/" in table or "\0" in table or table in ("", ".", ".."):
        raise ConnectorError(
            "can't be the name of a file",
            table=table,
            remedy="sample into data frames and write the files under other names",
        )
    return f"{table}.parquet"
