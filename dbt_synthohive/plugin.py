"""The dbt plugin: Python models for adapters that have none.

dbt starts its plugins after it has loaded the profile's adapter class and before it makes the adapter. In
between, the class is replaced by a subclass of it, in dbt's own register and for this command only. The
profile stays as it is, and no class of dbt is changed.
"""

from __future__ import annotations

import copy
import functools
import logging
import os
from typing import Any

from dbt.plugins.manager import dbtPlugin

from dbt_synthohive.telling import tell_dbt

__all__ = ["SWITCH", "SynthoHivePlugin", "register"]

logger = logging.getLogger(__name__)

SWITCH = "SYNTHOHIVE_DBT_PLUGIN"  # an environment variable; `off` leaves dbt as it is

POSTGRES = "dbt.adapters.postgres.impl.PostgresAdapter"
SPARK = "dbt.adapters.spark.impl.SparkAdapter"


class SynthoHivePlugin(dbtPlugin):
    """Gives Python models to Postgres, and to Spark the submission method `session`."""

    def initialize(self) -> None:
        """Register the adapters. No error leaves this method: it would end commands that need none of it."""
        if os.environ.get(SWITCH, "").strip().lower() == "off":
            return
        try:
            register()
            tell_dbt()
        except Exception as error:  # noqa: BLE001  see above
            logger.warning("SynthoHive's dbt plugin does nothing: %s", error)


def register() -> None:
    """Put subclasses with Python models in the place of the adapter classes that dbt has loaded."""
    from dbt.adapters.factory import FACTORY

    with FACTORY.lock:
        for name, plugin in list(FACTORY.plugins.items()):
            extended = _extended(plugin.adapter)
            if extended is not plugin.adapter:
                # A copy: the adapter's own module keeps what it has, and the next command may want that.
                FACTORY.plugins[name] = copy.copy(plugin)
                FACTORY.plugins[name].adapter = extended


def _extended(adapter: Any) -> Any:
    """A subclass, or the class itself if it is none of those meant or can do it already."""
    names = {f"{base.__module__}.{base.__qualname__}" for base in adapter.__mro__}
    if hasattr(adapter, "synthohive_local"):
        return adapter
    if POSTGRES in names and not _has_python_models(adapter):
        return _with_python_models(adapter)
    # Not its subclasses: dbt-databricks has methods of its own.
    if f"{adapter.__module__}.{adapter.__qualname__}" == SPARK:
        return _with_session_method(adapter)
    return adapter


def _has_python_models(adapter: Any) -> bool:
    from dbt.adapters.base.impl import BaseAdapter

    parts = ("submit_python_job", "python_submission_helpers")
    return any(getattr(adapter, part) is not getattr(BaseAdapter, part) for part in parts)


@functools.cache
def _with_python_models(base: Any) -> Any:
    from dbt.adapters.base.meta import available

    def submit_python_job(self: Any, parsed_model: dict[str, Any], compiled_code: str) -> Any:
        from dbt_synthohive.job import run_model

        return run_model(self, parsed_model, compiled_code)

    def synthohive_local(self: Any) -> bool:  # noqa: ARG001  the materialization asks whether it is there
        return True

    return _subclass(base, submit_python_job=submit_python_job, synthohive_local=available(synthohive_local))


@functools.cache
def _with_session_method(base: Any) -> Any:
    def python_submission_helpers(self: Any) -> dict[str, Any]:
        from dbt_synthohive.spark import SessionJob

        # Theirs last: should dbt-spark learn the method one day, its own is taken.
        return {"session": SessionJob, **base.python_submission_helpers.fget(self)}

    def default_python_submission_method(self: Any) -> str:
        method = str(getattr(self.connections.profile.credentials.method, "value", ""))
        return "session" if method == "session" else base.default_python_submission_method.fget(self)

    return _subclass(
        base,
        python_submission_helpers=property(python_submission_helpers),
        default_python_submission_method=property(default_python_submission_method),
    )


def _subclass(base: Any, **members: Any) -> Any:
    """Same name and module, so that logs and dbt's own checks see the adapter that the profile names."""
    names = {"__module__": base.__module__, "__qualname__": base.__qualname__, "__doc__": base.__doc__}
    return type(base)(base.__name__, (base,), {**names, **members})
