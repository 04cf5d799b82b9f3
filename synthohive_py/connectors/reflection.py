"""The keys that a database declares, as a schema of ours."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

from synthohive_py.connectors.base import Connector, Relation
from synthohive_py.errors import ConnectorError
from synthohive_py.frames import to_arrow
from synthohive_py.infer import infer_schema, key_like
from synthohive_py.schema import ForeignKey, Metadata

__all__ = ["Reflected", "as_guessed", "as_metadata"]

logger = logging.getLogger(__name__)


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


def as_guessed(connector: Connector, relations: Mapping[str, Relation], where: str) -> Metadata:
    """The schema of tables that declare no keys: guessed as `Metadata.from_dataframes` does.

    All rows are looked at, but only the columns whose names or places are those of keys, so memory is that
    of the keys.

    Args:
        connector: What reads them.
        relations: Where each table is.
        where: The schema or folder, for the error.

    Raises:
        ConnectorError: There is no table, or one can't be read.
    """
    if not relations:
        raise ConnectorError(
            f"there is no table in {where}",
            expected="an existing schema or folder with tables of this kind",
            remedy="correct its name in the URL",
        )
    columns = {name: next(connector.batches(at)).column_names for name, at in relations.items()}
    logger.info("%s declares no keys: they are guessed. Pass metadata if you know them", where)
    keys = key_like(columns)
    return infer_schema({name: to_arrow(connector.read(relations[name], keys[name]), name) for name in keys})
