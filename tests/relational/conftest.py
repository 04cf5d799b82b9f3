"""A fitted shop, and twins that are divided although they are small."""

from __future__ import annotations

import pytest
from shop_schema import shop
from sound import QUICK

from synthohive_py import Synthesizer
from synthohive_py.relational import shards


@pytest.fixture(scope="session")
def fitted() -> Synthesizer:
    metadata, data = shop()
    return Synthesizer(metadata, model="autoregressive", model_options=QUICK, progress=False).fit(data)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twins are divided as if they were large."""
    monkeypatch.setattr(shards, "SHARD_ROWS", 600)
    monkeypatch.setattr(shards, "WHOLE_ROWS", 100)
    monkeypatch.setattr(shards, "SHARD_SHARE", 1)
