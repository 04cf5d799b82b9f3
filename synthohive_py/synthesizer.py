"""The public face: learn a schema, generate its twin, keep what was learned."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from tqdm import tqdm

from synthohive_py.artifact import read_file, write_file
from synthohive_py.connectors.database import is_url, read_twin, read_url, write_url
from synthohive_py.connectors.files import (
    CHUNK_ROWS,
    OutputFormat,
    check_options,
    check_schemas,
    read_parquet,
    write_tables,
)
from synthohive_py.dbt.fixtures import inputs_of_model, unit_test_given
from synthohive_py.errors import GenerationError, SchemaError, SettingError
from synthohive_py.frames import check_tables, dtypes_of, from_arrow, to_arrow
from synthohive_py.models.base import get_model
from synthohive_py.privacy.accounting import Budget
from synthohive_py.privacy.config import PrivacyConfig
from synthohive_py.privacy.report import PrivacyReport, protect_tables
from synthohive_py.relational.checkpoints import Checkpoints
from synthohive_py.relational.fit import fit_tables
from synthohive_py.relational.fitted import FitSettings, FittedSchema
from synthohive_py.relational.population import Population
from synthohive_py.relational.preview import Preview, preview
from synthohive_py.relational.private import check_private
from synthohive_py.relational.sample import Parts, generate_parts, sample_tables
from synthohive_py.rng import Seed
from synthohive_py.schema import Metadata

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = ["Synthesizer"]

DEFAULT_THRESHOLD = 5  # rows that share a value

Tables = Mapping[str, "pd.DataFrame | pa.Table"]
Conditions = Mapping[str, Mapping[str, Any]]  # per table and column, the value of every row


class Synthesizer:
    """Learns the tables of a schema and generates a synthetic twin of them.

    Args:
        metadata: The schema: tables, keys, foreign keys, rules. Without one, `fit` and `plan` take the keys
            that the database declares, or guess those of data frames (`Metadata.from_dataframes`).
        model: The name of the table model: `ctgan` (default), `autoregressive`, `tvae` or
            `gaussian_copula`, or one registered with `register_model`.
        seed: Everything random derives from it: same seed and data, same twin.
        model_options: Options of the model; see its class.
        privacy_config: How people are protected: personal data is found and replaced before anything is
            learned, and training can be differentially private. Without one, only the columns declared in
            `pii_cols` are replaced, and those that look personal are named in the log.
        k_anonymity_threshold: Values, words and patterns shared by fewer rows are never stored. That of
            `privacy_config`, if there is one, takes its place.
        max_training_rows: Larger tables are learned from a random sample of this many rows.
        max_fit_seconds: The time the training of all models together may take; None for no limit.
        device: What to train on: `cpu`, `cuda`, `mps`, or `auto` for CUDA where there is one, else the
            processor. Rows are always generated on the processor. What is learned depends in its last
            digits on the device.
        progress: Whether to show progress bars.

    Raises:
        SettingError: An option is unknown or out of range.

    Example:
        >>> synthesizer = Synthesizer(metadata, seed=7)      # doctest: +SKIP
        >>> twin = synthesizer.fit(tables).sample()          # doctest: +SKIP
    """

    def __init__(
        self,
        metadata: Metadata | None = None,
        *,
        model: str = "ctgan",
        seed: int = 0,
        model_options: Mapping[str, Any] | None = None,
        privacy_config: PrivacyConfig | None = None,
        k_anonymity_threshold: int = DEFAULT_THRESHOLD,
        max_training_rows: int = 100_000,
        max_fit_seconds: float | None = None,
        device: str = "auto",
        progress: bool = True,
    ) -> None:
        if metadata is not None and not isinstance(metadata, Metadata):
            raise SettingError(
                "metadata is no Metadata",
                received=type(metadata).__name__,
                remedy="build one with Metadata()",
            )
        options = _options(model_options)
        get_model(str(model))(**options)  # refuses unknown models and options here
        self.metadata = metadata
        self.model = model
        self.model_options = options
        self.seed = _whole_number("seed", seed)
        self.privacy_config = _privacy(privacy_config, str(model))
        budget = None
        if privacy_config is not None:
            k_anonymity_threshold = _one_threshold(k_anonymity_threshold, privacy_config)
            if privacy_config.enable_differential_privacy:
                budget = Budget(privacy_config.epsilon, privacy_config.delta)
        self.settings = FitSettings(
            k_anonymity_threshold, max_training_rows, max_fit_seconds, device, budget=budget
        )
        self.progress = progress
        self._fitted: FittedSchema | None = None

    def plan(self, data: Mapping[str, pd.DataFrame | pa.Table] | str) -> Preview:
        """What a fit of these tables would do, in seconds and without any training.

        It is printed, too, unless the synthesizer was made with `progress=False`: the order of the tables,
        how each foreign key is filled, what is copied, which keys and rules were found, about how long the
        training takes and how much memory, or every problem for which a fit would refuse.

        Args:
            data: The real tables, or the URL of their database; see `fit`.

        Raises:
            ConnectorError: The database refused, or a table is not there.
            DataError: The data are no tables by name.
        """
        try:
            metadata, tables, population = self._read(data)
        except SchemaError as error:  # keys that are wrong tell before all rows are read
            found = Preview((), getattr(error, "problems", (error.problem,)))
        else:
            found = preview(metadata, tables, self.settings, population)
        if self.progress:
            tqdm.write(str(found))
        return found

    def _read(self, data: Tables | str) -> tuple[Metadata, Tables, Population | None]:
        """The schema and the rows; of a database, each table with where it is."""
        if isinstance(data, str):
            real = read_url(
                data, self.metadata, max_rows=self.settings.max_training_rows, seed=Seed(self.seed)
            )
            self.metadata = self.metadata or real.metadata
            return real.metadata, real.tables, real.population
        check_tables(data)
        self.metadata = self.metadata or Metadata.from_dataframes(data)
        return self.metadata, data, None

    def fit(
        self,
        data: Mapping[str, pd.DataFrame | pa.Table] | str,
        *,
        checkpoint_path: str | os.PathLike[str] | None = None,
    ) -> Synthesizer:
        """Learn the real tables.

        Args:
            data: Per table of the schema its rows, as a pandas frame or an Arrow table; or the URL of a
                database, such as `duckdb:///shop.duckdb?schema=shop`. Of tables with more than
                `max_training_rows` rows a sample is read then, in whole families.
            checkpoint_path: A folder to keep the model of each table in as soon as it is trained. A fit
                of the same data with the same settings takes up what is there. Treat it like the
                artefact: it holds what was learned, and no rows.

        Returns:
            Itself.

        Raises:
            ConnectorError: The database refused, or a table is not there.
            DataError: The data are no tables by name, or a column holds what can't be learned.
            SchemaValidationError: Schema or data have problems, all listed; nothing was trained.
            SerializationError: A checkpoint can't be written.
            TrainingError: A model did not converge; the message names the table.
        """
        checkpoints = Checkpoints(
            None if checkpoint_path is None else _path("checkpoint_path", checkpoint_path)
        )
        metadata, frames, population = self._read(data)
        metadata.validate(frames)
        tables = {name: to_arrow(frames[name], name) for name in metadata.modelled}
        protected = protect_tables(metadata, tables, self.privacy_config, seed=Seed(self.seed))
        fitted = fit_tables(
            metadata,
            protected.tables,
            model=self.model,
            model_options=self.model_options,
            seed=Seed(self.seed),
            settings=self.settings,
            checkpoints=checkpoints,
            population=population,
            progress=self.progress,
        )
        threshold = self.settings.k_anonymity_threshold
        fitted.dtypes = {name: dtypes_of(frames[name], threshold=threshold) for name in tables}
        protected.hide_in(fitted.dtypes)
        fitted.disguise = protected.disguise
        fitted.privacy |= protected.facts
        self._fitted = fitted
        return self

    @overload
    def sample(
        self,
        num_rows: Mapping[str, int] | None = None,
        scale: float = 1.0,
        seed: int | None = None,
        *,
        conditions: Conditions | None = None,
        workers: int | None = None,
        append_to: Tables | str | os.PathLike[str] | None = None,
        output_path: None = None,
    ) -> dict[str, pd.DataFrame]: ...

    @overload
    def sample(
        self,
        num_rows: Mapping[str, int] | None = None,
        scale: float = 1.0,
        seed: int | None = None,
        *,
        conditions: Conditions | None = None,
        workers: int | None = None,
        append_to: Tables | str | os.PathLike[str] | None = None,
        output_path: os.PathLike[str],
        output_format: OutputFormat = "parquet",
        chunk_rows: int = CHUNK_ROWS,
    ) -> dict[str, Path]: ...

    @overload
    def sample(
        self,
        num_rows: Mapping[str, int] | None = None,
        scale: float = 1.0,
        seed: int | None = None,
        *,
        conditions: Conditions | None = None,
        workers: int | None = None,
        append_to: Tables | str | os.PathLike[str] | None = None,
        output_path: str,
        output_format: OutputFormat = "parquet",
        chunk_rows: int = CHUNK_ROWS,
    ) -> dict[str, Any]: ...

    def sample(
        self,
        num_rows: Mapping[str, int] | None = None,
        scale: float = 1.0,
        seed: int | None = None,
        *,
        conditions: Conditions | None = None,
        workers: int | None = None,
        append_to: Tables | str | os.PathLike[str] | None = None,
        output_path: str | os.PathLike[str] | None = None,
        output_format: OutputFormat = "parquet",
        chunk_rows: int = CHUNK_ROWS,
    ) -> dict[str, Any]:
        """Generate a twin.

        Args:
            num_rows: Rows of root tables; other tables follow their parents.
            scale: Size of the twin, as a multiple of the real one.
            seed: Another seed gives another twin; by default the seed of the synthesizer.
            conditions: Per table and column a value that every row shall have, such as
                `{"orders": {"status": "returned"}}`. The other columns follow it.
            workers: How many shards of a large twin to make side by side; by default as many as there
                are cores. The rows do not depend on it.
            append_to: A twin, as `sample` returned it, the folder with its Parquet files, or its schema
                in a database: its rows come first in what is returned or written, and the new ones have keys
                of their own. With the same URL as `output_path`, rows are added there, all or none.
                `scale` and `num_rows` say how many are added. Reference tables stay as they are. It has the
                tables and columns of the real one and no others, and its keys are sound.
            output_path: A folder for the tables; or a schema of a database, where tables of these names are
                replaced, all or none (`duckdb:///shop.duckdb?schema=shop_synthetic`). Rows are written while
                others are generated, so memory does not grow with the size of the twin.
            output_format: `parquet` or `csv` for a file per table, `delta` for a Delta table each (needs
                `pip install synthohive-py[deltalake]`).
            chunk_rows: Rows that are written at a time: those of a Parquet row group. The rows do not
                depend on it.

        Returns:
            Per table a frame with the real frame's columns, order and dtypes; with `output_path`, per
            table its file or folder (a `pathlib.Path`) or its full name in the database.

        Raises:
            ConnectorError: The files can't be written, or the database refused; then nothing was changed.
            GenerationError: Nothing was learned yet, or a key's type has no room for so many keys.
            SettingError: An option is unknown or out of range, or a condition can't be met.
        """
        fitted = self._learned("sample")
        _check_output(fitted, output_path, output_format, chunk_rows)
        options: dict[str, Any] = {
            "num_rows": num_rows,
            "scale": scale,
            "seed": Seed(self.seed if seed is None else _whole_number("seed", seed)),
            "conditions": conditions,
            "workers": None if workers is None else _whole_number("workers", workers),
            "append_to": None if append_to is None else self._existing(fitted, append_to),
            "progress": self.progress,
        }
        if output_path is None:
            tables = sample_tables(fitted, **options)
            return {name: from_arrow(table, fitted.dtypes.get(name, {})) for name, table in tables.items()}
        return _write(fitted, generate_parts(fitted, **options), output_path, output_format, chunk_rows)

    @staticmethod
    def _existing(fitted: FittedSchema, twin: Tables | str | os.PathLike[str]) -> dict[str, pa.Table]:
        if isinstance(twin, Mapping):
            check_tables(twin)
            return {name: to_arrow(frame, name) for name, frame in twin.items()}
        if isinstance(twin, str) and is_url(twin):
            return read_twin(twin, fitted)
        return read_parquet(_path("append_to", twin, or_else="a dict of tables"), fitted.plan.order)

    def unit_test_given(
        self,
        inputs: Mapping[str, str] | str,
        rows: int = 3,
        seed: int | None = None,
        *,
        project: str | os.PathLike[str] = ".",
    ) -> str:
        """Rows for a unit test of dbt: a few synthetic ones that join over all foreign keys among the inputs.

        Args:
            inputs: dbt's inputs, each with the table that was learned of it, such as
                `{"source('shop', 'orders')": "orders"}`; or the name of a model whose inputs are all
                marked sources.
            rows: Rows of each table that is not referred to; as few of the others as these need.
            seed: Another seed gives other rows; by default the seed of the synthesizer.
            project: The folder of the dbt project, where `inputs` names a model; `dbt parse` was run there.

        Returns:
            The `given` of a unit test, in YAML. Columns of bytes, lists and durations are left out.

        Raises:
            GenerationError: Nothing was learned yet, or no rows of the inputs join.
            SchemaError: There is no such project or model, or the model reads what is no marked source.
            SettingError: An input is none of the tables learned, or an option is out of range.
        """
        fitted = self._learned("unit_test_given")
        own_seed = Seed(self.seed if seed is None else _whole_number("seed", seed))
        tables = inputs_of_model(project, inputs) if isinstance(inputs, str) else inputs
        return unit_test_given(fitted, tables, rows=_whole_number("rows", rows), seed=own_seed)

    def training_metrics(self) -> dict[str, dict[str, Any]]:
        """Per generated table what its training reported: rows, epochs, seconds, losses.

        Raises:
            GenerationError: Nothing was learned yet.
        """
        fitted = self._learned("training_metrics")
        return {name: dict(table.report) for name, table in fitted.tables.items() if table.report}

    def privacy_report(self) -> PrivacyReport:
        """What was done for privacy, and what was not: to be read before a twin is handed on.

        Raises:
            GenerationError: Nothing was learned yet.
        """
        return PrivacyReport.of(self._learned("privacy_report").privacy)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write what was learned to one file; an older file is replaced as a whole.

        Raises:
            GenerationError: Nothing was learned yet.
            SerializationError: The file can't be written.
            SettingError: The path is none.
        """
        write_file(self._learned("save"), _path("path", path))

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, progress: bool = True) -> Synthesizer:
        """Read what `save` wrote. Reading never runs code from the file.

        Args:
            path: The file.
            progress: Whether to show progress bars.

        Raises:
            SerializationError: The file is missing, damaged or of another format.
            SettingError: The path is none.
        """
        fitted = read_file(_path("path", path))
        models = {t.model.name for t in fitted.tables.values() if t.model}
        synthesizer = cls(
            fitted.metadata, model=models.pop() if models else "ctgan", seed=fitted.seed, progress=progress
        )
        synthesizer._fitted = fitted
        return synthesizer

    def _learned(self, call: str) -> FittedSchema:
        if self._fitted is None:
            raise GenerationError(
                f"{call}() needs a fitted synthesizer",
                remedy="call fit(data) first, or Synthesizer.load(path)",
            )
        return self._fitted


