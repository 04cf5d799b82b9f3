"""The relational schema that a twin is made for: tables, keys, foreign keys and rules.

>>> metadata = Metadata()
>>> metadata.add_table("users", pk="user_id")
>>> metadata.add_table("orders", pk=["user_id", "line"], fk={"user_id": "users.user_id"})
>>> metadata.tables["orders"].foreign_keys[0].parent
'users'
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from synthohive_py.clauses import Clause, parse_clauses
from synthohive_py.earlier_settings import without_earlier
from synthohive_py.errors import SchemaError, SchemaValidationError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = ["Constraint", "ForeignKey", "Metadata", "Mode", "Orphans", "TableConfig"]

Mode = Literal["synthesize", "reference", "skip"]
Orphans = Literal["drop", "keep"]


def _as_columns(value: object) -> object:
    """One name, several names or none: always a tuple."""
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else value


def _each_once(columns: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(columns)) != len(columns):
        raise ValueError(f"a column is named twice in {list(columns)}")
    return columns


Texts = Annotated[tuple[str, ...], BeforeValidator(_as_columns)]  # one text, several or none
Columns = Annotated[Texts, AfterValidator(_each_once)]
SomeColumns = Annotated[Columns, Field(min_length=1)]


class _Declaration(BaseModel):
    """What all declarations share: unknown words refused, and errors of our own tree."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def __init__(self, **fields: Any) -> None:
        try:
            super().__init__(**fields)
        except ValidationError as error:
            raise _schema_error(type(self), fields, error) from error
        except SchemaError as error:  # of a part: it is told of which table
            if error.table or not isinstance(fields.get("name"), str):
                raise
            raise SchemaError(
                error.problem.summary, table=fields["name"], remedy=error.problem.remedy
            ) from error


# What pydantic finds, in our words.
_WORDS = {
    "missing": "is missing",
    "extra_forbidden": "there is no such field",
    "literal_error": "must be {expected}",
    "string_type": "must be a text",
    "string_too_short": "must not be empty",
    "too_short": "must not be empty",
    "tuple_type": "must be a text or a list of texts",
    "list_type": "must be a list",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping of its fields",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "bool_type": "must be True or False",
    "bool_parsing": "must be True or False",
    "value_error": "{error}",
}


def _schema_error(what: type[BaseModel], fields: Mapping[str, Any], error: ValidationError) -> SchemaError:
    details, misspelt = [], []
    for found in error.errors():
        words = _WORDS.get(found["type"], "is nothing that this field takes").format(**found.get("ctx", {}))
        place = ".".join(map(str, found["loc"]))
        is_whole = found["type"] in ("missing", "value_error")  # then the input is the declaration itself
        got = "" if is_whole else f" (got {str(found['input'])[:80]!r})"
        details.append(f"{place}: {words}{got}" if place else f"{words}{got}")
        if found["type"] == "extra_forbidden":
            known = [*what.model_fields, *(["fk"] if what is TableConfig else [])]
            misspelt.append(did_you_mean(found["loc"][-1], known) or f"take one of {', '.join(known)}")
    name = fields.get("name")
    return SchemaError(
        f"{what.__name__} is declared wrongly: {'; '.join(dict.fromkeys(details))}",
        table=name if isinstance(name, str) else None,
        remedy=next(filter(None, misspelt), f"see the fields of synthohive_py.{what.__name__}"),
    )


class Constraint(_Declaration):
    """A rule on the values of one numeric column, kept by every generated row.

    Attributes:
        dtype: `int` for whole numbers only; `float` and None leave the values as learned.
        min: The smallest value allowed.
        max: The largest value allowed.
    """

    dtype: Literal["int", "float"] | None = None
    min: float | None = None
    max: float | None = None

    @model_validator(mode="after")
    def _bounds_in_order(self) -> Constraint:
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min} is above max {self.max}")
        return self


class ForeignKey(_Declaration):
    """Columns of a table whose values are a key of another table, or of the table itself.

    Attributes:
        columns: The columns here; a single name may be given as a string.
        parent: The table referred to.
        parent_columns: Its columns, in the same order.
        orphans: What becomes of real values that no parent has: `drop` never generates one,
            `keep` generates as many as the real data has, with values no parent has.
        driver: Whether rows are generated parent by parent along this key. At most one key of a
            table can be the driver; by default the planner chooses.
    """

    columns: Columns
    parent: str
    parent_columns: Texts
    orphans: Orphans = "drop"
    driver: bool = False

    @model_validator(mode="after")
    def _ends_match(self) -> ForeignKey:
        if not self.columns or len(self.columns) != len(self.parent_columns):
            raise ValueError(
                f"{len(self.columns)} columns {list(self.columns)} can't refer to "
                f"{len(self.parent_columns)} parent columns {list(self.parent_columns)}"
            )
        return self

    def __str__(self) -> str:
        return f"({', '.join(self.columns)}) -> {self.parent}({', '.join(self.parent_columns)})"


