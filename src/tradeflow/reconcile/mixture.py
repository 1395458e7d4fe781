"""Fits the beyond of a tail by a mixture of shapes, from counts in bins."""

from __future__ import annotations

import numpy as np

from tradeflow.reconcile.law import NORMAL_MIX
from tradeflow.reconcile.shape import SHAPES, TAIL_SHARE
from tradeflow.reconcile.sides import Floats

BINS = 100
PER_LOG = 20
OVER_STEP = 1.9
"""Length of a step of expectation and maximisation; below 2 it still climbs (Peters and Walker 1978)."""
_STEPS = 60
_LEAST_WEIGHT = 1e-6
"""Of a shape when a climb begins; from nothing it could not rise again."""
_PRIOR_NORMAL = 10
"""Deviations of a normal tail by which a side is shrunk: a tail of which nothing is seen is normal."""
_PRIOR_DEVIATIONS = 1000
"""Deviations of its side's tail that a group's own is shrunk by."""


def _bin_chances() -> Floats:
    """Return, for each shape, the chance of each bin given that a deviation lies beyond the threshold."""
    edges = np.append(np.exp(np.arange(BINS) / PER_LOG), np.inf)
    survival = np.stack([shape.survival(edges * shape.threshold) for shape in SHAPES]) / TAIL_SHARE
    return np.maximum(-np.diff(survival, axis=1), 1e-12)


_CHANCES = _bin_chances()


def fit_mixtures(counts: Floats, mix: Floats) -> Floats:
    """Return the weights of the shapes for the side as a whole, first row, and for each group, shrunk to that.

    counts: of ln(distance / threshold) in bins of 1 / PER_LOG, the last one open, [groups, BINS]. mix: where to begin.
    """
    mix = np.maximum(mix, _LEAST_WEIGHT)
    of_side = _climb(counts.sum(axis=0, keepdims=True) + _PRIOR_NORMAL * NORMAL_MIX @ _CHANCES, mix[:1])
    own = _climb(counts + _PRIOR_DEVIATIONS * of_side @ _CHANCES, mix[1:])
    return np.concatenate([of_side, own])


def _climb(counts: Floats, mix: Floats) -> Floats:
    """Raise the likelihood of mixtures, one per row, by expectation and maximisation."""
    shares = counts / counts.sum(axis=1, keepdims=True)
    for _ in range(_STEPS):
        mix = mix * ((shares / (mix @ _CHANCES)) @ _CHANCES.T) ** OVER_STEP
        mix = mix / mix.sum(axis=1, keepdims=True)
    return mix
