"""Trade that one side wrote down under another partner: a surplus on e -> h that is as large as what i alone reports from e.

Exports known only by their first port are booked to a hub; the importer names the true origin. The key is the triangle: the same
exporter, commodity and period, a surplus of the exporter's figure at the hub, and an importer whose report has no mirror.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from tradeflow.reconcile.calibration import Calibration, Standardised
from tradeflow.reconcile.sides import ALIGNMENTS, Floats, Ints, Sides

_LEAST_DEVIATION = 1.5
"""Standard deviations of surplus from which an explanation is looked for."""
_SURE = 0.5
"""Chance from which the match is taken as the explanation."""
_COMMON_SHARE = 0.1
"""Part of the outliers that all reporters show alike which may be misattributed trade."""
NONE, EXPORTS, IMPORTS = 0, 1, 2


@dataclass(frozen=True)
class Match:
    """What explains a pair's gap: nothing, exports or imports booked here that belong to another partner, and how large they are."""

    kind: Ints
    partner: Ints
    """Place of the area that reports the trade without a mirror; -1 where there is none."""
    usd: Floats
    kg: Floats
    probability: Floats
    """Chance that this is the explanation, among chance, habit, an anomaly and the other candidates; 0 where there is none."""


def match_triangles(sides: Sides, given: Standardised, calibration: Calibration) -> Match:
    """Find surpluses that a report without a mirror explains better than chance, a habit or an anomaly does.

    given: the standardised gaps of value. sides: all pairs of whole markets (commodity and period), for the orphans stand among them.
    """
    unknown = np.full(sides.size, np.nan)
    none = Match(np.zeros(sides.size, np.intp), np.full(sides.size, -1), unknown, unknown, np.zeros(sides.size))
    for kind, surplus in ((EXPORTS, -given.deviation), (IMPORTS, given.deviation)):
        none = _match_one_way(none, sides, given, calibration, kind, surplus)
    return none


def _match_one_way(found: Match, sides: Sides, given: Standardised, calibration: Calibration, kind: int, surplus: Floats) -> Match:
    """The reporter whose figure is too large is the exporter (kind EXPORTS) or the importer."""
    if kind == EXPORTS:
        large, small, orphan_usd, orphan_kg = sides.export_usd, sides.compared_usd, sides.compared_usd, sides.compared_kg
        reporter, partner, tail, sign = sides.exporter, sides.importer, calibration.low, 1.0
    else:
        large, small, orphan_usd, orphan_kg = sides.compared_usd, sides.export_usd, sides.export_usd, sides.export_kg
        reporter, partner, tail, sign = sides.importer, sides.exporter, calibration.high, -1.0
    with np.errstate(invalid="ignore"):
        rows = np.flatnonzero(surplus > _LEAST_DEVIATION)
    has_no_mirror = np.isnan(large) & np.isfinite(orphan_usd)
    if sides.aligned is not None:
        has_no_mirror &= sides.aligned.label != ALIGNMENTS.index("carried")
    orphans = np.flatnonzero(has_no_mirror)
    pairs = _candidates(sides.market, reporter, rows, orphans)
    if pairs.is_empty():
        return found
    row, orphan = pairs["row"].to_numpy(), pairs["orphan"].to_numpy()
    added = np.log1p(orphan_usd[orphan] / small[row])
    sigma = given.sigma[row]
    rate = np.minimum(tail.habitual_rate(given.exporter[row], given.importer[row]) + _COMMON_SHARE * tail.outlier_rate, 0.5)
    group = calibration.group_of(sigma, given.habit[row])
    match = tail.density((given.deviation[row] * sigma + sign * added) / sigma, group) / sigma
    chance = tail.density(given.deviation[row], group) / sigma + tail.outlier_rate * tail.length_density_at(surplus[row] * sigma)
    odds = rate / pairs["candidates"].to_numpy() * match / np.maximum(chance, 1e-300)
    best = (
        pairs.with_columns(odds=pl.Series(odds))
        .group_by("row")
        .agg(pl.col("orphan").sort_by("odds", "orphan").last(), pl.col("odds").max(), pl.col("odds").sum().alias("all"))
        .with_columns((pl.col("odds") / (1 + pl.col("all"))).alias("probability"))
        .filter(pl.col("probability") > _SURE)
    )
    row, orphan = best["row"].to_numpy(), best["orphan"].to_numpy()
    told = Match(found.kind.copy(), found.partner.copy(), found.usd.copy(), found.kg.copy(), found.probability.copy())
    told.kind[row], told.partner[row] = kind, partner[orphan]
    told.usd[row], told.kg[row] = orphan_usd[orphan], orphan_kg[orphan]
    told.probability[row] = best["probability"].to_numpy()
    return told


def _candidates(market: Ints, reporter: Ints, rows: Ints, orphans: Ints) -> pl.DataFrame:
    """Return row, orphan, candidates: every report without a mirror of the same reporter and market as the surplus."""
    key = ["market", "reporter"]
    left = pl.DataFrame({"market": market[rows], "reporter": reporter[rows], "row": rows})
    right = pl.DataFrame({"market": market[orphans], "reporter": reporter[orphans], "orphan": orphans})
    counted = right.with_columns(pl.len().over(key).alias("candidates"))
    return left.join(counted, on=key, how="inner").sort("row", "orphan")
