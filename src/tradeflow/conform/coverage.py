"""Who has published what: the table that keeps "not reported yet" from being read as zero."""

from __future__ import annotations

import polars as pl

from tradeflow.contract import load_contract


def derive_coverage(trade_flow: pl.LazyFrame) -> pl.DataFrame:
    """Return `coverage`: each reporter x direction (M, X) x period of the data, reported or not reported yet.

    A reporter has reported a period in a direction when it has any row there. Periods run from the reporter's own first one to the newest
    period of all, so a reporter that joined late is not called late for the time before.
    """
    reported = (
        trade_flow.filter(pl.col("flow_code").is_in(["M", "X"]))
        .group_by("freq_code", "period", "reporter_code", "flow_code")
        .agg(pl.len().cast(pl.Int64).alias("row_count"), pl.col("retrieved_at").min())
        .collect()
    )
    periods = reported.select("freq_code", "period").unique()
    series = reported.group_by("freq_code", "reporter_code", "flow_code").agg(pl.col("period").min().alias("_first"))
    grid = series.join(periods, on="freq_code").filter(pl.col("period") >= pl.col("_first")).drop("_first")
    status = pl.when(pl.col("row_count").is_null()).then(pl.lit("not_reported_yet")).otherwise(pl.lit("reported"))
    return (
        grid.join(reported, on=["freq_code", "period", "reporter_code", "flow_code"], how="left")
        .with_columns(status.alias("coverage_status"), pl.col("row_count").fill_null(0))
        .select(load_contract("coverage").column_names)
        .sort("freq_code", "period", "reporter_code", "flow_code")
    )
