"""When each reporter's month is published and published again, and which of our monthly pulls first holds it."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from tradeflow.sample.chance import Ints, hash_uniform
from tradeflow.sample.reporters import Habits

MONTH_COUNT = 72
FIRST_PULL_MONTH = 60
# A prompt reporter needs about this long, so a younger month cannot be in anybody's answer.
_PROMPT_DAYS = 45
_NEVER = 10**7


@dataclass(frozen=True)
class Clock:
    """The months of the world. Days are counted as ordinals; month i begins on `month_start[i]`."""

    periods: tuple[int, ...]
    month_start: Ints
    pull_days: Ints

    def month_of(self, day: Ints) -> Ints:
        """Place of the month a day falls into; -1 and `len(periods)` stand for before and after."""
        return np.searchsorted(self.month_start, day, side="right") - 1


@dataclass(frozen=True)
class Releases:
    """Reporter by month: day of first publication, day of the revision (or never), in ordinals."""

    first_day: Ints
    revised_day: Ints

    def is_revised(self) -> np.ndarray:
        """Whether each reporter's month is ever published again."""
        return self.revised_day < _NEVER

    def last_visible_month(self, today: int) -> Ints:
        """Per reporter the newest month such that it and all before it (gaps apart) are published by that day."""
        seen = self.first_day <= today
        places = np.where(seen, np.arange(seen.shape[1]), -1)
        latest: Ints = places.max(axis=1)
        return latest


def _add_months(day: date, months: int) -> date:
    place = day.year * 12 + day.month - 1 + months
    return date(place // 12, place % 12 + 1, min(day.day, 28))


def build_clock(today: date) -> Clock:
    """The last 72 months that a prompt reporter can have published by today, and the dates on which we pulled."""
    newest = _add_months((today - timedelta(days=_PROMPT_DAYS)).replace(day=1), -1)
    months = [_add_months(newest, back) for back in range(1 - MONTH_COUNT, 1)]
    starts = [month.toordinal() for month in (*months, _add_months(newest, 1))]
    pulls = [_add_months(today, back) for back in range(FIRST_PULL_MONTH - MONTH_COUNT, 0)]
    return Clock(
        periods=tuple(month.year * 100 + month.month for month in months),
        month_start=np.array(starts, dtype=np.int64),
        pull_days=np.array([*(day.toordinal() for day in pulls), today.toordinal()], dtype=np.int64),
    )


def plan_releases(habits: Habits, clock: Clock, seed: int) -> Releases:
    """Each reporter's delay with a little jitter; some months are published again; one reporter re-states two years at once."""
    reporters = np.arange(len(habits.release_days))[:, None]
    months = np.arange(len(clock.periods))[None, :]
    jitter = hash_uniform(seed, "release jitter", reporters, months) * 12 - 4
    ends = clock.month_start[1:][None, :]
    first = np.round(ends + habits.release_days[:, None] + jitter).astype(np.int64)
    first[(months >= habits.silent_from[:, None]) & (months < habits.silent_until[:, None])] = _NEVER
    wait = 40 + 260 * hash_uniform(seed, "revision wait", reporters, months)
    is_revised = hash_uniform(seed, "is revised", reporters, months) < habits.revision_share[:, None]
    revised = np.where(is_revised & (first < _NEVER), first + wait.astype(np.int64), _NEVER)
    _restate_two_years(revised, first, habits, clock)
    return Releases(first_day=first, revised_day=revised)


def _restate_two_years(revised: Ints, first: Ints, habits: Habits, clock: Clock) -> None:
    """Overwrite one reporter's revisions: the two calendar years before the last one come again on one day."""
    years = np.array(clock.periods) // 100
    chosen = np.isin(years, [years[-1] - 2, years[-1] - 1])
    day = int(clock.pull_days[-6]) - 3
    for reporter in np.flatnonzero(habits.restates_two_years):
        is_out = chosen & (first[reporter] < day)
        revised[reporter, is_out] = day
