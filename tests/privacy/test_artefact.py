"""An artefact that was changed, cut off, or made by somebody else is refused, and runs nothing."""

from __future__ import annotations

import hashlib
import json
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save

from synthohive_py import Metadata, SerializationError, Synthesizer
from synthohive_py.states import FORMAT_VERSION, HEADER, dump_state, load_state


@pytest.fixture(scope="module")
def payload(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"id": range(80), "town": rng.choice(["Graz", "Linz"], 80), "n": rng.normal(size=80)}
    )
    metadata = Metadata()
    metadata.add_table("t", pk="id")
    path = tmp_path_factory.mktemp("artefact") / "t.synthohive"
    Synthesizer(metadata, model="gaussian_copula", progress=False).fit({"t": frame}).save(path)
    return path.read_bytes()


def refused(content: bytes, folder: Path) -> str:
    path = folder / "strange.synthohive"
    path.write_bytes(content)
    with pytest.raises(SerializationError) as caught:
        Synthesizer.load(path)
    return str(caught.value)


def test_a_file_cut_off_anywhere_is_refused(payload: bytes, tmp_path: Path) -> None:
    for length in [0, 1, 7, 8, 100, *range(1000, len(payload), len(payload) // 12), len(payload) - 1]:
        assert "artefact" in refused(payload[:length], tmp_path)


def test_a_changed_byte_is_found_wherever_it_is(payload: bytes, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    for place in rng.integers(0, len(payload), 40).tolist():
        changed = bytearray(payload)
        changed[place] ^= 1 << int(rng.integers(8))
        path = tmp_path / "changed.synthohive"
        path.write_bytes(bytes(changed))
        try:
            loaded = Synthesizer.load(path, progress=False)
        except SerializationError:
            continue
        # A blank of the header's JSON may change without meaning; then nothing else has.
        assert len(loaded.sample()["t"]) == 80


def test_a_newer_format_says_so(payload: bytes, tmp_path: Path) -> None:
    old, new = (f'\\"format_version\\": {v}' for v in (FORMAT_VERSION, FORMAT_VERSION + 90))
    # The header's length stays, so that nothing but the version is wrong.
    padded = payload.replace(old.encode(), new.encode(), 1)
    length = int.from_bytes(payload[:8], "little") + len(new) - len(old)

    message = refused(length.to_bytes(8, "little") + padded[8:], tmp_path)

    assert f"format {FORMAT_VERSION + 90}" in message
    assert "the version of synthohive-py that wrote it" in message


def test_a_pickle_is_not_run(tmp_path: Path) -> None:
    target = tmp_path / "ran"

    class Payload:
        def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
            return (Path.touch, (target,))

    refused(pickle.dumps(Payload()), tmp_path)

    assert not target.exists()


def broken_states(state: dict[str, Any]) -> list[dict[str, Any]]:
    table = state["tables"]["t"]

    def with_table(**changes: Any) -> dict[str, Any]:
        return {**state, "tables": {"t": {**table, **changes}}}

    return [
        {},
        {**state, "tables": "none"},
        {**state, "metadata": {"tables": {"t": {"name": "t", "strange": 1}}}},
        {**state, "links": [{"name": "x"}]},
        {**state, "disguise": {"tables": {"t": {}}, "is_masked": 1, "locale": "", "pools": {}}},
        with_table(model={"name": "os.system"}),
        with_table(schema=np.zeros(9, np.uint8)),
        with_table(codec={"names": ["n"], "codecs": [{"kind": "subprocess"}]}),
        with_table(reference=np.frombuffer(b"no table at all", np.uint8)),
        with_table(keys={"id": {"type": "int64"}}),
    ]


@pytest.mark.parametrize("number", range(10))
def test_a_strange_content_with_a_right_checksum_is_refused(
    payload: bytes, tmp_path: Path, number: int
) -> None:
    before = set(sys.modules)

    message = refused(dump_state(broken_states(load_state(payload))[number]), tmp_path)

    assert "no fitted schema" in message or "can't be read" in message
    assert "subprocess" not in set(sys.modules) - before


@pytest.mark.parametrize(
    "tree", [{"a": {"__array__": "none"}}, {"a": {"__array__": ["a"]}}, [1], "text", 3, None], ids=str
)
def test_a_tree_that_is_no_state_is_refused(tree: object, tmp_path: Path) -> None:
    body = json.dumps(tree, ensure_ascii=False, allow_nan=True)
    header = {
        "format_version": FORMAT_VERSION,
        "sha256": hashlib.sha256(body.encode()).hexdigest(),
        "state": tree,
    }
    payload = bytes(save({}, metadata={HEADER: json.dumps(header)}))

    assert "the artefact holds no state" in refused(payload, tmp_path)


def test_the_file_that_is_no_artefact_is_named(tmp_path: Path) -> None:
    path = tmp_path / "other.synthohive"
    path.write_text("rows")

    with pytest.raises(SerializationError, match=r"other\.synthohive: the artefact can't be read"):
        Synthesizer.load(path)
    with pytest.raises(SerializationError, match=r"can't be read from .*missing\.synthohive"):
        Synthesizer.load(tmp_path / "missing.synthohive")
