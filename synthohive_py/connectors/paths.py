"""Tables that are given by the paths of their files, or by their names in Spark."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeGuard

from synthohive_py.connectors.base import Connector, Relation
from synthohive_py.connectors.database import is_url
from synthohive_py.connectors.files import OutputFormat
from synthohive_py.connectors.folders import FolderConnector
from synthohive_py.connectors.urls import Address
from synthohive_py.errors import ConnectorError
from synthohive_py.schema import Metadata

__all__ = ["check_not_real", "read_tables"]


def read_tables(data: Mapping[str, Any], spark: Connector | None = None) -> dict[str, Any]:
    """Read the tables that are given by path; others stay as they are.

    Args:
        data: Per table its rows, or a Parquet or CSV file, a folder of Parquet files or a Delta table.
        spark: Where names that are no paths are those of tables (`schema.table`).

    Raises:
        ConnectorError: There is no such file, or it can't be read.
    """
    return {
        name: _read(name, place, spark) if isinstance(place, str | os.PathLike) else place
        for name, place in data.items()
    }


def _read(name: str, place: str | os.PathLike[str], spark: Connector | None) -> Any:
    path = Path(place).absolute()
    kind = None if "\0" in str(path) else _kind_of(path)
    if kind:
        stem = path.name if kind == "delta" else path.name.removesuffix(f".{kind}")
        return FolderConnector(path.parent, kind).read(Relation(str(path.parent), "", stem))
    if spark and isinstance(place, str):
        *schema, table = place.split(".")
        database, _, last = ".".join(schema).rpartition(".")
        return spark.read(Relation(database, last, table))
    raise ConnectorError(
        "is given by a path where no table is",
        table=name,
        expected="a Parquet or CSV file, a folder of Parquet files, or a Delta table",
        received=ascii(str(place)),
        remedy="correct the path; for a table of Spark pass Synthesizer(spark_session=...), for one of "
        "another database give fit its URL",
    )


def check_not_real(
    output_path: object, output_format: OutputFormat, metadata: Metadata, data: object = None
) -> None:
    """Refuse to write the files of a twin over those that it was learned from.

    Args:
        output_path: A folder; or the URL of one, else nothing is refused here.
        output_format: What is written there, if it is no URL.
        metadata: The schema that was learned.
        data: What `fit` was given, if that is known.

    Raises:
        ConnectorError: A real file would be replaced; the message names it.
    """
    if not isinstance(output_path, str | os.PathLike):
        return
    connector, schema = FolderConnector(Path(output_path).absolute(), output_format), ""
    if is_url(output_path):
        address = Address.read(str(output_path))
        if address.scheme not in FolderConnector.kinds:
            return
        connector, schema = FolderConnector.open(address), address.schema or ""
    real = {os.path.realpath(p) for p in (data.values() if isinstance(data, Mapping) else ()) if _is_path(p)}
    for name, table in metadata.modelled.items():
        target = connector.relation(schema, name)
        file, place = connector.name(target), connector.identity(target)
        is_real = table.relation and connector.identity(Relation(*table.relation)) == place
        if os.path.realpath(file) in real or is_real:
            raise ConnectorError(
                "the twin would replace the real table",
                table=name,
                received=f"{file} for the twin",
                remedy="name another folder as output_path",
            )


def _is_path(place: object) -> TypeGuard[str | os.PathLike[str]]:
    return isinstance(place, str | os.PathLike) and "\0" not in str(place)


def _kind_of(path: Path) -> OutputFormat | None:
    if path.is_file():
        return "csv" if path.suffix == ".csv" else "parquet" if path.suffix == ".parquet" else None
    if not path.is_dir():
        return None
    return "delta" if (path / "_delta_log").is_dir() else "parquet"
