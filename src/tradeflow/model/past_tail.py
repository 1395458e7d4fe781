"""Deviations restated so that earlier ones of the same group were standard normal: what a model's tails get wrong, its past corrects."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

Array = NDArray[np.float64]
Whole = NDArray[np.int64]

_LEVELS = np.array([0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99])
"""Shares of earlier deviations whose places are set right. Further out they are few, and may be what is looked for: the last shift
holds on."""
_NOMINAL = ndtri(_LEVELS)
_REMEMBERED = 5_000
"""Newest earlier deviations that a period is set by."""
_TRUSTED = 200.0
"""Earlier deviations that the model's own tails count for."""


def restate_by_past(z: Array, period: Whole, group: Whole) -> Array:
    """Return z shifted, period by period within a group, to where earlier z of the group would have been standard normal; NaN stays.

    Between levels the shift is read along a line; a correction that few deviations suggest is taken in part. The order of a group's rows of
    one period is kept.
    """
    restated = z.copy()
    known = np.flatnonzero(np.isfinite(z))
    order = known[np.lexsort((period[known], group[known]))]
    starts = np.flatnonzero(np.r_[True, np.diff(group[order]) != 0])
    for rows in np.split(order, starts[1:]):
        _restate_group(restated, z, rows, period[rows])
    return restated


def _restate_group(restated: Array, z: Array, rows: Whole, period: Whole) -> None:
    starts = np.flatnonzero(np.r_[True, np.diff(period) != 0])
    for start, end in zip(starts, [*starts[1:], len(rows)], strict=True):
        earlier = z[rows[max(0, start - _REMEMBERED) : start]]
        if len(earlier):
            now = rows[start:end]
            restated[now] = z[now] + _shift(z[now], earlier)


def _shift(z: Array, earlier: Array) -> Array:
    places = np.quantile(earlier, _LEVELS)
    trust = len(earlier) / (len(earlier) + _TRUSTED)
    # No shift may fall faster than z rises, or two rows would change places.
    target = np.maximum.accumulate(places + trust * (_NOMINAL - places))
    shifted: Array = np.interp(z, places, target - places)
    return shifted
