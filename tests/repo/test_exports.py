"""What is public is said in `__all__`, sorted, and changes only on purpose."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

import synthohive_py

MODULES = sorted(
    ["synthohive_py", *(m.name for m in pkgutil.walk_packages(synthohive_py.__path__, "synthohive_py."))]
)
PUBLIC = [
    "CTGAN",
    "ConditionalGenerativeModel",
    "ConnectorError",
    "Constraint",
    "ConstraintViolationError",
    "DataError",
    "ForeignKey",
    "GenerationError",
    "GenerativeModel",
    "Metadata",
    "PrivacyConfig",
    "PrivacyError",
    "QualityError",
    "RunComparison",
    "SchemaError",
    "SchemaValidationError",
    "SerializationError",
    "SettingError",
    "SynthoHiveError",
    "Synthesizer",
    "TableConfig",
    "TableModel",
    "TrainingError",
    "__version__",
    "compare_runs",
    "register_model",
]


# `make test-cloud` runs this file, too, where these are installed.
ELSEWHERE = {"snowflake": "snowflake.connector", "bigquery": "google.cloud.bigquery"}


def kind_and_name(name: str) -> tuple[int, str]:
    """Constants first, then classes, then functions: the order that ruff keeps."""
    bare = name.lstrip("_")
    kind = 0 if bare.isupper() and len(bare) > 1 else 1 if bare[:1].isupper() else 2
    return kind, name


@pytest.mark.parametrize("name", MODULES)
def test_all_is_there_sorted_and_true(name: str) -> None:
    for cloud, driver in ELSEWHERE.items():
        if name.startswith(f"synthohive_py.connectors.{cloud}"):
            pytest.importorskip(driver)
    module = importlib.import_module(name)

    assert hasattr(module, "__all__"), f"{name} has no __all__"
    assert sorted(set(module.__all__), key=kind_and_name) == list(module.__all__)
    assert [export for export in module.__all__ if not hasattr(module, export)] == []


def test_the_public_face_is_pinned() -> None:
    assert sorted(synthohive_py.__all__) == sorted(PUBLIC)


def test_dir_shows_the_public_face() -> None:
    """Lazy names are completed in a shell, too."""
    assert set(PUBLIC) <= set(dir(synthohive_py))
