"""A model class of the user's own runs through Synthesizer like ours: the example of docs/own-model.md."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

DOCUMENT = Path(__file__).parent.parent / "docs" / "own-model.md"


def test_the_example_runs_as_it_stands(tmp_path: Path) -> None:
    [code] = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    shops = pd.DataFrame({"shop_id": range(100), "town": ["Graz", "Linz", "Wien", "Wien"] * 25})
    orders = pd.DataFrame({"order_id": range(300), "shop_id": [i * i % 100 for i in range(300)]})
    names: dict[str, object] = {"shops": shops, "orders": orders, "path": tmp_path / "twin.synthohive"}

    exec(compile(code, str(DOCUMENT), "exec"), names)  # noqa: S102  the document's own code

    twin = names["twin"]
    assert set(twin["shops"]["town"]) == {"Graz", "Linz", "Wien"}
    assert abs((twin["shops"]["town"] == "Wien").mean() - 0.5) < 0.25
    assert twin["orders"]["shop_id"].isin(twin["shops"]["shop_id"]).all()
    pd.testing.assert_frame_equal(names["again"]["orders"], twin["orders"])
