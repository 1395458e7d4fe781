"""Which months of a history were out of the ordinary: what they say of the next month, and of the noise, is not believed.

Each month is foretold from all others, before and after it. How far it was from that tells an odd month better than what a regression
leaves, which follows it half the way in a short history. The errors are taken for a mixture of ordinary months and a few odd ones, whose
share each series tells itself: one that had clear spikes is the likelier to have had others.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from tradeflow.model.excess import TAIL_DEGREES, log_density
from tradeflow.model.scale import SMALLEST_SCALE

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

ODD_SHARE, ODD_MONTHS, MOST_ODD = 0.01, 6.0, 0.08
"""Share of odd months before the history is seen, the months that this counts for, and the largest share that is believed. Set on
simulated series."""
ODD_SIZE = 1.2
"""Standard deviation, log, of what makes a month odd: about threefold."""
FURTHEST_SIZE = 3.0
"""Months further out than so many standard deviations of odd ones are as likely as those: a slip of a thousandfold is odd too."""
ROUNDS, STEPS = 3, 2
"""Rounds in which the others are cleaned by what was learnt of each, and steps of the mixture in each of them."""
SMALLEST_SHARE = 1e-3
_LOG_NORMAL = stats.norm.logpdf(0.0) - stats.t.logpdf(0.0, TAIL_DEGREES) - 0.5 * np.log(TAIL_DEGREES / (TAIL_DEGREES - 2))
"""Log of the normal density at 0 over that of Student's t with unit variance, which `log_density` leaves out."""


def believe_months(amounts: Array, known: Mask, start: Array, scale: Array, precision: Array) -> tuple[Array, Array]:
    """Return the history as it is believed and each month's chance that it was ordinary, 0 where nothing is known.

    `amounts`, `known` and `start`, what is believed to begin with: (series, periods), the newest first; gaps keep `start`. `scale`: the
    noise to begin with, (series,). `precision`: (periods, periods), the inverse of the covariance of a history, in units of the noise's
    variance; a month is foretold from the others by it (Rasmussen and Williams 2006, eq. 5.12).
    """
    own = np.diag(precision)
    count = known.sum(axis=1)
    noise, odd_share = scale, np.full(len(scale), ODD_SHARE)
    history, belief = start, known.astype(np.float64)
    for _ in range(ROUNDS):
        foretold = history - history @ precision / own
        errors = np.where(known, amounts - foretold, 0.0)
        for _ in range(STEPS):
            sd = noise[:, None] / np.sqrt(own)
            belief = known * _ordinary_chance(errors, sd, odd_share[:, None])
            counted = belief.sum(axis=1)
            odd_share = np.clip((count - counted + ODD_SHARE * ODD_MONTHS) / (count + ODD_MONTHS), SMALLEST_SHARE, MOST_ODD)
            weight = belief * (TAIL_DEGREES + 1) / (TAIL_DEGREES - 2 + (errors / sd) ** 2)
            noise = np.sqrt((weight * errors**2 * own).sum(axis=1) / np.maximum(counted, 2.0)).clip(SMALLEST_SCALE)
        history = np.where(known, foretold + belief * errors, start)
    return history, belief


def _ordinary_chance(errors: Array, sd: Array, odd_share: Array) -> Array:
    odd_sd = np.sqrt(sd**2 + ODD_SIZE**2)
    odd = -0.5 * np.minimum(np.abs(errors / odd_sd), FURTHEST_SIZE) ** 2 + _LOG_NORMAL
    gain = odd - log_density(errors / sd, TAIL_DEGREES)
    return np.asarray(1 / (1 + odd_share / (1 - odd_share) * sd / odd_sd * np.exp(gain)))
