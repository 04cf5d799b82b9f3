"""One thread for torch while a model works.

The matrices here are small. A second thread saves a quarter of the time on an idle machine, and takes
fifteen times as long on a busy one, where threads wait for each other. And results would depend on the
number of cores, because sums are split among threads.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

__all__ = ["one_thread"]


@contextmanager
def one_thread() -> Iterator[None]:
    """Give torch one thread, and afterwards as many as it had. Also a decorator."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
