"""What is usual for one measure, value or weight: each corridor's habit and scatter, each reporter's error."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tradeflow.reconcile.corridor import place_corridors, summarise_corridors
from tradeflow.reconcile.habit import fit_habits
from tradeflow.reconcile.reliability import ErrorVariances, split_variances
from tradeflow.reconcile.sides import Floats, Ints, Sides


@dataclass(frozen=True)
class ReconcileOptions:
    """What `settings.Reconcile` says, as plain numbers."""

    prior_margin_rate: float = 0.06
    prior_margin_weight: float = 20
    floor_sigma: float = 0.03
    habit_weight: float = 6
    threshold_usd: float = 1000


@dataclass(frozen=True)
class MeasureModel:
    """What is usual for one measure: one place per corridor of the model, and one error variance per reporter and role."""

    habit: Floats
    habit_variance: Floats
    variance: Floats
    """Of one flow's gap about the habit, everything counted."""
    errors: ErrorVariances


def fit_measure(
    sample: Sides,
    gap: Floats,
    corridor_keys: Ints,
    areas: int,
    options: ReconcileOptions,
    extra_variance: Floats,
    timing_variance: Floats | None = None,
) -> MeasureModel:
    """Fit the gaps of a sample; timing_variance is what timing adds to each.

    A gap to which timing adds is drawn to its corridor's habit until it scatters as without; what the habit and the scatter are is
    known after a first fit.
    """
    fitted = _fit_plain(sample, gap, corridor_keys, areas, options, extra_variance)
    if timing_variance is None:
        return fitted
    place = place_corridors(corridor_keys, sample.exporter * areas + sample.importer)
    habit, variance = fitted.habit[place], fitted.variance[place]
    drawn = habit + (gap - habit) * np.sqrt(variance / (variance + timing_variance))
    fitted = _fit_plain(sample, drawn, corridor_keys, areas, options, extra_variance)
    return replace(fitted, errors=_charge_importers(fitted.errors, options.floor_sigma, float(np.mean(timing_variance > 0))))


def _charge_importers(errors: ErrorVariances, floor_sigma: float, late_share: float) -> ErrorVariances:
    """Fix the constant that the two roles share so that the most careful exporter errs by the floor, as far as goods are late.

    Only the sum of both roles' variances is seen. What timing leaves in all gaps alike is no fault of the exporters.
    """
    shared = late_share * max(float(errors.exporter.min(initial=np.inf)) - floor_sigma**2, 0.0)
    return ErrorVariances(errors.exporter - shared, errors.importer + shared)


def _fit_plain(
    sample: Sides, gap: Floats, corridor_keys: Ints, areas: int, options: ReconcileOptions, extra_variance: Floats
) -> MeasureModel:
    corridors = summarise_corridors(sample.exporter, sample.importer, gap)
    errors = split_variances(corridors, areas, areas, options.floor_sigma)
    noise = errors.of(corridors.exporter, corridors.importer)
    habits = fit_habits(corridors, noise, areas, areas, options.habit_weight)
    exporter, importer = corridor_keys // areas, corridor_keys % areas
    habit = habits.expected(exporter, importer)
    habit_variance = habits.corridor_variance + extra_variance
    rows = place_corridors(corridor_keys, corridors.exporter * areas + corridors.importer)
    habit[rows] += habits.own
    habit_variance[rows] = habits.own_variance
    return MeasureModel(habit, habit_variance, errors.of(exporter, importer) + habit_variance, errors)
