"""Settings of the earlier implementation, each with what to use instead.

A setting is here only if leaving it out changes nothing that it promised, or if another setting says the
same. All others are refused as unknown.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import Any

from synthohive_py.errors import SettingError, did_you_mean

__all__ = ["EARLIER", "earlier_options", "without_earlier"]

_LEAVE_OUT = "leave it out: "
_NETWORK = _LEAVE_OUT + "networks get their size from the table; model_options of Synthesizer sets it"
_MODEL = {
    "embedding_dim": _NETWORK,
    "generator_dim": _NETWORK,
    "discriminator_dim": _NETWORK,
    "discriminator_steps": 'use Synthesizer(model_options={"critic_steps": ...})',
    "embedding_threshold": _LEAVE_OUT + "columns with any number of values are learned",
}

EARLIER: dict[str, dict[str, str]] = {
    "TableConfig": {
        "high_cardinality_cols": _LEAVE_OUT + "columns with any number of values are learned",
        "linkage_method": _LEAVE_OUT
        + "the numbers of children are those of the real parents, given by what these are like",
    },
    "Synthesizer": {"embedding_threshold": _MODEL["embedding_threshold"]},
    "Synthesizer.fit": {
        **_MODEL,
        "batch_size": 'use Synthesizer(model_options={"batch_size": ...})',
        "checkpoint_dir": "use checkpoint_path",
        "checkpoint_interval": _LEAVE_OUT + "a model is kept as soon as it is trained",
        "device": "use Synthesizer(device=...)",
        "epochs": 'use Synthesizer(model_options={"epochs": ...})',
        "progress_bar": "use Synthesizer(progress=...)",
        "sample_size": "use Synthesizer(max_training_rows=...)",
        "sampling_strategy": _LEAVE_OUT + "large tables are sampled in whole families",
        "validate": _LEAVE_OUT + "every fit checks schema and data first",
    },
    "CTGAN": {
        **_MODEL,
        "checkpoint_interval": _LEAVE_OUT + "the model is kept as soon as it is trained",
        "log_metrics": _LEAVE_OUT + "Synthesizer.training_metrics() has them",
    },
}


def without_earlier(call: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """What was given, without the earlier settings; each of these is told of by a FutureWarning."""
    for name in given:
        if name in EARLIER[call]:
            # Users see a FutureWarning, and not only developers.
            warnings.warn(f"{call}: {name} is a setting of the past; {EARLIER[call][name]}", FutureWarning, 2)
    return {name: value for name, value in given.items() if name not in EARLIER[call]}


def earlier_options(call: str, given: Mapping[str, Any], known: Iterable[str]) -> dict[str, Any]:
    """The earlier settings that were given, each told of by a FutureWarning.

    Args:
        call: Who was called.
        given: Keywords that it does not have.
        known: Keywords that it has.

    Raises:
        SettingError: One is no earlier setting either.
    """
    known = list(known)
    for name in without_earlier(call, given):
        raise SettingError(
            f"{call} has no setting {name!r}",
            expected=f"one of {', '.join(known)}",
            remedy=did_you_mean(name, known) or did_you_mean(name, EARLIER[call]) or "remove it",
        )
    return dict(given)
