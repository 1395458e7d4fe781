"""Learns from both sides of many trades what is usual: margins, habits, scatter and the tails of the gaps."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradeflow.reconcile.basis import fit_margins
from tradeflow.reconcile.booking import IMPORTS, Gapped, Usual
from tradeflow.reconcile.calibration import Calibration, Hubs, Standardised, fit_calibration
from tradeflow.reconcile.corridor import NORMAL_MAD, count_edges, place_corridors
from tradeflow.reconcile.measure import MeasureModel, ReconcileOptions, fit_measure
from tradeflow.reconcile.misattribution import Match, fit_routings, match_triangles
from tradeflow.reconcile.route_habit import NO_LAWS, Pasts, Rest, Rests, RouteLaws, fit_routes, take_pasts
from tradeflow.reconcile.routing import Routing, no_routing
from tradeflow.reconcile.sides import Floats, Ints, Sides
from tradeflow.reconcile.slip import Weights, mend_weights, usual_unit_values

_SIZE_BINS = 10
_FIRST_ROUNDS = 12
"""Of the tails that only tell who books trade elsewhere."""
_LEAST_COVARIANCE_SHARE, _LARGEST_COVARIANCE_SHARE = 0.0, 0.999


@dataclass(frozen=True)
class MirrorModel:
    """All that scoring needs; areas and commodities by their place in sorted lists, corridors as exporter * areas + importer."""

    areas: pl.Series
    corridor_keys: Ints
    unit_value_log: Floats
    margin_log: Floats
    margin_variance: Floats
    value: MeasureModel
    weight: MeasureModel
    value_share: Floats
    """Weight of value in the combined evidence, per corridor."""
    combined_variance: Floats
    size_edges: Floats
    size_factors: Floats
    value_calibration: Calibration
    weight_calibration: Calibration
    combined_calibration: Calibration
    routings: tuple[Routing, Routing]
    """How exporters, and how importers, book trade under other partners."""
    routes: RouteLaws
    least_variance: float
    """Of two reports that are as exact as any."""

    def place(self, sides: Sides) -> Ints:
        """Return each pair's corridor."""
        return place_corridors(self.corridor_keys, sides.exporter * len(self.areas) + sides.importer)


@dataclass(frozen=True)
class Gaps:
    """ln(importer / exporter) of each pair on one basis, and what was done to get there; NaN where a side says nothing."""

    value: Floats
    weight: Floats
    margin_log: Floats
    weights: Weights
    import_kg: Floats
    """The importer's weights that are compared: `weights` of its months, or what it recorded of the goods that left in the month."""


def fit_mirror_model(
    sample: Sides,
    markets: Sides,
    areas: pl.Series,
    corridor_keys: Ints,
    commodities: int,
    options: ReconcileOptions,
    distance_km: Floats | None = None,
) -> MirrorModel:
    """Fit everything on a sample.

    sample: pairs of each corridor; markets: all pairs of some markets, one-sided ones too, on which the tails are fitted. corridor_keys:
    every corridor that will be scored. distance_km: one per corridor key, NaN where unknown.
    """
    unit_values = usual_unit_values(sample, commodities)
    weights = mend_weights(sample, unit_values)
    with np.errstate(invalid="ignore"):
        value_gap = np.log(sample.compared_usd / sample.export_usd)
        weight_gap = np.log(_compared_kg(sample, weights) / weights.export_kg)
    number = len(areas)
    margin, margin_variance = fit_margins(
        sample,
        value_gap - weight_gap,
        corridor_keys,
        number,
        distance_km,
        math.log1p(options.prior_margin_rate),
        options.prior_margin_weight,
    )
    place = place_corridors(corridor_keys, sample.exporter * number + sample.importer)
    value_gap = value_gap - np.where(np.isnan(sample.known_margin), margin[place], sample.known_margin)
    of_value, of_weight = (None, None) if sample.aligned is None else (sample.aligned.usd_variance, sample.aligned.kg_variance)
    value = fit_measure(sample, value_gap, corridor_keys, number, options, margin_variance, of_value)
    weight = fit_measure(sample, weight_gap, corridor_keys, number, options, np.zeros(len(corridor_keys)), of_weight)
    difference = fit_measure(sample, value_gap - weight_gap, corridor_keys, number, options, np.zeros(len(corridor_keys)))
    share, combined_variance = _combine(value.variance, weight.variance, difference.variance)
    edges, factors = _size_factors(sample, value_gap, value, place)
    blank = fit_calibration(_nothing(), number)
    draft = MirrorModel(
        areas, corridor_keys, unit_values, margin, margin_variance, value, weight, share, combined_variance, edges, factors,
        blank, blank, blank, (no_routing(number), no_routing(number)), NO_LAWS, 2 * options.floor_sigma**2,
    )  # fmt: skip
    return _calibrate(draft, markets)


