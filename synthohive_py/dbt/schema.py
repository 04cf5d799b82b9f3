"""From the rows of `synthohive_schema` to the engine's schema."""

from __future__ import annotations

import json
import logging
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from synthohive_py.clauses import parse_clauses
from synthohive_py.connectors.base import Relation
from synthohive_py.dbt.settings import check
from synthohive_py.errors import Problem, SchemaError, SchemaValidationError
from synthohive_py.schema import Constraint, ForeignKey, Metadata, Mode, TableConfig

__all__ = ["Source", "SourceSchema", "read_schema"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Source:
    """One marked source table.

    Attributes:
        name: Its name in the engine: the table's, with its source before it where two share one.
        source_name: The dbt source.
        table_name: The table in the dbt source.
        relation: The real table.
        twin: Where its twin goes.
    """

    name: str
    source_name: str
    table_name: str
    relation: Relation
    twin: Relation


@dataclass(frozen=True)
class SourceSchema:
    """All marked sources and what is declared of them."""

    metadata: Metadata
    sources: dict[str, Source]

    @property
    def modelled(self) -> list[Source]:
        """The sources that get a twin."""
        return [self.sources[name] for name in self.metadata.modelled]


@dataclass(frozen=True)
class _Fact:
    kind: str
    source_name: str
    table_name: str
    name: str
    payload: dict[str, Any]

    @property
    def table(self) -> tuple[str, str]:
        return self.source_name, self.table_name


def read_schema(rows: Iterable[Mapping[str, str]]) -> SourceSchema:
    """The schema that the rows of `synthohive_schema` tell.

    Raises:
        SchemaError: No source is marked.
        SchemaValidationError: A table does not exist, or a foreign key refers to an unmarked one; all
            such problems are listed.
        SettingError: A setting is unknown or has a wrong value.
    """
    facts = [
        _Fact(r["kind"], r["source_name"], r["table_name"], r["name"], json.loads(r["payload"])) for r in rows
    ]
    names_there = _Names(facts)
    facts = [names_there.fact(fact) for fact in facts]
    tables = [fact for fact in facts if fact.kind == "table"]
    if not tables:
        raise SchemaError(
            "no source is marked",
            expected="at least one source with config.meta.synthohive.enabled: true",
            remedy="mark the sources that are to get a twin in their YAML file",
        )
    counts = Counter(fact.table_name for fact in tables)
    names = {
        fact.name: fact.table_name
        if counts[fact.table_name] == 1
        else f"{fact.source_name}.{fact.table_name}"
        for fact in tables
    }
    metadata, sources, problems = Metadata(), {}, []
    for fact in tables:
        own = [other for other in facts if other.table == fact.table]
        name = names[fact.name]
        problems += _problems(fact, own, name)
        sources[name] = _source(fact, name)
        metadata.tables[name] = _config(fact, own, names)
    problems += _overwritten(sources.values())
    if problems:
        raise SchemaValidationError(problems)
    return SourceSchema(metadata, sources)


class _Names:
    """The columns as the database names them: YAML may write `id` for ID."""

    def __init__(self, facts: Sequence[_Fact]) -> None:
        self.stored: dict[tuple[str, str], dict[str, str]] = {}
        for fact in facts:
            if fact.kind == "column":
                self.stored.setdefault(fact.table, {})[fact.name.lower()] = fact.name
        self.exact = {(fact.table, fact.name) for fact in facts if fact.kind == "column"}
        self.tables = {fact.name: fact.table for fact in facts if fact.kind == "table"}

    def column(self, table: tuple[str, str], name: str) -> str:
        return name if (table, name) in self.exact else self.stored.get(table, {}).get(name.lower(), name)

    def rule(self, table: tuple[str, str], rule: str) -> str:
        # The parent's columns are in it, too. What stands in quotes is meant as it is.
        known = {low: name for names in self.stored.values() for low, name in names.items()}
        known |= self.stored.get(table, {})
        return re.sub(
            r'"[^"]*"|`[^`]*`|\w+',
            lambda word: word[0] if (table, word[0]) in self.exact else known.get(word[0].lower(), word[0]),
            rule,
        )

    def settings(self, table: tuple[str, str], settings: Mapping[str, Any]) -> dict[str, Any]:
        found = dict(settings)
        if isinstance(found.get("order_by"), str):
            found["order_by"] = self.column(table, found["order_by"])
        if isinstance(found.get("rules"), list):
            found["rules"] = [self.rule(table, r) if isinstance(r, str) else r for r in found["rules"]]
        return found

    def fact(self, fact: _Fact) -> _Fact:
        """The same fact with these names."""
        at, payload, name = fact.table, dict(fact.payload), fact.name
        if fact.kind in ("accepted_values", "range"):
            name = self.column(at, name)
        elif fact.kind == "rule":
            name = self.rule(at, name)
        elif fact.kind == "table":
            payload["settings"] = self.settings(at, payload["settings"])
        if "columns" in payload:
            payload["columns"] = [self.column(at, column) for column in payload["columns"]]
        if fact.kind == "foreign_key" and payload["parent"] in self.tables:
            parent = self.tables[payload["parent"]]
            payload["parent_columns"] = [self.column(parent, column) for column in payload["parent_columns"]]
        return replace(fact, name=name, payload=payload)


def _problems(table: _Fact, facts: Sequence[_Fact], name: str) -> list[Problem]:
    if table.payload["settings"].get("mode") == "skip":
        return []
    problems = []
    if not table.payload["exists"]:
        where = ".".join(table.payload[part] for part in ("database", "schema", "identifier"))
        problems.append(
            Problem(
                "the table does not exist",
                table=name,
                expected=f"a table {where}, which the source {table.source_name} names",
                remedy="load the data first, correct the source's database, schema and identifier, "
                "or take the mark off the table",
            )
        )
    problems += [
        Problem(
            "has settings but does not exist",
            table=name,
            column=column,
            expected="a column of the table",
            remedy="correct the column's name in the source's YAML, or remove its config.meta.synthohive",
        )
        for column in table.payload["unknown_columns"]
    ]
    problems += [
        Problem(
            f"refers to {fact.payload['to']}, which takes no part",
            table=name,
            column=", ".join(fact.payload["columns"]),
            expected="a source with config.meta.synthohive.enabled: true",
            remedy="mark that source too (mode: reference copies it as it is), or set "
            "config.meta.synthohive.ignore: true on the relationships test",
        )
        for fact in facts
        if fact.kind == "foreign_key" and fact.payload["parent"] is None
    ]
    return problems


def _overwritten(sources: Collection[Source]) -> list[Problem]:
    """Twins that would take the place of real tables."""
    real = {str(source.relation).lower() for source in sources}
    return [
        Problem(
            "the twin would replace a source table",
            table=source.name,
            received=f"{source.twin} for the twin",
            remedy="set the variable synthohive_suffix to one that makes another schema of it",
        )
        for source in sources
        if str(source.twin).lower() in real
    ]


def _source(table: _Fact, name: str) -> Source:
    at = table.payload
    return Source(
        name=name,
        source_name=table.source_name,
        table_name=table.table_name,
        relation=Relation(at["database"], at["schema"], at["identifier"]),
        twin=Relation(at["database"], at["twin_schema"], at["identifier"]),
    )


def _config(table: _Fact, facts: Sequence[_Fact], names: Mapping[str, str]) -> TableConfig:
    name = names[table.name]
    settings = check(table.payload["settings"], "table", table=name)
    for fact in facts:
        if fact.kind == "foreign_key":
            check(fact.payload["settings"], "test", table=name, column=", ".join(fact.payload["columns"]))
    mode: Mode = settings.get("mode", "synthesize")
    return TableConfig(
        name=name,
        pk=next((tuple(f.payload["columns"]) for f in facts if f.kind == "primary_key"), ()),
        unique=tuple(tuple(f.payload["columns"]) for f in facts if f.kind == "unique"),
        foreign_keys=tuple(
            ForeignKey(
                columns=tuple(f.payload["columns"]),
                parent=names[f.payload["parent"]],
                parent_columns=tuple(f.payload["parent_columns"]),
                orphans=f.payload["orphans"],
            )
            for f in facts
            if f.kind == "foreign_key" and f.payload["parent"] is not None
        ),
        constraints=_constraints(name, facts),
        accepted_values={f.name: f.payload["values"] for f in facts if f.kind == "accepted_values"},
        order_by=settings.get("order_by"),
        rules=(*settings.get("rules", ()), *_tested_rules(name, facts)),
        pii_cols=_personal(name, facts, answer=True),
        public_cols=_personal(name, facts, answer=False),
        mode=mode,
        relation=_place(table),
    )


def _personal(table: str, facts: Sequence[_Fact], *, answer: bool) -> tuple[str, ...]:
    """The columns that are said to hold personal data, or to hold none."""
    told = {
        f.name: check(f.payload["settings"], "column", table=table, column=f.name)
        for f in facts
        if f.kind == "column"
    }
    return tuple(column for column, settings in told.items() if settings.get("pii") is answer)


def _place(table: _Fact) -> tuple[str, str, str]:
    at = table.payload
    return at["database"] or "", at["schema"], at["identifier"]  # some warehouses have no databases


def _constraints(table: str, facts: Sequence[_Fact]) -> dict[str, Constraint]:
    """Ranges of numbers, from tests and from settings, which win."""
    ends: dict[str, dict[str, Any]] = {}
    for fact in facts:
        if fact.kind == "range":
            # A range of dates, or one that SQL computes, is not a number.
            numbers = {k: v for k, v in fact.payload.items() if isinstance(v, int | float)}
            ends.setdefault(fact.name, {}).update(
                {k: v for k, v in numbers.items() if k not in ends[fact.name]}
            )
        elif fact.kind == "column":
            settings = check(fact.payload["settings"], "column", table=table, column=fact.name)
            told = {k: settings[k] for k in ("min", "max") if k in settings}
            ends[fact.name] = ends.get(fact.name, {}) | told
    return {column: Constraint(**limits) for column, limits in ends.items() if limits}


def _tested_rules(table: str, facts: Sequence[_Fact]) -> list[str]:
    """What tests of expressions say, as far as it is a rule that twins can be made to keep."""
    found = []
    for fact in facts:
        if fact.kind == "rule":
            try:
                parse_clauses(fact.name)
            except ValueError as error:
                logger.warning("%s: twins may fail the test expression_is_true; %s", table, error)
            else:
                found.append(fact.name)
    return found
