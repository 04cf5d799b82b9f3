"""A private server of Spark Connect for tests and benchmarks: Sail, without Java."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SERVE = """
import sys
from pysail.spark import SparkConnectServer
server = SparkConnectServer("127.0.0.1", 0)
server.start(background=True)
print(server.listening_address[1], flush=True)
sys.stdin.read()
"""


# Without it, Spark's client looks for Spark where the program has no file, as in pytest's workers, and exits.
os.environ.setdefault("SPARK_HOME", "none")


@contextmanager
def sail_server() -> Iterator[str]:
    """The URL of a server, which ends with the context."""
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield f"sc://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.stdin.close()
        process.wait(20)
        process.stdout.close()


@contextmanager
def sail_session(server: str, warehouse: Path | None = None) -> Iterator[tuple[str, Any]]:
    """A session of its own, with a catalog of its own: its URL, and the session."""
    from pyspark.sql.connect.session import SparkSession

    url = f"{server}/;session_id={uuid.uuid4()}"
    session = SparkSession(url)
    with tempfile.TemporaryDirectory() as folder:
        session.conf.set("spark.sql.warehouse.dir", str(warehouse or folder))
        try:
            yield url, session
        finally:
            session.stop()  # its threads would keep the program from ending
