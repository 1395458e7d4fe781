"""Run simulated worlds from their answers to their leads: where the planted diversions stand, and which rules tell them.

python benchmarks/bench_planted.py [--size ROWS] SEED...
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import polars as pl

from tradeflow.evaluate.planted import match_planted_cases, read_planted_cases
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
    worlds = []
    for seed in chosen.seeds:
        worlds.append(rank_cases(seed, chosen.size))
        print(f"world {seed}: of {worlds[-1].height} cases {count_found(worlds[-1])}", flush=True)
    cases = pl.concat(worlds)
    print(f"all: of {cases.height} cases {count_found(cases)}")
    found = [(pl.col("lead_rank") <= top).sum().alias(f"top_{top}") for top in TOPS]
    with pl.Config(tbl_rows=-1, tbl_hide_dataframe_shape=True):
        print(cases.group_by("typology").agg(pl.len().alias("cases"), *found).sort("typology"))


def rank_cases(seed: int, size: int) -> pl.DataFrame:
    """Return the planted cases of a world with the rank of the lead that tells each."""
    with tempfile.TemporaryDirectory() as folder:
        world, lake = Path(folder) / "world", Lake(Path(folder) / "lake")
        write_world(world, size=size, seed=seed)
        run_pipeline(read_only_input(Settings(), world / "answers"), lake)
        return match_planted_cases(read_table(lake, "signal").collect(), read_planted_cases(world / "planted_case.csv"))


def count_found(cases: pl.DataFrame) -> str:
    return ", ".join(f"{cases.filter(pl.col('lead_rank') <= top).height} in the top {top}" for top in TOPS)


if __name__ == "__main__":
    main()
