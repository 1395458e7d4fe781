"""How long goods are on their way: in which month after their departure the importer records them, per corridor.

The importer's month is a mixture of the exporter's month and the two before it: m_t = g (w_0 x_t + w_1 x_(t-1) + w_2 x_(t-2)). The shares
w are fitted by non-negative least squares on the changes about each route's mean and then scaled to one: errors in x pull the common factor
g down and leave the shares alone, while a fit with the shares bound to one would spread them evenly. Distance decides most: a corridor
borrows from the corridors of its distance band (from its importer's where the distance is unknown), and these from all.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradeflow.reconcile.pairs import ROUTE_NUMBER, exact_sum
from tradeflow.reconcile.published import LAGS, month_number, published_months

SHARES = ["same_month_share", "next_month_share", "second_month_share"]
_BANDS_KM = [500.0, 1500.0, 4000.0, 8000.0]
"""Edges between neighbours, one region, one continent, one ocean and more."""
_PRIOR_CELLS = 200
"""Months of trade that the broader fit counts for: about what it takes until a corridor's own shares are known to a tenth."""
_CLIP = 4.0
"""A month counts as so many times the route's mean at most: one great cargo is one cargo."""
_MIN_CELLS = 6
"""Months from which a route has changes to learn from."""
_CORRIDOR = ["exporter_code", "importer_code"]
_X = [f"_x{lag}" for lag in LAGS]
_PRODUCTS = [(i, j) for i in LAGS for j in LAGS if i <= j]
_SAME_MONTH = {"_a00": 1.0, "_a11": 1.0, "_a22": 1.0, "_b0": 1.0, "_n": 1.0}
"""Where nothing at all is known: recorded in the month of departure."""
_SUMS = [*(f"_a{i}{j}" for i, j in _PRODUCTS), *(f"_b{i}" for i in LAGS), "_n"]


