"""Which areas goods only pass through, where they come from and go to, and which route turned from direct to through a hub."""

from __future__ import annotations

import numpy as np
import polars as pl

from tradeflow.contract import load_contract
from tradeflow.reconcile.leg import Legs
from tradeflow.reconcile.share_shift import WINDOWS, Array, Sums, keep_largest, shift_p_values, sum_expected, sum_legs
from tradeflow.reconcile.shift_rows import Moves, gather_moves

_THROUGH_SHARE = 0.5
"""An area is a hub where at least this share of what it trades passes through, or of its exports are published as re-exports."""
_SUPPLIERS = 10
"""Origins of a hub's inflow that are looked at per commodity, the largest first."""
_FITTING_ROUNDS = 50
_CELL = ["freq_code", "period", "hub_code", "commodity_code"]


def find_hubs(pairs: pl.DataFrame, re_exports: pl.DataFrame, listed: pl.Series) -> pl.Series:
    """Return the codes of the areas that are hubs by their figures, or by the code list.

    By figures: sum over codes of min(in, out) / sum over codes of max(in, out), in kg, or published re-exports over exports, in USD: a
    maker sends out far more than it takes in, a consumer far less. re_exports: RX rows of `trade_flow`.
    """
    inward, outward = (
        pairs.group_by(pl.col(f"{side}_code").alias("area_code"), "commodity_code").agg(pl.col("balanced_net_weight_kg").sum().alias(name))
        for side, name in (("importer", "_in"), ("exporter", "_out"))
    )
    both = inward.join(outward, on=["area_code", "commodity_code"], how="full", coalesce=True).fill_null(0)
    through = both.group_by("area_code").agg(
        pl.min_horizontal("_in", "_out").sum().alias("_through"), pl.max_horizontal("_in", "_out").sum().alias("_all")
    )
    told = re_exports.group_by(pl.col("reporter_code").alias("area_code")).agg(pl.col("primary_value_usd").sum().alias("_re_exports"))
    sold = pairs.group_by(pl.col("exporter_code").alias("area_code")).agg(pl.col("export_value_usd").sum().alias("_exports"))
    shares = through.join(told, on="area_code", how="left").join(sold, on="area_code", how="left")
    is_hub = (pl.col("_through") >= _THROUGH_SHARE * pl.col("_all")) | (pl.col("_re_exports") >= _THROUGH_SHARE * pl.col("_exports"))
    by_figures = shares.filter(is_hub & (pl.col("_all") > 0))["area_code"]
    return pl.concat([by_figures, listed.cast(by_figures.dtype)]).unique().sort()


def route_through_hubs(pairs: pl.DataFrame, re_exports: pl.DataFrame, hubs: pl.Series, starts: pl.DataFrame) -> pl.DataFrame:
    """Return `hub_route`: per hub, commodity and calendar year, how much of each origin's goods went on to each destination.

    What passes through is min(in, out), out being the published re-exports where the hub publishes them; it is allocated by proportional
    fitting (RAS) in which nothing goes back to its origin. Inflow left over ends in the hub (importer_code is the hub's: a sink, or use),
    outflow left over begins there (exporter_code is the hub's: a source, or production).

    starts: freq_code, commodity_code, first_period: the years from that one's on are told.
    """
    yearly, re_exports = (_told_years(rows, starts) for rows in (pairs, re_exports))
    yearly = yearly.filter(pl.col("balanced_net_weight_kg") > 0)
    kg = pl.col("balanced_net_weight_kg").sum()
    inward = yearly.filter(pl.col("importer_code").is_in(hubs.implode())).group_by(
        "freq_code", "period", pl.col("importer_code").alias("hub_code"), "exporter_code", "commodity_code"
    ).agg(kg.alias("_in"))  # fmt: skip
    outward = _outflow(yearly, re_exports, hubs)
    totals = inward.group_by(_CELL).agg(pl.col("_in").sum().alias("_all_in"))
    totals = totals.join(outward.group_by(_CELL).agg(pl.col("_out").sum().alias("_all_out")), on=_CELL, how="full", coalesce=True)
    through = totals.with_columns(pl.min_horizontal(pl.col("_all_in", "_all_out").fill_null(0)).alias("_through"))
    fitted = _fit(inward.join(through, on=_CELL), outward.join(through, on=_CELL))
    contract = load_contract("hub_route")
    key = contract.unique_keys[0]
    rows = pl.concat([fitted, *_leftovers(inward, outward, fitted)]).filter(pl.col("through_kg") > 0)
    # Goods of the hub that came back to it and those that begin in it are one origin.
    routes = rows.group_by(key, maintain_order=True).agg(pl.col("through_kg").sum())
    return routes.select([pl.col(column.name).cast(column.dtype) for column in contract.columns]).sort(key)


