"""A company's last twelve months beside the twelve before: what single months cannot show, the usual lot bought more often."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradeflow.model.past_tail import restate_by_past

_YEAR = 12
_DRIFT_VARIANCE = 0.1**2
"""Variance of ln of a year's weight that no lot explains: a tenth more or less from year to year is nobody's news."""
_FEW, _MANY = 6, 18
"""Months with trade in both years between which a year's noise is that of a middling buyer."""


def add_years(months: pl.DataFrame, series: list[str]) -> pl.DataFrame:
    """Add twelve_month_kg, past_twelve_month_kg and z_year to months sorted by `series` and period.

    `months`: party_role, period, _month (a running number), net_weight_kg and _variance, that of ln kg of a month with trade. Lots that
    come at random and vary so give the sum of n of them a variance of exp(_variance) / n in ln (compound Poisson, to first order). A series
    younger than two years has no z: its first year is not whole.
    """
    summed = months.with_columns(
        pl.col("net_weight_kg").fill_null(0).cum_sum().over(series).alias("_sum"),
        (pl.col("net_weight_kg") > 0).fill_null(value=False).cast(pl.Int64).cum_sum().over(series).alias("_lots"),
        (pl.col("_month") - pl.col("_month").first().over(series)).alias("_age"),
    )
    told = summed.pipe(_look_back, series, _YEAR).pipe(_look_back, series, 2 * _YEAR)
    now, before, lots, lots_before = (
        pl.col("_sum") - pl.col("_sum_12"), pl.col("_sum_12") - pl.col("_sum_24"),
        pl.col("_lots") - pl.col("_lots_12"), pl.col("_lots_12") - pl.col("_lots_24"),
    )  # fmt: skip
    is_known = (pl.col("_age") >= 2 * _YEAR - 1) & (now > 0) & (before > 0)
    spread = (pl.col("_variance").exp() * (1 / lots + 1 / lots_before) + _DRIFT_VARIANCE).sqrt()
    deviation = pl.when(is_known).then((now / before).log() / spread).cast(pl.Float64)
    placed = told.with_columns(
        now.alias("twelve_month_kg"),
        before.alias("past_twelve_month_kg"),
        deviation.alias("_deviation"),
        (lots + lots_before).alias("_both"),
    )
    z = restate_by_past(placed["_deviation"].to_numpy(), placed["period"].to_numpy().astype(np.int64), _group_alike(placed))
    return placed.with_columns(pl.Series("z_year", z, pl.Float64).fill_nan(None)).drop("^_(sum|lots|age|both|deviation).*$")


def _look_back(months: pl.DataFrame, series: list[str], ago: int) -> pl.DataFrame:
    """Add the running sums as they stood so many months before."""
    then = months.select(*series, "_month", pl.col("_sum").alias(f"_sum_{ago}"), pl.col("_lots").alias(f"_lots_{ago}")).sort("_month")
    asked = months.with_row_index("_row").with_columns((pl.col("_month") - ago).alias("_then")).sort("_then")
    found = asked.join_asof(then, left_on="_then", right_on="_month", by=series, strategy="backward", check_sortedness=False)
    return (
        found.sort("_row")
        .drop("_row", "_then", "_month_right", strict=False)
        .with_columns(pl.col(f"_sum_{ago}", f"_lots_{ago}").fill_null(0))
    )


def _group_alike(placed: pl.DataFrame) -> NDArray[np.int64]:
    size = pl.when(pl.col("_both") < _FEW).then(0).when(pl.col("_both") < _MANY).then(1).otherwise(2)
    return placed.select(pl.col("party_role").rank("dense").cast(pl.Int64) * 3 + size).to_series().to_numpy()
