"""How well `tradeflow reconcile` does and how fast: `python benchmarks/bench_reconcile.py [FOLDER] [--rows N ...] [--part PART]`.

FOLDER is where the shared benches and data lie, by default `../shared`; without it the parts that need it are skipped with the reason.
accuracy: two-sided trade with a known truth, plain and in each harder form, through the command itself. Error of the balanced estimate
against an oracle that knows every reporter's care, average precision of each score on the flows of which the destination recorded a
quarter, and ordinary flows flagged at 1% and 0.1%. speed: input rows per CPU second of the whole command, from Parquet to Parquet, with the
share of each step and the peak memory. real: the pipeline's stage on monthly statistics, and how often a flagged month of a route is
followed by another. habits: made monthly trade of which every route's importer records a share of its own, with a known truth.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import polars as pl

from tradeflow.conform import derive_commodity_coverage, derive_coverage
from tradeflow.contract import load_contract
from tradeflow.evaluate.mirror_known import judge_known_trade
from tradeflow.evaluate.mirror_truth import KnownTrade, make_known_trade
from tradeflow.evaluate.mirror_world import FORMS, World
from tradeflow.evaluate.yardstick import load_yardstick
from tradeflow.own_table.reconcile_trade import reconcile_own_table, summarise
from tradeflow.reconcile import ReconcileOptions, reconcile_trade_flow

_NO_FOB_REPORTERS = pl.Series("area_code", [], dtype=pl.Int32)
_KEY = ["exporter", "importer", "commodity"]
_FLAG_CHANCES = (0.01, 0.001)
_Z_LIMITS = (2.3263, 3.0902)


def bench_accuracy(truth: ModuleType, countries: int, codes: int, seeds: list[int]) -> None:
    """Print a table; two-sided flows only, one row per form of the truth, the mean of the seeds."""
    print(f"accuracy: {countries} countries x {codes} codes, mean of seeds {seeds}; flagged: uncut flows below z -2.33, -3.09, p .01, .001")
    print(f"{'':<14}{'RMSE of ln':^34}{'average precision':^36}{'flagged by z_value':^20}{'by z_kg':^20}{'by p_value':^20}")
    names = ("ours", "oracle", "mean", "ours kg", "z_value", "z_kg", "p_value", "DI", *(["1%", "0.1%"] * 3))
    print(f"{'form':<14}" + "".join(f"{name:>{9 if place < 8 else 10}}" for place, name in enumerate(names)))
    for form in ("plain", *truth.HARDER, "all"):
        harder = {"plain": (), "all": tuple(truth.HARDER)}.get(form, (form,))
        made = [accuracy_figures(*truth.make(countries, codes, seed=seed, harder=harder)) for seed in seeds]
        figures = np.mean(made, axis=0)
        print(f"{form:<14}" + "".join(f"{x:>9.3f}" for x in figures[:8]) + "".join(f"{x:>10.3%}" for x in figures[8:]), flush=True)


def accuracy_figures(reports: pl.DataFrame, truth: pl.DataFrame, care: pl.DataFrame) -> list[float]:
    """Return the figures of one row of the table, in its order."""
    with tempfile.TemporaryDirectory() as folder:
        given, out = Path(folder) / "in.parquet", Path(folder) / "out.parquet"
        reports.write_parquet(given)
        reconcile_own_table(given, out)
        pairs = pl.read_parquet(out).filter(pl.col("mirror_status") == "both")
    known = _join_care(pairs.join(truth, on=_KEY, how="left"), care).with_columns(pl.col("is_cut").fill_null(value=False))
    x, m = known["export_value_usd"].log(), (known["import_value_usd"] / (1 + known["cif_rate"])).log()
    s_e, s_i = known["exporter_sigma"] ** 2, known["importer_sigma"] ** 2
    fob, is_ordinary = known["true_fob_usd"].log(), ~known["is_cut"]
    errors = (
        known["balanced_value_usd"].log() - fob,
        (s_i * x + s_e * m) / (s_e + s_i) - fob,
        (x + m) / 2 - fob,
        known["balanced_kg"].log() - known["true_kg"].log(),
    )
    difference = (known["export_value_usd"] / known["import_value_usd"]).log()
    scores = (-known["z_value"].fill_null(0), -known["z_kg"].fill_null(0), -known["p_value"].fill_null(1), difference)
    ordinary = known.filter(is_ordinary)
    flagged = [(ordinary[z] < -limit).mean() for z in ("z_value", "z_kg") for limit in _Z_LIMITS]
    flagged += [(ordinary["p_value"] < limit).mean() for limit in (0.01, 0.001)]
    return [
        *[float((error.filter(is_ordinary) ** 2).mean() ** 0.5) for error in errors],
        *[average_precision(score.to_numpy(), known["is_cut"].to_numpy()) for score in scores],
        *[float(share) for share in flagged],
    ]


def _join_care(known: pl.DataFrame, care: pl.DataFrame) -> pl.DataFrame:
    by_role = care.select("country", "exporter_sigma", "importer_sigma")
    return known.join(by_role.drop("importer_sigma"), left_on="exporter", right_on="country").join(
        by_role.drop("exporter_sigma"), left_on="importer", right_on="country"
    )


def average_precision(scores: np.ndarray, is_strange: np.ndarray) -> float:
    order = np.argsort(-scores, kind="stable")
    hits = is_strange[order]
    return float(np.mean(np.cumsum(hits)[hits] / (np.flatnonzero(hits) + 1)))


def bench_speed(folder: Path, sizes: list[int]) -> None:
    print("speed: one process per size, reading and writing Parquet counted; making the input is not")
    for rows in sizes:
        with tempfile.TemporaryDirectory() as scratch:
            given = Path(scratch) / "in.parquet"
            for part in ("make-input", "one-size"):
                command = [sys.executable, __file__, str(folder), "--part", part, "--rows", str(rows), "--file", str(given)]
                subprocess.run(command, check=True)


def make_input(truth: ModuleType, rows: int, path: Path) -> None:
    """Write about `rows` reports; above ten million in slices of other codes, for the yardstick makes them in memory."""
    codes, slices = max(50, round(rows / 3350)), max(1, round(rows / 10_000_000))
    made = [truth.make(150, codes // slices, seed=seed)[0] for seed in range(1, slices + 1)]
    named = [part.with_columns((pl.lit(f"{number}") + pl.col("commodity")).alias("commodity")) for number, part in enumerate(made)]
    pl.concat(named).write_parquet(path)


def bench_one_size(path: Path) -> None:
    out = path.with_name("out.parquet")
    for line in summarise(reconcile_own_table(path, out), out):
        print(f"  {line}")
    print(f"  peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GB")


def bench_real(folder: Path) -> None:
    """Reconcile the legacy monthly set; areas are numbered as their names sort, which is enough for a bench."""
    trade_flow = read_monthly(folder)
    coverage, commodity_coverage = derive_coverage(trade_flow.lazy()), derive_commodity_coverage(trade_flow.lazy())
    started = time.process_time()
    pairs, *_ = reconcile_trade_flow(trade_flow.lazy(), coverage, commodity_coverage, _NO_FOB_REPORTERS, ReconcileOptions())
    spent = time.process_time() - started
    print(f"real: {trade_flow.height:,} rows in, {pairs.height:,} pairs out: {spent:.1f} CPU s, "
          f"{trade_flow.height / spent / 1e6:.2f} M rows per CPU s")  # fmt: skip
    for limit in _FLAG_CHANCES:
        print(f"  {tell_repeats(pairs, limit)}")


def tell_repeats(pairs: pl.DataFrame, limit: float) -> str:
    """Say how many months of routes lie below this chance of a shortfall, and how often the route's next month with both sides does too."""
    route = ["freq_code", "exporter_code", "importer_code", "commodity_code"]
    told = pairs.drop_nulls("shortfall_p_value").sort(*route, "period").with_columns(is_flagged=pl.col("shortfall_p_value") < limit)
    flagged = told.with_columns(is_next=pl.col("is_flagged").shift(-1).over(route)).filter("is_flagged")
    longest = flagged.group_by(route).len()["len"].sort(descending=True).head(5).to_list()
    again = flagged["is_next"].mean()
    return (f"p < {limit}: {flagged.height:,} of {told.height:,} months ({flagged.height / told.height:.2%}) of "
            f"{flagged[route].n_unique():,} routes; followed by another {again:.1%}; most of one route {longest}")  # fmt: skip


