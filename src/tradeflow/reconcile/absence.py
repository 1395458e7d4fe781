"""What a missing mirror means: not released yet, never reported, too small to appear, or truly not recorded."""

from __future__ import annotations

import polars as pl

_PRIOR_WEIGHT = 5
"""Flows that the broader rate counts for when a narrower one is shrunk to it."""


def explain_missing_sides(pairs: pl.DataFrame, coverage: pl.DataFrame, threshold_usd: float) -> pl.DataFrame:
    """Add mirror_status, mirror_reason and partner_report_probability.

    The probability is that of the silent side reporting such a trade: how often it did when the other side reported one, by reporter and
    role, then by corridor, then by corridor and commodity, each shrunk to the broader one; only periods that the silent side has
    published and trades above the threshold count.
    """
    x, m = pl.col("export_value_usd"), pl.col("import_value_usd")
    status = (
        pl.when(x.is_not_null() & m.is_not_null()).then(pl.lit("both"))
        .when(x.is_not_null()).then(pl.lit("exporter_only"))
        .otherwise(pl.lit("importer_only"))
    )  # fmt: skip
    seen = _join_availability(pairs.with_columns(status.alias("mirror_status")), coverage)
    importer_rate = _report_rates(seen, "importer_code", "exporter_only", "_importer_published", threshold_usd)
    exporter_rate = _report_rates(seen, "exporter_code", "importer_only", "_exporter_published", threshold_usd)
    key = ["exporter_code", "importer_code", "commodity_code"]
    probability = (
        pl.when(pl.col("mirror_status") == "exporter_only").then(pl.col("_importer_rate"))
        .when(pl.col("mirror_status") == "importer_only").then(pl.col("_exporter_rate"))
    )  # fmt: skip
    return (
        seen.join(importer_rate.rename({"_rate": "_importer_rate"}), on=key, how="left")
        .join(exporter_rate.rename({"_rate": "_exporter_rate"}), on=key, how="left")
        .with_columns(_reason(threshold_usd).alias("mirror_reason"), probability.alias("partner_report_probability"))
        .drop(
            "_importer_rate",
            "_exporter_rate",
            "_importer_published",
            "_exporter_published",
            "_importer_ever",
            "_exporter_ever",
        )
    )


def _join_availability(pairs: pl.DataFrame, coverage: pl.DataFrame) -> pl.DataFrame:
    for side, flow_code in (("importer", "M"), ("exporter", "X")):
        published = coverage.filter(pl.col("flow_code") == flow_code).select(
            "freq_code", "period", pl.col("reporter_code").alias(f"{side}_code"),
            (pl.col("coverage_status") == "reported").alias(f"_{side}_published"),
        )  # fmt: skip
        ever = published.select("freq_code", f"{side}_code").unique().with_columns(pl.lit(value=True).alias(f"_{side}_ever"))
        pairs = pairs.join(published, on=["freq_code", "period", f"{side}_code"], how="left")
        pairs = pairs.join(ever, on=["freq_code", f"{side}_code"], how="left")
    flags = ["_importer_published", "_exporter_published", "_importer_ever", "_exporter_ever"]
    return pairs.with_columns(pl.col(flags).fill_null(value=False))


def _report_rates(seen: pl.DataFrame, side: str, one_sided: str, published: str, threshold_usd: float) -> pl.DataFrame:
    """Beta-smoothed share of the other side's trades that this side reported too, per exporter, importer and commodity."""
    other_value = pl.col("export_value_usd" if side == "importer_code" else "import_value_usd")
    told = seen.filter(pl.col("mirror_status").is_in(["both", one_sided]) & pl.col(published) & (other_value >= threshold_usd))
    is_both = (pl.col("mirror_status") == "both").cast(pl.Float64)
    levels = [[side], ["exporter_code", "importer_code"], ["exporter_code", "importer_code", "commodity_code"]]
    rates = seen.select("exporter_code", "importer_code", "commodity_code").unique()
    rates = rates.with_columns(pl.lit(told.select(is_both.mean()).item() or 0.5).alias("_rate"))
    for level in levels:
        counted = told.group_by(level).agg(is_both.sum().alias("_both"), pl.len().alias("_all"))
        smoothed = (pl.col("_both").fill_null(0) + _PRIOR_WEIGHT * pl.col("_rate")) / (pl.col("_all").fill_null(0) + _PRIOR_WEIGHT)
        rates = rates.join(counted, on=level, how="left").with_columns(smoothed.alias("_rate")).drop("_both", "_all")
    return rates


def _reason(threshold_usd: float) -> pl.Expr:
    silent_importer = pl.col("mirror_status") == "exporter_only"
    ever = pl.when(silent_importer).then(pl.col("_importer_ever")).otherwise(pl.col("_exporter_ever"))
    published = pl.when(silent_importer).then(pl.col("_importer_published")).otherwise(pl.col("_exporter_published"))
    value = pl.when(silent_importer).then(pl.col("export_value_usd")).otherwise(pl.col("import_value_usd"))
    return (
        pl.when(pl.col("mirror_status") == "both").then(None)
        .when(~ever).then(pl.lit("partner_never_reports"))
        .when(~published).then(pl.lit("not_reported_yet"))
        .when(value < threshold_usd).then(pl.lit("below_threshold"))
        .otherwise(pl.lit("not_recorded"))
    )  # fmt: skip
