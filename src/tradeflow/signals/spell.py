"""How long a strangeness has lasted: one period, three or six, whichever is the strangest."""

from __future__ import annotations

import polars as pl

WINDOWS = (1, 3, 6)
"""Periods over which scores are added up, each window ending with the row's own period."""


def best_window(rows: pl.DataFrame, series: list[str], summed: list[str]) -> pl.DataFrame:
    """Return the rows with the strongest of their windows' scores, `window_periods`, and the columns of `summed` added up over it.

    score of a window = sum of its periods' scores / sqrt(their number), Stouffer's combination: noise that only moves trade between
    neighbouring periods cancels, a lasting deviation adds up. Periods without a row of the series count for nothing. Later periods
    never enter.
    """
    indexed = rows.with_columns(_period_index().alias("_index")).sort(*series, "_index")
    parts = [_sum_window(indexed, series, summed, periods) for periods in WINDOWS]
    stacked = pl.concat(parts).sort("score", "window_periods", descending=[True, False], nulls_last=True)
    best = stacked.group_by([*series, "_index"], maintain_order=True).first()
    kept = indexed.drop([*summed, "score"]).join(best, on=[*series, "_index"], how="left")
    return kept.drop("_index")


def _sum_window(indexed: pl.DataFrame, series: list[str], summed: list[str], periods: int) -> pl.DataFrame:
    score = pl.col("score")
    rolled = indexed.rolling("_index", period=f"{periods}i", group_by=series).agg(
        (score.sum() / score.count().sqrt()).alias("score"), *[pl.col(name).sum() for name in summed]
    )
    return rolled.with_columns(pl.lit(periods, dtype=pl.Int32).alias("window_periods"))


def _period_index() -> pl.Expr:
    """Months since year 0 for monthly periods, years for annual ones, so that neighbours differ by one."""
    period = pl.col("period").cast(pl.Int64)
    return pl.when(period > 9999).then(period // 100 * 12 + period % 100).otherwise(period)
