"""Real monthly figures from the source's files to pairs, and split so that one side's later reports are held out."""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from tradeflow.conform import state_in_newest_edition
from tradeflow.contract import load_codelist
from tradeflow.lake import Lake, read_table
from tradeflow.pull.files import pull_files
from tradeflow.reconcile.pairs import PAIR_KEY, pair_mirror_flows
from tradeflow.steps.ingest import conform_snapshots

CORRIDOR = ["exporter_code", "importer_code"]
FLOW = [*CORRIDOR, "commodity_code"]
SETS = {"comtrade_monthly_2008_2018": "monthly 2008-2018, 18 codes", "comtrade_monthly_newapi": "monthly 2000-2024, 12 fish codes"}
QUICK_CODES = {"comtrade_monthly_2008_2018": ["282760", "030235"], "comtrade_monthly_newapi": ["030232", "030343"]}
LAST_FITTED_YEAR = 2015
SPLITS = FROZEN, FITTED_ONCE, ROLLING = "frozen", "fitted once", "rolling"
"""Nothing later is known of the hidden side; the fit is the frozen one's years', but what is known grows; both grow with the years."""
ROLLING_YEARS = (2017, 2020, 2023)
"""Years that are foretold by a fit of all before them; a few, for each needs its own."""
MEASURES = {"value": ("export_value_usd", "import_value_usd"), "kg": ("export_net_weight_kg", "import_net_weight_kg")}


@dataclass(frozen=True)
class HeldOut:
    """One experiment: what may be known, what is shown, and what is hidden.

    history: pairs with both sides as they stood at the end of the year before the first judged one. shown: later pairs whose `hidden` side
    is null. truth: the hidden side of these.
    """

    hidden: str
    first_year: int
    history: pl.DataFrame
    shown: pl.DataFrame
    truth: pl.DataFrame


def read_real_rows(folder: Path, codes: list[str] | None = None) -> pl.DataFrame:
    """Take a folder of source files through pull, validate and conform; return its monthly rows, only of `codes` where they are named."""
    with tempfile.TemporaryDirectory(prefix="tradeflow-evaluate-") as scratch:
        given = folder if codes is None else _write_codes(folder, codes, Path(scratch) / "given")
        lake = Lake(Path(scratch) / "lake")
        pull_files(lake, given, now=dt.datetime(dt.MAXYEAR, 1, 1, tzinfo=dt.UTC), report_progress=lambda _: None)
        conform_snapshots(lake)
        rows = state_in_newest_edition(read_table(lake, "trade_flow"), load_codelist("hs_concordance"))
        return rows.filter(pl.col("freq_code") == "M").collect()


def pair_real_rows(rows: pl.DataFrame) -> pl.DataFrame:
    """Pair the rows; `PAIR_KEY` and both sides' values and weights."""
    sides = [name for names in MEASURES.values() for name in names]
    pairs = pair_mirror_flows(rows.lazy()).select(*PAIR_KEY, *sides)
    return pairs.with_columns(pl.col("freq_code", "commodity_code").cast(pl.String))


def _write_codes(folder: Path, codes: list[str], given: Path) -> Path:
    given.mkdir()
    for path in folder.glob("*.parquet"):
        rows = pl.scan_parquet(path)
        name = next(each for each in rows.collect_schema().names() if each in ("commodity_code", "cmd_code"))
        rows.filter(pl.col(name).cast(pl.String).is_in(codes)).sink_parquet(given / path.name)
    return given


def hold_out(pairs: pl.DataFrame, hidden: str, first_year: int, last_year: int) -> HeldOut:
    """Hide the "import" or "export" side of the years judged; of the years after them nothing is known at all."""
    year = pl.col("period") // 100
    names = [pair[hidden == "import"] for pair in MEASURES.values()]
    other = [pair[hidden == "export"] for pair in MEASURES.values()]
    judged = pairs.filter(year.is_between(first_year, last_year) & pl.any_horizontal(pl.col(other).is_not_null()))
    shown = judged.with_columns(pl.lit(None, pl.Float64).alias(name) for name in names)
    return HeldOut(hidden, first_year, pairs.filter(year < first_year), shown, judged.select(*PAIR_KEY, *names))


def held_out_years(pairs: pl.DataFrame, split: str) -> Iterator[list[HeldOut]]:
    """Yield the experiments of one span of years, both directions beside each other: the whole span at once if frozen, or year by year."""
    last = int(pairs["period"].to_numpy().max()) // 100
    first = LAST_FITTED_YEAR + 1
    single = [(year, year) for year in range(first, last + 1)]
    rolling = [each for each in single if each[0] in ROLLING_YEARS]
    for first_year, last_year in {FROZEN: [(first, last)], FITTED_ONCE: single, ROLLING: rolling}[split]:
        yield [hold_out(pairs, hidden, first_year, last_year) for hidden in ("import", "export")]
