"""What holds in all real rows of a schema, found by trying all of it, and how many rows of its twin break it.

    python benchmarks/invariants.py --data DIR [--schemas sakila ...]

Judges the twins that multi_table.py has left in build/, with none of the engine's code for rules: each column
that decides another, each order of two columns of a row or of a row and any of its parents, each pair of
columns with nulls, and the ends of the column that says most about where another is null. Counted is what at
least 100 rows speak of and chance would have broken eight times; of ends 16 times, if they have half of the
nulls or values.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from itertools import combinations, permutations
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from schemas import read_metadata, read_tables
from single_table import BUILD

from synthohive_py import Metadata

LEAST_ROWS, LEAST_BREAKS = 100, 8
LEAST_GROUP = 5  # mean rows that agree in a column that decides another

Frames = dict[str, pd.DataFrame]
Mask = npt.NDArray[np.bool_]


def main() -> None:
    """Print a line per schema, and one per invariant that its twin breaks."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="the folder of the schemas")
    parser.add_argument("--schemas", nargs="+", help="by default all that have a twin")
    args = parser.parse_args()
    for twin in sorted((BUILD / "schemas").glob("*/synthohive_ctgan/twin")):
        schema = twin.parent.parent.name
        if args.schemas and schema not in args.schemas:
            continue
        metadata = read_metadata(args.data / schema)
        sides = [
            {n: t.to_pandas() for n, t in read_tables(f, metadata).items()}
            for f in (args.data / schema, twin)
        ]
        found = [(table, *rest) for table in metadata.tables for rest in invariants(metadata, table, *sides)]
        broken = [entry for entry in found if entry[-1]]
        print(f"{schema}: {len(found)} invariants, {len(broken)} broken")
        for table, text, rows in broken:
            print(f"  {table}: {text}: {rows} of {len(sides[1][table])} rows")


def invariants(metadata: Metadata, table: str, real: Frames, twin: Frames) -> Iterator[tuple[str, int]]:
    """What holds in all real rows of a table, and how many generated rows break it."""
    keys = {c for key in metadata.tables[table].foreign_keys for c in key.columns}
    ours, theirs = with_parents(metadata, table, real), with_parents(metadata, table, twin)
    own = [c for c in real[table] if not real[table][c].map(pd.api.types.is_list_like).any()]
    plain = [c for c in own if c not in {*keys, *metadata.tables[table].pk}]
    codes = [{c: pd.factorize(frame[c], use_na_sentinel=False)[0] for c in own} for frame in (ours, theirs)]
    sizes = {c: len(np.unique(codes[0][c])) for c in own}
    for on, column in permutations(own, 2):
        if column in plain and 1 < sizes[column] <= sizes[on] <= len(ours) / LEAST_GROUP:
            known = [frame[on].notna().to_numpy() for frame in (ours, theirs)]
            sides = [(side[on][k], side[column][k]) for side, k in zip(codes, known, strict=True)]
            if is_decided(*sides[0]):
                yield f"{on} decides {column}", minority(*sides[1])
    lines = [
        {c: on_line(frame[c]) for c in frame if c not in {*keys, *metadata.tables[table].pk}}
        for frame in (ours, theirs)
    ]
    for low, high in permutations(lines[0], 2):
        if ours[low].dtype == ours[high].dtype and {low, high} & {*own}:
            a, b = lines[0][low], lines[0][high]
            if a is not None and b is not None and is_ordered(a, b):
                yield f"{low} <= {high}", int((lines[1][low] > lines[1][high]).sum())
    null = [{c: frame[c].isna().to_numpy() for c in plain} for frame in (ours, theirs)]
    for one, other in combinations([c for c in plain if 0 < null[0][c].sum() < len(ours)], 2):
        for what, a, b in (
            ("null, null", 1, 1),
            ("value, value", 0, 0),
            ("null, value", 1, 0),
            ("value, null", 0, 1),
        ):
            first, second = (null[0][one] == a), (null[0][other] == b)
            if not (first & second).any() and first.mean() * second.sum() >= LEAST_BREAKS:
                rows = (null[1][one] == a) & (null[1][other] == b)
                yield f"({one}, {other}) is never ({what})", int(rows.sum())
    names = (metadata.tables[table].pk, *(key.columns for key in metadata.tables[table].foreign_keys))
    alone = {columns[0] for columns in names if len(columns) == 1}
    ends = [{c: on_line(frame[c]) for c in own if c not in alone} for frame in (ours, theirs)]
    for column in (c for c in plain if 0 < null[0][c].sum() < len(ours)):
        yield from at_ends(column, *ends, null[0][column], null[1][column])


