"""What a table model is, and the registry that finds one by its name.

A model sees a table as integer codes: one row per record, one column per code column, column j with
codes 0 to `cardinalities[j]` - 1. It knows nothing of data frames, files or databases.
"""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, TypeVar

import numpy as np
import numpy.typing as npt

from synthohive_py.errors import GenerationError, SettingError, did_you_mean
from synthohive_py.rng import Seed

__all__ = [
    "Codes",
    "EpochReport",
    "FitReport",
    "NoOptions",
    "TableModel",
    "check_range",
    "get_model",
    "masks_of",
    "model_names",
    "register_model",
]

Codes = npt.NDArray[np.int32]
ModelClass = TypeVar("ModelClass", bound="type[TableModel]")

# Ours are imported when they are asked for, so that torch is loaded only by those who train.
_OURS = {
    "autoregressive": "synthohive_py.models.autoregressive",
    "ctgan": "synthohive_py.models.ctgan",
    "gaussian_copula": "synthohive_py.models.gaussian_copula",
    "tvae": "synthohive_py.models.tvae",
}
_registry: dict[str, type[TableModel]] = {}


@dataclass(frozen=True)
class EpochReport:
    """Training after an epoch, or after some epochs of a small table.

    Attributes:
        epoch: The number of epochs so far.
        training_loss: Mean negative log-likelihood of the training rows, in nats per row.
        validation_loss: The same of held-out rows; None where there are too few rows to hold any out.
        learning_rate: The step size at its end.
    """

    epoch: int
    training_loss: float
    validation_loss: float | None
    learning_rate: float


@dataclass(frozen=True)
class FitReport:
    """How a fit went.

    Attributes:
        rows: Rows that were learned from, the held-out ones included.
        epochs: Epochs that were run.
        seconds: Wall-clock time.
        cpu_seconds: Processor time of all threads.
        validation_loss: Negative log-likelihood of held-out rows in nats per row, of the kept weights.
        baseline_loss: The same if all columns were independent.
        stopped_by: Why training ended: `schedule`, `patience`, `time`, `too few rows` or `closed form`.
        history: One report per epoch.
        refinement: What an adversarial phase measured; empty for models without one.
    """

    rows: int
    epochs: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    validation_loss: float | None = None
    baseline_loss: float | None = None
    stopped_by: str = "too few rows"
    history: list[EpochReport] = field(default_factory=list)
    refinement: dict[str, float | bool] = field(default_factory=dict)


@dataclass(frozen=True)
class NoOptions:
    """Options of a model that has none."""


class TableModel(ABC):
    """A generative model of one table.

    A subclass sets `name`, lists its options in the frozen dataclass `Options`, and is made known
    with `register_model`. It may set `accelerated`: then `fit` runs with an accelerator as torch's default
    device where there is one, and has to leave the weights on the processor, where rows are generated.

    Raises:
        SettingError: An option is unknown or its value is of the wrong type or out of range.
    """

    name: ClassVar[str]
    Options: ClassVar[type[Any]] = NoOptions
    accelerated: ClassVar[bool] = False

    def __init__(self, **options: Any) -> None:
        self.options: Any = _read_options(type(self), options)

    @abstractmethod
    def fit(
        self,
        codes: Codes,
        cardinalities: Sequence[int],
        *,
        context: Codes | None = None,
        context_cardinalities: Sequence[int] = (),
        groups: npt.NDArray[np.int64] | None = None,
        centres: Sequence[npt.NDArray[np.float64] | None] | None = None,
        seed: Seed,
        progress: Callable[[EpochReport], None] | None = None,
        max_seconds: float | None = None,
    ) -> FitReport:
        """Learn a table.

        Args:
            codes: (rows, columns); generated from left to right.
            cardinalities: Codes per column.
            context: (rows, context columns): what each row depends on and what is not generated.
            context_cardinalities: Codes per context column.
            groups: (rows,): rows of one group are held out together; a negative number is a group of
                its own.
            centres: Per column the positions of its codes if neighbouring codes mean neighbouring
                values, else None.
            seed: Everything random derives from it.
            progress: Called after each epoch.
            max_seconds: Training ends in time to keep this limit. The result then depends on the speed
                of the machine.

        Raises:
            TrainingError: Training diverged again and again.
        """

    @abstractmethod
    def sample(
        self,
        rows: int,
        *,
        context: Codes | None = None,
        given: Codes | None = None,
        allowed: Mapping[int, npt.NDArray[np.bool_]] | None = None,
        columns: int | None = None,
        generator: np.random.Generator,
    ) -> Codes:
        """Generate rows. May be called from several threads at once.

        Args:
            rows: How many.
            context: (rows, context columns), as in `fit`.
            given: (rows, columns): codes that are kept exactly; -1 where the model is free.
            allowed: Per column a mask of its codes; others are never drawn.
            columns: Only the first so many columns.
            generator: The source of all randomness.

        Returns:
            (rows, columns) codes.
        """

    def shift(self, logits: Sequence[npt.NDArray[np.float64]]) -> None:  # noqa: B027  a model may have no chances
        """Let codes come more or less often in all rows alike. A model that can't leaves all as it is.

        Args:
            logits: Per column what is added to the logarithm of each code's chance, before chances are made
                to sum to 1 again.
        """

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """What was learned, as nested dicts and lists of numbers, strings and numpy arrays."""

    @classmethod
    @abstractmethod
    def from_state(cls, state: Mapping[str, Any]) -> TableModel:
        """The model that `state` was taken from."""


