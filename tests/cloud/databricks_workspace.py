"""A workspace of Databricks for dbt: its SQL and its notebooks run on Sail, and what dbt asked for is kept.

No emulator of Databricks is known. What dbt speaks with is replaced where the vendor's packages begin: the
driver's connection, and the client of the workspace. All of dbt's adapter before that is the real one.
"""

from __future__ import annotations

import base64
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest
from databricks.sdk.service.compute import CommandStatus, CommandStatusResponse, State
from databricks.sdk.service.jobs import Run, RunLifeCycleState, RunResultState, RunState
from dbt.adapters.databricks import connections
from dbt.adapters.databricks.credentials import DatabricksCredentialManager
from dbt.adapters.databricks.handle import dbsql

CATALOG = "hive_metastore"
VERSION = ("spark.databricks.clusterUsageTags.sparkVersion", "16.4.x-scala2.13")


class Workspace:
    """A cluster with a session, and the code that was submitted to it.

    Notebooks run as jobs, which bring their libraries; commands do not.

    Args:
        session: What a notebook has as `spark`, and what the driver's statements run on.
    """

    def __init__(self, session: Any) -> None:
        self.session = session
        self.notebooks: dict[str, str] = {}
        self.tasks: list[dict[str, Any]] = []
        self.commands: list[str] = []
        self.client = MagicMock()
        self.client.clusters.get.return_value.state = State.RUNNING
        self.client.current_user.me.return_value.user_name = "me@example.com"
        self.client.workspace.import_.side_effect = self._import
        self.client.jobs.submit.side_effect = self._submit
        self.client.command_execution.execute.side_effect = self._execute

    def _import(self, *, path: str, content: str, **_: Any) -> None:
        self.notebooks[path] = base64.b64decode(content).decode()

    def _submit(self, *, tasks: list[Any], **_: Any) -> Any:
        task = tasks[0].as_dict()
        self.tasks.append(task)
        self._run(self.notebooks[task["notebook_task"]["notebook_path"]])
        state = RunState(RunLifeCycleState.TERMINATED, result_state=RunResultState.SUCCESS)
        self.client.jobs.get_run.return_value = Run(job_id=1, run_id=len(self.tasks), state=state)
        return SimpleNamespace(run_id=len(self.tasks))

    def _execute(self, *, command: str, **_: Any) -> Any:
        self.commands.append(command)
        self._run(command)
        done = CommandStatusResponse(status=CommandStatus.FINISHED)
        self.client.command_execution.command_status.return_value = done
        return SimpleNamespace(command_id=str(len(self.commands)))

    def _run(self, code: str) -> None:
        """A program of its own, which has `spark`."""
        exec(compile(code, "submitted", "exec"), {"__name__": "__main__", "spark": self.session})  # noqa: S102  dbt's

    def replaces(self, monkeypatch: pytest.MonkeyPatch) -> Workspace:
        """Let dbt find this one."""
        # Else it asks the host what it is.
        monkeypatch.setattr(connections, "check_spog_preconditions", lambda **_: None)
        monkeypatch.setattr(DatabricksCredentialManager, "api_client", self.client)
        monkeypatch.setattr(dbsql, "connect", lambda **_: Connection(self))
        return self


class Connection:
    """The driver's connection."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    def cursor(self) -> Cursor:
        return Cursor(self)

    def get_session_id_hex(self) -> str:
        return "0"

    def close(self) -> None:
        """There is nothing to close: the session is the test's."""


class Cursor:
    """The driver's cursor."""

    query_id = "0"

    def __init__(self, connection: Connection) -> None:
        self.connection, self.rows = connection, []
        self.description: list[tuple[Any, ...]] | None = None

    def execute(self, sql: str, bindings: Any = None) -> Cursor:
        assert not bindings
        if sql.startswith("SET "):
            return self._answer(["key", "value"], [VERSION])
        frame = self.connection.workspace.session.sql(sql)
        return self._answer(frame.columns, [tuple(row) for row in frame.collect()])

    def schemas(self, catalog: str, schema: str | None = None) -> Cursor:
        found = self.connection.workspace.session.sql(
            f"show schemas in {catalog} like '{schema or '*'}'"
        ).collect()
        return self._answer(["TABLE_SCHEM", "TABLE_CATALOG"], [(row[0], catalog) for row in found])

    def tables(self, catalog: str, schema: str) -> Cursor:
        found = self.connection.workspace.session.sql(f"show tables in {catalog}.{schema}").collect()
        rows = [(row["tableName"], "TABLE") for row in found]
        return self._answer(["TABLE_NAME", "TABLE_TYPE"], rows)

    def _answer(self, names: list[str], rows: list[tuple[Any, ...]]) -> Cursor:
        self.description, self.rows = [(name, "string") for name in names], rows
        return self

    def fetchall(self) -> list[tuple[Any, ...]]:
        rows, self.rows = self.rows, []
        return rows

    def fetchone(self) -> tuple[Any, ...] | None:
        return self.rows.pop(0) if self.rows else None

    def fetchmany(self, size: int) -> list[tuple[Any, ...]]:
        rows, self.rows = self.rows[:size], self.rows[size:]
        return rows

    def close(self) -> None:
        """It holds nothing."""
