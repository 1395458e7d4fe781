"""Weights of the wrong order of magnitude: tonnes keyed as kilograms, kilograms as grams."""

from __future__ import annotations

import math

import polars as pl

from tradeflow.reconcile.pairs import ROUTE_NUMBER

OUT_OF_SCALE_LOG = math.log(30)
"""A unit value so many times above or below the route's usual one says more about the weight than about the price."""
_PRIOR_PERIODS = 6
"""Periods that the code's median unit value counts for when a route's own is judged."""
_CODE = ["freq_code", "commodity_code"]


def mark_weights_out_of_scale(pairs: pl.DataFrame) -> pl.DataFrame:
    """Add is_export_weight_out_of_scale and is_import_weight_out_of_scale.

    Such a weight stays on the row and is judged as a price by its rule; as a weight it is no evidence.
    """
    logs = pairs.with_columns(_log_unit_value("export").alias("_x"), _log_unit_value("import").alias("_m"))
    both = pl.concat([logs.select(*_CODE, ROUTE_NUMBER, pl.col(side).alias("_log")) for side in ("_x", "_m")]).drop_nulls("_log")
    code = both.group_by(_CODE).agg(pl.col("_log").median().alias("_code_log"))
    route = both.group_by(ROUTE_NUMBER).agg(pl.col("_log").median().alias("_route_log"), pl.len().alias("_count"))
    own = pl.col("_count").fill_null(0) / (pl.col("_count").fill_null(0) + _PRIOR_PERIODS)
    usual = own * pl.col("_route_log").fill_null(0) + (1 - own) * pl.col("_code_log")
    joined = (
        logs.join(code, on=_CODE, how="left", maintain_order="left")
        .join(route, on=ROUTE_NUMBER, how="left", maintain_order="left")
        .with_columns(usual.alias("_usual"))
    )
    return joined.with_columns(
        _is_far(pl.col("_x")).alias("is_export_weight_out_of_scale"), _is_far(pl.col("_m")).alias("is_import_weight_out_of_scale")
    ).drop("_x", "_m", "_code_log", "_route_log", "_count", "_usual")


def _log_unit_value(side: str) -> pl.Expr:
    ratio = pl.col(f"{side}_value_usd") / pl.col(f"{side}_net_weight_kg")
    return pl.when((ratio > 0) & ratio.is_finite()).then(ratio.log())


def _is_far(log_unit_value: pl.Expr) -> pl.Expr:
    return ((log_unit_value - pl.col("_usual")).abs() > OUT_OF_SCALE_LOG).fill_null(value=False)
