"""How strange an amount is that is higher than expected: the chance of as much by accident, and the evidence for a one-off excess."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

Array = NDArray[np.float64]

TAIL_DEGREES = 7.0
"""Degrees of freedom of Student's t for one month's log amount: trade has heavier tails than the normal distribution. Set on simulated
series, see `tradeflow.evaluate.tail_degrees`."""
WILD_DEGREES = 3.0
"""The same where one month is weighed as evidence: a month far out is oftener a slip or a late report than the excess looked for. Chosen on
real monthly imports with planted excesses."""
INTERVAL = 0.9
ONE_OFF_SIZE, ONE_OFF_SPREAD = 1.1, 0.5
"""Usual size of a one-off excess, log (threefold), and how far the log of the size varies."""
ANY_SIZE = 0.02
"""Chance that an excess is of no usual size: then anything from half again to a million-fold is alike."""
SMALLEST_ANY_SIZE = 0.5
CHANGE_CHANCE = 0.02
"""Share of series that are taken to have changed before their figures are looked at: one in fifty."""

_UNIT_VARIANCE = np.sqrt(TAIL_DEGREES / (TAIL_DEGREES - 2))
_SIZES = np.geomspace(0.15, 14.0, 24)
_SIZE_STEP = np.log(_SIZES[1] / _SIZES[0])
_SURELY_RISING = 0.75
"""Height, log, up to which the factor rises, and below all that it falls to later, whatever the noise."""
_HEIGHTS, _FALLEN = np.concatenate([np.linspace(0.8, 2.2, 15), np.linspace(2.4, 14.0, 30)]), 4.0
"""Heights, log, between which the factor falls and rises again; it is highest below _FALLEN and lowest above."""


def size_chances(sizes: Array, usual: float, spread: float, any_size: float) -> Array:
    """Return the chance of each of `sizes`, log, spaced evenly in their logs: log-normal, with the share `any_size` of any size."""
    named = np.exp(-0.5 * (np.log(sizes / usual) / spread) ** 2)
    anything = (sizes > SMALLEST_ANY_SIZE).astype(np.float64)
    return np.asarray((1 - any_size) * named / named.sum() + any_size * anything / anything.sum())


def log_density(deviations: Array, degrees: float) -> Array:
    """Return the log density of Student's t with unit variance, up to a constant."""
    return np.asarray(-(degrees + 1) / 2 * np.log1p(deviations**2 / (degrees - 2)))


def log_tail(deviations: Array) -> Array:
    """Return the log of the chance of at least this deviation, in standard deviations."""
    return np.asarray(np.log(stats.t.sf(deviations * _UNIT_VARIANCE, TAIL_DEGREES)))


def deviation_exceeded(chance: Array) -> Array:
    """Return the deviation, in standard deviations, that is exceeded with this chance: `log_tail` the other way round."""
    return np.asarray(stats.t.isf(chance, TAIL_DEGREES) / _UNIT_VARIANCE)


def interval_reach() -> float:
    """Return how many standard deviations the interval reaches to either side."""
    return float(stats.t.ppf((1 + INTERVAL) / 2, TAIL_DEGREES) / _UNIT_VARIANCE)


def presence_chance(trade_probability: Array) -> Array:
    """Return what it counts that there is trade at all: the root of its chance, twice the chance below a quarter.

    Months with trade come in runs, so the chance of one month says too much about a series that trades now and then; after a long
    silence it says what it says.
    """
    return np.minimum(np.sqrt(trade_probability), 2 * trade_probability)


def log_p_value(deviations: Array, trade_probability: Array) -> Array:
    """Return the log of the chance of so much trade or more, given that there may be none (Mullahy 1986 for the hurdle)."""
    return log_tail(deviations) + np.log(presence_chance(trade_probability))


def normal_deviate(log_p: Array) -> Array:
    """Return the standard normal deviate that is exceeded with this chance."""
    return np.asarray(-special.ndtri_exp(log_p))


def one_off_evidence(log_kg: Array, mean: Array, sd: Array, trade_probability: Array) -> Array:
    """Return the log Bayes factor of a one-off excess against an ordinary month (Kass and Raftery 1995, eq. 1).

    Past the usual sizes the factor falls until any size is likelier. More trade must not be less strange: it stays halfway down that fall
    until it rises above it again.
    """
    above = np.minimum(log_kg - mean, _SIZES[-1])
    factor = _size_factor(above, sd)
    high = above > _SURELY_RISING
    factor[high] = _never_falling(factor[high], above[high], sd[high])
    return np.asarray(factor - np.log(presence_chance(trade_probability)))


def _never_falling(factor: Array, above: Array, sd: Array) -> Array:
    """Return the factors halfway down the fall, as near as higher months' lowest and lower months' highest factors let."""
    heights = _HEIGHTS[:, None]
    factors = np.array([_size_factor(np.full(len(sd), height), sd) for height in _HEIGHTS])
    halfway = (factors[_HEIGHTS < _FALLEN].max(axis=0) + factors[_HEIGHTS >= _FALLEN].min(axis=0)) / 2
    lowest = np.minimum(factors.min(axis=0, where=heights >= above, initial=np.inf), factor)
    highest = np.maximum(factors.max(axis=0, where=heights <= above, initial=-np.inf), factor)
    return np.asarray(np.clip(halfway, lowest, highest))


def _size_factor(above: Array, sd: Array) -> Array:
    """Return the log Bayes factor of an excess of any of the sizes of `size_chances`.

    Each size stands for the sizes up to the next, hence the wider kernel.
    """
    widths = np.hypot(sd[:, None], _SIZES * _SIZE_STEP / 2)
    shifted = log_density((above[:, None] - _SIZES) / widths, WILD_DEGREES) + np.log(sd[:, None] / widths)
    chances = size_chances(_SIZES, ONE_OFF_SIZE, ONE_OFF_SPREAD, ANY_SIZE)
    return np.asarray(special.logsumexp(shifted, axis=1, b=chances) - log_density(above / sd, WILD_DEGREES))


def as_score(log_evidence: Array) -> Array:
    """Return the evidence as the chance, in percent, that there was a change, if CHANGE_CHANCE of all series have one."""
    return np.asarray(100 * special.expit(log_evidence + np.log(CHANGE_CHANCE / (1 - CHANGE_CHANCE))))
