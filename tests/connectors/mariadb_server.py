"""MariaDB for tests: a private instance of the installed server, whose data are removed afterwards."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pymysql
import pytest
from postgres_server import free_port

PASSWORD = "s3cret-of-mariadb"  # noqa: S105  of a server that nobody else reaches


@dataclass
class Server:
    """A server that can be stopped and started again; its data stay.

    Attributes:
        url: Without a database: TCP on this machine, with a password, as root.
        socket: The file of its socket.
    """

    url: str
    socket: Path
    command: list
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.socket.unlink(missing_ok=True)
        self.process = subprocess.Popen(self.command, stderr=subprocess.DEVNULL)
        for _ in range(300):
            if self.process.poll() is None and self.socket.exists():
                break
            time.sleep(0.1)

    def stop(self, number: int = signal.SIGKILL) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait()


@contextmanager
def mariadb_server() -> Iterator[str]:
    """Start a server and give its URL; see `stoppable_server`."""
    with stoppable_server() as server:
        yield server.url


@contextmanager
def stoppable_server(*options: str) -> Iterator[Server]:
    """Start a server with some more options, whose data are gone afterwards.

    Where it can't start, the test is skipped; in CI it fails.
    """
    folder = Path(tempfile.mkdtemp(prefix="synthohive-mariadb-"))
    server = None
    try:
        try:
            server = _made(folder, options)
            server.start()
            _let_in(server)
        except (OSError, subprocess.SubprocessError) as error:
            if os.environ.get("CI"):
                raise
            pytest.skip(f"MariaDB can't start (apt-get install mariadb-server): {error}")
        yield server
    finally:
        if server is not None:
            server.stop()
        shutil.rmtree(folder)


def _made(folder: Path, options: tuple[str, ...]) -> Server:
    data, socket, port = folder / "data", folder / "socket", free_port()
    user = ["--user=mysql"] if os.geteuid() == 0 else []
    folder.chmod(0o755)
    if user:
        shutil.chown(folder, "mysql")
    of_data = [option for option in options if option.startswith("--innodb")]
    subprocess.run(
        ["mariadb-install-db", "--no-defaults", *user, f"--datadir={data}", "--skip-test-db", *of_data],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    program = shutil.which("mariadbd") or shutil.which("mariadbd", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        raise FileNotFoundError("mariadbd")
    command = [
        *(program, "--no-defaults", *user, f"--datadir={data}", f"--socket={socket}", f"--port={port}"),
        *("--bind-address=127.0.0.1", "--local-infile=1", "--innodb-flush-log-at-trx-commit=0"),
        *("--innodb-flush-method=nosync", "--skip-innodb-doublewrite"),  # quick, if not durable
        # Summer time is where times go wrong, so the server lives in it.
        *("--skip-name-resolve", "--default-time-zone=+02:00", f"--log-error={folder / 'log'}", *options),
    ]
    return Server(f"mysql://root:{PASSWORD}@127.0.0.1:{port}", socket, command)


def _let_in(server: Server) -> None:
    try:
        with pymysql.connect(unix_socket=str(server.socket), user="root") as connection:
            cursor = connection.cursor()
            for who in ("root@localhost", "root@'127.0.0.1'"):
                cursor.execute(f"create or replace user {who} identified by '{PASSWORD}'")
                cursor.execute(f"grant all on *.* to {who} with grant option")
    except pymysql.Error as error:
        server.stop()
        raise OSError(str(error)) from error
