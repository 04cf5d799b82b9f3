"""A schema in a database: its rows to learn from, and a schema for its twins, each said by a URL."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

import pyarrow as pa

from synthohive_py.connectors.base import BATCH_ROWS, Connector, Place, Relation
from synthohive_py.connectors.families import read_families
from synthohive_py.connectors.urls import CONNECTORS, open_url
from synthohive_py.errors import ConnectorError
from synthohive_py.frames import to_arrow
from synthohive_py.relational.fitted import FittedSchema
from synthohive_py.relational.population import Population
from synthohive_py.relational.reread import ReadTwin
from synthohive_py.relational.sample import Parts
from synthohive_py.rng import Seed
from synthohive_py.schema import Metadata

__all__ = ["RealRows", "is_url", "read_schema", "read_twin", "read_url", "write_schema", "write_url"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RealRows:
    """What was read of a database.

    Attributes:
        metadata: The schema, each table with its relation.
        tables: The rows of the modelled tables, or a sample of them.
        population: What is known of all rows, if these are a sample.
    """

    metadata: Metadata
    tables: dict[str, pa.Table]
    population: Population | None


def is_url(value: object) -> bool:
    """Whether this is the URL of a database, and no path."""
    if not isinstance(value, str):
        return False
    # With a slash too few it is refused as a URL, and not shown as a path: it may hold a password.
    scheme, colon, _ = value.partition(":")
    return "://" in value or (bool(colon) and scheme.lower() in CONNECTORS)


def read_url(url: str, metadata: Metadata | None, *, max_rows: int, seed: Seed) -> RealRows:
    """Read the tables of a schema, large ones in part; see `read_families`.

    Args:
        url: Where they are.
        metadata: The schema; None to take the keys that the database declares.
        max_rows: Tables with more rows are sampled.
        seed: Decides which rows are read.

    Raises:
        ConnectorError: The database refused, or a table is not there.
        SchemaError: A key can't be right; see `read_families`.
    """
    connector, schema = open_url(url)
    with closing(connector):
        return read_schema(connector, schema, metadata, max_rows=max_rows, seed=seed)


def read_schema(
    connector: Connector, schema: str, metadata: Metadata | None, *, max_rows: int, seed: Seed
) -> RealRows:
    """Read the tables of a schema of an open database; see `read_url`."""
    metadata = connector.reflect(schema) if metadata is None else metadata
    relations = {
        name: Relation(*table.relation) if table.relation else connector.relation(schema, name)
        for name, table in metadata.modelled.items()
    }
    tables, population = read_families(connector, relations, metadata, max_rows=max_rows, seed=seed)
    located = {
        name: metadata.tables[name].model_copy(update={"relation": _parts(relation)})
        for name, relation in relations.items()
    }
    found = Metadata(tables={**metadata.tables, **located}, home=connector.home())
    return RealRows(found, tables, population)


def write_url(parts: Parts, url: str, fitted: FittedSchema, *, chunk_rows: int) -> dict[str, str]:
    """Write a twin into a schema of a database, all of its tables or none.

    The tables get the column types of the real ones where these are in the same database, else the nearest
    types to those that were learned.

    Args:
        parts: The rows, which are made while they are written.
        url: The database, and the schema for the twin; it is made if it does not exist.
        fitted: What the twin is made from.
        chunk_rows: Rows that are written at a time.

    Returns:
        Per table its full name, quoted as SQL has it.

    Raises:
        ConnectorError: The database refused, or a twin would replace a real table; nothing was changed.
    """
    connector, schema = open_url(url)
    with closing(connector):
        places = _places(connector, schema, fitted)
        connector.write_parts(places, parts, chunk_rows=chunk_rows)
    logger.info("%d twins written to the schema %s", len(places), schema)
    return {name: connector.name(place.target) for name, place in places.items()}


def write_schema(
    connector: Connector, schema: str, tables: Mapping[str, pa.Table], *, overwrite: bool = True
) -> dict[str, str]:
    """Write tables into a schema of an open database, all of them or none.

    Args:
        connector: The database.
        schema: It is made if it does not exist.
        tables: The rows by the names of their tables.
        overwrite: Whether tables that are there may be replaced.

    Returns:
        Per table its full name.

    Raises:
        ConnectorError: The database refused, or a table is there that may not be replaced.
    """
    targets = {name: connector.relation(schema, name) for name in tables}
    for name, target in targets.items():
        if not overwrite and _is_there(connector, target):
            raise ConnectorError(
                f"is in the schema {schema!r} already",
                table=name,
                remedy="name another schema, drop the table, or write with overwrite=True",
            )
    places = {name: Place(None, target, tables[name].schema) for name, target in targets.items()}
    with connector.writing(places) as add:
        for name, table in tables.items():
            for start in range(0, table.num_rows, BATCH_ROWS):
                add(name, table.slice(start, BATCH_ROWS))
    return {name: connector.name(target) for name, target in targets.items()}


def _is_there(connector: Connector, relation: Relation) -> bool:
    try:
        next(connector.batches(relation))
    except ConnectorError:
        return False
    return True


def read_twin(url: str, fitted: FittedSchema) -> ReadTwin:
    """Read the twin that `write_url` has written.

    Args:
        url: The database, and the schema of the twin.
        fitted: What a twin of the same tables is made from.

    Raises:
        ConnectorError: The database refused, a table of the twin is not there, or it is a real one.
    """
    connector, schema = open_url(url)
    with closing(connector):
        targets = _targets(connector, schema, fitted, "rows would be added to the real table", "append_to")
        tables = {name: connector.read(target) for name, target in targets.items()}

    def again() -> Iterator[tuple[str, Iterator[pa.Table]]]:
        connector, _ = open_url(url)
        with closing(connector):
            for name, target in targets.items():
                yield name, connector.batches(target)

    return ReadTwin(tables, again)


def _places(connector: Connector, schema: str, fitted: FittedSchema) -> dict[str, Place]:
    targets = _targets(connector, schema, fitted, "the twin would replace the real table", "output_path")
    is_elsewhere = _is_elsewhere(connector, fitted.metadata.home)
    relations = {name: () if is_elsewhere else fitted.metadata.tables[name].relation for name in targets}
    return {
        name: _place(connector, relations[name], target, fitted.tables[name].twin_schema)
        for name, target in targets.items()
    }


def _is_elsewhere(connector: Connector, home: str) -> bool:
    """Whether this is surely not the database of the real tables, whatever names it has."""
    here = connector.home()
    return bool(home and here) and home != here


def _targets(
    connector: Connector, schema: str, fitted: FittedSchema, summary: str, option: str
) -> dict[str, Relation]:
    """Where the twin of each table is, which must not be where the real table is."""
    relations = {name: fitted.metadata.tables[name].relation for name in fitted.tables}
    names = {name: relation[2] if relation else name for name, relation in relations.items()}
    counts = Counter(names.values())
    # Tables of several schemas may share a name there, not here.
    targets = {n: connector.relation(schema, i if counts[i] == 1 else n) for n, i in names.items()}
    real = _real_tables(connector, schema, fitted.metadata.home, [r for r in relations.values() if r])
    for name, target in targets.items():
        if connector.identity(target) in real:
            raise ConnectorError(
                summary,
                table=name,
                received=f"the schema {schema!r} for the twin",
                remedy=f"name another schema in the URL of {option} (?schema=...)",
            )
    return targets


def _real_tables(
    connector: Connector, schema: str, home: str, relations: Sequence[tuple[str, str, str]]
) -> set[Relation]:
    """What must not be written to: the real tables, as far as they may be in this database."""
    if _is_elsewhere(connector, home):
        return set()
    real = {connector.identity(Relation(*relation)) for relation in relations}
    if home and home == connector.home():  # by whatever name it is called now
        database = connector.relation(schema, "").database
        real |= {connector.identity(Relation(database, *relation[1:])) for relation in relations}
    return real


def _place(
    connector: Connector, relation: tuple[()] | tuple[str, str, str], target: Relation, schema: pa.Schema
) -> Place:
    """With the real table as the source of types, if it is in this database and still as it was."""
    if relation:
        source = Relation(*relation)
        try:
            found = to_arrow(next(connector.batches(source)).slice(0, 0), source.identifier).schema
        except ConnectorError:
            found = None
        if found is not None and found.equals(schema):
            return Place(source, target)
    return Place(None, target, schema)


def _parts(relation: Relation) -> tuple[str, str, str]:
    return relation.database, relation.schema, relation.identifier
