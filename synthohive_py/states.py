"""States as bytes, without anything that runs when they are read.

A state is nested dicts and lists of numbers, texts and numpy arrays. Its bytes are one safetensors file:
arrays as tensors, all else as JSON in its header. A SHA-256 over both tells damage from a good file. Nothing
is unpickled, so reading a strange file can't run code.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from safetensors import SafetensorError
from safetensors.numpy import load as read_tensors
from safetensors.numpy import save as write_tensors

from synthohive_py.errors import SerializationError

__all__ = [
    "FORMAT_VERSION",
    "dump_state",
    "load_state",
    "read_state",
    "replace_file",
    "table_from_state",
    "table_state",
    "write_state",
]

FORMAT_VERSION = 12
ARRAY = "__array__"  # marks the place of an array in the JSON
HEADER = "synthohive"
LEFT_SECONDS = 60  # after which a draft that does not grow is one that a killed program has left

Arrays = dict[str, npt.NDArray[Any]]


def dump_state(state: Mapping[str, Any]) -> bytes:
    """The bytes of a state."""
    arrays: Arrays = {}
    tree = _without_arrays(state, arrays)
    body = json.dumps(tree, ensure_ascii=False, allow_nan=True, default=_reject)
    header = {"format_version": FORMAT_VERSION, "sha256": _digest(body, arrays), "state": tree}
    return bytes(write_tensors(arrays, metadata={HEADER: json.dumps(header, ensure_ascii=False)}))


def load_state(payload: bytes) -> dict[str, Any]:
    """The state that `dump_state` made the bytes of.

    Raises:
        SerializationError: The payload is damaged, not an artefact, or of a newer format.
    """
    try:
        length = int.from_bytes(payload[:8], "little")
        header = json.loads(json.loads(payload[8 : 8 + length])["__metadata__"][HEADER])
        version, digest, tree = header["format_version"], header["sha256"], header["state"]
        arrays = read_tensors(payload)
    except (SafetensorError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise SerializationError(
            "the artefact can't be read",
            expected="a file written by Synthesizer.save",
            received=f"{len(payload)} bytes ({type(error).__name__})",
            remedy="save the synthesizer again, or copy the file again if the copy broke",
        ) from error
    if version != FORMAT_VERSION:
        raise SerializationError(
            "the artefact has another format",
            expected=f"format {FORMAT_VERSION}",
            received=f"format {version}",
            remedy="read it with the version of synthohive-py that wrote it, or fit again",
        )
    body = json.dumps(tree, ensure_ascii=False, allow_nan=True)
    if _digest(body, arrays) != digest:
        raise SerializationError(
            "the artefact is damaged: its checksum does not match its content",
            remedy="save the synthesizer again, or copy the file again if the copy broke",
        )
    try:
        return dict(_with_arrays(tree, arrays))
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        # Anybody can compute a checksum; this content is none of ours.
        raise SerializationError(
            "the artefact holds no state",
            expected="a file written by Synthesizer.save",
            received=f"a {type(error).__name__} while it was read",
            remedy="do not trust the file; save the synthesizer again",
        ) from error


def write_state(state: Mapping[str, Any], path: str | os.PathLike[str]) -> None:
    """Write a state to a file: the whole file or nothing, replacing an older one.

    Raises:
        SerializationError: The file can't be written.
    """
    payload = dump_state(state)
    try:
        replace_file(Path(path), payload, mode=0o600)
    except OSError as error:
        raise SerializationError(
            f"the artefact can't be written to {path}",
            received="a folder" if Path(path).is_dir() else error.strerror or str(error),
            remedy="give a path of a file in a folder that may be written to",
        ) from error


def replace_file(path: Path, payload: bytes, *, mode: int = 0o666) -> None:
    """Write a whole file, or leave what is there; its folder is made if there is none.

    Args:
        path: The file, or a link to it.
        payload: What it is to hold.
        mode: Who may read and write it, less what the user's umask takes.

    Raises:
        OSError: It can't be written.
    """
    target = Path(os.path.realpath(path))
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}.saving")
    try:
        with open(draft, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
            file.write(payload)
        draft.replace(target)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    left = re.compile(re.escape(f".{target.name}.") + r"[0-9a-f]{8}\.saving")
    for other in target.parent.glob(".*.saving"):
        with contextlib.suppress(OSError):  # somebody else was quicker
            if left.fullmatch(other.name) and other.stat().st_mtime < time.time() - LEFT_SECONDS:
                other.unlink()


def read_state(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a state from a file.

    Raises:
        SerializationError: The file can't be read, or is not an intact artefact.
    """
    try:
        payload = Path(path).read_bytes()
    except OSError as error:
        raise SerializationError(
            f"the artefact can't be read from {path}",
            received=str(error),
            remedy="give the path that was given to Synthesizer.save",
        ) from error
    return load_state(payload)


def _without_arrays(value: Any, arrays: Arrays) -> Any:
    """The value with its arrays moved out and their names left in their places."""
    if isinstance(value, np.ndarray):
        name = str(len(arrays))
        arrays[name] = np.ascontiguousarray(value)
        return {ARRAY: name}
    if isinstance(value, Mapping):
        return {_escaped(str(k)): _without_arrays(v, arrays) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_without_arrays(v, arrays) for v in value]
    if isinstance(value, np.generic):
        return value.item()
    return value


def _with_arrays(value: Any, arrays: Arrays) -> Any:
    if isinstance(value, dict):
        if set(value) == {ARRAY}:
            return arrays[value[ARRAY]]
        return {_unescaped(k): _with_arrays(v, arrays) for k, v in value.items()}
    if isinstance(value, list):
        return [_with_arrays(v, arrays) for v in value]
    return value


def _escaped(name: str) -> str:
    """The name, told apart from the mark of arrays: a user's table may be called `__array__`."""
    return "~" + name if name.lstrip("~") == ARRAY else name


def _unescaped(name: str) -> str:
    return name[1:] if name.lstrip("~") == ARRAY else name


def _digest(body: str, arrays: Arrays) -> str:
    digest = hashlib.sha256(body.encode())
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name}{array.dtype.str}{array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _reject(value: object) -> Any:
    raise TypeError(f"state holds a {type(value).__name__}")  # a defect of ours, never of the user's data


def table_state(table: pa.Table) -> npt.NDArray[np.uint8]:
    """A table as an array, for a state."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return np.frombuffer(sink.getvalue(), np.uint8)


def table_from_state(state: npt.NDArray[np.uint8]) -> pa.Table:
    """The table that `table_state` made the array of."""
    return pa.ipc.open_stream(pa.BufferReader(state.tobytes())).read_all()
