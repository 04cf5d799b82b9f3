"""One engine, one table: fit, sample, and say what it cost. Runs inside the engine's own environment.

    python engines.py ENGINE TRAIN.parquet TYPES.json OUT_DIR --rows N --seed N [--epochs N]

It writes OUT_DIR/synthetic.parquet and OUT_DIR/cost.json. Each engine is used as its documentation shows,
with its defaults; the types of the columns are told to those that ask for them.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

SAMPLED_FOR_SPEED = 100_000

Sample = Callable[[int, Path], None]  # writes so many rows to a Parquet file


def synthohive(
    frame: Any, types: dict[str, str], *, seed: int, epochs: int | None, model: str, **options: Any
) -> Sample:
    """SynthoHive."""
    from synthohive_py import Metadata, Synthesizer

    metadata = Metadata()
    metadata.add_table("t")
    options |= {} if epochs is None else {"epochs": epochs}
    synthesizer = Synthesizer(metadata, model=model, seed=seed, model_options=options, progress=False)
    synthesizer.fit({"t": frame})

    def sample(rows: int, path: Path) -> None:
        folder = path.with_suffix("")
        synthesizer.sample(num_rows={"t": rows}, output_path=folder)
        (folder / "t.parquet").rename(path)
        folder.rmdir()

    return sample


def ctgan(frame: Any, types: dict[str, str], *, seed: int, epochs: int | None) -> Sample:
    """The ctgan package."""
    from ctgan import CTGAN

    categories = [c for c, kind in types.items() if kind in ("categorical", "boolean")]
    model = CTGAN(epochs=epochs or 300, enable_gpu=False)
    model.set_random_state(seed)
    moments = [c for c, kind in types.items() if kind == "datetime"]
    numbers = frame.assign(**{c: frame[c].astype("int64").astype("float64") for c in moments})
    model.fit(numbers, categories)

    def sample(rows: int, path: Path) -> None:
        sampled = model.sample(rows)
        back = {c: sampled[c].astype("int64").astype(frame[c].dtype) for c in moments}
        sampled.assign(**back).to_parquet(path)

    return sample


def sdv(frame: Any, types: dict[str, str], *, seed: int, epochs: int | None, name: str) -> Sample:
    """A single-table synthesizer of SDV."""
    from sdv import single_table
    from sdv.metadata import Metadata

    columns = {c: {"sdtype": kind} for c, kind in types.items()}
    metadata = Metadata.load_from_dict({"tables": {"t": {"columns": columns}}})
    options = {"epochs": epochs or 300, "enable_gpu": False} if name == "TVAESynthesizer" else {}
    model = getattr(single_table, name)(metadata, **options)
    model.fit({"t": frame})
    return lambda rows, path: model.sample(rows)["t"].to_parquet(path)


def mostlyai(frame: Any, types: dict[str, str], *, seed: int, epochs: int | None) -> Sample:
    """The tabular model of MOSTLY AI."""
    from mostlyai.engine import TabularARGN

    options = {} if epochs is None else {"max_epochs": epochs}
    model = TabularARGN(random_state=seed, device="cpu", **options)
    model.fit(frame)
    return lambda rows, path: model.sample(n_samples=rows).to_parquet(path)


def _ours(model: str, **options: Any) -> Callable[..., Sample]:
    return lambda frame, types, **common: synthohive(frame, types, model=model, **common, **options)


def _sdv(name: str) -> Callable[..., Sample]:
    return lambda frame, types, **common: sdv(frame, types, name=name, **common)


ENGINES: dict[str, Callable[..., Sample]] = {
    "synthohive ctgan": _ours("ctgan"),
    "synthohive autoregressive": _ours("autoregressive"),
    "synthohive tvae": _ours("tvae"),
    "synthohive gaussian_copula": _ours("gaussian_copula"),
    "synthohive ctgan mlp": _ours("ctgan", generator="mlp"),
    "mostlyai": mostlyai,
    "ctgan": ctgan,
    "sdv tvae": _sdv("TVAESynthesizer"),
    "sdv gaussian copula": _sdv("GaussianCopulaSynthesizer"),
}


def cpu_seconds() -> float:
    """Processor time of this process and of those it started."""
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def peak_megabytes() -> float:
    """The most memory that this process, or one it started, has held."""
    return (
        max(resource.getrusage(w).ru_maxrss for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1024
    )


def main() -> None:
    """Fit, sample, measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("engine", choices=ENGINES)
    parser.add_argument("train", type=Path)
    parser.add_argument("types", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int)
    args = parser.parse_args()

    import pandas as pd
    import torch

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    types = json.loads(args.types.read_text())
    frame = pd.read_parquet(args.train)[list(types)]
    base = peak_megabytes()
    cpu, wall = cpu_seconds(), time.monotonic()
    sample = ENGINES[args.engine](frame, types, seed=args.seed, epochs=args.epochs)
    cost = {
        "fit_cpu_seconds": cpu_seconds() - cpu,
        "fit_seconds": time.monotonic() - wall,
        "memory_before_mb": base,
    }
    sample(args.rows, args.out / "synthetic.parquet")
    wall = time.monotonic()
    sample(SAMPLED_FOR_SPEED, args.out / "speed.parquet")
    cost["rows_per_second"] = SAMPLED_FOR_SPEED / (time.monotonic() - wall)
    cost["peak_mb"] = peak_megabytes()
    (args.out / "speed.parquet").unlink()
    (args.out / "cost.json").write_text(json.dumps(cost))


if __name__ == "__main__":
    main()
