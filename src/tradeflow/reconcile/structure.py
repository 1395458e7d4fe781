"""What structure says beside the reported figures: both sides over several months, whose the unspecified trade is, what other units weigh.

Nothing here changes a reported figure. Each correction stands in a column of its own with its label.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from tradeflow.contract import load_contract
from tradeflow.reconcile.measure import ReconcileOptions
from tradeflow.reconcile.pairs import PAIR_KEY, ROUTE_NUMBER
from tradeflow.reconcile.residual import derive_unlocated_trade
from tradeflow.reconcile.units import add_converted_weights, fit_unit_rates
from tradeflow.reconcile.unspecified import reallocate_unspecified
from tradeflow.reconcile.window_score import judge_windows

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
    lags: pl.DataFrame,
    trade_flow: pl.LazyFrame,
    watched: pl.LazyFrame,
    coverage: pl.DataFrame,
    commodity_coverage: pl.DataFrame,
    lists: CodeLists,
    options: ReconcileOptions,
) -> dict[str, pl.DataFrame]:
    """Return `unit_rate`, `mirror_correction`, `mirror_window` and `unlocated_trade`, each in its contract.

    pairs, lags: `mirror_pair` and `corridor_lag`, made of `watched`. trade_flow: all rows: a whole and its parts are seldom both watched.
    """
    numbered = pairs.with_columns(pl.struct(_ROUTE).rank("dense").alias(ROUTE_NUMBER))
    rates = fit_unit_rates(watched, lists.units, lists.densities)
    shared = reallocate_unspecified(numbered, lists.areas)
    corrected = add_converted_weights(shared, watched, lists.units, rates)
    return {
        "unit_rate": rates,
        "mirror_correction": _corrections(corrected),
        "mirror_window": judge_windows(numbered, lags, coverage, commodity_coverage, options),
        "unlocated_trade": derive_unlocated_trade(trade_flow, shared, lists.areas),
    }


def _corrections(pairs: pl.DataFrame) -> pl.DataFrame:
    """Keep the pairs that something is said of."""
    told = pairs.filter(pl.col("nes_label").is_not_null() | pl.any_horizontal(pl.col(_CONVERTED).is_not_null()))
    contract = load_contract("mirror_correction")
    return told.select(pl.col(column.name).cast(column.dtype) for column in contract.columns).sort(PAIR_KEY)
