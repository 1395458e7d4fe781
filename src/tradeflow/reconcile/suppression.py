"""Whether a partner that is missing may be hidden: confidential trade is published under "areas not specified" or another pool."""

from __future__ import annotations

import polars as pl

_LAG_PERIODS = 2
"""Periods within which the other side may record the same trade."""
_CELL = ["freq_code", "commodity_code"]


def mark_suppressed_partners(pairs: pl.DataFrame, pools: pl.Series) -> pl.DataFrame:
    """Turn mirror_reason from `not_recorded` into `suppressed` where the silent side's pool is large enough to hold the trade.

    pools: codes of the areas that name no one partner. Counted is what the silent side reports of the code with any of them in the period
    and, of imports, in the two after it; of exports, in the two before it.
    """
    kept = pairs.with_row_index("_row")
    hidden = [
        _may_hide(kept, pools, "exporter_only", "importer_code", "exporter_code", ("export_value_usd", "import_value_usd"), 1),
        _may_hide(kept, pools, "importer_only", "exporter_code", "importer_code", ("import_value_usd", "export_value_usd"), -1),
    ]
    is_hidden = pl.col("_row").is_in(pl.concat(hidden)["_row"].implode())
    return kept.with_columns(pl.when(is_hidden).then(pl.lit("suppressed")).otherwise("mirror_reason").alias("mirror_reason")).drop("_row")


def _may_hide(
    pairs: pl.DataFrame, pools: pl.Series, status: str, silent: str, told: str, values: tuple[str, str], direction: int
) -> pl.DataFrame:
    """Return _row of the one-sided trades that the silent side's pools may hold. values: the teller's and the silent side's column."""
    missing = pairs.filter((pl.col("mirror_status") == status) & (pl.col("mirror_reason") == "not_recorded"))
    pooled = pairs.filter(pl.col(told).is_in(pools.implode()) & pl.col(values[1]).is_not_null())
    of_period = pooled.group_by(*_CELL, silent, _index("period").alias("_index")).agg(pl.col(values[1]).sum().alias("_pooled"))
    lags = pl.DataFrame({"_lag": [direction * lag for lag in range(_LAG_PERIODS + 1)]}, schema={"_lag": pl.Int64})
    asked = missing.select("_row", *_CELL, silent, values[0], _index("period").alias("_at")).join(lags, how="cross")
    found = asked.with_columns((pl.col("_at") + pl.col("_lag")).alias("_index")).join(of_period, on=[*_CELL, silent, "_index"])
    held = found.group_by("_row", values[0]).agg(pl.col("_pooled").sum())
    return held.filter(pl.col("_pooled") >= pl.col(values[0])).select("_row")


def _index(period: str) -> pl.Expr:
    at = pl.col(period).cast(pl.Int64)
    return pl.when(at > 9999).then(at // 100 * 12 + at % 100).otherwise(at)
