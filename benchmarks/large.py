"""Memory, time and keys of large twins: TPC-H at several scales, each sampled in a process of its own.

    pip install tpchgen-cli
    tpchgen-cli parquet -s 1 -o ../build/tpch
    python large.py --data ../build/tpch --scales 1 5

The fit is kept beside the data as tpch.syn. Remove that file to fit again.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from schemas import broken_keys, read_tables

from synthohive_py import ForeignKey, Metadata, Synthesizer

PRIMARY = {
    "region": ["r_regionkey"],
    "nation": ["n_nationkey"],
    "supplier": ["s_suppkey"],
    "customer": ["c_custkey"],
    "part": ["p_partkey"],
    "partsupp": ["ps_partkey", "ps_suppkey"],
    "orders": ["o_orderkey"],
    "lineitem": ["l_orderkey", "l_linenumber"],
}
FOREIGN = {
    "nation": [(["n_regionkey"], "region")],
    "supplier": [(["s_nationkey"], "nation")],
    "customer": [(["c_nationkey"], "nation")],
    "partsupp": [(["ps_partkey"], "part"), (["ps_suppkey"], "supplier")],
    "orders": [(["o_custkey"], "customer")],
    "lineitem": [(["l_orderkey"], "orders"), (["l_partkey", "l_suppkey"], "partsupp")],
}


def tpch() -> Metadata:
    """The schema of TPC-H."""
    metadata = Metadata()
    for name, pk in PRIMARY.items():
        keys = [
            ForeignKey(columns=columns, parent=parent, parent_columns=PRIMARY[parent])
            for columns, parent in FOREIGN.get(name, [])
        ]
        metadata.add_table(name, pk=pk, foreign_keys=keys)
    return metadata


def main() -> None:
    """Fit once, then sample at each scale."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--scales", type=float, nargs="+", default=[1, 5])
    parser.add_argument("--workers", type=int)
    parser.add_argument("--one", type=float, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    artefact = arguments.data / "tpch.syn"
    if arguments.one:
        print(json.dumps(sample(artefact, arguments.one, arguments.workers)))
        return
    if not artefact.exists():
        start = time.monotonic()
        metadata = tpch()
        Synthesizer(metadata, seed=1).fit(read_tables(arguments.data, metadata)).save(artefact)
        print(f"fit: {time.monotonic() - start:.0f} s, peak {peak():.0f} MB", flush=True)
    print("| scale | rows | s | rows/s | peak MB | of a worker | broken keys |")
    print("|--:|--:|--:|--:|--:|--:|---|")
    for scale in arguments.scales:
        command = [sys.executable, __file__, "--data", str(arguments.data), "--one", str(scale)]
        if arguments.workers:
            command += ["--workers", str(arguments.workers)]
        found = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        broken = broken_keys(tpch(), artefact.parent / f"twin_{scale:g}")
        print(
            f"| {scale:g} | {found['rows']:,} | {found['seconds']:.0f} | "
            f"{found['rows'] / found['seconds']:,.0f} | {found['peak']:.0f} | {found['worker']:.0f} | "
            f"{broken or 'none'} |",
            flush=True,
        )


def sample(artefact: Path, scale: float, workers: int | None) -> dict[str, Any]:
    """One twin, written to Parquet."""
    synthesizer = Synthesizer.load(artefact, progress=False)
    start = time.monotonic()
    files = synthesizer.sample(scale=scale, workers=workers, output_path=artefact.parent / f"twin_{scale:g}")
    return {
        "rows": sum(pq.read_metadata(file).num_rows for file in files.values()),
        "seconds": time.monotonic() - start,
        "peak": peak(),
        "worker": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024,
    }


def peak() -> float:
    """The most memory this process had so far, in MB. Unlike ru_maxrss not that of the one it came from."""
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


if __name__ == "__main__":
    main()
