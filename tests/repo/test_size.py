"""Files and functions stay short, and some shortcuts are not taken."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("synthohive_py", "dbt_synthohive", "integration_tests", "tests")
BUILT = {"target", "dbt_packages", "build", "logs"}
FILES = [
    path
    for folder in FOLDERS
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in {".py", ".sql", ".yml", ".md"} and not BUILT & set(path.relative_to(ROOT).parts)
]
PYTHON = [path for path in FILES if path.suffix == ".py"]
ENGINE = [path for path in PYTHON if path.relative_to(ROOT).parts[0] in {"synthohive_py", "dbt_synthohive"}]
MAX_FILE, MAX_FUNCTION = 600, 60

# What a reader would have to distrust: untyped output, unsafe artefacts, hidden global state.
FORBIDDEN_CALLS = {
    "print",
    "np.random.seed",
    "numpy.random.seed",
    "random.seed",
    "torch.manual_seed",
    "torch.load",
    "torch.save",
    "warnings.simplefilter",
    "warnings.filterwarnings",
}
FORBIDDEN_MODULES = {"cloudpickle", "dill", "joblib", "marshal", "pickle", "shelve"}
FORBIDDEN_WORDS = ("TO" + "DO", "FIX" + "ME")


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_no_file_is_long(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_FILE


@pytest.mark.parametrize("path", PYTHON, ids=relative)
def test_no_function_is_long(path: Path) -> None:
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = [n for n in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(n, functions)]
    lengths = {n.name: (n.end_lineno or n.lineno) - n.lineno + 1 for n in nodes}

    assert {name: length for name, length in lengths.items() if length > MAX_FUNCTION} == {}


@pytest.mark.parametrize("path", ENGINE, ids=relative)
def test_no_shortcut_is_taken(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    found = [word for word in FORBIDDEN_WORDS if word in text]
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in FORBIDDEN_CALLS:
            found.append(f"{ast.unparse(node.func)}() in line {node.lineno}")
        elif isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name.split(".")[0] in FORBIDDEN_MODULES]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in FORBIDDEN_MODULES:
            found.append(str(node.module))
        elif isinstance(node, ast.ExceptHandler) and node.type is None:
            found.append(f"bare except in line {node.lineno}")
        elif isinstance(node, ast.Raise) and "NotImplementedError" in ast.unparse(node).split("(")[0].split():
            found.append(f"NotImplementedError in line {node.lineno}")

    assert found == []


def test_no_file_names_a_path_of_a_machine() -> None:
    # Split here, so that this file does not find itself.
    homes = ("/" + "work/", "/" + "root/", "/" + "home/", "/" + "Users/", "C:" + "\\Users")
    roots = [p for p in ROOT.iterdir() if p.is_file() and p.suffix in {".md", ".toml", ".txt", ".yml"}]
    texts = {relative(p): p.read_text(encoding="utf-8") for p in [*FILES, *roots, ROOT / "Makefile"]}

    assert {name: home for name, text in texts.items() for home in homes if home in text} == {}
