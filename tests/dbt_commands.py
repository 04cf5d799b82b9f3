"""dbt for tests: each command in a process of its own, forked from one that has imported dbt and the engine.

A command takes some twelve seconds of a core, and half of them are imports. A fork has its own arguments,
folder and environment, as `dbt` has, and finds nothing that another command has left behind.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path

__all__ = ["run_dbt"]

LIMIT = 300  # seconds for one command
IMPORTED = ("dbt.adapters.duckdb", "dbt.adapters.postgres", "synthohive_py.dbt", "torch")


def run_dbt(*arguments: str, cwd: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run dbt; the caller looks at its exit code, which is -9 where it was killed after `LIMIT` seconds."""
    with tempfile.TemporaryDirectory() as folder:
        said = [str(Path(folder) / name) for name in ("stdout", "stderr")]
        asked = {"arguments": ["--no-use-colors", *arguments], "cwd": str(cwd), "env": env, "said": said}
        server = _server()
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(json.dumps(asked) + "\n")
        server.stdin.flush()
        code = int(server.stdout.readline())
        return subprocess.CompletedProcess(arguments, code, *(Path(path).read_text() for path in said))


@functools.cache
def _server() -> subprocess.Popen[str]:
    server = subprocess.Popen(
        [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    atexit.register(server.communicate)  # without more commands it ends
    return server


def _serve() -> None:
    """Fork a child for each line of the input and answer with its exit code."""
    for name in IMPORTED:
        import_module(name)
    cli = import_module("dbt.cli.main").cli
    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if not child:
            _move_to(asked["cwd"], asked["env"], asked["said"])
            sys.argv = ["dbt", *asked["arguments"]]
            sys.exit(cli())
        sys.stdout.write(f"{_code_of(child)}\n")
        sys.stdout.flush()


def _move_to(folder: str, environment: dict[str, str], said: list[str]) -> None:
    """Leave all that belongs to the parent: its folder, environment, input and outputs."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    files = [os.open(os.devnull, os.O_RDONLY), *(os.open(path, os.O_WRONLY | os.O_CREAT) for path in said)]
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)


def _code_of(child: int) -> int:
    """The exit code of a child, which is killed when its time is over."""
    end = time.monotonic() + LIMIT
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > end:
            os.kill(child, signal.SIGKILL)
        time.sleep(0.02)


if __name__ == "__main__":
    del sys.path[0]  # this folder, whose `dbt` is none
    _serve()
