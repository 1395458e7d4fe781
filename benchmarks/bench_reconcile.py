"""How well the reconciliation stage does and how fast: `python benchmarks/bench_reconcile.py [FOLDER] [--rows N ...] [--part PART]`.

FOLDER is where the shared benches and data lie, by default `../shared`; without it the parts that need it are skipped with the reason.
accuracy: two-sided trade with a known truth, plain and in each harder form. Error of the balanced estimate against an oracle that knows
every reporter's care, average precision of z on the flows of which the destination recorded a quarter, and false flags.
speed: input rows per CPU second and peak memory at each size, each in a process of its own. real: the whole stage on monthly statistics.
"""

from __future__ import annotations

import argparse
import datetime as dt
import importlib.util
import os
import platform
import resource
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import numpy as np
import polars as pl

from tradeflow.conform import derive_commodity_coverage, derive_coverage
from tradeflow.contract import load_contract
from tradeflow.reconcile import ReconcileOptions, reconcile_trade_flow
from tradeflow.reconcile.gap import standardise_gap
from tradeflow.reconcile.pairs import pair_mirror_flows
from tradeflow.reconcile.reliability import fit_reporter_reliability

_YEAR = 2022
_NO_FOB_REPORTERS = pl.Series("area_code", [], dtype=pl.Int32)


def as_trade_flow(reports: pl.DataFrame) -> pl.DataFrame:
    """Return the yardstick's reports in the contract `trade_flow`; country C007 becomes area 8."""
    given = reports.select(
        freq_code=pl.lit("A"),
        period=pl.lit(_YEAR, pl.Int32),
        reporter_code=_area("reporter"),
        partner_code=_area("partner"),
        flow_code="flow_code",
        second_partner_code=pl.lit(0, pl.Int32),
        commodity_code="commodity",
        commodity_level=pl.lit(6, pl.Int32),
        commodity_chapter=pl.col("commodity").str.head(2),
        primary_value_usd="value_usd",
        net_weight_kg="net_weight_kg",
        snapshot_id=pl.lit("0123456789abcdef"),
        source=pl.lit("bench"),
        retrieved_at=pl.lit(dt.datetime(2023, 6, 1, tzinfo=dt.UTC)),
    ).with_row_index("row_number", 1)
    columns = [
        (pl.col(column.name) if column.name in given.columns else pl.lit(None)).cast(column.dtype).alias(column.name)
        for column in load_contract("trade_flow").columns
    ]
    return given.select(columns)


def _area(name: str) -> pl.Expr:
    return pl.col(name).str.slice(1).cast(pl.Int32) + 1


def reconcile(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    return reconcile_trade_flow(
        rows.lazy(), derive_coverage(rows.lazy()), derive_commodity_coverage(rows.lazy()), _NO_FOB_REPORTERS, ReconcileOptions()
    )


def bench_accuracy(truth: ModuleType, countries: int, codes: int) -> None:
    """Print a table; two-sided flows only, one row per form of the truth."""
    print(f"accuracy: {countries} countries x {codes} codes, mean of seeds 1 and 2")
    print(f"{'':<14}{'RMSE ln(estimate/true FOB)':^44}{'AP on cut flows':^40}{'ordinary flows flagged':^24}{'care':>8}")
    print(f"{'form':<14}{'ours':>9}{'kg':>8}{'oracle':>8}{'mean':>9}{'one side':>10}"
          f"{'z_kg':>9}{'z_value':>9}{'oracle':>9}{'DI':>8}{'z_kg>3':>12}{'z_value>3':>12}{'rank':>8}")  # fmt: skip
    for form in ("plain", *truth.HARDER, "all"):
        harder = {"plain": (), "all": tuple(truth.HARDER)}.get(form, (form,))
        figures = np.mean([accuracy_figures(*truth.make(countries, codes, seed=seed, harder=harder)) for seed in (1, 2)], axis=0)
        rmse, precision, flagged, rank = figures[:5], figures[5:9], figures[9:11], figures[11]
        print(f"{form:<14}{rmse[0]:>9.3f}{rmse[1]:>8.3f}{rmse[2]:>8.3f}{rmse[3]:>9.3f}{rmse[4]:>10.3f}"
              f"{precision[0]:>9.3f}{precision[1]:>9.3f}{precision[2]:>9.3f}{precision[3]:>8.3f}"
              f"{flagged[0]:>12.3%}{flagged[1]:>12.3%}{rank:>8.3f}")  # fmt: skip


def accuracy_figures(reports: pl.DataFrame, truth: pl.DataFrame, care: pl.DataFrame) -> list[float]:
    """Return the figures of one row of the table, in its order."""
    pairs, reliability = reconcile(as_trade_flow(reports))
    known = truth.with_columns(exporter_code=_area("exporter"), importer_code=_area("importer")).join(
        pairs.rename({"commodity_code": "commodity"}), on=["exporter_code", "importer_code", "commodity"]
    )
    known = _join_care(known, care).filter((pl.col("mirror_status") == "both") & pl.col("z_kg").is_not_null())
    x, m = known["export_value_usd"].log(), (known["import_value_usd"] / (1 + known["cif_rate"])).log()
    s_e, s_i = known["exporter_sigma"] ** 2 + 0.0, known["importer_sigma"] ** 2 + 0.0
    fob = known["true_fob_usd"].log()
    ordinary = ~known["is_cut"]
    estimates = {
        "ours": known["balanced_value_usd"].log() - fob,
        "kg": known["balanced_net_weight_kg"].log() - known["true_kg"].log(),
        "oracle": (s_i * x + s_e * m) / (s_e + s_i) - fob,
        "mean": (x + m) / 2 - fob,
        "one side": x - fob,
    }
    is_cut = known["is_cut"].to_numpy()
    scores = [known["z_kg"], known["z_value"], (x - m) / (s_e + s_i).sqrt(), known["discrepancy_index"]]
    flagged = [float(((known[z] > 3) & ordinary).sum() / ordinary.sum()) for z in ("z_kg", "z_value")]
    return [
        *[float((error.filter(ordinary) ** 2).mean() ** 0.5) for error in estimates.values()],
        *[average_precision(score.to_numpy(), is_cut) for score in scores],
        *flagged,
        _care_rank(reliability, care),
    ]


def _join_care(known: pl.DataFrame, care: pl.DataFrame) -> pl.DataFrame:
    by_role = care.select("country", "exporter_sigma", "importer_sigma")
    return known.join(by_role.drop("importer_sigma"), left_on="exporter", right_on="country").join(
        by_role.drop("exporter_sigma"), left_on="importer", right_on="country"
    )


def _care_rank(reliability: pl.DataFrame, care: pl.DataFrame) -> float:
    """Return the rank correlation of learnt and true scatter, both roles together."""
    roles = [care.select(reporter_code=_area("country"), flow_code=pl.lit(flow), _true=name)
             for flow, name in (("X", "exporter_sigma"), ("M", "importer_sigma"))]  # fmt: skip
    told = reliability.filter(pl.col("measure") == "net_weight").join(pl.concat(roles), on=["reporter_code", "flow_code"])
    return float(told.select(pl.corr("log_error_sigma", "_true", method="spearman")).item())


def average_precision(scores: np.ndarray, is_strange: np.ndarray) -> float:
    order = np.argsort(-scores, kind="stable")
    hits = is_strange[order]
    return float(np.mean(np.cumsum(hits)[hits] / (np.flatnonzero(hits) + 1)))


def bench_speed(folder: Path, sizes: list[int]) -> None:
    print("speed: one process per size; reading and making the input is not counted")
    for rows in sizes:
        subprocess.run([sys.executable, __file__, str(folder), "--part", "one-size", "--rows", str(rows)], check=True)


def bench_one_size(truth: ModuleType, rows: int) -> None:
    codes = max(50, round(rows / 3500))
    trade_flow = as_trade_flow(truth.make(150, codes)[0])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds, pairs = _time_reconcile(trade_flow)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"{trade_flow.height:>12,} rows in, {pairs:>12,} pairs out: {tell_speed(trade_flow.height, seconds)}; "
          f"peak memory {peak / 2**20:.2f} GB, {before / 2**20:.2f} GB before")  # fmt: skip


