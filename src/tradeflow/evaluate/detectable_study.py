"""The stated smallest detectable excess against injection into whole series, each refitted month by month."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradeflow.evaluate.series_truth import WINDOW, make_series
from tradeflow.model import fit_seasonal_baseline, measure_detectable_excess
from tradeflow.model.series import make_calendar

Array = NDArray[np.float64]

MONTHS = 72
_CALENDAR = make_calendar("M", 201901, 202412)
RATE, POWER = 0.01, 0.80


@dataclass(frozen=True)
class DetectableRow:
    """Share of series in which the excess that was stated as just detectable was called."""

    kind: str
    series: int
    stated_power: float
    called_once: float
    called_sustained: float
    median_ratio_once: float
    median_ratio_sustained: float


def check_detectable_excess(series: int, seed: int) -> list[DetectableRow]:
    """State the excess from the clean series, plant it in the last month and in the last six, fit anew, count the calls."""
    return [_check(kind, make_series(kind, series, MONTHS, seed), POWER) for kind in ("regular", "intermittent")]


def _check(kind: str, amounts: Array, power: float) -> DetectableRow:
    baseline = _fit(amounts)
    stated = measure_detectable_excess(baseline, partial(_refit, amounts), false_alarm_rate=RATE, power=power).sort("importer_code")
    stated = stated.drop_nulls(["detectable_excess_kg", "sustained_excess_kg"])
    rows = stated["importer_code"].to_numpy() - 1
    once, sustained = (stated[name].to_numpy() for name in ("detectable_excess_kg", "sustained_excess_kg"))
    last, six = amounts.copy(), amounts.copy()
    last[rows, -1] += once
    six[rows, -WINDOW:] += sustained[:, None]
    return DetectableRow(
        kind,
        len(rows),
        power,
        _share_called(_fit(last), baseline, 1),
        _share_called(_fit(six), baseline, WINDOW),
        float(stated["detectable_excess_ratio"].median()),  # type: ignore[arg-type]
        float(stated["sustained_excess_ratio"].median()),  # type: ignore[arg-type]
    )


def _refit(amounts: Array, excess: pl.DataFrame) -> pl.DataFrame:
    """Fit the series of `excess` with its kilograms in them."""
    chosen = excess["importer_code"].unique().sort().to_numpy() - 1
    row = np.searchsorted(chosen, excess["importer_code"].to_numpy() - 1)
    column = np.searchsorted(_CALENDAR, excess["period"].to_numpy())
    planted = amounts[chosen]
    np.add.at(planted, (row, column), excess["excess_kg"].to_numpy())
    return _fit(planted).with_columns(pl.col("importer_code").replace_strict(dict(enumerate((chosen + 1).tolist(), 1))).cast(pl.Int32))


def _fit(amounts: Array) -> pl.DataFrame:
    """Fit the pipeline's own baseline; every series is an importer of one code with one route."""
    series, months = amounts.shape
    cells = pl.DataFrame(
        {
            "importer_code": np.repeat(np.arange(1, series + 1, dtype=np.int32), months),
            "period": np.tile(_CALENDAR, series),
            "net_weight_kg": amounts.ravel(),
        }
    ).with_columns(freq_code=pl.lit("M"), exporter_code=pl.lit(156, pl.Int32), commodity_code=pl.lit("291411"))
    imports = cells.filter(pl.col("net_weight_kg") > 0).with_columns(primary_value_usd=pl.col("net_weight_kg"))
    coverage = cells.select(
        "freq_code", "period", pl.col("importer_code").alias("reporter_code"), flow_code=pl.lit("M"), coverage_status=pl.lit("reported")
    )
    baseline = fit_seasonal_baseline(imports, coverage, scored_periods=12, calibration_periods=24, min_history_periods=18)
    return baseline.filter(pl.col("series_level") == "importer")


def _share_called(planted: pl.DataFrame, clean: pl.DataFrame, months: int) -> float:
    """Call what exceeds the clean scores' quantile; months are added up as the rules do."""
    limit = np.quantile(_added_up(clean, months).drop_nulls().to_numpy(), 1 - RATE)
    newest = planted.filter(pl.col("period") > pl.col("period").max() - months)
    return float(np.mean((_last(newest) > limit).to_numpy()))


def _added_up(baseline: pl.DataFrame, months: int) -> pl.Series:
    score = pl.col("z_seasonal")
    sums = score.fill_null(0).rolling_sum(months).over("importer_code", order_by="period")
    known = score.is_not_null().cast(pl.Int32).rolling_sum(months).over("importer_code", order_by="period")
    return baseline.select(pl.when(known > 0).then(sums / known.sqrt()))["z_seasonal"]


def _last(newest: pl.DataFrame) -> pl.Series:
    score = pl.col("z_seasonal")
    return newest.group_by("importer_code").agg((score.sum() / score.count().sqrt()).alias("_score"))["_score"]
