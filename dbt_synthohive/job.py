"""A dbt Python model of an adapter that has none: run here, its rows written by dbt's own connection."""

from __future__ import annotations

import traceback
from typing import Any
from urllib.parse import quote, urlencode

from dbt.adapters.contracts.connection import AdapterResponse
from dbt_common.exceptions import DbtRuntimeError

__all__ = ["run_model", "told", "uri_of"]

# What libpq and the profile call alike.
PARAMETERS = (
    *("host", "port", "connect_timeout", "sslmode", "sslcert", "sslkey", "sslrootcert"),
    *("application_name", "keepalives_idle"),
)


def run_model(adapter: Any, parsed_model: dict[str, Any], compiled_code: str) -> AdapterResponse:
    """Run a Python model, and write what it returns into the relation that its materialization names.

    The model reads and writes through a session of its own. Meanwhile dbt's connection holds no transaction
    open: a training may take an hour. Then the rows are written in dbt's transaction, which the
    materialization ends.

    Args:
        adapter: The adapter, whose connection of this thread is used.
        parsed_model: The model's node.
        compiled_code: The module: the model, dbt's `dbtObj` and `synthohive_target`.

    Raises:
        DbtRuntimeError: The model failed, or its rows can't be written.
    """
    _end_idle_transaction(adapter)
    file = parsed_model["original_file_path"]
    scope: dict[str, Any] = {"__name__": parsed_model["name"]}
    try:
        from synthohive_py.dbt.session import PostgresSession, as_copy

        # The model comes first, so lines are numbered as in its file.
        exec(compile(compiled_code, file, "exec"), scope)  # noqa: S102  it is the user's
        session = PostgresSession(uri_of(adapter.connections.profile.credentials))
        result = as_copy(scope["model"](scope["dbtObj"](session.table), session))
    except Exception as error:  # a user's code may raise anything
        raise DbtRuntimeError(f"Python model failed:\n{told(error)}") from error
    target = scope["synthohive_target"]
    columns = ", ".join(f"{adapter.quote(name)} {kind}" for name, kind in result.columns.items())
    adapter.execute(f"create table {target} ({columns})", auto_begin=True)
    sql = f"copy {target} from stdin with (format csv)"
    with adapter.connections.exception_handler(sql), result.csv as csv:
        adapter.connections.get_thread_connection().handle.cursor().copy_expert(sql, csv)
    return AdapterResponse(_message=f"COPY {result.rows}", code="COPY", rows_affected=result.rows)


def uri_of(credentials: Any) -> str:
    """The profile's database as a libpq URI, with its password.

    Host and port stand behind the question mark, where also the folder of a socket can.
    """
    options = {"search_path": credentials.search_path, "role": credentials.role}
    # As dbt does it: the server splits at spaces that have no backslash.
    told = " ".join(f"-c {k}={v.replace(' ', chr(92) + ' ')}" for k, v in options.items() if v)
    query = {name: getattr(credentials, name, None) for name in PARAMETERS} | {"options": told}
    user, password, database = (
        quote(str(part or ""), safe="")
        for part in (credentials.user, credentials.password, credentials.database)
    )
    who = f"{user}:{password}@" if password else f"{user}@"
    what = urlencode({k: v for k, v in query.items() if v}, quote_via=quote, safe="")
    return f"postgresql://{who}/{database}?{what}"


def _end_idle_transaction(adapter: Any) -> None:
    """End what the driver began by itself, such as for `set role`, where dbt knows of no transaction."""
    connection = adapter.connections.get_thread_connection()
    if connection.state == "open" and not connection.transaction_open:
        connection.handle.commit()


def told(error: Exception) -> str:
    """Our errors say all that is needed; of others, the way through the model's code."""
    if type(error).__module__ == "synthohive_py.errors":
        return f"{type(error).__name__}: {error}"
    return "".join(traceback.format_exception(error)).rstrip()
