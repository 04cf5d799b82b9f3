"""MariaDB for tests: a private instance of the installed server, whose data are removed afterwards."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pymysql
import pytest
from postgres_server import free_port

PASSWORD = "s3cret-of-mariadb"  # noqa: S105  of a server that nobody else reaches


@contextmanager
def mariadb_server() -> Iterator[str]:
    """Start a server and give its URL without a database: TCP on this machine, with a password, as root.

    Where the server can't start, the test is skipped; in CI it fails.
    """
    folder = Path(tempfile.mkdtemp(prefix="synthohive-mariadb-"))
    server = None
    try:
        try:
            port = free_port()
            server = _started(folder, port)
        except (OSError, subprocess.SubprocessError) as error:
            if os.environ.get("CI"):
                raise
            pytest.skip(f"MariaDB can't start (apt-get install mariadb-server): {error}")
        yield f"mysql://root:{PASSWORD}@127.0.0.1:{port}"
    finally:
        if server is not None:
            server.kill()
            server.wait()
        shutil.rmtree(folder)


def _started(folder: Path, port: int) -> subprocess.Popen[bytes]:
    data, socket = folder / "data", folder / "socket"
    user = ["--user=mysql"] if os.geteuid() == 0 else []
    folder.chmod(0o755)
    if user:
        shutil.chown(folder, "mysql")
    subprocess.run(
        ["mariadb-install-db", "--no-defaults", *user, f"--datadir={data}", "--skip-test-db"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    program = shutil.which("mariadbd") or shutil.which("mariadbd", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        raise FileNotFoundError("mariadbd")
    server = subprocess.Popen(
        [
            *(program, "--no-defaults", *user, f"--datadir={data}", f"--socket={socket}", f"--port={port}"),
            *("--bind-address=127.0.0.1", "--local-infile=1", "--innodb-flush-log-at-trx-commit=0"),
            *("--innodb-flush-method=nosync", "--skip-innodb-doublewrite"),  # quick, if not durable
            # Summer time is where times go wrong, so the server lives in it.
            *("--skip-name-resolve", "--default-time-zone=+02:00", f"--log-error={folder / 'log'}"),
        ],
        stderr=subprocess.DEVNULL,
    )
    for _ in range(300):
        if server.poll() is None and socket.exists():
            break
        time.sleep(0.1)
    try:
        with pymysql.connect(unix_socket=str(socket), user="root") as connection:
            cursor = connection.cursor()
            for who in ("root@localhost", "root@'127.0.0.1'"):
                cursor.execute(f"create or replace user {who} identified by '{PASSWORD}'")
                cursor.execute(f"grant all on *.* to {who} with grant option")
    except pymysql.Error as error:
        server.kill()
        raise OSError(str(error)) from error
    return server
