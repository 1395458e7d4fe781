"""Both sides of a trade at one time: the importer's later months gathered by the corridor's lag, as far as they are known."""

from __future__ import annotations

import polars as pl

from tradeflow.reconcile.lag import SHARES
from tradeflow.reconcile.pairs import ROUTE_NUMBER
from tradeflow.reconcile.published import LAGS, PublishedMonths, month_number, published_months

_CORRIDOR = ["exporter_code", "importer_code"]
_M = [f"_m{lag}" for lag in LAGS]
_NORMAL_MAD = 1.4826


def align_periods(
    pairs: pl.DataFrame, shares: pl.DataFrame, coverage: pl.DataFrame, commodity_coverage: pl.DataFrame, imported: str
) -> pl.DataFrame:
    """Return `pairs` with _aligned, _timing_variance and alignment_label for one column of the importers' side.

    _aligned = sum over l of w_l m_(t+l): what the importer recorded of the goods that left in t (METHOD.md section 2, item 2). Months that
    are not known are left out and their share is spread over the others; a known month without the trade counts as 0. Null where nothing
    is known or recorded. _timing_variance is that of ln _aligned: (sum w m^2 - _aligned^2) / _aligned^2, that of one cargo which arrives as
    a whole in one of the months; plus, where a share u is not known yet, u^2 times the variance of the log change from month to month.
    Annual rows stay as they are. shares: `corridor_lag`.
    """
    months = pairs.with_columns(pl.when(pl.col("freq_code") == "M").then(month_number(pl.col("period"))).alias("_month"))
    published = published_months(coverage, commodity_coverage, "M", pairs.schema["commodity_code"])
    known = _later_months(months, published, imported).join(
        shares.select(*_CORRIDOR, *SHARES), on=_CORRIDOR, how="left", maintain_order="left"
    )
    weights = [pl.when(pl.col(month).is_not_null()).then(pl.col(share)).otherwise(0.0) for month, share in zip(_M, SHARES, strict=True)]
    weighed = known.with_columns(pl.sum_horizontal(weights).alias("_known_share"))
    mean = pl.sum_horizontal(w * pl.col(m).fill_null(0) for w, m in zip(weights, _M, strict=True)) / pl.col("_known_share")
    square = pl.sum_horizontal(w * pl.col(m).fill_null(0) ** 2 for w, m in zip(weights, _M, strict=True)) / pl.col("_known_share")
    is_monthly = pl.col("freq_code") == "M"
    aligned = weighed.with_columns(pl.when(is_monthly).then(mean).otherwise(imported).alias("_mean"), square.alias("_square"))
    recorded = pl.col("_mean").is_finite() & (pl.col("_mean") > 0)
    own = (pl.col("_square") / pl.col("_mean") ** 2 - 1).clip(lower_bound=0)
    unknown = (1 - pl.col("_known_share")) ** 2 * _change_variance(months, imported)
    return aligned.with_columns(
        pl.when(recorded).then("_mean").alias("_aligned"),
        pl.when(recorded & is_monthly).then(own + unknown).when(recorded).then(0.0).alias("_timing_variance"),
        _label().alias("alignment_label"),
    ).drop("_month", "_mean", "_square", "_known_share", *_M, *SHARES)


def _later_months(months: pl.DataFrame, published: PublishedMonths, imported: str) -> pl.DataFrame:
    """Add _m0, _m1, _m2: the month's and the two next months' imports; 0 where published without the trade, null where not known."""
    reported = months.filter(pl.col("_month").is_not_null() & pl.col("import_value_usd").is_not_null())
    for lag, name in zip(LAGS, _M, strict=True):
        later = reported.select(ROUTE_NUMBER, pl.col("_month") - lag, pl.col(imported).alias(name), pl.lit(value=True).alias("_is_told"))
        months = months.join(later, on=[ROUTE_NUMBER, "_month"], how="left", maintain_order="left")
        months = published.shifted(-lag).mark(months, "importer_code", "_is_published")
        is_empty = pl.col("_is_told").is_null() & pl.col("_is_published")
        months = months.with_columns(pl.when(is_empty).then(0.0).otherwise(pl.col(name)).alias(name)).drop("_is_told", "_is_published")
    return months


def _change_variance(months: pl.DataFrame, imported: str) -> float:
    """Robust variance of ln(m_(t+1) / m_t) over all routes: how far a month that nobody knows yet may be from its neighbour."""
    amounts = months.filter((pl.col(imported) > 0) & pl.col("_month").is_not_null()).select(ROUTE_NUMBER, "_month", imported)
    next_month = amounts.select(ROUTE_NUMBER, pl.col("_month") - 1, pl.col(imported).alias("_next"))
    changes = amounts.join(next_month, on=[ROUTE_NUMBER, "_month"]).select((pl.col("_next") / pl.col(imported)).log().abs().median())
    return float(((changes.item() or 0.0) * _NORMAL_MAD) ** 2)


def _label() -> pl.Expr:
    return (
        pl.when(pl.col("freq_code") != "M").then(pl.lit("annual"))
        .when(pl.col("_known_share") >= 1 - 1e-9).then(pl.lit("aligned"))
        .when(pl.col("_known_share") > 0).then(pl.lit("truncated"))
        .otherwise(pl.lit("not_known"))
    )  # fmt: skip
