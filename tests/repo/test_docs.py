"""The documents name what exists, all of it where they say so, and what they show runs."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import fields
from inspect import signature
from pathlib import Path

import jinja2
import pandas as pd
import pyarrow as pa
import pytest
import yaml

import synthohive_py
from synthohive_py import (
    Constraint,
    ForeignKey,
    Metadata,
    PrivacyConfig,
    Synthesizer,
    TableConfig,
    connectors,
    models,
    privacy,
    quality,
)
from synthohive_py.dbt.settings import SETTINGS
from synthohive_py.earlier_settings import EARLIER
from synthohive_py.models.mlp_training import MLPOptions
from synthohive_py.relational.fitted import FitSettings

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PACKAGE = ROOT / "dbt_synthohive"
PAGES = sorted([*DOCS.glob("*.md"), PACKAGE / "README.md", ROOT / "README.md", ROOT / "CONTRIBUTING.md"])
# Blocks that need what a test of a document does not have; each is shown to run elsewhere.
ELSEWHERE = {
    "compare.md": "a dbt project: tests/dbt/test_compare.py",
    "databases.md": "a session of Spark: tests/connectors/test_spark.py",
    "README.md": "blocks that stand alone: tests/repo/test_readme.py",
    "own-model.md": "tables of the reader: tests/test_own_model.py",
}
LINES_OF_MODELS = ("ctgan", "autoregressive", "tvae", "gaussian_copula")


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def blocks(path: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text_of(path), re.MULTILINE | re.DOTALL)


def spans(path: Path) -> set[str]:
    return set(re.findall(r"`([^`\n]+)`", text_of(path)))


# ---------------------------------------------------------------- what is shown runs


def names_given(path: Path) -> dict[str, object]:
    """What a page that explains one thing takes for granted; guides take nothing."""
    if path.name not in ("privacy.md", "quality.md"):
        return {}
    groups = [i * i % 17 // 6 for i in range(240)]
    frame = pd.DataFrame({"id": range(240), "x": groups, "y": ["abc"[group] for group in groups]})
    metadata = Metadata()
    metadata.add_table("customers", pk="id")
    synthesizer = Synthesizer(metadata, model="gaussian_copula", progress=False)
    synthesizer.fit({"customers": frame})
    rows = pa.Table.from_pandas(frame, preserve_index=False)
    if path.name == "quality.md":
        return {"synthesizer": synthesizer, "real": {"customers": frame}}
    given = {"real": rows.slice(0, 120), "held_out": rows.slice(120), "twin": rows.slice(60, 120)}
    return {**given, "metadata": metadata, "tables": {"customers": frame}, "Synthesizer": Synthesizer}


@pytest.mark.filterwarnings("ignore:.*is a setting of the past:FutureWarning")  # migration.md shows some
@pytest.mark.parametrize("path", [p for p in PAGES if blocks(p, "python")], ids=relative)
def test_python_runs_block_after_block(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if path.name in ELSEWHERE:
        assert (ROOT / ELSEWHERE[path.name].split(": ")[1]).exists()
        return
    monkeypatch.chdir(tmp_path)
    names = names_given(path)
    for block in blocks(path, "python"):
        exec(compile(block, path.name, "exec"), names)  # noqa: S102 - our own text


@pytest.mark.parametrize("path", [p for p in PAGES if blocks(p, "yaml")], ids=relative)
def test_yaml_is_yaml(path: Path) -> None:
    assert all(yaml.safe_load(block) for block in blocks(path, "yaml"))


@pytest.mark.parametrize("path", [p for p in PAGES if blocks(p, "sql")], ids=relative)
def test_sql_is_jinja(path: Path) -> None:
    for block in blocks(path, "sql"):
        jinja2.Environment(autoescape=True).parse(block)


@pytest.mark.parametrize("path", PAGES, ids=relative)
def test_every_link_leads_somewhere(path: Path) -> None:
    links = [link for link in re.findall(r"\]\(([^)]+)\)", text_of(path)) if "://" not in link]

    assert [link for link in links if not leads_somewhere(path, link)] == []


def leads_somewhere(page: Path, link: str) -> bool:
    name, _, anchor = link.partition("#")
    target = (page.parent / name).resolve() if name else page
    if not anchor:
        return target.exists()
    headings = re.findall(r"^#+ (.*)$", text_of(target), re.MULTILINE) if target.exists() else []
    return anchor in {
        re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings
    }


def test_the_index_names_every_page() -> None:
    assert {p.name for p in DOCS.glob("*.md")} - {"README.md"} <= set(
        re.findall(r"\]\(([\w-]+\.md)\)", text_of(DOCS / "README.md"))
    )


# ---------------------------------------------------------------- the reference


def names_in_code() -> Iterator[tuple[str, str]]:
    """Everything that the reference has to name, with the kind of thing it is."""
    for module in (synthohive_py, connectors, models, privacy, quality):
        yield from (("export", name) for name in module.__all__)
    for method in (
        n for n in vars(Synthesizer) | vars(Synthesizer.__base__ or object) if not n.startswith("_")
    ):
        found = getattr(Synthesizer, method)
        if callable(found):
            yield "method", f"Synthesizer.{method}"
            yield from (("argument", n) for n in signature(found).parameters if n not in ("self", "earlier"))
    yield from (
        ("method", name) for name in vars(Metadata) if callable(getattr(Metadata, name)) and is_public(name)
    )
    for config in (TableConfig, ForeignKey, Constraint):
        yield from (("field", name) for name in config.model_fields)
    yield from (("field", field.name) for field in fields(PrivacyConfig))
    yield from (("field", field.name) for field in fields(FitSettings) if field.name != "budget")
    for setting in SETTINGS:
        yield "setting", f"synthohive_{setting.name}" if "project" in setting.scopes else setting.name
    for file in sorted((PACKAGE / "macros").glob("*.sql")):
        yield "macro", file.stem.removeprefix("test_")
    for file in [*(PACKAGE / "models").iterdir(), *(PACKAGE / "tests").glob("*.sql")]:
        if file.suffix in (".sql", ".py"):
            yield "model or test", file.stem


def is_public(name: str) -> bool:
    return not name.startswith(("_", "model_")) and name != "modelled"


def test_the_reference_names_everything() -> None:
    named = spans(DOCS / "reference.md")

    assert sorted({found for found in names_in_code() if found[1] not in named}) == []


def default_of(value: object) -> str:
    return "" if value is None else f"`{value!r}`".replace("'", '"')


def test_the_reference_has_the_defaults_of_arguments_and_options() -> None:
    text, missing = text_of(DOCS / "reference.md"), []
    for name, parameter in signature(Synthesizer).parameters.items():
        if name != "earlier" and f"\n| `{name}` | {default_of(parameter.default)} |" not in text:
            missing.append(name)
    for model, options in [*((m, models.get_model(m).Options) for m in LINES_OF_MODELS), ("mlp", MLPOptions)]:
        section = text.split('### `ctgan` with `generator="mlp"`' if model == "mlp" else f"### `{model}`\n")[
            1
        ].split("\n#")[0]
        missing += [
            f"{model}.{field.name}"
            for field in fields(options)
            if f"\n| `{field.name}` | {default_of(field.default)} |" not in section
        ]

    assert missing == []


def test_the_migration_guide_names_every_earlier_setting() -> None:
    named = spans(DOCS / "migration.md")

    assert sorted({name for settings in EARLIER.values() for name in settings if name not in named}) == []


# ---------------------------------------------------------------- errors, and defects


def texts_in_code() -> str:
    """All texts of the engine, one a line; what is put in while it runs is left open."""
    texts = []
    for path in sorted((ROOT / "synthohive_py").rglob("*.py")):
        for node in ast.walk(ast.parse(text_of(path))):
            if isinstance(node, ast.JoinedStr):
                texts.append(
                    "".join(str(v.value) if isinstance(v, ast.Constant) else "\0" for v in node.values)
                )
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.append(node.value)
    texts += [text_of(path) for path in sorted((PACKAGE / "macros").glob("*.sql"))]
    return "\n".join(texts)


def test_every_error_quoted_is_raised_somewhere() -> None:
    known = texts_in_code()
    quoted = re.findall(r"^\| `([^`]+)` \|", text_of(DOCS / "troubleshooting.md"), re.MULTILINE)

    assert len(quoted) > 30
    patterns = {text: "[^\n]{0,120}".join(re.escape(part) for part in text.split("…")) for text in quoted}
    assert [text for text, pattern in patterns.items() if not re.search(pattern, known)] == []


def test_every_defect_has_its_tests() -> None:
    rows = re.findall(r"^\| (\d+) \| [^|]+ \| (.+) \|$", text_of(DOCS / "defects.md"), re.MULTILINE)
    named = [test for _, cell in rows for test in re.findall(r"`([^`]+)`", cell)]

    assert [int(number) for number, _ in rows] == list(range(1, 64))
    assert all(re.findall(r"`tests/[^`]+::test_\w+`", cell) for _, cell in rows)
    assert [test for test in named if not is_a_test(test)] == []


def is_a_test(name: str) -> bool:
    path, _, function = name.partition("::")
    file = ROOT / path
    return file.exists() and f"def {function}(" in text_of(file)
