"""dbt works although the plugin module is installed and what it needs is broken.

dbt imports every module whose name begins with `dbt_`, in every command of every project on the machine. An
error there would end them all.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("dbt.adapters.duckdb")

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
    [["synthohive_py"], ["pandas", "pyarrow", "safetensors", "scipy", "torch", "tqdm"]],
    ids=["the engine", "its dependencies"],
)
def test_dbt_runs_beside_a_broken_engine(tmp_path: Path, project: Path, broken: list[str]) -> None:
    first = break_modules(tmp_path / "broken", broken)

    assert "1." in run(["-c", VERSION], cwd=project, first=first)
    run(["-c", RUN, "parse"], cwd=project, first=first)


def test_the_plugin_imports_nothing_heavy() -> None:
    """dbt starts as quickly as without it."""
    code = (
        "import sys, dbt_synthohive\n"
        "print(*sorted({'synthohive_py', 'torch', 'pandas', 'pyarrow', 'pydantic'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout.strip() == ""
