"""Where models are trained."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import pytest
import torch

from synthohive_py import Metadata, Synthesizer
from synthohive_py.errors import SettingError
from synthohive_py.models import get_model
from synthohive_py.models.devices import fit_on, usable_device
from synthohive_py.rng import Seed

ACCELERATED = {
    "autoregressive": {},
    "ctgan": {"critic_steps": 5},
    "ctgan mlp": {"generator": "mlp"},
    "tvae": {},
}


def codes(rows: int = 600) -> np.ndarray:
    first = np.random.default_rng(0).integers(0, 5, rows)
    return np.stack([first, first % 2], 1).astype(np.int32)


def make(name: str):
    return get_model(name.split(maxsplit=1)[0])(epochs=2, batch_size=64, **ACCELERATED[name])


def test_the_device_is_found_or_refused() -> None:
    assert usable_device("cpu") == "cpu"
    assert usable_device("auto") == ("cuda" if torch.cuda.is_available() else "cpu")
    with pytest.raises(SettingError, match=r"device is unknown.*auto, cpu, cuda, mps.*'gpu'"):
        Synthesizer(Metadata(), device="gpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_a_device_that_is_not_there_is_refused_before_training() -> None:
    metadata = Metadata()
    metadata.add_table("t")
    synthesizer = Synthesizer(metadata, device="cuda", progress=False)

    with pytest.raises(SettingError, match=r"torch finds no device 'cuda'.*one of cpu.*driver"):
        synthesizer.fit({"t": pd.DataFrame({"x": range(100)})})


@pytest.mark.parametrize("name", ACCELERATED)
def test_a_device_that_fails_is_replaced_by_the_processor(name: str, caplog) -> None:
    # Torch's device `meta` has no values: training on it fails as soon as a value is asked for.
    failed, usual = make(name), make(name)

    with caplog.at_level(logging.WARNING):
        report = fit_on("meta", failed, codes(), (5, 2), seed=Seed(1))
    usual.fit(codes(), (5, 2), seed=Seed(1))

    assert report.epochs == 2
    assert "on the processor instead" in caplog.text
    rows = [m.sample(200, generator=Seed(2).numpy()) for m in (failed, usual)]
    assert (rows[0] == rows[1]).all()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a machine with CUDA")
@pytest.mark.parametrize("name", ACCELERATED)
def test_models_train_on_cuda_and_sample_on_the_processor(name: str, caplog) -> None:
    model = make(name)

    with caplog.at_level(logging.WARNING):
        report = fit_on("cuda", model, codes(), (5, 2), seed=Seed(1))

    assert not caplog.text
    assert report.epochs == 2
    assert model.sample(200, generator=Seed(2).numpy()).shape == (200, 2)
