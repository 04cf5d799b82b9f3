"""Imports go only down, each driver is met in one place, and the dependencies declared are those used.

The syntax trees are walked, so an import inside a function counts as one at the top of the file.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    tomllib = pytest.importorskip("tomli")

ROOT = Path(__file__).parents[2]
PACKAGES = ("synthohive_py", "dbt_synthohive")

# A module imports modules of lower layers, and those of its own folder.
LAYERS = {
    "synthohive_py.arrowtypes": 0,
    "synthohive_py.clauses": 0,
    "synthohive_py.comparison": 1,
    "synthohive_py.dateparts": 0,
    "synthohive_py.earlier_settings": 0,
    "synthohive_py.errors": 0,
    "synthohive_py.findings": 0,
    "synthohive_py.frames": 0,
    "synthohive_py.infer": 0,
    "synthohive_py.joins": 0,
    "synthohive_py.rng": 0,
    "synthohive_py.schema": 0,
    "synthohive_py.states": 0,
    "synthohive_py.uuids": 0,
    "synthohive_py.validation": 0,
    "synthohive_py.columns": 1,
    "synthohive_py.plan": 1,
    "synthohive_py.models": 2,
    "synthohive_py.privacy": 2,
    "synthohive_py.rules": 2,
    "synthohive_py.arguments": 5,
    "synthohive_py.artifact": 3,
    "synthohive_py.quality": 3,
    "synthohive_py.relational": 3,
    "synthohive_py.connectors": 4,
    "synthohive_py.earlier": 4,
    "synthohive_py.earlier.ctgan": 6,
    "synthohive_py.dbt": 5,  # reaches the database through a connector
    "synthohive_py.judging": 5,
    "synthohive_py.report": 4,
    "synthohive_py.synthesizer": 5,
    "synthohive_py": 7,  # its __init__ names what is public
    "dbt_synthohive": 8,
}
SIDEWAYS = {
    # Artefacts hold a fitted schema, so reading one needs its class.
    ("synthohive_py.artifact", "synthohive_py.relational"),
    # Users look for `Metadata.from_database` and `from_dbt` on the class; imported when they are called.
    ("synthohive_py.schema", "synthohive_py.connectors"),
    ("synthohive_py.schema", "synthohive_py.dbt"),
    # And for fixtures of dbt's unit tests on the synthesizer.
    ("synthohive_py.synthesizer", "synthohive_py.dbt"),
}

# Where each third-party package may be imported at run time. A package that is not here is not allowed.
ALLOWED = {
    "dbt": {"dbt_synthohive"},
    "dbt_common": {"dbt_synthohive"},
    "adbc_driver_postgresql": {"synthohive_py.connectors.postgres"},
    "connectorx": {"synthohive_py.connectors.mysql_door"},
    "duckdb": {"synthohive_py.connectors.duckdb"},
    "google": {"synthohive_py.connectors.bigquery", "synthohive_py.connectors.bigquery_types"},
    "faker": {"synthohive_py.privacy.pools"},
    "numpy": {"synthohive_py"},
    "opacus": {"synthohive_py.privacy.accounting"},
    "pandas": {
        "synthohive_py.connectors",
        "synthohive_py.dbt",
        "synthohive_py.earlier",
        "synthohive_py.frames",
        "synthohive_py.joins",  # for its fast hash
        "synthohive_py.synthesizer",
    },
    "pyarrow": {
        "synthohive_py.arrowtypes",
        "synthohive_py.artifact",
        "synthohive_py.columns",
        "synthohive_py.connectors",
        "synthohive_py.dbt",
        "synthohive_py.earlier",
        "synthohive_py.frames",
        "synthohive_py.infer",
        "synthohive_py.joins",
        "synthohive_py.plan",
        "synthohive_py.privacy",
        "synthohive_py.quality",
        "synthohive_py.relational",
        "synthohive_py.report",
        "synthohive_py.rules",
        "synthohive_py.states",  # tables in a state
        "synthohive_py.synthesizer",
        "synthohive_py.uuids",
        "synthohive_py.validation",
    },
    "deltalake": {"synthohive_py.connectors"},
    "pymysql": {"synthohive_py.connectors.mysql", "synthohive_py.connectors.mysql_door"},
    "pydantic": {"synthohive_py.schema"},
    "requests": {"synthohive_py.connectors.bigquery"},  # for its errors
    "safetensors": {"synthohive_py.states"},
    "sklearn": {"synthohive_py.quality.detection"},
    "threadpoolctl": {"synthohive_py.quality.detection"},
    "scipy": {"synthohive_py.columns", "synthohive_py.models", "synthohive_py.relational"},
    # In dbt's plugin for the submission method that is Spark's own process.
    "pyspark": {
        "dbt_synthohive",
        "synthohive_py.connectors.spark",
        "synthohive_py.connectors.spark_catalog",
        "synthohive_py.connectors.spark_swaps",
    },
    "snowflake": {"synthohive_py.connectors.snowflake_doors"},
    "torch": {"synthohive_py.models", "synthohive_py.rng"},
    "tqdm": {"synthohive_py.relational", "synthohive_py.synthesizer"},
}
# Where a package to install is called otherwise than the module.
MODULES_OF = {
    "google_cloud_bigquery": "google",
    "google_cloud_bigquery_storage": "google",
    "pyspark_client": "pyspark",
    "scikit_learn": "sklearn",
    "snowflake_connector_python": "snowflake",
}
# What the models must not meet, though the rest of Python may: no files, no databases.
BANNED_IN_MODELS = {"io", "os", "pathlib", "shutil", "sqlite3", "tempfile"}


@dataclass(frozen=True)
class Import:
    """One import: `target` is the module named, with the name taken from it if that is a module of ours."""

    module: str
    target: str
    line: int
    typing_only: bool

    def __str__(self) -> str:
        return f"{self.module}:{self.line} imports {self.target}"


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {
    module_name(path): path
    for package in PACKAGES
    for path in sorted((ROOT / package).rglob("*.py"))
    if "target" not in path.parts
}


def imports_of(module: str, path: Path) -> Iterator[Import]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    guarded = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and ast.unparse(block.test).endswith("TYPE_CHECKING")
        for statement in block.body
        for node in ast.walk(statement)
    }
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *filter(None, [node.module])])
            children = [f"{base}.{alias.name}" for alias in node.names]
            names = [child if child in MODULES else base for child in children]
        for name in dict.fromkeys(names):
            yield Import(module, name, node.lineno, id(node) in guarded)


IMPORTS = [found for module, path in MODULES.items() for found in imports_of(module, path)]


def within(module: str, folder: str) -> bool:
    return module == folder or module.startswith(f"{folder}.")


def unit_of(module: str) -> str | None:
    """The entry of the layer table that a module belongs to: the longest that fits."""
    fitting = [unit for unit in LAYERS if within(module, unit)]
    unit = max(fitting, key=len, default=None)
    # The root's entry is for its __init__ alone; any other module needs an entry of its own.
    return None if unit == "synthohive_py" != module else unit


def test_every_module_has_a_layer() -> None:
    assert [module for module in MODULES if unit_of(module) is None] == []


def test_the_layer_table_names_only_what_exists() -> None:
    missing = [unit for unit in LAYERS if not any(within(module, unit) for module in MODULES)]

    assert missing == []


def allowed_step(importer: str, imported: str) -> bool:
    here, there = unit_of(importer), unit_of(imported)
    if here is None or there is None:
        return False
    if here == there or (here, there) in SIDEWAYS or LAYERS[there] < LAYERS[here]:
        return True
    # The single files of one layer lie in one folder, the package's own.
    files = all(MODULES.get(unit, ROOT).suffix == ".py" and not is_package(unit) for unit in (here, there))
    return files and LAYERS[here] == LAYERS[there]


def is_package(unit: str) -> bool:
    return unit in MODULES and MODULES[unit].name == "__init__.py"


def test_imports_go_only_down() -> None:
    """Also those for types only: a type from above is a tie to above."""
    ours = [found for found in IMPORTS if found.target.split(".")[0] in PACKAGES]

    assert [str(found) for found in ours if not allowed_step(found.module, found.target)] == []


def test_third_party_packages_stay_where_they_belong() -> None:
    strangers = []
    for found in IMPORTS:
        top = found.target.split(".")[0]
        if found.typing_only or top in PACKAGES or top in sys.stdlib_module_names:
            continue
        if not any(within(found.module, place) for place in ALLOWED.get(top, ())):
            strangers.append(str(found))

    assert strangers == []


def test_models_know_no_files_and_no_databases() -> None:
    found = [i for i in IMPORTS if within(i.module, "synthohive_py.models") and i.target in BANNED_IN_MODELS]

    assert [str(i) for i in found] == []


def test_the_declared_dependencies_are_those_imported() -> None:
    """None is missing, and none is installed for nothing; drivers are extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {re.split(r"[^A-Za-z0-9_-]", text)[0] for text in project["dependencies"]}
    imported = {
        found.target.split(".")[0]
        for found in IMPORTS
        if within(found.module, "synthohive_py") and not found.typing_only
    }
    extras = {
        MODULES_OF.get(name, name)
        for texts in project["optional-dependencies"].values()
        for text in texts
        for name in [re.split(r"[^A-Za-z0-9_-]", text)[0].replace("-", "_")]
    }
    imported -= {*PACKAGES, *sys.stdlib_module_names, *(extras - declared)}

    assert declared == imported


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import torch.nn as nn", ["torch.nn"]),
        ("from . import errors", ["synthohive_py.errors"]),
        ("from ..rng import Seed", ["synthohive_py.rng"]),
        ("from synthohive_py import rng, errors", ["synthohive_py.rng", "synthohive_py.errors"]),
        ("def f():\n    import duckdb", ["duckdb"]),
    ],
)
def test_the_walker_sees_every_kind_of_import(tmp_path: Path, source: str, expected: list[str]) -> None:
    path = tmp_path / "sample.py"
    path.write_text(source)
    # One level deep for `.`, two for `..`.
    module = "synthohive_py.sample" if "from . " in source else "synthohive_py.models.sample"

    assert [found.target for found in imports_of(module, path)] == expected


def test_the_walker_knows_imports_for_types_only(tmp_path: Path) -> None:
    path = tmp_path / "sample.py"
    path.write_text("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch\nimport numpy\n")
    kinds = {found.target: found.typing_only for found in imports_of("synthohive_py.sample", path)}

    assert kinds == {"typing": False, "torch": True, "numpy": False}
