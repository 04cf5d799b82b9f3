"""What holds for every twin, whatever the schema."""

from __future__ import annotations

from typing import Any

import pandas as pd

from synthohive_py import ForeignKey, Metadata, Synthesizer

QUICK = {"epochs": 1, "max_steps": 4, "hidden": 4}
Frames = dict[str, pd.DataFrame]


def twin_of(
    metadata: Metadata, data: Frames, *, seed: int = 0, append: bool = False, **sampling: Any
) -> Frames:
    """A sound twin, or one that rows were added to."""
    synthesizer = Synthesizer(
        metadata, model="autoregressive", model_options=QUICK, seed=seed, progress=False
    )
    twin = synthesizer.fit(data).sample(**sampling)
    assert_sound(metadata, data, twin)
    if append:
        twin = synthesizer.sample(append_to=twin, **sampling)
        assert_sound(metadata, data, twin)
    return twin


def assert_sound(metadata: Metadata, data: Frames, twin: Frames) -> None:
    """What holds for every twin, whatever the schema."""
    assert set(twin) == set(data)
    for name, table in metadata.tables.items():
        frame = twin[name]
        assert list(frame.columns) == list(data[name].columns)
        assert frame.dtypes.astype(str).to_dict() == data[name].dtypes.astype(str).to_dict()
        if table.mode == "reference":
            pd.testing.assert_frame_equal(frame, data[name])
        if table.pk:
            assert not frame[list(table.pk)].isna().any().any(), f"{name}: null in the primary key"
        for columns in table.unique_sets:
            complete = frame[list(columns)].dropna()
            assert not complete.duplicated().any(), f"{name}: {columns} repeats"
        for key in table.foreign_keys:
            nullable = data[name][list(key.columns)].isna().any().any()
            assert nullable or not frame[list(key.columns)].isna().any().any(), f"{name}: {key} is null"
            if key.orphans == "drop":
                assert orphans(frame, key, twin) == 0, f"{name}: {key} has orphans"


def orphans(frame: pd.DataFrame, key: ForeignKey, frames: Frames) -> int:
    parents = set(frames[key.parent][list(key.parent_columns)].itertuples(index=False, name=None))
    children = frame[list(key.columns)].dropna().itertuples(index=False, name=None)
    return sum(child not in parents for child in children)