def _told_years(rows: pl.DataFrame, starts: pl.DataFrame) -> pl.DataFrame:
    """Return the rows from the year of their commodity's start on; the year replaces the period."""
    told = rows.join(starts.with_columns(_year("first_period")), on=["freq_code", "commodity_code"]).with_columns(_year("period"))
    return told.filter(pl.col("period") >= pl.col("first_period"))


def _year(period: str) -> pl.Expr:
    return pl.when(pl.col(period) > 9999).then(pl.col(period) // 100).otherwise(period).cast(pl.Int32)


def _outflow(yearly: pl.DataFrame, re_exports: pl.DataFrame, hubs: pl.Series) -> pl.DataFrame:
    """Return _out per cell and destination: the published re-exports of hubs that publish any, else all exports."""
    key = ["freq_code", "period", "hub_code", "importer_code", "commodity_code"]
    told = re_exports.filter(pl.col("reporter_code").is_in(hubs.implode()) & (pl.col("partner_code") != 0) & (pl.col("net_weight_kg") > 0))
    published = told.group_by(
        "freq_code", "period", pl.col("reporter_code").alias("hub_code"), pl.col("partner_code").alias("importer_code"), "commodity_code"
    ).agg(pl.col("net_weight_kg").sum().alias("_out"))  # fmt: skip
    publishers = published["hub_code"].unique()
    others = yearly.filter(
        pl.col("exporter_code").is_in(hubs.implode()) & ~pl.col("exporter_code").is_in(publishers.implode())
    ).group_by("freq_code", "period", pl.col("exporter_code").alias("hub_code"), "importer_code", "commodity_code").agg(
        pl.col("balanced_net_weight_kg").sum().alias("_out")
    )  # fmt: skip
    return pl.concat([published.select(*key, "_out"), others.select(*key, "_out")])


def _fit(inward: pl.DataFrame, outward: pl.DataFrame) -> pl.DataFrame:
    """Fit origin by destination to both margins, each scaled to what passes through."""
    origins = inward.select(*_CELL, "exporter_code", (pl.col("_in") * pl.col("_through") / pl.col("_all_in")).alias("_row"))
    destinations = outward.select(*_CELL, "importer_code", (pl.col("_out") * pl.col("_through") / pl.col("_all_out")).alias("_column"))
    both = origins.with_row_index("_origin").join(destinations.with_row_index("_destination"), on=_CELL)
    allowed = both.filter(pl.col("exporter_code") != pl.col("importer_code"))
    places = allowed["_origin"].to_numpy(), allowed["_destination"].to_numpy()
    kg = _fit_margins(*places, origins["_row"].to_numpy(), destinations["_column"].to_numpy())
    return allowed.select(*_CELL, "exporter_code", "importer_code", pl.Series("through_kg", kg))


def _fit_margins(origin: np.ndarray, destination: np.ndarray, sent: Array, taken: Array) -> Array:
    """Return the kilograms of each allowed pair; origin and destination are its places in what each `sent` and has `taken`."""
    kg = sent[origin] * taken[destination]
    for _ in range(_FITTING_ROUNDS):
        kg = kg * _scale(sent, origin, kg)
        # The last scaling never gives a destination more than it took in, also where the margins cannot both be met.
        kg = kg * _scale(taken, destination, kg)
    found: Array = kg * np.minimum(_scale(sent, origin, kg), 1)
    return found


def _scale(margin: Array, place: np.ndarray, kg: Array) -> Array:
    """Return by how much each pair must grow for the pairs of a place to sum to its margin; 0 where they are none."""
    total = np.bincount(place, kg, len(margin))
    scale: Array = np.divide(margin, total, out=np.zeros_like(margin), where=total > 0)[place]
    return scale


def _leftovers(inward: pl.DataFrame, outward: pl.DataFrame, fitted: pl.DataFrame) -> list[pl.DataFrame]:
    found = []
    for flows, side, amount in ((inward, "exporter_code", "_in"), (outward, "importer_code", "_out")):
        other = "importer_code" if side == "exporter_code" else "exporter_code"
        placed = fitted.group_by(*_CELL, side).agg(pl.col("through_kg").sum().alias("_placed"))
        left = flows.join(placed, on=[*_CELL, side], how="left").with_columns(
            (pl.col(amount) - pl.col("_placed").fill_null(0)).alias("through_kg"), pl.col("hub_code").alias(other)
        )
        # Rounding leaves crumbs of what was placed whole.
        kept = left.filter(pl.col("through_kg") > 1e-6 * pl.col(amount))
        found.append(kept.select(fitted.columns))
    return found


def find_detours(legs: Legs, hubs: pl.Series) -> pl.DataFrame:
    """Return, per route out of a hub and period, the origin most of whose goods seem to have turned from the direct route to the hub's.

    Moved: the smaller of what origin -> hub and hub -> importer carried more than their history, less what the direct route carried more.
    The chance is the geometric mean of two: of the hub's share in the importer's supply, and of the hub's share in the origin's sales.
    """
    onward, inward, direct = _join_legs(legs, hubs)
    if not len(onward):
        return gather_moves([])
    supply, sales = legs.total_by(legs.importer), legs.total_by(legs.exporter)
    outflow, inflow = _sum_share(legs, supply, onward), _sum_share(legs, sales, inward)
    straight = np.where((direct >= 0)[:, None], legs.kg[np.maximum(direct, 0)], 0.0)
    of_direct = sum_expected(straight, legs.is_known[onward] & legs.is_known[inward], legs.first_told)
    moves = []
    for window in WINDOWS:
        out, into = outflow[window], inflow[window]
        rise_of_direct: Array = np.maximum(of_direct[window][0] - of_direct[window][1], 0)
        rise = np.minimum(out.leg_kg - out.leg_expected_kg, into.leg_kg - into.leg_expected_kg)
        moved = keep_largest(rise - rise_of_direct, onward)
        p = np.sqrt(shift_p_values(out, moved, out.other_expected_kg) * shift_p_values(into, moved, into.other_expected_kg))
        moves.append(Moves(
            "hub_detour", legs, window, onward, legs.exporter[inward], moved, p,
            out.leg_kg, out.leg_expected_kg, into.leg_kg, into.leg_expected_kg,
        ))  # fmt: skip
    return gather_moves(moves)


def _sum_share(legs: Legs, total: Array, places: np.ndarray) -> dict[int, Sums]:
    """Set the legs at `places` beside the rest of their `total`; each leg is summed once, however often it stands in `places`."""
    leg, pair, times = np.unique(places, return_inverse=True, return_counts=True)
    sums = sum_legs(legs.kg[leg], total[leg] - legs.kg[leg], legs.is_known[leg], first_told=legs.first_told, times=times)
    return {window: each.at(pair) for window, each in sums.items()}


def _join_legs(legs: Legs, hubs: pl.Series) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the places of hub -> importer, of origin -> hub, and of origin -> importer (-1: never was)."""
    size = pl.Series("kg", legs.kg.sum(axis=1))
    routes = pl.DataFrame({"exporter": legs.exporter, "importer": legs.importer, "kg": size}).with_row_index("leg")
    onward = routes.filter(pl.col("exporter").is_in(hubs.implode())).select(hub="exporter", importer="importer", onward="leg")
    into = routes.filter(pl.col("importer").is_in(hubs.implode())).sort("kg", "exporter", descending=[True, False])
    into = into.group_by("importer", maintain_order=True).head(_SUPPLIERS).select(hub="importer", origin="exporter", inward="leg")
    both = onward.join(into, on="hub").filter(pl.col("origin") != pl.col("importer"))
    direct = routes.select(origin="exporter", importer="importer", direct=pl.col("leg").cast(pl.Int64))
    found = both.join(direct, on=["origin", "importer"], how="left").sort("onward", "inward")
    return tuple(found[name].fill_null(-1).to_numpy() for name in ("onward", "inward", "direct"))  # type: ignore[return-value]
