"""What is looked at in a flow: size, price, the other side's view, its own past, and its place among its neighbours."""

from __future__ import annotations

import polars as pl

from tradeflow.model.series import ROUTE, period_index, periods_per_year

FEATURES = [
    "log_kg",
    "unit_value_ratio",
    "z_kg",
    "z_seasonal",
    "months_since_last_trade",
    "exporter_share_ratio",
    "importer_share_ratio",
]
"""The columns of `flow_score` that the forest sees."""
FLOW_KEY = ["freq_code", "period", "exporter_code", "importer_code", "commodity_code"]


def describe_flows(imports: pl.DataFrame, mirror_pair: pl.DataFrame, baseline: pl.DataFrame) -> pl.DataFrame:
    """Return one row per reported flow of its commodity's window in the baseline: its key, is_scored, importer_kg and the columns FEATURES.

    Everything but z_kg, which rests on the reconciliation's view, is taken from the period itself and earlier ones.
    """
    window = baseline.select("freq_code", "commodity_code", "period", "is_scored").unique()
    described = pl.concat([_describe_frequency(rows, str(key[0])) for key, rows in imports.group_by("freq_code")] or [imports])
    seasonal = baseline.filter(pl.col("series_level") == "flow").select(*FLOW_KEY, "z_seasonal")
    mirror = mirror_pair.select(*FLOW_KEY, "z_kg")
    return (
        described.join(window, on=["freq_code", "commodity_code", "period"])
        .join(seasonal, on=FLOW_KEY, how="left")
        .join(mirror, on=FLOW_KEY, how="left")
        .sort(FLOW_KEY)
    )


def _describe_frequency(imports: pl.DataFrame, freq_code: str) -> pl.DataFrame:
    year = f"{periods_per_year(freq_code)}i"
    rows = (
        imports.filter((pl.col("net_weight_kg") > 0) | pl.col("net_weight_kg").is_null())
        .with_columns(
            at=period_index(freq_code).cast(pl.Int64),
            log_kg=pl.col("net_weight_kg").log(),
            unit_value_usd_per_kg=pl.col("primary_value_usd") / pl.col("net_weight_kg"),
        )
        .sort(*ROUTE, "at")
    )
    return (
        rows.with_columns(months_since_last_trade=pl.col("at").diff().over(ROUTE).cast(pl.Int32))
        .with_columns(route_kg=_kg_over_year_before(ROUTE, year))
        .join(_totals(rows, "importer_code", "importer_kg", year), on=["importer_code", "commodity_code", "at"])
        .join(_totals(rows, "exporter_code", "exporter_kg", year), on=["exporter_code", "commodity_code", "at"])
        .join(_usual_unit_value(rows, year), on=["commodity_code", "at"], how="left")
        .with_columns(
            unit_value_ratio=(pl.col("unit_value_usd_per_kg") / pl.col("usual_usd_per_kg"))
            .log()
            .replace([float("inf"), float("-inf")], None),
            exporter_share_ratio=_share("importer_kg"),
            importer_share_ratio=_share("exporter_kg"),
        )
        .select(
            *FLOW_KEY,
            "log_kg",
            "unit_value_usd_per_kg",
            "unit_value_ratio",
            "months_since_last_trade",
            "exporter_share_ratio",
            "importer_share_ratio",
            "importer_kg",
        )
    )


def _kg_over_year_before(by: list[str], year: str) -> pl.Expr:
    kg = pl.col("net_weight_kg").fill_null(0.0)
    return kg.rolling_sum_by("at", window_size=year, closed="left").over(by).fill_null(0.0)


def _share(total: str) -> pl.Expr:
    return pl.when(pl.col(total) > 0).then((pl.col("route_kg") / pl.col(total)).clip(0.0, 1.0))


def _totals(rows: pl.DataFrame, side: str, name: str, year: str) -> pl.DataFrame:
    """Return what one side traded of a code over the year before each period in which it trades."""
    by = [side, "commodity_code"]
    sums = rows.group_by(*by, "at").agg(pl.col("net_weight_kg").sum()).sort(*by, "at")
    return sums.select(*by, "at", _kg_over_year_before(by, year).alias(name))


def _usual_unit_value(rows: pl.DataFrame, year: str) -> pl.DataFrame:
    """Return each code's median unit value over the year that ends with each period."""
    priced = rows.filter(pl.col("unit_value_usd_per_kg") > 0).sort("at")
    return (
        priced.group_by_dynamic("at", every="1i", period=year, closed="right", label="right", offset=f"-{year}", group_by="commodity_code")
        .agg(usual_usd_per_kg=pl.col("unit_value_usd_per_kg").median())
        .select("commodity_code", "at", "usual_usd_per_kg")
    )
