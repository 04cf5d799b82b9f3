"""Shards made side by side: in threads, or in processes if there are many rows.

Threads of one process wait for each other between two operations of torch, so a second one adds only half
of what it could. A process costs seconds to start and then works for itself. It is a plain child that speaks
through its pipes: nothing of the caller's program is run again, as `multiprocessing` would.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import queue
import struct
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa

from synthohive_py.models.processor import processor_settings
from synthohive_py.relational.cores import available_cores
from synthohive_py.relational.generation import Generation
from synthohive_py.relational.shards import Shard
from synthohive_py.states import dump_state, load_state, table_state

__all__ = ["PROCESS_ROWS", "Workers", "make_shards", "serve"]

logger = logging.getLogger(__name__)

PROCESS_ROWS = 3_000_000  # from here on processes repay the seconds that they take to start
END_SECONDS = 10.0

_LENGTH = struct.Struct("<Q")
_COMMAND = "from synthohive_py.relational.workers import serve; serve()"

Tables = list[tuple[str, pa.Table]]


def make_shards(generation: Generation, workers: int | None = None) -> Generator[Tables, None, None]:
    """The rows of all shards, in their order.

    Args:
        generation: The twin, with its shards.
        workers: How many to make side by side; by default as many as there are cores.
    """
    shards = generation.shards
    count = min(workers or available_cores(), len(shards))
    rows = sum(len(part) for shard in shards for part in shard.parts.values())
    processes = None
    if count > 1 and rows >= PROCESS_ROWS and _can_start(generation):
        try:
            processes = Workers(generation, count)
        except OSError as error:
            logger.warning("no processes for sampling (%s); threads do it", error)
    if processes is None:
        yield from _side_by_side(generation.make, shards, count)
        return
    with closing(processes):
        yield from _side_by_side(processes.make, shards, count)


def _side_by_side(
    make: Callable[[Shard], Tables], shards: tuple[Shard, ...], count: int
) -> Generator[Tables, None, None]:
    """As many at a time as there are workers, and one that waits to be taken."""
    if count < 2:
        yield from map(make, shards)
        return
    waiting = iter(shards)
    # The settings are the process's own: held here, so that threads do not take them back from each other.
    with processor_settings(), ThreadPoolExecutor(count) as pool:
        ahead = deque(pool.submit(make, shard) for shard in islice(waiting, count))
        while ahead:
            made = ahead.popleft().result()
            ahead.extend(pool.submit(make, shard) for shard in islice(waiting, 1))
            yield made


def _can_start(generation: Generation) -> bool:
    """Whether another process of this Python can make the shards."""
    is_python = Path(sys.executable or "").name.lower().startswith("python")
    return generation.is_portable and is_python and not generation.conditions


class Workers:
    """Some processes, each of which knows what was learned. To be closed at the end.

    Args:
        generation: The twin.
        count: How many processes.

    Raises:
        OSError: The system does not start them.
    """

    def __init__(self, generation: Generation, count: int) -> None:
        self.generation = generation
        self.processes: list[subprocess.Popen[bytes]] = []
        self.idle: queue.SimpleQueue[subprocess.Popen[bytes]] = queue.SimpleQueue()
        payload = dump_state(generation.state())
        try:
            for _ in range(count):
                self.processes.append(_start())
            for process in self.processes:
                _send(_writer(process), payload)
                self.idle.put(process)
        except OSError:
            self.close()
            raise

    def make(self, shard: Shard) -> Tables:
        """Make a shard in the next idle process; here, if that process fails. Waits for it."""
        process = self.idle.get()
        try:
            _send(_writer(process), json.dumps(shard.state()).encode())
            count = _LENGTH.unpack(_read(_reader(process), _LENGTH.size))[0]
            return [_received_table(_reader(process)) for _ in range(count)]
        except (OSError, EOFError) as error:
            logger.warning("a process for sampling failed (%s); its rows are made by this one", error)
            return self.generation.make(shard)
        finally:
            self.idle.put(process)

    def close(self) -> None:
        """End the processes, and wait until they have ended."""
        for process in self.processes:
            _close_pipes(process)
        for process in self.processes:
            _await_end(process)


def serve() -> None:
    """What a worker does: read what was learned, then make shards until its input ends."""
    requests = os.fdopen(os.dup(0), "rb")
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints shall not get among the replies
    generation = Generation.from_state(load_state(_receive(requests)))
    while True:
        try:
            asked = json.loads(_receive(requests))
        except EOFError:
            return
        tables = generation.make(Shard.from_state(asked))
        try:
            replies.write(_LENGTH.pack(len(tables)))
            for name, rows in tables:
                _send(replies, name.encode())
                _send(replies, table_state(rows).tobytes())
        except BrokenPipeError:  # nobody wants the rows any more
            return


def _received_table(pipe: BinaryIO) -> tuple[str, pa.Table]:
    name = _receive(pipe).decode()
    with pa.ipc.open_stream(_receive(pipe)) as stream:
        return name, stream.read_all()


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


def _send(pipe: BinaryIO, payload: bytes) -> None:
    pipe.write(_LENGTH.pack(len(payload)))
    pipe.write(payload)
    pipe.flush()


def _receive(pipe: BinaryIO) -> bytes:
    return _read(pipe, _LENGTH.unpack(_read(pipe, _LENGTH.size))[0])


def _read(pipe: BinaryIO, size: int) -> bytes:
    payload = pipe.read(size)
    if len(payload) < size:
        raise EOFError("it ended without an answer")
    return payload


def _writer(process: subprocess.Popen[bytes]) -> BinaryIO:
    assert process.stdin is not None
    return process.stdin  # type: ignore[return-value]


def _reader(process: subprocess.Popen[bytes]) -> BinaryIO:
    assert process.stdout is not None
    return process.stdout  # type: ignore[return-value]
