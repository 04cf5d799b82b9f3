"""Artefacts: a fitted schema as bytes or as a file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from synthohive_py.errors import SchemaError, SerializationError, SettingError
from synthohive_py.relational.fitted import FittedSchema
from synthohive_py.states import dump_state, load_state, read_state, write_state

__all__ = ["dump", "load", "read_file", "write_file"]


def dump(fitted: FittedSchema) -> bytes:
    """The artefact of a fitted schema."""
    return dump_state(fitted.state())


def load(payload: bytes) -> FittedSchema:
    """The fitted schema of an artefact.

    Raises:
        SerializationError: The payload is damaged, not an artefact, or of another format.
    """
    return _fitted(load_state(payload))


def write_file(fitted: FittedSchema, path: str | os.PathLike[str]) -> None:
    """Write the artefact to a file: the whole file or nothing, replacing an older one.

    Raises:
        SerializationError: The file can't be written.
    """
    write_state(fitted.state(), path)


def read_file(path: str | os.PathLike[str]) -> FittedSchema:
    """Read an artefact from a file.

    Raises:
        SerializationError: The file can't be read, or is not an intact artefact.
    """
    try:
        return _fitted(read_state(path))
    except SerializationError as error:
        told = error.problem
        if str(path) in told.summary:
            raise
        raise SerializationError(
            f"{path}: {told.summary}", expected=told.expected, received=told.received, remedy=told.remedy
        ) from error


def _fitted(state: Mapping[str, Any]) -> FittedSchema:
    """The schema of a state whose checksum is right, which anybody can compute: it may be none."""
    try:
        return FittedSchema.from_state(state)
    except (
        *(AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError),
        *(pa.ArrowException, SchemaError, SettingError),
    ) as error:
        raise SerializationError(
            "the artefact holds no fitted schema",
            expected="a file written by Synthesizer.save",
            received=f"a {type(error).__name__} while it was read",
            remedy="do not trust the file; save the synthesizer again",
        ) from error
