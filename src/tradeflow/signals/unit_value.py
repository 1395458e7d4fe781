"""What a kilogram usually costs on a route, and the weights that it stands for where none were reported."""

from __future__ import annotations

import polars as pl

ROUTE = ["freq_code", "exporter_code", "importer_code", "commodity_code"]
ROUTE_HABIT_PERIODS = 6
"""Periods of trade at which a route's own unit values count as much as all routes' of the code."""


def usual_unit_values(mirror_pair: pl.DataFrame, side: str = "import") -> pl.DataFrame:
    """Return `_usual_usd_per_kg` of each route by one side's reports and, under partner 0, of the reporter: medians, few shrunk to its."""
    reporter, partner = ("importer_code", "exporter_code") if side == "import" else ("exporter_code", "importer_code")
    unit_value = pl.col(f"{side}_value_usd") / pl.col(f"{side}_net_weight_kg")
    known = mirror_pair.filter(unit_value.is_finite() & (unit_value > 0)).with_columns(unit_value.log().alias("_log"))
    own = known.group_by("freq_code", reporter, "commodity_code").agg(pl.col("_log").median().alias("_own_log"))
    routes = known.group_by(ROUTE).agg(pl.col("_log").median(), pl.len().alias("_count"))
    shrunk = (pl.col("_count") * pl.col("_log") + ROUTE_HABIT_PERIODS * pl.col("_own_log")) / (pl.col("_count") + ROUTE_HABIT_PERIODS)
    by_route = routes.join(own, on=["freq_code", reporter, "commodity_code"]).select(*ROUTE, shrunk.exp().alias("_usual_usd_per_kg"))
    whole = own.with_columns(pl.lit(0, dtype=pl.Int32).alias(partner), pl.col("_own_log").exp().alias("_usual_usd_per_kg"))
    return pl.concat([by_route, whole.select(by_route.columns)])


def weight_in_scale(side: str) -> pl.Expr:
    """Return a side's weight (export or import) where it is evidence about weight."""
    return pl.when(~pl.col(f"is_{side}_weight_out_of_scale")).then(f"{side}_net_weight_kg")


def weight_or_derived(side: str) -> pl.Expr:
    """Return a side's weight, else its value over `_usual_usd_per_kg`."""
    return pl.coalesce(weight_in_scale(side), pl.col(f"{side}_value_usd") / pl.col("_usual_usd_per_kg"))
