"""The keys that a database declares, as a schema of ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from synthohive_py.errors import ConnectorError
from synthohive_py.schema import ForeignKey, Metadata

__all__ = ["Reflected", "as_metadata"]


@dataclass
class Reflected:
    """What a database says of a table.

    Attributes:
        pk: The columns of its primary key.
        unique: Other combinations of columns that are unique.
        foreign_keys: Its foreign keys, within the schema or out of it.
    """

    pk: tuple[str, ...] = ()
    unique: list[tuple[str, ...]] = field(default_factory=list)
    foreign_keys: list[ForeignKey] = field(default_factory=list)


def as_metadata(schema: str, tables: Mapping[str, Reflected]) -> Metadata:
    """The schema; foreign keys that leave it are left out, as their parents are.

    Args:
        schema: Its name, for the error.
        tables: What the database says of each table.

    Raises:
        ConnectorError: There is no table.
    """
    if not tables:
        raise ConnectorError(
            f"the schema {schema!r} has no table that this user can see",
            expected="an existing schema with tables",
            remedy="correct the schema's name in the URL (?schema=...), or let this user use it",
        )
    metadata = Metadata()
    for name, table in tables.items():
        inside = list(dict.fromkeys(key for key in table.foreign_keys if key.parent in tables))
        unique = list(dict.fromkeys(table.unique))
        metadata.add_table(name, pk=table.pk or None, unique=unique, foreign_keys=inside)
    return metadata
