"""What the model stage finds and how fast it is: `python benchmarks/bench_model.py [FOLDER]`.

FOLDER is where the shared benches and data lie, by default `../shared`; a part whose input is absent is skipped with the reason. Detection:
series with a known truth, all kinds and lengths pooled, at a prevalence of 2%, scored as one table by `tradeflow score-series`; and false
alarms on thousands of series of other seeds. Speed: the newest month and the full history on all cores, its growth with the number of
series, one fit beside statsforecast's where that is installed, and the whole stage on 1.66 million rows of monthly statistics.
"""

from __future__ import annotations

import datetime as dt
import importlib.util
import os
import platform
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import polars as pl

from tradeflow.contract import load_contract
from tradeflow.evaluate.series_truth import KINDS, make_series
from tradeflow.evaluate.yardstick import load_yardstick
from tradeflow.model import calibrate, fit_seasonal_baseline, score_flows
from tradeflow.model.expectation import expect_months
from tradeflow.model.own_series import score_series
from tradeflow.model.scale import median_scale
from tradeflow.model.series import importer_panel, make_calendar

CALENDAR = make_calendar("M", 201501, 202412)
FRESH_SEED = 700_000
FRESH_SERIES = 8_000
SMALL_TABLE, SMALL_TABLES = 150, 10


def as_table(worlds: dict[Any, np.ndarray]) -> pl.DataFrame:
    """Return series_id, period, net_weight_kg of panels that all end with the calendar; ids begin with the panel's key."""
    parts = []
    for key, amounts in worlds.items():
        series, months = amounts.shape
        ids = np.repeat([f"{key}/{place:06}" for place in range(series)], months)
        period = np.tile(CALENDAR[-months:], series)
        parts.append(pl.DataFrame({"series_id": ids, "period": period, "net_weight_kg": amounts.ravel()}))
    return pl.concat(parts).with_columns(pl.col("net_weight_kg").fill_nan(None))


def score_worlds(worlds: dict[Any, np.ndarray]) -> pl.DataFrame:
    """Return one row per series: series_id, p_value, last_month_score, six_month_score, change_kind."""
    scores, changes = score_series(as_table(worlds), last=1)
    return changes.join(scores.select("series_id", "p_value"), on="series_id").sort("series_id")


def bench_detection(folder: Path) -> None:
    truth = load_yardstick(folder / "benchmarks" / "series_truth.py")
    cells = [(kind, months) for kind in truth.KINDS for months in truth.LENGTHS]
    worlds = {cell: truth.make(150, cell[1], truth.seed_of(*cell), cell[0]) for cell in cells}
    clean = score_worlds(worlds)
    for anomalies, score in ((truth.LAST, "last_month_score"), (truth.WINDOW, "six_month_score")):
        for anomaly in anomalies:
            planted = score_worlds({cell: truth.plant(world, anomaly) for cell, world in worlds.items()})
            found = truth.average_precision(clean[score].fill_null(-1).to_numpy(), planted[score].fill_null(-1).to_numpy())
            print(f"average precision, {anomaly}, {score}: {found:.3f}")
    report_false_alarms("published seeds", clean, truth)
    fresh = {cell: truth.make(FRESH_SERIES, cell[1], FRESH_SEED + number, cell[0]) for number, cell in enumerate(cells)}
    report_other_false_alarms("fresh seeds", fresh, truth)
    own = {(kind, months): make_series(kind, FRESH_SERIES, months, FRESH_SEED) for kind in KINDS for months in truth.LENGTHS}
    report_other_false_alarms("our own generator", own, truth)


def report_other_false_alarms(name: str, worlds: dict[Any, np.ndarray], truth: ModuleType) -> None:
    """As one table, and each kind and length in tables of its own."""
    report_false_alarms(name, score_worlds(worlds), truth)
    starts = range(0, SMALL_TABLE * SMALL_TABLES, SMALL_TABLE)
    tables = [score_worlds({(*cell, start): amounts[start : start + SMALL_TABLE]}) for cell, amounts in worlds.items() for start in starts]
    report_false_alarms(f"{name}, tables of {SMALL_TABLE} series of one kind and length", pl.concat(tables), truth)


def report_false_alarms(name: str, found: pl.DataFrame, truth: ModuleType) -> None:
    cell = pl.col("series_id").str.extract_groups(r"^\('(?<kind>\w+)', (?<months>\d+)")
    alarm = found.select(cell.struct.unnest(), alarm=pl.col("p_value") <= 0.01)
    rates = alarm.group_by("kind", "months").agg(pl.col("alarm").mean())["alarm"]
    parts = [*KINDS, *map(str, truth.LENGTHS)]
    by_part = [(part, alarm.filter((pl.col("kind") == part) | (pl.col("months") == part))["alarm"].mean()) for part in parts]
    told = ", ".join(f"{part} {rate:.2%}" for part, rate in by_part if rate is not None)
    print(f"false alarms at nominal 1%, {found.height:,} series of {name}: {alarm['alarm'].mean():.2%}; {told}")
    print(f"  of {len(rates)} kinds and lengths: {rates.min():.2%} to {rates.max():.2%}")


