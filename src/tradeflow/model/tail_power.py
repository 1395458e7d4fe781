"""How much the far tail of a month's log amount differs from Student's t, by how many amounts are known before it.

A long history of ordinary trade has lighter tails than Student's t with few degrees of freedom. Within a group of series of like length
the chance of a deviation is raised to a power, so that about one ordinary month in a hundred has a chance of a hundredth (split conformal
prediction within groups: Vovk, Gammerman and Shafer 2005, sections 4.5 and 4.6).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

AMOUNTS = (26,)
"""Known amounts from which a series is of the next group."""
LEVEL = 0.01
"""The chance at which the powers hold."""
POWERS = np.array([1.0, 1.05])
"""By group: midway between the kinds of series, which cannot be told apart by their histories, of ln LEVEL over the quantile of the log
chance at LEVEL, from ordinary simulated series of seeds that nothing is judged on (`python -m tradeflow.evaluate.tail_power`),
rounded towards 1."""


def amounts_group(amounts: Array) -> NDArray[np.intp]:
    """Return the place of each series in POWERS."""
    return np.searchsorted(AMOUNTS, amounts, side="right")


def tail_power(amounts: Array) -> Array:
    """Return the power for each series; `amounts`: known ones in its history."""
    return np.asarray(POWERS[amounts_group(amounts)])
