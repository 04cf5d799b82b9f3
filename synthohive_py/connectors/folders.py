"""Folders of tables: a Parquet file or folder, a CSV file or a Delta table for each."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.dataset as ds

from synthohive_py.connectors.base import BATCH_ROWS, Connector, Place, Relation, check_places
from synthohive_py.connectors.csvfiles import CSVFile
from synthohive_py.connectors.deltas import open_delta
from synthohive_py.connectors.files import CHUNK_ROWS, Drafts, OutputFormat, check_schemas
from synthohive_py.connectors.reflection import as_guessed
from synthohive_py.connectors.swaps import alone_in, settle
from synthohive_py.connectors.urls import Address
from synthohive_py.errors import ConnectorError
from synthohive_py.frames import to_arrow
from synthohive_py.schema import Metadata

__all__ = ["FolderConnector"]

HIDDEN = (".", "_")  # names that begin so are drafts, logs and markers


class FolderConnector(Connector):
    """Reads and writes the tables of a folder; a schema is a folder in it.

    Args:
        folder: Where the tables are.
        kind: Their format. A folder with tables of several formats is read one format at a time.
    """

    default_schema = ""  # the folder itself
    kinds: ClassVar[tuple[OutputFormat, ...]] = ("parquet", "csv", "delta")

    def __init__(self, folder: Path, kind: OutputFormat) -> None:
        self.folder, self.kind = folder, kind
        self._csv: dict[Path, CSVFile] = {}

    @classmethod
    def open(cls, address: Address) -> FolderConnector:
        """A folder: `parquet:///relative/path`, `delta:////absolute/path`. It is made by the first twin.

        Raises:
            ConnectorError: The URL names a host or options, or no folder, or a schema outside of the folder.
        """
        if address.host or address.user or address.options or address.path in ("", "/"):
            raise ConnectorError(
                "this is no folder",
                expected=f"{address.scheme}:///relative/path or {address.scheme}:////absolute/path",
                remedy="correct the URL; for a folder on a network drive or an object store, use its mount",
            )
        schema = os.path.normpath(address.schema or "")
        if Path(schema).is_absolute() or Path(schema).parts[:1] == (os.pardir,):
            raise ConnectorError(
                "the schema is no folder in the folder",
                expected="?schema=name, for a folder in that of the URL",
                received=f"?schema={address.schema}",
                remedy="name that folder in the URL's path",
            )
        kind = next(kind for kind in cls.kinds if kind == address.scheme)
        return cls(Path(unquote(address.path.removeprefix("/"))).absolute(), kind)

    # ------------------------------------------------------------ reading

    def relation(self, schema: str, identifier: str) -> Relation:
        return Relation(str(self.folder), schema, identifier)

    def name(self, relation: Relation) -> str:
        """The file or folder that a twin is written to."""
        return str(self._home(relation) / f"{relation.identifier}{self._ending()}")

    def identity(self, relation: Relation) -> Relation:
        """`lake/shop` is one folder, be it a schema, a folder of its own, or behind a link; so is a table."""
        if not Path(relation.database).is_absolute():  # of another kind of database
            return relation
        place = Path(self.name(relation)).resolve()
        return Relation("", str(place.parent), place.name.removesuffix(self._ending()))

    def reflect(self, schema: str) -> Metadata:
        """The tables of a folder; files declare no keys, so these are guessed."""
        home = self.folder / schema
        if not home.is_dir():
            raise ConnectorError(
                f"there is no folder {home}",
                expected=f"{self.kind}:///relative/path or {self.kind}:////absolute/path of a folder",
                remedy="correct the path",
            )
        names = sorted({name for path in home.iterdir() if (name := self._table_name(path)) is not None})
        return as_guessed(self, {name: self.relation(schema, name) for name in names}, str(home))

    def _table_name(self, path: Path) -> str | None:
        """The table that a file or folder holds; None if it holds none of this format."""
        if path.name.startswith(HIDDEN):
            return None
        if path.is_file():
            is_ours = self.kind != "delta" and path.suffix == f".{self.kind}"
            return path.stem if is_ours else None
        is_delta = (path / "_delta_log").is_dir()
        if self.kind == "delta" or is_delta:
            return path.name if self.kind == "delta" and is_delta else None
        has_parts = self.kind == "parquet" and next(path.rglob("*.parquet"), None) is not None
        return path.name.removesuffix(".parquet") if has_parts else None

    def _home(self, relation: Relation) -> Path:
        return Path(relation.database) / relation.schema

    def _ending(self) -> str:
        return "" if self.kind == "delta" else f".{self.kind}"

    def _path(self, relation: Relation) -> Path:
        """The one file or folder of a table."""
        home, name = self._home(relation), relation.identifier
        settle(home)
        places = [home / f"{name}{ending}" for ending in dict.fromkeys((self._ending(), ""))]
        found = [path for path in places if path.exists() and self._table_name(path) == name]
        if len(found) == 1:
            return found[0]
        raise ConnectorError(
            "is there twice" if found else f"there is no such table in {home}",
            table=name,
            expected=f"one {'folder' if self.kind == 'delta' else 'file or folder'} {self.name(relation)}",
            remedy="remove one of file and folder" if found else "correct the path or the table's name",
        )

    def count(self, relation: Relation) -> int:
        with _refused(relation):
            data = self._data(relation)
            return int(data.count_rows())

    def batches(self, relation: Relation, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        with _refused(relation):
            data = self._data(relation)
            names = data.schema.names if columns is None else list(columns)
            unknown = [name for name in names if name not in data.schema.names]
            if unknown:
                raise ConnectorError("has no such column", table=relation.identifier, column=unknown[0])
            yield data.schema.empty_table().select(names)
            # Few batches ahead: memory is that of the pieces, whatever the file's size.
            for batch in data.to_batches(
                columns=names, batch_size=BATCH_ROWS, batch_readahead=2, fragment_readahead=1
            ):
                yield pa.Table.from_batches([batch])

    def _data(self, relation: Relation) -> Any:
        """The rows of a table, with the methods of a dataset of Arrow."""
        path = self._path(relation)
        if self.kind == "csv":
            return self._csv.setdefault(path, CSVFile(path))
        if self.kind == "delta":
            return open_delta(path).to_pyarrow_dataset()
        data = ds.dataset(path, format="parquet", partitioning="hive")
        # Of files that differ, Arrow takes the columns of the first.
        schemas = [part.physical_schema for part in data.get_fragments()]
        return data.replace_schema(pa.unify_schemas([data.schema, *schemas]))

    # ------------------------------------------------------------ writing

    @contextlib.contextmanager
    def writing(self, places: Mapping[str, Place]) -> Iterator[Callable[[str, pa.Table], None]]:
        check_places(places, self.identity)
        schemas = {name: self._schema(place) for name, place in places.items()}
        homes = {self._home(place.target) for place in places.values()}
        names = {name: place.target.identifier for name, place in places.items()}
        check_schemas({names[name]: schema for name, schema in schemas.items()}, self.kind)
        with contextlib.ExitStack() as stack:
            stack.enter_context(_unwritten(self.folder))
            drafts = {}
            for home in sorted(homes):  # all in one order, so that two never wait for each other
                home.mkdir(parents=True, exist_ok=True)
                stack.enter_context(alone_in(home))
                drafts[home] = stack.enter_context(contextlib.closing(Drafts(home, self.kind, CHUNK_ROWS)))
            for place in places.values():
                self._check_free(place.target)

            def add(name: str, rows: pa.Table) -> None:
                schema = schemas[name]
                drafts[self._home(places[name].target)].add(
                    names[name], rows.select(schema.names).cast(schema)
                )

            for name, schema in schemas.items():
                add(name, schema.empty_table())
            yield add
            for draft in drafts.values():
                draft.finish()
        self._csv.clear()

    def _schema(self, place: Place) -> pa.Schema:
        if place.source is None and place.schema is not None:
            return place.schema
        source = place.source or place.target
        return to_arrow(next(self.batches(source)), source.identifier).schema

    def _check_free(self, target: Relation) -> None:
        """Refuse a twin where something else is: a folder with rows, beside which or in which it would be."""
        place, other = Path(self.name(target)), self._home(target) / target.identifier
        is_taken = self.kind != "delta" and place.is_dir()  # of Delta's places, `Drafts` finds out
        is_twice = self.kind == "parquet" and other.is_dir() and self._table_name(other) is not None
        if is_taken or is_twice:
            raise ConnectorError(
                f"{other if is_twice else place} is there, and is no twin that was written before",
                table=target.identifier,
                remedy="remove it, or write to another folder",
            )

    def close(self) -> None:
        """Nothing is open between the calls."""


@contextlib.contextmanager
def _refused(relation: Relation) -> Iterator[None]:
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        raise ConnectorError(
            "can't be read",
            table=relation.identifier,
            received=str(error).split("\n")[0][:300],
            remedy="check that the file is complete and of this format",
        ) from error


@contextlib.contextmanager
def _unwritten(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConnectorError(
            f"can't write to {folder}",
            expected="a folder with room and the right to write",
            received=str(error),
            remedy="choose another folder, or make room",
        ) from error
