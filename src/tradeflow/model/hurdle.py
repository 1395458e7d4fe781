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


def deviation_with_hurdle(deviations: Array, degrees_of_freedom: Array, probability: Array) -> Array:
    """Return the z of having this much trade or more, when there may be none: P = P(trade) P(amount >= observed | trade).

    `deviations` follow Student's t; log probabilities keep far tails finite (Mullahy 1986 for the hurdle).
    """
    log_tail = stats.t.logsf(deviations, degrees_of_freedom) + np.log(probability)
    return np.asarray(-special.ndtri_exp(log_tail))