def fit_lag_shares(
    pairs: pl.DataFrame,
    coverage: pl.DataFrame,
    commodity_coverage: pl.DataFrame,
    distances: pl.DataFrame,
    corridors: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Return `corridor_lag` without share_spread: one row per corridor, sorted, its shares summing to one.

    pairs: as `pair_mirror_flows` returns them. distances: exporter_code, importer_code, distance_km; corridors may be absent. corridors:
    those asked for, by default those of the monthly pairs. Values are compared, not weights: they are always stated, and timing is the
    same for both.
    """
    if corridors is None:
        corridors = pairs.filter(pl.col("freq_code") == "M").select(_CORRIDOR).unique()
    corridors = corridors.sort(_CORRIDOR)
    cells = _known_cells(pairs, coverage, commodity_coverage)
    sums = corridors.join(_corridor_sums(cells), on=_CORRIDOR, how="left", maintain_order="left").with_columns(pl.col(_SUMS).fill_null(0))
    sums = _with_bands(sums, distances)
    own, broader = sums.select(_SUMS).to_numpy(), _broader_sums(sums)
    own_weight = (own[:, -1] / (own[:, -1] + _PRIOR_CELLS))[:, None]
    shares = own_weight * _solve_shares(own + _PRIOR_CELLS * broader) + (1 - own_weight) * _solve_shares(broader)
    label = (
        pl.when(pl.col("_n") >= _PRIOR_CELLS).then(pl.lit("own_months"))
        .when(pl.col("_band").is_not_null()).then(pl.lit("distance_band"))
        .otherwise(pl.lit("importer"))
    )  # fmt: skip
    fitted = sums.with_columns(
        *[pl.Series(name, shares[:, lag]) for lag, name in enumerate(SHARES)],
        pl.col("_n").cast(pl.Int64).alias("lag_observation_count"), label.alias("lag_label"),
    )  # fmt: skip
    return fitted.select(*_CORRIDOR, *SHARES, "lag_observation_count", "lag_label")


def _known_cells(pairs: pl.DataFrame, coverage: pl.DataFrame, commodity_coverage: pl.DataFrame) -> pl.DataFrame:
    """Return route, corridor, _m, _x0, _x1, _x2 of the months that both have published, 0 where nothing was traded."""
    monthly = pairs.filter(pl.col("freq_code") == "M").select(
        ROUTE_NUMBER, *_CORRIDOR, "commodity_code", month_number(pl.col("period")).alias("_month"),
        pl.col("export_value_usd").alias("_x"), pl.col("import_value_usd").alias("_m"),
    )  # fmt: skip
    cells = _lay_out_cells(_keep_two_sided(monthly.sort(ROUTE_NUMBER, "_month")))
    codes = pairs.schema["commodity_code"]
    imports, exports = (published_months(coverage, commodity_coverage, flow_code, codes) for flow_code in ("M", "X"))
    cells = imports.keep(cells, "importer_code")
    for lag in LAGS:
        cells = exports.shifted(lag).keep(cells, "exporter_code")
    return cells


def _keep_two_sided(monthly: pl.DataFrame) -> pl.DataFrame:
    """Keep the routes that both sides have reported; monthly is sorted by route."""
    route = monthly[ROUTE_NUMBER].rle_id().to_numpy()
    reports = [np.bincount(route, monthly[side].is_not_null().to_numpy()) > 0 for side in ("_x", "_m")]
    return monthly.filter(pl.Series((reports[0] & reports[1])[route]))


def _lay_out_cells(monthly: pl.DataFrame) -> pl.DataFrame:
    """Return each route's months and those into which their goods reach, with what was sent in them and before and what was recorded.

    monthly is sorted by route and month: one whole number holds both and is looked up in order, which costs a part of what joins do.
    """
    month = monthly["_month"].to_numpy()
    span = int(month.max(initial=0)) + len(LAGS)
    key = monthly[ROUTE_NUMBER].rle_id().to_numpy().astype(np.int64) * span + month
    # In order already but for the lags: sorting is far cheaper than np.unique, which hashes.
    reached = np.sort(np.concatenate([key + lag for lag in LAGS]), kind="stable")
    cell = reached[np.diff(reached, prepend=-1) != 0]
    sent, recorded = (monthly[side].fill_null(0).to_numpy() for side in ("_x", "_m"))
    amounts, row = {}, np.zeros(len(cell), np.intp)
    for lag in LAGS:
        place = np.minimum(np.searchsorted(key, cell - lag), max(len(key) - 1, 0))
        there = key[place] == cell - lag
        row[there] = place[there]
        amounts[_X[lag]] = np.where(there, sent[place], 0.0)
        if not lag:
            amounts["_m"] = np.where(there, recorded[place], 0.0)
    routes = monthly.select(ROUTE_NUMBER, *_CORRIDOR, "commodity_code")[row]
    return routes.with_columns(pl.Series("_month", cell % span), *[pl.Series(name, found) for name, found in amounts.items()])


def _corridor_sums(cells: pl.DataFrame) -> pl.DataFrame:
    """Return per corridor the sums of products of the changes, which are the normal equations, and the number of cells."""
    sent, per_route = pl.sum_horizontal(_X), [*_X, "_m"]
    enough = (pl.len() >= _MIN_CELLS) & (pl.col("_m").sum() > 0) & (sent.sum() > 0)
    scale = {**dict.fromkeys(_X, sent.mean() / len(LAGS)), "_m": pl.col("_m").mean()}
    scaled = cells.filter(enough.over(ROUTE_NUMBER)).with_columns(
        (pl.col(name) / scale[name].over(ROUTE_NUMBER)).clip(0, _CLIP) for name in per_route
    )
    changes = scaled.with_columns(pl.col(name) - pl.col(name).mean().over(ROUTE_NUMBER) for name in per_route)
    products = changes.select(
        *_CORRIDOR, *[(pl.col(_X[i]) * pl.col(_X[j])).alias(f"_a{i}{j}") for i, j in _PRODUCTS],
        *[(pl.col(_X[i]) * pl.col("_m")).alias(f"_b{i}") for i in LAGS], pl.lit(1.0).alias("_n"),
    )  # fmt: skip
    return products.group_by(_CORRIDOR).agg(exact_sum(name).alias(name) for name in _SUMS)


def _with_bands(sums: pl.DataFrame, distances: pl.DataFrame) -> pl.DataFrame:
    band = pl.sum_horizontal((pl.col("distance_km") > edge).cast(pl.Int32) for edge in _BANDS_KM)
    known = distances.drop_nulls("distance_km").select(*_CORRIDOR, band.alias("_band"))
    return sums.join(known, on=_CORRIDOR, how="left", maintain_order="left")


def _broader_sums(sums: pl.DataFrame) -> NDArray[np.float64]:
    """Return for each corridor the sums per cell of what it borrows from: its distance band, else its importer; these borrow from all."""
    root = _per_cell(sums.select(exact_sum(name).alias(name) for name in _SUMS), dict.fromkeys(_SUMS, 0.0) | _SAME_MONTH)
    broader = []
    for key in ("_band", "importer_code"):
        grouped = sums.group_by(key).agg(exact_sum(name).alias(name) for name in _SUMS)
        joined = sums.select(key).join(_per_cell(grouped, root.row(0, named=True)), on=key, how="left", maintain_order="left")
        broader.append(joined.select(_SUMS).to_numpy())
    return np.where(sums["_band"].is_not_null().to_numpy()[:, None], *broader)


def _per_cell(sums: pl.DataFrame, prior: dict[str, float]) -> pl.DataFrame:
    return sums.with_columns((pl.col(name) + _PRIOR_CELLS * prior[name]) / (pl.col("_n") + _PRIOR_CELLS) for name in _SUMS)


def _solve_shares(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Solve non-negative least squares of three unknowns for all corridors at once, by trying every set of positive unknowns."""
    normal = np.zeros((len(sums), len(LAGS), len(LAGS)))
    for place, (i, j) in enumerate(_PRODUCTS):
        normal[:, i, j] = normal[:, j, i] = sums[:, place]
    right = sums[:, len(_PRODUCTS) : -1]
    # The fit must not break where a month repeats the one before exactly.
    normal[:, LAGS, LAGS] *= 1 + 1e-6
    best, gain = np.zeros_like(right), np.zeros(len(sums))
    for chosen in (list(each) for size in (1, 2, 3) for each in combinations(LAGS, size)):
        solved = np.linalg.solve(normal[:, chosen][:, :, chosen], right[:, chosen, None])[:, :, 0]
        explained = np.where((solved >= 0).all(axis=1), (right[:, chosen] * solved).sum(axis=1), -1.0)
        is_better = explained > gain
        gain[is_better] = explained[is_better]
        best[is_better] = 0.0
        best[np.ix_(np.flatnonzero(is_better), np.array(chosen))] = solved[is_better]
    total = best.sum(axis=1, keepdims=True)
    return np.where(total > 0, best / np.where(total > 0, total, 1.0), np.array([1.0, 0.0, 0.0]))
