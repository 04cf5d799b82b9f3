"""Tables as files, one per table, written while their rows are made."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, get_args

import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq

from synthohive_py.arrowtypes import is_bytes_type, is_uuid_type
from synthohive_py.columns.opaque import to_text
from synthohive_py.connectors.deltas import deltalake, version_to_replace, write_versions
from synthohive_py.connectors.swaps import alone_in, draft_of, settle, swap
from synthohive_py.errors import ConnectorError, SettingError
from synthohive_py.relational.reread import ReadTwin

__all__ = [
    "CHUNK_ROWS",
    "Drafts",
    "OutputFormat",
    "check_options",
    "check_schemas",
    "read_parquet",
    "write_tables",
]

CHUNK_ROWS = 100_000
MAX_NAME = 220  # bytes of a table's name: file systems take 255, endings of ours included

OutputFormat = Literal["parquet", "csv", "delta"]


def check_options(output_format: str, chunk_rows: int) -> None:
    """Refuse a format that is unknown, and chunks without rows.

    Raises:
        ConnectorError: The package that writes the format is missing.
        SettingError: The format is unknown, or chunk_rows is out of range.
    """
    if output_format not in get_args(OutputFormat):
        raise SettingError(
            "output_format is unknown",
            expected=f"one of {', '.join(get_args(OutputFormat))}",
            received=repr(output_format),
        )
    if chunk_rows < 1:
        raise SettingError("chunk_rows is out of range", expected="at least 1", received=str(chunk_rows))
    if output_format == "delta":
        deltalake()


def check_schemas(schemas: Mapping[str, pa.Schema], output_format: str) -> None:
    """Refuse tables that the format can't hold, before any row of them is made.

    Raises:
        ConnectorError: A table's name can't be a file's, or the format can't hold a column.
    """
    for name, schema in schemas.items():
        _check_name(name)
        if output_format == "delta" and re.search("%[0-9a-fA-F]{2}", name):
            raise ConnectorError(
                "can't be the name of a Delta table",
                table=name,
                expected="a name without %, which deltalake takes for the code of a character",
                remedy="write Parquet, or sample into data frames and write them under other names",
            )
        for column in schema if output_format == "csv" else ():
            is_opaque = is_bytes_type(column.type) and not is_uuid_type(column.type)
            if is_opaque or pa.types.is_nested(column.type):
                raise ConnectorError(
                    f"has the type {column.type}, which a CSV file can't hold",
                    table=name,
                    column=column.name,
                    remedy="write Parquet or Delta, or leave the column out",
                )


def write_tables(
    parts: Iterable[tuple[str, pa.Table]],
    folder: str | os.PathLike[str],
    output_format: OutputFormat = "parquet",
    *,
    chunk_rows: int = CHUNK_ROWS,
) -> dict[str, Path]:
    """Write a file for each table, or a Delta table; of each only a few rows are in memory at a time.

    Files appear when all of them are complete. Older ones of the same names are replaced; a Delta table gets
    a new version.

    Args:
        parts: Names of tables with some of their rows, at least once each.
        folder: Made if it does not exist.
        output_format: What to write.
        chunk_rows: Rows that are written at a time.

    Returns:
        Per table its file, or the folder of the Delta table.

    Raises:
        ConnectorError: A file can't be written, or the format can't hold a column; what was there stays.
        SettingError: The format is unknown, or chunk_rows is out of range.
    """
    check_options(output_format, chunk_rows)
    target = Path(folder).absolute()  # of `a:b/file` Arrow thinks that it is a URI
    try:
        target.mkdir(parents=True, exist_ok=True)
        # Locked before the first part: until then the twin that rows are added to may change.
        with alone_in(target), contextlib.closing(Drafts(target, output_format, chunk_rows)) as drafts:
            for name, part in parts:
                drafts.add(name, part)
            return {name: Path(folder) / file.name for name, file in drafts.finish().items()}
    except OSError as error:
        raise ConnectorError(
            f"can't write to {folder}",
            expected="a folder with room and the right to write",
            received=str(error),
            remedy="choose another output_path, or make room",
        ) from error


def read_parquet(folder: str | os.PathLike[str], names: Iterable[str]) -> ReadTwin:
    """The tables that `write_tables` wrote.

    Raises:
        ConnectorError: A file is missing or can't be read.
    """
    files = {}
    for name in names:
        _check_name(name)
        files[name] = Path(folder).absolute() / f"{name}.parquet"

    def again() -> Iterator[tuple[str, Iterable[pa.Table]]]:
        return ((name, [_read_parquet(name, file)]) for name, file in files.items())

    return ReadTwin({name: _read_parquet(name, file) for name, file in files.items()}, again)


def _read_parquet(name: str, file: Path) -> pa.Table:
    try:
        settle(file.parent)
        return pq.read_table(file)
    except (OSError, pa.ArrowInvalid) as error:
        raise ConnectorError(
            f"can't be read from {file}",
            table=name,
            expected="a Parquet file",
            received=str(error),
            remedy="pass the folder that sample(output_path=...) wrote to",
        ) from error


class Drafts:
    """Files while they grow, under names of their own, in a folder that nobody else writes to.

    Args:
        target: The folder that the tables go to, from the root on.
        output_format: What to write.
        chunk_rows: Rows that are written at a time.
    """

    def __init__(self, target: Path, output_format: OutputFormat, chunk_rows: int) -> None:
        self.target, self.format, self.chunk_rows = target, output_format, chunk_rows
        self.paths: dict[str, Path] = {}
        self.writers: dict[str, Any] = {}

    def add(self, name: str, part: pa.Table) -> None:
        """Write more rows of a table."""
        if self.format == "csv":
            part = _with_texts(part)
        if name not in self.writers:
            check_schemas({name: part.schema}, self.format)
            if self.format == "delta":
                version_to_replace(self.target / name)
            self.paths[name] = draft_of(self.target, name)
            self.writers[name] = self._open(name, part.schema)
        if self.format == "csv":
            self.writers[name].write_table(part, max_chunksize=self.chunk_rows)
        else:
            self.writers[name].write_table(part, row_group_size=self.chunk_rows)

    def _open(self, name: str, schema: pa.Schema) -> Any:
        if self.format != "csv":
            return pq.ParquetWriter(self.paths[name], schema, compression="zstd", compression_level=1)
        return pc.CSVWriter(self.paths[name], schema)

    def finish(self) -> dict[str, Path]:
        """Put the complete files in place."""
        for writer in self.writers.values():
            writer.close()
        if self.format == "delta":
            write_versions(self.target, self.paths, self.chunk_rows)
            return {name: self.target / name for name in self.paths}
        files = {name: self.target / f"{name}.{self.format}" for name in self.paths}
        swap({self.paths[name]: file for name, file in files.items()})
        return files

    def close(self) -> None:
        """Remove what is not in place."""
        for writer in self.writers.values():
            with contextlib.suppress(OSError):  # the disk is full: told already
                writer.close()
        for path in self.paths.values():
            path.unlink(missing_ok=True)


def _with_texts(part: pa.Table) -> pa.Table:
    """The rows with UUIDs as they are usually written."""
    for place, column in enumerate(part.schema):
        if is_uuid_type(column.type):
            chunks = [to_text(chunk) for chunk in part.column(place).chunks]
            part = part.set_column(place, column.name, pa.chunked_array(chunks, pa.string()))
    return part


def _check_name(table: str) -> None:
    if "/" in table or "\0" in table or table in ("", ".", "..") or len(table.encode()) > MAX_NAME:
        raise ConnectorError(
            "can't be the name of a file",
            table=table,
            expected=f"at most {MAX_NAME} bytes, none of them a slash",
            remedy="sample into data frames and write the files under other names",
        )