class TableConfig(_Declaration):
    """One table of the schema.

    Attributes:
        name: The table's name.
        pk: The columns of the primary key; empty if there is none.
        foreign_keys: The keys that refer to other tables.
        unique: Further combinations of columns whose values are unique.
        constraints: Rules per numeric column.
        accepted_values: Per column, the closed set its values come from. These values are always
            kept, even the rare ones that would otherwise be withheld.
        order_by: The column that the rows of one parent are sorted by (a date, a time or a whole number
            without nulls); by default it is found in the data.
        rules: What holds in every row, as SQL comparisons of columns (`shipped_at >= ordered_at`,
            `total = net + tax`, `parent.signed_up <= ordered_at`) and a few more forms; see
            `synthohive_py.clauses`. Most rules need no declaring: they are found in the data.
        pii_cols: Columns that hold personal data: the twin gets invented values in them; see docs/privacy.md.
        public_cols: Columns that hold no personal data though they look so: they are learned as any other.
        mode: `synthesize` learns and generates; `reference` copies the real rows as they are (for
            public lookup tables); `skip` leaves the table out.
        parent_context_cols: For a model class of your own, a `ConditionalGenerativeModel`: the columns of
            its parents that it is given as context. Our models see all of them.
        relation: Where the table is, if it is in a database: database, schema and identifier. By default it
            is in the schema of the URL, under its own name.
    """

    name: str = Field(min_length=1)
    pk: Columns = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    unique: tuple[SomeColumns, ...] = ()
    constraints: dict[str, Constraint] = {}
    accepted_values: dict[str, list[Any]] = {}
    order_by: str | None = None
    rules: Texts = ()
    pii_cols: Columns = ()
    public_cols: Columns = ()
    parent_context_cols: Columns = ()
    mode: Mode = "synthesize"
    relation: tuple[()] | tuple[str, str, str] = ()

    @model_validator(mode="before")
    @classmethod
    def _accept_earlier_fields(cls, fields: Any) -> Any:
        """Those of the earlier implementation that mean nothing here any more."""
        return without_earlier("TableConfig", fields) if isinstance(fields, Mapping) else fields

    @model_validator(mode="before")
    @classmethod
    def _accept_fk_shorthand(cls, fields: Any) -> Any:
        """`fk={"user_id": "users.id"}` is short for a list of single-column foreign keys."""
        if not isinstance(fields, Mapping) or "fk" not in fields:
            return fields
        rest = {k: v for k, v in fields.items() if k != "fk"}
        short, keys = fields["fk"] or {}, rest.get("foreign_keys") or ()
        if not isinstance(short, Mapping):
            raise ValueError(  # noqa: TRY004 - pydantic turns it into an error of ours
                f"fk must be a mapping of columns to 'parent.column', not {short!r}"
            )
        if not isinstance(keys, list | tuple):
            return rest  # refused where the field's type is checked
        keys = list(keys)
        for column, target in short.items():
            # Table names may hold dots ("db.users"), column names after the last one don't.
            parent, dot, parent_column = str(target).rpartition(".")
            if not dot or not parent or not parent_column:
                raise ValueError(f"fk {column!r} must be 'parent.column', not {target!r}")
            keys.append({"columns": column, "parent": parent, "parent_columns": parent_column})
        return {**rest, "foreign_keys": keys}

    @model_validator(mode="after")
    def _one_driver(self) -> TableConfig:
        drivers = [str(key) for key in self.foreign_keys if key.driver]
        if len(drivers) > 1:
            raise ValueError(f"only one foreign key can be the driver, not {drivers}")
        return self

    @model_validator(mode="after")
    def _rules_are_understood(self) -> TableConfig:
        for text in self.rules:
            parse_clauses(text)
        return self

    @property
    def clauses(self) -> tuple[Clause, ...]:
        """The declared rules, read."""
        return tuple(clause for text in self.rules for clause in parse_clauses(text))

    @property
    def fk(self) -> dict[str, str]:
        """The foreign keys of one column, each as `parent.column`."""
        single = [key for key in self.foreign_keys if len(key.columns) == 1]
        return {key.columns[0]: f"{key.parent}.{key.parent_columns[0]}" for key in single}

    @property
    def has_dependencies(self) -> bool:
        """Whether the table refers to any table."""
        return bool(self.foreign_keys)

    @property
    def unique_sets(self) -> tuple[tuple[str, ...], ...]:
        """Every combination of columns that is unique, the primary key first."""
        sets = ([self.pk] if self.pk else []) + [u for u in self.unique if set(u) != set(self.pk)]
        return tuple(dict.fromkeys(sets))


