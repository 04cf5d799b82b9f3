"""What goes wrong while twins are written: killed writers, full disks, lost connections."""

from __future__ import annotations

import contextlib
import os
import random
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROWS = 20_000  # of each twin that the writers below write

# One start of Python for all writers: each is a fork. All rows of a write have the same number in `a`.
WRITERS = f"""
import os, sys, time
import numpy as np
import pyarrow as pa
from synthohive_py.connectors import Place, duckdb, mysql, open_url, postgres
if sys.argv[1].startswith("sc:"):
    import pyspark.sql.connect.session

for _ in sys.stdin:
    writer = os.fork()
    if writer:
        os.waitpid(writer, 0)
        print("ended", flush=True)
        continue
    connector, _ = open_url(sys.argv[1])
    places = {{n: Place(connector.relation("shop", n), connector.relation("twins", n)) for n in ("t", "u")}}
    while True:
        print(os.getpid(), flush=True)
        rows = pa.table({{"a": np.full({ROWS}, time.time_ns()), "j": ["{{}}"] * {ROWS}}})
        with connector.writing(places) as add:
            for name in places:
                for start in range(0, {ROWS}, {ROWS} // 4):
                    add(name, rows.slice(start, {ROWS} // 4))
"""


def kill_writers(url: str, *, times: int = 10) -> Iterator[None]:
    """End writers of `twins.t` and `twins.u` with SIGKILL, at random moments; look around after each.

    Half of the moments are in a writer's first write, half later.
    """
    moments = random.Random(times)  # noqa: S311  no secret
    command = [sys.executable, "-c", WRITERS, url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:

        def written() -> int:
            """Who begins a write; before that, the last one has ended."""
            return int(parent.stdout.readline())

        seconds = 0.0
        for _ in range(times):
            print("go", file=parent.stdin, flush=True)
            writer = written()
            if not seconds:
                start = time.monotonic()
                written()
                seconds = time.monotonic() - start
            time.sleep(moments.uniform(0, 2 * seconds))
            os.kill(writer, signal.SIGKILL)
            while parent.stdout.readline() != "ended\n":
                pass
            yield
        parent.stdin.close()


# Of both twins: how many rows, and the number of the write that they are of.
WRITTEN = (
    "select (select count(*) from twins.t), (select min(a) from twins.t), (select max(a) from twins.t), "
    "(select count(*) from twins.u), (select min(a) from twins.u), (select max(a) from twins.u)"
)


def assert_one_write(state: tuple[int, ...]) -> None:
    """Both twins are of the same write, and complete; the first one wrote a row numbered 1."""
    rows, first, last, *others = state
    assert others == [rows, first, last]
    assert first == last
    assert rows == (1 if first == 1 else ROWS)


@contextlib.contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A file system that is soon full. Only root makes one; elsewhere the test is skipped."""
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=False, capture_output=True
    )
    if made.returncode:
        if os.environ.get("CI") and os.geteuid() == 0:
            pytest.fail(made.stderr.decode())
        pytest.skip("this user can't mount a file system")
    try:
        yield folder
    finally:
        # Threads of readers may close their files a moment after the reading ended: the disk is "busy" then.
        subprocess.run(["umount", "--lazy", folder], check=True)


def limit_files(size: int) -> None:
    """For a child, before it starts: no file grows beyond so many bytes, as on a disk that is full."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


class Proxy:
    """A way to a server that goes dead after it has passed on a message with a certain text."""

    def __init__(self, port: int, text: bytes) -> None:
        self.text, self.server = text, port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):  # it is closed
            while True:
                client, _ = self.listener.accept()
                server = socket.create_connection(("127.0.0.1", self.server))
                for pair in ((client, server, True), (server, client, False)):
                    threading.Thread(target=self._pass, args=pair, daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, is_watched: bool) -> None:
        with contextlib.suppress(OSError):  # the other side has ended
            while data := source.recv(65_536):
                if is_watched and self.text in data.lower():
                    source.shutdown(socket.SHUT_RDWR)  # the answer never comes
                    target.sendall(data)
                    time.sleep(1)  # the server does it
                    break
                target.sendall(data)
        for end in (source, target):
            end.close()

    def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)  # else the thread that waits for a client lets one more in
        self.listener.close()
