"""Rows for dbt's unit tests: a few of a twin, that join over all foreign keys among a model's inputs."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa

from synthohive_py.arrowtypes import is_bytes_type, is_nested_type, is_uuid_type
from synthohive_py.dbt.manifest import load_manifest, read_manifest
from synthohive_py.errors import GenerationError, SchemaError, SettingError
from synthohive_py.joins import Rows, parent_rows
from synthohive_py.relational.fitted import FittedSchema
from synthohive_py.relational.sample import sample_tables
from synthohive_py.rng import Seed

__all__ = ["inputs_of_model", "unit_test_given"]

SAMPLED = 200  # rows of the largest input that are looked through first
TRIED = 20  # relatives of a row that are tried before another row is
PLAIN = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
# What YAML 1.1 reads as something else than a text.
WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


@dataclass(frozen=True)
class _Link:
    """A foreign key between two inputs: of each row of the child the row of its parent, negative for none."""

    child: str
    parent: str
    rows: Rows


def inputs_of_model(project: str | os.PathLike[str], model: str) -> dict[str, str]:
    """The inputs of a model of a dbt project, as `unit_test_given` takes them.

    Args:
        project: The project's folder, its target folder, or its manifest.
        model: The model's name.

    Raises:
        SchemaError: There is no such manifest or model, or the model reads what is no marked source.
    """
    manifest = load_manifest(project)
    nodes = manifest.get("nodes") or {}
    models = {n["name"]: n for n in nodes.values() if n["resource_type"] in ("model", "snapshot")}
    if model not in models:
        raise SchemaError(
            "there is no such model", table=model, expected=f"one of {', '.join(sorted(models))}"
        )
    names = {
        (source.source_name, source.table_name): name
        for name, source in read_manifest(project).sources.items()
    }
    inputs, others = {}, []
    for unique_id in (models[model].get("depends_on") or {}).get("nodes") or []:
        source = manifest["sources"].get(unique_id)
        if source and (source["source_name"], source["name"]) in names:
            name = names[source["source_name"], source["name"]]
            inputs[f"source('{source['source_name']}', '{source['name']}')"] = name
        else:
            others.append(unique_id)
    if others or not inputs:
        raise SchemaError(
            "the model reads what is no marked source" if others else "the model reads no source",
            table=model,
            received=", ".join(others) or None,
            remedy="mark the source with config.meta.synthohive.enabled: true, or pass a mapping such as "
            "{\"source('shop', 'orders')\": \"orders\"} with the inputs that rows are wanted for",
        )
    return inputs


def unit_test_given(fitted: FittedSchema, inputs: Mapping[str, str], *, rows: int, seed: Seed) -> str:
    """Rows of the inputs as the `given` of a unit test, in YAML; see `Synthesizer.unit_test_given`."""
    if not isinstance(inputs, Mapping):
        raise SettingError(
            "inputs are neither the name of a model nor a mapping",
            expected="such as {\"source('shop', 'orders')\": \"orders\"}",
            received=repr(inputs)[:80],
        )
    unknown = [str(name) for name in inputs.values() if name not in fitted.tables]
    if unknown or not inputs:
        raise SettingError(
            "there is no such table among those learned" if unknown else "there are no inputs",
            table=", ".join(unknown) or None,
            expected=f"dbt's inputs, each with one of {', '.join(fitted.tables)}",
            remedy="load what was learned of the sources of this project (Metadata.from_dbt)",
        )
    if rows < 1:
        raise SettingError("rows is out of range", expected="at least 1", received=repr(rows))
    names = list(dict.fromkeys(inputs.values()))
    empty = [name for name in names if not fitted.tables[name].rows]
    if empty:
        raise GenerationError(
            "has no rows, so none of it joins",
            table=", ".join(empty),
            remedy="leave it out of the inputs, and write its rows by hand",
        )
    for scale in _scales(max(fitted.tables[name].rows for name in names)):
        tables = sample_tables(fitted, scale=scale, seed=seed)
        chosen = _joinable({name: tables[name] for name in names}, fitted, rows)
        if chosen is not None:
            given = {expression: tables[name].take(chosen[name]) for expression, name in inputs.items()}
            return "\n".join(_yaml(given)) + "\n"
    raise GenerationError(
        "no rows of the inputs join",
        table=", ".join(names),
        expected="rows of all of them that refer to each other",
        remedy="ask for fewer inputs: some foreign key among these is null or an orphan in all rows",
    )


def _scales(rows: int) -> list[float]:
    """A small twin will do; where nothing in it joins, a larger one is looked through."""
    least = min(1.0, SAMPLED / max(rows, 1))
    return sorted({least, min(1.0, 10 * least), 1.0})


# ---------------------------------------------------------------- rows that join


def _joinable(tables: Mapping[str, pa.Table], fitted: FittedSchema, rows: int) -> dict[str, Rows] | None:
    """Per table the rows to take, so that an inner join over all links has at least one; None if none has."""
    links = [
        _Link(
            name, key.parent, parent_rows(tables[name], key.columns, tables[key.parent], key.parent_columns)
        )
        for name in tables
        for key in fitted.metadata.tables[name].foreign_keys
        if key.parent in tables
    ]
    chosen: dict[str, set[int]] = {name: set() for name in tables}
    across = [link for link in links if link.child != link.parent]
    for group in _groups(list(tables), across):
        found = 0
        for start in range(tables[group[0]].num_rows):
            match = _complete({group[0]: start}, group, across, tables)
            if match is not None:
                for name, row in match.items():
                    chosen[name].add(row)
                found += 1
            if found == rows:
                break
        if not found:
            return None
    _add_parents(chosen, links)
    return {name: np.array(sorted(found), np.int64) for name, found in chosen.items()}


def _groups(names: Sequence[str], links: Sequence[_Link]) -> Iterator[list[str]]:
    """Tables that links hold together, children before their parents where that is possible."""
    parents = {link.parent for link in links}
    rest = sorted(names, key=lambda name: name in parents)
    while rest:
        group = [rest.pop(0)]
        while near := _nearest(group, rest, links):
            rest.remove(near)
            group.append(near)
        yield group


def _nearest(group: Sequence[str], rest: Sequence[str], links: Sequence[_Link]) -> str | None:
    """A table linked with the group: a parent if there is one, because a row has no choice there."""
    above = [link.parent for link in links if link.child in group and link.parent in rest]
    below = [link.child for link in links if link.parent in group and link.child in rest]
    return next(iter([*above, *below]), None)


def _complete(
    match: dict[str, int], group: Sequence[str], links: Sequence[_Link], tables: Mapping[str, pa.Table]
) -> dict[str, int] | None:
    """A row of each table of the group that fit together, beginning with those in `match`."""
    if len(match) == len(group):
        return match
    name = group[len(match)]
    fitting = np.ones(tables[name].num_rows, bool)
    for link in links:
        if link.child == name and link.parent in match:
            fitting &= link.rows == match[link.parent]
        elif link.parent == name and link.child in match:
            fitting &= np.arange(len(fitting)) == link.rows[match[link.child]]
    for row in np.flatnonzero(fitting)[:TRIED]:
        found = _complete({**match, name: int(row)}, group, links, tables)
        if found is not None:
            return found
    return None


def _add_parents(chosen: Mapping[str, set[int]], links: Sequence[_Link]) -> None:
    """Whoever is referred to comes along, also within a table."""
    while True:
        missing = [
            (link.parent, int(link.rows[row]))
            for link in links
            for row in chosen[link.child]
            if link.rows[row] >= 0 and int(link.rows[row]) not in chosen[link.parent]
        ]
        if not missing:
            return
        for name, row in missing:
            chosen[name].add(row)


# ---------------------------------------------------------------- YAML


def _yaml(given: Mapping[str, pa.Table]) -> Iterator[str]:
    yield "given:"
    for expression, table in given.items():
        unwritable = [field.name for field in table.schema if not _is_writable(field.type)]
        if unwritable:
            yield f"  # without {', '.join(map(_text, unwritable))}, which YAML can't hold"
        yield f"  - input: {expression}"
        yield "    rows:"
        for row in table.drop_columns(unwritable).to_pylist():
            cells = ", ".join(f"{_name(name)}: {_value(value)}" for name, value in row.items())
            yield f"      - {{{cells}}}"


def _is_writable(kind: pa.DataType) -> bool:
    is_bytes = is_bytes_type(kind) and not is_uuid_type(kind)
    return not (is_bytes or is_nested_type(kind) or pa.types.is_duration(kind) or pa.types.is_interval(kind))


def _name(name: str) -> str:
    return name if PLAIN.fullmatch(name) and name.lower() not in WORDS else _text(name)


def _value(value: object) -> str:
    """As YAML that dbt casts to the column's type without loss: exact types are quoted."""
    if value is None or isinstance(value, bool | int):
        return json.dumps(value)
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else _text(str(value))
    if isinstance(value, datetime):
        return _text(value.isoformat(sep=" "))
    if isinstance(value, date | time):
        return _text(value.isoformat())
    return _text(f"{value:f}" if isinstance(value, Decimal) else str(value))


def _text(text: Any) -> str:
    """In double quotes. JSON's escapes are YAML's, too, but YAML takes no signs that can't be printed."""
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in quoted)
