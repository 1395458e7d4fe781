"""Beyond the strangest flow ever seen: the far tail of a group's scores as a generalised Pareto distribution."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

TAIL_ROWS = 100
"""Highest calibration scores that the tail is fitted to."""
MIN_ROWS = 1_000
"""Calibration scores below which no tail is fitted: TAIL_ROWS must lie in the outer tenth."""
FURTHEST = 100.0
"""A p-value is extrapolated no further than to 1 / (FURTHEST (n + 1)): past that the shape of a tail is a guess."""
LEAST_SHAPE = 0.0
"""A tail with a fixed end (negative shape) would call every score past the end impossible: the exponential tail is the lightest taken."""


def tail_p_values(scores: Array, groups: NDArray[np.int64], is_calibration: Mask, p_values: Array, is_beyond: Mask) -> Array:
    """Refine the p-values of rows that score above every calibration row of their group.

    Exceedances of a high threshold follow a generalised Pareto distribution (Balkema and de Haan 1974; Pickands 1975), fitted by
    probability-weighted moments (Hosking and Wallis 1987, eq. 3). The result never exceeds the conformal p-value 1 / (n + 1), never falls
    below 1 / (FURTHEST (n + 1)), and falls as the score rises.
    """
    refined = p_values.copy()
    for group in np.unique(groups[is_beyond]):
        members = groups == group
        known = np.sort(scores[members & is_calibration])
        if len(known) < MIN_ROWS:
            continue
        beyond = members & is_beyond
        largest = 1.0 / (len(known) + 1)
        refined[beyond] = np.clip(_tail_probability(known, scores[beyond]), largest / FURTHEST, largest)
    return refined


def _tail_probability(known: Array, beyond: Array) -> Array:
    """Return P(score >= beyond) from the TAIL_ROWS highest of the sorted scores `known`."""
    threshold = known[-TAIL_ROWS - 1]
    shape, scale = _fit_pareto(known[-TAIL_ROWS:] - threshold)
    excess = (beyond - threshold) / scale
    survival = np.exp(-excess) if shape < 1e-6 else (1 + shape * excess) ** (-1 / shape)
    return np.asarray(TAIL_ROWS / len(known) * survival)


def _fit_pareto(excesses: Array) -> tuple[float, float]:
    """Return shape and scale from sorted excesses by probability-weighted moments; the shape is at least LEAST_SHAPE."""
    n = len(excesses)
    mean = float(excesses.mean())
    weighted = float((excesses * (n - np.arange(1, n + 1) + 0.35) / n).mean())
    shape = 2 - mean / max(mean - 2 * weighted, 1e-12)
    if shape <= LEAST_SHAPE:
        return LEAST_SHAPE, max(mean, 1e-12)
    return shape, max(2 * mean * weighted / max(mean - 2 * weighted, 1e-12), 1e-12)
