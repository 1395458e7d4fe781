"""How long a strangeness has lasted: one period, three or six, whichever is the strangest."""

from __future__ import annotations

import polars as pl

WINDOWS = (1, 3, 6)
"""Periods over which scores are added up, each window ending with the row's own period."""
LOG_SPREAD = ["_log_spread_down", "_log_spread_up"]
_DERIVED_BASES = ["value_over_unit_value", "other_side"]
DERIVED_WEIGHTS = [f"_{basis}" for basis in _DERIVED_BASES]
SUMMED = ["observed_kg", "expected_kg", "observed_value_usd", *DERIVED_WEIGHTS, *LOG_SPREAD]
"""What is added up over the periods of a lead on amounts."""
INTERVAL = ("expected_kg", "lower_kg", "upper_kg")


def best_window(rows: pl.DataFrame, series: list[str], summed: list[str]) -> pl.DataFrame:
    """Return the rows with the strongest of their windows' scores, `window_periods`, and the columns of `summed` added up over it.

    score of a window = sum of its periods' scores / sqrt(their number), Stouffer's combination: noise that only moves trade between
    neighbouring periods cancels, a lasting deviation adds up. Periods without a row of the series count for nothing. Later periods
    never enter. A sum of which a part is unknown is unknown.
    """
    indexed = rows.with_columns(period_index().alias("_index")).sort(*series, "_index")
    parts = [_sum_window(indexed, series, summed, periods) for periods in WINDOWS]
    stacked = pl.concat(parts).sort("score", "window_periods", descending=[True, False], nulls_last=True)
    best = stacked.group_by([*series, "_index"], maintain_order=True).first()
    kept = indexed.drop([*summed, "score"]).join(best, on=[*series, "_index"], how="left")
    return kept.drop("_index")


def _sum_window(indexed: pl.DataFrame, series: list[str], summed: list[str], periods: int) -> pl.DataFrame:
    score = pl.col("score")
    rolled = indexed.rolling("_index", period=f"{periods}i", group_by=series).agg(
        (score.sum() / score.count().sqrt()).alias("score"), *[_whole_sum(name) for name in summed]
    )
    return rolled.with_columns(pl.lit(periods, dtype=pl.Int32).alias("window_periods"))


def _whole_sum(name: str) -> pl.Expr:
    return pl.when(pl.col(name).null_count() == 0).then(pl.col(name).sum()).alias(name)


def log_spread_parts(expected: str, lower: str, upper: str) -> list[pl.Expr]:
    """Return the columns that `interval_of_sum` needs to have been added up: squares of expected x ln(expected / limit)."""
    down = (pl.col(expected) * (pl.col(expected) / pl.col(lower)).log()) ** 2
    up = (pl.col(expected) * (pl.col(upper) / pl.col(expected)).log()) ** 2
    return [down.alias(LOG_SPREAD[0]), up.alias(LOG_SPREAD[1])]


def interval_of_sum(expected: str, lower: str, upper: str) -> list[pl.Expr]:
    """Return the interval of a sum of amounts whose logs err independently of one another, to first order.

    d ln(sum e) = sum of (e / sum e) d ln e, so the log widths add up in quadrature, weighted by the amounts. The sum of the limits would be
    the interval of months that all err alike.
    """
    total = pl.col(expected)
    return [
        (total * (-pl.col(LOG_SPREAD[0]).sqrt() / total).exp()).alias(lower),
        (total * (pl.col(LOG_SPREAD[1]).sqrt() / total).exp()).alias(upper),
    ]


def count_derived_weights(basis: pl.Expr) -> list[pl.Expr]:
    """Return the columns that `weight_basis_of_sum` needs to have been added up: one per way of deriving a weight."""
    return [(basis == name).fill_null(value=False).cast(pl.Int32).alias(f"_{name}") for name in _DERIVED_BASES]


def weight_basis_of_sum() -> pl.Expr:
    """Return weight_basis of a sum of weights: the least sure of theirs."""
    derived = pl.coalesce(pl.when(pl.col(f"_{name}") > 0).then(pl.lit(name)) for name in reversed(_DERIVED_BASES))
    return derived.fill_null("as_reported").alias("weight_basis")


def window_span() -> list[pl.Expr]:
    """Return _first and _last, the periods of a row's window, counted so that neighbours differ by one."""
    return [(period_index() - pl.col("window_periods") + 1).alias("_first"), period_index().alias("_last")]


def period_index() -> pl.Expr:
    """Return months since year 0 for monthly periods, years for annual ones, so that neighbours differ by one."""
    period = pl.col("period").cast(pl.Int64)
    return pl.when(period > 9999).then(period // 100 * 12 + period % 100).otherwise(period)
