"""Whether trade moved from one leg to another: a share's change against how much such shares usually wander."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincc

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

WINDOWS = (3, 6, 12)
"""Periods over which a shift is looked for, each window ending with the period that it is told in."""
HISTORY_PERIODS = 24
"""Periods before the window that say what each leg usually carries."""
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


def sum_legs(leg: Array, other: Array, is_known: Mask, window: int) -> Sums:
    """Sum both legs, [pairs, periods] in kg, over windows that end with each period and over the history before.

    The share over a window is taken to be Beta with the history's mean (half a period's worth of either leg added) and the variance of a
    Dirichlet-multinomial, s (1 - s) x overdispersion x (1 / evidence of the window + 1 / evidence of the history). Evidence is Kish's
    effective number of periods, (sum n)^2 / sum n^2 of the monthly totals n: one large shipment is one observation.
    """
    a, b = np.where(is_known, leg, 0.0), np.where(is_known, other, 0.0)
    n = a + b
    known = is_known.astype(np.float64)
    now = {name: _window_sum(values, window, 0) for name, values in (("a", a), ("b", b), ("nn", n * n), ("known", known))}
    past = {
        name: _window_sum(values, HISTORY_PERIODS, window)
        for name, values in (("a", a), ("b", b), ("nn", n * n), ("aa", a * a), ("an", a * n), ("known", known))
    }
    total = past["a"] + past["b"]
    evidence, evidence_now = _divide(total**2, past["nn"]), _divide((now["a"] + now["b"]) ** 2, now["nn"])
    overdispersion = _overdispersion(past, _divide(past["a"], total), evidence)
    share = (_divide(past["a"], total) * evidence + 0.5) / (evidence + 1)
    factor = overdispersion * (1 / np.maximum(evidence_now, 1) + 1 / (evidence + 1))
    is_judged = (past["known"] >= MIN_HISTORY) & (now["known"] > window / 2) & (total > 0)
    factor *= _drift(_divide(now["a"], now["a"] + now["b"]), share, factor, is_judged & (now["a"] + now["b"] > 0))
    scale = _divide(now["known"], past["known"])
    return Sums(now["a"], past["a"] * scale, now["b"], past["b"] * scale, share, factor, evidence_now, is_judged)


def _drift(share_now: Array, share: Array, factor: Array, is_telling: Mask) -> float:
    """Return how much more the windows' shares scatter than months that know nothing of one another would: markets drift."""
    is_telling = is_telling & (share > 0.02) & (share < 0.98)
    if not is_telling.any():
        return 1.0
    deviation = np.abs(share_now - share)[is_telling] / np.sqrt((share * (1 - share) * factor)[is_telling])
    return max(1.0, float((_NORMAL_MAD * np.median(deviation)) ** 2))


def _overdispersion(past: dict[str, Array], share: Array, evidence: Array) -> Array:
    """Return the intra-period correlation by moments, sum (a - s n)^2 / sum n^2 / (s (1 - s)), drawn towards the median of all pairs."""
    spread = past["aa"] - 2 * share * past["an"] + share**2 * past["nn"]
    own = np.clip(_divide(spread, past["nn"] * share * (1 - share)), 0, 1)
    is_telling = (share > 0.02) & (share < 0.98) & (evidence >= _PRIOR_PERIODS)
    usual = float(np.median(own[is_telling])) if is_telling.any() else _UNKNOWN_OVERDISPERSION
    weight = np.where((share > 0) & (share < 1), evidence, 0.0)
    drawn: Array = (weight * own + _PRIOR_PERIODS * usual) / (weight + _PRIOR_PERIODS)
    return np.maximum(drawn, _SMALLEST_OVERDISPERSION)


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


def _window_sum(values: Array, length: int, back: int) -> Array:
    """Sum of the `length` periods that end `back` periods before each one; fewer at the beginning."""
    whole = np.concatenate([np.zeros((len(values), 1)), np.cumsum(values, axis=1)], axis=1)
    last = np.maximum(np.arange(values.shape[1]) + 1 - back, 0)
    # Differences of running sums leave crumbs of rounding where nothing was traded.
    found: Array = whole[:, last] - whole[:, np.maximum(last - length, 0)]
    return np.where(np.abs(found) < 1e-9 * np.maximum(whole[:, last], 1e-300), 0.0, found)


def _divide(above: Array, below: Array) -> Array:
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)
