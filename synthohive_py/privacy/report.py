"""What was done for privacy, in words that a reader can judge a twin by."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import pyarrow as pa

from synthohive_py.privacy.config import PrivacyConfig
from synthohive_py.privacy.detect import ProtectedColumn
from synthohive_py.privacy.disguise import Disguise
from synthohive_py.privacy.protect import Protected, protect
from synthohive_py.rng import Seed
from synthohive_py.schema import Metadata

__all__ = ["PrivacyReport", "ProtectedTables", "protect_tables"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class PrivacyReport:
    """What was done for privacy; no real value occurs in it.

    Attributes:
        strategy: What stands for personal data (`PrivacyConfig.pii_strategy`).
        columns: The columns in which it was replaced.
        texts: Per `table.column` of free text the kinds of data that were replaced in it.
        epsilon: The privacy loss of training; None without differential privacy.
        delta: The chance that it is more.
        unit: Whom it protects.
        not_covered: What was learned without differential privacy.
        tables: Per trained table its entities, steps and noise.
    """

    strategy: str | None = None
    columns: tuple[ProtectedColumn, ...] = ()
    texts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    epsilon: float | None = None
    delta: float | None = None
    unit: str | None = None
    not_covered: tuple[str, ...] = ()
    tables: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> PrivacyReport:
        """The report on a fitted schema's facts."""
        noise = facts.get("differential_privacy", {})
        return cls(
            strategy=facts.get("strategy"),
            columns=tuple(ProtectedColumn(**column) for column in facts.get("columns", ())),
            texts={name: tuple(kinds) for name, kinds in facts.get("texts", {}).items()},
            epsilon=noise.get("epsilon"),
            delta=noise.get("delta"),
            unit=noise.get("unit"),
            not_covered=tuple(noise.get("not_covered", ())),
            tables=noise.get("tables", {}),
        )

    def __str__(self) -> str:
        lines = []
        if self.columns or self.texts:
            lines.append(f"Personal data was replaced ({self.strategy}):")
            lines += [f"  {c.table}.{c.column}: {c.kind}, by {c.found_by}" for c in self.columns]
            lines += [f"  {name}: {', '.join(kinds)} in its texts" for name, kinds in self.texts.items()]
        else:
            lines.append("No personal data was replaced.")
        if self.epsilon is None:
            lines.append("Training was not differentially private.")
        else:
            lines.append(
                f"Training was differentially private: epsilon {self.epsilon:.2f}, delta {self.delta:.1g}, "
                f"for {self.unit}. Not covered:"
            )
            lines += [f"  {what}" for what in self.not_covered]
        return "\n".join(lines)


@dataclass(frozen=True)
class ProtectedTables:
    """The tables to learn from.

    Attributes:
        tables: Their rows.
        disguise: What the twin gets in the place of personal data.
        facts: What was done, for a `PrivacyReport`.
    """

    tables: Mapping[str, pa.Table]
    disguise: Disguise = field(default_factory=Disguise)
    facts: dict[str, Any] = field(default_factory=dict)

    def hide_in(self, dtypes: Mapping[str, dict[str, str]]) -> None:
        """Take the categories of personal columns out of what is kept of their pandas dtypes."""
        for name, hidden in self.disguise.tables.items():
            for column in [*(c.column for c in hidden.columns), *hidden.texts]:
                kept = dtypes.get(name, {})
                if kept.get(column, "").startswith("category"):
                    kept[column] = "category"


def protect_tables(
    metadata: Metadata, tables: Mapping[str, pa.Table], config: PrivacyConfig | None, *, seed: Seed
) -> ProtectedTables:
    """Take personal data out of real tables: what is declared or leads to a person; all if asked for.

    Raises:
        SettingError: A declared column is not there or can't be replaced.
    """
    asked = config or PrivacyConfig()
    done = protect(metadata, tables, asked, seed=seed, only_identifying=config is None)
    if done.left:
        logger.warning(
            "these columns look personal: %s. Values that few rows share are not learned; those that many "
            "share are. Synthesizer(privacy_config=PrivacyConfig()) replaces all of them, as the variable "
            "synthohive_pii_strategy does in dbt",
            ", ".join(f"{c.table}.{c.column} ({c.kind})" for c in done.left),
        )
    return ProtectedTables(done.tables, done.disguise, _facts(done, asked))


def _facts(done: Protected, config: PrivacyConfig) -> dict[str, Any]:
    texts = {f"{t}.{c}": list(kinds) for t, columns in done.texts.items() for c, kinds in columns.items()}
    return {"strategy": config.pii_strategy, "columns": [asdict(c) for c in done.columns], "texts": texts}
