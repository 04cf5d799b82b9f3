"""Arguments of `Synthesizer` that come in several forms, brought into one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from synthohive_py.connectors.database import is_url
from synthohive_py.connectors.files import OutputFormat, check_options, check_schemas
from synthohive_py.connectors.paths import check_not_real
from synthohive_py.earlier.frames import ConditionalGenerativeModel
from synthohive_py.earlier_settings import earlier_options
from synthohive_py.errors import SettingError
from synthohive_py.models.base import TableModel, get_model, register_model
from synthohive_py.relational.fitted import FittedSchema

__all__ = [
    "EarlierFit",
    "ModelChoice",
    "check_output",
    "choose_model",
    "options_of",
    "path_of",
    "refuse_with_frame_models",
    "whole_number",
]

KEYS_MODEL = "gaussian_copula"  # for keys and numbers of children, where a class for frames writes the rest
OF_A_MODEL = ("batch_size", "epochs")
OF_A_CALL = (
    "checkpoint_dir",
    "checkpoint_interval",
    "progress_bar",
    "sample_size",
    "sampling_strategy",
    "validate",
)


@dataclass(frozen=True)
class ModelChoice:
    """A table model.

    Attributes:
        name: Its name.
        frame_model: The class that writes the columns of no key in its place, if there is one.
    """

    name: str
    frame_model: type[ConditionalGenerativeModel] | None = None


def choose_model(model: object) -> ModelChoice:
    """The table model that is meant by a name or a class.

    Raises:
        SettingError: There is none of this name, or the class is of another kind.
    """
    if not isinstance(model, type):
        return ModelChoice(get_model(str(model)).name)
    if issubclass(model, TableModel):
        return ModelChoice(register_model(model).name)
    if issubclass(model, ConditionalGenerativeModel):
        return ModelChoice(model.table_model) if model.table_model else ModelChoice(KEYS_MODEL, model)
    raise SettingError(
        "model is no model class",
        expected="a name, or a subclass of TableModel or ConditionalGenerativeModel",
        received=model.__name__,
        remedy="see docs/own-model.md",
    )


@dataclass(frozen=True)
class EarlierFit:
    """What `fit` was given in the words of the earlier implementation.

    Attributes:
        model_options: Options of the model.
        settings: Fields of `FitSettings`.
        others: `progress_bar` and `checkpoint_dir`, where given.
    """

    model_options: dict[str, Any]
    settings: dict[str, Any]
    others: dict[str, Any]

    @classmethod
    def read(cls, given: Mapping[str, Any], choice: ModelChoice) -> EarlierFit:
        """Sort what was given; what is an earlier setting is told of by a FutureWarning.

        Raises:
            SettingError: A keyword is no setting, and never was.
        """
        if choice.frame_model:  # all that is not for the call is for the constructor of the class
            options = {name: value for name, value in given.items() if name not in OF_A_CALL}
            given = {name: value for name, value in given.items() if name in OF_A_CALL}
        else:
            options = {name: given[name] for name in OF_A_MODEL if name in given}
        earlier_options("Synthesizer.fit", given, ["data", "checkpoint_path"])
        renamed = {"sample_size": "max_training_rows", "device": "device"}
        settings = {ours: given[name] for name, ours in renamed.items() if name in given}
        others = {name: given[name] for name in ("progress_bar", "checkpoint_dir") if name in given}
        return cls(options, settings, others)


def refuse_with_frame_models(models: object, **given: object) -> None:
    """Refuse what a model class for data frames can't do, if there is one.

    Raises:
        SettingError: Something is given.
    """
    for name, value in given.items():
        if models is not None and value is not None:
            raise SettingError(
                f"{name} does not go with a model class for data frames",
                expected="a name of a model, or a subclass of TableModel",
                remedy="write or save its frames and models yourself, or port the class: docs/own-model.md",
            )


def whole_number(name: str, value: int) -> int:
    """A whole number, and no truth value.

    Raises:
        SettingError: It is none.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise SettingError(f"{name} must be a whole number", received=repr(value))
    return value


def options_of(value: object) -> dict[str, Any]:
    """Options by name; none if there are none.

    Raises:
        SettingError: They are no options by name.
    """
    options = {} if value is None else value
    if not isinstance(options, Mapping) or not all(isinstance(name, str) for name in options):
        raise SettingError(
            "model_options are no options by name",
            expected='a mapping such as {"epochs": 20}',
            received=repr(value)[:80],
        )
    return dict(options)


def path_of(name: str, value: object, *, or_else: str = "") -> str:
    """The path as text.

    Raises:
        SettingError: It is none. A URL is not shown: it may hold a password.
    """
    if is_url(value):
        raise SettingError(f"{name} is a URL", expected=f"a path{', or ' if or_else else ''}{or_else}")
    path = os.fspath(value) if isinstance(value, str | os.PathLike) else None
    if not isinstance(path, str) or "\0" in path:
        raise SettingError(
            f"{name} is no path",
            expected=f"a text or a pathlib.Path{', or ' if or_else else ''}{or_else}",
            received=type(value).__name__ if path is None else repr(path)[:80],
        )
    return path


def check_output(
    fitted: FittedSchema, path: object, output_format: OutputFormat, chunk_rows: int, data: object
) -> None:
    """Refuse what can't be written before any row is made; `data` is what `fit` was given, if that is known.

    Raises:
        ConnectorError: The format can't hold a column, a name can't be a file's, or a real file is there.
        SettingError: Path and format do not go together.
    """
    check_options(output_format, whole_number("chunk_rows", chunk_rows))
    if is_url(path):
        if output_format != "parquet":
            raise SettingError(
                f"output_format is {output_format!r}, but tables of a database are no files",
                remedy="leave output_format out, or give a folder as output_path",
            )
    elif path is not None:
        path_of("output_path", path)
        check_schemas({name: table.twin_schema for name, table in fitted.tables.items()}, output_format)
    elif output_format != "parquet":
        raise SettingError(
            f"output_format is {output_format!r}, but nothing is to be written",
            expected="an output_path",
            remedy="pass output_path, the folder to write to",
        )
    check_not_real(path, output_format, fitted.metadata, data)
