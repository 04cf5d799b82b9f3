"""Where models are trained: on the processor, or on an accelerator that torch finds."""

from __future__ import annotations

import logging
from typing import Any

from synthohive_py.errors import SettingError
from synthohive_py.models.base import FitReport, TableModel

__all__ = ["DEVICES", "fit_on", "usable_device"]

logger = logging.getLogger(__name__)

DEVICES = ("auto", "cpu", "cuda", "mps")


def usable_device(device: str) -> str:
    """The device to train on: `auto` is CUDA where there is one, else the processor.

    Raises:
        SettingError: There is no such device.
    """
    import torch

    there = ["cpu"]
    there += ["cuda"] if torch.cuda.is_available() else []
    there += ["mps"] if torch.backends.mps.is_available() else []
    if device == "auto":
        return "cuda" if "cuda" in there else "cpu"
    if device not in there:
        raise SettingError(
            f"torch finds no device {device!r}",
            expected=f"one of {', '.join(there)}",
            remedy="check the driver and the build of torch, or leave device at 'auto'",
        )
    return device


def fit_on(device: str, model: TableModel, *args: Any, **inputs: Any) -> FitReport:
    """`model.fit(...)`, with what torch makes on this device; on the processor if the device fails.

    Args:
        device: One of torch's devices.
        model: Its class says by `accelerated` whether it can be trained elsewhere than on the processor.
        *args: See `TableModel.fit`.
        **inputs: See there.
    """
    if device != "cpu" and model.accelerated:
        import torch

        try:
            with torch.device(device):
                return model.fit(*args, **inputs)
        except (RuntimeError, NotImplementedError) as error:  # out of memory; an operation it lacks
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            logger.warning("training on %s failed (%s); trained on the processor instead", device, reason)
    return model.fit(*args, **inputs)
