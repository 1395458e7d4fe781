"""One level shift at an unknown place: every place is tried and weighted by how well it explains the history."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

SHIFT_SD = 0.7
"""Prior standard deviation of a level shift, log: a doubling is ordinary, a tenfold change is not."""
SHIFT_CHANCE = 0.4
"""Prior chance that a history holds a level shift at all, spread evenly over its possible places."""
STEP = 3
"""Every third period is tried as a place: weights of neighbours are so alike that the rest only cost time."""
SHORTEST_SIDE = 3.5
"""Periods that must count on either side of a shift: fewer than four are an outlier, not a level (half a period is room for rounding)."""


@dataclass(frozen=True)
class LevelShifts:
    """The possible level shifts of each series; arrays of shape (series, places) unless said otherwise."""

    chance: Array
    """Posterior chance of a shift at each place; what is missing from 1 is the chance of none."""
    size: Array
    """Size of the shift, log, given that it is there."""
    replaced: Array
    """(series, places, coefficients): what one unit of shift takes away from each regression coefficient."""
    fitted: Array
    """(series, periods): the mean over all places of what the shift adds to the fitted values."""

    def steps(self, periods: int) -> Array:
        """Return (series, periods): the mean over all places of the level in a period less the level of the last one."""
        reached = np.repeat(np.cumsum(self.chance * self.size, axis=1), STEP, axis=1)
        steps = np.zeros((len(reached), periods))
        steps[:, periods - reached.shape[1] :] = reached
        return steps - steps[:, -1:]

    def variance_between(self, target: Array) -> Array:
        """Return the variance, over the places, of what a shift adds to the forecast at the row `target`."""
        effect = self.size * (1.0 - self.replaced @ target)
        mean = (self.chance * effect).sum(axis=1)
        none = 1.0 - self.chance.sum(axis=1)
        return np.asarray((self.chance * (effect - mean[:, None]) ** 2).sum(axis=1) + none * mean**2)


def average_level_shifts(weights: Array, residuals: Array, columns: Array, covariance: Array, scale: Array, penalty: Array) -> LevelShifts:
    """Weight every place of a shift by its Bayes factor against none, for fixed regression weights.

    `weights`, `residuals` (series, periods) and `covariance` (series, coefficients, coefficients) come from the fit without a shift on
    `columns` (periods, coefficients). Adding the step h changes the penalised residual sum by (h'Wr)^2 / (h'Wh - h'WX C X'Wh + s^2/v)
    (Frisch and Waugh 1933); the Bayes factor is that of the normal linear model (Raftery, Madigan and Hoeting 1997, eq. 4).
    """
    step_products = _sums_from_each_place(weights, columns)
    step_residuals = _sums_from_each_place(weights * residuals, None)
    replaced = step_products @ covariance
    prior_precision = ((scale / SHIFT_SD) ** 2)[:, None]
    information = np.maximum(step_products[:, :, 0] - (replaced * step_products).sum(axis=2), 0.0) + prior_precision
    size = step_residuals / information
    unexplained = (weights * residuals**2).sum(axis=1) + penalty
    chance = _posterior_chance(step_residuals * size, information, prior_precision, unexplained, step_products[:, :, 0], weights)
    return LevelShifts(chance, size, replaced, _fitted(chance * size, replaced, columns))


def _sums_from_each_place(values: Array, columns: Array | None) -> Array:
    """Sum `values` (times `columns`) from each place to the end: (series, places[, coefficients]); places count back from the end."""
    series, periods = values.shape
    places = periods // STEP
    tail = values[:, periods - places * STEP :].reshape(series, places, STEP)
    if columns is None:
        return np.cumsum(tail.sum(axis=2)[:, ::-1], axis=1)[:, ::-1]
    blocks = columns[periods - places * STEP :].reshape(places, STEP, columns.shape[1])
    sums = np.matmul(tail.transpose(1, 0, 2), blocks)
    # numpy's own running sum along an outer axis takes ten times as long
    for place in range(places - 2, -1, -1):
        sums[place] += sums[place + 1]
    return np.asarray(sums.transpose(1, 0, 2))


def _posterior_chance(gain: Array, information: Array, prior_precision: Array, unexplained: Array, after: Array, weights: Array) -> Array:
    counted = weights.sum(axis=1)[:, None]
    is_possible = (after >= SHORTEST_SIDE) & (counted - after >= SHORTEST_SIDE)
    left = np.clip(1.0 - gain / np.maximum(unexplained, 1e-12)[:, None], 1e-9, 1.0)
    log_factor = 0.5 * np.log(prior_precision / information) - 0.5 * counted * np.log(left)
    places = np.maximum(is_possible.sum(axis=1), 1)[:, None]
    log_odds = np.where(is_possible, log_factor + np.log(SHIFT_CHANCE / (1 - SHIFT_CHANCE) / places), -np.inf)
    top = np.maximum(log_odds.max(axis=1, initial=0.0), 0.0)[:, None]
    odds = np.exp(log_odds - top)
    return np.asarray(odds / (odds.sum(axis=1, keepdims=True) + np.exp(-top)))


def _fitted(mean_size: Array, replaced: Array, columns: Array) -> Array:
    periods = len(columns)
    steps = np.repeat(np.cumsum(mean_size, axis=1), STEP, axis=1)
    added = np.zeros((len(mean_size), periods))
    added[:, periods - steps.shape[1] :] = steps
    taken = np.einsum("sp,spi->si", mean_size, replaced)
    return np.asarray(added - taken @ columns.T, dtype=np.float64)
