"""Which months of which reporter and code are known: what tells a month without trade from one that nobody has published yet."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

LAGS = (0, 1, 2)
"""Months after its departure in which a cargo may be recorded as arrived."""


def month_number(period: pl.Expr) -> pl.Expr:
    """Months since the year 0 of a monthly period (YYYYMM): consecutive months differ by one."""
    wide = period.cast(pl.Int64)
    return wide // 100 * 12 + wide % 100 - 1


@dataclass(frozen=True)
class PublishedMonths:
    """Months that are known of one direction: by reporter (reporter_code, _month) and by code (commodity_code, _month)."""

    reporter: pl.DataFrame
    commodity: pl.DataFrame

    def shifted(self, months: int) -> PublishedMonths:
        """Return the months so many months later."""
        later = (pl.col("_month") + months).alias("_month")
        return PublishedMonths(self.reporter.with_columns(later), self.commodity.with_columns(later))

    def keep(self, cells: pl.DataFrame, side: str) -> pl.DataFrame:
        """Return the cells (`side` names the reporter's column, commodity_code, _month) that are known."""
        known = cells.join(self.reporter, left_on=[side, "_month"], right_on=["reporter_code", "_month"], how="semi", maintain_order="left")
        return known.join(self.commodity, on=["commodity_code", "_month"], how="semi", maintain_order="left")

    def mark(self, cells: pl.DataFrame, side: str, name: str) -> pl.DataFrame:
        """Add the boolean column `name`: whether the cell's month is known."""
        reporter = self.reporter.rename({"reporter_code": side}).with_columns(pl.lit(value=True).alias("_by_reporter"))
        commodity = self.commodity.with_columns(pl.lit(value=True).alias("_by_commodity"))
        joined = cells.join(reporter, on=[side, "_month"], how="left", maintain_order="left")
        joined = joined.join(commodity, on=["commodity_code", "_month"], how="left", maintain_order="left")
        both = pl.col("_by_reporter").fill_null(value=False) & pl.col("_by_commodity").fill_null(value=False)
        return joined.with_columns(both.alias(name)).drop("_by_reporter", "_by_commodity")


def published_months(coverage: pl.DataFrame, commodity_coverage: pl.DataFrame, flow_code: str, commodities: pl.DataType) -> PublishedMonths:
    """Read the months of one direction from `coverage` and `commodity_coverage`; `commodities` is the type of the codes in the pairs."""
    of_flow = (pl.col("flow_code") == flow_code) & (pl.col("freq_code") == "M")
    month = month_number(pl.col("period")).alias("_month")
    reported = coverage.filter(of_flow & (pl.col("coverage_status") == "reported")).select("reporter_code", month)
    covered = commodity_coverage.filter(of_flow).select(pl.col("commodity_code").cast(commodities, strict=False), month)
    return PublishedMonths(reported.unique(), covered.drop_nulls().unique())
