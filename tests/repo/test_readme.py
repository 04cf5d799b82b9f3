"""What the documents name exists, and what they show runs."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
TARGETS = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
# Files that the demo makes, or that stand in the reader's own project.
ELSEWHERE = {
    "build/",
    "packages.yml",
    "profiles.yml",
    "macros/source.sql",
    "shop.synthohive",
    "target/manifest.json",
}


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def fenced(path: Path) -> list[tuple[str, str]]:
    """The blocks between fences, each with its language."""
    parts = re.split(r"^```", text_of(path), flags=re.MULTILINE)[1::2]
    return [(language, body) for language, _, body in (part.partition("\n") for part in parts)]


def blocks(path: Path, *languages: str) -> list[str]:
    return [body for language, body in fenced(path) if language in languages]


def code_of(path: Path) -> list[str]:
    """What stands between backticks, and in blocks of commands."""
    prose = re.sub(r"^```.*?^```", "", text_of(path), flags=re.MULTILINE | re.DOTALL)
    return [*re.findall(r"`([^`\n]+)`", prose), *blocks(path, "", "sh")]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_make_target_named_exists(path: Path) -> None:
    named = set(re.findall(r"^make ([a-z][a-z-]*)", "\n".join(code_of(path)), re.MULTILINE))

    assert named
    assert named - TARGETS == set()


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_file_named_exists(path: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", text_of(path))
    spans = [
        span for span in code_of(path) if re.fullmatch(r"[\w.-]+(/[\w.-]*)+|[\w-]+\.(md|toml|txt|yml)", span)
    ]
    named = {name for name in [*links, *spans] if not any(name.startswith(other) for other in ELSEWHERE)}

    assert [name for name in sorted(named) if not exists(name)] == []


def exists(name: str) -> bool:
    """From the root, or, for a module's short name, inside one of the packages."""
    folders = (ROOT, ROOT / "synthohive_py", ROOT / "dbt_synthohive")
    return any((folder / name).exists() or (folder / f"{name}.py").exists() for folder in folders)


def test_the_first_commands_are_demo_and_test() -> None:
    commands = re.findall(r"^make [a-z]+", "\n".join(code_of(DOCUMENTS[0])), re.MULTILINE)

    assert commands[:2] == ["make demo", "make test"]


def test_the_first_commands_are_what_ci_runs() -> None:
    script = text_of(ROOT / ".ci" / "run")
    workflow = text_of(ROOT / ".github" / "workflows" / "ci.yml")

    commands = re.findall(r"^timeout \d+m (make [\w-]+)", script, re.MULTILINE)
    assert commands == ["make demo", "make test", "make test-dbt", "make test-cloud"]
    assert "run: .ci/run" in workflow


def test_help_lists_every_target() -> None:
    shown = subprocess.run(
        ["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout

    assert {line.split()[1] for line in shown.splitlines() if line.strip()} == TARGETS


@pytest.mark.parametrize("number", range(len(blocks(DOCUMENTS[0], "python"))))
def test_python_examples_run(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(compile(blocks(DOCUMENTS[0], "python")[number], "README.md", "exec"), names)  # noqa: S102 - our own text

    assert names


@pytest.mark.parametrize("number", range(len(blocks(DOCUMENTS[0], "yaml"))))
def test_yaml_examples_are_yaml(number: int) -> None:
    assert yaml.safe_load(blocks(DOCUMENTS[0], "yaml")[number])


def test_every_variable_named_is_read() -> None:
    """A `synthohive_*` name in the README is a variable, model or macro of the dbt package."""
    sources = "".join(
        text_of(path)
        for folder in ("dbt_synthohive", "synthohive_py", "integration_tests")
        for path in sorted((ROOT / folder).rglob("*"))
        if path.suffix in {".sql", ".yml", ".py"} and "target" not in path.parts
    )
    named = set(re.findall(r"\bsynthohive_[a-z_]*[a-z]\b", text_of(DOCUMENTS[0]))) - {"synthohive_py"}

    assert sorted(name for name in named if name not in sources) == []
