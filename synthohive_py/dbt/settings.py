"""All settings of the dbt package, in one table: names, types, defaults, and what they mean.

`dbt_synthohive/README.md` lists the same table; a test compares them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from synthohive_py.errors import SettingError, did_you_mean

__all__ = ["SETTINGS", "Scope", "Setting", "check", "project_settings"]

Scope = Literal["project", "table", "column", "test", "foreign_key"]
PREFIX = "synthohive_"
# How a message says what the items of a list must be.
_ITEMS: dict[type | None, str] = {
    None: "",
    str: " of names",
    list: " of lists of names",
    dict: " of mappings",
}


@dataclass(frozen=True)
class Setting:
    """One setting.

    Attributes:
        name: Its name; as a variable of the project it begins with `synthohive_`.
        scopes: Where it can be set: `project` as a variable, the others under `config.meta.synthohive` (a
            source's settings hold for its tables; `foreign_key` is an entry of a table's `foreign_keys`).
        kinds: The types a value may have.
        default: What holds where it is not set.
        meaning: What it does, in one sentence.
        choices: The values allowed; empty for any.
        items: What each item of a list must be; None for anything.
        required: Whether the place is incomplete without it.
    """

    name: str
    scopes: tuple[Scope, ...]
    kinds: tuple[type, ...]
    default: Any
    meaning: str
    choices: tuple[str, ...] = ()
    items: type | None = None
    required: bool = False


SETTINGS = (
    Setting(
        "model",
        ("project",),
        (str,),
        "ctgan",
        "The table model: `ctgan`, `autoregressive`, `tvae` or `gaussian_copula`.",
    ),
    Setting("model_options", ("project",), (dict,), {}, "Options of the model, such as `{epochs: 10}`."),
    Setting("seed", ("project",), (int,), 0, "Same seed and same data: same twins."),
    Setting("scale", ("project",), (float, int), 1.0, "Size of the twins as a multiple of the real tables."),
    Setting(
        "suffix",
        ("project",),
        (str,),
        "_synthetic",
        "What is added to a source's schema to name that of its twins.",
    ),
    Setting(
        "k_anonymity_threshold", ("project",), (int,), 5, "Values that fewer rows share are not learned."
    ),
    Setting(
        "pii_strategy",
        ("project",),
        (str,),
        None,
        "How personal data is replaced, names and addresses, too; without it, only what leads to a person by "
        "itself is (e-mails, telephone numbers, accounts), and columns with `pii: true`.",
        ("mask", "faker", "context_aware_faker"),
    ),
    Setting(
        "max_training_rows",
        ("project",),
        (int,),
        100_000,
        "Larger tables are learned from a sample of so many rows.",
    ),
    Setting(
        "max_fit_seconds",
        ("project",),
        (float, int),
        None,
        "Time for the training of all tables; twins then depend on the machine's speed.",
    ),
    Setting(
        "tolerance",
        ("project",),
        (float, int),
        0.1,
        "How far a distribution may be below its baseline; five times as far what columns say of each other.",
    ),
    Setting(
        "null_tolerance",
        ("project",),
        (float, int),
        0.02,
        "How far the rate of nulls may be from the real one.",
    ),
    Setting(
        "row_tolerance",
        ("project",),
        (float, int),
        0.05,
        "How far the number of rows may be from the real one.",
    ),
    Setting(
        "orphan_tolerance",
        ("project",),
        (float, int),
        0.02,
        "How many more orphans a key with `orphans: keep` may have.",
    ),
    Setting(
        "synthetic_targets",
        ("project",),
        (list, tuple),
        [],
        "Targets in which `synthetic_source()` gives the twins.",
    ),
    Setting("enabled", ("table",), (bool,), default=False, meaning="Whether the table gets a twin."),
    Setting(
        "mode",
        ("table",),
        (str,),
        "synthesize",
        "`reference` copies the real rows, for public lookup tables; `skip` makes no twin.",
        ("synthesize", "reference", "skip"),
    ),
    Setting(
        "passthrough",
        ("table",),
        (bool,),
        default=False,
        meaning="The table gets no twin, and `synthetic_source()` gives the real one.",
    ),
    Setting("primary_key", ("table",), (str, list), None, "The key, where no test says it.", items=str),
    Setting("unique", ("table",), (list,), [], "Further unique column sets, each a list.", items=list),
    Setting(
        "rules",
        ("table",),
        (list,),
        [],
        "What holds in every row and no test says: `shipped_at >= ordered_at`, `total = net + tax`.",
        items=str,
    ),
    Setting(
        "order_by",
        ("table",),
        (str,),
        None,
        "The column that the rows of one parent are sorted by, where it is not found.",
    ),
    Setting(
        "foreign_keys",
        ("table",),
        (list,),
        [],
        "Keys that no test says: `columns`, `parent`, `parent_columns`, `orphans`.",
        items=dict,
    ),
    Setting(
        "columns",
        ("foreign_key",),
        (str, list),
        None,
        "The column or columns here. Required.",
        items=str,
        required=True,
    ),
    Setting(
        "parent",
        ("foreign_key",),
        (str,),
        None,
        "The marked table referred to: `table` or `source.table`. Required.",
        required=True,
    ),
    Setting(
        "parent_columns",
        ("foreign_key",),
        (str, list),
        None,
        "Its columns, in the same order. Required.",
        items=str,
        required=True,
    ),
    Setting(
        "orphans",
        ("table", "column", "test", "foreign_key"),
        (str,),
        "drop",
        "`keep` gives the twin as many references to missing rows as the real table has.",
        ("drop", "keep"),
    ),
    Setting("min", ("column",), (float, int), None, "The smallest value allowed."),
    Setting("max", ("column",), (float, int), None, "The largest value allowed."),
    Setting(
        "pii",
        ("column",),
        (bool,),
        None,
        "`true`: the column holds personal data, and the twin gets invented values. `false`: it holds none, "
        "though it looks so.",
    ),
    Setting(
        "ignore",
        ("test",),
        (bool,),
        default=False,
        meaning="The test declares nothing: no foreign key, no accepted values, no range, no rule.",
    ),
)


def check(
    settings: Mapping[str, Any], scope: Scope, *, table: str, column: str | None = None
) -> dict[str, Any]:
    """The settings of one place, if all of them are known and of the right type.

    Raises:
        SettingError: One is not; the message names table, column and the known ones.
    """
    known = {setting.name: setting for setting in SETTINGS if scope in setting.scopes}
    for name, value in settings.items():
        if name not in known:
            raise SettingError(
                f"there is no setting {name!r} here",
                table=table,
                column=column,
                expected=f"one of {', '.join(sorted(known))}",
                remedy=_advice(name, known, "config.meta.synthohive"),
            )
        _check_value(known[name], value, table=table, column=column)
    missing = [name for name, setting in known.items() if setting.required and not settings.get(name)]
    if missing:
        raise SettingError(
            f"an entry of foreign_keys lacks {', '.join(missing)}",
            table=table,
            column=column,
            expected="columns, parent and parent_columns",
            remedy="add what is missing under config.meta.synthohive.foreign_keys",
        )
    for entry in settings.get("foreign_keys") or ():
        check(entry, "foreign_key", table=table)
    return dict(settings)


def project_settings(meta: Mapping[str, Any] | None) -> dict[str, Any]:
    """All project settings: the variables that are set, and the defaults of the others.

    Args:
        meta: `config.meta` of one of the package's models; keys without the prefix are the user's own.

    Raises:
        SettingError: A variable is unknown or of the wrong type.
    """
    known = {setting.name: setting for setting in SETTINGS if "project" in setting.scopes}
    values = {name: setting.default for name, setting in known.items()}
    for key, value in (meta or {}).items():
        if not key.startswith(PREFIX) or value is None:
            continue
        name = key.removeprefix(PREFIX)
        if name not in known:
            raise SettingError(
                f"there is no variable {key!r}",
                expected=f"one of {', '.join(PREFIX + n for n in sorted(known))}",
                remedy=_advice(name, known, "the variables"),
            )
        _check_value(known[name], value, prefix=PREFIX)
        values[name] = value
    return values


def _check_value(
    setting: Setting, value: Any, *, table: str | None = None, column: str | None = None, prefix: str = ""
) -> None:
    is_wrong_kind = not isinstance(value, setting.kinds) or (
        isinstance(value, bool) and bool not in setting.kinds
    )
    if is_wrong_kind or (setting.choices and value not in setting.choices) or not _are_items(setting, value):
        kinds = " or ".join(kind.__name__ for kind in setting.kinds)
        kinds += _ITEMS[setting.items]
        raise SettingError(
            f"setting {prefix + setting.name!r} has a wrong value",
            table=table,
            column=column,
            expected=f"one of {', '.join(setting.choices)}" if setting.choices else kinds,
            received=repr(value),
        )


def _are_items(setting: Setting, value: Any) -> bool:
    """Whether the items of a list are what they must be; a column set is a list of names."""
    if setting.items is None or not isinstance(value, list):
        return True
    names = [name for item in value if isinstance(item, list) for name in item]
    return all(isinstance(item, setting.items) for item in value) and all(isinstance(n, str) for n in names)


def _advice(name: str, known: Mapping[str, Setting], place: str) -> str:
    return did_you_mean(name, known) or f"remove it from {place}"