def measure_gaps(sides: Sides, model: MirrorModel, place: Ints) -> Gaps:
    """Bring both sides to one basis and compare them."""
    weights = mend_weights(sides, model.unit_value_log)
    margin, import_kg = np.where(np.isnan(sides.known_margin), model.margin_log[place], sides.known_margin), _compared_kg(sides, weights)
    with np.errstate(invalid="ignore"):
        value = np.log(sides.compared_usd / sides.export_usd) - margin
        weight = np.log(import_kg / weights.export_kg)
    return Gaps(value, weight, margin, weights, import_kg)


def _compared_kg(sides: Sides, weights: Weights) -> Floats:
    return weights.import_kg if sides.aligned is None else sides.aligned.kg


def shift_by_match(gaps: Gaps, sides: Sides, match: Match, usual: tuple[Standardised, Standardised, Standardised]) -> tuple[Floats, Floats]:
    """Return by how much the matched report moves each gap: the figure is read as the other partner's trade, beside its own or alone."""
    of_value, of_weight = usual[0].habit, usual[1].habit
    return (
        _shift_measure(match, sides.export_usd, sides.compared_usd, gaps.value, gaps.margin_log + of_value, of_value),
        _shift_measure(match, gaps.weights.export_kg, gaps.import_kg, gaps.weight, of_weight, of_weight),
    )


def _shift_measure(match: Match, exported: Floats, imported: Floats, gap: Floats, usual_ratio: Floats, habit: Floats) -> Floats:
    """Return the shift of one measure's gaps, 0 where nothing is matched, NaN where the other partner's report lacks the measure."""
    rows = np.flatnonzero(match.kind)
    orphan, is_import = match.orphan[rows], match.kind[rows] == IMPORTS
    with np.errstate(invalid="ignore"):
        beside = np.where(is_import, -np.log1p(exported[orphan] / exported[rows]), np.log1p(imported[orphan] / imported[rows]))
        ratio = np.where(is_import, imported[rows] / exported[orphan], imported[orphan] / exported[rows])
        # Alone: the gap is that of the two reports of the other partner's trade.
        alone = np.log(ratio) - usual_ratio[orphan] - (gap[rows] - habit[rows])
    shift = np.zeros(len(gap))
    shift[rows] = np.where(match.is_alone[rows], alone, beside)
    return shift


def standardise(sides: Sides, rests: Rests, pasts: Pasts | None = None) -> tuple[Standardised, Standardised, Standardised]:
    """Return the deviations of `rests`; without the routes' own past all is held against the corridors alone."""
    made = []
    for rest, past in zip(rests, pasts or (None, None, None), strict=True):
        if past is None:
            sigma = np.sqrt(rest.variance + rest.timing)
            made.append(Standardised(rest.gap_log / sigma, sigma, rest.habit, sides.exporter, sides.importer))
        else:
            sigma, habit = np.sqrt(rest.variance * past.variance_factor + rest.timing), rest.habit + past.level_log
            made.append(Standardised((rest.gap_log - past.level_log) / sigma, sigma, habit, sides.exporter, sides.importer))
    return made[0], made[1], made[2]


def find_rests(sides: Sides, model: MirrorModel, place: Ints, value_gap: Floats, weight_gap: Floats) -> Rests:
    """Return what the corridors' habits leave of value, of weight, and of both by their joint variance (or of the one that is there)."""
    factor = _size_factor(sides, model.size_edges, model.size_factors)
    share, value_habit, weight_habit = model.value_share[place], model.value.habit[place], model.weight.habit[place]
    value_rest, weight_rest = value_gap - value_habit, weight_gap - weight_habit
    both = share * value_rest + (1 - share) * weight_rest
    has_both, has_value = np.isfinite(both), np.isfinite(value_rest)
    combined = np.where(has_both, both, np.where(has_value, value_rest, weight_rest))
    value_variance, weight_variance = model.value.variance[place], model.weight.variance[place]
    combined_variance = np.where(has_both, model.combined_variance[place], np.where(has_value, value_variance, weight_variance))
    of_value, of_weight, of_both = _timing_variances(sides, share, has_both, has_value)
    return (
        Rest(value_rest, value_habit, value_variance * factor, of_value),
        Rest(weight_rest, weight_habit, weight_variance * factor, of_weight),
        Rest(combined, weight_habit, combined_variance * factor, of_both),
    )


def _timing_variances(
    sides: Sides, share: Floats, has_both: NDArray[np.bool_], has_value: NDArray[np.bool_]
) -> tuple[Floats, Floats, Floats]:
    """Return what timing adds to value, to weight and to both; goods that are late are late in both."""
    if sides.aligned is None:
        none = np.zeros(1)
        return none, none, none
    value, weight = sides.aligned.usd_variance, sides.aligned.kg_variance
    return value, weight, np.where(has_both, share * value + (1 - share) * weight, np.where(has_value, value, weight))


