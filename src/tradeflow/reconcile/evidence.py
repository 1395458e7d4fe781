"""How much a gap speaks for a missing share rather than for the usual scatter, on the scale of a standard normal.

A gap far out in the tail of a very precise corridor may still be a few percent of the trade, which no missing consignment explains; the
same chance on a middling corridor goes with half of the trade. The likelihood ratio of "an unknown share is missing, any share as likely
as any other" against "nothing is amiss" tells the two apart: no order of gaps finds more at the same rate of false ones (Neyman and Pearson
1933). It takes the place of the bare distance: z is the normal score of the chance of so high a ratio, over all corridors, where nothing is
amiss.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp, ndtr, ndtri

from tradeflow.reconcile.shape import TAIL_SHARE
from tradeflow.reconcile.sides import Floats, Ints
from tradeflow.reconcile.usual import AXIS, FINEST, HALF, KNOTS, STEP, log_density, z_on_axis

_SHARES = 24
_MISSING_LOG = -np.log1p(-(np.arange(_SHARES) + 0.5) / _SHARES)
"""ln of what was sent over what is recorded, for missing shares spread evenly between none and all."""
_ORDINARY_Z = -float(ndtri(TAIL_SHARE))
"""Nearer to the middle, where no tail is fitted, a gap speaks for nothing and keeps its place."""
_TIE_BREAK = 1e-6
"""Where a longer gap is no more evidence than a shorter one, the longer still goes first."""
_LEAST_P = 1e-300


@dataclass(frozen=True)
class UsualClass:
    """Corridors of like scatter: knots of their usual z by standardised deviation, their standard deviation in logs, and share of gaps."""

    deviation: Floats
    z: Floats
    sigma: float
    share: float


def read_z(deviation: Floats, place: Ints, table: Floats) -> Floats:
    """Return z of deviations of classes `place` from the table, one row of KNOTS per class; NaN stays NaN."""
    at = np.clip(np.arcsinh(deviation / FINEST) / STEP + HALF, 0, KNOTS - 1.000001)
    is_known = np.isfinite(at)
    knot = np.where(is_known, at, 0).astype(np.intp)
    first = place * KNOTS + knot
    flat = table.ravel()
    z: Floats = flat[first] + (at - knot) * (flat[first + 1] - flat[first])
    return z


def weigh_evidence(classes: list[UsualClass]) -> Floats:
    """Return z by class and knot, once gaps of all classes are put in the order of their evidence."""
    far = [z_on_axis(each.deviation, each.z) for each in classes]
    told = [z.copy() for z in far]
    for sign in (-1.0, 1.0):
        sides = [_one_tail(each, z, sign) for each, z in zip(classes, far, strict=True)]
        scores = _normal_scores(sides, np.array([each.share for each in classes]))
        for z, (rows, _, _), score in zip(told, sides, scores, strict=True):
            z[rows] = sign * score
    return np.stack(told)


def _one_tail(each: UsualClass, z: Floats, sign: float) -> tuple[Ints, Floats, Floats]:
    """Return the tail's places on the axis from the middle outwards, how far z is out there, and the evidence, which never falls."""
    outwards = slice(None, None, -1) if sign < 0 else slice(None)
    rows = np.flatnonzero(sign * z > _ORDINARY_Z)[outwards]
    usual = log_density(z)
    without = AXIS[rows, None] - sign * _MISSING_LOG / each.sigma
    ratio = logsumexp(np.interp(without, AXIS, usual), axis=1) - np.log(_SHARES) - usual[rows]
    risen = np.exp(np.minimum(ratio, 600.0))
    evidence = np.maximum.accumulate(np.maximum(risen - risen[0], 0.0))
    return rows, np.abs(z[rows]), evidence * (1 + _TIE_BREAK * np.arange(len(rows)))


def _normal_scores(sides: list[tuple[Ints, Floats, Floats]], shares: Floats) -> list[Floats]:
    """Turn evidence into normal scores by the chance, over all classes, of evidence at least as strong where nothing is amiss."""
    levels = np.unique(np.concatenate([evidence for _, _, evidence in sides]))
    chance = sum(share * _chance_beyond(levels, z, evidence) for share, (_, z, evidence) in zip(shares, sides, strict=True))
    log_chance = np.log(np.maximum(chance / shares.sum(), _LEAST_P))
    scores = []
    for _, _, evidence in sides:
        p = np.exp(log_chance[np.searchsorted(levels, evidence)])
        scores.append(-ndtri(np.minimum(p, ndtr(-_ORDINARY_Z))))
    return scores


def _chance_beyond(levels: Floats, z: Floats, evidence: Floats) -> Floats:
    """Return the chance of evidence of each level or more in one class: none beyond what the class can show."""
    first = np.searchsorted(evidence, levels, side="left")
    before = np.maximum(first - 1, 0)
    at = np.minimum(first, len(z) - 1)
    rise = evidence[at] - evidence[before]
    part = np.where(rise > 0, (levels - evidence[before]) / np.where(rise > 0, rise, 1.0), 1.0)
    reached: Floats = ndtr(-(z[before] + part * (z[at] - z[before])))
    return np.where(first < len(z), reached, 0.0)
