"""The public face: learn a schema, generate its twin, keep what was learned."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from tqdm import tqdm

from synthohive_py.arguments import (
    EarlierFit,
    check_output,
    choose_model,
    options_of,
    path_of,
    refuse_with_frame_models,
    whole_number,
)
from synthohive_py.artifact import read_file, write_file
from synthohive_py.connectors import connect
from synthohive_py.connectors.database import (
    is_url,
    read_schema,
    read_twin,
    read_url,
    write_schema,
    write_url,
)
from synthohive_py.connectors.files import (
    CHUNK_ROWS,
    OutputFormat,
    read_parquet,
    write_tables,
)
from synthohive_py.connectors.paths import read_tables
from synthohive_py.dbt.fixtures import inputs_of_model, unit_test_given
from synthohive_py.earlier.frames import ConditionalGenerativeModel, FrameModels
from synthohive_py.earlier_settings import earlier_options
from synthohive_py.errors import GenerationError, SchemaError, SettingError
from synthohive_py.findings import Finding
from synthohive_py.frames import check_tables, dtypes_of, from_arrow, to_arrow
from synthohive_py.judging import Data, Judging
from synthohive_py.models.base import TableModel, get_model
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


class Synthesizer(Judging):
    """Learns the tables of a schema and generates a synthetic twin of them.

    Args:
        metadata: The schema: tables, keys, foreign keys, rules. Without one, `fit` and `plan` take the keys
            that the database declares, or guess those of data frames (`Metadata.from_dataframes`).
        model: The name of the table model: `ctgan` (default), `autoregressive`, `tvae` or
            `gaussian_copula`, or one registered with `register_model`; or the class of a model.
        seed: Everything random derives from it: same seed and data, same twin.
        model_options: Options of the model; see its class.
        privacy_config: How people are protected: personal data is found and replaced before anything is
            learned, and training can be differentially private. Without one, that is so for
            what leads to a person by itself (e-mails, telephone numbers, accounts) and for `pii_cols`; other
            columns that look personal are named in the log.
        k_anonymity_threshold: Values, words and patterns shared by fewer rows are never stored. That of
            `privacy_config`, if there is one, takes its place.
        max_training_rows: Larger tables are learned from a random sample of this many rows.
        max_fit_seconds: The time the training of all models together may take; None for no limit.
        device: What to train on: `cpu`, `cuda`, `mps`, or `auto` for CUDA where there is one, else the
            processor. Rows are always generated on the processor. What is learned depends in its last
            digits on the device.
        progress: Whether to show progress bars.
        spark_session: Where `fit` finds a schema or tables that are given by name, and where `save_to_hive`
            writes to.
        **earlier: Settings of the earlier implementation; each tells what to use instead.

    Raises:
        SettingError: An option is unknown or out of range.

    Example:
        >>> synthesizer = Synthesizer(metadata, seed=7)      # doctest: +SKIP
        >>> twin = synthesizer.fit(tables).sample()          # doctest: +SKIP
    """

    def __init__(
        self,
        metadata: Metadata | None = None,
        privacy_config: PrivacyConfig | None = None,
        spark_session: Any = None,
        *,
        model: str | type[TableModel | ConditionalGenerativeModel] = "ctgan",
        seed: int = 0,
        model_options: Mapping[str, Any] | None = None,
        k_anonymity_threshold: int = DEFAULT_THRESHOLD,
        max_training_rows: int = 100_000,
        max_fit_seconds: float | None = None,
        device: str = "auto",
        progress: bool = True,
        **earlier: Any,
    ) -> None:
        if earlier:
            known = [name for name in inspect.signature(Synthesizer).parameters if name != "earlier"]
            earlier_options("Synthesizer", earlier, known)
        if metadata is not None and not isinstance(metadata, Metadata):
            raise SettingError(
                "metadata is no Metadata",
                received=type(metadata).__name__,
                remedy="build one with Metadata(); tables and URLs are given to fit",
            )
        options = options_of(model_options)
        choice = choose_model(model)
        if not choice.frame_model:
            get_model(choice.name)(**options)  # refuses unknown options here
        self.metadata = metadata
        self.model, self._choice = choice.name, choice
        self.model_options = options
        self.seed = whole_number("seed", seed)
        self.privacy_config = _privacy(privacy_config, choice.name)
        budget = None
        if privacy_config is not None:
            k_anonymity_threshold = _one_threshold(k_anonymity_threshold, privacy_config)
            if privacy_config.enable_differential_privacy:
                budget = Budget(privacy_config.epsilon, privacy_config.delta)
        self.settings = FitSettings(
            k_anonymity_threshold, max_training_rows, max_fit_seconds, device, budget=budget
        )
        self.progress = progress
        self.spark_session = spark_session
        self._fitted: FittedSchema | None = None
        # What the last fit read, to compare twins with; a function, because a URL may hold a password.
        self._real: Callable[[], Data] | None = None
        self._frame_models: FrameModels | None = None

    def plan(self, data: Mapping[str, pd.DataFrame | pa.Table | str | os.PathLike[str]] | str) -> Preview:
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

    def _read(self, data: Mapping[str, Any] | str) -> tuple[Metadata, Tables, Population | None]:
        """The schema and the rows; of a database, each table with where it is."""
        spark = None if self.spark_session is None else connect(self.spark_session)
        if isinstance(data, str):
            options: dict[str, Any] = {"max_rows": self.settings.max_training_rows, "seed": Seed(self.seed)}
            if spark and not is_url(data):
                real = read_schema(spark, data, self.metadata, **options)
            else:
                real = read_url(data, self.metadata, **options)
            self.metadata = self.metadata or real.metadata
            return real.metadata, real.tables, real.population
        check_tables(data)
        data = read_tables(data, spark)
        self.metadata = self.metadata or Metadata.from_dataframes(data)
        return self.metadata, data, None

    def fit(
        self,
        data: Mapping[str, pd.DataFrame | pa.Table | str | os.PathLike[str]] | str,
        *,
        checkpoint_path: str | os.PathLike[str] | None = None,
        **earlier: Any,
    ) -> Synthesizer:
        """Learn the real tables.

        Args:
            data: Per table of the schema its rows: a pandas frame, an Arrow table, or the path of a Parquet
                or CSV file, a folder of Parquet files or a Delta table. Or the URL of a database, such as
                `duckdb:///shop.duckdb?schema=shop`, or the name of a schema of `spark_session`. Of tables
                with more than `max_training_rows` rows a sample is read then, in whole families.
            checkpoint_path: A folder to keep the model of each table in as soon as it is trained. A fit
                of the same data with the same settings takes up what is there. Treat it like the
                artefact: it holds what was learned, and no rows.
            **earlier: Settings of the earlier implementation; each tells what to use instead, and stays with
                the synthesizer.

        Returns:
            Itself.

        Raises:
            ConnectorError: The database refused, or a table is not there.
            DataError: The data are no tables by name, or a column holds what can't be learned.
            SchemaValidationError: Schema or data have problems, all listed; nothing was trained.
            SerializationError: A checkpoint can't be written.
            SettingError: A setting is unknown or out of range.
            TrainingError: A model did not converge; the message names the table.
        """
        if earlier:
            checkpoint_path = self._take_earlier(earlier, checkpoint_path)
        checkpoints = Checkpoints(
            None if checkpoint_path is None else path_of("checkpoint_path", checkpoint_path)
        )
        metadata, frames, population = self._read(data)
        metadata.validate(frames)
        tables = {name: to_arrow(frames[name], name) for name in metadata.modelled}
        protected = protect_tables(metadata, tables, self.privacy_config, seed=Seed(self.seed))
        fitted = fit_tables(
            metadata,
            protected.tables,
            model=self.model,
            model_options={} if self._choice.frame_model else self.model_options,
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
        self._fitted, self._real = fitted, lambda: data
        self._frame_models = self._fit_frame_models(protected.tables) if self._choice.frame_model else None
        return self

    def _take_earlier(
        self, given: Mapping[str, Any], checkpoint_path: str | os.PathLike[str] | None
    ) -> str | os.PathLike[str] | None:
        """Settings of the earlier `fit` as those of the constructor; returns where to keep checkpoints."""
        taken = EarlierFit.read(given, self._choice)
        options = {**self.model_options, **taken.model_options}
        if not self._choice.frame_model:
            get_model(self.model)(**options)
        self.model_options, self.settings = options, replace(self.settings, **taken.settings)
        self.progress = taken.others.get("progress_bar", self.progress)
        return taken.others.get("checkpoint_dir", checkpoint_path)

    def _fit_frame_models(self, tables: Mapping[str, pa.Table]) -> FrameModels:
        fitted, model = self._learned("fit"), self._choice.frame_model
        assert model is not None  # noqa: S101  the caller asked
        return FrameModels.fit(
            model,
            fitted.metadata,
            fitted.plan,
            {name: from_arrow(table, fitted.dtypes.get(name, {})) for name, table in tables.items()},
            hidden=fitted.disguise.columns(),
            options=self.model_options,
            progress=self.progress,
        )

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
        quality_threshold: float | None = None,
        real: Data | None = None,
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
        quality_threshold: float | None = None,
        real: Data | None = None,
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
        quality_threshold: float | None = None,
        real: Data | None = None,
    ) -> dict[str, Any]: ...

    @overload
    def sample(
        self,
        num_rows: Mapping[str, int] | None = None,
        scale: float = 1.0,
        seed: int | None = None,
        *,
        workers: int | None = None,
        append_to: Tables | str | os.PathLike[str] | None = None,
        output_path: str | os.PathLike[str] | None = None,
        output_format: OutputFormat = "parquet",
        chunk_rows: int = CHUNK_ROWS,
        quality_threshold: float | None = None,
        return_metrics: Literal[True],
        real: Data | None = None,
    ) -> tuple[dict[str, Any], list[Finding]]: ...

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
        quality_threshold: float | None = None,
        return_metrics: bool = False,
        real: Data | None = None,
    ) -> dict[str, Any] | tuple[dict[str, Any], list[Finding]]:
        """Generate a twin.

        Args:
            num_rows: Rows of root tables; other tables follow their parents.
            scale: Size of the twin, as a multiple of the real one.
            seed: Another seed gives another twin; by default the seed of the synthesizer.
            conditions: Per table and column a value that every row has: `{"orders": {"status": "new"}}`.
            workers: How many shards of a large twin to make side by side. The rows do not depend on it.
            append_to: A twin, as `sample` returned it, its folder, or its schema in a database: its rows come
                first, and `scale` and `num_rows` say how many are added, with keys of their own. With the
                same URL as `output_path`, they are added there. Reference tables stay as they are.
            output_path: A folder for the tables; or a schema of a database, where tables of these names are
                replaced, all or none (`duckdb:///shop.duckdb?schema=twin`), in little memory.
            output_format: `parquet` or `csv` for a file per table, or `delta`.
            chunk_rows: Rows that are written at a time: those of a Parquet row group.
            quality_threshold: What a score must reach where two halves of the real rows reach 1. Nothing is
                written of a worse twin. To be judged, it is made in memory.
            return_metrics: Whether to return a pair of the twin and all scores, a list of `Finding`s.
            real: The real tables to compare with, as `fit` takes them; by default those of the last fit.

        Returns:
            Per table a frame with the real frame's columns, order and dtypes; with `output_path`, its file
            or folder (a `pathlib.Path`) or its full name in the database.

        Raises:
            ConnectorError: The files can't be written, or the database refused; then nothing was changed.
            GenerationError: Nothing was learned yet, or a key's type has no room for so many keys.
            QualityError: The twin is worse than demanded; it says of each column why.
            SettingError: An option is unknown or out of range, or a condition can't be met.
        """
        fitted, is_judged = self._learned("sample"), quality_threshold is not None or return_metrics
        refuse_with_frame_models(
            self._frame_models, output_path=output_path, conditions=conditions, append_to=append_to
        )
        check_output(fitted, output_path, output_format, chunk_rows, self._real and self._real())
        if is_judged:
            self._check_demand(quality_threshold, real, conditions)
        options = self._sample_options(num_rows, scale, seed, conditions, workers, append_to)
        made = sample_tables(fitted, **options) if is_judged or output_path is None else {}
        twin: dict[str, Any] = self._as_frames(made) if made else {}
        findings = self._judge(twin, quality_threshold, options, real) if is_judged else []
        if output_path is not None:
            twin = _write(fitted, generate_parts(fitted, **options), output_path, output_format, chunk_rows)
        return (twin, findings) if return_metrics else twin

    def _sample_options(self, *given: Any) -> dict[str, Any]:
        """The options of `generate_parts`, checked."""
        num_rows, scale, seed, conditions, workers, append_to = given
        return {
            "num_rows": num_rows,
            "scale": scale,
            "seed": Seed(self.seed if seed is None else whole_number("seed", seed)),
            "conditions": conditions,
            "workers": None if workers is None else whole_number("workers", workers),
            "append_to": None if append_to is None else self._existing(self._learned("sample"), append_to),
            "progress": self.progress,
        }

    def _as_frames(self, tables: Mapping[str, pa.Table]) -> dict[str, pd.DataFrame]:
        """Tables that were generated, with the dtypes of the real frames."""
        dtypes = self._learned("sample").dtypes
        frames = {name: from_arrow(table, dtypes.get(name, {})) for name, table in tables.items()}
        return self._frame_models.fill(frames) if self._frame_models else frames

    @staticmethod
    def _existing(fitted: FittedSchema, twin: Tables | str | os.PathLike[str]) -> dict[str, pa.Table]:
        if isinstance(twin, Mapping):
            check_tables(twin)
            return {name: to_arrow(frame, name) for name, frame in twin.items()}
        if isinstance(twin, str) and is_url(twin):
            return read_twin(twin, fitted)
        return read_parquet(path_of("append_to", twin, or_else="a dict of tables"), fitted.plan.order)

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
        own_seed = Seed(self.seed if seed is None else whole_number("seed", seed))
        tables = inputs_of_model(project, inputs) if isinstance(inputs, str) else inputs
        return unit_test_given(fitted, tables, rows=whole_number("rows", rows), seed=own_seed)

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
            SettingError: The path is none, or the model is a class for data frames.
        """
        fitted = self._learned("save")
        refuse_with_frame_models(self._frame_models, save=path)
        write_file(fitted, path_of("path", path))

    def save_to_hive(
        self,
        synthetic_data: Mapping[str, pd.DataFrame | pa.Table | str | os.PathLike[str]],
        target_db: str,
        *,
        overwrite: bool = True,
    ) -> dict[str, str]:
        """Write tables, such as a twin, into a schema of `spark_session`.

        Args:
            synthetic_data: Per table its rows, or where they are; see `fit`.
            target_db: The schema; it is made if it does not exist.
            overwrite: Whether tables that are there may be replaced.

        Returns:
            Per table its full name.

        Raises:
            ConnectorError: Spark refused, or a table is there that may not be replaced.
            DataError: The data are no tables by name.
            SettingError: There is no `spark_session`, or the schema's name can't be one.
        """
        if self.spark_session is None:
            raise SettingError(
                "save_to_hive() needs a session of Spark",
                remedy="pass Synthesizer(spark_session=...), or sample(output_path='sc://host:15002?schema=...')",
            )
        if not str(target_db).isprintable() or not str(target_db).strip():
            raise SettingError("target_db is no name of a schema", received=repr(target_db)[:80])
        check_tables(synthetic_data)
        connector = connect(self.spark_session)
        tables = read_tables(synthetic_data, connector)
        return write_schema(
            connector,
            target_db,
            {name: to_arrow(table, name) for name, table in tables.items()},
            overwrite=overwrite,
        )

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
        fitted = read_file(path_of("path", path))
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
