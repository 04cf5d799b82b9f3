"""What a fit leaves behind: everything needed to generate, and nothing of the real rows but references."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from synthohive_py.columns import TableCodec
from synthohive_py.columns.base import Codes
from synthohive_py.errors import SettingError
from synthohive_py.joins import NULL, ORPHAN
from synthohive_py.models.base import TableModel, get_model
from synthohive_py.models.devices import DEVICES
from synthohive_py.plan import Link, Plan
from synthohive_py.privacy.accounting import Budget
from synthohive_py.privacy.disguise import Disguise
from synthohive_py.relational.cardinality import DegreeModel
from synthohive_py.relational.gaps import Gap
from synthohive_py.relational.history import History
from synthohive_py.relational.keys import KeyGenerator
from synthohive_py.relational.numbering import Numbering
from synthohive_py.relational.order import Order
from synthohive_py.relational.profiles import Profile
from synthohive_py.relational.recurrence import Recurrence
from synthohive_py.rules import TableRules
from synthohive_py.rules.keeping import Keeper
from synthohive_py.schema import ForeignKey, Metadata
from synthohive_py.states import table_from_state, table_state
from synthohive_py.uuids import from_texts

__all__ = ["Block", "FitSettings", "FittedSchema", "FittedTable", "Lookup", "block_span"]


@dataclass(frozen=True)
class FitSettings:
    """How to fit.

    Attributes:
        k_anonymity_threshold: A value, word or pattern shared by fewer rows is never stored.
        max_training_rows: A larger table is learned from a random sample of this many rows.
        max_fit_seconds: The time all models together may take; None for no limit.
        device: What to train on: `cpu`, `cuda`, `mps`, or `auto` for CUDA where there is one.
        budget: What training may tell of an entity, with differential privacy; None without.

    Raises:
        SettingError: A value is out of range.
    """

    k_anonymity_threshold: int = 5
    max_training_rows: int = 100_000
    max_fit_seconds: float | None = None
    device: str = "auto"
    budget: Budget | None = None

    def __post_init__(self) -> None:
        if self.device not in DEVICES:
            raise SettingError(
                "device is unknown", expected=f"one of {', '.join(DEVICES)}", received=repr(self.device)
            )
        for name, least in {"k_anonymity_threshold": 1, "max_training_rows": 1, "max_fit_seconds": 0}.items():
            value = getattr(self, name)
            if value is None and name == "max_fit_seconds":
                continue
            kinds = (int, float) if name == "max_fit_seconds" else (int,)
            if isinstance(value, bool) or not isinstance(value, kinds) or not value >= least:
                kind = "number" if float in kinds else "whole number"
                raise SettingError(
                    f"{name} is out of range", expected=f"a {kind} of at least {least}", received=repr(value)
                )


@dataclass(frozen=True)
class Block:
    """Neighbouring code columns that belong together.

    Attributes:
        kind: `column` codes a real column, `step` how far the next column is from the sibling before,
            `calendar` its place in the calendar, `gap` how long after another column a column is,
            `recurrence` which of its siblings' values it has, `lookup` and `profile` the parent along a
            link, `degree` the number of children along a link, `family` what they have in common.
        name: The column's name, or the link's.
        cardinalities: Codes per code column.
        ordered: Per code column, whether neighbouring codes mean neighbouring values.
    """

    kind: Literal["column", "step", "calendar", "gap", "recurrence", "lookup", "profile", "degree", "family"]
    name: str
    cardinalities: tuple[int, ...]
    ordered: tuple[bool, ...]


def block_span(layout: Sequence[Block], kind: str, name: str) -> slice:
    """The code columns of a block."""
    start = 0
    for block in layout:
        if (block.kind, block.name) == (kind, name):
            return slice(start, start + len(block.cardinalities))
        start += len(block.cardinalities)
    raise KeyError(f"no block {kind} {name!r}")  # a defect of ours, never of the user's data


@dataclass(frozen=True)
class Lookup:
    """Keys of a small reference table as categories.

    Attributes:
        keys: The keys that real rows refer to, with the child's column names and types. Codes are
            their row numbers; one more code means null and one more an orphan.
    """

    keys: pa.Table

    @property
    def cardinalities(self) -> tuple[int, ...]:
        return (self.keys.num_rows + 2,)

    def encode(self, rows: npt.NDArray[np.int64]) -> Codes:
        """(rows, 1) codes of rows with these parents."""
        used = np.unique(rows[rows >= 0])
        codes = np.searchsorted(used, rows)
        codes[rows == NULL] = self.keys.num_rows
        codes[rows == ORPHAN] = self.keys.num_rows + 1
        return codes.astype(np.int32)[:, None]


@dataclass
class FittedTable:
    """One table as learned.

    Attributes:
        schema: Column names, order and types of the real table.
        rows: How many rows it has.
        reference: All rows of a reference table, else None.
        codec: Modelled columns to codes and back.
        layout: The blocks of code columns, in the order of their generation.
        key_width: How many leading code columns make up unique combinations.
        lookups: Per lookup link, its keys.
        profiles: Per profile or deferred link, its profile (of the parent's rows).
        degrees: Per link to this table, the number of children of its rows.
        fixed_degrees: Per link to a reference table, the number of children of each of its rows.
        keys: Generators of computed key columns.
        sequences: Columns that number the children of a parent, and the number they start from.
        numbered: Modelled columns that number the rows of a group, and how.
        inherited: Columns that repeat one of the driver's parent, and which.
        repeated: Per profile link, columns that repeat one of its parent, and which.
        uuids: The columns whose values are UUIDs, and text inside the engine.
        families: Per link from a child table whose siblings are alike, how many family codes there are.
        order: The column that siblings are sorted by, and how they follow each other in it; or None.
        history: What a row sees of its elder siblings; None where no parent has two children.
        context: Of the code columns of its parents, those that it is generated from.
        gaps: Times that closely follow another of their row, and how.
        recurrences: Columns whose values siblings share, and how.
        orphans: Per link whose orphans are kept: makes values that no parent has, and how many
            distinct ones there are per parent row.
        keeper: The rules that every row keeps.
        unparented: Rows without a parent along the driver, for each row with one.
        orphaned: The share of those rows that are orphans, not null.
        model: The fitted model; None for a reference table.
        report: What the training reported.
    """

    schema: pa.Schema
    rows: int
    uuids: tuple[str, ...] = ()
    reference: pa.Table | None = None
    codec: TableCodec = field(default_factory=lambda: TableCodec((), ()))
    layout: tuple[Block, ...] = ()
    key_width: int = 0
    lookups: dict[str, Lookup] = field(default_factory=dict)
    profiles: dict[str, Profile] = field(default_factory=dict)
    degrees: dict[str, DegreeModel] = field(default_factory=dict)
    fixed_degrees: dict[str, npt.NDArray[np.int64]] = field(default_factory=dict)
    keys: dict[str, KeyGenerator] = field(default_factory=dict)
    sequences: dict[str, int] = field(default_factory=dict)
    numbered: dict[str, Numbering] = field(default_factory=dict)
    inherited: dict[str, str] = field(default_factory=dict)
    repeated: dict[str, dict[str, str]] = field(default_factory=dict)
    families: dict[str, tuple[int, ...]] = field(default_factory=dict)
    order: Order | None = None
    history: History | None = None
    context: tuple[int, ...] = ()
    gaps: dict[str, Gap] = field(default_factory=dict)
    recurrences: dict[str, Recurrence] = field(default_factory=dict)
    orphans: dict[str, tuple[KeyGenerator, float]] = field(default_factory=dict)
    keeper: Keeper = field(default_factory=Keeper)
    unparented: float = 0.0
    orphaned: float = 0.0
    model: TableModel | None = None
    report: dict[str, Any] = field(default_factory=dict)

    @property
    def cardinalities(self) -> tuple[int, ...]:
        """Codes per code column, over all blocks."""
        return tuple(k for block in self.layout for k in block.cardinalities)

    @property
    def ordered(self) -> tuple[bool, ...]:
        """Per code column, whether neighbouring codes mean neighbouring values."""
        return tuple(o for block in self.layout for o in block.ordered)

    @property
    def centres(self) -> list[npt.NDArray[np.float64] | None]:
        """Positions of the codes of ordered columns, evenly spread with unit variance."""
        return [
            np.linspace(-1.7, 1.7, size) if ordered else None
            for size, ordered in zip(self.cardinalities, self.ordered, strict=True)
        ]

    @property
    def twin_schema(self) -> pa.Schema:
        """The columns of the twin: those of the real table."""
        return from_texts(self.schema.empty_table(), self.uuids).schema

    def span(self, kind: str, name: str) -> slice:
        """The code columns of a block."""
        return block_span(self.layout, kind, name)

    def column_codes(self, codes: Codes) -> Codes:
        """The code columns of the modelled columns, in the codec's order."""
        parts = [codes[:, self.span("column", name)] for name in self.codec.names]
        return np.concatenate([np.zeros((len(codes), 0), np.int32), *parts], axis=1)

    def state(self) -> dict[str, Any]:
        """All fields, for an artefact."""
        return {
            "schema": _bytes_to_array(self.schema.serialize().to_pybytes()),
            "uuids": list(self.uuids),
            "rows": self.rows,
            "reference": None if self.reference is None else table_state(self.reference),
            "codec": self.codec.state(),
            "layout": [asdict(block) for block in self.layout],
            "key_width": self.key_width,
            "lookups": {k: table_state(v.keys) for k, v in self.lookups.items()},
            "profiles": {k: v.state() for k, v in self.profiles.items()},
            "degrees": {k: v.state() for k, v in self.degrees.items()},
            "fixed_degrees": dict(self.fixed_degrees),
            "keys": {k: v.state() for k, v in self.keys.items()},
            "sequences": dict(self.sequences),
            "numbered": {k: asdict(v) for k, v in self.numbered.items()},
            "inherited": dict(self.inherited),
            "repeated": {k: dict(v) for k, v in self.repeated.items()},
            "families": {k: list(v) for k, v in self.families.items()},
            "order": self.order.state() if self.order else None,
            "history": self.history.state() if self.history else None,
            "context": list(self.context),
            "gaps": {k: v.state() for k, v in self.gaps.items()},
            "recurrences": {k: v.state() for k, v in self.recurrences.items()},
            "orphans": {k: [make.state(), share] for k, (make, share) in self.orphans.items()},
            "keeper": self.keeper.state(),
            "unparented": self.unparented,
            "orphaned": self.orphaned,
            "model": {"name": self.model.name, **self.model.state()} if self.model else None,
            "report": self.report,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> FittedTable:
        """The table that `state` was taken from."""
        model = state["model"]
        reference = state["reference"]
        return cls(
            schema=pa.ipc.read_schema(pa.BufferReader(state["schema"].tobytes())),
            uuids=tuple(state["uuids"]),
            rows=state["rows"],
            reference=None if reference is None else table_from_state(reference),
            codec=TableCodec.from_state(state["codec"]),
            layout=tuple(
                Block(b["kind"], b["name"], tuple(b["cardinalities"]), tuple(b["ordered"]))
                for b in state["layout"]
            ),
            key_width=state["key_width"],
            lookups={k: Lookup(table_from_state(v)) for k, v in state["lookups"].items()},
            profiles={k: Profile.from_state(v) for k, v in state["profiles"].items()},
            degrees={k: DegreeModel.from_state(v) for k, v in state["degrees"].items()},
            fixed_degrees=dict(state["fixed_degrees"]),
            keys={k: KeyGenerator.from_state(v) for k, v in state["keys"].items()},
            sequences=dict(state["sequences"]),
            numbered={k: Numbering(tuple(v["group"]), v["start"]) for k, v in state["numbered"].items()},
            inherited=dict(state["inherited"]),
            repeated={k: dict(v) for k, v in state["repeated"].items()},
            families={k: tuple(v) for k, v in state["families"].items()},
            order=Order.from_state(state["order"]) if state["order"] else None,
            history=History.from_state(state["history"]) if state["history"] else None,
            context=tuple(state["context"]),
            gaps={k: Gap.from_state(v) for k, v in state["gaps"].items()},
            recurrences={k: Recurrence.from_state(v) for k, v in state["recurrences"].items()},
            orphans={k: (KeyGenerator.from_state(m), s) for k, (m, s) in state["orphans"].items()},
            keeper=Keeper.from_state(state["keeper"]),
            unparented=state["unparented"],
            orphaned=state["orphaned"],
            model=get_model(model["name"]).from_state(model) if model else None,
            report=dict(state["report"]),
        )


@dataclass
class FittedSchema:
    """All tables as learned.

    Attributes:
        metadata: The declarations.
        plan: The order of generation and the part of each foreign key.
        tables: The fitted tables, in the order of their generation.
        dtypes: Per table and column, the pandas dtype of the real frame, where it came as one.
        seed: The seed of the fit, which sampling starts from unless told otherwise.
        disguise: What the twin gets in the place of personal data.
        privacy: What was done for privacy, as facts; see `Synthesizer.privacy_report`.
    """

    metadata: Metadata
    plan: Plan
    tables: dict[str, FittedTable]
    dtypes: dict[str, dict[str, str]] = field(default_factory=dict)
    seed: int = 0
    disguise: Disguise = field(default_factory=Disguise)
    privacy: dict[str, Any] = field(default_factory=dict)

    def rules(self) -> dict[str, TableRules]:
        """Per table that has any, the rules that hold in every row."""
        return {name: self.rules_of(name) for name, table in self.tables.items() if table.keeper.rules}

    def rules_of(self, name: str) -> TableRules:
        """The rules that hold in every row of a table."""
        driver = self.plan.driver_of(name)
        keys = [link.key for link in self.plan.links_of(name) if link.role != "deferred"]
        return TableRules.of(self.tables[name].keeper.rules, driver.key if driver else None, keys)

    def made_up(self) -> tuple[list[tuple[str, str]], dict[str, tuple[str, ...]]]:
        """Tables with their columns of invented values; and per table the texts that lost names."""
        invented = [(column["table"], column["column"]) for column in self.privacy.get("columns", ())]
        return invented, {name: hidden.texts for name, hidden in self.disguise.tables.items()}

    def state(self) -> dict[str, Any]:
        """All fields, for an artefact."""
        return {
            "metadata": self.metadata.model_dump(mode="json"),
            "order": list(self.plan.order),
            "links": [{**asdict(link), "key": link.key.model_dump(mode="json")} for link in self.plan.links],
            "tables": {name: table.state() for name, table in self.tables.items()},
            "dtypes": self.dtypes,
            "seed": self.seed,
            "disguise": self.disguise.state(),
            "privacy": self.privacy,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> FittedSchema:
        """The schema that `state` was taken from."""
        links = tuple(
            Link(
                **{
                    **link,
                    "key": ForeignKey(**link["key"]),
                    "required": tuple(link["required"]),
                    "source": tuple(link["source"]),
                }
            )
            for link in state["links"]
        )
        return cls(
            metadata=Metadata.model_validate(state["metadata"]),
            plan=Plan(tuple(state["order"]), links),
            tables={name: FittedTable.from_state(table) for name, table in state["tables"].items()},
            dtypes=state["dtypes"],
            seed=state["seed"],
            disguise=Disguise.from_state(state["disguise"]),
            privacy=state["privacy"],
        )


def _bytes_to_array(data: bytes) -> npt.NDArray[np.uint8]:
    return np.frombuffer(data, np.uint8).copy()
