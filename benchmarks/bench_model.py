"""What the model stage finds and how fast it is: `python benchmarks/bench_model.py [FOLDER]`.

FOLDER is where the shared benches and data lie, by default `../shared`; a part whose input is absent is skipped with the reason. Detection:
the last month of series with a known truth, all kinds and lengths pooled, at a prevalence of 2%. Speed: fits per CPU second, and the whole
stage on 1.66 million rows of monthly statistics.
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
from scipy import stats

from tradeflow.contract import load_contract
from tradeflow.model import calibrate, fit_seasonal_baseline, score_flows
from tradeflow.model.baseline import BLOCK_SERIES
from tradeflow.model.hurdle import deviation_with_hurdle, trade_probability
from tradeflow.model.scale import median_scale, moderate_variances
from tradeflow.model.seasonal import forecast_next
from tradeflow.model.series import importer_panel, make_calendar


def score_last_month(amounts: np.ndarray) -> np.ndarray:
    """Score the last column of (series, months) from the columns before it; a month without trade scores lowest."""
    history, last = amounts[:, :-1], amounts[:, -1]
    log_kg = np.log(history, out=np.full(history.shape, np.nan), where=history > 0)
    parts = [forecast_next(log_kg[start : start + BLOCK_SERIES], 12) for start in range(0, len(log_kg), BLOCK_SERIES)]
    mean, scale, relative, extra, degrees = (np.concatenate([getattr(p, name) for p in parts]) for name in vars(parts[0]))
    together = np.zeros(len(mean), dtype=np.int64)
    variance, prior = moderate_variances(scale**2, degrees, together, together)
    observed = np.log(last, out=mean.copy(), where=last > 0)
    deviation = (observed - mean) / np.sqrt(variance * relative + extra)
    is_known = np.isfinite(amounts)
    chance = trade_probability(is_known & (amounts > 0), is_known, np.array([amounts.shape[1] - 1]), 12)[:, 0]
    return np.where(last > 0, deviation_with_hurdle(deviation, degrees + prior, chance), -10.0)


def bench_detection(folder: Path) -> None:
    truth = load_module(folder / "benchmarks" / "series_truth.py")
    cells = [(kind, months) for kind in truth.KINDS for months in truth.LENGTHS]
    worlds = [truth.make(150, months, truth.seed_of(kind, months), kind) for kind, months in cells]
    clean = [score_last_month(world) for world in worlds]
    pooled = np.concatenate(clean)
    for anomaly in truth.LAST:
        planted = np.concatenate([score_last_month(truth.plant(world, anomaly)) for world in worlds])
        print(f"average precision, {anomaly}: {truth.average_precision(pooled, planted):.3f}")
    limit = stats.norm.isf(0.01)
    print(f"false alarms at nominal 1%: {np.mean(pooled > limit):.2%}")
    for kind in truth.KINDS:
        rates = np.concatenate([score for score, cell in zip(clean, cells, strict=True) if cell[0] == kind]) > limit
        print(f"  {kind}: {rates.mean():.2%}")


def bench_real_series(folder: Path) -> None:
    """Plant a spike x3 in real importers' months, four origins pooled, and compare with the median of the last 24 months."""
    truth = load_module(folder / "benchmarks" / "series_truth.py")
    imports, coverage = read_monthly(folder / "data" / "comtrade_monthly_2008_2018")
    kg = importer_panel(imports, coverage, None, make_calendar("M", 200801, 201802)).kg
    worlds = [kg[(np.sum(kg[:, :at] > 0, axis=1) >= 12) & (kg[:, at] > 0), : at + 1] for at in (72, 84, 95, 100)]
    planted = [np.column_stack([world[:, :-1], 3 * world[:, -1]]) for world in worlds]
    for score in (score_last_month, score_by_median):
        clean, strange = (np.concatenate([score(world) for world in side]) for side in (worlds, planted))
        print(f"average precision, spike x3 in {len(clean):,} real months, {score.__name__}: {truth.average_precision(clean, strange):.3f}")


def score_by_median(amounts: np.ndarray) -> np.ndarray:
    """Score the last column by its distance from the median of the 24 traded months before it, in median absolute deviations."""
    log_kg = np.log(amounts, out=np.full(amounts.shape, np.nan), where=amounts > 0)
    recent = log_kg[:, -25:-1]
    centre, spread = median_scale(recent, np.isfinite(recent))
    return (log_kg[:, -1] - centre) / np.maximum(spread, 0.1)


def bench_fits() -> None:
    random = np.random.default_rng(1)
    for months in (36, 60, 120):
        log_kg = random.normal(10, 0.3, (2_000, months)) + 0.3 * np.cos(np.arange(months) * np.pi / 6)
        started = time.process_time()
        for start in range(0, len(log_kg), BLOCK_SERIES):
            forecast_next(log_kg[start : start + BLOCK_SERIES], 12)
        print(f"series of {months} months fitted and forecast per CPU second: {len(log_kg) / (time.process_time() - started):,.0f}")


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


def load_module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"cannot load {path}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[2] / "shared"
    print(f"{dt.datetime.now(dt.UTC):%Y-%m-%d}, {os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}")
    bench_fits()
    series_truth, monthly = folder / "benchmarks" / "series_truth.py", folder / "data" / "comtrade_monthly_2008_2018"
    needs = {bench_detection: [series_truth], bench_real_series: [series_truth, monthly], bench_stage: [monthly]}
    for bench, needed in needs.items():
        absent = [path.name for path in needed if not path.exists()]
        if absent:
            print(f"skipped {bench.__name__}: {', '.join(absent)} is not in {folder}")
        else:
            bench(folder)


if __name__ == "__main__":
    main()
