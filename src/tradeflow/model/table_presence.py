"""How much oftener a table's series trade in a month than their own past says: the chance of trade, restated for the table.

A series' past says how often it trades. Whether a month is one in which most do, or whether a table lists only what traded, only the other
series of the month can say.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

Array = NDArray[np.float64]
Whole = NDArray[np.int64]

SELDOM = (0.1, 0.9)
"""Chances of trade between which a series tells how many trade: the others nearly always do, or nearly never."""
TRUSTED = 2.0
"""Information that no difference counts for beside a table's months, and the table's beside a group's: that of eight series with a chance
of one half."""
STEPS = 15


def restate_presence(chance: Array, has_traded: Array, month: Whole, group: Whole) -> Array:
    """Return the chances of trade moved, in log odds, to where as many series of each month trade as were seen to; NaN stays.

    `has_traded`: 1 or 0, NaN where it is not known. `month` and `group` number the rows from 0; a row of one group is of one month alone.
    A group's shift is drawn from its month's to its own.
    """
    odds = logit(chance)
    tells = np.flatnonzero((chance > SELDOM[0]) & (chance < SELDOM[1]) & np.isfinite(has_traded))
    month_of = np.zeros(int(group.max(initial=-1)) + 1, dtype=np.int64)
    month_of[group] = month
    whole = _fit_shift(odds[tells], has_traded[tells], month[tells], np.zeros(int(month.max(initial=-1)) + 1))
    own = _fit_shift(odds[tells], has_traded[tells], group[tells], whole[month_of])
    return np.asarray(expit(odds + own[group]))


def _fit_shift(odds: Array, has_traded: Array, place: Whole, centre: Array) -> Array:
    """Return the shift of the log odds of each place: a logistic regression with a normal prior, by Newton's method."""
    shift = centre.copy()
    for _ in range(STEPS):
        chance = expit(odds + shift[place])
        gradient = np.bincount(place, has_traded - chance, len(centre)) - TRUSTED * (shift - centre)
        information = np.bincount(place, chance * (1 - chance), len(centre)) + TRUSTED
        shift = shift + np.clip(gradient / information, -1.0, 1.0)
    return shift
