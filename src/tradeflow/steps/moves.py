"""The part of reconciliation that the code lists join in: neighbours, hubs, and which code of a family is the stricter one."""

from __future__ import annotations

import polars as pl

from tradeflow.contract import load_codelist


def trace_moves(pairs: pl.DataFrame, rows: pl.LazyFrame, coverage: pl.DataFrame, starts: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Return `share_shift` and `hub_route` of named areas, of the periods from each commodity's start on; all others are history.

    pairs: `mirror_pair`. rows: the `trade_flow` rows that the run watches. starts: see `find_window_starts`.
    """
    from tradeflow.reconcile import find_hubs, find_neighbours, find_share_shifts, find_step_downs, route_through_hubs

    areas = load_codelist("area")
    named = areas.filter(pl.col("area_class") != "pool")
    re_exports = rows.filter((pl.col("flow_code") == "RX") & pl.col("partner_code").is_in(named["area_code"].implode())).collect()
    hubs = find_hubs(pairs, re_exports, areas.filter("is_reexport_hub")["area_code"])
    trading = areas.filter(pl.col("area_code").is_in(pairs["importer_code"].unique().implode()))
    neighbours = find_neighbours(load_codelist("border"), trading)
    step_downs = find_step_downs(load_codelist("substance"))
    starts = starts.select("freq_code", "commodity_code", first_period="_calibration_start")
    return {
        "share_shift": find_share_shifts(pairs, coverage, starts, neighbours, hubs, step_downs),
        "hub_route": route_through_hubs(pairs, re_exports, hubs, starts),
    }
