"""Spark: a classic session or Spark Connect; rows in Arrow batches, large twins made by Spark's tasks."""

from __future__ import annotations

import contextlib
import logging
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from pyspark.errors import PySparkException

from synthohive_py.connectors.base import BATCH_ROWS, Connector, Place, Relation, check_places
from synthohive_py.connectors.reflection import as_guessed
from synthohive_py.connectors.spark_catalog import PREFIX, Catalog, Column, refused
from synthohive_py.connectors.spark_swaps import Move, Run, alone_in, settled
from synthohive_py.connectors.spark_tasks import column_of, shard_maker, shard_schema
from synthohive_py.connectors.spark_types import (
    as_spark,
    backticked,
    check_names,
    ddl,
    spark_schema,
    sql_type,
)
from synthohive_py.connectors.urls import Address
from synthohive_py.errors import ConnectorError
from synthohive_py.relational.generation import Generation
from synthohive_py.relational.sample import Parts
from synthohive_py.schema import Metadata

__all__ = ["SparkConnector"]

logger = logging.getLogger(__name__)

CONNECT_SECONDS = 3.0
FIRST_RETRIES = 3  # of the first question; they take two seconds
PORT = 15002
SENT_BYTES = 100 << 20  # Spark Connect takes messages of at most 128 MB


