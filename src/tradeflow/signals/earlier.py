"""Sums over what was known before each period, and means that are drawn to a wider one's while little was."""

from __future__ import annotations

import polars as pl


def sum_earlier(rows: pl.DataFrame, keys: list[str], names: list[str]) -> pl.DataFrame:
    """Return keys, period and the named columns, each summed over all earlier periods of the key."""
    by_period = rows.group_by(*keys, "period").agg(pl.col(names).sum()).sort(*keys, "period")
    before = [(pl.col(name).cum_sum().over(keys) - pl.col(name)).alias(name) for name in names]
    return by_period.select(*keys, "period", *before)


def draw_mean(total: pl.Expr, count: pl.Expr, towards: pl.Expr, weight: float) -> pl.Expr:
    """Return the mean of `count` values drawn to another one that counts as `weight` values; a count of 0 leaves that alone."""
    own = pl.when(count > 0).then(total).otherwise(0.0)
    return (own + weight * towards) / (count + weight)
