"""fakesnow, an emulator of Snowflake on DuckDB, as a server; and what it lacks, as far as our tests need it.

What passes here speaks Snowflake's protocol with Snowflake's own driver, but no Snowflake has run it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import snowflake.connector
from fakesnow import server
from fakesnow.cursor import FakeSnowflakeCursor
from fakesnow.server import shared_fs

# What the emulator does not take, and what does the same there.
LACKING = (
    (r"^create temporary table", "create table"),  # it takes none with a schema
    (r"^(put '[^']+') '(@[^']+)'", r"\1 \2"),  # it takes no stage in quotes
    (r"\bBINARY\(8388608\)", "BINARY"),  # which it writes itself
    (
        r"^create or replace table (\S+) clone (\S+) copy grants$",
        r"create or replace table \1 as select * from \2",
    ),
)


@contextmanager
def emulator() -> Iterator[dict[str, Any]]:
    """A server in this process, with the database ACME and no other; gives what a connection needs."""
    plain = FakeSnowflakeCursor.execute

    def execute(self: Any, command: str, *arguments: Any, **options: Any) -> Any:
        for pattern, instead in LACKING:
            command = re.sub(pattern, instead, command, flags=re.IGNORECASE)
        return plain(self, command, *arguments, **options)

    FakeSnowflakeCursor.execute = execute
    try:
        with server() as given:
            kept = ("user", "password", "account", "host", "port", "protocol")
            options = {key: given[key] for key in kept}
            # As Snowflake does it: who comes with a name that is not there is let in, and finds nothing.
            shared_fs.create_database_on_connect = False
            shared_fs.create_schema_on_connect = False
            with snowflake.connector.connect(**options) as connection:
                connection.cursor().execute("create database if not exists ACME")
            yield options
    finally:
        FakeSnowflakeCursor.execute = plain