def bench_habits(seeds: list[int]) -> None:
    """Print a row per form: what is found of the cut months, and how many of the others are flagged, over the nominal rate."""
    print(f"habits: 40 countries x 60 codes x 36 months, mean of seeds {seeds}; flagged by p over nominal")
    print(f"{'form':<14}{'own shares':>12}{'AP of p':>9}{'of DI':>9}{'1%':>7}{'0.1%':>7}")
    for form in ("plain", "heavy_tails", "lag_carry", "all"):
        forms = FORMS if form == "all" else () if form == "plain" else (form,)
        worlds = [make_known_trade(World(forms=forms, seed=seed, countries=40, codes=60, months=36, density=0.15)) for seed in seeds]
        for own, spread in (("none", 0.0), ("sigma 0.5", 0.5)):
            figures = np.mean([habit_figures(add_own_shares(world, spread)) for world in worlds], axis=0)
            print(f"{form:<14}{own:>12}{figures[0]:>9.3f}{figures[1]:>9.3f}{figures[2]:>7.2f}{figures[3]:>7.2f}", flush=True)


def add_own_shares(world: KnownTrade, spread: float) -> KnownTrade:
    """Let each route's importer record a share of its own in all months: exp of Student's t with 4 degrees, times `spread`."""
    is_export = pl.col("flow_code") == "X"
    exporter, importer = (pl.when(is_export == own).then("reporter").otherwise("partner") for own in (True, False))
    reports = world.reports.with_columns(_route=pl.concat_str(exporter, importer, "commodity", separator="|"))
    routes = reports["_route"].unique().sort()
    shares = np.exp(spread * np.random.default_rng(routes.len()).standard_t(4, routes.len()))
    joined = reports.join(pl.DataFrame({"_route": routes, "_share": shares}), on="_route", how="left", maintain_order="left")
    moved = pl.col("value_usd", "net_weight_kg") * pl.when(is_export).then(1.0).otherwise("_share")
    return replace(world, reports=joined.with_columns(moved).drop("_route", "_share"))


