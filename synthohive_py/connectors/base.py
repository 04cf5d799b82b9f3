"""What a connector is: it reads relations in pieces with exact types, and replaces twins all at once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pyarrow as pa

from synthohive_py.errors import ConnectorError

if TYPE_CHECKING:
    from synthohive_py.connectors.urls import Address
    from synthohive_py.relational.sample import Parts
    from synthohive_py.schema import Metadata

__all__ = ["BATCH_ROWS", "Connector", "Place", "Relation", "Twin", "check_columns", "check_places", "quoted"]

BATCH_ROWS = 65_536  # that are read or written at a time


@dataclass(frozen=True)
class Relation:
    """The full name of a table.

    Attributes:
        database: The database or catalog.
        schema: The schema.
        identifier: The table.
    """

    database: str
    schema: str
    identifier: str

    def __str__(self) -> str:
        """The quoted name, as SQL has it."""
        return ".".join(quoted(part) for part in (self.database, self.schema, self.identifier) if part)


def quoted(name: str) -> str:
    """A name as SQL has it, whatever characters are in it."""
    return '"' + name.replace('"', '""') + '"'


@dataclass(frozen=True)
class Place:
    """Where a twin goes.

    Attributes:
        source: The real table, whose column types the twin gets; None if it is not in this database.
        target: Where the twin goes; an older twin is replaced.
        schema: The twin's columns, where there is no source: they get the nearest types of the database.
        is_made: Whether the rows are generated: texts among them may be none of the column's type then.
    """

    source: Relation | None
    target: Relation
    schema: pa.Schema | None = None
    is_made: bool = False


@dataclass(frozen=True)
class Twin:
    """Synthetic rows on their way to the database.

    Attributes:
        source: The real table, whose column types the twin gets.
        target: Where the twin goes; an older twin is replaced.
        rows: The rows.
    """

    source: Relation
    target: Relation
    rows: pa.Table


def check_places(places: Mapping[str, Place], identity: Callable[[Relation], Relation]) -> None:
    """Refuse twins that would replace a real table, or each other.

    Args:
        places: Where the twins go.
        identity: That of the connector: the same for all names of one table.

    Raises:
        ConnectorError: One would; the message names it.
    """
    sources = {identity(place.source) for place in places.values() if place.source}
    taken: dict[Relation, Relation] = {}
    for place in places.values():
        target = identity(place.target)
        if target in taken:
            raise ConnectorError(
                f"would replace the twin of {taken[target].identifier!r}: both names mean one table here",
                table=str(place.target),
                remedy="write to a database that tells upper case from lower, or rename one of the tables",
            )
        taken[target] = place.target
        if target in sources:
            raise ConnectorError(
                "the twin would replace a real table",
                table=str(place.target),
                expected="another place than the source's",
                remedy="give the twins a schema of their own (in MySQL, a database)",
            )


def check_columns(table: str, asked: Iterable[str], known: Collection[str]) -> None:
    """Refuse columns that a table does not have.

    Raises:
        ConnectorError: There is one; the message names it.
    """
    for name in asked:
        if name not in known:
            raise ConnectorError(
                "there is no such column",
                table=table,
                column=name,
                expected=f"one of {', '.join(known)}",
                remedy="correct the column's name",
            )


class Connector(ABC):
    """A database.

    Errors hold no credentials: connectors put the database's own first line into `received`, never a URL.
    """

    default_schema: str  # where a URL names none

    @classmethod
    @abstractmethod
    def open(cls, address: Address) -> Connector:
        """The connector to the database of a URL.

        Raises:
            ConnectorError: There is no such host, user, password or database. Within seconds.
        """

    # ------------------------------------------------------------ reading

    @abstractmethod
    def relation(self, schema: str, identifier: str) -> Relation:
        """The full name of a table of the connected database."""

    def name(self, relation: Relation) -> str:
        """A table's full name, as users of the database write it."""
        return str(relation)

    def identity(self, relation: Relation) -> Relation:
        """What all names of one table have in common: not every database tells `Shop` from `shop`."""
        return relation

    def home(self) -> str:
        """What tells this database from all others, whatever they are called; empty if nothing does."""
        return ""

    @abstractmethod
    def reflect(self, schema: str) -> Metadata:
        """The tables of a schema with the keys that the database declares, in the order of their names.

        Raises:
            ConnectorError: There is no such schema, or it has no table that this user may read.
        """

    @abstractmethod
    def count(self, relation: Relation) -> int:
        """How many rows there are.

        Raises:
            ConnectorError: The database refused; the message names the relation.
        """

    @abstractmethod
    def batches(self, relation: Relation, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """The rows in pieces of about `BATCH_ROWS`, at least one piece, with exact types.

        Args:
            relation: The table.
            columns: Which columns, in this order; all by default.

        Raises:
            ConnectorError: The database refused; the message names the relation.
        """

    def read(self, relation: Relation, columns: Sequence[str] | None = None) -> pa.Table:
        """All rows; see `batches`."""
        return pa.concat_tables(self.batches(relation, columns))

    # ------------------------------------------------------------ writing

    @abstractmethod
    def writing(self, places: Mapping[str, Place]) -> AbstractContextManager[Callable[[str, pa.Table], None]]:
        """Write twins in pieces, all of them or none.

        The context gives a function that takes a table's name and some of its rows. Readers see the old twins
        until the context ends without an error; after an error nothing has changed.

        Args:
            places: Per table its twin's place. Every one of them is replaced, also without any rows.

        Raises:
            ConnectorError: The database refused; nothing was changed.
        """

    def write_parts(
        self, places: Mapping[str, Place], parts: Parts, *, chunk_rows: int = BATCH_ROWS
    ) -> dict[str, int]:
        """Write all tables of a twin, or none, while they are made; see `writing`.

        Args:
            places: Per table its twin's place.
            parts: The twin.
            chunk_rows: Rows that are written at a time.

        Returns:
            Per table the rows that were written.
        """
        written = dict.fromkeys(places, 0)
        made = {name: replace(place, is_made=True) for name, place in places.items()}
        with self.writing(made) as add:
            for name, part in parts:
                for start in range(0, part.num_rows, chunk_rows):
                    add(name, part.slice(start, chunk_rows))
                written[name] += part.num_rows
        return written

    def write_twins(self, twins: Sequence[Twin]) -> None:
        """Write all twins, or none; see `writing`."""
        places = {str(twin.target): Place(twin.source, twin.target) for twin in twins}
        with self.writing(places) as add:
            for twin in twins:
                add(str(twin.target), twin.rows)

    @abstractmethod
    def close(self) -> None:
        """Give back what the connector itself has opened."""
