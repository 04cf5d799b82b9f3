"""The schema that a dbt project declares, read from its manifest: without dbt and without a database.

What the package's macros make of the graph, this makes of the manifest: the same rows, which `read_schema`
understands in the same way. Only what the database alone knows is missing: whether a table exists, and the
columns that no YAML names. Manifests of dbt 2 may lack fields that those of dbt 1 have.
"""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from synthohive_py.dbt.schema import SourceSchema, read_schema
from synthohive_py.dbt.settings import SETTINGS
from synthohive_py.errors import SchemaError, SettingError

__all__ = ["load_manifest", "read_manifest"]

logger = logging.getLogger(__name__)

Node = Mapping[str, Any]
ForeignKeyFact = dict[str, Any]


@dataclass
class _Declared:
    """What tests or constraints say of one source."""

    primary_key: list[str] = field(default_factory=list)
    unique: list[list[str]] = field(default_factory=list)
    not_null: list[str] = field(default_factory=list)
    accepted_values: dict[str, Any] = field(default_factory=dict)
    ranges: dict[str, dict[str, Any]] = field(default_factory=dict)
    rules: list[str] = field(default_factory=list)
    foreign_keys: list[ForeignKeyFact] = field(default_factory=list)


def read_manifest(path: str | os.PathLike[str]) -> SourceSchema:
    """The marked sources of a dbt project.

    Args:
        path: The project's folder, its target folder, or the manifest itself.

    Raises:
        SchemaError: There is no manifest, or it has no marked source.
        SchemaValidationError: A foreign key refers to a table that is not marked.
        SettingError: A setting is unknown or has a wrong value.
    """
    return read_schema(_Manifest(load_manifest(path)).rows())


def load_manifest(path: str | os.PathLike[str]) -> Node:
    """The manifest of a dbt project as it is written; see `read_manifest`.

    Raises:
        SchemaError: There is no manifest.
    """
    path = Path(path)
    places = [path, path / "target" / "manifest.json", path / "manifest.json"]
    file = next((place for place in places if place.is_file()), None)
    try:
        manifest = json.loads(file.read_text(encoding="utf-8")) if file else None
    except (OSError, ValueError) as error:
        raise _no_manifest(f"{file} can't be read", type(error).__name__) from error
    if not isinstance(manifest, Mapping) or not isinstance(manifest.get("sources"), Mapping):
        raise _no_manifest(f"{file} is no manifest of dbt" if file else f"there is no manifest in {path}")
    return manifest


def _no_manifest(summary: str, received: str | None = None) -> SchemaError:
    return SchemaError(
        summary,
        expected="the folder of a dbt project, or its target/manifest.json",
        received=received,
        remedy="run `dbt parse` in the project, and pass its folder",
    )


