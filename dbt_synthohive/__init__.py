"""The dbt package's folder, which dbt also imports as a plugin module because of its name.

An error here would end every dbt command on the machine. So this module imports nothing before dbt asks for
its plugins, and then gives none if they can't be had.
"""

from __future__ import annotations

import logging
from typing import Any

__all__ = ["plugins"]

logger = logging.getLogger(__name__)

plugins: list[Any]  # dbt looks for this name


def __getattr__(name: str) -> Any:
    if name != "plugins":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: list[Any] = []
    try:
        from dbt_synthohive.plugin import SynthoHivePlugin

        found.append(SynthoHivePlugin)
    except Exception as error:  # noqa: BLE001  whatever it is, dbt must go on
        logger.warning("SynthoHive's dbt plugin is not loaded: %s", error)
    globals()["plugins"] = found  # asked for more than once
    return found
