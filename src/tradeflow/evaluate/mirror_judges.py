"""How an estimate, a score and an interval are judged once the truth is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm
from sklearn.metrics import average_precision_score

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

LEVELS = (0.5, 0.8, 0.9, 0.99)
"""Nominal coverage of the judged intervals."""
NOMINAL_RATES = (0.01, 0.001)
"""Nominal rates of false flags."""


@dataclass(frozen=True)
class ErrorFigures:
    """Of the errors of a logarithm: root mean square, median absolute deviation from their median, mean, and how many there are."""

    rmse: float
    mad: float
    bias: float
    count: int


def summarise_errors(errors: Floats) -> ErrorFigures:
    """Judge errors of a logarithm; those that are not finite (no estimate) do not count."""
    kept = errors[np.isfinite(errors)]
    if not len(kept):
        return ErrorFigures(float("nan"), float("nan"), float("nan"), 0)
    middle = np.median(kept)
    return ErrorFigures(float(np.sqrt(np.mean(kept**2))), float(np.median(np.abs(kept - middle))), float(np.mean(kept)), len(kept))


def average_precision(scores: Floats, is_strange: Flags) -> float:
    """Area under precision over recall; a higher score is stranger, one that is not finite the least strange; ties count together."""
    if not is_strange.any():
        return float("nan")
    return float(average_precision_score(is_strange, _ranked(scores)))


def recall_at(scores: Floats, is_strange: Flags, false_flag_rate: float) -> float:
    """Share of the strange that stand above the score which only `false_flag_rate` of the ordinary reach."""
    if not is_strange.any():
        return float("nan")
    ranked = _ranked(scores)
    bar = np.quantile(ranked[~is_strange], 1 - false_flag_rate, method="higher")
    return float(np.mean(ranked[is_strange] > bar))


def _ranked(scores: Floats) -> Floats:
    finite = np.where(np.isfinite(scores), scores, -np.inf)
    order: Floats = np.unique(finite, return_inverse=True)[1].astype(float)
    return order


def false_flag_rate(z: Floats, is_strange: Flags, nominal: float) -> float:
    """Share of the ordinary rows whose z lies in the lower tail of `nominal`; rows without z are no flags."""
    ordinary = z[~is_strange]
    return float(np.mean(np.nan_to_num(ordinary, nan=np.inf) < norm.ppf(nominal)))


def false_p_rate(p_values: Floats, is_strange: Flags, nominal: float) -> float:
    """Share of the ordinary rows whose p-value lies under `nominal`."""
    return float(np.mean(np.nan_to_num(p_values[~is_strange], nan=1.0) < nominal))


def interval_coverage(errors: Floats, deviations: Floats) -> dict[float, float]:
    """Share of the errors inside plus and minus the normal quantile times their stated standard deviation, per level."""
    kept = np.isfinite(errors) & np.isfinite(deviations)
    size = np.abs(errors[kept])
    return {level: float(np.mean(size <= norm.ppf((1 + level) / 2) * deviations[kept])) for level in LEVELS}