class _Manifest:
    """The marked sources and their tests, as rows of `synthohive_schema`."""

    def __init__(self, manifest: Node) -> None:
        self.sources: dict[str, Node] = {}  # the marked ones
        self.settings: dict[str, dict[str, Any]] = {}
        seen = []
        nodes = manifest["sources"]
        self.source_ids = sorted(nodes, key=str.lower)
        for unique_id in self.source_ids:
            node = nodes[unique_id]
            settings = _table_settings(node)
            at = _place(node)
            if settings.get("enabled") and not settings.get("passthrough") and at not in seen:
                seen.append(at)
                self.sources[unique_id], self.settings[unique_id] = node, settings
        tests = manifest.get("nodes") or {}
        self.tests = [
            tests[unique_id]
            for unique_id in sorted(tests, key=str.lower)
            if tests[unique_id].get("resource_type") == "test" and tests[unique_id].get("test_metadata")
        ]

    def rows(self) -> Iterator[dict[str, str]]:
        """What the model `synthohive_schema` holds."""
        suffix = next(s.default for s in SETTINGS if s.name == "suffix")
        for unique_id, node in self.sources.items():
            database, schema, identifier = _place(node)
            table = {
                "database": database,
                "schema": schema,
                "identifier": identifier,
                "twin_schema": f"{schema}{suffix}",
                "exists": True,
                "unknown_columns": [],
                "settings": self.settings[unique_id],
            }
            yield _row(node, "table", unique_id, table)
            for name in _columns(node):
                yield _row(node, "column", name, {"settings": _column_settings(node, name)})
            yield from self._declarations(unique_id, node)

    def _declarations(self, unique_id: str, node: Node) -> Iterator[dict[str, str]]:
        tests, constraints = self._tests_of(unique_id), self._constraints_of(node)
        settings = self.settings[unique_id]
        primary_key = _primary_key(node, settings, tests, constraints)
        if primary_key:
            yield _row(node, "primary_key", ", ".join(primary_key), {"columns": primary_key})
        further = settings.get("unique")
        sets = [*tests.unique, *constraints.unique, *(further if isinstance(further, list) else [])]
        unique: list[list[str]] = []
        for columns in sets:
            is_set = not isinstance(columns, str) and _names(columns)
            if is_set and sorted(columns) != sorted(primary_key) and columns not in unique:
                unique.append(columns)
                yield _row(node, "unique", ", ".join(columns), {"columns": columns})
        for name, values in tests.accepted_values.items():
            yield _row(node, "accepted_values", name, {"values": values})
        for name, ends in tests.ranges.items():
            yield _row(node, "range", name, ends)
        for rule in tests.rules:
            yield _row(node, "rule", rule, {})
        for key in self._foreign_keys(unique_id, [*constraints.foreign_keys, *tests.foreign_keys]):
            yield _row(node, "foreign_key", ", ".join(key["columns"]), key)

    # ------------------------------------------------------------ tests

    def _tests_of(self, unique_id: str) -> _Declared:
        found = _Declared()
        for test in self.tests:
            ids = (test.get("depends_on") or {}).get("nodes") or []
            if unique_id in ids and _subject(test, ids) == unique_id:
                _add_test(found, test, ids)
        return found

    def _constraints_of(self, node: Node) -> _Declared:
        found = _Declared()
        for name, column in _columns(node).items():
            for constraint in column.get("constraints") or []:
                kind = str(constraint.get("type"))
                if kind == "primary_key":
                    found.primary_key.append(name)
                elif kind == "unique":
                    found.unique.append([name])
                elif kind == "not_null":
                    found.not_null.append(name)
                elif kind == "foreign_key":
                    to = constraint.get("to") or constraint.get("expression") or ""
                    parent = _resolve(to, self.source_ids)
                    key = _foreign_key([name], to, parent, constraint.get("to_columns") or [], {})
                    found.foreign_keys.append(key)
        return found

    # ------------------------------------------------------------ foreign keys

    def _foreign_keys(self, unique_id: str, elsewhere: Iterable[ForeignKeyFact]) -> list[ForeignKeyFact]:
        """Each key once, those of the settings first, with the orphans of the nearest place that says it."""
        node, settings = self.sources[unique_id], self.settings[unique_id]
        keys: list[ForeignKeyFact] = []
        seen = []
        for key in [*self._declared_keys(node, settings), *elsewhere]:
            label = (key["columns"], key["parent"] or key["to"], key["parent_columns"])
            if label in seen:
                continue
            seen.append(label)
            column = _column_settings(node, key["columns"][0]) if len(key["columns"]) == 1 else {}
            places = (key["settings"], column, settings)
            orphans = next((place["orphans"] for place in places if place.get("orphans")), "drop")
            parent = key["parent"] if key["parent"] in self.sources else None
            keys.append({**key, "parent": parent, "orphans": orphans})
        return keys

    def _declared_keys(self, node: Node, settings: Node) -> Iterator[ForeignKeyFact]:
        entries = settings.get("foreign_keys")
        for entry in entries if isinstance(entries, list) else []:
            # What lacks a part is left to `read_schema`, which refuses it with a message.
            if not isinstance(entry, Mapping) or not isinstance(entry.get("parent"), str):
                continue
            columns, parent_columns = _names(entry.get("columns")), _names(entry.get("parent_columns"))
            if columns and parent_columns:
                own = {"orphans": entry["orphans"]} if entry.get("orphans") else {}
                parent = self._parent_called(entry["parent"], node)
                yield _foreign_key(columns, entry["parent"], parent, parent_columns, own)

    def _parent_called(self, name: str, node: Node) -> str | None:
        found = None
        for unique_id, other in self.sources.items():
            is_here = "." not in name and other["source_name"] == node["source_name"]
            if (is_here and other["name"] == name) or name == f"{other['source_name']}.{other['name']}":
                found = unique_id
        return found


