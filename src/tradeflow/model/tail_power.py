"""How much the far tail of a month's log amount differs from Student's t, by what is known of the series before the month.

A short history makes a standard deviation that is often too small by far, and months that the robust regression doubts tell of heavy tails.
Within a group of like series the chance of a deviation is raised to a power, so that one ordinary month in a hundred has a
chance of a hundredth (split conformal prediction within groups: Vovk, Gammerman and Shafer 2005, sections 4.5 and 4.6).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

AMOUNTS = (8, 11, 16, 26)
"""Known amounts from which a series is of the next group."""
DOUBTED_SHARES = (0.0, 0.03)
"""Shares of doubted months above which a series is of the next group."""
LEVEL = 0.01
"""The chance at which the powers hold exactly."""
POWERS = np.array(
    [
        [0.72, 0.72, 0.72],
        [0.80, 0.80, 0.80],
        [0.89, 0.89, 0.89],
        [0.99, 0.89, 0.89],
        [1.04, 0.99, 0.96],
    ]
)  # fmt: skip
"""By amounts and share of doubted months: ln LEVEL over the quantile of the log chance at LEVEL, on ordinary simulated series of seeds that
nothing is judged on (`python -m tradeflow.evaluate.tail_power`). Groups of fewer than a thousand of these have their neighbour's."""


def tail_groups(amounts: Array, doubted_share: Array) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the place of each series in POWERS."""
    return np.searchsorted(AMOUNTS, amounts, side="right"), np.searchsorted(DOUBTED_SHARES, doubted_share, side="left")


def tail_power(amounts: Array, doubted_share: Array) -> Array:
    """Return the power for each series; `amounts`: known ones in its history, `doubted_share`: of them, beyond DOUBTED deviations."""
    return np.asarray(POWERS[tail_groups(amounts, doubted_share)])
