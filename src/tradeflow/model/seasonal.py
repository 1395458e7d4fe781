"""A robust seasonal regression with one possible level shift, fitted to thousands of series at once.

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
CARRY_PRIOR_MONTHS = 10.0
"""Months without autocorrelation that a series' own autocorrelation is shrunk by."""


@dataclass(frozen=True)
class Forecast:
    """What each series is expected to be in the period `horizon` steps after its history; arrays of shape (series,)."""

    mean: Array
    """Expected natural log of the amount."""
    scale: Array
    """Standard deviation of one period's noise, log."""
    relative_variance: Array
    """Variance of the forecast error over the variance of the noise: 1 plus what the estimated coefficients add."""
    extra_variance: Array
    """Variance of the forecast, log squared, because the place of the level shift is uncertain."""
    degrees_of_freedom: Array
    """What the scale rests on: periods that counted, less the coefficients they paid for."""


@dataclass(frozen=True)
class _Design:
    columns: Array
    """(periods, coefficients)"""
    products: Array
    """(periods, coefficients squared): the outer product of each row with itself."""
    target: Array
    """(coefficients,): the row of the period to be forecast."""
    prior_sd: Array
    """(coefficients,)"""


@dataclass(frozen=True)
class _Fit:
    coefficients: Array
    covariance: Array
    residuals: Array
    scale: Array
    weights: Array
    shifts: LevelShifts


def forecast_next(log_amounts: Array, periods_per_year: int, *, horizon: int = 1, harmonics: int = 2, iterations: int = 5) -> Forecast:
    """Forecast the log amount `horizon` periods after the last column of `log_amounts` (series, periods), NaN where nothing is known.

    Only these columns are used, so a later period cannot change an earlier forecast.
    """
    design = _make_design(log_amounts.shape[1], periods_per_year, horizon, harmonics)
    known = np.isfinite(log_amounts)
    centre, _ = median_scale(log_amounts, known)
    deviations = np.where(known, log_amounts - centre[:, None], 0.0)
    fit = _fit_robustly(deviations, known, design, periods_per_year, iterations)
    return _forecast_from(fit, known, centre, design, horizon)


NO_FORECAST = Forecast(*[np.empty(0) for _ in range(5)])
"""The forecast of no series at all."""


def join_forecasts(parts: list[Forecast]) -> Forecast:
    """Put the forecasts of several blocks of series one below the other."""
    return Forecast(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in vars(parts[0])})


def _make_design(periods: int, periods_per_year: int, horizon: int, harmonics: int) -> _Design:
    from_target = np.arange(-periods, 1) - (horizon - 1.0)
    from_target[-1] = 0.0
    years = from_target / periods_per_year
    orders = np.arange(1, (harmonics if periods_per_year > 1 else 0) + 1)
    angles = 2 * np.pi * years[:, None] * orders
    rows = np.column_stack([np.ones(periods + 1), years, np.cos(angles), np.sin(angles)])
    prior_sd = np.concatenate([[LEVEL_SD, TREND_SD], np.tile(SEASON_SD / orders, 2)])
    history = rows[:-1]
    products = (history[:, :, None] * history[:, None, :]).reshape(periods, -1)
    return _Design(history, products, rows[-1], prior_sd)


def _fit_robustly(deviations: Array, known: NDArray[np.bool_], design: _Design, periods_per_year: int, iterations: int) -> _Fit:
    residuals = deviations - _yearly_medians(deviations, known, periods_per_year)
    _, scale = median_scale(residuals, known)
    for step in range(iterations):
        is_last_part = step >= 2
        weights = known * (_bisquare(residuals, scale) if is_last_part else _huber(residuals, scale))
        prior_precision = (scale[:, None] / design.prior_sd) ** 2
        covariance = _posterior_covariance(weights, prior_precision, design)
        coefficients = np.einsum("sij,sj->si", covariance, (weights * deviations) @ design.columns)
        residuals = deviations - coefficients @ design.columns.T
        penalty = (coefficients**2 * prior_precision).sum(axis=1)
        shifts = average_level_shifts(weights, residuals, design.columns, covariance, scale, penalty)
        residuals = residuals - shifts.fitted
        scale = huber_scale(residuals, known, scale, _coefficient_count(covariance, prior_precision))
    return _Fit(coefficients, covariance, residuals, scale, weights, shifts)


def _yearly_medians(deviations: Array, known: NDArray[np.bool_], periods_per_year: int) -> Array:
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


def _forecast_from(fit: _Fit, known: NDArray[np.bool_], centre: Array, design: _Design, horizon: int) -> Forecast:
    own, own_variance, extra = fit.shifts.forecast(fit.covariance, design.target)
    carried, kept = _carry_over(fit, known, horizon)
    mean = centre + fit.coefficients @ design.target + own + carried
    degrees = np.maximum(fit.weights.sum(axis=1) - design.target.size, 1.0)
    return Forecast(mean, fit.scale, kept + own_variance, extra, degrees)


def _carry_over(fit: _Fit, known: NDArray[np.bool_], horizon: int) -> tuple[Array, Array]:
    """Return what the last residual adds to the forecast, and the share of the noise's variance that it leaves (AR(1), shrunk)."""
    clipped = np.clip(fit.residuals, -2 * fit.scale[:, None], 2 * fit.scale[:, None]) * known
    together = (clipped[:, 1:] * clipped[:, :-1]).sum(axis=1)
    alone = (clipped[:, :-1] ** 2 * known[:, 1:]).sum(axis=1)
    phi = np.clip(together / (alone + CARRY_PRIOR_MONTHS * fit.scale**2), 0.0, 0.8) ** horizon
    phi = phi * known[:, -1]
    return phi * clipped[:, -1], 1.0 - phi**2
