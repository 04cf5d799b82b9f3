"""A large twin of customers and their orders, made by Spark's tasks: rows per second, memory, keys.

Needs the extra dev. The server is a private Sail on this machine; the folder with the tables is removed:

    python benchmarks/spark.py --rows 100_000_000 --format parquet

Memory is that of all processes together, this one and the server, looked at four times a second.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from synthohive_py import Metadata, Synthesizer

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "connectors"))
from sail_server import sail_server, sail_session

CUSTOMERS = 5_000  # to learn from
LOOKS = 0.25  # seconds
MB = 2**20

KEYS = {
    "customers without a key of their own": "select count(*) - count(distinct customer_id) from {customers}",
    "orders without a key of their own": "select count(*) - count(distinct order_id) from {orders}",
    "orders without a customer": """
        select count(*) from {orders} as o
        where not exists (select 1 from {customers} as c where c.customer_id = o.customer_id)""",
}


def shop() -> tuple[Metadata, dict[str, pd.DataFrame]]:
    """Customers, and three to eleven orders of each."""
    rng = np.random.default_rng(0)
    degrees = rng.integers(3, 12, CUSTOMERS)
    of = np.repeat(np.arange(CUSTOMERS), degrees)
    is_business = rng.random(CUSTOMERS) < 0.3
    quantity = np.ceil(rng.gamma(2, 3, len(of)) * np.where(is_business[of], 3, 1)).astype(int)
    frames = {
        "customers": pd.DataFrame(
            {
                "customer_id": np.arange(CUSTOMERS),
                "segment": np.where(is_business, "business", "private"),
                "city": rng.choice(["Graz", "Linz", "Wien", "Bregenz"], CUSTOMERS, p=[0.2, 0.2, 0.5, 0.1]),
                "balance": rng.normal(1_000, 400, CUSTOMERS).round(2),
            }
        ),
        "orders": pd.DataFrame(
            {
                "order_id": np.arange(len(of)),
                "customer_id": of,
                "quantity": quantity,
                "price": (quantity * rng.gamma(9, 10, len(of))).round(2),
                "discount": rng.integers(0, 11, len(of)) / 100,
                "is_paid": rng.random(len(of)) < 0.9,
                "ship_mode": rng.choice(["air", "rail", "ship", "truck", "mail"], len(of)),
            }
        ),
    }
    metadata = Metadata()
    metadata.add_table("customers", pk="customer_id")
    metadata.add_table("orders", pk="order_id", fk={"customer_id": "customers.customer_id"})
    return metadata, frames


@contextmanager
def watched() -> Iterator[dict[str, float]]:
    """The most memory that this process and its children have together meanwhile, in MB."""
    found, ended = {"peak": 0.0}, threading.Event()

    def look() -> None:
        while not ended.wait(LOOKS):
            found["peak"] = max(found["peak"], sum(map(resident, family(os.getpid()))))

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield found
    finally:
        ended.set()
        watcher.join()


def family(pid: int) -> Iterator[int]:
    """A process and all that descend from it."""
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            yield from family(int(child))


def resident(pid: int) -> float:
    """The memory of a process, in MB; 0 if it has ended."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / MB
    except OSError:
        return 0.0


def files_of(session: Any, table: str) -> list[str]:
    """The Parquet files of a table, those of a Delta table that its last version names."""
    rows = session.sql(f"describe table extended {table}").collect()
    folder = next(row["data_type"] for row in rows if row["col_name"] == "Location")
    if (Path(folder) / "_delta_log").is_dir():
        import deltalake

        return [uri.removeprefix("file://") for uri in deltalake.DeltaTable(folder).file_uris()]
    return sorted(map(str, Path(folder).rglob("*.parquet")))


def broken(files: dict[str, list[str]], folder: Path) -> dict[str, int]:
    """What DuckDB finds wrong with the keys."""
    with duckdb.connect(
        config={"memory_limit": "4GB", "temp_directory": str(folder / "duckdb")}
    ) as connection:
        relations = {name: f"read_parquet({some})" for name, some in files.items()}
        return {
            what: int(connection.execute(query.format(**relations)).fetchone()[0])
            for what, query in KEYS.items()
        }


def main() -> None:
    """Learn, make, look."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000_000)
    parser.add_argument("--format", choices=["parquet", "delta"], default="parquet")
    parser.add_argument("--model", default="ctgan")
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    metadata, frames = shop()
    scale = arguments.rows / sum(map(len, frames.values()))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        synthesizer = Synthesizer(metadata, model=arguments.model, progress=False).fit(frames)
        with sail_server() as server, sail_session(server, folder) as (url, session):
            start = time.monotonic()
            with watched() as found:
                places = synthesizer.sample(
                    scale=scale,
                    workers=arguments.workers,
                    output_path=f"{url}?schema=twins&format={arguments.format}",
                )
            seconds = time.monotonic() - start
            rows = sum(session.table(place).count() for place in places.values())
            files = {table: files_of(session, place) for table, place in places.items()}
        told = {
            "rows": rows,
            "seconds": round(seconds),
            "rows/s": round(rows / seconds),
            "peak MB": round(found["peak"]),
            "GB": round(
                sum(Path(file).stat().st_size for some in files.values() for file in some) / 2**30, 1
            ),
        }
        print(json.dumps(told), flush=True)
        print(json.dumps(broken(files, folder)))


if __name__ == "__main__":
    main()