def bench_real_series(folder: Path) -> None:
    """Plant a spike x3 in real importers' months, four origins pooled, and compare with the median of the last 24 months."""
    truth = load_yardstick(folder / "benchmarks" / "series_truth.py")
    imports, coverage = read_monthly(folder / "data" / "comtrade_monthly_2008_2018")
    kg = importer_panel(imports, coverage, None, make_calendar("M", 200801, 201802)).kg
    report_real_spikes(truth, {at: kg[(np.sum(kg[:, :at] > 0, axis=1) >= 12) & (kg[:, at] > 0), : at + 1] for at in (72, 84, 95, 100)})


def bench_other_real_series(folder: Path) -> None:
    """Do the same on imports of fish, on which nothing was chosen; a month without trade counts as not known."""
    truth = load_yardstick(folder / "benchmarks" / "series_truth.py")
    calendar = make_calendar("M", 200001, 202412)
    rows = pl.scan_parquet(folder / "data" / "comtrade_monthly_newapi" / "*.parquet")
    imports = rows.filter(pl.col("flow_code") == "M", pl.col("partner_code") != 0).group_by(
        "reporter_code", "cmd_code", pl.col("period").cast(pl.Int32)
    )
    kg_rows = (
        imports.agg(pl.col("net_wgt").sum())
        .filter(pl.col("net_wgt") > 0)
        .collect()
        .filter(pl.col("period").is_between(calendar[0], calendar[-1]))
    )
    series = kg_rows.select(pl.struct("reporter_code", "cmd_code").rank("dense") - 1).to_series().to_numpy()
    kg = np.full((series.max() + 1, len(calendar)), np.nan)
    kg[series, np.searchsorted(calendar, kg_rows["period"].to_numpy())] = kg_rows["net_wgt"].to_numpy()
    histories = {at: kg[:, at - 119 : at + 1] for at in (200, 220, 240, 260, 280)}
    enough = {at: (np.isfinite(each[:, :-1]).sum(axis=1) >= 12) & np.isfinite(each[:, -1]) for at, each in histories.items()}
    report_real_spikes(truth, {at: each[enough[at]] for at, each in histories.items()})


def report_real_spikes(truth: ModuleType, worlds: dict[int, np.ndarray]) -> None:
    planted = {at: np.column_stack([world[:, :-1], 3 * world[:, -1]]) for at, world in worlds.items()}
    ours = [score_worlds(side) for side in (worlds, planted)]
    median = [np.concatenate([score_by_median(world) for world in side.values()]) for side in (worlds, planted)]
    for name, (clean, strange) in {"score-series": [side["last_month_score"].to_numpy() for side in ours], "median of 24": median}.items():
        print(f"average precision, spike x3 in {len(clean):,} real months, {name}: {truth.average_precision(clean, strange):.3f}")
    print(f"real months with p <= 1%: {ours[0].select((pl.col('p_value') <= 0.01).mean()).item():.2%}")


def score_by_median(amounts: np.ndarray) -> np.ndarray:
    """Score the last column by its distance from the median of the 24 traded months before it, in median absolute deviations."""
    log_kg = np.log(amounts, out=np.full(amounts.shape, np.nan), where=amounts > 0)
    recent = log_kg[:, -25:-1]
    centre, spread = median_scale(recent, np.isfinite(recent))
    return (log_kg[:, -1] - centre) / np.maximum(spread, 0.1)


def ordinary_kg(series: int, months: int = 120) -> np.ndarray:
    random = np.random.default_rng(1)
    return np.exp(random.normal(10, 0.3, (series, months)) + 0.3 * np.cos(np.arange(months) * np.pi / 6))


def bench_newest_month() -> None:
    """The newest month of the summary and of OUT, refits included, from a frame in memory to two."""
    for series in (2_500, 5_000, 10_000, 20_000):
        rows = as_table({"s": ordinary_kg(series)})
        wall, cpu = time.perf_counter(), time.process_time()
        score_series(rows, last=1)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        print(f"newest month of {series:,} series of 120 months: {series / wall:,.0f} series a second, {series / cpu:,.0f} per CPU second")


def bench_full_history() -> None:
    for series in (500, 1_000, 2_000):
        rows = as_table({"s": ordinary_kg(series)})
        wall, cpu = time.perf_counter(), time.process_time()
        scores, _ = score_series(rows)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        print(
            f"full history of {series:,} series of 120 months ({scores.height:,} scores): {series / wall:,.0f} series a second, "
            f"{series / cpu:,.0f} per CPU second"
        )


