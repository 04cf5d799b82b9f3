"""How long judging takes: a table of 50 columns and a million rows, part by part.

    python benchmarks/quality.py [--rows 1000000] [--columns 50]

Columns are numbers, dates and categories that depend on each other, a tenth of them null.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from synthohive_py import Metadata
from synthohive_py.quality import judge, ks_complement, tv_complement
from synthohive_py.report import make_report
from synthohive_py.rng import Seed

DAY = 86_400 * 10**6


def table(rows: int, columns: int, seed: int) -> pa.Table:
    """Rows with a common cause; every fifth column is a date, and of the others every second a category."""
    rng = np.random.default_rng(seed)
    cause = rng.normal(size=rows)
    made = {"id": pa.array(np.arange(rows))}
    for n in range(columns):
        values = cause * (n % 3) + rng.normal(size=rows)
        null = rng.random(rows) < 0.1
        if n % 5 == 4:
            ticks = ((values + 20) * 100 * DAY).astype(np.int64)
            made[f"date_{n}"] = pa.array(ticks, pa.timestamp("us"), mask=null)
        elif n % 2:
            codes = np.digitize(values, np.linspace(-2, 2, 5 + n))
            made[f"category_{n}"] = pa.DictionaryArray.from_arrays(
                pa.array(codes, mask=null), [f"value {i}" for i in range(6 + n)]
            ).dictionary_decode()
        else:
            made[f"number_{n}"] = pa.array(values, mask=null)
    return pa.table(made)


def main() -> None:
    """Time the parts, then the whole."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rows", type=int, default=1_000_000)
    arguments.add_argument("--columns", type=int, default=50)
    asked = arguments.parse_args()
    real, twin = (table(asked.rows, asked.columns, seed) for seed in (1, 2))
    metadata = Metadata()
    metadata.add_table("wide", pk="id")

    clock("KSComplement, one column", lambda: ks_complement(real["number_0"], twin["number_0"]))
    clock("TVComplement, one column", lambda: tv_complement(real["category_1"], twin["category_1"]))
    found = clock(
        "all checks, with baselines", lambda: judge(metadata, {"wide": real}, {"wide": twin}, seed=0)
    )
    print(f"  {len(found.findings)} checks, {sum(not f.passed for f in found.findings)} failed")
    report = clock(
        "the report: classifier and privacy, too",
        lambda: make_report(metadata, {"wide": real}, {"wide": twin}, seed=Seed(0)),
    )
    page = clock("the page", report.to_html)
    print(f"  {len(page) / 1e3:,.0f} kB")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.1f} GB")


def clock(name: str, work: Callable[[], Any]) -> Any:
    """Do it, and say how long it took: by the clock, and in processor time of all threads."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    print(f"{name:<42}{time.perf_counter() - wall:8.2f} s {time.process_time() - cpu:8.2f} CPU-s", flush=True)
    return result


if __name__ == "__main__":
    main()
