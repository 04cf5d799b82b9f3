"""Trained models kept while a fit goes on, so that a fit that was ended goes on where it stopped."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import numpy.typing as npt

from synthohive_py.errors import SerializationError
from synthohive_py.models.base import TableModel
from synthohive_py.rng import Seed
from synthohive_py.states import read_state, write_state

__all__ = ["Checkpoints", "fingerprint"]

logger = logging.getLogger(__name__)

MAX_NAME = 200  # bytes of a table's name that a file's can hold


@dataclass(frozen=True)
class Checkpoints:
    """A folder with one file per trained table.

    Attributes:
        folder: Made when the first table is kept; None keeps and finds nothing.
    """

    folder: str | os.PathLike[str] | None = None

    def find(self, table: str, of: str, model: type[TableModel]) -> tuple[TableModel, dict[str, Any]] | None:
        """The model that was trained on the same rows in the same way, and its report; None without one.

        Args:
            table: The table.
            of: The `fingerprint` of what it is to be trained on.
            model: Its class.
        """
        if self.folder is None or not self._path(table).exists():
            return None
        try:
            kept = read_state(self._path(table))
        except SerializationError as error:
            logger.warning("%s: the checkpoint is of no use, so the table is learned again: %s", table, error)
            return None
        if kept["fingerprint"] != of:
            logger.info("%s: the checkpoint is of other data or settings; the table is learned again", table)
            return None
        return model.from_state(kept["model"]), kept["report"]

    def keep(self, table: str, of: str, model: TableModel, report: Mapping[str, Any]) -> None:
        """Keep a trained model.

        Raises:
            SerializationError: The file can't be written.
        """
        if self.folder is not None:
            state = {"fingerprint": of, "model": model.state(), "report": dict(report)}
            write_state(state, self._path(table))

    def _path(self, table: str) -> Path:
        name = quote(table, safe="")
        if len(name) > MAX_NAME:
            name = hashlib.sha256(table.encode()).hexdigest()
        return Path(self.folder or "") / f"{name}.checkpoint"


def fingerprint(
    model: TableModel, seed: Seed, cardinalities: Sequence[int], *arrays: npt.NDArray[Any] | None
) -> str:
    """What a training depends on, in a few characters: the model's options, the seed and all codes."""
    options = {name: getattr(model.options, name) for name in model.options.__dataclass_fields__}
    facts = [model.name, options, seed.value, list(map(int, cardinalities))]
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode())
    for array in arrays:
        whole = np.zeros(0) if array is None else np.ascontiguousarray(array)
        digest.update(f"{whole.dtype.str}{whole.shape}".encode())
        digest.update(whole.tobytes())
    return digest.hexdigest()
