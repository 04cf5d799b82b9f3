"""One table of settings, and a documentation that lists the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from synthohive_py.dbt.settings import SETTINGS, check, project_settings
from synthohive_py.errors import SettingError

PACKAGE = Path(__file__).parents[2] / "dbt_synthohive"


def shown(value: object) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return "" if value is None else f"`{text}`"


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_every_setting_is_documented_with_its_default(setting) -> None:
    is_variable = "project" in setting.scopes
    name = f"`synthohive_{setting.name}`" if is_variable else f"`{setting.name}`"
    cells = [name, shown(setting.default), setting.meaning]
    if not is_variable:
        cells.insert(1, ", ".join(setting.scopes))

    assert f"| {' | '.join(cells)} |" in (PACKAGE / "README.md").read_text()


def test_the_documentation_lists_no_other_setting() -> None:
    documented = re.findall(r"^\| `(\w+)` \|", (PACKAGE / "README.md").read_text(), re.MULTILINE)
    names = [f"synthohive_{s.name}" if "project" in s.scopes else s.name for s in SETTINGS]

    assert [
        d
        for d in documented
        if d not in ("synthohive_schema", "synthohive_models", "synthohive_tables", "synthohive_quality")
    ] == names


def test_the_models_get_every_variable() -> None:
    models = yaml.safe_load((PACKAGE / "models" / "_synthohive.yml").read_text())["models"]
    passed = {model["name"]: set(model["config"].get("meta", {})) for model in models}
    # The targets are known to dbt alone.
    wanted = {f"synthohive_{s.name}" for s in SETTINGS if "project" in s.scopes} - {
        "synthohive_synthetic_targets"
    }

    assert passed == {name: set() if name == "synthohive_schema" else wanted for name in passed}


def test_defaults_hold_where_nothing_is_set() -> None:
    settings = project_settings({"synthohive_seed": None, "owner": "someone"})

    assert settings == {s.name: s.default for s in SETTINGS if "project" in s.scopes}


@pytest.mark.parametrize(
    ("meta", "message"),
    [
        ({"synthohive_sead": 1}, r"synthohive_sead.*did you mean 'seed'"),
        ({"synthohive_seed": True}, "synthohive_seed.*expected int"),
        ({"synthohive_model_options": []}, "expected dict"),
    ],
)
def test_wrong_variables_are_refused(meta: dict[str, object], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        project_settings(meta)


def test_a_setting_in_the_wrong_place_is_refused() -> None:
    with pytest.raises(SettingError, match=r"orders.status: there is no setting 'mode' here"):
        check({"mode": "skip"}, "column", table="orders", column="status")
