"""A small dbt project on DuckDB, for each test that needs one."""

from __future__ import annotations

import shutil
from copy import deepcopy
from pathlib import Path

import pytest
from shop import QUICK, SOURCES, Project, load


@pytest.fixture(scope="session")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("shop") / "warehouse.duckdb"
    load(path)
    return path


def new_project(folder: Path, loaded: Path) -> Project:
    variables = {
        "synthohive_synthetic_targets": ["synthetic"],
        "synthohive_seed": 3,
        "synthohive_tolerance": 0.5,
        **QUICK,
    }
    project = Project(folder, deepcopy(SOURCES), variables)
    folder.mkdir(parents=True, exist_ok=True)
    project.database.write_bytes(loaded.read_bytes())
    return project


@pytest.fixture
def project(tmp_path: Path, loaded: Path) -> Project:
    """A project that a test may change before it writes it."""
    return new_project(tmp_path / "project", loaded)


@pytest.fixture(scope="session")
def built_folder(tmp_path_factory: pytest.TempPathFactory, loaded: Path) -> Path:
    project = new_project(tmp_path_factory.mktemp("built") / "project", loaded).write()
    done = project.build()
    assert done.returncode == 0, done.stdout
    return project.folder


@pytest.fixture
def built(tmp_path: Path, built_folder: Path) -> Project:
    """A copy of a project whose twins are there."""
    folder = tmp_path / "built"
    shutil.copytree(built_folder, folder, symlinks=True)
    project = Project(folder, deepcopy(SOURCES), {})
    profiles = (folder / "profiles.yml").read_text().replace(str(built_folder), str(folder))
    (folder / "profiles.yml").write_text(profiles)
    return project
