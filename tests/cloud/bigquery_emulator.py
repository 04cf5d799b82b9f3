"""bqemulator, an emulator of BigQuery on DuckDB, in a process of its own.

What passes here speaks BigQuery's protocol with Google's own client, but no BigQuery has run it.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

SECONDS = 60  # until it is there


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def emulator(home: Path) -> Iterator[tuple[str, int]]:
    """A server with the project `acme`; its URL, and the port of its Storage API.

    Args:
        home: A folder for its files, and for the extension of DuckDB that it would download.
    """
    environment = {**os.environ, "HOME": str(home)}
    copy = "from duckdb_extensions import import_extension; import_extension('spatial')"
    subprocess.run([sys.executable, "-c", copy], env=environment, check=True, capture_output=True)
    rest, storage = free_port(), free_port()
    options = ["--rest-port", str(rest), "--grpc-port", str(storage), "--project", "acme"]
    with (home / "log").open("w") as log:
        command = [str(Path(sys.executable).with_name("bqemulator")), "start", *options]
        process = subprocess.Popen(command, env=environment, cwd=home, stdout=log, stderr=log)
    try:
        _wait(f"http://127.0.0.1:{rest}", process, home / "log")
        yield f"http://127.0.0.1:{rest}", storage
    finally:
        process.send_signal(signal.SIGKILL)  # it may not end otherwise
        process.wait()


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + SECONDS
    while not _answers(url):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the emulator has not started: {log.read_text()[-2000:]}")
        time.sleep(0.2)


def _answers(url: str) -> bool:
    try:
        urlopen(f"{url}/bigquery/v2/projects/acme/datasets", timeout=5).close()  # noqa: S310  our own
    except (URLError, TimeoutError, ConnectionError):
        return False
    return True
