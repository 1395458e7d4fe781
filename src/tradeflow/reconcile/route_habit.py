"""What a route, one exporter, importer and commodity, has shown of its own in the periods before: how far off its corridor, how scattered.

One habit per corridor serves all its codes; where a code differs from the others every period of it would be news. Both figures are
medians of the route's past (a cut flow or a slip does not move them at once), drawn to the corridor's by the number of periods they come
from: the best linear prediction, of which the variance components are estimated over all routes (Robbins 1956; Efron and Morris 1973).
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradeflow.reconcile.corridor import MEDIAN_VARIANCE
from tradeflow.reconcile.sides import Floats, Ints, Sides

PAST_PERIODS = 24
"""A route's newest periods with both sides before the judged one: half of them must have changed before a change is a habit."""
_LOG_SCATTER_VARIANCE = 1.36
"""Variance of the log of the median distance of n normal draws, times n: 1 / (4 f^2), f the density of the log of one at its median."""
_FAR = 3.0
"""Standard deviations, and logs of the scatter, at which a figure is cut off before it tells of habits."""
_NEAR_LOG = -1.5
"""Log below which the distance from a level is cut off: two reports copied from one another show no scatter, and will not for ever."""
_SETTLED = 6
"""Periods from which one or two slips do not move a median: it may then lie further off than _FAR."""
_PRIOR_ROWS = 100
"""Rows without a habit that are added when the variance components are estimated: a few routes must not make one."""


@dataclass(frozen=True)
class Rest:
    """One measure's gaps less what is usual of their corridors, one place per pair; NaN where a side has no amount.

    habit: what is usual. variance: of one gap about it. timing: what timing adds to it, one place for all where it adds nothing.
    """

    gap_log: Floats
    habit: Floats
    variance: Floats
    timing: Floats


@dataclass(frozen=True)
class RouteLaw:
    """How much routes differ from their corridors, in parts of the corridor's variance.

    level_share: variance of their own levels. scatter_variance: of the logs of their own scatter, about `usual_scatter_log`.
    """

    level_share: float
    scatter_variance: float
    usual_scatter_log: float


@dataclass(frozen=True)
class RoutePast:
    """What each pair's past adds to its corridor's: a level in logs, a factor of the variance, and the number of periods that tell."""

    level_log: Floats
    variance_factor: Floats
    periods: Ints

    def take(self, rows: Ints) -> RoutePast:
        """Return some of the pairs."""
        return RoutePast(*(getattr(self, each.name)[rows] for each in fields(self)))


Rests = tuple[Rest, Rest, Rest]
RouteLaws = tuple[RouteLaw, RouteLaw, RouteLaw]
Pasts = tuple[RoutePast, RoutePast, RoutePast]
"""Of value, of weight, of both together."""
NO_LAW = RouteLaw(0.0, 0.0, 0.0)
NO_LAWS = (NO_LAW, NO_LAW, NO_LAW)


def fit_routes(sides: Sides, rests: Rests, least_variance: float) -> tuple[RouteLaws, Pasts | None]:
    """Estimate for each measure how much routes differ; return also what the periods before tell of each pair. sides: whole routes.

    least_variance: see `read_pasts`.
    """
    told = [_arrange(sides, rest) for rest in rests]
    laws = [NO_LAW if each is None or not each.periods.any() else _fit_law(each) for each in told]
    made = (laws[0], laws[1], laws[2])
    return made, _read(told, made, sides.size, least_variance)


def read_pasts(sides: Sides, rests: Rests, laws: RouteLaws, least_variance: float) -> Pasts | None:
    """Return what the periods before tell of each pair; None where there are no periods. sides: whole routes.

    A pair without both sides has no past. least_variance: below it no variance is brought, for no report is exact.
    """
    if laws == NO_LAWS:
        return None
    return _read([_arrange(sides, rest) for rest in rests], laws, sides.size, least_variance)


def take_pasts(pasts: Pasts | None, rows: Ints) -> Pasts | None:
    """Return what the periods before tell of some of the pairs."""
    return None if pasts is None else (pasts[0].take(rows), pasts[1].take(rows), pasts[2].take(rows))


@dataclass(frozen=True)
class _Told:
    """The pairs with a gap, route by route and in the order of time.

    drawn: the gaps in standard deviations, without what timing adds to the scatter; spread: the standard deviation without timing.
    shown: the past median of the gaps in logs; periods: how many it comes from.
    """

    rows: Ints
    drawn: Floats
    spread: Floats
    key: Ints
    periods: Ints
    shown: Floats


