"""The tables of a Spark catalog: named, described, made and dropped."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pyspark.errors import PySparkException

from synthohive_py.connectors.base import Relation
from synthohive_py.connectors.spark_types import backticked, spark_schema, sql_type
from synthohive_py.errors import ConnectorError

__all__ = ["PREFIX", "Catalog", "Column", "declared", "failures", "refused", "told"]

PREFIX = "synthohive_tmp_"  # of tables that are gone when a run has ended
CHECK = (
    "check that it exists and that you may use it; where tasks fail, that synthohive_py is installed where "
    "they run"
)

Column = tuple[str, str, bool]  # name, type, whether it may be null


@dataclass
class Catalog:
    """The tables that a session sees.

    Attributes:
        session: The SparkSession.
        file_format: What new twins are stored as; by default what the session takes.
    """

    session: Any
    file_format: str | None = None

    def name(self, relation: Relation) -> str:
        """The full name of a table, as Spark's SQL has it."""
        return backticked(part for part in (relation.database, relation.schema, relation.identifier) if part)

    def identity(self, relation: Relation) -> Relation:
        """Spark's catalogs know names in any case of letters, or may. dbt's relations name no catalog."""
        catalog = relation.database or self.session.catalog.currentCatalog()
        return Relation(catalog.lower(), relation.schema.lower(), relation.identifier.lower())

    def run(self, statement: str) -> list[Any]:
        """The rows of a statement, which is done then."""
        return list(self.session.sql(statement).collect())

    def ours(self, schema: Relation) -> list[Relation]:
        """The tables of a schema that are gone when a run has ended."""
        place = self.name(Relation(schema.database, schema.schema, ""))
        found = self.run(f"show tables in {place} like '{PREFIX}*'")
        return [Relation(schema.database, schema.schema, row["tableName"]) for row in found]

    def described(self, relation: Relation) -> list[Column]:
        """The columns of a table as Spark declares them."""
        name = self.name(relation)
        kinds = spark_schema(self.session.table(name).limit(0).toArrow().schema, relation.identifier)
        return [
            # Of nested types Spark tells the fields' names without quotes.
            (
                c.name,
                sql_type(kinds.field(c.name).type) if "<" in c.dataType else c.dataType,
                bool(c.nullable),
            )
            for c in self.session.catalog.listColumns(name)
        ]

    def is_there(self, relation: Relation) -> bool:
        """Whether there is such a table."""
        return bool(self.session.catalog.tableExists(self.name(relation)))

    def create(self, target: Relation, columns: Sequence[Column]) -> None:
        """Make room for a twin: the table that is there if its columns are right, else a new one."""
        name = self.name(target)
        if self.is_there(target):
            if self.described(target) == columns:
                return
            self.run(f"drop table {name}")
        kinds = declared(columns)
        stored = self.file_format or self.session.conf.get("spark.sql.sources.default")
        self.run(f"create table {name} ({kinds}) using {backticked([stored])}")

    def save(self, frame: Any, relation: Relation, columns: str) -> None:
        """Add rows to one of our tables, which is made if need be."""
        # Parquet, whatever the twins are: no log is needed, and any name of a column is allowed.
        # `saveAsTable` would write files before there is a table: nobody would find them after a `kill -9`.
        self.run(f"create table if not exists {self.name(relation)} ({columns}) using parquet")
        frame.write.insertInto(self.name(relation))

    def drop(self, relation: Relation) -> None:
        """Drop a table, if it is there."""
        self.run(f"drop table if exists {self.name(relation)}")

    def remove(self, relation: Relation) -> None:
        """Drop one of our tables, and its files."""
        catalog = relation.database or self.session.catalog.currentCatalog()
        if catalog == "sail":  # which forgets a table, not its files
            with contextlib.suppress(*failures()):
                frame = self.session.table(self.name(relation))
                frame.limit(0).write.insertInto(self.name(relation), overwrite=True)
        self.drop(relation)


def declared(columns: Sequence[Column]) -> str:
    """Columns as `create table` has them."""
    return ", ".join(f"{backticked([c])} {kind}{'' if null else ' not null'}" for c, kind, null in columns)


def failures() -> tuple[type[Exception], ...]:
    """What Spark raises. A classic session raises Java's errors, too, if its module is there."""
    java = sys.modules.get("py4j.protocol")
    return (PySparkException, OSError, *((java.Py4JError,) if java else ()))


@contextlib.contextmanager
def refused(what: str, relation: Relation | None = None, remedy: str = CHECK) -> Iterator[None]:
    """Say what Spark refused, of which table, and what to do."""
    try:
        yield
    except failures() as error:
        raise ConnectorError(
            what,
            table=relation.identifier if relation else None,
            received=told(error),
            remedy=remedy,
        ) from error


def told(error: BaseException) -> str:
    """What Spark says: of an error in a task the last line, of one of Java the cause, else the first line."""
    lines = [line.strip() for line in str(error).strip().split("\n") if line.strip()]
    causes = [line for line in lines if line.startswith("Caused by: ")]
    if "Traceback" in str(error) or causes:
        return (causes or lines)[-1][:300]
    return (lines or [type(error).__name__])[0][:300]
