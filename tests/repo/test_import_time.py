"""`import synthohive_py` is quick: nothing heavy is loaded before it is used."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("dbt", "duckdb", "pandas", "pyarrow", "scipy", "sklearn", "torch")


@pytest.mark.parametrize("statement", ["import synthohive_py", "from synthohive_py import Metadata"])
def test_nothing_heavy_is_loaded(statement: str) -> None:
    code = f"import sys\n{statement}\nprint(*sorted(set({HEAVY!r}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == ""


def test_a_driver_is_loaded_only_by_its_connector() -> None:
    code = "import sys, synthohive_py\nsynthohive_py.Synthesizer\nprint('duckdb' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"
