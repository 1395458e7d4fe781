"""Where the likeliest reading of an odd figure is a slip of the pen: then the lead is about the record before it is about the trade."""

from __future__ import annotations

import polars as pl

INFLATED_WEIGHT_RATIO = 30
"""Times the usual weight per dollar beyond which nobody would sell at such a price: some of the weights were keyed in a larger unit."""
TONNES_AS_KILOGRAMS = (300, 3000)
"""Times the usual price per kilogram that a weight keyed in tonnes makes; such a weight vanishes in a sum, so only about 1000 tells it."""


def is_likely_slip() -> pl.Expr:
    """Tell by observed_kg over the weight that the value stands for (expected_kg of `unit_value_outlier`)."""
    ratio = pl.col("observed_kg") / pl.col("expected_kg")
    fewest, most = TONNES_AS_KILOGRAMS
    far_off = (ratio > INFLATED_WEIGHT_RATIO) | (1 / ratio).is_between(fewest, most)
    return ((pl.col("rule") == "unit_value_outlier") & far_off).fill_null(value=False)


def is_record_contradicted() -> pl.Expr:
    """Tell a route's excess of which the exporter reports a small part, no more than usual: weight and value may both be mis-keyed."""
    is_route = (pl.col("rule") == "excess_import") & (pl.col("subject") == "flow")
    is_ordinary = pl.col("mirror_net_weight_kg") <= pl.col("upper_kg")
    is_far_off = pl.col("observed_kg") > INFLATED_WEIGHT_RATIO * pl.col("mirror_net_weight_kg")
    return (is_route & is_ordinary & is_far_off).fill_null(value=False)
