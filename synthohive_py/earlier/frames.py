"""Model classes that see data frames: those that were written for the earlier implementation.

Keys, foreign keys and numbers of children are ours; such a model writes the other columns, one table after
the other, and is given columns of the parents as its context. For new ones, `TableModel` is the better base.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pyarrow as pa

from synthohive_py.errors import ConstraintViolationError, GenerationError, SchemaError, did_you_mean
from synthohive_py.frames import to_arrow
from synthohive_py.joins import parent_rows
from synthohive_py.plan import Plan
from synthohive_py.schema import Constraint, Metadata, TableConfig

__all__ = ["ConditionalGenerativeModel", "FrameModels", "GenerativeModel"]

Frames = Mapping[str, pd.DataFrame]


class GenerativeModel(ABC):
    """A model of one data frame."""

    @abstractmethod
    def fit(self, data: pd.DataFrame, **kwargs: Any) -> Any:
        """Learn the rows."""

    @abstractmethod
    def sample(self, num_rows: int, **kwargs: Any) -> pd.DataFrame:
        """So many new rows, with the columns that were learned."""

    @abstractmethod
    def save(self, path: str) -> None:
        """Write what was learned."""

    @abstractmethod
    def load(self, path: str) -> Any:
        """Read what `save` wrote."""


class ConditionalGenerativeModel(GenerativeModel):
    """A model of one data frame whose rows may depend on those of another one.

    `Synthesizer(metadata, model=Class)` makes one for each table: `Class(metadata, batch_size=...,
    epochs=..., **more)` with what was given to `fit`. `fit` gets the table's own columns, which are those of
    no key, and `sample` has to return them.
    """

    table_model: ClassVar[str | None] = None  # the one of ours that stands behind it

    @abstractmethod
    def fit(self, data: pd.DataFrame, context: pd.DataFrame | None = None, **kwargs: Any) -> Any:
        """Learn the rows, each beside that of the context in its place."""

    @abstractmethod
    def sample(self, num_rows: int, context: pd.DataFrame | None = None, **kwargs: Any) -> pd.DataFrame:
        """So many new rows, each for that of the context in its place."""


@dataclass(frozen=True)
class FrameModels:
    """The fitted models of all tables that have columns of their own.

    Attributes:
        metadata: The schema.
        plan: The order of the tables.
        models: Per table its model and its columns.
    """

    metadata: Metadata
    plan: Plan
    models: Mapping[str, tuple[ConditionalGenerativeModel, list[str]]]

    @classmethod
    def fit(
        cls,
        model: type[ConditionalGenerativeModel],
        metadata: Metadata,
        plan: Plan,
        frames: Frames,
        *,
        hidden: Mapping[str, Collection[str]],
        options: Mapping[str, Any],
        progress: bool,
    ) -> FrameModels:
        """Learn all tables.

        Args:
            model: The class.
            metadata: The schema.
            plan: The order of the tables.
            frames: The real rows.
            hidden: Per table columns of personal data, which the models neither see nor write.
            options: For the model's constructor.
            progress: Handed on to its `fit`, as `progress_bar`.

        Raises:
            SchemaError: No parent has a column that `parent_context_cols` names.
        """
        models: dict[str, tuple[ConditionalGenerativeModel, list[str]]] = {}
        for name in plan.order:
            config = metadata.tables[name]
            columns = [c for c in _own_columns(config, frames[name]) if c not in hidden.get(name, ())]
            if config.mode != "synthesize" or not columns or frames[name].empty:
                continue
            made = model(metadata, **{"batch_size": 500, "epochs": 300, **options})  # type: ignore[call-arg]
            context = _context(metadata, name, frames)
            given = {} if context is None else {"context": context}
            own = frames[name][columns].reset_index(drop=True)
            made.fit(own, table_name=name, progress_bar=progress, **given)
            models[name] = made, columns
        return cls(metadata, plan, models)

    def fill(self, frames: Frames) -> dict[str, pd.DataFrame]:
        """The tables, with what the models write in the place of their own columns.

        Raises:
            ConstraintViolationError: A model breaks a constraint that is declared.
            GenerationError: A model returns something else than the rows that it was asked for.
        """
        filled = dict(frames)
        for name in self.plan.order:
            if name not in self.models or frames[name].empty:
                continue
            model, columns = self.models[name]
            context = _context(self.metadata, name, filled)
            rows = len(frames[name])
            made = model.sample(rows, **({} if context is None else {"context": context}))
            if not _are_rows(made, rows, columns):
                raise GenerationError(
                    f"sample() of {type(model).__name__} has not returned the rows that it was asked for",
                    table=name,
                    expected=f"a DataFrame of {rows} rows with the columns {', '.join(columns)}",
                    received=f"{type(made).__name__} of shape {getattr(made, 'shape', None)}",
                    remedy="correct sample() of the model class",
                )
            _check_constraints(self.metadata.tables[name], made)
            own = {column: made[column].to_numpy() for column in columns}
            filled[name] = frames[name].assign(**own)
        return filled


def _are_rows(made: object, rows: int, columns: list[str]) -> bool:
    """Whether a model has returned so many rows with these columns."""
    return isinstance(made, pd.DataFrame) and len(made) == rows and {*columns} <= {*made.columns}


def _own_columns(config: TableConfig, frame: pd.DataFrame) -> list[str]:
    keys = {c for columns in config.unique_sets for c in columns}
    keys |= {c for key in config.foreign_keys for c in key.columns}
    return [name for name in frame.columns if name not in keys]


def _context(metadata: Metadata, name: str, frames: Frames) -> pd.DataFrame | None:
    """The columns of its parents that each row of a table is told of; None if none are declared."""
    config = metadata.tables[name]
    columns = {}
    for wanted in config.parent_context_cols:
        table, _, column = wanted.rpartition(".")
        found = [
            key
            for key in config.foreign_keys
            if table in ("", key.parent) and column in frames[key.parent].columns
        ]
        if not found:
            known = [c for key in config.foreign_keys for c in frames[key.parent].columns]
            raise SchemaError(
                f"parent_context_cols names {wanted!r}, a column that no parent has",
                table=name,
                expected=f"one of {', '.join(known)}",
                remedy=did_you_mean(column, known) or "correct the name",
            )
        child, parent = to_arrow(frames[name], name), to_arrow(frames[found[0].parent], found[0].parent)
        rows = parent_rows(child, found[0].columns, parent, found[0].parent_columns)
        places = pa.array(np.maximum(rows, 0), mask=rows < 0)
        columns[column] = parent.column(column).take(places).to_pandas()
    return pd.DataFrame(columns) if columns else None


def _check_constraints(config: TableConfig, frame: pd.DataFrame) -> None:
    for column, rule in config.constraints.items():
        broken = _broken(rule, frame[column]) if column in frame else 0
        if broken:
            raise ConstraintViolationError(
                "breaks its constraint in rows of the model",
                table=config.name,
                column=column,
                expected=f"{rule.dtype or 'numbers'} from {rule.min} to {rule.max}",
                received=f"{broken} of {len(frame)} rows that break it",
                remedy="keep to the constraint in sample() of the model class",
            )


def _broken(rule: Constraint, values: pd.Series) -> int:
    numbers = pd.to_numeric(values, errors="coerce")
    wrong = pd.Series(data=False, index=values.index)
    if rule.min is not None:
        wrong |= numbers < rule.min
    if rule.max is not None:
        wrong |= numbers > rule.max
    if rule.dtype == "int":
        wrong |= numbers.notna() & (numbers % 1 != 0)
    return int(wrong.sum())
