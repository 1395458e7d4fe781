"""How the log of a monthly amount can move: a grid of Gaussian models, each with its covariance, made once and used for every series.

A model is a level, a trend and three annual harmonics (all uncertain), a level that wanders (a random walk), and noise that may carry
over from one month to the next (AR(1)); the grid is over the noise, the walk and the carry-over. Since no model knows a series, the
Cholesky factor of its covariance is the same for all, and judging a series by all models is one matrix product (Rasmussen and Williams
2006, sections 2.2 and 5.2).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular

Array = NDArray[np.float64]

NOISE_SD = np.geomspace(0.06, 1.4, 9)
"""Standard deviations of the noise, log: from a flow that is the same every month to one that says little."""
WALKS = (0.01, 0.05)
"""Monthly standard deviations of the wandering level, log: hardly at all, and about a fifth in a year."""
WALK_OF_NOISE = 0.12
"""The faster walk is at least this share of the noise: what is noisy by the month is seldom steady by the year."""
CARRY = (0.0, 0.45)
"""How much of a month's noise is still there in the next one."""
LEVEL_SD = 3.0
TREND_SD = 0.08
"""Standard deviation of the trend, log per year."""
SEASON_SD = 0.2
"""Standard deviation of the first annual harmonic, log; the k-th has it divided by the root of k."""
HARMONICS = 3


@dataclass(frozen=True)
class NoiseModels:
    """The grid for histories of one length; K models, n periods of history with the newest first, A periods ahead."""

    whiten: Array
    """(n, K n): a history, newest first, times this gives each model's independent standardised surprises."""
    log_precision: Array
    """(n, K): natural log of what a surprise was multiplied by."""
    answer: Array
    """(K, n, A): what each surprise says about each period ahead."""
    covariance: Array
    """(K, A, A): of the periods ahead, given the history."""
    noise_variance: Array
    """(K,)"""


@lru_cache(maxsize=16)
def noise_models(periods: int, periods_per_year: int, ahead: int, longest: int) -> NoiseModels:
    """Return the grid for histories of `periods`, at most `longest`, the nearest of which is just before the first period ahead."""
    factors, answers, own = _factors(periods_per_year, ahead, longest)
    whiten, answer = factors[:, :periods, :periods], answers[:, :periods]
    covariance = own - np.matmul(answer.transpose(0, 2, 1), answer)
    flat = np.ascontiguousarray(whiten.transpose(2, 0, 1)).reshape(periods, -1)
    log_precision = np.log(np.diagonal(whiten, axis1=1, axis2=2)).T
    return NoiseModels(flat, log_precision, answer, covariance, _grid()[:, 0] ** 2)


def _grid() -> Array:
    """Return (models, 3): noise, monthly walk, carry-over."""
    walks = [(sd, walk) for sd in NOISE_SD for walk in (WALKS[0], max(WALKS[1], WALK_OF_NOISE * sd))]
    return np.array([(sd, walk, carry) for sd, walk in walks for carry in CARRY])


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
    years = age / periods_per_year
    common = LEVEL_SD**2 + TREND_SD**2 * years[:, None] * years[None, :]
    for order in range(1, (HARMONICS if periods_per_year > 1 else 0) + 1):
        common = common + SEASON_SD**2 / order * np.cos(2 * np.pi * order * apart / periods_per_year)
    walk_months = shared * 12 / periods_per_year
    return np.array([common + walk**2 * walk_months + sd**2 * carry**apart for sd, walk, carry in _grid()])
