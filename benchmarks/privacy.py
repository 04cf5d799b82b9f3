"""What differential privacy costs: a model trained on the twin, judged on real rows that nobody learned from.

    python benchmarks/privacy.py --data DIR [--table adult] [--epsilon 1 5 ...]

DIR holds NAME/NAME.parquet and NAME/metadata.json with a target, as for single_table.py. Printed are, for
each epsilon and without privacy, the AUC of a classifier trained on the twin, that of one trained on the
real rows, and the findings of `disclosure` against the held-out rows.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import pandas as pd
import pyarrow as pa

from synthohive_py import Metadata, Synthesizer
from synthohive_py.privacy import PrivacyConfig, disclosure
from synthohive_py.rng import Seed


def main() -> None:
    """Fit, sample and judge."""
    sys.path.insert(0, str(Path(__file__).parent))
    from judge import utility

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--table", default="adult")
    parser.add_argument("--epsilon", type=float, nargs="*", default=[1.0, 5.0])
    parser.add_argument("--model", default="autoregressive")
    args = parser.parse_args()
    folder = args.data / args.table
    declared = json.loads((folder / "metadata.json").read_text())
    target = declared["target"].rpartition(".")[2] if "target" in declared else None
    columns = declared["tables"][args.table]["columns"]
    types = {name: column["type"] for name, column in columns.items()}
    frame = pd.read_parquet(folder / f"{args.table}.parquet").sample(frac=1, random_state=0)
    held = len(frame) // 5
    train, holdout = frame.iloc[held:], frame.iloc[:held]
    print(f"{args.table}: {len(train)} rows learned from, {held} held out, target {target}")
    for epsilon in [None, *args.epsilon]:
        config = PrivacyConfig(enable_differential_privacy=epsilon is not None, epsilon=epsilon or 1.0)
        metadata = Metadata()
        metadata.add_table(args.table)
        synthesizer = Synthesizer(metadata, model=args.model, privacy_config=config, progress=False)
        started = time.process_time()
        synthesizer.fit({args.table: train})
        seconds = time.process_time() - started
        twin = synthesizer.sample()[args.table]
        report = synthesizer.privacy_report()
        print(f"  epsilon {report.epsilon}, delta {report.delta}: fit {seconds:.0f} CPU-s", end="")
        print(f", {utility(train, holdout, twin, types, target)}" if target else "", flush=True)
        tables = [pa.Table.from_pandas(part, preserve_index=False) for part in (train, twin, holdout)]
        for found in disclosure(args.table, *tables[:2], holdout=tables[2], seed=Seed(0)):
            passed = "passed" if found.passed else "FAILED"
            print(
                f"    {found.metric} {found.score:.3f} (real {found.baseline:.3f}) {passed}: {found.reason}"
            )


if __name__ == "__main__":
    main()