# ---------------------------------------------------------------- nodes


def _row(node: Node, kind: str, name: str, payload: Mapping[str, Any]) -> dict[str, str]:
    return {
        "kind": kind,
        "source_name": node["source_name"],
        "table_name": node["name"],
        "name": name,
        "payload": json.dumps(payload),
    }


def _place(node: Node) -> tuple[str, str, str]:
    schema, identifier = node.get("schema") or node["source_name"], node.get("identifier") or node["name"]
    return node.get("database") or "", schema, identifier


def _columns(node: Node) -> dict[str, Node]:
    columns = node.get("columns") or {}
    return {c["name"]: c for c in columns} if isinstance(columns, list) else dict(columns)


def _names(value: object) -> list[str]:
    """A setting that names columns, as a list; empty if it names none."""
    names = [value] if isinstance(value, str) else value
    is_list = isinstance(names, list) and all(isinstance(name, str) for name in names)
    return [_bare(name) for name in names] if is_list and isinstance(names, list) else []


def _bare(name: str) -> str:
    """A name without quotes: dbt hands on those of columns with `quote: true` as they stand in SQL."""
    return name[1:-1] if len(name) > 2 and name[0] == name[-1] in ('"', "`") else name


def _config(node: Node) -> Node:
    return node.get("config") or {}


def _own_settings(meta: object, place: str) -> dict[str, Any]:
    settings = meta.get("synthohive") if isinstance(meta, Mapping) else None
    if settings is not None and not isinstance(settings, Mapping):
        raise SettingError(
            f"{place}: config.meta.synthohive is no mapping",
            expected="settings such as {enabled: true}",
            received=json.dumps(settings),
            remedy="write the name of each setting before its value, as dbt_synthohive/README.md lists them",
        )
    return dict(settings or {})


def _table_settings(node: Node) -> dict[str, Any]:
    """Those of a source's table, laid over those of its source."""
    own = _config(node).get("meta") or node.get("meta")  # dbt 2 fills one of them
    above = _own_settings(node.get("source_meta"), node["source_name"])
    return above | _own_settings(own, f"{node['source_name']}.{node['name']}")


def _column_settings(node: Node, column_name: str) -> dict[str, Any]:
    for name, column in _columns(node).items():
        if name.lower() == column_name.lower():
            # dbt 2 puts the table's meta into a column's, beside a config of its own.
            meta = _config(column).get("meta") if "config" in column else column.get("meta")
            return _own_settings(meta, f"{node['source_name']}.{node['name']}.{name}")
    return {}


def _primary_key(node: Node, settings: Node, tests: _Declared, constraints: _Declared) -> list[str]:
    """The declared one, or the first unique column set without nulls, single columns first."""
    declared = _names(settings.get("primary_key")) or constraints.primary_key
    if declared:
        return declared
    not_null, sets = {*tests.not_null, *constraints.not_null}, [*tests.unique, *constraints.unique]
    single = [[name] for name in _columns(node) if [name] in sets]
    return next((columns for columns in [*single, *sets] if columns and set(columns) <= not_null), [])


