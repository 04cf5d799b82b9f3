"""How well the seasons of baseball players are learned: People, Batting and Teams of Lahman.

    python benchmarks/siblings.py --data DIR [--seed 1] [--options '{"epochs": 10}']

DIR holds People.parquet, Batting.parquet and Teams.parquet (seanlahman.com). 5,000 players are learned; with
--ceiling 5,000 others are judged: what a perfect engine would reach. See siblings_judge.py for the measures.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import time
from pathlib import Path

import numpy as np
import pandas as pd
from single_table import BUILD, HERE, python_of

from synthohive_py import Metadata, Synthesizer

PLAYERS = 5_000
COUNTS = ["G", "AB", "R", "H", "2B", "HR", "RBI", "SB", "BB", "SO"]
ABOUT_TEAM = ["divID", "Rank", "W", "L", "R", "HR", "ERA", "attendance"]
ABOUT_PLAYER = ["birthYear", "birthCountry", "weight", "height", "bats", "throws"]
KEYS = ["playerID", "team"]
FIRST_SEASON = 1955  # all counts are recorded from then on

Tables = dict[str, pd.DataFrame]


def read(folder: Path) -> tuple[Tables, Tables]:
    """Two disjoint samples of players with the seasons they played; the teams are the same."""
    people, batting, teams = (
        pd.read_parquet(folder / f"{name}.parquet") for name in ("People", "Batting", "Teams")
    )
    teams = teams[teams["yearID"] >= FIRST_SEASON].drop_duplicates(["yearID", "teamID"])
    teams = teams.assign(team=teams["yearID"].astype(str) + "_" + teams["teamID"].astype(str))
    batting = batting[batting["yearID"] >= FIRST_SEASON].dropna(subset=COUNTS)
    how = {**dict.fromkeys(COUNTS, "sum"), "teamID": "first", "lgID": "first", "stint": "max"}
    batting = batting.groupby(["playerID", "yearID"], as_index=False).agg(how)
    batting["team"] = batting["yearID"].astype(str) + "_" + batting["teamID"].astype(str)
    batting = batting[batting["team"].isin(teams["team"])]
    people["debutYear"] = pd.to_datetime(people["debut"]).dt.year.astype("Int64")
    players = np.random.default_rng(1).permutation(np.sort(batting["playerID"].unique()))
    teams = teams[["team", "yearID", "lgID", *ABOUT_TEAM]]
    teams = teams.rename(columns={"yearID": "season", "lgID": "league"}).reset_index(drop=True)

    def of(some: np.ndarray) -> Tables:
        theirs = batting[batting["playerID"].isin(some)].sort_values(["playerID", "yearID"])
        those = people[people["playerID"].isin(some)]
        return {
            "people": those[["playerID", *ABOUT_PLAYER, "debutYear"]].reset_index(drop=True),
            "batting": theirs[["playerID", "team", "yearID", "lgID", "stint", *COUNTS]].reset_index(
                drop=True
            ),
            "teams": teams,
        }

    return of(players[:PLAYERS]), of(players[PLAYERS : 2 * PLAYERS])


def schema() -> Metadata:
    """The keys of the three tables."""
    metadata = Metadata()
    metadata.add_table("people", pk="playerID")
    metadata.add_table("teams", pk="team")
    metadata.add_table("batting", fk={"playerID": "people.playerID", "team": "teams.team"})
    return metadata


def write(tables: Tables, folder: Path) -> Path:
    """Write a Parquet file for each table; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, frame in tables.items():
        frame.to_parquet(folder / f"{name}.parquet", index=False)
    return folder


def main() -> None:
    """Learn, sample, judge, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--model", default="ctgan")
    parser.add_argument("--options", type=json.loads, default={}, help="options of the model, as JSON")
    parser.add_argument("--ceiling", action="store_true", help="judge the other players instead of a twin")
    args = parser.parse_args()

    out = BUILD / "siblings"
    real, other = read(args.data)
    cost = {}
    if args.ceiling:
        twin = other
    else:
        started = time.process_time()
        synthesizer = Synthesizer(
            schema(), model=args.model, model_options=args.options, seed=args.seed, progress=False
        ).fit(real)
        cost["fit_cpu_seconds"] = time.process_time() - started
        started = time.process_time()
        twin = synthesizer.sample()
        cost["child_rows_per_cpu_second"] = len(twin["batting"]) / (time.process_time() - started)
    command = [python_of("judge"), HERE / "siblings_judge.py", write(real, out / "real")]
    command += [write(twin, out / "twin")]
    # Threads of scikit-learn wait for each other by spinning: on a busy machine ten times slower than one.
    subprocess.run(command, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    print(json.dumps({k: round(v, 1) for k, v in cost.items()}))


if __name__ == "__main__":
    main()
