"""Rows added to a twin: keys of their own, and what was there stays."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from shop_schema import shop
from sound import assert_sound

from synthohive_py import ConnectorError, SettingError, Synthesizer


def assert_appended(twin: dict[str, pd.DataFrame], longer: dict[str, pd.DataFrame]) -> None:
    metadata, data = shop()
    assert_sound(metadata, data, longer)
    for name, frame in twin.items():
        pd.testing.assert_frame_equal(longer[name].iloc[: len(frame)], frame)
        assert len(longer[name]) > len(frame)


@pytest.mark.parametrize("scale", [0.3, 2.0])
def test_new_rows_have_keys_of_their_own(fitted: Synthesizer, scale: float) -> None:
    twin = fitted.sample()

    longer = fitted.sample(append_to=twin, scale=scale)

    assert_appended(twin, longer)
    old, new = twin["orders"], longer["orders"].iloc[len(twin["orders"]) :]
    assert len(new) == pytest.approx(scale * len(old), rel=0.25)  # each of the few regions has its own number
    assert old["sum"].isin(new["sum"]).mean() < 0.2


@pytest.mark.usefixtures("small")
def test_shards_are_added_to_files(fitted: Synthesizer, tmp_path: Path) -> None:
    twin = fitted.sample(scale=2)
    fitted.sample(scale=2, output_path=tmp_path)

    fitted.sample(scale=2, append_to=tmp_path, output_path=tmp_path, workers=2)

    longer = fitted.sample(scale=2, append_to=twin, workers=1)
    assert_appended(twin, longer)
    for name, frame in longer.items():
        pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / f"{name}.parquet"), frame, check_dtype=False)


def test_a_twin_that_does_not_fit_is_refused(fitted: Synthesizer, tmp_path: Path) -> None:
    twin = fitted.sample()

    with pytest.raises(SettingError, match=r"orders.*not in the twin"):
        fitted.sample(append_to={name: frame for name, frame in twin.items() if name != "orders"})
    with pytest.raises(SettingError, match=r"orders.*customer_id.*does not fit"):
        fitted.sample(append_to={**twin, "orders": twin["orders"].assign(customer_id="many")})
    with pytest.raises(ConnectorError, match=r"can't be read from"):
        fitted.sample(append_to=tmp_path)
