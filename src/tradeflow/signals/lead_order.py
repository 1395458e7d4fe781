"""The order of leads where people's decisions teach one: `signal` or `company_signal` in, the same with new ranks out."""

from __future__ import annotations

import polars as pl


def order_leads(signals: pl.DataFrame, confirmed: pl.DataFrame) -> pl.DataFrame:
    """Return the signals with `confirmed_probability` and ranks by it.

    confirmed: lead_id, confirmed_probability. A lead without a flagged signal stays below those that have one: only the latter are within
    the promised share of false leads. Leads that are equally probable keep the order of their scores.
    """
    heads = signals.filter("is_lead_head").select("lead_id", "signal_count", pl.col("lead_rank").alias("_rank"))
    order = [pl.col("signal_count") > 0, pl.col("confirmed_probability"), pl.col("_rank")]
    ranked = heads.join(confirmed, on="lead_id").sort(order, descending=[True, True, False])
    numbered = ranked.select("lead_id", "confirmed_probability", pl.int_range(1, pl.len() + 1, dtype=pl.Int32).alias("lead_rank"))
    kept = signals.drop("lead_rank", "confirmed_probability").join(numbered, on="lead_id", maintain_order="left")
    return kept.sort("lead_rank", maintain_order=True).select(signals.columns)
