"""A folder of tables with a metadata.json, as our metadata; and what SQL says about the keys of its twin."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from synthohive_py import ForeignKey, Metadata

__all__ = ["broken_keys", "read_metadata", "read_tables"]


def read_metadata(folder: Path) -> Metadata:
    """The schema that metadata.json declares."""
    declared = json.loads((folder / "metadata.json").read_text())
    metadata = Metadata()
    for name, table in declared["tables"].items():
        keys = [
            ForeignKey(columns=r["child_columns"], parent=r["parent"], parent_columns=r["parent_columns"])
            for r in declared["relationships"]
            if r["child"] == name
        ]
        metadata.add_table(name, pk=table["primary_key"] or None, foreign_keys=keys)
    return metadata


def read_tables(folder: Path, metadata: Metadata) -> dict[str, pa.Table]:
    """The tables by name."""
    return {name: pq.read_table(folder / f"{name}.parquet") for name in metadata.tables}


def broken_keys(metadata: Metadata, twin: Path) -> dict[str, int]:
    """Rows that break a key of the twin, per key that is broken; empty if all hold.

    Args:
        metadata: The keys.
        twin: A folder with a Parquet file, or a folder of Parquet files, for each table.
    """
    connection = duckdb.connect()
    for name in metadata.tables:
        files = twin / f"{name}.parquet"
        pattern = files / "*.parquet" if files.is_dir() else files
        connection.execute(f"create view {_quoted(name)} as select * from '{pattern}'")

    def count(query: str) -> int:
        found: Any = connection.execute(query).fetchone()
        return int(found[0])

    broken = {}
    for name, table in metadata.tables.items():
        for columns in table.unique_sets:
            keys = ", ".join(map(_quoted, columns))
            broken[f"{name}({', '.join(columns)}) is repeated"] = count(
                f"select coalesce(sum(n - 1), 0) from (select count(*) n from {_quoted(name)} "
                f"where {_all_valid('', columns)} group by {keys}) where n > 1"
            )
        nulls = " or ".join(f"{_quoted(c)} is null" for c in table.pk)
        if nulls:
            broken[f"{name}({', '.join(table.pk)}) is null"] = count(
                f"select count(*) from {_quoted(name)} where {nulls}"
            )
        for key in table.foreign_keys:
            same = " and ".join(
                f"p.{_quoted(b)} = c.{_quoted(a)}"
                for a, b in zip(key.columns, key.parent_columns, strict=True)
            )
            broken[f"{name}{key} has orphans"] = count(
                f"select count(*) from {_quoted(name)} c where {_all_valid('c.', key.columns)} "
                f"and not exists (select 1 from {_quoted(key.parent)} p where {same})"
            )
    return {key: rows for key, rows in broken.items() if rows}


def _all_valid(prefix: str, columns: tuple[str, ...]) -> str:
    return " and ".join(f"{prefix}{_quoted(c)} is not null" for c in columns)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