def _privacy(config: object, model: str) -> PrivacyConfig | None:
    if config is not None and not isinstance(config, PrivacyConfig):
        raise SettingError(
            "privacy_config is no PrivacyConfig",
            received=type(config).__name__,
            remedy="pass PrivacyConfig(...)",
        )
    if config is not None and config.enable_differential_privacy:
        check_private(model)
    return config


def _one_threshold(threshold: int, config: PrivacyConfig) -> int:
    """The threshold of the configuration; another one beside it is refused."""
    if threshold not in (DEFAULT_THRESHOLD, config.k_anonymity_threshold):
        raise SettingError(
            "k_anonymity_threshold is given twice, and differs",
            received=f"{threshold!r} and {config.k_anonymity_threshold!r}",
            remedy="give it to PrivacyConfig alone",
        )
    return config.k_anonymity_threshold


def _whole_number(name: str, value: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise SettingError(f"{name} must be a whole number", received=repr(value))
    return value


def _check_output(fitted: FittedSchema, path: object, output_format: OutputFormat, chunk_rows: int) -> None:
    """Refuse what can't be written before any row is made."""
    check_options(output_format, _whole_number("chunk_rows", chunk_rows))
    if is_url(path):
        if output_format != "parquet":
            raise SettingError(
                f"output_format is {output_format!r}, but tables of a database are no files",
                remedy="leave output_format out, or give a folder as output_path",
            )
    elif path is not None:
        _path("output_path", path)
        check_schemas({name: table.schema for name, table in fitted.tables.items()}, output_format)
    elif output_format != "parquet":
        raise SettingError(
            f"output_format is {output_format!r}, but nothing is to be written",
            expected="an output_path",
            remedy="pass output_path, the folder to write to",
        )


def _write(
    fitted: FittedSchema,
    parts: Parts,
    path: str | os.PathLike[str],
    output_format: OutputFormat,
    chunk_rows: int,
) -> dict[str, Any]:
    if isinstance(path, str) and is_url(path):
        return write_url(parts, path, fitted, chunk_rows=chunk_rows)
    return write_tables(parts, path, output_format, chunk_rows=chunk_rows)


def _options(value: object) -> dict[str, Any]:
    options = {} if value is None else value
    if not isinstance(options, Mapping) or not all(isinstance(name, str) for name in options):
        raise SettingError(
            "model_options are no options by name",
            expected='a mapping such as {"epochs": 20}',
            received=repr(value)[:80],
        )
    return dict(options)


def _path(name: str, value: object, *, or_else: str = "") -> str:
    if is_url(value):  # not shown: it may hold a password
        raise SettingError(f"{name} is a URL", expected=f"a path{', or ' if or_else else ''}{or_else}")
    path = os.fspath(value) if isinstance(value, str | os.PathLike) else None
    if not isinstance(path, str) or "\0" in path:
        raise SettingError(
            f"{name} is no path",
            expected=f"a text or a pathlib.Path{', or ' if or_else else ''}{or_else}",
            received=type(value).__name__ if path is None else repr(path)[:80],
        )
    return path