def register_model(model: ModelClass) -> ModelClass:
    """Make a model known by its `name`; usable as a decorator.

    Raises:
        SettingError: It is no TableModel, has no name, or the name is taken by another class.
    """
    if not issubclass(model, TableModel):
        raise SettingError("only subclasses of TableModel can be registered", received=repr(model))
    name = getattr(model, "name", None)
    if not isinstance(name, str) or not name:
        raise SettingError(f"{model.__name__} has no name", remedy="set the class attribute `name`")
    taken = _registry.get(name)
    is_same = taken is not None and (taken.__module__, taken.__qualname__) == (
        model.__module__,
        model.__qualname__,
    )
    is_ours = name in _OURS and model.__module__ != _OURS[name]
    if is_ours or (taken is not None and not is_same):
        raise SettingError(f"the model name {name!r} is taken", remedy="give the class another `name`")
    _registry[name] = model
    return model


def get_model(name: str) -> type[TableModel]:
    """The model class of this name.

    Raises:
        SettingError: No model has the name; the message lists those that exist.
    """
    if name not in _registry and name in _OURS:
        importlib.import_module(_OURS[name])
    if name not in _registry:
        raise SettingError(
            f"there is no model {name!r}",
            expected=f"one of {', '.join(model_names())}",
            remedy=did_you_mean(name, model_names())
            or "check the spelling, or register the class with register_model",
        )
    return _registry[name]


def model_names() -> list[str]:
    """Names of all models, sorted."""
    return sorted({*_OURS, *_registry})


def check_range(name: str, value: float, *, least: float, most: float | None = None) -> None:
    """Refuse an option's value that is out of range.

    Raises:
        SettingError: It is.
    """
    if value < least or (most is not None and value > most):
        bounds = f"at least {least}" if most is None else f"from {least} to {most}"
        raise SettingError(f"option {name!r} is out of range", expected=bounds, received=repr(value))


def masks_of(
    allowed: Mapping[int, npt.NDArray[np.bool_]] | None, columns: int, rows: int
) -> dict[int, npt.NDArray[np.bool_]]:
    """The masks of `TableModel.sample` that concern the columns that are drawn.

    Raises:
        GenerationError: A row is asked for, and no code of a column is allowed.
    """
    masks = {j: mask for j, mask in (allowed or {}).items() if j < columns}
    if rows and not all(mask.any() for mask in masks.values()):
        raise GenerationError("no code of a column is allowed", remedy="relax the condition")
    return masks


def _read_options(model: type[TableModel], options: Mapping[str, Any]) -> Any:
    known = {f.name: f for f in fields(model.Options)}
    for option, value in options.items():
        if option not in known:
            raise SettingError(
                f"model {model.name!r} has no option {option!r}",
                expected=f"one of {', '.join(known)}" if known else "no options",
                remedy=did_you_mean(option, known),
            )
        wanted = type(known[option].default)
        fits = isinstance(value, wanted) or (wanted is float and isinstance(value, int))
        if not fits or (isinstance(value, bool) and wanted is not bool):
            raise SettingError(
                f"option {option!r} of model {model.name!r} has the wrong type",
                expected=f"{wanted.__name__}, such as {known[option].default!r}",
                received=repr(value),
            )
    return model.Options(**options)