class SparkConnector(Connector):
    """Reads and writes the tables of a Spark catalog.

    Args:
        session: A SparkSession of Spark 4 or later, classic or Connect. It is not changed.
        file_format: What new twins are stored as; by default what the session takes.
    """

    default_schema = "default"

    def __init__(self, session: Any, file_format: str | None = None) -> None:
        self.session, self.catalog = session, Catalog(session, file_format)
        self._ended: Callable[[], None] | None = None

    @classmethod
    def open(cls, address: Address) -> SparkConnector:
        """A server of Spark Connect: `sc://host:15002/;token=...?schema=shop&format=delta`.

        Raises:
            ConnectorError: There is no such server, or it does not let us in.
        """
        from pyspark.sql.connect.client.retries import DefaultPolicy
        from pyspark.sql.connect.session import SparkSession

        host, port, options = address.host or "localhost", address.port or PORT, dict(address.options)
        file_format = options.pop("format", None)
        if options or address.user:
            raise ConnectorError(
                "Spark Connect takes no such URL",
                expected="sc://host:port/;token=...;use_ssl=true?schema=shop&format=delta",
                received="a user" if address.user else f"the option {next(iter(options))!r}",
                remedy="put what is Spark's own behind a semicolon, before the question mark",
            )
        try:
            socket.create_connection((host, port), CONNECT_SECONDS).close()
            name = f"[{host}]" if ":" in host else host
            session = SparkSession(f"sc://{name}:{port}{address.path}")
            # By default it asks a server that is none for ten minutes.
            session.client.set_retry_policies([DefaultPolicy(max_retries=FIRST_RETRIES)])
            _ = session.version
            session.client.set_retry_policies([DefaultPolicy()])
        except (OSError, PySparkException) as error:
            raise ConnectorError(
                f"no Spark Connect server answers at {host}:{port}",
                received=type(error).__name__,  # the text may hold the token
                remedy="start the server, correct host, port and token, or pass a session to connect()",
            ) from None
        connector = cls(session, file_format)
        # A session that has a name is somebody's, with their temporary views.
        connector._ended = session.client.close if "session_id=" in address.path else session.stop
        return connector

    # ------------------------------------------------------------ reading

    def relation(self, schema: str, identifier: str) -> Relation:
        with refused("can't tell its catalog"):
            return Relation(self.session.catalog.currentCatalog(), schema, identifier)

    def name(self, relation: Relation) -> str:
        return self.catalog.name(relation)

    def identity(self, relation: Relation) -> Relation:
        return self.catalog.identity(relation)

    def reflect(self, schema: str) -> Metadata:
        """The tables of a schema, no views. Spark declares no keys, so these are guessed."""
        with refused(f"the schema {schema!r} can't be read"):
            found = self.session.catalog.listTables(backticked([schema]))
            names = sorted(t.name for t in found if t.tableType != "VIEW" and not t.isTemporary)
        names = [name for name in names if not name.startswith(PREFIX)]
        return as_guessed(self, {n: self.relation(schema, n) for n in names}, f"the schema {schema!r}")

    def count(self, relation: Relation) -> int:
        with refused("can't be read", relation):
            return int(self.session.table(self.name(relation)).count())

    def batches(self, relation: Relation, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        with refused("can't be read", relation):
            settled(self.catalog, relation)
            frame = self.session.table(self.name(relation))
            if columns is not None:
                frame = frame.selectExpr(*(backticked([name]) for name in columns))
            schema = _in_utc(frame.limit(0).toArrow().schema)
            yield schema.empty_table()
            # Rows come as Arrow's own bytes: the one way to exact types without a whole table. Columns have
            # plain names meanwhile, because Sail's tasks take `a.b` for a field.
            frame = frame.toDF(*(f"c{place}" for place in range(len(schema))))
            for (packed,) in frame.mapInArrow(_packer(BATCH_ROWS), "rows binary").toLocalIterator():
                with pa.ipc.open_stream(bytes(packed)) as stream:
                    yield stream.read_all().rename_columns(schema.names).cast(schema)

    # ------------------------------------------------------------ writing

    @contextlib.contextmanager
    def writing(self, places: Mapping[str, Place]) -> Iterator[Callable[[str, pa.Table], None]]:
        with self._staging(places) as staging:
            yield staging.add

    def write_parts(
        self, places: Mapping[str, Place], parts: Parts, *, chunk_rows: int = BATCH_ROWS
    ) -> dict[str, int]:
        """As `Connector.write_parts`; shards of large twins are made by Spark's tasks."""
        if not parts.generation.shards or not parts.generation.is_portable:
            return super().write_parts(places, parts, chunk_rows=chunk_rows)
        with self._staging(places) as staging:
            for name, part in parts.before_shards():
                for start in range(0, part.num_rows, chunk_rows):
                    staging.add(name, part.slice(start, chunk_rows))
            staging.add_shards(parts.generation, parts.workers)
        return {name: self.count(place.target) for name, place in places.items()}

    @contextlib.contextmanager
    def _staging(self, places: Mapping[str, Place]) -> Iterator[_Staging]:
        """Tables for rows on their way; at the end they replace the twins, or are dropped."""
        check_places(places, self.identity)
        schemas = {(p.target.database, p.target.schema): None for p in places.values()}
        with refused("the twins can't be written; no twin was changed"):
            for schema in schemas:
                self.catalog.run(f"create schema if not exists {backticked(filter(None, schema))}")
        with alone_in(self.catalog, [Relation(*schema, "") for schema in schemas]) as run:
            with refused("the twins can't be written; no twin was changed"):
                columns = {name: self._columns(place) for name, place in places.items()}
            staging = _Staging(self.catalog, places, columns, run)
            yield staging
            staging.publish()
        logger.info("%d twins written", len(places))

    def _columns(self, place: Place) -> list[Column]:
        """What a twin's columns are to be: those of its source, else the nearest to what was learned."""
        if place.source is None and place.schema is not None:
            schema = spark_schema(place.schema, place.target.identifier)
            check_names(schema.names, place.target.identifier)
            return [(f.name, sql_type(f.type), True) for f in schema]
        return self.described(place.source or place.target)

    def described(self, relation: Relation) -> list[Column]:
        """The columns of a table as Spark declares them."""
        return self.catalog.described(relation)

    def close(self) -> None:
        if self._ended:
            self._ended()


@dataclass
class _Staging:
    """Rows of twins in tables of their own, until all are there.

    Attributes:
        catalog: Where.
        places: Per table its twin's place.
        columns: Per table the columns that its twin gets.
        run: Whose tables the rows are in.
    """

    catalog: Catalog
    places: Mapping[str, Place]
    columns: Mapping[str, Sequence[Column]]
    run: Run
    kinds: dict[str, pa.Schema] = field(default_factory=dict)
    made: list[str] = field(default_factory=list)

    def _own(self, name: str) -> Relation:
        return self.run.table(list(self.places).index(name))

    @property
    def _shared(self) -> Relation:
        return self.run.table("shards")

    def add(self, name: str, rows: pa.Table) -> None:
        """Some rows of a table, from here."""
        schema = self.kinds.setdefault(name, spark_schema(rows.schema, name))
        with refused("the twin can't be written; no twin was changed", self.places[name].target):
            frame = self.catalog.session.createDataFrame(as_spark(rows, schema), schema=ddl(schema))
            self.catalog.save(frame, self._own(name), ddl(schema))

    def add_shards(self, generation: Generation, tasks: int | None) -> None:
        """The rows of all shards, made by so many tasks; by default as many as Spark takes for a range."""
        make, size = shard_maker(generation)
        if size > SENT_BYTES:
            logger.warning("what tasks have to know is too large to send (%d bytes): made here", size)
            for shard in generation.shards:
                for name, rows in generation.make(shard):
                    self.add(name, rows)
            return
        numbers = self.catalog.session.range(0, len(generation.shards), 1, tasks)
        with refused("the shards of the twin can't be made; no twin was changed"):
            kinds = ddl(shard_schema(generation))
            self.catalog.save(numbers.mapInArrow(make, kinds), self._shared, kinds)
        self.made = generation.made_in_shards

    def publish(self) -> None:
        """Let all twins take their places."""
        self.run.swap([Move(p.target, self.columns[n], self._drafts(n)) for n, p in self.places.items()])

    def _drafts(self, name: str) -> list[tuple[Relation, str | None]]:
        """Where the rows of a twin are; see `Move`."""
        drafts: list[tuple[Relation, str | None]] = [(self._own(name), None)] if name in self.kinds else []
        if name in self.made:
            drafts.append((self._shared, column_of(self.made.index(name))))
        return drafts


def _packer(rows: int) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """The function for `mapInArrow` that makes one row of many. It is sent itself: tasks need no package."""

    def pack(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        for batch in batches:
            for start in range(0, batch.num_rows, rows):
                sink = pa.BufferOutputStream()
                with pa.ipc.new_stream(sink, batch.schema) as stream:
                    stream.write_batch(batch.slice(start, rows))
                packed = pa.array([sink.getvalue().to_pybytes()], pa.binary())
                yield pa.record_batch([packed], names=["rows"])

    return pack


def _in_utc(schema: pa.Schema) -> pa.Schema:
    """Moments in UTC: Spark names the session's zone, which is none of the value's."""
    zoned = [
        field.with_type(pa.timestamp("us", "UTC")) if getattr(field.type, "tz", None) else field
        for field in schema
    ]
    return pa.schema([pa.field(field.name, field.type) for field in zoned])
