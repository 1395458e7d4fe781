"""Which areas goods only pass through, where they come from and go to, and which route turned from direct to through a hub."""

from __future__ import annotations

import numpy as np
import polars as pl

from tradeflow.contract import load_contract
from tradeflow.reconcile.leg import Legs
from tradeflow.reconcile.share_shift import WINDOWS, Array, keep_largest, shift_p_values, sum_legs
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


def route_through_hubs(pairs: pl.DataFrame, re_exports: pl.DataFrame, hubs: pl.Series) -> pl.DataFrame:
    """Return `hub_route`: per hub, commodity and calendar year, how much of each origin's goods went on to each destination.

    What passes through is min(in, out), out being the published re-exports where the hub publishes them; it is allocated by proportional
    fitting (RAS) in which nothing goes back to its origin. Inflow left over ends in the hub (importer_code is the hub's: a sink, or use),
    outflow left over begins there (exporter_code is the hub's: a source, or production).
    """
    yearly = pairs.with_columns(_year().alias("period")).filter(pl.col("balanced_net_weight_kg") > 0)
    kg = pl.col("balanced_net_weight_kg").sum()
    inward = yearly.filter(pl.col("importer_code").is_in(hubs.implode())).group_by(
        "freq_code", "period", pl.col("importer_code").alias("hub_code"), "exporter_code", "commodity_code"
    ).agg(kg.alias("_in"))  # fmt: skip
    outward = _outflow(yearly, re_exports, hubs)
    totals = inward.group_by(_CELL).agg(pl.col("_in").sum().alias("_all_in"))
    totals = totals.join(outward.group_by(_CELL).agg(pl.col("_out").sum().alias("_all_out")), on=_CELL, how="full", coalesce=True)
    through = totals.with_columns(pl.min_horizontal(pl.col("_all_in", "_all_out").fill_null(0)).alias("_through"))
    fitted = _fit(inward.join(through, on=_CELL), outward.join(through, on=_CELL))
    rows = pl.concat([fitted, *_leftovers(inward, outward, fitted)]).filter(pl.col("through_kg") > 0)
    contract = load_contract("hub_route")
    return rows.select([pl.col(column.name).cast(column.dtype) for column in contract.columns]).sort(contract.unique_keys[0])


def _year() -> pl.Expr:
    return pl.when(pl.col("period") > 9999).then(pl.col("period") // 100).otherwise("period").cast(pl.Int32)


def _outflow(yearly: pl.DataFrame, re_exports: pl.DataFrame, hubs: pl.Series) -> pl.DataFrame:
    """Return _out per cell and destination: the published re-exports of hubs that publish any, else all exports."""
    key = ["freq_code", "period", "hub_code", "importer_code", "commodity_code"]
    told = re_exports.filter(pl.col("reporter_code").is_in(hubs.implode()) & (pl.col("partner_code") != 0) & (pl.col("net_weight_kg") > 0))
    published = told.with_columns(_year().alias("period")).group_by(
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
    rows = inward.select(*_CELL, "exporter_code", (pl.col("_in") * pl.col("_through") / pl.col("_all_in")).alias("_row")).join(
        outward.select(*_CELL, "importer_code", (pl.col("_out") * pl.col("_through") / pl.col("_all_out")).alias("_column")), on=_CELL
    )
    fitted = rows.filter(pl.col("exporter_code") != pl.col("importer_code")).with_columns(
        (pl.col("_row") * pl.col("_column")).alias("through_kg")
    )
    kg = pl.col("through_kg")
    for _ in range(_FITTING_ROUNDS):
        fitted = fitted.with_columns((kg * pl.col("_row") / kg.sum().over(*_CELL, "exporter_code")).fill_nan(0))
        # The last scaling never gives a destination more than it took in, also where the margins cannot both be met.
        scale = (pl.col("_column") / kg.sum().over(*_CELL, "importer_code")).fill_nan(0)
        fitted = fitted.with_columns(kg * scale)
    scale = (pl.col("_row") / kg.sum().over(*_CELL, "exporter_code")).fill_nan(0).clip(0, 1)
    return fitted.with_columns(kg * scale).select(*_CELL, "exporter_code", "importer_code", "through_kg")


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
    straight = np.where((direct >= 0)[:, None], legs.kg[np.maximum(direct, 0)], 0.0)
    moves = []
    for window in WINDOWS:
        out = sum_legs(legs.kg[onward], supply[onward] - legs.kg[onward], legs.is_known[onward], window)
        into = sum_legs(legs.kg[inward], sales[inward] - legs.kg[inward], legs.is_known[inward], window)
        past_and_now = sum_legs(straight, straight, legs.is_known[onward] & legs.is_known[inward], window)
        rise_of_direct: Array = np.maximum(past_and_now.leg_kg - past_and_now.leg_expected_kg, 0)
        rise = np.minimum(out.leg_kg - out.leg_expected_kg, into.leg_kg - into.leg_expected_kg)
        moved = keep_largest(rise - rise_of_direct, onward)
        p = np.sqrt(shift_p_values(out, moved, out.other_expected_kg) * shift_p_values(into, moved, into.other_expected_kg))
        moves.append(Moves(
            "hub_detour", legs, window, onward, legs.exporter[inward], moved, p,
            out.leg_kg, out.leg_expected_kg, into.leg_kg, into.leg_expected_kg,
        ))  # fmt: skip
    return gather_moves(moves)


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