# ---------------------------------------------------------------- tests


def _resolve(expression: object, ids: Collection[str]) -> str | None:
    """Which of the ids "source('a', 'b')" or "ref('c')" means."""
    call = re.search(r"(source|ref)\s*\(([^)]*)\)", str(expression))
    if not call:
        return None
    names = re.findall(r"['\"]([^'\"]+)['\"]", call.group(2))
    for unique_id in ids:
        parts = unique_id.split(".")
        is_source = parts[0] == "source"
        if call.group(1) == "source" and is_source and parts[-2:] == names[-2:]:
            return unique_id
        if call.group(1) == "ref" and not is_source and names and names[-1] in parts[2:]:
            return unique_id
    return None


def _arguments(test: Node) -> dict[str, Any]:
    """The test's arguments, also where they are kept as they are nested in YAML."""
    kwargs = test["test_metadata"].get("kwargs") or {}
    nested = kwargs.get("arguments")
    return {**kwargs, **(nested if isinstance(nested, Mapping) else {})}


def _subject(test: Node, ids: Collection[str]) -> str | None:
    """The id of what the test is on: as it says, or what is left of its dependencies."""
    arguments = _arguments(test)
    if arguments.get("model"):
        return _resolve(arguments["model"], ids)
    parent = _resolve(arguments.get("to"), ids)
    others = [unique_id for unique_id in ids if unique_id != parent] or list(ids)
    return test.get("attached_node") or (others[0] if len(others) == 1 else None)


def _foreign_key(
    columns: list[str], to: str, parent: str | None, parent_columns: list[str], settings: Node
) -> ForeignKeyFact:
    return {
        "columns": columns,
        "to": to,
        "parent": parent,
        "parent_columns": parent_columns,
        "settings": dict(settings),
    }


def _add_test(found: _Declared, test: Node, ids: Collection[str]) -> None:
    """What one test says. With `where` it speaks of some rows only; one that merely warns is no promise."""
    name, arguments = test["test_metadata"].get("name"), _arguments(test)
    tested = arguments.get("column_name") or test.get("column_name")
    column = _bare(tested) if tested else None
    config = _config(test)
    settings = _own_settings(config.get("meta") or test.get("meta"), f"test {test.get('name')}")
    is_fact = not config.get("where") and str(config.get("severity")).lower() != "warn"
    if name in ("relationships", "relationships_composite"):
        key = _relationship(column, arguments, ids, settings)
        if key and not settings.get("ignore"):
            found.foreign_keys.append(key)
        elif not key:
            logger.warning("%s: the manifest does not say what it refers to; it is no key", test.get("name"))
    elif not is_fact:
        return
    elif name in ("unique_combination", "unique_combination_of_columns"):
        columns = arguments.get("columns") or arguments.get("combination_of_columns")
        found.unique += [_names(columns)] if columns else []
    elif name == "unique" and column:
        found.unique.append([column])
    elif name == "not_null" and column:
        found.not_null.append(column)
    elif settings.get("ignore"):
        return
    elif name == "accepted_values" and column and "values" in arguments:
        found.accepted_values[column] = arguments["values"]
    elif name == "accepted_range" and column and arguments.get("inclusive", True):
        ends = {"min": arguments.get("min_value"), "max": arguments.get("max_value")}
        found.ranges[column] = ends
    elif name == "expression_is_true" and "expression" in arguments:
        found.rules.append((f"{tested} " if tested else "") + str(arguments["expression"]))


def _relationship(
    column: str | None, arguments: Node, ids: Collection[str], settings: Node
) -> ForeignKeyFact | None:
    columns = _names(arguments.get("columns") or column)
    parent_columns = _names(arguments.get("to_columns") or arguments.get("field"))
    to = arguments.get("to")
    if not to or not columns or not parent_columns:
        return None
    return _foreign_key(columns, to, _resolve(to, ids), parent_columns, settings)
