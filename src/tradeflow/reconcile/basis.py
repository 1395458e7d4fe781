"""The margin between CIF and FOB, learnt from rows that carry both values and from the two sides' unit values.

What a kilogram costs on arrival against what it cost on departure is freight and insurance (BACI: Gaulier and Zignago 2010; MIRROR.md
section 13, item 1): ln d and its square where distances are known, corridors shrunk to that, all to the prior, and never above a quarter.
"""

from __future__ import annotations

import math

import numpy as np

from tradeflow.reconcile.corridor import MEDIAN_VARIANCE, CorridorGaps, place_corridors, summarise_corridors
from tradeflow.reconcile.habit import fit_habits
from tradeflow.reconcile.sides import Floats, Ints, Sides

MAX_MARGIN_LOG = math.log(1.25)
"""No corridor is credited with more freight and insurance than a quarter of the goods' value."""
_KNOWN_VARIANCE = 0.05**2
"""Of ln(CIF / FOB) about its corridor's mean, on rows that carry both."""
_HUBER = 1.345
_ROUNDS = 10


def fit_margins(
    sides: Sides, unit_value_gap: Floats, corridor_keys: Ints, areas: int, distance_km: Floats | None, prior_log: float, prior_weight: float
) -> tuple[Floats, Floats]:
    """Return ln(CIF / FOB) and its variance for each of `corridor_keys` (exporter * areas + importer, sorted).

    unit_value_gap: ln of the importer's USD per kg over the exporter's. distance_km: one per key, NaN where unknown.
    """
    shown = summarise_corridors(sides.exporter, sides.importer, np.where(np.isnan(sides.known_margin), unit_value_gap, np.nan))
    known = summarise_corridors(sides.exporter, sides.importer, np.where(sides.known_margin > 0, sides.known_margin, np.nan))
    corridors, noise = _pool(shown, known, areas)
    typical = float(np.median(noise)) if len(noise) else 1.0
    features = _features(distance_km, len(corridor_keys))
    rows = place_corridors(corridor_keys, corridors.exporter * areas + corridors.importer)
    line = _fit_line(features[rows], corridors.median, corridors.count * typical / noise, prior_log, prior_weight)
    rest = CorridorGaps(
        corridors.exporter, corridors.importer, corridors.count, corridors.median - features[rows] @ line, corridors.variance
    )
    habits = fit_habits(rest, noise, areas, areas, prior_weight)
    exporter, importer = corridor_keys // areas, corridor_keys % areas
    margin = features @ line + habits.expected(exporter, importer) * _trust(corridors, prior_weight)
    variance = np.full(len(corridor_keys), habits.corridor_variance)
    margin[rows] += habits.own
    variance[rows] = habits.own_variance
    return np.clip(margin, 0, MAX_MARGIN_LOG), variance


def _pool(shown: CorridorGaps, known: CorridorGaps, areas: int) -> tuple[CorridorGaps, Floats]:
    """One figure per corridor: both kinds of evidence by their precision; the noise is that of one flow."""
    typical = float(np.median(shown.variance)) if len(shown.count) else 0.1
    moderated = (shown.count * shown.variance + 10 * typical) / (shown.count + 10)
    keys = np.unique(np.concatenate([shown.exporter * areas + shown.importer, known.exporter * areas + known.importer]))
    precision, total, count = np.zeros(len(keys)), np.zeros(len(keys)), np.zeros(len(keys))
    for each, noise in ((shown, np.maximum(moderated, 1e-5)), (known, np.full(len(known.count), _KNOWN_VARIANCE))):
        rows = place_corridors(keys, each.exporter * areas + each.importer)
        own = each.count / (MEDIAN_VARIANCE * noise)
        precision[rows] += own
        total[rows] += own * each.median
        count[rows] += each.count
    noise = count / np.maximum(MEDIAN_VARIANCE * precision, 1e-12)
    median = total / np.maximum(precision, 1e-12)
    return CorridorGaps(keys // areas, keys % areas, count, median, noise), noise


def _features(distance_km: Floats | None, size: int) -> Floats:
    """Return 1, ln d and its square about the mean; an unknown distance is the mean one."""
    if distance_km is None or not np.isfinite(distance_km).any():
        return np.ones((size, 1))
    log_distance = np.log(np.maximum(distance_km, 1.0))
    centred = np.nan_to_num(log_distance - np.nanmean(log_distance))
    return np.column_stack([np.ones(size), centred, centred**2])


def _fit_line(features: Floats, target: Floats, weight: Floats, prior_log: float, prior_weight: float) -> Floats:
    """Weighted least squares with Huber's loss; the prior is `prior_weight` flows at the prior margin."""
    if not len(target):
        return np.append(prior_log, np.zeros(features.shape[1] - 1))
    prior = np.append(prior_weight, np.full(features.shape[1] - 1, 1e-6))
    robust = np.ones(len(target))
    line: Floats = np.zeros(features.shape[1])
    for _ in range(_ROUNDS):
        own = (weight * robust)[:, None] * features
        # Of tall and narrow arrays these sums are a small part of what BLAS spends on waking its threads.
        right = np.einsum("ni,n->i", own, target)
        right[0] += prior_weight * prior_log
        line = np.linalg.solve(np.einsum("ni,nj->ij", features, own) + np.diag(prior), right).astype(np.float64)
        rest = target - features @ line
        scale = max(1.4826 * float(np.median(np.abs(rest))), 1e-6)
        robust = np.minimum(1, _HUBER * scale / np.maximum(np.abs(rest), 1e-12))
    return line


def _trust(corridors: CorridorGaps, prior_weight: float) -> float:
    """With few flows the reporters' effects are not to be told from noise."""
    flows = float(corridors.count.sum())
    return flows / (flows + prior_weight)