def explain_gaps(
    sides: Sides, model: MirrorModel, place: Ints, gaps: Gaps, rests: Rests, pasts: Pasts | None
) -> tuple[Match, tuple[Floats, Floats], tuple[Standardised, Standardised, Standardised]]:
    """Return what other partners' reports explain, by how much that moves each gap, and the deviations with it."""
    plain = standardise(sides, rests, pasts)
    match = match_triangles(_gapped(sides, model, place, gaps, plain[0], pasts), model.routings)
    shifts = shift_by_match(gaps, sides, match, plain)
    rows = np.flatnonzero(match.kind)
    if not len(rows):
        return match, shifts, plain
    own = sides.take(rows)
    left = find_rests(own, model, place[rows], gaps.value[rows] + shifts[0][rows], gaps.weight[rows] + shifts[1][rows])
    moved = standardise(own, left, take_pasts(pasts, rows))
    return match, shifts, (plain[0].put(rows, moved[0]), plain[1].put(rows, moved[1]), plain[2].put(rows, moved[2]))


def _gapped(sides: Sides, model: MirrorModel, place: Ints, gaps: Gaps, value: Standardised, pasts: Pasts | None) -> Gapped:
    variance = model.value.variance[place] * (1.0 if pasts is None else pasts[0].variance_factor)
    return Gapped(sides, value, Usual(gaps.margin_log + value.habit, np.sqrt(variance)), model.value_calibration)


def _combine(value: Floats, weight: Floats, difference: Floats) -> tuple[Floats, Floats]:
    """Return the weight of value, and the variance, of the mean with the least variance; both move alike in an anomaly.

    The covariance follows from the variance of the difference: what both measures of one report share.
    """
    bound = np.sqrt(value * weight)
    covariance = np.clip((value + weight - difference) / 2, _LEAST_COVARIANCE_SHARE * bound, _LARGEST_COVARIANCE_SHARE * bound)
    spread = np.maximum(value + weight - 2 * covariance, 1e-12)
    share = np.clip((weight - covariance) / spread, 0, 1)
    return share, share**2 * value + (1 - share) ** 2 * weight + 2 * share * (1 - share) * covariance


def _size_factors(sample: Sides, gap: Floats, value: MeasureModel, place: Ints) -> tuple[Floats, Floats]:
    """Small shipments scatter more: the robust variance of the deviations in ten classes of size."""
    timing = 0.0 if sample.aligned is None else sample.aligned.usd_variance
    deviation = np.abs(gap - value.habit[place]) / np.sqrt(value.variance[place] + timing)
    size = _log_size(sample)
    known = np.isfinite(deviation)
    if known.sum() < 50 * _SIZE_BINS:
        return np.empty(0), np.ones(1)
    edges = np.unique(np.quantile(size[known], np.linspace(0, 1, _SIZE_BINS + 1)[1:-1]))
    told = (
        pl.DataFrame({"bin": count_edges(edges, size[known]), "deviation": deviation[known]})
        .group_by("bin").agg(pl.col("deviation").median()).sort("bin")
    )  # fmt: skip
    factors = np.ones(len(edges) + 1)
    factors[told["bin"].to_numpy()] = (told["deviation"].to_numpy() * NORMAL_MAD) ** 2
    return edges, np.clip(factors, 0.05, 20)


def _log_size(sides: Sides) -> Floats:
    with np.errstate(invalid="ignore"):
        size: Floats = np.log(sides.export_usd * sides.compared_usd) / 2
    return size


def _size_factor(sides: Sides, edges: Floats, factors: Floats) -> Floats:
    if not len(edges):
        return np.ones(sides.size)
    return factors[count_edges(edges, _log_size(sides))]


def _nothing() -> Standardised:
    empty = np.empty(0)
    return Standardised(empty, empty, empty, np.empty(0, np.intp), np.empty(0, np.intp))


def _calibrate(draft: MirrorModel, markets: Sides) -> MirrorModel:
    """Fit the tails twice: first to learn who books trade under other partners, then without what that explains."""
    number = len(draft.areas)
    place = draft.place(markets)
    gaps = measure_gaps(markets, draft, place)
    rests = find_rests(markets, draft, place, gaps.value, gaps.weight)
    routes, pasts = fit_routes(markets, rests, draft.least_variance)
    draft = replace(draft, routes=routes)
    value, _, _ = standardise(markets, rests, pasts)
    first = replace(draft, value_calibration=fit_calibration(_of_one_month(value, markets), number, rounds=_FIRST_ROUNDS))
    known = replace(first, routings=fit_routings(_gapped(markets, first, place, gaps, value, pasts), number))
    _, _, moved = explain_gaps(markets, known, place, gaps, rests, pasts)
    hubs = Hubs(importers=known.routings[0].is_hub, exporters=known.routings[1].is_hub)
    of_value, of_weight, of_both = (fit_calibration(_of_one_month(each, markets), number, hubs) for each in moved)
    return replace(known, value_calibration=of_value, weight_calibration=of_weight, combined_calibration=of_both)


def _of_one_month(given: Standardised, markets: Sides) -> Standardised:
    """Leave out pairs that only later months make two-sided: chosen by having nothing in the month, they fall short more often."""
    if markets.aligned is None:
        return given
    return given.take(np.flatnonzero(np.isfinite(markets.import_usd)))
