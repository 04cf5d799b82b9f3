"""SynthoHive and its peers on whole schemas, side by side.

    python multi_table.py --data DIR --judge score.py [--schemas sakila ...] [--engines mostlyai ...]
    python multi_table.py --table     # prints the table of all results, writes it into README.md

DIR holds a folder per schema: NAME/TABLE.parquet and NAME/metadata.json:

    {"tables": {"orders": {"primary_key": ["id"], "columns": {"id": {"type": "id", "n_unique": 9}, ...}}},
     "relationships": [{"parent": "users", "parent_columns": ["id"],
                        "child": "orders", "child_columns": ["user_id"]}]}

Every engine gets an environment of its own, all cores and its own defaults. The judge is a program that
knows nothing of the engines: `python score.py --real DIR --synth DIR --metadata metadata.json --out FILE`
writes what `FIGURES` names under "overall". An engine that refuses a schema, fails or needs longer than
--minutes has that for a result. Raw results are kept in benchmarks/results/multi_table/, one JSON file per
schema and engine.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from multi_engines import ENGINES
from schemas import broken_keys, read_metadata
from single_table import BUILD, HERE, cpu_name, python_of, rounded, write_between

RESULTS = HERE / "results" / "multi_table"
MARK = "several tables"
SCHEMAS = [
    "mutagenesis", "berka_1994", "chinook", "sakila", "employees",
    "f1", "nycflights13", "tpch_sf001", "mondial", "lahman",
]  # fmt: skip
ENVIRONMENTS = {"mostlyai": "mostlyai-sdk", "sdv hma": "sdv-multi", "synthohive ctgan": "synthohive"}
# What of the judge's "overall" is kept, how it is written, and which is better.
FIGURES: dict[str, tuple[str, Any]] = {
    "C2ST": ("detection_auc", min),
    "with parent": ("detection_auc_parents", min),
    "with children": ("detection_auc_children", min),
    "cardinality": ("cardinality", max),
    "quality": ("quality", max),
    "intertable": ("intertable_trends", max),
}
COSTS = {"fit, CPU-s": "fit_cpu_seconds", "sample, s": "sample_seconds", "peak MB": "peak_mb"}


def main() -> None:
    """Run what was asked for and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="the folder of the schemas")
    parser.add_argument("--judge", type=Path, help="the program that scores a twin")
    parser.add_argument("--schemas", nargs="+", default=SCHEMAS)
    parser.add_argument("--engines", nargs="+", default=list(ENGINES), choices=list(ENGINES))
    parser.add_argument("--minutes", type=float, default=60, help="for one engine on one schema")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--table", action="store_true", help="only print and write the table")
    args = parser.parse_args()
    if not args.table:
        if args.data is None or args.judge is None:
            parser.error("--data and --judge are needed")
        for schema in args.schemas:
            for engine in args.engines:
                measure((args.data / schema).resolve(), engine, args)
    text = table(read_results())
    print(text)
    if args.table:
        write_between(MARK, text)


def measure(data: Path, engine: str, args: argparse.Namespace) -> None:
    """Run one engine on one schema, judge it and keep the result."""
    print(f"{data.name}: {engine}", flush=True)
    declared = json.loads((data / "metadata.json").read_text())
    out = BUILD / "schemas" / data.name / engine.replace(" ", "_")
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    result: dict[str, Any] = {
        "schema": data.name,
        "engine": engine,
        "tables": len(declared["tables"]),
        "rows": sum(t["rows"] for t in declared["tables"].values()),
        "seed": args.seed,
        "when": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M"),
        "machine": f"{os.cpu_count()} x {cpu_name()}",
    }
    why = run(data, engine, out, args)
    if why:
        result["refused"] = why
    else:
        result |= json.loads((out / "cost.json").read_text())
        result |= judged(data, out, args.judge.resolve())
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{data.name}-{out.name}.json"
    path.write_text(json.dumps({k: rounded(v) for k, v in result.items()}, indent=1) + "\n")
    print(json.dumps({k: rounded(v) for k, v in result.items()}), flush=True)


