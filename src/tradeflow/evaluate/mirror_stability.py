"""What must not change: the result with the order of the rows, and the ranking of the reporters from year to year."""

from __future__ import annotations

import polars as pl

from tradeflow.conform import derive_commodity_coverage, derive_coverage
from tradeflow.evaluate.mirror_command import reconcile_by_command
from tradeflow.reconcile import ReconcileOptions, reconcile_trade_flow

_MIN_OBSERVATIONS = 100
"""Two-sided flows in a year from which a reporter's place in the ranking is worth comparing."""
_MIN_REPORTERS = 10
_RANKED = ["measure", "flow_code", "reporter_code"]


def judge_order(reports: pl.DataFrame) -> pl.DataFrame:
    """Run the command on the reports as they stand and shuffled; return how many rows there are and how many differ."""
    first = reconcile_by_command(reports).pairs
    second = reconcile_by_command(reports.sample(fraction=1, shuffle=True, seed=1)).pairs
    key = ["exporter", "importer", "commodity"]
    a, b = (pairs.select(*key, "balanced_value_usd", "balanced_kg", "z_value", "z_kg", "p_value").sort(key) for pairs in (first, second))
    same = a.join(b, on=a.columns, nulls_equal=True, how="semi").height
    return pl.DataFrame({"rows": [a.height], "differing": [max(a.height, b.height) - same]})


def judge_ranking_stability(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rank correlation of the reporters' scatter in each year with the year before, by measure and role.

    rows: `trade_flow`. The scatter is learnt from each year's rows alone.
    """
    years = rows.with_columns((pl.col("period") // 100).alias("year")).partition_by("year", as_dict=True, include_key=False)
    fitted = pl.concat([_rank_reporters(part).with_columns(pl.lit(year, pl.Int32).alias("year")) for (year,), part in years.items()])
    before = fitted.with_columns(pl.col("year") + 1).rename({"log_error_sigma": "_before"})
    correlation = pl.corr("log_error_sigma", "_before", method="spearman").alias("rank_correlation")
    both = fitted.join(before, on=[*_RANKED, "year"]).group_by("measure", "flow_code", "year").agg(pl.len().alias("reporters"), correlation)
    return both.filter(pl.col("reporters") >= _MIN_REPORTERS).sort("measure", "flow_code", "year")


def _rank_reporters(rows: pl.DataFrame) -> pl.DataFrame:
    coverage, commodity_coverage = derive_coverage(rows.lazy()), derive_commodity_coverage(rows.lazy())
    none_fob = pl.Series("area_code", [], dtype=pl.Int32)
    _, reliability, _ = reconcile_trade_flow(rows.lazy(), coverage, commodity_coverage, none_fob, ReconcileOptions())
    known = reliability.filter((pl.col("observation_count") >= _MIN_OBSERVATIONS) & (pl.col("product_group") == "all"))
    return known.select(*_RANKED, "log_error_sigma")
