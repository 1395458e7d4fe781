"""Seconds from a CSV of declared items to the conformed table: `python benchmarks/bench_declarations.py [--items N]`.

Items are made up: goods of all chapters in the words of a few trades, one in two hundred broken. Pulled into a lake of its own, held to the
contract, conformed, certified and committed as a run does it; then the watched substances that the descriptions name.
"""

from __future__ import annotations

import argparse
import platform
import resource
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import numpy as np
import polars as pl

from tradeflow.contract import load_codelist
from tradeflow.lake import Lake, read_table
from tradeflow.settings import load_settings, read_only_input
from tradeflow.steps.declarations import name_declared_substances
from tradeflow.steps.ingest import conform_snapshots, pull_sources
from tradeflow.steps.known import know_figures

T = TypeVar("T")
_WORDS = [
    "INDUSTRIAL",
    "TECHNICAL GRADE",
    "IN DRUMS",
    "SPARE PARTS",
    "PUMP",
    "VALVE DN50",
    "COTTON SHIRTS",
    "FROZEN",
    "ACETONE",
    "TOLUENO",
    "PAINT",
]


def write_items(path: Path, items: int) -> None:
    """Write a table of our own names; three items to a declaration, and descriptions of which most occur once."""
    chance = np.random.default_rng(11)
    place = np.arange(items)
    chapters = np.array([chapter for chapter in range(1, 98) if chapter != 77])
    codes = chance.choice(chapters, items) * 10**6 + chance.integers(0, 10**4, items) * 100
    weight = np.exp(chance.normal(5, 2, items)).round(2)
    pl.DataFrame(
        {
            "declaration_id": place // 3,
            "item_number": place % 3 + 1,
            "declaration_date": pl.Series(np.datetime64("2023-01-01") + (place // 3000 % 700).astype("timedelta64[D]")),
            "importer_id": chance.integers(0, items // 50 + 1, items),
            "importer_name": pl.Series(chance.integers(0, items // 50 + 1, items)).cast(pl.String) + " TRADING",
            "declarant_id": chance.integers(0, 400, items),
            "origin_code": chance.choice(load_codelist("area").filter(area_class="country")["iso2"].to_numpy(), items),
            "national_code": codes,
            "description": describe_goods(place, chance),
            "net_weight_kg": np.where(chance.random(items) < 0.005, -1.0, weight),
            "item_price": (weight * 3).round(2),
            "currency_code": "USD",
            "value_basis": "CIF",
        }
    ).write_csv(path)


def describe_goods(place: np.ndarray, chance: np.random.Generator) -> pl.Series:
    """Two phrases and a number, half of them told twice."""
    phrases = [pl.Series(chance.choice(np.array(_WORDS), len(place))) for _ in range(2)]
    return phrases[0] + " " + phrases[1] + " REF " + pl.Series(place % (len(place) // 2 + 1)).cast(pl.String)


def measure(name: str, work: Callable[[], T]) -> T:
    """Say the seconds that a piece of work takes, by the clock and by the processor."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    print(f"{name}: {time.perf_counter() - wall:.1f} s, {time.process_time() - cpu:.1f} CPU s")
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=1_000_000)
    items = parser.parse_args().items
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "given").mkdir()
        write_items(Path(folder) / "given" / "items.csv", items)
        lake = Lake(Path(folder) / "lake")
        settings = read_only_input(load_settings(None), Path(folder) / "given")
        measure("pull", lambda: pull_sources(settings, lake, datetime.now(UTC)))
        conformed = measure("validate and conform", lambda: conform_snapshots(lake))
        known = know_figures(settings, lake, None, conformed)
        measure("name substances", lambda: name_declared_substances(lake, known))
        counts = read_table(lake, "snapshot").select("row_count", "conformed_count", "quarantined_count").collect().row(0)
        print("{:,} items in = {:,} conformed + {:,} in quarantine".format(*counts))
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB; {platform.machine()}, polars {pl.__version__}")


if __name__ == "__main__":
    main()
