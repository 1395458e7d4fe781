"""How wide the noise of a series is, robustly."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special

Array = NDArray[np.float64]

SMALLEST_SCALE = 0.02
"""Standard deviation, log: rounding and late corrections alone move a month's weight by that much."""
HUBER_SCALE_CUT = 2.0
_NORMAL_CONSISTENCY = 1.482602218505602


def _expected_winsorised_square(cut: float) -> float:
    """Return E[min(|Z|, cut)^2] of a standard normal Z."""
    tail = special.ndtr(-cut)
    density = np.exp(-(cut**2) / 2) / np.sqrt(2 * np.pi)
    return float(1 - 2 * tail - 2 * cut * density + 2 * cut**2 * tail)


def median_scale(values: Array, known: NDArray[np.bool_]) -> tuple[Array, Array]:
    """Return each row's median and its median absolute deviation as a normal standard deviation, over the known columns.

    `values` and `known` have shape (series, periods); a row without a known column gives median 0 and the smallest scale.
    """
    centre = row_median(values, known)
    spread = row_median(np.abs(values - centre[:, None]), known)
    return centre, np.maximum(_NORMAL_CONSISTENCY * spread, SMALLEST_SCALE)


def row_median(values: Array, known: NDArray[np.bool_]) -> Array:
    """Return each row's median over its known columns, 0 where there is none."""
    ordered = np.sort(np.where(known, values, np.inf), axis=1)
    count = known.sum(axis=1)
    rows = np.arange(len(ordered))
    low, high = np.maximum(count - 1, 0) // 2, np.minimum(count // 2, ordered.shape[1] - 1)
    return np.where(count > 0, (ordered[rows, low] + ordered[rows, high]) / 2, 0.0)


def huber_scale(residuals: Array, known: NDArray[np.bool_], scale: Array, coefficients: Array, steps: int = 2) -> Array:
    """Improve each row's scale towards Huber's proposal 2: sum min(|r|, k s)^2 = (n - p) s^2 E[min(|Z|, k)^2] (Huber 1981, eq. 7.8.2)."""
    count = np.maximum(known.sum(axis=1) - coefficients, 2.0)
    expected = _expected_winsorised_square(HUBER_SCALE_CUT)
    squares = residuals**2 * known
    for _ in range(steps):
        bound = (HUBER_SCALE_CUT * scale) ** 2
        scale = np.sqrt(np.minimum(squares, bound[:, None]).sum(axis=1) / (count * expected))
        scale = np.maximum(scale, SMALLEST_SCALE)
    return scale