def bench_real(folder: Path) -> None:
    """Reconcile the legacy monthly set; areas are numbered as their names sort, which is enough for a bench."""
    trade_flow = read_monthly(folder)
    seconds, pairs = _time_reconcile(trade_flow)
    print(f"real: {trade_flow.height:,} rows in, {pairs:,} pairs out: {tell_speed(trade_flow.height, seconds)}")


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


def _time_reconcile(trade_flow: pl.DataFrame) -> tuple[dict[str, float], int]:
    """Return CPU seconds of the whole stage and of pairing and z alone (with the reliability that z rests on), and the number of pairs."""
    coverage, commodity_coverage = derive_coverage(trade_flow.lazy()), derive_commodity_coverage(trade_flow.lazy())
    started = time.process_time()
    pairs, _ = reconcile_trade_flow(trade_flow.lazy(), coverage, commodity_coverage, _NO_FOB_REPORTERS, ReconcileOptions())
    whole, count = time.process_time() - started, pairs.height
    del pairs
    return {"whole stage": whole, "pairing and z": _time_pairing_and_z(trade_flow)}, count


def _time_pairing_and_z(trade_flow: pl.DataFrame) -> float:
    started = time.process_time()
    pairs = pair_mirror_flows(trade_flow.lazy())
    export, imported = "export_net_weight_kg", "import_net_weight_kg"
    two_sided = pairs.filter((pl.col(export) > 0) & (pl.col(imported) > 0))
    gaps = two_sided.select("exporter_code", "importer_code", (pl.col(imported) / pl.col(export)).log().alias("gap_log"))
    standardise_gap(
        pairs, fit_reporter_reliability(gaps, ReconcileOptions().floor_sigma), export, imported, ReconcileOptions().habit_weight
    )
    return time.process_time() - started


def tell_speed(rows: int, seconds: dict[str, float]) -> str:
    return "; ".join(f"{step} {spent:.1f} CPU s, {rows / spent / 1e6:.2f} M rows per CPU s" for step, spent in seconds.items())


def load_module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"cannot load {path}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).parents[2] / "shared")
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 5_000_000, 10_000_000])
    parser.add_argument("--part", choices=["all", "accuracy", "speed", "real", "one-size"], default="all")
    asked = parser.parse_args()
    yardstick, monthly = asked.folder / "benchmarks" / "mirror_truth.py", asked.folder / "data" / "comtrade_monthly_2008_2018"
    if asked.part == "one-size":
        bench_one_size(load_module(yardstick), asked.rows[0])
        return
    print(f"{dt.datetime.now(dt.UTC):%Y-%m-%d}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {platform.machine()}, "
          f"Python {platform.python_version()}, polars {pl.__version__}", flush=True)  # fmt: skip
    parts = {
        "accuracy": (yardstick, lambda: bench_accuracy(load_module(yardstick), 120, 300)),
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