def run(data: Path, engine: str, out: Path, args: argparse.Namespace) -> str | None:
    """Fit and sample in the engine's environment; returns why there is no twin, None if there is one."""
    command = [python_of(ENVIRONMENTS[engine]), HERE / "multi_engines.py", engine, data, out]
    command += ["--seed", str(args.seed)]
    log = out / "log.txt"
    with log.open("w") as file:
        try:
            done = subprocess.run(
                command, check=False, stdout=file, stderr=file, timeout=args.minutes * 60, cwd=out
            )
        except subprocess.TimeoutExpired:
            return f"not done in {args.minutes:g} minutes"
    if not done.returncode:
        return None
    said = [line.strip() for line in log.read_text().splitlines() if line.strip()]
    return re.sub(r"^(\w+\.)*(\w+: )", r"\2", said[-1])[:200] if said else f"exit status {done.returncode}"


def judged(data: Path, out: Path, judge: Path) -> dict[str, Any]:
    """The judge's figures, and the rows that break a key."""
    command = [
        python_of("judge"), judge, "--real", data, "--synth", out / "twin",
        "--metadata", data / "metadata.json", "--out", out / "judged.json", "--skip", "privacy",
    ]  # fmt: skip
    with (out / "judge.txt").open("w") as log:
        done = subprocess.run(
            command, check=False, stdout=log, stderr=log, env={**os.environ, "OMP_NUM_THREADS": "1"}
        )
    if done.returncode:  # score.py takes no dates before 1677 or after 2262, which some schemas have
        print(f"  not judged, see {out / 'judge.txt'}", flush=True)
        broken = sum(broken_keys(read_metadata(data), out / "twin").values())
        return {"broken_keys": broken} | {key: None for key, _ in FIGURES.values()}
    overall = json.loads((out / "judged.json").read_text())["overall"]
    metrics = overall["sdmetrics"]
    figures = {**overall, "quality": metrics.get("overall"), **metrics}
    broken = sum(overall[k] for k in ("primary_key_duplicates", "primary_key_nulls", "orphans_synth"))
    return {"broken_keys": broken} | {key: figures.get(key) for key, _ in FIGURES.values()}


# ---------------------------------------------------------------- the table


def read_results() -> list[dict[str, Any]]:
    """All results that are kept, in the order of schemas and engines."""
    results = [json.loads(path.read_text()) for path in RESULTS.glob("*.json")]
    order, engines = SCHEMAS, list(ENGINES)
    return sorted(
        results,
        key=lambda r: (
            order.index(r["schema"]) if r["schema"] in order else len(order),
            r["schema"],
            engines.index(r["engine"]),
        ),
    )


def table(results: list[dict[str, Any]]) -> str:
    """All results as Markdown; the best figure of each schema is bold."""
    head = ["schema", "engine", *FIGURES, "broken keys", *COSTS]
    lines = [f"| {' | '.join(head)} |", "|---|---|" + "--:|" * (len(head) - 2)]
    for result in results:
        first = (
            f"| {result['schema']} ({result['tables']} tables, {result['rows']:,} rows) | {result['engine']}"
        )
        if "refused" in result:
            lines.append(f"{first}: {_escaped(result['refused'])} |" + " |" * (len(head) - 2))
            continue
        same = [r for r in results if r["schema"] == result["schema"] and "refused" not in r]
        cells = [_cell(result, same, key, best) for key, best in FIGURES.values()]
        cells.append(f"{result['broken_keys']:,}")
        cells += ["" if result[key] is None else f"{result[key]:,.0f}" for key in COSTS.values()]
        lines.append(f"{first} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(result: dict[str, Any], same: list[dict[str, Any]], key: str, best: Any) -> str:
    if result[key] is None:
        return ""
    text = f"{result[key]:.3f}"
    others = [r[key] for r in same if r[key] is not None]
    return f"**{text}**" if len(same) > 1 and text == f"{best(others):.3f}" else text


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    main()
