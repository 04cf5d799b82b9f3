"""One engine, one schema: fit, sample, and say what it cost. Runs inside the engine's own environment.

    python multi_engines.py ENGINE DATA_DIR OUT_DIR --seed N

It writes OUT_DIR/twin/TABLE.parquet and OUT_DIR/cost.json. Each engine is used as its documentation shows,
with its defaults, and told every key that it has words for. Primary keys of several columns, for which only
ours has words, stay untold; foreign keys of several columns can't, and end the run.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engines import peak_megabytes

Declared = dict[str, Any]  # metadata.json
SampleTo = Callable[[Path], None]  # writes a Parquet file, or a folder of them, for each table

# What the types of metadata.json are called in SDV.
SDTYPES = {"id": "id", "numerical": "numerical", "datetime": "datetime", "categorical": "categorical"}
MOST_CATEGORIES = 100  # a text column with fewer distinct values is one of categories


def synthohive(folder: Path, seed: int, model: str) -> SampleTo:
    """SynthoHive."""
    from schemas import read_metadata, read_tables

    from synthohive_py import Synthesizer

    metadata = read_metadata(folder)
    synthesizer = Synthesizer(metadata, model=model, seed=seed, progress=False)
    synthesizer.fit(read_tables(folder, metadata))

    def sample(out: Path) -> None:
        synthesizer.sample(output_path=out)

    return sample


def mostlyai(folder: Path, seed: int) -> SampleTo:
    """MOSTLY AI's SDK in local mode: one foreign key of each table is its context."""
    from mostlyai.sdk import MostlyAI

    declared = _declared(folder)
    contexts = _contexts(declared)
    tables = []
    for name, frame in _frames(folder, declared).items():
        keys = [
            {
                "column": link["child_columns"][0],
                "referenced_table": link["parent"],
                "is_context": link is contexts.get(name),
            }
            for link in _links(declared, name)
        ]
        table = {"name": name, "data": frame, "foreign_keys": keys}
        if len(declared["tables"][name]["primary_key"] or []) == 1:
            table["primary_key"] = declared["tables"][name]["primary_key"][0]
        tables.append(table)
    client = MostlyAI(local=True, local_dir="mostlyai", quiet=True)
    generator = client.train(config={"name": "twin", "tables": tables, "random_state": seed})

    def sample(out: Path) -> None:
        data = client.generate(generator).data()
        _write(data if isinstance(data, dict) else {tables[0]["name"]: data}, out)

    return sample


def sdv_hma(folder: Path, seed: int) -> SampleTo:
    """The hierarchical modeling algorithm of SDV Community. It takes no seed."""
    from sdv.metadata import Metadata
    from sdv.multi_table import HMASynthesizer

    declared = _declared(folder)
    frames = _frames(folder, declared)
    keys = {(r["child"], c) for r in declared["relationships"] for c in r["child_columns"]}
    tables: Declared = {}
    for name, spec in declared["tables"].items():
        columns = {
            c: {"sdtype": "id" if (name, c) in keys else _sdtype(s["type"], frames[name][c])}
            for c, s in spec["columns"].items()
        }
        tables[name] = {"columns": columns}
        if len(spec["primary_key"] or []) == 1:
            tables[name]["primary_key"] = spec["primary_key"][0]
            columns[spec["primary_key"][0]] = {"sdtype": "id"}
    links = [
        {
            "parent_table_name": link["parent"],
            "child_table_name": link["child"],
            "parent_primary_key": link["parent_columns"][0],
            "child_foreign_key": link["child_columns"][0],
        }
        for name in tables
        for link in _links(declared, name)
    ]
    model = HMASynthesizer(Metadata.load_from_dict({"tables": tables, "relationships": links}), verbose=False)
    model.fit(frames)
    return lambda out: _write(model.sample(), out)


ENGINES: dict[str, Callable[[Path, int], SampleTo]] = {
    "synthohive ctgan": lambda folder, seed: synthohive(folder, seed, "ctgan"),
    "mostlyai": mostlyai,
    "sdv hma": sdv_hma,
}


def _declared(folder: Path) -> Declared:
    declared: Declared = json.loads((folder / "metadata.json").read_text())
    return declared


def _frames(folder: Path, declared: Declared) -> dict[str, Any]:
    import pandas as pd

    return {name: pd.read_parquet(folder / f"{name}.parquet") for name in declared["tables"]}


def _links(declared: Declared, table: str) -> list[Declared]:
    """The foreign keys of a table."""
    links = [link for link in declared["relationships"] if link["child"] == table]
    for link in links:
        if len(link["child_columns"]) > 1:
            sys.exit(
                f"refused: no words for the foreign key {table}({', '.join(link['child_columns'])}) "
                f"-> {link['parent']}"
            )
    return links


def _contexts(declared: Declared) -> dict[str, Declared]:
    """Per table with a parent, the foreign key whose values differ most; never in a circle."""
    contexts: dict[str, Declared] = {}

    def ancestors(table: str) -> set[str]:
        found: set[str] = set()
        while table in contexts:
            table = contexts[table]["parent"]
            found.add(table)
        return found

    for name, spec in declared["tables"].items():
        links = sorted(
            _links(declared, name),
            key=lambda link: -spec["columns"][link["child_columns"][0]].get("n_unique", 0),
        )
        for link in links:
            if link["parent"] != name and name not in ancestors(link["parent"]):
                contexts[name] = link
                break
    return contexts


def _sdtype(kind: str, values: Any) -> str:
    if kind == "boolean":  # SDV takes 0 and 1 for none
        return "boolean" if values.dtype == bool else "categorical"
    return SDTYPES.get(kind, "categorical" if values.nunique() <= MOST_CATEGORIES else "text")


def _write(frames: dict[str, Any], out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for name, frame in frames.items():
        frame.to_parquet(out / f"{name}.parquet", index=False)


def cpu_seconds() -> float:
    """Processor time (user and system) of this process and all that it started, found in /proc."""
    family, spent, parents = {os.getpid()}, {}, {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has just ended
        parents[int(stat.parent.name)] = int(fields[1])
        spent[int(stat.parent.name)] = sum(map(int, fields[11:15]))  # also of ended children
    for _ in parents:
        family |= {pid for pid, parent in parents.items() if parent in family}
    return sum(spent[pid] for pid in family) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Fit, sample, measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("engine", choices=ENGINES)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()

    cpu, wall = cpu_seconds(), time.monotonic()
    sample = ENGINES[args.engine](args.data, args.seed)
    cost = {"fit_cpu_seconds": cpu_seconds() - cpu, "fit_seconds": time.monotonic() - wall}
    wall = time.monotonic()
    sample(args.out / "twin")
    cost["sample_seconds"] = time.monotonic() - wall
    cost["peak_mb"] = peak_megabytes()
    (args.out / "cost.json").write_text(json.dumps(cost))


if __name__ == "__main__":
    main()
