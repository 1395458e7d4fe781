"""The order of reconciliation: pair, one basis, one time, fit what is usual, score, absence."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

from tradeflow.contract import load_contract
from tradeflow.reconcile.absence import explain_missing_sides
from tradeflow.reconcile.distance import measure_distances
from tradeflow.reconcile.gap_sample import choose_commodities
from tradeflow.reconcile.lag import SHARES, fit_lag_shares
from tradeflow.reconcile.margin import known_margin, valuation_basis
from tradeflow.reconcile.measure import ReconcileOptions
from tradeflow.reconcile.months import read_calendar
from tradeflow.reconcile.pairs import ROUTE_NUMBER, pair_mirror_flows
from tradeflow.reconcile.published import month_number
from tradeflow.reconcile.reporter_table import reporter_rows
from tradeflow.reconcile.sampled_fit import fit_to_sample
from tradeflow.reconcile.scale import mark_weights_out_of_scale
from tradeflow.reconcile.score import score_sides
from tradeflow.reconcile.scored_columns import asymmetry_columns, score_columns
from tradeflow.reconcile.sides import Sides, read_sides
from tradeflow.reconcile.timing import align_sides, fit_timing

__all__ = ["ReconcileOptions", "reconcile_trade_flow"]

_NO_DISTANCES = pl.DataFrame(schema={"exporter_code": pl.Int32, "importer_code": pl.Int32, "distance_km": pl.Float64})
_MARKET = ["freq_code", "period", "commodity_code"]


def reconcile_trade_flow(
    trade_flow: pl.LazyFrame,
    coverage: pl.DataFrame,
    commodity_coverage: pl.DataFrame,
    fob_reporters: pl.Series,
    options: ReconcileOptions,
    area_list: pl.DataFrame | None = None,
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Return (`mirror_pair`, `reporter_reliability`, `corridor_lag`), sorted by their keys.

    fob_reporters: codes of the areas whose imports are published FOB. area_list: the code list, by whose places corridors without trade
    enough of their own borrow the time that goods take.
    """
    pairs = mark_weights_out_of_scale(pair_mirror_flows(trade_flow))
    areas = pl.concat([pairs["exporter_code"], pairs["importer_code"]]).unique().sort()
    chapters = pairs["commodity_code"].cast(pl.String).str.head(2).unique().sort()
    sides = _read_pairs(pairs, areas, chapters, fob_reporters)
    sides, lags = _align(pairs, sides, areas, coverage, commodity_coverage, area_list, options)
    model = fit_to_sample(sides, areas, options)
    scored = pairs.hstack(score_columns(sides, score_sides(sides, model))).with_columns(valuation_basis(fob_reporters))
    scored = scored.with_columns(_label_left_out(side) for side in ("export", "import"))
    explained = explain_missing_sides(scored, coverage, commodity_coverage, options.threshold_usd)
    return (
        _in_contract(explained.with_columns(*asymmetry_columns()), "mirror_pair"),
        _in_contract(reporter_rows(sides, model, chapters), "reporter_reliability").sort(
            "reporter_code", "flow_code", "measure", "product_group"
        ),
        lags,
    )


def _read_pairs(pairs: pl.DataFrame, areas: pl.Series, chapters: pl.Series, fob_reporters: pl.Series) -> Sides:
    """A weight that is out of scale for its route is no evidence about weight."""
    commodities = pairs["commodity_code"].unique().sort()
    given = pairs.with_columns(
        *[
            pl.when(~pl.col(f"is_{side}_weight_out_of_scale")).then(pl.col(f"{side}_net_weight_kg")).alias(f"{side}_net_weight_kg")
            for side in ("export", "import")
        ],
        pl.col("commodity_code").cast(pl.String).str.head(2).alias("product_group"),
        pl.struct(_MARKET).rank("dense").alias("market"),
    )
    sides = read_sides(given, areas, commodities, chapters, known_margin(fob_reporters))
    return replace(sides, route=pairs[ROUTE_NUMBER].to_numpy().astype(np.intp))


def _label_left_out(side: str) -> pl.Expr:
    """Say of a weight that was left out before it was scored that it was."""
    name = f"{side}_weight_label"
    return pl.when(f"is_{side}_weight_out_of_scale").then(pl.lit("out_of_scale")).otherwise(pl.col(name).cast(pl.String)).alias(name)


def _align(
    pairs: pl.DataFrame,
    sides: Sides,
    areas: pl.Series,
    coverage: pl.DataFrame,
    commodity_coverage: pl.DataFrame,
    area_list: pl.DataFrame | None,
    options: ReconcileOptions,
) -> tuple[Sides, pl.DataFrame]:
    """Bring the months in which goods arrive to that in which they left, on corridors that take longer than a month's end.

    Also returns `corridor_lag`, of the corridors with months.
    """
    monthly = pl.when(pl.col("freq_code") == "M").then(month_number(pl.col("period"))).otherwise(-1)
    months = pairs.select(monthly.cast(pl.Int64)).to_series().to_numpy().astype(np.intp)
    if not (months >= 0).any():
        return sides, load_contract("corridor_lag").empty_frame()
    # Of the annual pairs too: every pair looks its corridor up.
    corridors = pairs.select("exporter_code", "importer_code").unique()
    distances = _NO_DISTANCES if area_list is None else measure_distances(corridors, area_list)
    shares = fit_lag_shares(pairs, coverage, commodity_coverage, distances, corridors)
    commodities = pairs["commodity_code"].unique().sort()
    calendar = read_calendar(coverage, commodity_coverage, areas, commodities)
    places = [areas.search_sorted(shares[side]).to_numpy().astype(np.intp) for side in ("exporter_code", "importer_code")]
    keys, by_lag = places[0] * len(areas) + places[1], shares.select(SHARES).to_numpy()
    chosen = choose_commodities(np.bincount(sides.commodity, minlength=len(commodities)))[sides.commodity] & (months >= 0)
    timing = fit_timing(sides.take(chosen), months[chosen], calendar, keys, by_lag, len(areas), len(commodities), options)
    lags = shares.join(pairs.filter(months >= 0), on=corridors.columns, how="semi").with_columns(
        pl.lit(None if timing is None else timing.spread, pl.Float64).alias("share_spread")
    )
    return (sides if timing is None else align_sides(sides, months, calendar, timing)), lags


def _in_contract(frame: pl.DataFrame, name: str) -> pl.DataFrame:
    return frame.select([pl.col(column.name).cast(column.dtype) for column in load_contract(name).columns])