def _past_median(key: Ints, figure: Floats) -> Floats:
    """Return the median of `figure` over the route's newest PAST_PERIODS before; 0 where there is none."""
    median = pl.col("figure").rolling_median_by("key", window_size=f"{PAST_PERIODS}i", closed="left")
    found: Floats = pl.DataFrame({"key": key, "figure": figure}).select(median.fill_null(0)).to_series().to_numpy()
    return found


def _arrange(sides: Sides, rest: Rest) -> _Told | None:
    """Put the pairs in order; None in a table of one period. A gap to which timing adds is drawn in until it scatters as without."""
    if sides.route is None:
        return None
    rows = np.flatnonzero(np.isfinite(rest.gap_log))
    rows = rows[np.lexsort((sides.market[rows], sides.route[rows]))]
    is_first = np.diff(sides.route[rows], prepend=-1) != 0
    place = np.arange(len(rows))
    periods = np.minimum(place - np.maximum.accumulate(np.where(is_first, place, 0)), PAST_PERIODS)
    key, variance = place + PAST_PERIODS * np.cumsum(is_first), rest.variance[rows]
    drawn = rest.gap_log[rows] / np.sqrt(variance + np.broadcast_to(rest.timing, rest.gap_log.shape)[rows])
    spread = np.sqrt(variance)
    return _Told(rows, drawn, spread, key, periods, _past_median(key, drawn * spread))


def _fit_law(told: _Told) -> RouteLaw:
    """Estimate how much routes differ from the products of what was before and what is now."""
    has_past, now = told.periods > 0, _near(told.drawn)
    share = float(np.clip(_product(now, _near(told.shown / told.spread), has_past) / max(float(np.mean(now**2)), 1e-12), 0, 0.99))
    scatter = _log_scatter(told, share)
    usual = float(np.median(scatter))
    off = _off(scatter, usual)
    return RouteLaw(share, max(_product(off, _past_median(told.key, off), has_past), 0.0), usual)


def _near(figure: Floats) -> Floats:
    return np.clip(figure, -_FAR, _FAR)


def _product(now: Floats, before: Floats, has_past: NDArray[np.bool_]) -> float:
    return float(np.sum(now[has_past] * before[has_past]) / (has_past.sum() + _PRIOR_ROWS))


def _read(told: list[_Told | None], laws: RouteLaws, size: int, least_variance: float) -> Pasts | None:
    if laws == NO_LAWS:
        return None
    made = [_read_past(each, law, size, least_variance) for each, law in zip(told, laws, strict=True)]
    return made[0], made[1], made[2]


def _read_past(told: _Told | None, law: RouteLaw, size: int, least_variance: float) -> RoutePast:
    made = RoutePast(np.zeros(size), np.ones(size), np.zeros(size, np.intp))
    if told is None or law == NO_LAW:
        return made
    before = _past_median(told.key, _off(_log_scatter(told, law.level_share), law.usual_scatter_log))
    kept = _kept(law.scatter_variance, _LOG_SCATTER_VARIANCE, told.periods)
    # The standard deviation to be expected: logs scatter about the one that is likeliest, the more the less is known.
    scatter = np.exp(2 * kept * before + (1 - kept) * law.scatter_variance)
    factor = (1 - law.level_share * _level_kept(told, law.level_share)) * scatter
    made.level_log[told.rows] = _level(told, law.level_share)
    made.variance_factor[told.rows] = np.maximum(factor, np.minimum(1, least_variance / told.spread**2))
    made.periods[told.rows] = told.periods
    return made


def _level(told: _Told, share: float) -> Floats:
    """Return the routes' own levels in logs."""
    far = np.where(told.periods < _SETTLED, _FAR * told.spread, np.inf)
    level: Floats = _level_kept(told, share) * np.clip(told.shown, -far, far)
    return level


def _off(scatter: Floats, usual: float) -> Floats:
    return np.clip(scatter - usual, _NEAR_LOG, _FAR)


def _level_kept(told: _Told, share: float) -> Floats:
    return _kept(share, MEDIAN_VARIANCE * (1 - share), told.periods)


def _kept(between: float, within: float, periods: Ints) -> Floats:
    """Return the part of a past median that is kept."""
    kept: Floats = between * periods / np.maximum(between * periods + within, 1e-300)
    return kept


def _log_scatter(told: _Told, share: float) -> Floats:
    """Return ln of each gap's distance from what was usual of its route, in the standard deviations expected then."""
    expected = np.sqrt(1 - share * _level_kept(told, share))
    distance: Floats = np.log(np.maximum(np.abs(told.drawn - _level(told, share) / told.spread) / expected, 1e-9))
    return distance
