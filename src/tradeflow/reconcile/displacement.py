"""Trade that leaves one importer and turns up at its neighbour (MIRROR.md 13.9)."""

from __future__ import annotations

import numpy as np
import polars as pl

from tradeflow.reconcile.leg import Legs
from tradeflow.reconcile.share_shift import keep_largest, shift_p_values, sum_legs
from tradeflow.reconcile.shift_rows import Moves, gather_moves

_NEAREST = 4
"""Areas that count as neighbours by distance beside those over a land border: islands have none."""


def find_neighbours(borders: pl.DataFrame, areas: pl.DataFrame) -> pl.DataFrame:
    """Return area_code, neighbour_code, both ways: land borders, and each area's `_NEAREST` nearest by the capitals' distance.

    borders: area_code, neighbour_area_code. areas: those that trade at all, area_code, latitude, longitude (degrees; empty: no position).
    """
    names = ["area_code", "neighbour_code"]
    given = borders.select(pl.col("area_code").cast(pl.Int32), pl.col("neighbour_area_code").cast(pl.Int32).alias("neighbour_code"))
    near = _nearest(areas.drop_nulls(["latitude", "longitude"]))
    return pl.concat([given, given.select(neighbour_code="area_code", area_code="neighbour_code").select(names), near]).unique().sort(names)


def _nearest(areas: pl.DataFrame) -> pl.DataFrame:
    latitude, longitude = (np.radians(areas[name].to_numpy()) for name in ("latitude", "longitude"))
    half = np.sin((latitude[:, None] - latitude) / 2) ** 2
    half += np.cos(latitude[:, None]) * np.cos(latitude) * np.sin((longitude[:, None] - longitude) / 2) ** 2
    np.fill_diagonal(half, np.inf)
    order = np.argsort(half, axis=1, kind="stable")[:, :_NEAREST]
    codes = areas["area_code"].to_numpy()
    found = {"area_code": np.repeat(codes, order.shape[1]), "neighbour_code": codes[order].ravel()}
    return pl.DataFrame(found, schema={"area_code": pl.Int32, "neighbour_code": pl.Int32})


def find_displacements(legs: Legs, neighbours: pl.DataFrame) -> pl.DataFrame:
    """Return, per route and period, the neighbour from which most trade seems to have moved to the route's importer.

    Moved: the smaller of what the route carried more than its history and of what the same exporter's route to the neighbour carried less,
    so that mere growth beside a fall does not count.
    """
    rising, falling = _pair_up(legs, neighbours)
    if not len(rising):
        return gather_moves([])
    is_known = legs.is_known[rising] & legs.is_known[falling]
    moves = []
    for window, sums in sum_legs(legs.kg[rising], legs.kg[falling], is_known, first_told=legs.first_told).items():
        moved = keep_largest(np.minimum(sums.leg_kg - sums.leg_expected_kg, sums.other_expected_kg - sums.other_kg), rising)
        p = shift_p_values(sums, moved, sums.other_expected_kg - moved)
        moves.append(Moves(
            "displacement", legs, window, rising, legs.importer[falling], moved, p,
            sums.leg_kg, sums.leg_expected_kg, sums.other_kg, sums.other_expected_kg,
        ))  # fmt: skip
    return gather_moves(moves)


def _pair_up(legs: Legs, neighbours: pl.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return the places of two routes of one exporter whose importers lie beside each other."""
    routes = pl.DataFrame({"exporter": legs.exporter, "importer": legs.importer}).with_row_index("leg")
    near = neighbours.rename({"area_code": "importer", "neighbour_code": "other"})
    found = routes.join(near, on="importer").join(
        routes.rename({"importer": "other", "leg": "other_leg"}), on=["exporter", "other"]
    ).sort("leg", "other_leg")  # fmt: skip
    return found["leg"].to_numpy(), found["other_leg"].to_numpy()
