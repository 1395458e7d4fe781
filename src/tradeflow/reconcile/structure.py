"""What structure says beside the reported figures: when goods arrive, whose the unspecified trade is, what other units weigh.

Nothing here changes a reported figure. Each correction stands in a column of its own with its label.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from tradeflow.contract import load_contract
from tradeflow.reconcile.alignment import align_periods
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
_ALIGNED = {
    "import_fob_value_usd": ("import_aligned_value_usd", "timing_value_log_variance"),
    "_import_kg": ("import_aligned_net_weight_kg", "timing_net_weight_log_variance"),
}
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
    corrected = add_converted_weights(_align(shared, shares, coverage, commodity_coverage), watched, lists.units, rates)
    return {
        "corridor_lag": shares,
        "unit_rate": rates,
        "mirror_correction": _corrections(corrected),
        "mirror_window": _newest_windows(numbered, shares, coverage, commodity_coverage),
        "unlocated_trade": derive_unlocated_trade(trade_flow, shared, lists.areas),
    }


def _align(pairs: pl.DataFrame, shares: pl.DataFrame, coverage: pl.DataFrame, commodity_coverage: pl.DataFrame) -> pl.DataFrame:
    in_scale = pl.when(~pl.col("is_import_weight_out_of_scale")).then(pl.col("import_net_weight_kg"))
    pairs = pairs.with_columns(in_scale.alias("_import_kg"))
    for imported, (aligned, variance) in _ALIGNED.items():
        names = {"_aligned": aligned, "_timing_variance": variance}
        pairs = align_periods(pairs.drop("alignment_label", strict=False), shares, coverage, commodity_coverage, imported).rename(names)
    return pairs


def _corrections(pairs: pl.DataFrame) -> pl.DataFrame:
    """Keep the pairs that something is said of."""
    gap = (pl.col("import_aligned_net_weight_kg") / pl.col("export_net_weight_kg")).log()
    change = pl.when(~pl.col("is_export_weight_out_of_scale")).then(gap - pl.col("corridor_gap_log"))
    is_aligned = (pl.col("freq_code") == "M") & pl.col("import_aligned_value_usd").is_not_null()
    told = pairs.filter(is_aligned | pl.col("nes_label").is_not_null() | pl.any_horizontal(pl.col(_CONVERTED).is_not_null()))
    contract = load_contract("mirror_correction")
    changed = told.with_columns(change.alias("corridor_change_aligned_log"))
    return changed.select(pl.col(column.name).cast(column.dtype) for column in contract.columns).sort(PAIR_KEY)


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
