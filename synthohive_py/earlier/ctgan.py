"""`CTGAN` for one data frame, called as in the earlier implementation."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pyarrow as pa

from synthohive_py.arrowtypes import type_from_text, type_to_text
from synthohive_py.columns import ColumnHint, TableCodec
from synthohive_py.columns.base import Codes
from synthohive_py.earlier.frames import ConditionalGenerativeModel
from synthohive_py.earlier_settings import earlier_options
from synthohive_py.errors import DataError, GenerationError, SerializationError, SettingError, did_you_mean
from synthohive_py.frames import dtypes_of, from_arrow, to_arrow
from synthohive_py.models.base import TableModel, get_model
from synthohive_py.relational.fitted import FitSettings
from synthohive_py.relational.keys import KeyGenerator
from synthohive_py.rng import Seed
from synthohive_py.schema import Constraint, Metadata, TableConfig
from synthohive_py.states import read_state, write_state
from synthohive_py.synthesizer import Synthesizer

__all__ = ["CTGAN"]

THRESHOLD = FitSettings().k_anonymity_threshold
MODEL_FILE, SETTINGS_FILE = "model.synthohive", "settings.json"


class CTGAN(ConditionalGenerativeModel):
    """The model `ctgan` for one table that is a data frame.

    As `Synthesizer(metadata, model=CTGAN)` it is the same as `model="ctgan"`. By itself it learns one frame,
    without its foreign keys, and rows may depend on those of a second frame, the context. Without a context
    it is a `Synthesizer` of one table; with one, no rules between columns are kept.

    Args:
        metadata: The schema, for the table's key and constraints.
        batch_size: Rows per batch; None for the model's own default.
        epochs: The most passes over the rows: training ends by itself. None for the model's own default.
        device: What to train on, as for `Synthesizer`.
        **earlier: Settings of the earlier class; each tells what to use instead.

    Raises:
        SettingError: A setting is unknown or out of range.
    """

    table_model: ClassVar[str | None] = "ctgan"

    def __init__(
        self,
        metadata: Metadata,
        *,
        batch_size: int | None = None,
        epochs: int | None = None,
        device: str = "auto",
        **earlier: Any,
    ) -> None:
        known = ["batch_size", "epochs", "device"]
        earlier_options("CTGAN", earlier, known)
        given = {"batch_size": batch_size, "epochs": epochs}
        self.metadata, self.device = metadata, device
        self.options = {name: value for name, value in given.items() if value is not None}
        get_model("ctgan")(**self.options)  # refuses wrong options here
        FitSettings(device=device)
        self._learned: Synthesizer | _Contextual | None = None

    def fit(
        self,
        data: pd.DataFrame,
        context: pd.DataFrame | None = None,
        table_name: str | None = None,
        checkpoint_dir: str | os.PathLike[str] | None = None,
        *,
        seed: int | None = None,
        progress_bar: bool = True,
        **earlier: Any,
    ) -> None:
        """Learn a frame.

        Args:
            data: The rows.
            context: What each row depends on, in the same order; no column of it is generated.
            table_name: The table of the schema that they are rows of; not needed if it has one.
            checkpoint_dir: A folder to take up an ended fit from; see `Synthesizer.fit`. Not with a context.
            seed: Everything random derives from it; None for 0.
            progress_bar: Whether to show one.
            **earlier: Settings of the earlier class; each tells what to use instead.

        Raises:
            DataError: A column holds what can't be learned, or the context has other rows.
            SchemaValidationError: The frame does not fit its declaration.
            SettingError: There is no such table or setting.
            TrainingError: The model did not converge.
        """
        earlier_options("CTGAN", earlier, ["seed", "progress_bar"])
        config = self._alone(table_name, data)
        own = data[[c for c in data.columns if c not in self._foreign(table_name)]]
        if context is None:
            synthesizer = Synthesizer(
                Metadata(tables={config.name: config}),
                model="ctgan",
                model_options=self.options,
                seed=seed or 0,
                device=self.device,
                progress=progress_bar,
            )
            self._learned = synthesizer.fit({config.name: own}, checkpoint_path=checkpoint_dir)
            return
        if checkpoint_dir is not None:
            raise SettingError(
                "checkpoint_dir is given with a context, where no checkpoints are kept",
                remedy="leave it out, or learn both tables with Synthesizer",
            )
        self._learned = _Contextual.fit(config, own, context, self.options, Seed(seed or 0))

    def sample(
        self,
        num_rows: int,
        context: pd.DataFrame | None = None,
        seed: int | None = None,
        *,
        enforce_constraints: bool = False,  # noqa: ARG002  they always hold
        **kwargs: Any,
    ) -> pd.DataFrame:
        """New rows, with all columns that were learned, in their order.

        Args:
            num_rows: How many.
            context: What each row depends on, if `fit` was given one.
            seed: Another seed gives other rows; None for that of the fit.
            enforce_constraints: Changes nothing: constraints always hold.
            **kwargs: None.

        Raises:
            GenerationError: Nothing was learned, or the context is none for so many rows.
        """
        earlier_options("CTGAN", kwargs, ["seed", "enforce_constraints"])
        learned = self._learned
        if learned is None:
            raise GenerationError("sample() needs a fitted CTGAN", remedy="call fit or load first")
        if isinstance(learned, _Contextual):
            return learned.sample(num_rows, context, seed)
        if context is not None:
            raise GenerationError(
                "a context is given, but none was learned", remedy="pass the context to fit, too"
            )
        assert learned.metadata is not None  # noqa: S101  the fit gave it
        (name,) = learned.metadata.tables
        return learned.sample({name: num_rows}, seed=seed)[name]

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write what was learned into a folder.

        Raises:
            GenerationError: Nothing was learned yet.
            SerializationError: The folder is there already, or can't be written.
        """
        if self._learned is None:
            raise GenerationError("save() needs a fitted CTGAN", remedy="call fit(data) first")
        folder = Path(path)
        if folder.exists() and not overwrite:
            raise SerializationError(
                f"{folder} is there already", remedy="name another folder, or pass overwrite=True"
            )
        if isinstance(self._learned, _Contextual):
            write_state(self._learned.state(), folder / MODEL_FILE)
        else:
            self._learned.save(folder / MODEL_FILE)
        settings = {"options": self.options, "device": self.device, "context": self._has_context}
        try:
            (folder / SETTINGS_FILE).write_text(json.dumps(settings), encoding="utf-8")
        except OSError as error:
            raise SerializationError(f"{folder} can't be written", received=str(error)) from error

    @property
    def _has_context(self) -> bool:
        return isinstance(self._learned, _Contextual)

    def load(self, path: str | os.PathLike[str]) -> None:
        """Read what `save` wrote. Reading never runs code from the folder.

        Raises:
            SerializationError: The folder is missing, damaged or of another format.
        """
        folder = Path(path)
        try:
            settings = json.loads((folder / SETTINGS_FILE).read_text(encoding="utf-8"))
            options, device, has_context = settings["options"], settings["device"], settings["context"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SerializationError(
                f"{folder} can't be read",
                expected="a folder that CTGAN.save wrote",
                received=type(error).__name__,
                remedy="save the model again; models of the earlier implementation have to be fitted again",
            ) from error
        file = folder / MODEL_FILE
        self._learned = _Contextual.from_state(read_state(file)) if has_context else Synthesizer.load(file)
        self.options, self.device = options, device

    def _config(self, table_name: str | None) -> TableConfig:
        tables = self.metadata.tables
        if table_name is None:
            return next(iter(tables.values())) if len(tables) == 1 else TableConfig(name="table")
        if table_name not in tables:
            raise SettingError(
                f"there is no table {table_name!r} in the metadata",
                expected=f"one of {', '.join(tables)}" if tables else "a declared table",
                remedy=did_you_mean(table_name, tables) or "declare it with metadata.add_table",
            )
        return tables[table_name]

    def _foreign(self, table_name: str | None) -> set[str]:
        return {column for key in self._config(table_name).foreign_keys for column in key.columns}

    def _alone(self, table_name: str | None, data: object) -> TableConfig:
        """The declaration without what needs other tables, or columns that the frame does not have."""
        config = self._config(table_name)
        if not isinstance(data, pd.DataFrame):
            raise DataError("is no DataFrame", table=config.name, received=type(data).__name__)
        own = {*data.columns} - self._foreign(table_name)
        alone = {
            "foreign_keys": (),
            "order_by": None,
            "parent_context_cols": (),
            "pk": config.pk if {*config.pk} <= own else (),
            "unique": tuple(columns for columns in config.unique if {*columns} <= own),
            "constraints": {c: rule for c, rule in config.constraints.items() if c in own},
            "accepted_values": {c: some for c, some in config.accepted_values.items() if c in own},
            "rules": tuple(rule for rule in config.rules if "parent" not in rule),
            "mode": "synthesize",
        }
        return config.model_copy(update=alone)


@dataclass(frozen=True)
class _Contextual:
    """A model of rows that depend on those of a context.

    Attributes:
        codec: The columns that are generated.
        context: Those of the context.
        model: The fitted model.
        keys: Generators of unique columns.
        columns: All columns, in the order of the frame, with their dtypes.
        seen: The types of the context's columns.
        seed: Of the fit.
    """

    codec: TableCodec
    context: TableCodec
    model: TableModel
    keys: Mapping[str, KeyGenerator]
    columns: Mapping[str, str]
    seen: Mapping[str, str]
    seed: int

    @classmethod
    def fit(
        cls,
        config: TableConfig,
        data: pd.DataFrame,
        context: pd.DataFrame,
        options: Mapping[str, Any],
        seed: Seed,
    ) -> _Contextual:
        table, seen = to_arrow(data, config.name), to_arrow(context, "context")
        if seen.num_rows != table.num_rows:
            raise DataError(
                "the context has other rows than the data",
                table=config.name,
                expected=f"{table.num_rows} rows",
                received=f"{seen.num_rows} rows",
            )
        single = [columns[0] for columns in config.unique_sets if len(columns) == 1]
        keys = {c: KeyGenerator.fit(table.column(c).combine_chunks(), threshold=THRESHOLD) for c in single}
        own = [c for c in table.column_names if c not in keys]
        hints = {
            c: ColumnHint(
                domain=tuple(config.accepted_values[c]) if c in config.accepted_values else None,
                rule=config.constraints.get(c, Constraint()),
            )
            for c in own
        }
        codec = TableCodec.fit(table.select(own), name=config.name, threshold=THRESHOLD, hints=hints)
        context_codec = TableCodec.fit(seen, name="context", threshold=THRESHOLD)
        model = get_model("ctgan")(**options)
        model.fit(
            codec.encode(table.select(own)),
            codec.cardinalities,
            context=context_codec.encode(seen),
            context_cardinalities=context_codec.cardinalities,
            centres=[
                np.linspace(-1.7, 1.7, k) if is_ordered else None
                for k, is_ordered in zip(codec.cardinalities, codec.ordered, strict=True)
            ],
            seed=seed.child("model"),
        )
        columns = dtypes_of(data, threshold=THRESHOLD)
        kinds = {field.name: type_to_text(field.type) for field in seen.schema}
        return cls(codec, context_codec, model, keys, columns, kinds, seed.value)

    def sample(self, num_rows: int, context: pd.DataFrame | None, seed: int | None) -> pd.DataFrame:
        names = list(self.context.names)
        if context is None or len(context) != num_rows or not {*names} <= {*context.columns}:
            raise GenerationError(
                "the context is none for these rows",
                expected=f"a DataFrame of {num_rows} rows with the columns {', '.join(names)}",
                received="none" if context is None else f"{len(context)} rows of {[*context.columns]}",
                remedy="pass sample() a context with the columns of that of fit()",
            )
        drawn = Seed(self.seed if seed is None else seed).child("sample")
        codes = self.model.sample(num_rows, context=self._seen(context[names]), generator=drawn.numpy())
        made = self.codec.decode(codes, seed=drawn)
        for name, key in self.keys.items():
            made = made.append_column(name, key.make(num_rows, drawn.child("key", name).numpy()))
        return from_arrow(made.select(list(self.columns)), self.columns)

    def _seen(self, context: pd.DataFrame) -> Codes:
        """The context in codes; a value that was never seen gets the code of rare ones, or the nearest."""
        table = to_arrow(context, "context")
        schema = pa.schema([(name, type_from_text(self.seen[name])) for name in table.column_names])
        try:
            return self.context.encode(table.cast(schema))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise GenerationError(
                "the context has other types than that of fit()",
                expected=", ".join(f"{field.name}: {field.type}" for field in schema),
                received=", ".join(f"{field.name}: {field.type}" for field in table.schema),
                remedy="convert its columns",
            ) from error

    def state(self) -> dict[str, Any]:
        return {
            "codec": self.codec.state(),
            "context": self.context.state(),
            "model": self.model.state(),
            "keys": {name: key.state() for name, key in self.keys.items()},
            "columns": dict(self.columns),
            "seen": dict(self.seen),
            "seed": self.seed,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> _Contextual:
        return cls(
            TableCodec.from_state(state["codec"]),
            TableCodec.from_state(state["context"]),
            get_model("ctgan").from_state(state["model"]),
            {name: KeyGenerator.from_state(key) for name, key in state["keys"].items()},
            state["columns"],
            state["seen"],
            state["seed"],
        )
