"""From one CSV of declared items to company leads: `python benchmarks/bench_declarations.py [--items N] [--until conform]`.

Items are made up: goods of all chapters in the words of a few trades, one item in two hundred naming a watched substance and one broken,
companies with slips in their names. A run as `tradeflow run` makes it, into a lake of its own; CPU seconds of each step, peak memory.
`--until conform` stops where the items stand in the lake.
"""

from __future__ import annotations

import argparse
import platform
import re
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import ParamSpec, TypeVar

import numpy as np
import polars as pl

from tradeflow.contract import load_codelist
from tradeflow.lake import Lake, read_table
from tradeflow.pipeline import run_pipeline
from tradeflow.sample.companies import make_companies
from tradeflow.settings import load_settings, read_only_input
from tradeflow.steps.ingest import conform_snapshots, pull_sources

P = ParamSpec("P")
T = TypeVar("T")
_ITEMS_AT_ONCE = 500_000
_ITEMS_PER_COMPANY = 200
_WATCHED = ["ACETONE", "TOLUENO", "POTASSIUM PERMANGANATE", "ACETIC ANHYDRIDE", "ACIDO SULFURICO", "PSEUDOEPHEDRINE HCL"]
_WATCHED_SHARE = 0.005
_WORDS = [
    "INDUSTRIAL",
    "TECHNICAL GRADE",
    "IN DRUMS",
    "SPARE PARTS",
    "PUMP",
    "VALVE DN50",
    "COTTON SHIRTS",
    "FROZEN",
    "PAINT",
    "VINYL FLOORING",
    "NOTEBOOK COMPUTER",
    "HEXAGON BOLTS",
    "WHEAT FLOUR",
    "STEEL COILS",
]


def write_items(path: Path, items: int) -> None:
    """Write a table of our own names; three items to a declaration, descriptions of which most occur once, two years of days."""
    parties = make_companies(max(items // _ITEMS_PER_COMPANY, 50), seed=1, error_rate=0.02)
    with path.open("wb") as file:
        for start in range(0, items, _ITEMS_AT_ONCE):
            count = min(_ITEMS_AT_ONCE, items - start)
            _make_items(np.arange(start, start + count), items, parties).write_csv(file, include_header=start == 0)


def _make_items(place: np.ndarray, items: int, parties: pl.DataFrame) -> pl.DataFrame:
    chance = np.random.default_rng([11, int(place[0])])
    chapters = np.array([chapter for chapter in range(1, 98) if chapter != 77])
    codes = chance.choice(chapters, len(place)) * 10**6 + chance.integers(0, 10**4, len(place)) * 100
    weight = np.exp(chance.normal(5, 2, len(place))).round(2)
    areas = load_codelist("area").filter(area_class="country")["iso2"].to_numpy()
    return pl.DataFrame(
        {
            "declaration_id": place // 3,
            "item_number": place % 3 + 1,
            "declaration_date": pl.Series(np.datetime64("2023-01-01") + (place * 700 // items).astype("timedelta64[D]")),
            "reporter_code": 484,
            "flow_code": "M",
            **_draw_party(parties, "importer", place // 3, ("id", "name", "address")),
            **_draw_party(parties, "exporter", place // 3 + 1, ("name",)),
            **_draw_party(parties, "declarant", place % 400, ("id",)),
            "origin_code": chance.choice(areas, len(place)),
            "national_code": pl.Series(codes).cast(pl.String).str.zfill(8),
            "description": _describe_goods(place, items, chance),
            "net_weight_kg": np.where(chance.random(len(place)) < 0.005, -1.0, weight),
            "item_price": (weight * 3).round(2),
            "currency_code": "USD",
            "value_basis": "CIF",
        }
    )


def _draw_party(parties: pl.DataFrame, role: str, by: np.ndarray, told: tuple[str, ...]) -> dict[str, pl.Series]:
    """Draw an appearance by a number: the items of one declaration name the same party in the same words."""
    drawn = parties[(by * 2654435761 % 2**32 * parties.height) >> 32]
    columns = {"id": "tax_number", "name": "party_name", "address": "party_address"}
    return {f"{role}_{name}": drawn[columns[name]] for name in told}


def _describe_goods(place: np.ndarray, items: int, chance: np.random.Generator) -> pl.Series:
    """Two phrases and a number, half of them told twice; one item in two hundred names a watched substance."""
    phrases = [pl.Series(chance.choice(np.array(_WORDS), len(place))) for _ in range(2)]
    is_watched = pl.Series(chance.random(len(place)) < _WATCHED_SHARE)
    phrases[0] = pl.Series(chance.choice(np.array(_WATCHED), len(place))).zip_with(is_watched, phrases[0])
    return phrases[0] + " " + phrases[1] + " REF " + pl.Series(place % (items // 2 + 1)).cast(pl.String)


def tell_step(name: str, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a step and say what it took, by the clock and by the processor, and the most memory that it held."""
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
    wall, cpu = time.perf_counter(), time.process_time()
    result = function(*args, **kwargs)
    held = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    peak = int(held[1]) / 2**20 if held else float("nan")
    print(f"{name}: {time.perf_counter() - wall:.1f} s, {time.process_time() - cpu:.1f} CPU s, peak {peak:.1f} GB", flush=True)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--until", choices=["conform", "publish"], default="publish")
    parser.add_argument("--folder", type=Path, help="where the file and the lake are made; by default a folder that is removed")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
        given, lake = Path(folder) / "given", Lake(Path(folder) / "lake")
        given.mkdir()
        write_items(given / "items.csv", chosen.items)
        print(
            f"{chosen.items:,} items, {(given / 'items.csv').stat().st_size / 2**20:,.0f} MB; {platform.machine()}, polars {pl.__version__}"
        )
        settings = read_only_input(load_settings(None), given)
        cpu = time.process_time()
        if chosen.until == "conform":
            tell_step("pull", pull_sources, settings, lake, datetime.now(UTC))
            tell_step("conform", conform_snapshots, lake)
        else:
            run_pipeline(settings, lake, run_step=tell_step)
        whole = time.process_time() - cpu
        counts = read_table(lake, "snapshot").select("row_count", "conformed_count", "quarantined_count").collect().row(0)
    print("{:,} items in = {:,} conformed + {:,} in quarantine".format(*counts))
    print(f"whole: {whole:.1f} CPU s, {whole / chosen.items * 1e6:.1f} CPU s per million items")


if __name__ == "__main__":
    main()
