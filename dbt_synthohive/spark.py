"""dbt's Python models on a Spark session in this process, which dbt-spark compiles but can't submit."""

from __future__ import annotations

from typing import Any

from dbt.adapters.base.impl import PythonJobHelper
from dbt_common.exceptions import DbtRuntimeError

from dbt_synthohive.job import told

__all__ = ["SessionJob"]


class SessionJob(PythonJobHelper):
    """The submission method `session`: the compiled script runs here, on dbt's own session.

    Args:
        parsed_model: The model's node.
        credentials: The profile, whose `server_side_parameters` the session has.
    """

    def __init__(self, parsed_model: dict[str, Any], credentials: Any) -> None:
        self.parsed_model, self.credentials = parsed_model, credentials

    def submit(self, compiled_code: str) -> None:
        """Run the script, which reads and writes tables with `spark`.

        Raises:
            DbtRuntimeError: It failed.
        """
        from pyspark.sql import SparkSession

        # The same call as dbt-spark's, so that it gives the same session, with its temporary views.
        builder = SparkSession.builder.enableHiveSupport()
        for name, value in (self.credentials.server_side_parameters or {}).items():
            builder = builder.config(name, value)
        scope = {"__name__": self.parsed_model["name"], "spark": builder.getOrCreate()}
        path = self.parsed_model["original_file_path"]
        try:
            exec(compile(compiled_code.lstrip(), path, "exec"), scope)  # noqa: S102  it is the user's
        except Exception as error:  # a user's code may raise anything
            raise DbtRuntimeError(f"Python model failed:\n{told(error)}") from error
