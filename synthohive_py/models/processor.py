"""How torch uses the processor while a model works: one thread, and no denormal numbers.

The matrices here are small. A second thread saves a quarter of the time on an idle machine, and takes
fifteen times as long on a busy one, where threads wait for each other. And results would depend on the
number of cores, because sums are split among threads.

Numbers below 1e-38 take a processor many times longer than others, and a softmax that is sure of itself is
full of them: as zeros they change nothing that is visible, and training a GAN takes half the time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["processor_settings", "quick_linear", "quickest_type"]

# Multiplications in a product, from which on bfloat16 is worth it: torch keeps a program of 1 MB per shape.
LARGE_PRODUCT = 2**25


@contextmanager
def processor_settings() -> Iterator[None]:
    """One thread and no denormals; afterwards what was before. Also a decorator."""
    threads = torch.get_num_threads()
    flushed = float(torch.full((), 1e-39, device="cpu") * 1.0) == 0  # torch sets it and does not tell it
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.set_flush_denormal(flushed)


def quickest_type() -> torch.dtype:
    """The type of wide products: bfloat16 is several times quicker where the processor multiplies it."""
    # Newer than our oldest torch.
    capabilities: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()
    return torch.bfloat16 if capabilities.get("amx_bf16") else torch.float32


def quick_linear(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """A linear layer of float32; a large one has factors of `quickest_type` (Micikevicius et al. 2018).

    For training: what rounding adds is far less than the noise of a batch.
    """
    is_small = len(x) * weight.numel() < LARGE_PRODUCT
    dtype = torch.float32 if x.is_cuda or is_small else quickest_type()
    return F.linear(x.to(dtype), weight.to(dtype), bias.to(dtype)).to(x.dtype)
