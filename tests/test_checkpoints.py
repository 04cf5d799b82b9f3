"""A fit that was ended goes on where it stopped."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from synthohive_py import Metadata, SerializationError, Synthesizer
from synthohive_py.models.autoregressive import Autoregressive
from synthohive_py.relational import fit as relational_fit

RNG = np.random.default_rng(0)
SHOPS = pd.DataFrame({"shop_id": range(60), "town": ["Graz", "Linz", "Wien"] * 20})
ORDERS = pd.DataFrame(
    {"order_id": range(400), "shop_id": RNG.integers(0, 60, 400), "sum": RNG.integers(1, 30, 400)}
)
DATA = {"shops": SHOPS, "orders": ORDERS}


def synthesizer(**options: object) -> Synthesizer:
    metadata = Metadata()
    metadata.add_table("shops", pk="shop_id")
    metadata.add_table("orders", pk="order_id", fk={"shop_id": "shops.shop_id"})
    options = {"seed": 1, "model_options": {"epochs": 3}, **options}
    return Synthesizer(metadata, model="autoregressive", progress=False, **options)


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of rows of each training that really runs."""
    rows = []
    fit = Autoregressive.fit

    def counted(self: Autoregressive, codes: np.ndarray, *args: object, **more: object) -> object:
        rows.append(len(codes))
        return fit(self, codes, *args, **more)

    monkeypatch.setattr(Autoregressive, "fit", counted)
    return rows


def test_an_ended_fit_goes_on_with_the_next_table(
    tmp_path: Path, trained: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relational_fit, "available_cores", lambda: 1)  # else what runs beside it is lost, too
    whole = synthesizer().fit(DATA).sample()
    trained.clear()
    counted = Autoregressive.fit

    def pulled(self: Autoregressive, codes: np.ndarray, *args: object, **more: object) -> object:
        if len(codes) == 60:
            raise KeyboardInterrupt
        return counted(self, codes, *args, **more)

    with monkeypatch.context() as patch:
        patch.setattr(Autoregressive, "fit", pulled)
        with pytest.raises(KeyboardInterrupt):
            synthesizer().fit(DATA, checkpoint_path=tmp_path)
    assert trained == [400]  # the largest first

    again = synthesizer().fit(DATA, checkpoint_path=tmp_path)

    assert trained == [400, 60]
    for name, frame in again.sample().items():
        pd.testing.assert_frame_equal(frame, whole[name])
    assert set(again.training_metrics()) == {"shops", "orders"}


@pytest.mark.parametrize("change", ["seed", "options", "data"])
def test_other_data_or_settings_are_learned_anew(tmp_path: Path, trained: list[int], change: str) -> None:
    synthesizer().fit(DATA, checkpoint_path=tmp_path)
    trained.clear()
    options = {"seed": {"seed": 2}, "options": {"model_options": {"epochs": 4}}}.get(change, {})
    data = {**DATA, "orders": ORDERS.iloc[:-1]} if change == "data" else DATA

    synthesizer(**options).fit(data, checkpoint_path=tmp_path)

    assert len(trained) == 2


def test_a_broken_checkpoint_is_learned_anew_with_a_warning(
    tmp_path: Path, trained: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    synthesizer().fit(DATA, checkpoint_path=tmp_path)
    trained.clear()
    file = tmp_path / "orders.checkpoint"
    file.write_bytes(file.read_bytes()[:-9])

    with caplog.at_level(logging.WARNING):
        synthesizer().fit(DATA, checkpoint_path=tmp_path)

    assert trained == [400]
    assert "orders: the checkpoint is of no use" in caplog.text


def test_a_folder_that_can_not_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")

    with pytest.raises(SerializationError, match="taken"):
        synthesizer().fit(DATA, checkpoint_path=tmp_path / "taken")


def test_any_name_of_a_table_has_a_checkpoint(tmp_path: Path) -> None:
    name = "t" * 300 + "/é"
    metadata = Metadata()
    metadata.add_table(name)
    data = {name: pd.DataFrame({"a": range(40)})}

    for _ in range(2):  # written, then found
        Synthesizer(metadata, progress=False, max_fit_seconds=1).fit(data, checkpoint_path=tmp_path)

    assert len(list(tmp_path.iterdir())) == 1


def test_what_a_killed_save_has_left_the_next_one_removes(tmp_path: Path) -> None:
    fitted = Synthesizer(progress=False, model="gaussian_copula").fit({"t": pd.DataFrame({"a": range(40)})})
    left = {name: tmp_path / f".{name}.0123abcd.saving" for name in ("m", "now", "n")}
    for name, draft in left.items():
        draft.write_text("half")
        if name != "now":
            os.utime(draft, (0, 0))

    fitted.save(tmp_path / "m")
    fitted.save(tmp_path / "now")  # another program may be saving it

    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".n.0123abcd.saving",
        ".now.0123abcd.saving",
        "m",
        "now",
    ]
    assert (tmp_path / "m").stat().st_mode & 0o777 == 0o600


def test_an_interrupted_save_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fitted = Synthesizer(progress=False, model="gaussian_copula").fit({"t": pd.DataFrame({"a": range(40)})})
    (tmp_path / "m").write_text("old")

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fitted.save(tmp_path / "m")

    assert [path.name for path in tmp_path.iterdir()] == ["m"]


def test_a_folder_is_no_file_of_an_artefact(tmp_path: Path) -> None:
    fitted = Synthesizer(progress=False, model="gaussian_copula").fit({"t": pd.DataFrame({"a": range(40)})})

    with pytest.raises(
        SerializationError, match=r"can't be written to .*; received a folder\. What to do: give"
    ):
        fitted.save(tmp_path)

    assert list(tmp_path.iterdir()) == []