def bench_fits() -> None:
    """One fit and forecast in CPU time, beside statsforecast's in the same run."""
    ours = {}
    for months in (36, 60, 120):
        log_kg = np.log(ordinary_kg(2_000, months))
        asked = np.arange(len(log_kg)), np.full(len(log_kg), months)
        expect_months(log_kg[:96], asked[0][:96], asked[1][:96], 12)
        ours[months] = cpu_per_series(len(log_kg), expect_months, log_kg, *asked, 12)
        print(f"series of {months} months fitted and forecast per CPU second: {1 / ours[months]:,.0f}")
    if importlib.util.find_spec("statsforecast") is None:
        print("skipped the comparison with statsforecast: it is not installed (extra `peers`)")
        return
    from statsforecast import models

    log_kg = np.log(ordinary_kg(24))
    for name, model in (("MSTL", models.MSTL(season_length=12)), ("AutoETS", models.AutoETS(season_length=12))):
        model.forecast(y=log_kg[0], h=1, level=[90])
        seconds = cpu_per_series(len(log_kg), lambda model=model: [model.forecast(y=series, h=1, level=[90]) for series in log_kg])
        print(
            f"statsforecast {name}: {1 / seconds:,.1f} series of 120 months per CPU second; ours {seconds / ours[120]:,.0f} times as many"
        )


def cpu_per_series(series: int, step: Callable[..., Any], *arguments: object) -> float:
    started = time.process_time()
    step(*arguments)
    return (time.process_time() - started) / series


def bench_stage(folder: Path) -> None:
    imports, coverage = read_monthly(folder / "data" / "comtrade_monthly_2008_2018")
    print(f"import rows: {imports.height:,}")
    window = {"scored_periods": 12, "calibration_periods": 24, "min_history_periods": 18}
    baseline = timed("baseline, 36 months", fit_seasonal_baseline, imports, coverage, **window)
    pairs = load_contract("mirror_pair").empty_frame()
    flows, features = timed("flow_score", score_flows, imports, pairs, baseline, trees=100, seed=1)
    print(f"baseline rows {baseline.height:,}, flow scores {flows.height:,}, feature shares {features.height:,}")
    judged = baseline.filter(pl.col("z_seasonal").is_not_null())
    print(f"observed within the 90% interval: {judged.select(pl.col('observed_kg').is_between('lower_kg', 'upper_kg').mean()).item():.1%}")
    group = pl.format("{} series of HS {}", "series_level", "commodity_code")
    candidates = judged.select("freq_code", "is_scored", rule=pl.lit("excess_import"), score="z_seasonal", comparable_group=group)
    calibrated = timed("calibrate", calibrate, candidates).filter("is_scored")
    print(f"scored months with p < 1%: {calibrated.select((pl.col('p_value') < 0.01).mean()).item():.2%}")
    print(f"peak memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB")


def read_monthly(folder: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return imports and coverage of the legacy monthly set; areas are numbered as their names sort, which is enough for a bench."""
    rows = pl.read_parquet(sorted(folder.glob("*.parquet"))[0]).filter(pl.col("trade_flow_code") == 1)
    names = pl.concat([rows["reporter"], rows["partner"]]).unique().sort()
    number = pl.DataFrame({"name": names, "code": np.arange(1, len(names) + 1, dtype=np.int32)})
    rows = rows.join(number.rename({"name": "reporter", "code": "importer_code"}), on="reporter")
    coverage = rows.select(
        "period", freq_code=pl.lit("M"), reporter_code="importer_code", flow_code=pl.lit("M"), coverage_status=pl.lit("reported")
    )
    key = ["freq_code", "period", "importer_code", "exporter_code", "commodity_code"]
    imports = rows.filter(pl.col("partner") != "World").join(number.rename({"name": "partner", "code": "exporter_code"}), on="partner")
    imports = imports.with_columns(
        freq_code=pl.lit("M"),
        net_weight_kg=pl.when(pl.col("net_weight_kg") > 0).then("net_weight_kg"),
        primary_value_usd=pl.col("trade_value_usd").cast(pl.Float64),
    )
    return imports.select(*key, "net_weight_kg", "primary_value_usd").unique(key, keep="first", maintain_order=True), coverage.unique()


def timed(name: str, step: Callable[..., Any], *arguments: object, **options: object) -> Any:
    wall, cpu = time.perf_counter(), time.process_time()
    result = step(*arguments, **options)
    print(f"{name}: {time.perf_counter() - wall:.1f} s, {time.process_time() - cpu:.1f} CPU s")
    return result


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[2] / "shared"
    print(f"{dt.datetime.now(dt.UTC):%Y-%m-%d}, {os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}")
    for bench in (bench_fits, bench_newest_month, bench_full_history):
        bench()
    series_truth, monthly = folder / "benchmarks" / "series_truth.py", folder / "data" / "comtrade_monthly_2008_2018"
    newapi = folder / "data" / "comtrade_monthly_newapi"
    needs = {
        bench_detection: [series_truth],
        bench_real_series: [series_truth, monthly],
        bench_other_real_series: [series_truth, newapi],
        bench_stage: [monthly],
    }
    for on_files, needed in needs.items():
        absent = [path.name for path in needed if not path.exists()]
        if absent:
            print(f"skipped {on_files.__name__}: {', '.join(absent)} is not in {folder}")
        else:
            on_files(folder)


if __name__ == "__main__":
    main()
