"""Whether trade moved from one leg to another: a share's change against how much such shares usually wander."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincc

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

WINDOWS = (3, 6, 12)
"""Periods over which a shift is looked for, each window ending with the period that it is told in; each twice the one before."""
HISTORY_PERIODS = 24
"""Periods before the window that say what each leg usually carries: twice the longest window."""
MIN_HISTORY = 12
"""Known periods of these from which a share is judged."""
_PRIOR_PERIODS = 6
"""Periods that the code's usual overdispersion counts for where a pair's own rests on few."""
_UNKNOWN_OVERDISPERSION = 0.5
_SMALLEST_OVERDISPERSION = 0.01
_NORMAL_MAD = 1.4826


@dataclass(frozen=True)
class Sums:
    """Of two legs over the window and over the history before it, [pairs, periods]: kilograms, the share to expect and its spread."""

    leg_kg: Array
    leg_expected_kg: Array
    other_kg: Array
    other_expected_kg: Array
    expected_share: Array
    spread_factor: Array
    evidence: Array
    is_judged: Mask

    def at(self, pairs: NDArray[np.integer]) -> Sums:
        """Return the sums of the pairs at these places."""
        return Sums(*(getattr(self, each.name)[pairs] for each in fields(self)))


@dataclass(frozen=True)
class _History:
    """What the `HISTORY_PERIODS` that end with each period hold, [pairs, periods]: known periods, kilograms, and the share's own record."""

    known: Array
    leg_kg: Array
    other_kg: Array
    share: Array
    expected_share: Array
    evidence: Array
    overdispersion: Array

    def pick(self, choose: Callable[[Array], Array]) -> _History:
        """Return the same figures of a part of the cells."""
        return _History(*(choose(getattr(self, each.name)) for each in fields(self)))


def sum_legs(leg: Array, other: Array, is_known: Mask, *, first_told: int = 0, times: NDArray[np.integer] | None = None) -> dict[int, Sums]:
    """Sum both legs, [pairs, periods] in kg, over each of `WINDOWS`, which end with each period from `first_told` on, and over the history.

    The share over a window is taken to be Beta with the history's mean (half a period's worth of either leg added) and the variance of a
    Dirichlet-multinomial, s (1 - s) x overdispersion x (1 / evidence of the window + 1 / evidence of the history). Evidence is Kish's
    effective number of periods, (sum n)^2 / sum n^2 of the monthly totals n: one large shipment is one observation. What is usual is
    learnt from all periods and pairs; a pair counts `times` [pairs] over.
    """
    a, b = np.where(is_known, leg, 0.0), np.where(is_known, other, 0.0)
    n = a + b
    summed = (("known", is_known.astype(np.float64)), ("a", a), ("b", b), ("nn", n * n))
    now = {name: _trailing_sums(values) for name, values in summed}
    past = {name: sums[HISTORY_PERIODS] for name, sums in now.items()}
    past |= {"aa": _trailing_sums(a * a)[HISTORY_PERIODS], "an": _trailing_sums(a * n)[HISTORY_PERIODS]}
    history = _recall(past)
    repeat = np.ones(len(leg), dtype=np.int64) if times is None else times
    return {window: _judge({name: sums[window] for name, sums in now.items()}, history, window, first_told, repeat) for window in WINDOWS}


def _recall(past: dict[str, Array]) -> _History:
    """The overdispersion is the intra-period correlation by moments, sum (a - s n)^2 / sum n^2 / (s (1 - s))."""
    total = past["a"] + past["b"]
    share, evidence = _divide(past["a"], total), _divide(total**2, past["nn"])
    spread = past["aa"] - 2 * share * past["an"] + share**2 * past["nn"]
    own = np.clip(_divide(spread, past["nn"] * share * (1 - share)), 0, 1)
    return _History(past["known"], past["a"], past["b"], share, (share * evidence + 0.5) / (evidence + 1), evidence, own)


def _judge(now: dict[str, Array], history: _History, window: int, first_told: int, times: NDArray[np.integer]) -> Sums:
    """Set each window beside the history that ends where it begins."""
    periods = history.share.shape[1]
    before = history.pick(lambda each: each[:, : max(periods - window, 0)])
    usual = _usual_overdispersion(before, times)
    ended = {name: sums[:, window:] for name, sums in now.items()}
    is_told = _is_judged(before, ended["known"], window) & (ended["a"] + ended["b"] > 0) & _is_shared(before.expected_share)
    pair = np.nonzero(is_told)[0]
    drift = _drift({name: sums[is_told] for name, sums in ended.items()}, before.pick(lambda each: each[is_told]), usual, times[pair])
    told = {name: sums[:, first_told:] for name, sums in now.items()}
    earlier = history.pick(lambda each: _earlier(each, window, first_told))
    factor, evidence = _expect(told, earlier, usual)
    scale = _divide(told["known"], earlier.known)
    is_judged = _is_judged(earlier, told["known"], window)
    leg, other = (told["a"], earlier.leg_kg * scale), (told["b"], earlier.other_kg * scale)
    return Sums(*leg, *other, earlier.expected_share, factor * drift, evidence, is_judged)


def _is_judged(history: _History, known: Array, window: int) -> Mask:
    found: Mask = (history.known >= MIN_HISTORY) & (known > window / 2) & (history.leg_kg + history.other_kg > 0)
    return found


