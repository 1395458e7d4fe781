"""What the corrections from structure cost and do on real figures: `python benchmarks/bench_structure.py [FOLDER]`.

FOLDER holds the shared data, by default `../shared/data`. Told are what is located of trade without a named partner; of the monthly sets
the shares that arrive in the month of departure, how the pairs were brought to one time, and whether z keeps its meaning; and the rate from
cubic metres to kilograms of the annual sawnwood.
"""

from __future__ import annotations

import platform
import resource
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from tradeflow.conform import derive_commodity_coverage, derive_coverage
from tradeflow.contract import load_codelist
from tradeflow.lake import Lake, read_table
from tradeflow.pull.files import pull_files
from tradeflow.reconcile import CodeLists, ReconcileOptions, correct_by_structure, reconcile_trade_flow
from tradeflow.reconcile.distance import measure_distances
from tradeflow.steps.ingest import conform_snapshots

REAL = Path(__file__).parents[2] / "shared" / "data"
MONTHLY = ("comtrade_monthly_2008_2018", "comtrade_monthly_newapi")
ANNUAL = "comtrade_annual_sawnwood"
LISTS = CodeLists(load_codelist("area"), load_codelist("quantity_unit"), load_codelist("density"))
LEVELS = {0.5: 0.674, 0.8: 1.282, 0.9: 1.645, 0.99: 2.576}


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else REAL
    print(f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, Python {platform.python_version()}")
    for name in (*MONTHLY, ANNUAL):
        if not (folder / name).is_dir():
            print(f"{name}: skipped, there is no {folder / name}")
            continue
        with tempfile.TemporaryDirectory() as scratch:
            lake = Lake(Path(scratch))
            pull_files(lake, folder / name, now=datetime.now(UTC), report_progress=lambda _: None)
            conform_snapshots(lake)
            trade_flow = read_table(lake, "trade_flow").collect()
        print(f"{name}, {trade_flow.height:,} rows")
        _tell_whole(trade_flow.lazy())
        if name in MONTHLY:
            _tell_alignment(trade_flow.lazy())
    print(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB at the peak")


def _tell_whole(trade_flow: pl.LazyFrame) -> None:
    coverage, commodity_coverage = derive_coverage(trade_flow), derive_commodity_coverage(trade_flow)
    fob_reporters = LISTS.areas.filter("reports_imports_fob")["area_code"]
    pairs, _, lags = reconcile_trade_flow(trade_flow, coverage, commodity_coverage, fob_reporters, ReconcileOptions(), LISTS.areas)
    begun = time.process_time()
    tables = correct_by_structure(pairs, lags, trade_flow, trade_flow, coverage, commodity_coverage, LISTS, ReconcileOptions())
    print(f"  {pairs.height:,} pairs corrected in {time.process_time() - begun:.1f} CPU s")
    unlocated = tables["unlocated_trade"]
    for kind, label, count in (
        unlocated.group_by("unlocated_kind", "unlocated_label").len().sort("unlocated_kind", "unlocated_label").iter_rows()
    ):
        print(f"  {kind}, {label}: {count:,} rows")
    located = [pl.col(f"located_{each}").sum() / pl.col(f"whole_{each}").sum() for each in ("value_usd", "net_weight_kg")]
    for flow_code, value, weight in (
        unlocated.filter(pl.col("unlocated_kind") == "partner_pool").group_by("flow_code").agg(*located).sort("flow_code").iter_rows()
    ):
        print(f"  pools of flow {flow_code}: {value:.0%} of value and {weight:.0%} of weight located")
    for row in tables["unit_rate"].filter(pl.col("mirror_pair_count") > 0).iter_rows(named=True):
        sigma = "" if row["rate_log_variance"] is None else f", sigma {row['rate_log_variance'] ** 0.5:.2f}"
        print(f"  unit {row['quantity_unit_code']} of {row['commodity_code']}: {row['kg_per_unit']} kg, {row['rate_label']}, "
              f"{row['mirror_pair_count']:,} pairs{sigma}")  # fmt: skip


def _tell_alignment(trade_flow: pl.LazyFrame) -> None:
    coverage, commodity_coverage = derive_coverage(trade_flow), derive_commodity_coverage(trade_flow)
    fob_reporters = LISTS.areas.filter("reports_imports_fob")["area_code"]
    pairs, _, lags = reconcile_trade_flow(trade_flow, coverage, commodity_coverage, fob_reporters, ReconcileOptions(), LISTS.areas)
    distances = measure_distances(pairs.select("exporter_code", "importer_code").unique(), LISTS.areas)
    weighed = lags.join(distances, on=["exporter_code", "importer_code"])
    weighed = weighed.filter((pl.col("lag_observation_count") > 0) & pl.col("distance_km").is_not_null())
    for words, reach in (("below 1,500 km", pl.col("distance_km") < 1500), ("above 8,000 km", pl.col("distance_km") > 8000)):
        share = (pl.col("same_month_share") * pl.col("lag_observation_count")).sum() / pl.col("lag_observation_count").sum()
        print(f"  recorded in the month of departure, {words}: {weighed.filter(reach).select(share).item():.0%}")
    for label, status, count in (
        pairs.group_by("alignment_label", "mirror_status").len().sort("alignment_label", "mirror_status").iter_rows()
    ):
        print(f"  {label}, {status}: {count:,} pairs")
    both = pairs.filter(pl.col("mirror_status") == "both")
    for name in ("z_value", "z_kg"):
        z = both[name].drop_nulls()
        inside = ", ".join(f"{level:.0%} interval {(z.abs() < reach).mean():.1%}" for level, reach in LEVELS.items())
        print(f"  {name} of {len(z):,} two-sided pairs: {inside}; below the 1% point {(z < -2.326).mean():.2%}")


if __name__ == "__main__":
    main()
