"""Who has published what: the table that keeps "not reported yet" from being read as zero."""

from __future__ import annotations

import polars as pl

from tradeflow.contract import load_contract

_DENSE_ROWS = 20
"""Rows a period at which a commodity without any row was not asked for: that nobody traded it would be beyond belief."""


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


def derive_commodity_coverage(trade_flow: pl.LazyFrame) -> pl.DataFrame:
    """Return `commodity_coverage`: the periods, per direction and commodity, that the figures at hand cover.

    They run from the commodity's first to its last period with any row. A period between them without any row is covered too (nobody
    traded), unless the commodity usually has `_DENSE_ROWS` rows and more: then it was not pulled.
    """
    key = ["freq_code", "flow_code", "commodity_code"]
    counted = trade_flow.filter(pl.col("flow_code").is_in(["M", "X"])).group_by([*key, "period"]).agg(pl.len().alias("_rows")).collect()
    span = counted.group_by(key).agg(
        pl.col("period").min().alias("_first"), pl.col("period").max().alias("_last"), pl.col("_rows").median().alias("_usual_rows")
    )
    grid = span.join(counted.select("freq_code", "period").unique(), on="freq_code")
    grid = grid.filter(pl.col("period").is_between(pl.col("_first"), pl.col("_last")))
    covered = grid.join(counted, on=[*key, "period"], how="left").filter(
        pl.col("_rows").is_not_null() | (pl.col("_usual_rows") < _DENSE_ROWS)
    )
    return covered.select(load_contract("commodity_coverage").column_names).sort([*key, "period"])