class Metadata(_Declaration):
    """The tables of a schema, by name.

    Attributes:
        tables: The tables.
        home: What tells the database that they were read from from all others; empty if nobody knows.

    Raises:
        SchemaError: A table is declared wrongly.
    """

    model_config = ConfigDict(frozen=False)

    tables: dict[str, TableConfig] = {}
    home: str = ""

    # What these three call lies above this module; it is imported when they are called.

    @classmethod
    def from_dataframes(cls, frames: Mapping[str, pa.Table | pd.DataFrame]) -> Metadata:
        """Guess the keys from the rows and from the names of their columns.

        A primary key is unique and without nulls. A foreign key holds values of another table's primary key
        and has a name that says so: `customer_id` for `customers`, or the name that the key has there. Every
        guess is logged (level INFO): look at them, a declared key is better than a guessed one.

        Args:
            frames: The real tables by name.

        Raises:
            DataError: They are no tables by name, or a column holds what can't be learned.
        """
        from synthohive_py.infer import infer_schema

        return infer_schema(frames)

    @classmethod
    def from_database(cls, url: str) -> Metadata:
        """The tables of a database with the keys that it declares.

        Args:
            url: Such as `duckdb:///shop.duckdb?schema=shop` or `postgresql://user:password@host/shop`.

        Raises:
            ConnectorError: There is no such database, schema or driver, or it does not let us in.
        """
        from synthohive_py.connectors import reflect_url

        return reflect_url(url)

    @classmethod
    def from_dbt(cls, manifest: str | os.PathLike[str]) -> Metadata:
        """The marked sources of a dbt project with what their tests, constraints and settings say.

        The package's dbt models understand them in the same way. Each table knows where it is (`relation`),
        so that `Synthesizer(metadata).fit(url)` finds it.

        Args:
            manifest: The project's folder, or its `target/manifest.json`, which any dbt command writes.

        Raises:
            SchemaError: There is no manifest, or it has no marked source.
            SchemaValidationError: A foreign key refers to a table that is not marked.
            SettingError: A setting is unknown or has a wrong value.
        """
        from synthohive_py.dbt.manifest import read_manifest

        return read_manifest(manifest).metadata

    def add_table(self, name: str, pk: str | Sequence[str] | None = None, **options: Any) -> None:
        """Declare a table.

        Args:
            name: The table's name.
            pk: Its primary key: a column, several columns, or None.
            **options: Any other field of `TableConfig`, and `fk={"column": "parent.column"}`.

        Raises:
            SchemaError: The name is taken, an option is unknown or its value is wrong.
        """
        fields: dict[str, Any] = {"name": name, "pk": pk, **options}
        table = TableConfig(**fields)
        if name in self.tables:
            raise SchemaError(
                "is declared twice", table=name, remedy="declare each table once, with all its options"
            )
        self.tables[name] = table

    def get_table(self, name: str) -> TableConfig | None:
        """The table of this name, or None."""
        return self.tables.get(name)

    @property
    def modelled(self) -> dict[str, TableConfig]:
        """The tables that take part: all but the skipped ones."""
        return {name: table for name, table in self.tables.items() if table.mode != "skip"}

    @property
    def key_columns(self) -> dict[str, tuple[str, ...]]:
        """Per table that takes part the columns of its keys, and those that other tables' keys refer to."""
        tables = self.modelled
        found = {
            name: [*table.pk, *(column for key in table.foreign_keys for column in key.columns)]
            for name, table in tables.items()
        }
        for table in tables.values():
            for key in table.foreign_keys:
                if key.parent in found:  # else it is skipped, or not declared, which `validate` says
                    found[key.parent] += key.parent_columns
        return {name: tuple(dict.fromkeys(columns)) for name, columns in found.items()}

    def validate(self, data: Mapping[str, pa.Table | pd.DataFrame] | None = None) -> None:  # type: ignore[override]
        """Check the schema, and the data against it, before anything is trained.

        Args:
            data: The real tables by name; without them only the declarations are checked.

        Raises:
            SchemaValidationError: Lists every problem found, not only the first.
        """
        # Imported here because the checks import this module for the types they check.
        from synthohive_py.validation import find_problems

        problems = find_problems(self, data)
        if problems:
            raise SchemaValidationError(problems)

    def validate_schema(self, real_data: Mapping[str, pa.Table | pd.DataFrame] | None = None) -> None:
        """The same as `validate`, under its earlier name."""
        self.validate(real_data)
