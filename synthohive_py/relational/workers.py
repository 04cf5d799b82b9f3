"""Processes that make the parts of a large table side by side.

Threads of one process wait for each other between two operations of torch, so a second one adds only half
of what it could. A process costs seconds to start and then works for itself. It is a plain child that speaks
through its pipes: nothing of the caller's program is run again, as `multiprocessing` would.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import struct
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa

from synthohive_py.relational.fitted import FittedTable
from synthohive_py.relational.parts import make_part
from synthohive_py.rng import Part, Seed
from synthohive_py.states import dump_state, load_state

__all__ = ["Workers", "can_start", "serve"]

logger = logging.getLogger(__name__)

_LENGTH = struct.Struct("<Q")
_PART = struct.Struct("<QQQ")
_COMMAND = "from synthohive_py.relational.workers import serve; serve()"
END_SECONDS = 10.0


def can_start(table: FittedTable) -> bool:
    """Whether a process of its own can make parts of the table: it has to know the class of the model."""
    is_ours = type(table.model).__module__.startswith("synthohive_py.")
    return is_ours and Path(sys.executable or "").name.lower().startswith("python")


class Workers:
    """Some processes, each of which has the table. To be closed at the end.

    Args:
        table: What was learned.
        seed: Of the whole table.
        count: How many processes.

    Raises:
        OSError: The system does not start them.
    """

    def __init__(self, table: FittedTable, seed: Seed, count: int) -> None:
        self.table, self.seed = table, seed
        self.processes: list[subprocess.Popen[bytes]] = []
        self.idle: queue.SimpleQueue[subprocess.Popen[bytes]] = queue.SimpleQueue()
        payload = dump_state({"table": table.state(), "seed": seed.value})
        try:
            for _ in range(count):
                self.processes.append(_start())
            for process in self.processes:
                _send(_writer(process), payload)
                self.idle.put(process)
        except OSError:
            self.close()
            raise

    def make(self, part: Part) -> pa.Table:
        """Generate a part in the next idle process; here, if that process fails. Waits for it."""
        process = self.idle.get()
        try:
            _writer(process).write(_PART.pack(part.first, part.stop, part.total))
            _writer(process).flush()
            with pa.ipc.open_stream(_receive(_reader(process))) as stream:
                return stream.read_all()
        except (OSError, EOFError) as error:
            logger.warning("a process for sampling failed (%s); its rows are made by this one", error)
            return make_part(self.table, part, self.seed)
        finally:
            self.idle.put(process)

    def close(self) -> None:
        """End the processes, and wait until they have ended."""
        for process in self.processes:
            _close_pipes(process)
        for process in self.processes:
            _await_end(process)


def serve() -> None:
    """What a worker does: read the table, then make the parts it is asked for until its input ends."""
    requests = os.fdopen(os.dup(0), "rb")
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints shall not get among the replies
    state = load_state(_receive(requests))
    table, seed = FittedTable.from_state(state["table"]), Seed(state["seed"])
    while request := requests.read(_PART.size):
        rows = make_part(table, Part(*_PART.unpack(request)), seed)
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, rows.schema) as stream:
            stream.write_table(rows)
        try:
            _send(replies, sink.getvalue())
        except BrokenPipeError:  # nobody wants the rows any more
            return


def _start() -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", _COMMAND]  # nothing that a caller could choose
    return subprocess.Popen(  # noqa: S603
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    )


def _close_pipes(process: subprocess.Popen[bytes]) -> None:
    for pipe in (_writer(process), _reader(process)):
        with contextlib.suppress(OSError):  # it has ended before it read all that was sent
            pipe.close()


def _await_end(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _send(pipe: BinaryIO, payload: bytes | pa.Buffer) -> None:
    pipe.write(_LENGTH.pack(len(payload)))
    pipe.write(payload)
    pipe.flush()


def _receive(pipe: BinaryIO) -> bytes:
    header = pipe.read(_LENGTH.size)
    if len(header) < _LENGTH.size:
        raise EOFError("it ended without an answer")
    payload = pipe.read(_LENGTH.unpack(header)[0])
    if len(payload) < _LENGTH.unpack(header)[0]:
        raise EOFError("it ended in the middle of an answer")
    return payload


def _writer(process: subprocess.Popen[bytes]) -> BinaryIO:
    assert process.stdin is not None
    return process.stdin  # type: ignore[return-value]


def _reader(process: subprocess.Popen[bytes]) -> BinaryIO:
    assert process.stdout is not None
    return process.stdout  # type: ignore[return-value]
