"""Run simulated worlds from their answers to their leads: where the planted diversions stand, and which rules tell them.

One of them, a single consignment of 40 t, also by its rank among the leads of its code.

python benchmarks/bench_planted.py [--size ROWS] SEED...
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import polars as pl

from tradeflow.evaluate.planted import match_planted_cases, read_planted_cases
from tradeflow.evaluate.planted_worlds import TOP, Standing, stand_consignment
from tradeflow.lake import Lake, read_table
from tradeflow.pipeline import run_pipeline
from tradeflow.sample import write_world
from tradeflow.settings import Settings, read_only_input

TOPS = (50, 100, 200)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("seeds", nargs="+", type=int)
    arguments.add_argument("--size", type=int, default=150_000)
    chosen = arguments.parse_args()
    worlds, standings = [], []
    for seed in chosen.seeds:
        cases, standing = rank_cases(seed, chosen.size)
        worlds.append(cases)
        standings.append(standing)
        print(f"world {seed}: of {cases.height} cases {count_found(cases)}; the consignment at {standing.rank}", flush=True)
    cases = pl.concat(worlds)
    high = sum(each.rank is not None and each.rank <= TOP for each in standings)
    print(f"all: of {cases.height} cases {count_found(cases)}; the consignment in the top {TOP} of its code in {high} of {len(standings)}")
    found = [(pl.col("lead_rank") <= top).sum().alias(f"top_{top}") for top in TOPS]
    with pl.Config(tbl_rows=-1, tbl_hide_dataframe_shape=True):
        print(cases.group_by("typology").agg(pl.len().alias("cases"), *found).sort("typology"))


def rank_cases(seed: int, size: int) -> tuple[pl.DataFrame, Standing]:
    """Return the planted cases of a world with the rank of the lead that tells each, and where the consignment stands."""
    with tempfile.TemporaryDirectory() as folder:
        world, lake = Path(folder) / "world", Lake(Path(folder) / "lake")
        write_world(world, size=size, seed=seed)
        run_pipeline(read_only_input(Settings(), world / "answers"), lake)
        signals, cases = read_table(lake, "signal").collect(), read_planted_cases(world / "planted_case.csv")
        return match_planted_cases(signals, cases), stand_consignment(seed, signals, cases)


def count_found(cases: pl.DataFrame) -> str:
    return ", ".join(f"{cases.filter(pl.col('lead_rank') <= top).height} in the top {top}" for top in TOPS)


if __name__ == "__main__":
    main()
