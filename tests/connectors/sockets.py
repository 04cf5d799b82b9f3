"""The connections of this process to a server, to look at their settings."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest


def sockets_to(port: int) -> Iterator[socket.socket]:
    """Those to a port of a server, whichever library has made them."""
    numbers = Path("/proc/self/fd")
    if not numbers.exists():
        pytest.skip("this system does not list the files of a process")
    for entry in list(numbers.iterdir()):
        try:
            found = socket.socket(fileno=os.dup(int(entry.name)))
        except OSError:  # no socket, or closed meanwhile
            continue
        with found:
            if found.family == socket.AF_INET and _port(found) == port:
                yield found


def _port(connection: socket.socket) -> int | None:
    try:
        return int(connection.getpeername()[1])
    except OSError:  # it listens
        return None
