"""Whether a series trades at all in a period, and how surprising it is that a silent one does."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

HALF_LIFE_YEARS = 3.0
"""Age at which a past period says half as much about the next one's chance of trade."""
SEASON_PRIOR_YEARS = 6.0
"""Same months of earlier years that the chance of any month counts for beside them."""


def trade_probability(has_traded: Mask, is_known: Mask, targets: NDArray[np.intp], periods_per_year: int) -> Array:
    """Return (series, targets): the chance of trade in each target column, from the columns before it.

    Past occurrences with a fading memory and a Beta(1/2, 1/2) prior, then the same month of earlier years shrunk towards that.
    """
    age = targets[None, :] - np.arange(has_traded.shape[1])[:, None]
    memory = np.where(age > 0, 0.5 ** (age / (HALF_LIFE_YEARS * periods_per_year)), 0.0)
    traded, known = (has_traded & is_known).astype(np.float64), is_known.astype(np.float64)
    overall = (traded @ memory + 0.5) / (known @ memory + 1.0)
    if periods_per_year == 1:
        return overall
    same_month = memory * (age % periods_per_year == 0)
    return np.asarray((traded @ same_month + SEASON_PRIOR_YEARS * overall) / (known @ same_month + SEASON_PRIOR_YEARS))


def silent_periods(has_traded: Mask, is_known: Mask) -> NDArray[np.int64]:
    """Return (series, periods + 1): for each column, and the one after the last, the known periods without trade just before it."""
    known: NDArray[np.int64] = np.cumsum(np.pad(is_known, ((0, 0), (1, 0))), axis=1)
    at_trade = np.where(np.pad(has_traded & is_known, ((0, 0), (1, 0))), known, 0)
    return np.asarray(known - np.maximum.accumulate(at_trade, axis=1))


def restart_chance(silent: NDArray[np.int64]) -> Array:
    """Return the chance that trade starts again in the next period after so many without (Laplace's rule of succession)."""
    return np.asarray(1.0 / (silent + 2.0))


def deviation_with_hurdle(deviations: Array, degrees_of_freedom: Array, probability: Array) -> Array:
    """Return the z of having this much trade or more, when there may be none: P = P(trade) P(amount >= observed | trade).

    `deviations` follow Student's t; log probabilities keep far tails finite (Mullahy 1986 for the hurdle).
    """
    log_tail = stats.t.logsf(deviations, degrees_of_freedom) + np.log(probability)
    return np.asarray(-special.ndtri_exp(log_tail))