def _is_shared(share: Array) -> Mask:
    """A share near none or all wanders too little to tell anything of the others."""
    found: Mask = (share > 0.02) & (share < 0.98)
    return found


def _usual_overdispersion(history: _History, times: NDArray[np.integer]) -> float:
    is_telling = _is_shared(history.share) & (history.evidence >= _PRIOR_PERIODS)
    own = np.repeat(history.overdispersion[is_telling], times[np.nonzero(is_telling)[0]])
    return float(np.median(own)) if len(own) else _UNKNOWN_OVERDISPERSION


def _expect(now: dict[str, Array], history: _History, usual: float) -> tuple[Array, Array]:
    """Return the spread factor of the share before drift, and the window's evidence; the own overdispersion is drawn to `usual`."""
    evidence = _divide((now["a"] + now["b"]) ** 2, now["nn"])
    weight = np.where((history.share > 0) & (history.share < 1), history.evidence, 0.0)
    drawn = (weight * history.overdispersion + _PRIOR_PERIODS * usual) / (weight + _PRIOR_PERIODS)
    factor = np.maximum(drawn, _SMALLEST_OVERDISPERSION) * (1 / np.maximum(evidence, 1) + 1 / (history.evidence + 1))
    return factor, evidence


def _drift(now: dict[str, Array], history: _History, usual: float, times: NDArray[np.integer]) -> float:
    """Return how much more the windows' shares, [cells], scatter than months that know nothing of one another would: markets drift."""
    if not len(times):
        return 1.0
    share, factor = history.expected_share, _expect(now, history, usual)[0]
    deviation = np.abs(now["a"] / (now["a"] + now["b"]) - share) / np.sqrt(share * (1 - share) * factor)
    return max(1.0, float((_NORMAL_MAD * np.median(np.repeat(deviation, times))) ** 2))


def keep_largest(moved_kg: Array, leg: NDArray[np.integer]) -> Array:
    """Return `moved_kg` of the pair of each leg and period with which most moved; 0 elsewhere. leg: [pairs], sorted."""
    first = np.flatnonzero(np.r_[True, leg[1:] != leg[:-1]])
    most = np.repeat(np.maximum.reduceat(moved_kg, first, axis=0), np.diff(np.r_[first, len(leg)]), axis=0)
    kept: Array = np.where(moved_kg == most, moved_kg, 0.0)
    return kept


def shift_p_values(sums: Sums, moved_kg: Array, other_kg: Array) -> Array:
    """Return the one-sided chance of a share at least as high as `moved_kg` on top of the leg's expectation makes it beside `other_kg`.

    A period's worth of the expected share is added first, so that a single shipment never makes a share of nought or one certain. NaN where
    nothing moved or the history is too short.
    """
    p = np.full(moved_kg.shape, np.nan)
    at = sums.is_judged & (moved_kg > 0)
    leg = sums.leg_expected_kg[at] + moved_kg[at]
    mean = sums.expected_share[at]
    drawn = sums.evidence[at] / (sums.evidence[at] + 1)
    shifted = mean + (leg / (leg + np.maximum(other_kg[at], 0)) - mean) * drawn
    size = np.maximum(1 / (sums.spread_factor[at] * drawn**2) - 1, 0.5)
    p[at] = np.maximum(betaincc(mean * size, (1 - mean) * size, shifted), np.finfo(float).tiny)
    return p


def sum_expected(leg: Array, is_known: Mask, first_told: int) -> dict[int, tuple[Array, Array]]:
    """Return per window what a leg carried and what its history led to expect, as in `sum_legs`."""
    kg, known = _trailing_sums(np.where(is_known, leg, 0.0)), _trailing_sums(is_known.astype(np.float64))
    found = {}
    for window in WINDOWS:
        past, past_known = (_earlier(sums[HISTORY_PERIODS], window, first_told) for sums in (kg, known))
        found[window] = kg[window][:, first_told:], past * _divide(known[window][:, first_told:], past_known)
    return found


def _trailing_sums(values: Array) -> dict[int, Array]:
    """Return by length the sums of so many periods ending with each one, [pairs, periods]; fewer at the beginning.

    Twice as long is a sum and the one before it. Differences of running sums would lose small months beside large ones.
    """
    shortest = _add_earlier(values, values, 1)
    for back in range(2, WINDOWS[0]):
        shortest = _add_earlier(shortest, values, back)
    sums = {WINDOWS[0]: shortest}
    while (length := max(sums)) < HISTORY_PERIODS:
        sums[2 * length] = _add_earlier(sums[length], sums[length], length)
    return sums


def _add_earlier(sums: Array, values: Array, back: int) -> Array:
    """Return the sums with what `values` held `back` columns before."""
    found = np.empty_like(sums)
    found[:, :back] = sums[:, :back]
    np.add(sums[:, back:], values[:, :-back], out=found[:, back:])
    return found


def _earlier(values: Array, back: int, first: int) -> Array:
    """Return the columns from `first` on of what stood `back` columns before; 0 before the beginning."""
    periods = values.shape[1]
    found = np.zeros((len(values), periods - first))
    blank = min(max(back - first, 0), periods - first)
    found[:, blank:] = values[:, first + blank - back : max(periods - back, 0)]
    return found


def _divide(above: Array, below: Array) -> Array:
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)
