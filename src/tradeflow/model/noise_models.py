"""How the log of a monthly amount can move: a grid of Gaussian models, each with its covariance, made once and used for every series.

A model is a level and a trend, a season of six annual harmonics that stays or that fades into another one, a level that wanders (a random
walk), and noise that may carry over from one month to the next (AR(1)). All of it is stated in standard deviations of the noise, which the
series itself tells; the grid is over the walk and the carry-over, and over the season. Since no model knows a series, the Cholesky factor
of its covariance is the same for all, and judging a series by all models is one matrix product (Rasmussen and Williams 2006, sections 2.2
and 5.2; a season that fades is their quasi-periodic covariance, section 5.4.3).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular

Array = NDArray[np.float64]

MOVES = ((0.03, 0.0), (0.05, 0.45), (0.1, 0.0), (0.25, 0.3), (0.5, 0.0))
"""The wandering level's monthly standard deviation, from hardly any to a level that is another one within months, and how much of a
month's noise is still there in the next one."""
SEASONS = ((0.2, np.inf), (1.0, np.inf), (1.0, 2.0))
"""Standard deviation of the first annual harmonic, the k-th has it divided by k; and the years in which the season fades to exp(-1)."""
JUDGING_MOVE = 3
"""Place among MOVES of what foretells a month from those around it: a level that may wander, and a season that may change (the last of
SEASONS), so that only a month that stands alone is odd."""
HARMONICS = 6
LEVEL_SD = 10.0
TREND_SD = 0.3
"""Standard deviation of the trend, a year."""


@dataclass(frozen=True)
class NoiseModels:
    """The grid for histories of one length; K models, n periods of history with the newest first, A periods ahead; noise variance 1."""

    whiten: Array
    """(n, K n): a history, newest first, times this gives each model's independent surprises, all of the noise's variance."""
    log_precision: Array
    """(n, K): natural log of what a surprise was multiplied by."""
    forecast: Array
    """(n, K A): a history, newest first, times this gives each model's mean of the periods ahead."""
    covariance: Array
    """(K, A, A): of the periods ahead, given the history."""
    precision: Array
    """(n, n): inverse covariance of a history, newest first, by the model that judges single months."""


@lru_cache(maxsize=16)
def noise_models(periods: int, periods_per_year: int, ahead: int, longest: int) -> NoiseModels:
    """Return the grid for histories of `periods`, at most `longest`, the nearest of which is just before the first period ahead."""
    factors, answers, own = _factors(periods_per_year, ahead, longest)
    whiten, answer = factors[:, :periods, :periods], answers[:, :periods]
    covariance = own - np.matmul(answer.transpose(0, 2, 1), answer)
    log_precision = np.log(np.diagonal(whiten, axis1=1, axis2=2)).T
    forecast = np.matmul(whiten.transpose(0, 2, 1), answer)
    seasons = len(whiten) // len(MOVES)
    judge = whiten[JUDGING_MOVE * seasons + seasons - 1]
    mapped = _newest_first(whiten.transpose(2, 0, 1)), log_precision, _newest_first(forecast.transpose(1, 0, 2))
    return NoiseModels(*mapped, covariance, judge.T @ judge)


def _newest_first(by_period: Array) -> Array:
    return np.ascontiguousarray(by_period).reshape(len(by_period), -1)


@lru_cache(maxsize=8)
def _factors(periods_per_year: int, ahead: int, longest: int) -> tuple[Array, Array, Array]:
    """Return inverse Cholesky factors, whitened covariances with the periods ahead, and the covariances of these.

    With the newest period first the factor of a shorter history is the corner of a longer one's.
    """
    age = np.concatenate([np.arange(1, longest + 1), -np.arange(ahead)]).astype(np.float64)
    covariance = _covariances(age, periods_per_year)
    lower = np.linalg.cholesky(covariance[:, :longest, :longest])
    factors = np.array([solve_triangular(each, np.eye(longest), lower=True) for each in lower])
    return factors, factors @ covariance[:, :longest, longest:], covariance[:, longest:, longest:]


def _covariances(age: Array, periods_per_year: int) -> Array:
    """Return (models, ages, ages); the walk is pinned where the age is 0, which a free level makes no restriction."""
    apart = np.abs(age[:, None] - age[None, :])
    shared = np.where(age[:, None] * age[None, :] > 0, np.minimum(np.abs(age[:, None]), np.abs(age[None, :])), 0.0)
    years, years_apart = age / periods_per_year, apart / periods_per_year
    common = LEVEL_SD**2 + TREND_SD**2 * years[:, None] * years[None, :]
    pattern = sum(np.cos(2 * np.pi * order * years_apart) / order**2 for order in range(1, HARMONICS + 1))
    seasons = [sd**2 * np.exp(-years_apart / memory) * pattern for sd, memory in SEASONS] if periods_per_year > 1 else [0.0]
    moves = [walk**2 * shared * 12 / periods_per_year + carry**apart for walk, carry in MOVES]
    return np.array([common + season + move for move in moves for season in seasons])