def habit_figures(world: KnownTrade) -> list[float]:
    with tempfile.TemporaryDirectory() as folder:
        given, distances, out = (Path(folder) / f"{name}.parquet" for name in ("in", "km", "out"))
        world.reports.write_parquet(given)
        world.distances.write_parquet(distances)
        reconcile_own_table(given, out, distances)
        told = judge_known_trade(world.reports, world.truth, pl.read_parquet(out))
    precision = dict(told["detection"].select("score", "average_precision").iter_rows())
    rates = told["calibration"].filter(pl.col("figure") == "p_value").sort("nominal", descending=True)["ratio"].to_list()
    return [precision["1 - p_value"], precision["discrepancy index (FAO rule)"], *rates]


def read_monthly(folder: Path) -> pl.DataFrame:
    rows = pl.read_parquet(sorted(folder.glob("*.parquet"))[0])
    names = pl.concat([rows["reporter"], rows["partner"]]).unique().sort()
    code = pl.when(pl.col("name") == "World").then(0).otherwise(pl.int_range(1, pl.len() + 1)).cast(pl.Int32)
    number = pl.DataFrame({"name": names}).with_columns(code=code)
    rows = rows.join(number.rename({"name": "reporter", "code": "reporter_code"}), on="reporter")
    rows = rows.join(number.rename({"name": "partner", "code": "partner_code"}), on="partner")
    flow = pl.col("trade_flow_code").replace_strict({1: "M", 2: "X"}, default="RX", return_dtype=pl.String)
    given = rows.select(
        "period", "reporter_code", "partner_code", "commodity_code",
        freq_code=pl.lit("M"), flow_code=flow, commodity_level=pl.lit(6), commodity_chapter=pl.col("commodity_code").str.head(2),
        primary_value_usd="trade_value_usd", net_weight_kg=pl.when(pl.col("net_weight_kg") > 0).then("net_weight_kg"),
        snapshot_id=pl.lit("0123456789abcdef"), retrieved_at=pl.lit(dt.datetime(2018, 6, 1, tzinfo=dt.UTC)), second_partner_code=pl.lit(0),
    ).with_row_index("row_number", 1)  # fmt: skip
    columns = [
        (pl.col(column.name) if column.name in given.columns else pl.lit(None)).cast(column.dtype).alias(column.name)
        for column in load_contract("trade_flow").columns
    ]
    return given.select(columns)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).parents[2] / "shared")
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--part", choices=["all", "accuracy", "speed", "real", "habits", "make-input", "one-size"], default="all")
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    yardstick, monthly = asked.folder / "benchmarks" / "mirror_truth.py", asked.folder / "data" / "comtrade_monthly_2008_2018"
    if asked.part == "make-input":
        make_input(load_yardstick(yardstick), asked.rows[0], asked.file)
        return
    if asked.part == "one-size":
        bench_one_size(asked.file)
        return
    if asked.part == "habits":
        bench_habits(asked.seeds)
        return
    print(f"{dt.datetime.now(dt.UTC):%Y-%m-%d}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {platform.machine()}, "
          f"Python {platform.python_version()}, polars {pl.__version__}", flush=True)  # fmt: skip
    parts = {
        "accuracy": (yardstick, lambda: bench_accuracy(load_yardstick(yardstick), 120, 300, asked.seeds)),
        "speed": (yardstick, lambda: bench_speed(asked.folder, asked.rows)),
        "real": (monthly, lambda: bench_real(monthly)),
    }
    for part, (needed, bench) in parts.items():
        if asked.part not in ("all", part):
            continue
        if needed.exists():
            bench()
        else:
            print(f"skipped {part}: {needed.name} is not in {asked.folder}")


if __name__ == "__main__":
    main()
