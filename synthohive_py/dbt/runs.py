"""What a run of dbt leaves behind: what became of its tests, and where its models are."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synthohive_py.connectors import Relation
from synthohive_py.errors import SchemaError

__all__ = ["Mart", "Result", "Run", "read_run"]

OUR_PACKAGE = "synthohive"


@dataclass(frozen=True)
class Result:
    """What dbt says of one node of a run.

    Attributes:
        name: The node's name.
        status: `success`, `pass`, `warn`, `fail`, `error`, `skipped`, as dbt says it.
        failures: Rows that failed a test; None if dbt did not count.
    """

    name: str
    status: str
    failures: int | None


@dataclass(frozen=True)
class Mart:
    """A model or snapshot that is a table or view.

    Attributes:
        name: Its name, with its package's before it where two share one.
        relation: Where it is.
        unique: Columns with a test `unique`.
        is_snapshot: Whether dbt has added columns that say when it ran.
        is_last: Whether no other model is built from it.
    """

    name: str
    relation: Relation
    unique: tuple[str, ...]
    is_snapshot: bool
    is_last: bool


@dataclass(frozen=True)
class Run:
    """A run of a project, without what this package adds to it.

    Attributes:
        path: Its target folder.
        project: The project's name.
        tests: Per unique id what became of a data test or unit test.
        models: Per unique id what became of a model or snapshot.
        marts: Per unique id all models and snapshots of the project, in the order of their names.
    """

    path: Path
    project: str
    tests: dict[str, Result]
    models: dict[str, Result]
    marts: dict[str, Mart]


def read_run(target_path: str | os.PathLike[str]) -> Run:
    """Read `run_results.json` and `manifest.json` of a target folder.

    Raises:
        SchemaError: One of them is missing, or is none of dbt's.
    """
    path = Path(target_path)
    manifest = _load(path / "manifest.json", "nodes", dict)
    results = _load(path / "run_results.json", "results", list)
    nodes = {**manifest["nodes"], **(manifest.get("unit_tests") or {})}
    nodes = {unique_id: node for unique_id, node in nodes.items() if not _is_ours(node)}
    found = {
        result["unique_id"]: Result(
            nodes[result["unique_id"]]["name"], str(result["status"]), result.get("failures")
        )
        for result in results["results"]
        if result["unique_id"] in nodes
    }
    kinds = {unique_id: nodes[unique_id]["resource_type"] for unique_id in found}
    return Run(
        path=path,
        project=str((manifest.get("metadata") or {}).get("project_name")),
        tests={unique_id: r for unique_id, r in found.items() if kinds[unique_id] in ("test", "unit_test")},
        models={unique_id: r for unique_id, r in found.items() if kinds[unique_id] in ("model", "snapshot")},
        marts=dict(sorted(_marts(nodes), key=lambda entry: entry[1].name)),
    )


def _load(file: Path, key: str, kind: type) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None
    except (OSError, ValueError) as error:
        raise _no_run(f"{file} can't be read", type(error).__name__) from error
    held = content.get(key) if isinstance(content, dict) else None
    entries = held.values() if isinstance(held, dict) else held or ()
    if (
        not isinstance(content, dict)
        or not isinstance(held, kind)
        or not all(isinstance(entry, dict) for entry in entries)
    ):
        raise _no_run(f"{file} is none of dbt's" if content is not None else f"there is no {file}")
    return content


def _no_run(summary: str, received: str | None = None) -> SchemaError:
    return SchemaError(
        summary,
        expected="a target folder of dbt with run_results.json and manifest.json of one run",
        received=received,
        remedy="run `dbt build --target ... --target-path ...` twice, with a folder of its own each time",
    )


def _is_ours(node: Mapping[str, Any]) -> bool:
    """A node of this package, or a test that compares with the twins: the other run has none of them."""
    parents = (node.get("depends_on") or {}).get("nodes") or []
    is_test = node["resource_type"] == "test"
    return node["package_name"] == OUR_PACKAGE or (
        is_test and any(parent.startswith(f"model.{OUR_PACKAGE}.") for parent in parents)
    )


def _marts(nodes: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, Mart]]:
    built = {
        unique_id: node
        for unique_id, node in nodes.items()
        if node["resource_type"] in ("model", "snapshot")
        and (node.get("config") or {}).get("materialized") != "ephemeral"
    }
    names = [node["name"] for node in built.values()]
    parents = {
        parent
        for node in nodes.values()
        if node["resource_type"] == "model"
        for parent in (node.get("depends_on") or {}).get("nodes") or []
    }
    unique: dict[str, list[str]] = {}
    for node in nodes.values():
        tested = node.get("test_metadata") or {}
        column = (tested.get("kwargs") or {}).get("column_name")
        if tested.get("name") == "unique" and column and node.get("attached_node"):
            unique.setdefault(node["attached_node"], []).append(column)
    for unique_id, node in built.items():
        name, package = node["name"], node["package_name"]
        yield (
            unique_id,
            Mart(
                name=name if names.count(name) == 1 else f"{package}.{name}",
                relation=Relation(node.get("database") or "", node["schema"], node.get("alias") or name),
                unique=tuple(sorted(set(unique.get(unique_id, [])))),
                is_snapshot=node["resource_type"] == "snapshot",
                is_last=unique_id not in parents,
            ),
        )
