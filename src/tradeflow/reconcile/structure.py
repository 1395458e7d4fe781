"""What structure says beside the reported figures: how long goods take, whose the unspecified trade is, what other units weigh.

Nothing here changes a reported figure. Each correction stands in a column of its own with its label.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from tradeflow.contract import load_contract
from tradeflow.reconcile.distance import measure_distances
from tradeflow.reconcile.lag import fit_lag_shares
from tradeflow.reconcile.pairs import PAIR_KEY, ROUTE_NUMBER
from tradeflow.reconcile.published import LAGS, month_number
from tradeflow.reconcile.residual import derive_unlocated_trade
from tradeflow.reconcile.units import add_converted_weights, fit_unit_rates
from tradeflow.reconcile.unspecified import reallocate_unspecified
from tradeflow.reconcile.window import sum_windows

WINDOW_MONTHS = (3, 6, 12)
_ROUTE = ["freq_code", "exporter_code", "importer_code", "commodity_code"]
_CONVERTED = [f"{side}_converted_kg" for side in ("export", "import")]


@dataclass(frozen=True)
class CodeLists:
    """The code lists of areas, of units of quantity and of densities."""

    areas: pl.DataFrame
    units: pl.DataFrame
    densities: pl.DataFrame


def correct_by_structure(
    pairs: pl.DataFrame,
    trade_flow: pl.LazyFrame,
    watched: pl.LazyFrame,
    coverage: pl.DataFrame,
    commodity_coverage: pl.DataFrame,
    lists: CodeLists,
) -> dict[str, pl.DataFrame]:
    """Return `corridor_lag`, `unit_rate`, `mirror_correction`, `mirror_window` and `unlocated_trade`, each in its contract.

    pairs: `mirror_pair`, made of `watched`. trade_flow: all rows: a whole and its parts are seldom both watched.
    """
    numbered = pairs.with_columns(pl.struct(_ROUTE).rank("dense").alias(ROUTE_NUMBER))
    distances = measure_distances(pairs.select("exporter_code", "importer_code").unique(), lists.areas)
    shares = fit_lag_shares(numbered, coverage, commodity_coverage, distances)
    rates = fit_unit_rates(watched, lists.units, lists.densities)
    shared = reallocate_unspecified(numbered, lists.areas)
    corrected = add_converted_weights(shared, watched, lists.units, rates)
    return {
        "corridor_lag": shares,
        "unit_rate": rates,
        "mirror_correction": _corrections(corrected),
        "mirror_window": _newest_windows(numbered, shares, coverage, commodity_coverage),
        "unlocated_trade": derive_unlocated_trade(trade_flow, shared, lists.areas),
    }


def _corrections(pairs: pl.DataFrame) -> pl.DataFrame:
    """Keep the pairs that something is said of."""
    told = pairs.filter(pl.col("nes_label").is_not_null() | pl.any_horizontal(pl.col(_CONVERTED).is_not_null()))
    contract = load_contract("mirror_correction")
    return told.select(pl.col(column.name).cast(column.dtype) for column in contract.columns).sort(PAIR_KEY)


def _newest_windows(pairs: pl.DataFrame, shares: pl.DataFrame, coverage: pl.DataFrame, commodity_coverage: pl.DataFrame) -> pl.DataFrame:
    """Sum the windows that end in the newest month of which both sides of a code report something."""
    both = pl.col("export_value_usd").is_not_null().any() & pl.col("import_value_usd").is_not_null().any()
    monthly = pairs.filter(pl.col("freq_code") == "M").with_columns(month_number(pl.col("period")).alias("_month"))
    newest = monthly.group_by("commodity_code", "_month").agg(both.alias("_both")).filter("_both")
    newest = newest.group_by("commodity_code").agg(pl.col("_month").max().alias("_newest"))
    age = pl.col("_newest") - pl.col("_month")
    recent = monthly.join(newest, on="commodity_code").filter(age.is_between(0, max(WINDOW_MONTHS) + max(LAGS)))
    ends = recent.filter(age == 0).select("commodity_code", "period").unique()
    windows = [sum_windows(recent.drop("_month"), shares, coverage, commodity_coverage, months) for months in WINDOW_MONTHS]
    return pl.concat(windows).join(ends, on=["commodity_code", "period"], how="semi").sort(*PAIR_KEY, "window_months")
