"""dbt works although the plugin module is installed and what it needs is broken.

dbt imports every module whose name begins with `dbt_`, in every command of every project on the machine. An
error there would end them all.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

DuckDBAdapter = pytest.importorskip("dbt.adapters.duckdb").DuckDBAdapter
AdapterPlugin = pytest.importorskip("dbt.adapters.base").AdapterPlugin
FACTORY = pytest.importorskip("dbt.adapters.factory").FACTORY
SynthoHivePlugin = pytest.importorskip("dbt_synthohive.plugin").SynthoHivePlugin

ROOT = Path(__file__).parents[2]
RUN = """
import sys
from dbt.cli.main import dbtRunner
result = dbtRunner().invoke(sys.argv[1:])
assert result.success, result.exception
assert "dbt_synthohive" in sys.modules, "dbt has not found the plugin"
"""
VERSION = "import sys; from dbt.cli.main import cli; sys.argv = ['dbt', '--version']; cli()"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A dbt project that has nothing to do with SynthoHive."""
    files = {
        "dbt_project.yml": "name: plain\nversion: '1.0'\nprofile: plain\n",
        "profiles.yml": (
            "plain:\n  target: dev\n  outputs:\n    dev:\n      type: duckdb\n      path: ':memory:'\n"
        ),
        "models/one.sql": "select 1 as id\n",
    }
    for name, text in files.items():
        path = tmp_path / "plain" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "plain"


def break_modules(folder: Path, names: list[str]) -> Path:
    """A folder whose modules hide the installed ones of the same names, and fail."""
    for name in names:
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text(f"raise ImportError('{name} is broken')\n")
    return folder


def run(arguments: list[str], *, cwd: Path, first: Path) -> str:
    paths = os.pathsep.join([str(first), str(ROOT)])
    environment = {
        **os.environ,
        "PYTHONPATH": paths,
        "DBT_PROFILES_DIR": str(cwd),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }
    done = subprocess.run(
        [sys.executable, *arguments], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    "broken",
    [["synthohive_py"], ["faker", "pandas", "pyarrow", "safetensors", "scipy", "torch", "tqdm"]],
    ids=["the engine", "its dependencies"],
)
def test_dbt_runs_beside_a_broken_engine(tmp_path: Path, project: Path, broken: list[str]) -> None:
    first = break_modules(tmp_path / "broken", broken)

    assert "1." in run(["-c", VERSION], cwd=project, first=first)
    run(["-c", RUN, "parse"], cwd=project, first=first)


def test_dbt_runs_beside_a_broken_plugin(tmp_path: Path, project: Path) -> None:
    first = tmp_path / "broken"
    shutil.copytree(ROOT / "dbt_synthohive", first / "dbt_synthohive")
    (first / "dbt_synthohive" / "plugin.py").write_text("raise SyntaxError('broken')\n")

    assert "dbt plugin is not loaded: broken" in run(["-c", RUN, "parse"], cwd=project, first=first)


def registered(adapter: type) -> type:
    """What dbt would make for the adapter, after the plugin has started."""
    plugin = AdapterPlugin(adapter, credentials=object, include_path="x")  # type: ignore[arg-type]
    before = dict(FACTORY.plugins)
    try:
        FACTORY.plugins["ours"] = plugin
        SynthoHivePlugin("shop")
        assert plugin.adapter is adapter  # what the adapter's own module holds is not changed
        return FACTORY.plugins["ours"].adapter  # type: ignore[return-value]
    finally:
        FACTORY.plugins.clear()
        FACTORY.plugins.update(before)


def test_postgres_gets_python_models_once(monkeypatch: pytest.MonkeyPatch) -> None:
    postgres = pytest.importorskip("dbt.adapters.postgres").PostgresAdapter

    extended = registered(postgres)

    assert issubclass(extended, postgres)
    assert extended.__name__ == "PostgresAdapter"
    assert "synthohive_local" in extended._available_
    assert registered(postgres) is extended
    assert registered(extended) is extended
    assert not hasattr(postgres, "synthohive_local")
    monkeypatch.setenv("SYNTHOHIVE_DBT_PLUGIN", "off")
    assert registered(postgres) is postgres


def test_an_adapter_with_python_models_keeps_its_own() -> None:
    postgres = pytest.importorskip("dbt.adapters.postgres").PostgresAdapter

    class Able(postgres):
        def submit_python_job(self, parsed_model: dict, compiled_code: str) -> None:
            """Of its own."""

    assert registered(Able) is Able
    assert registered(DuckDBAdapter) is DuckDBAdapter


def test_an_error_of_the_plugin_is_only_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("dbt_synthohive.plugin.register", lambda: 1 / 0)

    SynthoHivePlugin("shop")

    assert "dbt plugin does nothing: division by zero" in caplog.text


def test_the_plugin_imports_nothing_heavy() -> None:
    """dbt starts as quickly as without it."""
    code = (
        "import sys, dbt_synthohive\n"
        "print(*sorted({'synthohive_py', 'torch', 'pandas', 'pyarrow', 'pydantic'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout.strip() == ""
