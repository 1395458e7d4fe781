"""How strange both sides' sums over several months are: what is usual of them is learnt from the windows before, as it is of the months.

What arrived a month later cancels in a sum and what never arrived adds up, so a window has a habit, a scatter and tails of its own.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

from tradeflow.contract import load_contract
from tradeflow.reconcile.measure import ReconcileOptions
from tradeflow.reconcile.pairs import PAIR_KEY, ROUTE_NUMBER
from tradeflow.reconcile.sampled_fit import fit_to_sample
from tradeflow.reconcile.score import score_sides
from tradeflow.reconcile.sides import AlignedImports, Floats, Sides, read_sides
from tradeflow.reconcile.window import addable_months, sum_windows

WINDOW_MONTHS = (3, 6, 12)
_LARGEST_TRANSIT_VARIANCE = 1.0
"""Of the log of a sum: where so much of it is in transit the window says nothing."""


def judge_windows(
    pairs: pl.DataFrame, lags: pl.DataFrame, coverage: pl.DataFrame, commodity_coverage: pl.DataFrame, options: ReconcileOptions
) -> pl.DataFrame:
    """Return `mirror_window`: each route's newest windows of `WINDOW_MONTHS`, sorted by the key.

    pairs: `mirror_pair` with ROUTE_NUMBER. A window has a z where both sides have published all its months and both report the route.
    """
    reported, judged = addable_months(pairs), []
    for months in WINDOW_MONTHS:
        windows = sum_windows(reported, lags, coverage, commodity_coverage, months)
        judged.append(_judge(windows, options).filter(pl.col("windows_ago") == 0))
    contract = load_contract("mirror_window")
    return pl.concat(judged).select(pl.col(column.name).cast(column.dtype) for column in contract.columns).sort(*PAIR_KEY, "window_months")


def _judge(windows: pl.DataFrame, options: ReconcileOptions) -> pl.DataFrame:
    is_whole = pl.col("window_label") == "whole"
    numbered = windows.with_row_index("_row")
    whole = numbered.filter(is_whole)
    figures = {name: np.full(windows.height, np.nan) for name in ("window_value_z", "window_weight_z", "window_shortfall_p_value")}
    if whole.height:
        areas = pl.concat([whole["exporter_code"], whole["importer_code"]]).unique().sort()
        sides = _as_sides(whole, areas)
        newest = np.flatnonzero(whole["windows_ago"].to_numpy() == 0)
        scores = score_sides(sides, fit_to_sample(sides, areas, options), newest)
        rows = whole["_row"].to_numpy()[newest]
        for name, figure in zip(figures, (scores.z_value, scores.z_kg, scores.p_value), strict=True):
            figures[name][rows] = figure
    return windows.with_columns(pl.Series(name, figure).fill_nan(None) for name, figure in figures.items())


def _as_sides(windows: pl.DataFrame, areas: pl.Series) -> Sides:
    """Set what arrives within each window by the exporter's word beside what the importer recorded in it."""
    commodity = pl.col("commodity_code").cast(pl.String)
    arriving = [
        (pl.col(f"window_export_{m}") - pl.col(f"in_transit_end_{m}") + pl.col(f"in_transit_start_{m}")).alias(f"export_{m}")
        for m in ("value_usd", "net_weight_kg")
    ]
    given = windows.with_columns(
        *arriving,
        pl.col("window_import_value_usd").alias("import_value_usd"),
        pl.col("window_import_net_weight_kg").alias("import_net_weight_kg"),
        commodity,
        commodity.str.head(2).alias("product_group"),
        pl.struct(commodity, -pl.col("windows_ago").cast(pl.Int64)).rank("dense").alias("market"),
    ).with_columns(pl.when("is_weighed").then(pl.col("export_net_weight_kg", "import_net_weight_kg")))
    commodities, chapters = (given[name].unique().sort() for name in ("commodity_code", "product_group"))
    sides = read_sides(given, areas, commodities, chapters, pl.lit(0.0))
    return _with_transit(replace(sides, route=windows[ROUTE_NUMBER].to_numpy().astype(np.intp)), windows)


def _with_transit(sides: Sides, windows: pl.DataFrame) -> Sides:
    """Add what goods in transit at the ends of a window add to the variance of the log of its sum."""
    usd, kg = (
        _log_variance(windows[f"transit_variance_{name}"].to_numpy(), amount)
        for name, amount in (("value_usd", sides.export_usd), ("net_weight_kg", sides.export_kg))
    )
    both = ((usd, sides.import_usd), (kg, sides.import_kg))
    compared = [np.where(variance > _LARGEST_TRANSIT_VARIANCE, np.nan, amount) for variance, amount in both]
    label = np.zeros(sides.size, np.uint8)
    return replace(sides, aligned=AlignedImports(compared[0], compared[1], np.nan_to_num(usd), np.nan_to_num(kg), label))


def _log_variance(variance: Floats, amount: Floats) -> Floats:
    found: Floats = variance / amount**2
    return found
