"""The work of the three Python models: train, write the twins, judge them."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from synthohive_py import artifact
from synthohive_py.connectors import Place, connect
from synthohive_py.connectors.families import read_families
from synthohive_py.dbt.native import as_native, rows_of
from synthohive_py.dbt.schema import Source, SourceSchema, read_schema
from synthohive_py.dbt.settings import project_settings
from synthohive_py.errors import ConnectorError, SerializationError
from synthohive_py.privacy.config import PrivacyConfig
from synthohive_py.privacy.report import protect_tables
from synthohive_py.quality import Tolerances, judge
from synthohive_py.quality.replaced import replaced_columns
from synthohive_py.relational.fit import fit_tables
from synthohive_py.relational.fitted import FitSettings
from synthohive_py.relational.sample import generate_parts
from synthohive_py.rng import Seed

if TYPE_CHECKING:
    from synthohive_py.connectors import Connector

__all__ = ["score", "train", "write_twins"]

logger = logging.getLogger(__name__)

INFORMATION = 5  # times the tolerance of a shape is that of what columns say about each other
PART_BYTES = 3 << 20  # of the artefact in one row; 4 MB as base64, which every warehouse takes


def train(schema: Any, session: Any, meta: Mapping[str, Any] | None) -> Any:
    """Learn all marked sources; the model `synthohive_models`.

    Of tables with more rows than the setting `max_training_rows` a sample is read, in whole families; rows
    and children are counted over all of them.

    Args:
        schema: The relation `synthohive_schema`.
        session: What dbt hands to a Python model.
        meta: `config.meta` of the model, which holds the project's variables.

    Returns:
        A row per table with its training report, and rows with the parts of the artefact, as base64:
        `kind` (`report` or `artifact`), `part`, `table_name`, `payload`, `sha256`.

    Raises:
        SynthoHiveError: Settings, schema or data are wrong, or training failed. Nothing was written.
    """
    settings = project_settings(meta)
    sources = read_schema(rows_of(schema))
    seed = Seed(settings["seed"])
    limits = FitSettings(
        settings["k_anonymity_threshold"], settings["max_training_rows"], settings["max_fit_seconds"]
    )
    tables, population = read_families(
        connect(session),
        {source.name: source.relation for source in sources.modelled},
        sources.metadata,
        max_rows=limits.max_training_rows,
        seed=seed,
    )
    strategy, threshold = settings["pii_strategy"], limits.k_anonymity_threshold
    config = PrivacyConfig(pii_strategy=strategy, k_anonymity_threshold=threshold) if strategy else None
    protected = protect_tables(sources.metadata, tables, config, seed=seed)
    fitted = fit_tables(
        sources.metadata,
        protected.tables,
        model=settings["model"],
        model_options=settings["model_options"],
        seed=seed,
        settings=limits,
        population=population,
    )
    fitted.disguise, fitted.privacy = protected.disguise, protected.facts
    rows = [
        ("report", number, name, json.dumps({"rows": table.rows, **table.report}))
        for number, (name, table) in enumerate(fitted.tables.items())
    ]
    payload = artifact.dump(fitted)
    parts = [payload[start : start + PART_BYTES] for start in range(0, len(payload), PART_BYTES)]
    rows += [("artifact", n, "", base64.b64encode(part).decode()) for n, part in enumerate(parts)]
    frame = pd.DataFrame(rows, columns=["kind", "part", "table_name", "payload"])
    frame["sha256"] = [_digest(text) for text in frame["payload"]]
    return as_native(frame, session)


def write_twins(schema: Any, models: Any, session: Any, meta: Mapping[str, Any] | None) -> Any:
    """Generate all twins and write them in one transaction; the model `synthohive_tables`.

    Rows are written while others are generated, so memory does not grow with the size of the twins.

    Args:
        schema: The relation `synthohive_schema`.
        models: The relation `synthohive_models`.
        session: What dbt hands to a Python model.
        meta: `config.meta` of the model, which holds the project's variables.

    Returns:
        A row per twin: `source_name`, `table_name`, `twin`, `mode`, `real_rows`, `twin_rows`.

    Raises:
        SynthoHiveError: The artefact is damaged, or the twins can't be made or written. The twins that
            were there stay.
    """
    settings = project_settings(meta)
    sources = read_schema(rows_of(schema))
    fitted = artifact.load(_artifact(rows_of(models)))
    places = {source.name: Place(source.relation, source.twin) for source in sources.modelled}
    parts = generate_parts(fitted, scale=settings["scale"], seed=Seed(settings["seed"]))
    written = connect(session).write_parts(places, parts)
    rows = [
        (
            source.source_name,
            source.table_name,
            str(source.twin),
            sources.metadata.tables[source.name].mode,
            fitted.tables[source.name].rows,
            written[source.name],
        )
        for source in sources.modelled
    ]
    columns = ["source_name", "table_name", "twin", "mode", "real_rows", "twin_rows"]
    return as_native(pd.DataFrame(rows, columns=columns), session)


def score(schema: Any, models: Any, session: Any, meta: Mapping[str, Any] | None) -> Any:
    """Judge the twins in the database; the model `synthohive_quality`.

    Args:
        schema: The relation `synthohive_schema`.
        models: The relation `synthohive_models`, which knows the rules that the real rows keep and the
            columns of invented values, which are not compared.
        session: What dbt hands to a Python model.
        meta: `config.meta` of the model, which holds the project's variables.

    Returns:
        A row per finding: `source_name`, `table_name`, `column_name`, `metric`, `score`, `baseline`,
        `threshold`, `passed`, `reason`.

    Raises:
        SynthoHiveError: A table can't be read, or the artefact is damaged.
    """
    settings = project_settings(meta)
    sources = read_schema(rows_of(schema))
    connector = connect(session)
    fitted, real = artifact.load(_artifact(rows_of(models))), _read(sources, connector)
    findings = judge(
        sources.metadata,
        real,
        {source.name: _read_twin(source, connector) for source in sources.modelled},
        seed=Seed(settings["seed"]),
        tolerances=Tolerances(
            shape=settings["tolerance"],
            nulls=settings["null_tolerance"],
            rows=settings["row_tolerance"],
            orphans=settings["orphan_tolerance"],
            information=INFORMATION * settings["tolerance"],
        ),
        scale=settings["scale"],
        rules=fitted.rules(),
        replaced=replaced_columns(*fitted.made_up(), real),
    ).findings
    rows = [
        (
            sources.sources[f.table].source_name,
            sources.sources[f.table].table_name,
            f.column,
            f.metric,
            f.score,
            f.baseline,
            f.threshold,
            f.passed,
            f.reason,
        )
        for f in findings
    ]
    names = ["source_name", "table_name", "column_name"]
    names += ["metric", "score", "baseline", "threshold", "passed", "reason"]
    return as_native(pd.DataFrame(rows, columns=names), session)


def _read(sources: SourceSchema, connector: Connector) -> dict[str, Any]:
    return {source.name: connector.read(source.relation) for source in sources.modelled}


def _read_twin(source: Source, connector: Connector) -> Any:
    try:
        return connector.read(source.twin)
    except ConnectorError as error:
        told = error.problem
        raise ConnectorError(
            f"the twin of the source {source.source_name}.{source.table_name} can't be read",
            table=str(source.twin),
            received=told.received or told.summary,
            remedy=f"run `dbt build --select synthohive_tables+` to write the twins, or {told.remedy}",
        ) from error


def _artifact(rows: Iterable[Mapping[str, Any]]) -> bytes:
    parts = sorted((row for row in rows if row["kind"] == "artifact"), key=lambda row: row["part"])
    damaged = [row["part"] for row in parts if _digest(row["payload"]) != row["sha256"]]
    if damaged or not parts:
        raise SerializationError(
            "synthohive_models holds no intact artefact",
            received=f"damaged parts {damaged}" if damaged else "no parts",
            remedy="run `dbt build --select synthohive_models+` again",
        )
    return b"".join(base64.b64decode(row["payload"]) for row in parts)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
