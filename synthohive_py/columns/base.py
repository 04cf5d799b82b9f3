"""The contract that every column codec fulfils, and the registry that artefacts are read back with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from synthohive_py.arrowtypes import type_from_text, type_to_text
from synthohive_py.rng import Part, Seed

__all__ = ["Codes", "ColumnCodec", "State", "codec_from_state", "type_from_text", "type_to_text"]

Codes = npt.NDArray[np.int32]
State = dict[str, Any]  # JSON scalars, lists and dicts of them, and numpy arrays

_REGISTRY: dict[str, type[ColumnCodec]] = {}


class ColumnCodec(ABC):
    """One column as integer codes, and back.

    A codec may use several code columns (a date and a time of day); `cardinalities` has one number for
    each. Nulls are codes too, so that a model learns where they fall.
    """

    kind: ClassVar[str]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        _REGISTRY[cls.kind] = cls

    @property
    @abstractmethod
    def cardinalities(self) -> tuple[int, ...]:
        """How many codes each code column has."""

    @abstractmethod
    def encode(self, column: pa.Array) -> Codes:
        """Codes of shape (rows, len(cardinalities)); values never seen get the nearest code."""

    @abstractmethod
    def decode(self, codes: Codes, rng: np.random.Generator) -> pa.Array:
        """Fresh values of the column's type for codes of shape (rows, len(cardinalities))."""

    def decode_part(self, codes: Codes, part: Part, seed: Seed) -> pa.Array:
        """Like `decode`, for some rows of a table whose parts share the seed."""
        return self.decode(codes, seed.child(part.first).numpy())

    @abstractmethod
    def state(self) -> State:
        """All that was learned, as JSON values and numpy arrays."""

    @classmethod
    @abstractmethod
    def from_state(cls, state: Mapping[str, Any]) -> ColumnCodec:
        """The codec that `state` was taken from."""

    def refusal(self, value: pa.Scalar) -> str | None:  # noqa: ARG002  for subclasses
        """What is expected instead, if the column can't be asked to have this value; else None."""
        return "no condition: its values are made by pattern"

    @property
    def ordered(self) -> tuple[bool, ...]:
        """Per code column: whether neighbouring codes mean neighbouring values."""
        return (False,) * len(self.cardinalities)


def codec_from_state(state: Mapping[str, Any]) -> ColumnCodec:
    """The codec of any kind that `{"kind": ..., **codec.state()}` was taken from."""
    return _REGISTRY[state["kind"]].from_state(state)
