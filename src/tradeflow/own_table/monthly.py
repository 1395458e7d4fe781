"""A table with months among its periods: who reports in which, how long goods are on their way, and both sides at one time."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import polars as pl

from tradeflow.own_table.partition import KeySpace
from tradeflow.reconcile.lag import SHARES, fit_lag_shares
from tradeflow.reconcile.measure import ReconcileOptions
from tradeflow.reconcile.months import Calendar, read_calendar
from tradeflow.reconcile.pairs import ROUTE_NUMBER
from tradeflow.reconcile.published import month_number
from tradeflow.reconcile.sides import Floats, Ints, Sides
from tradeflow.reconcile.timing import Timing, align_sides, fit_timing

_MONTH = r"^(\d{4})-?M?(0[1-9]|1[0-2])$"


def read_months(periods: pl.Series) -> pl.Series | None:
    """Return each label of a period as YYYYMM, null where it is no month (202401, 2024-01 and 2024M01 are); None where none is."""
    parts = periods.str.extract_groups(_MONTH).struct
    months = (parts.field("1") + parts.field("2")).cast(pl.Int32).alias("period")
    return None if months.null_count() == len(months) else months


def number_months(months: pl.Series) -> Ints:
    """Return the month number of each YYYYMM, -1 where it is null."""
    return months.to_frame().select(month_number(pl.col("period")).fill_null(-1)).to_series().to_numpy().astype(np.intp)


@dataclass
class Coverage:
    """Which months each area and each commodity is reported in, in the columns of contract `coverage`; gathered part by part."""

    months: pl.Series
    of_areas: list[pl.DataFrame] = field(default_factory=list)
    of_commodities: list[pl.DataFrame] = field(default_factory=list)

    def add(self, pairs: pl.DataFrame) -> None:
        """Take one part's pairs."""
        for flow_code, value, reporter in (("X", "export_value_usd", "exporter"), ("M", "import_value_usd", "importer")):
            told = pairs.filter(pl.col(value).is_not_nan())
            flow = pl.lit(flow_code).alias("flow_code")
            self.of_areas.append(told.select(flow, pl.col(reporter).alias("reporter_code"), "period").unique())
            self.of_commodities.append(told.select(flow, pl.col("commodity").alias("commodity_code"), "period").unique())

    def read(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return all that was gathered, of areas and of commodities."""
        frames = [pl.concat(parts).unique().with_columns(pl.lit("M").alias("freq_code")) for parts in (self.of_areas, self.of_commodities)]
        areas, commodities = (frame.with_columns(self.months.gather(frame["period"])).drop_nulls("period") for frame in frames)
        return areas.with_columns(pl.lit("reported").alias("coverage_status")), commodities


@dataclass(frozen=True)
class Lags:
    """How the months of a table are brought together.

    number: month number by the period's place in the table's labels, -1 of a period that is no month.
    """

    number: Ints
    calendar: Calendar
    timing: Timing

    def align(self, sides: Sides, pairs: pl.DataFrame) -> Sides:
        """Return the sides of `pairs` with what the importer recorded of each month's goods."""
        return align_sides(sides, self.number[pairs["period"].to_numpy()], self.calendar, self.timing)

    def shares(self, sides: Sides) -> Floats:
        """Return the shares by which each pair's goods arrive [pairs, lags]."""
        return self.timing.shares[self.timing.place(sides)]


def fit_lags(
    markets: Sides,
    pairs: pl.DataFrame,
    coverage: Coverage,
    space: KeySpace,
    corridor_keys: Ints,
    distance_km: Floats | None,
    options: ReconcileOptions,
) -> Lags | None:
    """Fit how long goods are on their way; None where nothing is recorded later than it left. pairs: those of `markets`."""
    of_areas, of_commodities = coverage.read()
    numbers = number_months(coverage.months)
    calendar = read_calendar(
        of_areas, of_commodities, pl.Series(range(space.areas), dtype=pl.Int32), pl.Series(range(space.commodities), dtype=pl.Int32)
    )
    routes = _as_routes(pairs, coverage.months)
    corridors = pl.DataFrame({"exporter_code": corridor_keys // space.areas, "importer_code": corridor_keys % space.areas}).cast(pl.Int32)
    known = corridors.with_columns(pl.Series("distance_km", distance_km, pl.Float64).fill_nan(None)) if distance_km is not None else None
    none = corridors.clear().with_columns(pl.lit(None, pl.Float64).alias("distance_km"))
    fitted = fit_lag_shares(routes, of_areas, of_commodities, none if known is None else known, corridors)
    shares = fitted.select(SHARES).to_numpy()
    timing = fit_timing(
        markets, numbers[pairs["period"].to_numpy()], calendar, corridor_keys, shares, space.areas, space.commodities, options
    )
    return None if timing is None else Lags(numbers, calendar, timing)


def _as_routes(pairs: pl.DataFrame, months: pl.Series) -> pl.DataFrame:
    """Return the months' pairs under the names that a lag is fitted on."""
    return pairs.select(
        pl.lit("M").alias("freq_code"),
        pl.struct("exporter", "importer", "commodity").rle_id().alias(ROUTE_NUMBER),
        pl.col("exporter").alias("exporter_code"),
        pl.col("importer").alias("importer_code"),
        pl.col("commodity").alias("commodity_code"),
        months.gather(pairs["period"]).alias("period"),
        pl.col("export_value_usd", "import_value_usd").fill_nan(None),
    ).drop_nulls("period")
