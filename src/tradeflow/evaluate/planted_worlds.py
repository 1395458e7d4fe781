"""Where one planted consignment stands among the leads of its code, over many simulated worlds, each run from its answers to its leads."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from tradeflow.evaluate.planted import match_planted_cases, read_planted_cases
from tradeflow.lake import Lake, read_table
from tradeflow.pipeline import run_pipeline
from tradeflow.sample import write_world
from tradeflow.settings import Settings, read_only_input

CONSIGNMENT_CODE = "291812"
"""Tartaric acid: one consignment of 40 t is planted in every world."""
TOP = 10


@dataclass(frozen=True)
class Standing:
    """The rank, within its code, of the best lead that tells the planted consignment (None: no lead), and the rule that stands there."""

    seed: int
    importer_code: int
    rank: int | None
    rule: str | None
    leads: int


def rank_consignments(seeds: Iterable[int], size: int, echo: Callable[[str], None]) -> list[Standing]:
    """Write a world per seed, run it, and find the 40 t of tartaric acid among the leads of its code."""
    standings = []
    for seed in seeds:
        with tempfile.TemporaryDirectory() as folder:
            standing = _rank_in_world(Path(folder), seed, size)
        echo(f"world {seed}: {'no lead' if standing.rank is None else f'rank {standing.rank}'} of {standing.leads}")
        standings.append(standing)
    return standings


def _rank_in_world(folder: Path, seed: int, size: int) -> Standing:
    write_world(folder / "world", size=size, seed=seed)
    lake = Lake(folder / "lake")
    run_pipeline(read_only_input(Settings(), folder / "world" / "answers"), lake)
    return stand_consignment(seed, read_table(lake, "signal").collect(), read_planted_cases(folder / "world" / "planted_case.csv"))


def stand_consignment(seed: int, signals: pl.DataFrame, cases: pl.DataFrame) -> Standing:
    """Find the consignment of a world's planted cases among the leads of its code."""
    of_code = pl.col("commodity_code") == CONSIGNMENT_CODE
    told = signals.filter(of_code)
    ranked = told.with_columns(pl.col("lead_rank").rank("dense").cast(pl.Int32))
    found = match_planted_cases(ranked, cases.filter(of_code & (pl.col("typology") == "excess_import"))).row(0, named=True)
    return Standing(seed, found["importer_code"], found["lead_rank"], found["rule"], told["lead_id"].n_unique())
