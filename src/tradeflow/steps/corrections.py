"""The part of reconciliation that structure adds: windows, trade without a partner, other units; with the code lists that it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from tradeflow.contract import load_codelist
from tradeflow.settings import Watch
from tradeflow.steps.known import watched_rows
from tradeflow.steps.watch_list import watched_commodities

if TYPE_CHECKING:
    from tradeflow.reconcile import ReconcileOptions

CORRECTIONS = ("unit_rate", "mirror_correction", "mirror_window", "unlocated_trade")


def correct_figures(
    pairs: pl.DataFrame,
    lags: pl.DataFrame,
    rows: pl.LazyFrame,
    watch: Watch,
    coverage: pl.DataFrame,
    commodity_coverage: pl.DataFrame,
    options: ReconcileOptions,
) -> dict[str, pl.DataFrame]:
    """Return the tables that stand beside `mirror_pair`; of what stays unlocated, the watched codes and the headings above them."""
    from tradeflow.reconcile import CodeLists, correct_by_structure

    lists = CodeLists(load_codelist("area"), load_codelist("quantity_unit"), load_codelist("density"))
    tables = correct_by_structure(pairs, lags, rows, watched_rows(rows, watch), coverage, commodity_coverage, lists, options)
    if commodities := watched_commodities(watch):
        above = {code[:digits] for code in commodities for digits in (2, 4, 6)}
        tables["unlocated_trade"] = tables["unlocated_trade"].filter(pl.col("commodity_code").is_in(list(above)))
    return tables
