"""SynthoHive: synthetic twins of relational schemas.

>>> from synthohive_py import Metadata, Synthesizer
>>> metadata = Metadata()
>>> metadata.add_table("users", pk="id")

Then `Synthesizer(metadata).fit({"users": frame}).sample()`.

Names are imported when they are first used, so that `import synthohive_py` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from synthohive_py.comparison import RunComparison
    from synthohive_py.dbt.compare import compare_runs
    from synthohive_py.earlier.ctgan import CTGAN
    from synthohive_py.earlier.frames import ConditionalGenerativeModel, GenerativeModel
    from synthohive_py.errors import (
        ConnectorError,
        ConstraintViolationError,
        DataError,
        GenerationError,
        PrivacyError,
        QualityError,
        SchemaError,
        SchemaValidationError,
        SerializationError,
        SettingError,
        SynthoHiveError,
        TrainingError,
    )
    from synthohive_py.models.base import TableModel, register_model
    from synthohive_py.privacy.config import PrivacyConfig
    from synthohive_py.schema import Constraint, ForeignKey, Metadata, TableConfig
    from synthohive_py.synthesizer import Synthesizer

__all__ = [
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
    "Synthesizer",
    "SynthoHiveError",
    "TableConfig",
    "TableModel",
    "TrainingError",
    "__version__",
    "compare_runs",
    "register_model",
]

__version__ = "0.1.0"

_HOME = {
    "comparison": ["RunComparison"],
    "dbt.compare": ["compare_runs"],
    "earlier.ctgan": ["CTGAN"],
    "earlier.frames": ["ConditionalGenerativeModel", "GenerativeModel"],
    "errors": [name for name in __all__ if name.endswith("Error")],
    "models.base": ["TableModel", "register_model"],
    "privacy.config": ["PrivacyConfig"],
    "schema": ["Constraint", "ForeignKey", "Metadata", "TableConfig"],
    "synthesizer": ["Synthesizer"],
}


def __getattr__(name: str) -> object:
    for module, names in _HOME.items():
        if name in names:
            return getattr(importlib.import_module(f"synthohive_py.{module}"), name)
    raise AttributeError(f"module 'synthohive_py' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
