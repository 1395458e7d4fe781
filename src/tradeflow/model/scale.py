"""How wide the noise of a series is: robust within the series, moderated across series."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special

Array = NDArray[np.float64]

SMALLEST_SCALE = 0.02
"""Standard deviation, log: rounding and late corrections alone move a month's weight by that much."""
HUBER_SCALE_CUT = 2.0
SMALLEST_GROUP = 20
"""Series from which a group has a usual variance of its own."""
MOST_PRIOR_DEGREES = 2000.0
"""Where the series of a group differ no more than chance allows, their shared variance counts as this many periods."""
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


def moderate_variances(
    variances: Array, degrees_of_freedom: Array, groups: NDArray[np.integer], wider_groups: NDArray[np.integer]
) -> tuple[Array, Array]:
    """Shrink each variance towards what is usual in its group; returns them and the degrees of freedom that the group's value is worth.

    Empirical Bayes with a scaled inverse chi-square prior, fitted by the moments of the log variances (Smyth 2004, section 6.2). `groups`
    numbers the groups from 0; one of fewer than SMALLEST_GROUP series takes the prior that all such series of its wider group share.
    """
    if len(variances) == 0:
        return variances, variances
    members = np.bincount(groups)
    pooled = np.where(members[groups] >= SMALLEST_GROUP, groups, groups.max() + 1 + wider_groups)
    half = degrees_of_freedom / 2
    centred = np.log(variances) - special.digamma(half) + np.log(half)
    centre, spread = _mean_and_variance(centred, pooled)
    excess = spread - _mean_and_variance(special.polygamma(1, half), pooled)[0]
    prior = np.where(excess > 1e-3, 2 * _inverse_trigamma(np.maximum(excess, 1e-3)), MOST_PRIOR_DEGREES)
    usual = np.exp(centre + special.digamma(prior / 2) - np.log(prior / 2))
    prior, usual = prior[pooled], usual[pooled]
    return (prior * usual + degrees_of_freedom * variances) / (prior + degrees_of_freedom), prior


def _mean_and_variance(values: Array, groups: NDArray[np.integer]) -> tuple[Array, Array]:
    members = np.maximum(np.bincount(groups), 1)
    mean = np.bincount(groups, values) / members
    return mean, np.bincount(groups, (values - mean[groups]) ** 2) / np.maximum(members - 1, 1)


def _inverse_trigamma(values: Array) -> Array:
    """Return x with trigamma(x) = value, by Newton's steps on the reciprocal (Smyth 2004, appendix)."""
    root = 0.5 + 1.0 / values
    for _ in range(12):
        trigamma = special.polygamma(1, root)
        root = root + trigamma * (1 - trigamma / values) / special.polygamma(2, root)
    return np.asarray(root)
