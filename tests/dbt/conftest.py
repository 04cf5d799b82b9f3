"""A small dbt project on DuckDB or PostgreSQL, for each test that needs one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path

import pytest
from postgres_server import postgres_server
from shop import QUICK, SOURCES, Database, DuckDB, Postgres, Project, load


@pytest.fixture(scope="session")
def duckdb_shop(tmp_path_factory: pytest.TempPathFactory) -> DuckDB:
    return load(tmp_path_factory.mktemp("shop") / "warehouse.duckdb")


@pytest.fixture(scope="session")
def postgres_shop(duckdb_shop: DuckDB) -> Iterator[Postgres]:
    pytest.importorskip("dbt.adapters.postgres")
    with postgres_server() as uri:
        shop = Postgres(uri.rpartition("/")[0], "postgres").copied(Path())
        shop.fill(duckdb_shop)
        yield shop


@pytest.fixture(scope="session", params=["duckdb"])
def loaded(request: pytest.FixtureRequest) -> Database:
    """The shop in DuckDB; a test file that asks for more with `BOTH` gets it in PostgreSQL, too."""
    return request.getfixturevalue(f"{request.param}_shop")


def new_project(folder: Path, loaded: Database) -> Project:
    variables = {
        "synthohive_synthetic_targets": ["synthetic"],
        "synthohive_seed": 3,
        "synthohive_tolerance": 0.5,
        **QUICK,
    }
    return Project(folder, deepcopy(SOURCES), variables, loaded.copied(folder))


@pytest.fixture
def project(tmp_path: Path, loaded: Database) -> Project:
    """A project that a test may change before it writes it."""
    return new_project(tmp_path / "project", loaded)


@pytest.fixture(scope="session")
def built_once(tmp_path_factory: pytest.TempPathFactory, loaded: Database) -> Project:
    project = new_project(tmp_path_factory.mktemp("built") / "project", loaded).write()
    done = project.build()
    assert done.returncode == 0, done.stdout
    return project


@pytest.fixture
def built(tmp_path: Path, built_once: Project) -> Project:
    """A copy of a project whose twins are there."""
    folder = tmp_path / "built"
    shutil.copytree(built_once.folder, folder, symlinks=True)
    project = Project(folder, deepcopy(SOURCES), {}, built_once.database.copied(folder))
    project.write_profile()
    return project
