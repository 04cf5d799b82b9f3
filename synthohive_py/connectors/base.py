"""What a connector is: it reads relations, and replaces twins all at once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

__all__ = ["Connector", "Relation", "Twin", "quoted"]


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
        return ".".join(map(quoted, (self.database, self.schema, self.identifier)))


def quoted(name: str) -> str:
    """A name as SQL has it, whatever characters are in it."""
    return '"' + name.replace('"', '""') + '"'


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


class Connector(ABC):
    """A database."""

    @abstractmethod
    def read(self, relation: Relation) -> pa.Table:
        """All rows, with exact types.

        Raises:
            ConnectorError: The database refused; the message names the relation.
        """

    @abstractmethod
    def write_twins(self, twins: Sequence[Twin]) -> None:
        """Write all twins, or none: readers see the old ones until all new ones are there.

        Raises:
            ConnectorError: The database refused; nothing was changed.
        """
