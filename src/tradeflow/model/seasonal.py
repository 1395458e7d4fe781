"""A robust seasonal regression with one possible level shift, fitted to thousands of series at once: what a history looks like undisturbed.

The log of what was traded is a level, a trend and annual harmonics; at some month the level may have shifted. The fit is an M-estimate
(Huber 1981, sections 7.7 and 7.8; redescending weights of Beaton and Tukey 1974), shrunk towards no trend and no season, and averaged
over the places
where the level may have shifted (the model of Rousseeuw, Perrotta, Riani and Hubert 2019, averaging in place of choosing).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tradeflow.model.level_shift import LevelShifts, average_level_shifts
from tradeflow.model.scale import huber_scale, median_scale, row_median

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

HARMONICS = 3
TREND_SD = 0.15
"""Prior standard deviation of a trend, log per year: few flows double or halve lastingly within five years."""
SEASON_SD = 0.25
"""Prior standard deviation of the first annual harmonic, log; the k-th harmonic has it divided by k."""
LEVEL_SD = 30.0
"""Prior standard deviation of the level, log: as good as none."""
BISQUARE_CUT = 4.685
"""Residual in standard deviations that no longer counts: 95% efficiency at the normal distribution (Beaton and Tukey 1974)."""
HUBER_CUT = 1.345
"""Residual in standard deviations from which it counts less: 95% efficiency at the normal distribution (Huber 1964)."""
ITERATIONS = 3


@dataclass(frozen=True)
class RobustFit:
    """Each series as the regression sees it; arrays of shape (series,) or (series, periods)."""

    centre: Array
    """The series' median, natural log; everything else is relative to it."""
    known: Mask
    fitted: Array
    """Level, trend, season and the averaged shift, in every period."""
    residuals: Array
    """What is left in the known periods, 0 in the others."""
    scale: Array
    """Standard deviation of one period's noise, log."""
    leverage: Array
    """Variance of the regression at the period after the history, over the variance of the noise."""
    shift_chance: Array
    """Chance that the level has shifted at all."""
    steps: Array
    """What the shifts still had to add in each period to reach the level of the last one; the mean over their places, times -1."""
    shift_variance: Array
    """Variance of the forecast, log squared, because the place of the level shift is uncertain."""


@dataclass(frozen=True)
class _Design:
    columns: Array
    """(periods, coefficients)"""
    products: Array
    """(periods, coefficients squared): the outer product of each row with itself."""
    target: Array
    """(coefficients,): the row of the period after the history."""
    prior_sd: Array
    """(coefficients,)"""


def fit_robustly(log_amounts: Array, periods_per_year: int) -> RobustFit:
    """Fit each row of `log_amounts` (series, periods), NaN where nothing is known; only these columns are used."""
    design = _make_design(log_amounts.shape[1], periods_per_year)
    known = np.isfinite(log_amounts)
    centre, _ = median_scale(log_amounts, known)
    deviations = np.where(known, log_amounts - centre[:, None], 0.0)
    residuals = deviations - _yearly_medians(deviations, known, periods_per_year)
    _, scale = median_scale(residuals, known)
    for step in range(ITERATIONS):
        is_last_part = step >= 2
        weights = known * (_bisquare(residuals, scale) if is_last_part else _huber(residuals, scale))
        prior_precision = (scale[:, None] / design.prior_sd) ** 2
        covariance = _posterior_covariance(weights, prior_precision, design)
        coefficients = np.einsum("sij,sj->si", covariance, (weights * deviations) @ design.columns)
        fitted = coefficients @ design.columns.T
        penalty = (coefficients**2 * prior_precision).sum(axis=1)
        shifts = average_level_shifts(weights, deviations - fitted, design.columns, covariance, scale, penalty)
        fitted = fitted + shifts.fitted
        residuals = deviations - fitted
        scale = huber_scale(residuals, known, scale, _coefficient_count(covariance, prior_precision))
    return _describe(centre, known, fitted, residuals, scale, covariance, shifts, design)


def _describe(
    centre: Array, known: Mask, fitted: Array, residuals: Array, scale: Array, covariance: Array, shifts: LevelShifts, design: _Design
) -> RobustFit:
    leverage = np.einsum("i,sij,j->s", design.target, covariance, design.target)
    chance = shifts.chance.sum(axis=1)
    return RobustFit(
        centre,
        known,
        fitted,
        np.where(known, residuals, 0.0),
        scale,
        leverage,
        chance,
        shifts.steps(known.shape[1]),
        shifts.variance_between(design.target),
    )


def _make_design(periods: int, periods_per_year: int) -> _Design:
    from_target = np.arange(-periods, 1, dtype=np.float64)
    years = from_target / periods_per_year
    orders = np.arange(1, (HARMONICS if periods_per_year > 1 else 0) + 1)
    angles = 2 * np.pi * years[:, None] * orders
    rows = np.column_stack([np.ones(periods + 1), years, np.cos(angles), np.sin(angles)])
    prior_sd = np.concatenate([[LEVEL_SD, TREND_SD], np.tile(SEASON_SD / orders, 2)])
    history = rows[:-1]
    products = (history[:, :, None] * history[:, None, :]).reshape(periods, -1)
    return _Design(history, products, rows[-1], prior_sd)


def _yearly_medians(deviations: Array, known: Mask, periods_per_year: int) -> Array:
    """Return each period's median over the year that it lies in, years counted back from the end: a start that no lasting shift upsets."""
    length = max(periods_per_year, 5)
    series, periods = deviations.shape
    years = max(round(periods / length), 1)
    edges = np.maximum(periods - length * np.arange(years, -1, -1), 0)
    edges[0] = 0
    medians = [row_median(deviations[:, low:high], known[:, low:high]) for low, high in pairwise(edges)]
    return np.repeat(np.reshape(medians, (years, series)).T, np.diff(edges), axis=1)


def _posterior_covariance(weights: Array, prior_precision: Array, design: _Design) -> Array:
    size = design.target.size
    normal = (weights @ design.products).reshape(-1, size, size)
    diagonal = np.arange(size)
    normal[:, diagonal, diagonal] += prior_precision
    return np.asarray(np.linalg.inv(normal), dtype=np.float64)


def _coefficient_count(covariance: Array, prior_precision: Array) -> Array:
    """Return how many coefficients the data paid for: the trace of the hat matrix (Hastie and Tibshirani 1990, section 3.5)."""
    size = covariance.shape[1]
    diagonal = np.arange(size)
    return np.asarray(size - (covariance[:, diagonal, diagonal] * prior_precision).sum(axis=1))


def _huber(residuals: Array, scale: Array) -> Array:
    return np.minimum(1.0, HUBER_CUT * scale[:, None] / np.maximum(np.abs(residuals), 1e-12))


def _bisquare(residuals: Array, scale: Array) -> Array:
    inside = 1.0 - (residuals / (BISQUARE_CUT * scale[:, None])) ** 2
    return np.square(np.maximum(inside, 0.0))
