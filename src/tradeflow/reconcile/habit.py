"""The gap that is usual on a corridor: what all show, what its two reporters show everywhere, and what it shows itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tradeflow.reconcile.corridor import MEDIAN_VARIANCE, CorridorGaps, sum_by
from tradeflow.reconcile.sides import Floats, Ints

_ROUNDS = 3
_SWEEPS = 30
_FAR = 3.0
"""Standard deviations beyond which a corridor's own gap no longer raises the estimate of how much corridors differ."""
_LEAST_VARIANCE = 1e-6
_TRANSLATION = 2.0
"""Standard errors by which a corridor is drawn away from its own figure at the most."""


@dataclass(frozen=True)
class Habits:
    """Expected ln(importer / exporter): overall + exporter + importer, and the corridors' own shrunken rest."""

    overall: float
    exporter: Floats
    importer: Floats
    own: Floats
    """One per corridor of the `CorridorGaps` that it was fitted to."""
    own_variance: Floats
    corridor_variance: float
    """Variance of corridors about the sum of their reporters' effects."""

    def expected(self, exporter: Ints, importer: Ints) -> Floats:
        """Return what the two reporters lead to expect, before the corridor's own habit."""
        return self.overall + self.exporter[exporter] + self.importer[importer]


def fit_habits(corridors: CorridorGaps, noise: Floats, exporters: int, importers: int, prior_weight: float) -> Habits:
    """Fit a two-way model to the corridors' medians and shrink the rest by empirical Bayes (DerSimonian and Laird 1986 for its variance).

    noise: variance of one flow's gap on each corridor. prior_weight: flows of no gap of its own that a corridor is shrunk by at the least.
    """
    error = MEDIAN_VARIANCE * noise / corridors.count
    e, i, median = corridors.exporter, corridors.importer, corridors.median
    effect_e, effect_i = np.zeros(exporters), np.zeros(importers)
    overall, between, role = 0.0, 0.01, 0.01
    for _ in range(_ROUNDS if len(median) else 0):
        weight = 1 / (error + between)
        overall = weighted_median(median, weight)
        for _ in range(_SWEEPS):
            effect_e = sum_by(e, weight * (median - overall - effect_i[i]), exporters) / (sum_by(e, weight, exporters) + 1 / role)
            effect_i = sum_by(i, weight * (median - overall - effect_e[e]), importers) / (sum_by(i, weight, importers) + 1 / role)
        rest = median - overall - effect_e[e] - effect_i[i]
        capped = np.minimum(rest**2, _FAR**2 * (error + between))
        between = max(float(np.sum(weight**2 * (capped - error)) / np.sum(weight**2)), _LEAST_VARIANCE)
        role = max(float(np.mean(np.append(effect_e, effect_i) ** 2)), _LEAST_VARIANCE)
    rest = median - overall - effect_e[e] - effect_i[i]
    kept = between / (between + error)
    # Limited translation (Efron and Morris 1972): no corridor is drawn further from what it shows than its own error allows.
    reach = _TRANSLATION * np.sqrt(error)
    own = np.clip(kept * rest, rest - reach, rest + reach) * corridors.count / (corridors.count + prior_weight * (1 - kept))
    return Habits(overall, effect_e, effect_i, own, np.maximum(kept, 1 - reach / np.maximum(np.abs(rest), reach)) * error, between)


def weighted_median(values: Floats, weights: Floats) -> float:
    """Return the value below which half of the weight lies."""
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(reached, reached[-1] / 2)])