def at_ends(
    column: str, real: dict[str, Any], twin: dict[str, Any], real_null: Mask, twin_null: Mask
) -> Iterator[tuple[str, int]]:
    """Where a column is always or never null at an end of the one whose ends say most."""
    best: list[tuple[str, str, Any, bool]] = []
    most = 0
    for on, line in real.items():
        if line is None or on == column:
            continue
        found, told = [], 0
        for is_null in (True, False):
            own, other = (line[line.notna() & (real_null == null)] for null in (is_null, not is_null))
            for sign in "<>":
                inside = own[own < other.min()] if sign == "<" else own[own > other.max()]
                by_chance = len(inside) * len(other) / max(line.notna().sum(), 1)
                if 2 * len(inside) >= len(own) and by_chance >= 2 * LEAST_BREAKS:
                    found.append((on, sign, inside.max() if sign == "<" else inside.min(), is_null))
                    told += len(inside)
        if told > most:
            best, most = found, told
    for on, sign, limit, is_null in best:
        beyond = twin[on] <= limit if sign == "<" else twin[on] >= limit
        rows = int((beyond & (twin_null != is_null)).sum())
        yield f"{column} is {'' if is_null else 'not '}null where {on} {sign}= {limit}", rows


def with_parents(metadata: Metadata, table: str, frames: Frames) -> pd.DataFrame:
    """The rows with the columns of all their parents that are no keys."""
    frame = frames[table]
    joined = [frame]
    for key in metadata.tables[table].foreign_keys:
        names = {c for k in metadata.tables[key.parent].foreign_keys for c in k.columns}
        parent = frames[key.parent].drop_duplicates(list(key.parent_columns))
        index = pd.MultiIndex.from_frame(parent[list(key.parent_columns)])
        place = index.get_indexer(pd.MultiIndex.from_frame(frame[list(key.columns)]))
        place[frame[list(key.columns)].isna().any(axis=1).to_numpy()] = -1
        above = parent[[c for c in parent if c not in {*names, *key.parent_columns}]]
        above = above.set_axis(range(len(above))).reindex(np.where(place < 0, len(above), place))
        prefix = f"parent({', '.join(key.columns)})."
        joined.append(above.add_prefix(prefix).set_axis(frame.index))
    return pd.concat(joined, axis=1)


def on_line(column: pd.Series[Any]) -> pd.Series[Any] | None:
    """The values as numbers; None if they are none."""
    if pd.api.types.is_bool_dtype(column):
        return None
    if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_datetime64_any_dtype(column):
        return column.astype("float64") if pd.api.types.is_numeric_dtype(column) else column
    known = column.dropna()
    if len(known) and hasattr(known.iloc[0], "as_tuple"):  # a decimal
        return column.astype("float64")
    if len(known) and hasattr(known.iloc[0], "toordinal"):  # a date
        return column.map(lambda day: day.toordinal(), na_action="ignore").astype("float64")
    return None


def is_decided(on: npt.NDArray[np.int64], column: npt.NDArray[np.int64]) -> bool:
    """Whether rows that agree in one agree in the other, and would not by chance."""
    if len(on) < LEAST_ROWS or minority(on, column):
        return False
    share = np.bincount(column) / len(column)
    return bool((len(on) - len(np.unique(on))) * (1 - (share**2).sum()) >= LEAST_BREAKS)


def minority(on: npt.NDArray[np.int64], column: npt.NDArray[np.int64]) -> int:
    """Rows that have another value than most of those that they agree with."""
    pairs = pd.DataFrame({"on": on, "column": column}).value_counts()
    return int(len(on) - pairs.groupby("on").max().sum())


def is_ordered(low: pd.Series[Any], high: pd.Series[Any]) -> bool:
    """Whether one is never above the other, and would be by chance."""
    known = (low.notna() & high.notna()).to_numpy()
    a, b = low.to_numpy()[known], high.to_numpy()[known]
    if len(a) < LEAST_ROWS or (a > b).any() or (a == b).all():
        return False
    return bool(np.searchsorted(np.sort(b), a, side="left").mean() >= LEAST_BREAKS)


if __name__ == "__main__":
    main()
