"""What was known of a row's like before its day: sums over earlier rows of the same group, never of the day itself or after it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

Array = NDArray[np.float64]
Whole = NDArray[np.int64]


def number_values(column: pl.Series) -> Whole:
    """Return a number for each row that is the same where the value is, from 0; an empty cell is a value of its own."""
    return column.rank("dense").fill_null(0).to_numpy().astype(np.int64)


def cross_groups(numbered: Sequence[Whole]) -> Whole:
    """Return a number for each row that is the same where all of the `numbered` columns (at least one) are."""
    crossed = numbered[0]
    for column in numbered[1:]:
        width = int(column.max(initial=0)) + 1
        if (int(crossed.max(initial=0)) + 1) * width >= 2**62:
            crossed = np.unique(crossed, return_inverse=True)[1].astype(np.int64)
        crossed = crossed * width + column
    return crossed


class PastRecord:
    """The order of rows within groups and days, from which sums over a row's past are read off.

    `groups` and `days` are whole numbers, one a row. A row's past is every row of its group with a smaller day.
    """

    def __init__(self, groups: Whole, days: Whole) -> None:
        self._order = np.lexsort((days, groups))
        group, day = groups[self._order], days[self._order]
        opens_group = np.concatenate([[True], group[1:] != group[:-1]])[: len(group)]
        opens_day = opens_group | np.concatenate([[True], day[1:] != day[:-1]])[: len(group)]
        place = np.arange(len(group))
        self._group_start = np.maximum.accumulate(np.where(opens_group, place, 0))
        self._day_start = np.maximum.accumulate(np.where(opens_day, place, 0))

    def sum_before(self, amounts: Array) -> Array:
        """Return for each row the sum of `amounts` over its past; 0 where there is none."""
        running = np.concatenate([[0.0], np.cumsum(amounts[self._order])])
        past = np.empty(len(amounts))
        past[self._order] = running[self._day_start] - running[self._group_start]
        return past
