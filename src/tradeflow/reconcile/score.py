"""Holds each pair against the model: the balanced estimate, z of both measures, p of both together, and what was done to get there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from tradeflow.reconcile.booking import EXPORTS
from tradeflow.reconcile.calibration import Standardised
from tradeflow.reconcile.fit import Gaps, MirrorModel, explain_gaps, find_rests, measure_gaps
from tradeflow.reconcile.measure import MeasureModel
from tradeflow.reconcile.misattribution import Match
from tradeflow.reconcile.route_habit import Pasts, read_pasts, take_pasts
from tradeflow.reconcile.sides import Floats, Ints, Sides

_CONTRADICTION = 4.0
"""Difference of the two measures' z from which they do not tell of the same thing."""


@dataclass(frozen=True)
class Balance:
    """The best estimate of one measure, the variance of its log, and the weight of the exporter's side."""

    estimate: Floats
    log_variance: Floats
    export_share: Floats


@dataclass(frozen=True)
class Scores:
    """One place per pair; NaN where a side says nothing."""

    gaps: Gaps
    match: Match
    pasts: Pasts | None
    """What the routes' own past says of the values, of the weights, and of both together."""
    value: Standardised
    weight: Standardised
    z_value: Floats
    z_kg: Floats
    z_combined: Floats
    p_value: Floats
    """Chance of a shortfall of the importer this large or larger where nothing is amiss."""
    balanced_value: Balance
    balanced_weight: Balance
    place: Ints


def score_sides(sides: Sides, model: MirrorModel, asked: Ints | None = None) -> Scores:
    """Score all pairs of whole markets (commodity and period): a report without a mirror may explain another pair's surplus.

    sides: whole routes, for what a route has shown before counts. asked: the rows to score, all where they are not given.
    """
    place = model.place(sides)
    gaps = measure_gaps(sides, model, place)
    rests = find_rests(sides, model, place, gaps.value, gaps.weight)
    pasts = read_pasts(sides, rests, model.routes, model.least_variance)
    if asked is not None:
        sides, place, pasts = sides.take(asked), place[asked], take_pasts(pasts, asked)
        gaps = measure_gaps(sides, model, place)
        rests = find_rests(sides, model, place, gaps.value, gaps.weight)
    match, shifts, (value, weight, combined) = explain_gaps(sides, model, place, gaps, rests, pasts)
    z_value, z_kg = model.value_calibration.z(value), model.weight_calibration.z(weight)
    z = _lead_where_they_differ(model.combined_calibration.z(combined), z_value, z_kg)
    import_usd = sides.compared_usd * np.exp(-gaps.margin_log)
    timing = (0.0, 0.0) if sides.aligned is None else (sides.aligned.usd_variance, sides.aligned.kg_variance)
    rate = _surplus_rates(value, model, z_value)
    return Scores(
        gaps, match, pasts, value, weight, z_value, z_kg, z, ndtr(z),
        _balance(sides.export_usd, import_usd, shifts[0], match, sides, model.value, model.margin_variance[place] + timing[0], rate),
        _balance(gaps.weights.export_kg, gaps.import_kg, shifts[1], match, sides, model.weight, np.zeros(1) + timing[1], rate),
        place,
    )  # fmt: skip


def _lead_where_they_differ(combined: Floats, z_value: Floats, z_kg: Floats) -> Floats:
    """Where value and weight contradict each other a slip in one of them is likely: the less extreme of the two leads."""
    nearer = np.where(np.abs(z_value) < np.abs(z_kg), z_value, z_kg)
    with np.errstate(invalid="ignore"):
        return np.where(np.abs(z_value - z_kg) > _CONTRADICTION, nearer, combined)


def _surplus_rates(given: Standardised, model: MirrorModel, z: Floats) -> Floats:
    """Return the chance that a side is inflated by its reporter's habit with this partner: the exporter's (+), the importer's (-)."""
    rates = np.zeros(len(z))
    for tail, sign in ((model.value_calibration.low, 1.0), (model.value_calibration.high, -1.0)):
        with np.errstate(invalid="ignore"):
            rows = np.flatnonzero(-sign * z > 0.5)
        habitual = tail.habitual_rate(given.exporter[rows], given.importer[rows])
        rows, habitual = rows[habitual > 0], habitual[habitual > 0]
        group = model.value_calibration.group_of(given.sigma[rows], given.habit[rows])
        distance = np.abs(given.deviation[rows])
        strange = habitual * tail.length_density_at(distance * given.sigma[rows]) * given.sigma[rows]
        rates[rows] = sign * strange / (strange + tail.density(distance, group))
    return rates


def _balance(
    export: Floats,
    imported: Floats,
    shift: Floats,
    match: Match,
    sides: Sides,
    measure: MeasureModel,
    basis_variance: Floats,
    rate: Floats,
) -> Balance:
    """Weigh both sides by inverse variance (METHOD.md section 2, item 4); one side only: that side, with its own variance.

    A matched surplus is taken out of the side that holds it, as far as the match is likely. A side that is probably inflated
    in this way counts less by that chance.
    """
    s_x, s_m = measure.errors.exporter[sides.exporter], measure.errors.importer[sides.importer] + basis_variance
    total = s_x + s_m
    x, m, share, variance = np.log(export), np.log(imported), s_m / total, s_x * s_m / total
    # Few pairs are matched or inflated by habit.
    rows = np.flatnonzero(match.kind)
    likely, is_export = match.probability[rows] * np.nan_to_num(shift[rows]), match.kind[rows] == EXPORTS
    x[rows] -= np.where(is_export, likely, 0)
    m[rows] += np.where(is_export, 0, likely)
    variance[rows] += likely * (1 - match.probability[rows]) * np.nan_to_num(shift[rows])
    rows = np.flatnonzero(rate)
    inflated, own = rate[rows], share[rows]
    share[rows] = np.where(inflated > 0, own * (1 - inflated), own + (1 - own) * np.abs(inflated))
    variance[rows] += np.abs(inflated) * (1 - np.abs(inflated)) * np.nan_to_num((x[rows] - m[rows]) ** 2)
    estimate = np.exp(share * x + (1 - share) * m)
    lacks_x, lacks_m = np.isnan(x), np.isnan(m)
    for lacking, given, own_variance, own_share in ((lacks_m, export, s_x, 1.0), (lacks_x, imported, s_m, 0.0)):
        rows = np.flatnonzero(lacking)
        estimate[rows], variance[rows], share[rows] = given[rows], own_variance[rows], own_share
    rows = np.flatnonzero(lacks_x & lacks_m)
    variance[rows] = share[rows] = np.nan
    return Balance(estimate, variance, share)
