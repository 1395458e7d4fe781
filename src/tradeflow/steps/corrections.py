"""The part of reconciliation that structure adds: lags, trade without a partner, other units; with the code lists that it needs."""

from __future__ import annotations

import polars as pl

from tradeflow.contract import load_codelist
from tradeflow.settings import Watch
from tradeflow.steps.known import watched_rows
from tradeflow.steps.watch_list import watched_commodities

CORRECTIONS = ("corridor_lag", "unit_rate", "mirror_correction", "mirror_window", "unlocated_trade")


def correct_figures(
    pairs: pl.DataFrame, rows: pl.LazyFrame, watch: Watch, coverage: pl.DataFrame, commodity_coverage: pl.DataFrame
) -> dict[str, pl.DataFrame]:
    """Return the tables that stand beside `mirror_pair`; of what stays unlocated, the watched codes and the headings above them."""
    from tradeflow.reconcile import CodeLists, correct_by_structure

    lists = CodeLists(load_codelist("area"), load_codelist("quantity_unit"), load_codelist("density"))
    tables = correct_by_structure(pairs, rows, watched_rows(rows, watch), coverage, commodity_coverage, lists)
    if commodities := watched_commodities(watch):
        above = {code[:digits] for code in commodities for digits in (2, 4, 6)}
        tables["unlocated_trade"] = tables["unlocated_trade"].filter(pl.col("commodity_code").is_in(list(above)))
    return tables
