"""Twins in PostgreSQL while they grow."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence

import pyarrow as pa

from synthohive_py.connectors.base import Place, Relation, quoted
from synthohive_py.connectors.postgres_catalog import check_ties, kind_of_old
from synthohive_py.connectors.postgres_door import Session, checked
from synthohive_py.connectors.postgres_made import MadeValues
from synthohive_py.connectors.postgres_types import fitted, sql_type
from synthohive_py.errors import ConnectorError

__all__ = ["Draft", "empty"]


class Draft:
    """A twin while it grows, within its transaction: nobody else sees it.

    A twin that was there, with the columns that the new one has, is kept with all that the user has tied to
    it: views, indexes, grants; only its rows are replaced. Otherwise a new table takes its place.
    """

    def __init__(self, session: Session, place: Place, places: Collection[Place]) -> None:
        self.session, self.target = session, place.target
        self.kind, self.added = kind_of_old(session, self.target), 0
        if self.kind is not None:
            check_ties(session, self.target, places)
        self.table = Relation(self.target.database, self.target.schema, _own_name())
        self._create(place)
        columns = session.columns(self.table)
        self.columns = {column.name: column for column in columns}
        self.staging: dict[tuple[str, ...], str] = {}
        self.made = MadeValues(session.ask, str(self.target), self.columns) if place.is_made else None
        self.is_kept = self.kind is not None and [c.declared for c in columns] == [
            c.declared for c in session.columns(self.target)
        ]
        if self.is_kept:
            session.run(f"drop table {self.table}")
            self.table = self.target

    def _create(self, place: Place) -> None:
        if place.source is None:
            listed = []
            for field in place.schema or ():
                kind = sql_type(field.type)
                if kind is None:
                    what = f"has the type {field.type}, which can't be written"
                    raise self._refused(field.name, what, "leave the column out")
                checked(self.target, field.name)
                listed.append(f"{quoted(field.name)} {kind}")
            self.session.run(f"create table {self.table} ({', '.join(listed)})")
            return
        # No keys, checks and identities: rules on twins are ours to keep, and to report when they don't hold.
        self.session.run(
            f"create table {self.table} "
            f"(like {place.source} including defaults including generated including storage)"
        )
        # A sequence is the source's own: it must not count, or be kept from being dropped, for a twin's sake.
        found = self.session.columns(place.source)
        for column in found:
            if column.is_counted:
                self.session.run(f"alter table {self.table} alter {quoted(column.name)} drop default")
        # `like` does not say of how many dimensions a list is. Columns that others are computed from stay.
        if not any(column.is_generated for column in found):
            for column in found:
                if column.dimensions > 1:
                    kind = column.full + "[]" * (column.dimensions - 1)
                    self.session.run(f"alter table {self.table} alter {quoted(column.name)} type {kind}")

    def add(self, rows: pa.Table) -> None:
        """Write rows; columns are matched by name."""
        for name in rows.column_names:
            if name not in self.columns:
                raise self._refused(name, "there is no such column in the source", "leave the column out")
        arrays, from_text = {}, []
        for name, values in zip(rows.column_names, rows.columns, strict=True):
            column = self.columns[name]
            if column.is_generated:  # PostgreSQL computes it
                continue
            try:
                arrays[name], is_text = fitted(column, values)
                if self.made:
                    arrays[name] = self.made.fitted(name, arrays[name])
            except pa.ArrowException as error:
                raise self._refused(
                    name,
                    "values don't fit the column's type",
                    "check the types of the rows",
                    expected=column.plain,
                    received=str(values.type),
                ) from error
            if is_text:
                from_text.append(name)
        if not rows.num_rows or not arrays:
            return
        self.added += rows.num_rows
        doubtful = self.made.checked(list(arrays), from_text) if self.made else []
        if from_text or doubtful:
            texts = [name for name in doubtful if self.columns[name].is_text]
            self._stage(pa.table(arrays), list(dict.fromkeys((*from_text, *texts))), doubtful)
        else:
            with self.session.connection.cursor() as cursor:
                cursor.adbc_ingest(
                    self.table.identifier, pa.table(arrays), "append", db_schema_name=self.table.schema
                )

    def _stage(self, rows: pa.Table, from_text: Sequence[str], doubtful: Sequence[str]) -> None:
        """Let PostgreSQL make values of text: the driver writes no such types."""
        key = (*rows.column_names, "", *from_text)
        if key not in self.staging:
            self.staging[key] = _own_name()
            kinds = {
                name: "text" if name in from_text else self.columns[name].base for name in rows.column_names
            }
            listed = ", ".join(f"{quoted(name)} {kind}" for name, kind in kinds.items())
            self.session.run(f"create temporary table {self.staging[key]} ({listed}) on commit drop")
        staging = self.staging[key]
        with self.session.connection.cursor() as cursor:
            cursor.adbc_ingest(staging, rows, "append", temporary=True)
        names = ", ".join(map(quoted, rows.column_names))
        given = {name: quoted(name) for name in rows.column_names}
        if self.made and doubtful:
            self.made.count(doubtful, f"pg_temp.{staging}")
            given |= {name: f"({self.made.right(name)})" for name in doubtful}
        values = ", ".join(f"{value}::{self.columns[name].plain}" for name, value in given.items())
        self.session.run(
            f"insert into {self.table} ({names}) select {values} from pg_temp.{staging}"  # noqa: S608  quoted
        )
        self.session.run(f"truncate pg_temp.{staging}")

    def finish(self) -> None:
        """Take the old twin's place.

        Raises:
            ConnectorError: A kept table has other rows than those that were added.
        """
        if self.made:
            self.made.tell()
        if self.is_kept:
            [found] = self.session.ask(f"select count(*) as n from {self.rows}")  # noqa: S608  quoted
            if found["n"] != self.added:
                raise ConnectorError(
                    "does not hold the rows that were written; no twin was changed",
                    table=str(self.target),
                    expected=f"{self.added:,} rows",
                    received=f"{found['n']:,} rows: triggers or rules of the table, or another program",
                    remedy="drop the triggers and rules, or give the twin another schema",
                )
            return
        if self.kind is not None:
            self.session.run(f"drop table {self.target}")  # refused if a view needs it: its columns change
        self.session.run(f"alter table {self.table} rename to {quoted(self.target.identifier)}")

    @property
    def rows(self) -> str:
        """The old twin's own rows, as SQL has them: without those of tables that inherit from it."""
        return f"{'only ' if self.kind == 'r' else ''}{self.target}"

    def _refused(self, column: str, summary: str, remedy: str, **facts: str) -> ConnectorError:
        return ConnectorError(
            f"{summary}; no twin was changed", table=str(self.target), column=column, remedy=remedy, **facts
        )


def _own_name() -> str:
    return f"synthohive_{secrets.token_hex(8)}"


def empty(drafts: Sequence[Draft]) -> None:
    """Delete the rows of the twins that stay, in one statement: keys among them hold before and after it.

    Not `truncate`: that lets nobody read until all is written.
    """
    if drafts:
        parts = [f"d{i} as (delete from {draft.rows})" for i, draft in enumerate(drafts)]  # noqa: S608  quoted
        drafts[0].session.ask(f"with {', '.join(parts)} select 1 as one")
