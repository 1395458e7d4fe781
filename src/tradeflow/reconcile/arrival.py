"""What the importer recorded of the goods that left in one month, when its months mix the goods of several.

The importer's months t, t+1, t+2 hold shares of what left in t and of what left before and after it. All are amounts F_s that the importer
recorded of month s: near to what the exporter reports, x_s, up to the gap's usual variance; nothing, where a record is missing; any part of
it, where a share is. The shares of one month's goods scatter about the corridor's, cov(a_i, a_j) = F^2 spread (w_i 1[i = j] - w_i w_j):
spread 1 is one cargo that arrives as a whole. Each month is solved for by itself from its three arrival months, the neighbours integrated
out (a linear Gaussian problem in amounts, in parts of the month's own), once per kind: recorded as usual, not recorded, a part missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from scipy.special import logsumexp

from tradeflow.reconcile.published import LAGS
from tradeflow.reconcile.sides import Floats

NEIGHBOURS = tuple(each for each in range(-max(LAGS), max(LAGS) + 1) if each)
"""Months whose goods share an arrival month with this month's."""
_PART_MISSING_RATE = 0.01
_FLOOR = 1e-4
"""Of a variance, in squares of the month's own amount: rounding."""
_LEAST_PART = 0.05
"""Nearer to nothing than this part of what is usual a logarithm says no more."""


@dataclass(frozen=True)
class Arrivals:
    """One place per month of a route that the exporter reports, amounts in parts of what is usual to arrive of it (1 = all).

    own_shares [months, lags]: of this month's goods, 0 where the arrival month is not known. recorded [months, lags]: what the importer
    recorded in each. mean, square [months, NEIGHBOURS]: first and second moment of what left in the neighbours' months.
    """

    own_shares: Floats
    recorded: Floats
    mean: Floats
    square: Floats


@dataclass(frozen=True)
class Departed:
    """What is found: ln of the part that was recorded, as if it were known alone, the variance that timing adds, and two chances."""

    gap_log: Floats
    timing_variance: Floats
    unrecorded_chance: Floats
    log_likelihood: Floats


def join_departed(parts: Sequence[Departed]) -> Departed:
    """Return what is found of all parts' months, one after the other."""
    return Departed(*(np.concatenate([getattr(part, each.name) for part in parts]) for each in fields(Departed)))


def find_departed(arrivals: Arrivals, shares: Floats, spread: float, variance: Floats, unrecorded_rate: Floats) -> Departed:
    """Return what the importer recorded of each month.

    shares: the corridor's [months, lags]. variance: of the usual log gap. unrecorded_rate: how often the importer records nothing.
    """
    rest, noise = _neighbours(arrivals, shares, spread)
    relative = np.expm1(variance)
    usual, nothing, part = (
        _weigh_kind(arrivals.own_shares, rest, noise, spread, mean, about)
        for mean, about in ((1.0, relative), (0.0, np.zeros_like(relative)), (1 / 2, np.full_like(relative, 1 / 12)))
    )
    chances = np.stack([
        np.log1p(-unrecorded_rate - _PART_MISSING_RATE) + usual.log_likelihood,
        np.log(unrecorded_rate) + nothing.log_likelihood,
        np.log(_PART_MISSING_RATE) + part.log_likelihood,
    ])  # fmt: skip
    whole = logsumexp(chances, axis=0)
    known = np.clip(relative * usual.information, 1e-9, 1.0)
    # The part that is found is drawn to the usual as far as it is not known; in logs it is then stretched to what it would be alone.
    gap = np.log(np.maximum(1 + relative * usual.lift, _LEAST_PART)) / known
    return Departed(gap, variance * (1 - known) / known, np.exp(chances[1] - whole), whole)


@dataclass(frozen=True)
class _Kind:
    """w' V^-1 w, w' V^-1 (recorded - expected) and the log likelihood, V the variance of the three recorded amounts."""

    information: Floats
    lift: Floats
    log_likelihood: Floats


def _neighbours(arrivals: Arrivals, shares: Floats, spread: float) -> tuple[Floats, dict[tuple[int, int], Floats]]:
    """Return what is recorded less the neighbours' goods [months, lags], and the variance [i, j] that these bring."""
    rest = arrivals.recorded.copy()
    noise = {(i, j): np.zeros(len(rest)) for i in LAGS for j in LAGS if i <= j}
    scatter = arrivals.square - arrivals.mean**2 - spread * arrivals.square
    for place, neighbour in enumerate(NEIGHBOURS):
        met = [lag for lag in LAGS if 0 <= lag - neighbour <= LAGS[-1]]
        for i in met:
            own = shares[:, i - neighbour]
            rest[:, i] -= own * arrivals.mean[:, place]
            noise[i, i] += spread * own * arrivals.square[:, place]
            for j in met:
                if i <= j:
                    noise[i, j] += scatter[:, place] * own * shares[:, j - neighbour]
    return rest, noise


def _weigh_kind(own: Floats, rest: Floats, noise: dict[tuple[int, int], Floats], spread: float, mean: float, variance: Floats) -> _Kind:
    """Solve for all months at once by the Cholesky factor of three by three, written out; an arrival month not known tells nothing."""
    square = spread * (mean**2 + variance)
    w = [own[:, lag] for lag in LAGS]
    r = [np.where(w[lag] > 0, rest[:, lag] - mean * w[lag], 0.0) for lag in LAGS]
    v = {}
    for (i, j), of_others in noise.items():
        both = of_others + (variance - square) * w[i] * w[j]
        v[i, j] = np.where(w[i] > 0, both + square * w[i] + _FLOOR, 1.0) if i == j else np.where((w[i] > 0) & (w[j] > 0), both, 0.0)
    l00 = np.sqrt(v[0, 0])
    l10, l20 = v[0, 1] / l00, v[0, 2] / l00
    l11 = np.sqrt(np.maximum(v[1, 1] - l10**2, _FLOOR))
    l21 = (v[1, 2] - l20 * l10) / l11
    l22 = np.sqrt(np.maximum(v[2, 2] - l20**2 - l21**2, _FLOOR))
    r0, w0 = r[0] / l00, w[0] / l00
    r1, w1 = (r[1] - l10 * r0) / l11, (w[1] - l10 * w0) / l11
    r2, w2 = (r[2] - l20 * r0 - l21 * r1) / l22, (w[2] - l20 * w0 - l21 * w1) / l22
    likelihood = -(r0**2 + r1**2 + r2**2) / 2 - np.log(l00 * l11 * l22)
    return _Kind(w0**2 + w1**2 + w2**2, w0 * r0 + w1 * r1 + w2 * r2, likelihood)
