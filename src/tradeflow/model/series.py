"""Rows become dense series: one row per series, one column per period, and "not reported yet" is never zero."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

USABLE_SHARE = 0.8
"""Share of an importer's value in a period that must carry usable weight, else the sum of the weights says too little."""
PAIR = ["importer_code", "commodity_code"]
ROUTE = ["importer_code", "exporter_code", "commodity_code"]


@dataclass(frozen=True)
class SeriesPanel:
    """Series of one frequency and level, in the order of `keys`; arrays of shape (series, periods)."""

    keys: pl.DataFrame
    periods: NDArray[np.int32]
    kg: Array
    """Net weight; 0 where the importer reported the period without this trade, NaN where nothing usable is known."""
    has_traded: Mask
    """There was trade, with or without a usable weight."""
    is_known: Mask
    """Whether there was trade is known."""


def periods_per_year(freq_code: str) -> int:
    """Return 12 for monthly and 1 for annual series."""
    return 12 if freq_code == "M" else 1


def make_calendar(freq_code: str, first: int, last: int) -> NDArray[np.int32]:
    """Return every period from `first` to `last`: YYYYMM when monthly, YYYY when annual."""
    if freq_code == "A":
        return np.arange(first, last + 1, dtype=np.int32)
    months = np.arange(first // 100 * 12 + first % 100 - 1, last // 100 * 12 + last % 100)
    return (months // 12 * 100 + months % 12 + 1).astype(np.int32)


def period_index(freq_code: str) -> pl.Expr:
    """Return the expression that counts periods without gaps: months since year 0, or the year."""
    period = pl.col("period")
    return period if freq_code == "A" else period // 100 * 12 + period % 100 - 1


def importer_panel(imports: pl.DataFrame, coverage: pl.DataFrame, births: pl.DataFrame | None, calendar: NDArray[np.int32]) -> SeriesPanel:
    """Sum each importer's routes per commodity; empty where less than USABLE_SHARE of the value carries a usable weight."""
    usable_value = pl.col("primary_value_usd").filter(pl.col("net_weight_kg").is_not_null()).sum()
    sums = imports.group_by(*PAIR, "period").agg(
        pl.col("net_weight_kg").sum(),
        is_usable=(usable_value >= USABLE_SHARE * pl.col("primary_value_usd").sum()) & pl.col("net_weight_kg").is_not_null().any(),
    )
    rows = sums.select(*PAIR, "period", net_weight_kg=pl.when("is_usable").then("net_weight_kg"))
    keys = rows.select(PAIR).unique().sort(PAIR).with_columns(exporter_code=pl.lit(0, pl.Int32))
    return _fill_panel(keys, rows, PAIR, reported_periods(keys, coverage, births, calendar), calendar)


def flow_panel(
    imports: pl.DataFrame, keys: pl.DataFrame, coverage: pl.DataFrame, births: pl.DataFrame | None, calendar: NDArray[np.int32]
) -> SeriesPanel:
    """Lay out the routes named by `keys`: importer_code, exporter_code, commodity_code."""
    return _fill_panel(keys, imports, ROUTE, reported_periods(keys, coverage, births, calendar), calendar)


def reported_periods(keys: pl.DataFrame, coverage: pl.DataFrame, births: pl.DataFrame | None, calendar: NDArray[np.int32]) -> Mask:
    """Return (keys, periods): the importer has published its imports, and the commodity's code existed."""
    reported = (
        coverage.filter(pl.col("flow_code") == "M", pl.col("coverage_status") == "reported").select("reporter_code", "period").unique()
    )
    importers = keys["importer_code"].unique().sort()
    table = np.zeros((len(importers), len(calendar)), dtype=np.bool_)
    places = reported.join(_numbered(importers.alias("reporter_code"), "row"), on="reporter_code").join(_columns(calendar), on="period")
    table[places["row"].to_numpy(), places["column"].to_numpy()] = True
    mask = table[np.searchsorted(importers.to_numpy(), keys["importer_code"].to_numpy())]
    if births is not None:
        earliest = births.group_by(PAIR).agg(pl.col("first_period").min())
        first = keys.join(earliest, on=PAIR, how="left", maintain_order="left")["first_period"].fill_null(0).to_numpy()
        mask &= calendar[None, :] >= first[:, None]
    return mask


def _fill_panel(keys: pl.DataFrame, rows: pl.DataFrame, on: list[str], reported: Mask, calendar: NDArray[np.int32]) -> SeriesPanel:
    places = rows.join(keys.select(on).with_row_index("row"), on=on).join(_columns(calendar), on="period")
    at = (places["row"].to_numpy(), places["column"].to_numpy())
    kg = np.where(reported, 0.0, np.nan)
    kg[at] = places["net_weight_kg"].cast(pl.Float64).fill_null(np.nan).to_numpy()
    has_traded = np.zeros(kg.shape, dtype=np.bool_)
    has_traded[at] = True
    has_traded &= ~(kg == 0)
    return SeriesPanel(keys, calendar, kg, has_traded, reported | has_traded)


def _columns(calendar: NDArray[np.int32]) -> pl.DataFrame:
    return _numbered(pl.Series("period", calendar, dtype=pl.Int32), "column")


def _numbered(values: pl.Series, name: str) -> pl.DataFrame:
    return values.to_frame().with_row_index(name)
