"""Codes drawn from logits by inverse cumulated sums."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

__all__ = ["SHRINK", "draw_codes"]

SHRINK = np.float32(1 - 2**-22)  # keeps a uniform number below the end of a cumulated sum


def draw_codes(logits: Tensor, uniforms: Tensor, given: Tensor, forbidden: Tensor | None) -> Tensor:
    """(rows,) codes of one column.

    Args:
        logits: (rows, codes); changed in place.
        uniforms: (rows,) numbers of [0, 1), times `SHRINK`.
        given: (rows,) codes to keep; -1 where one is drawn.
        forbidden: (codes,) which are never drawn; or None.
    """
    if forbidden is not None:
        logits.masked_fill_(forbidden, -torch.inf)
    sums = torch.softmax(logits, 1).cumsum(1)
    drawn = torch.searchsorted(sums, (uniforms * sums[:, -1])[:, None], right=True)[:, 0]
    return torch.where(given >= 0, given, drawn)
