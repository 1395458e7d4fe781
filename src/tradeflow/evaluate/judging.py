"""What a score is worth: hits among the strangest, at a stated prevalence or a stated rate of false alarms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

PREVALENCE = 0.02
"""Share of anomalous series at which average precision is stated."""


@dataclass(frozen=True)
class Rate:
    """A share of cases with its binomial standard error."""

    share: float
    standard_error: float
    cases: int


def measure_rate(is_hit: NDArray[np.bool_]) -> Rate:
    """Return the share that is true; its standard error is sqrt(p (1 - p) / n), NaN where there is no case."""
    share = float(np.mean(is_hit)) if len(is_hit) else float("nan")
    return Rate(share, float(np.sqrt(share * (1 - share) / len(is_hit))) if len(is_hit) else float("nan"), len(is_hit))


def average_precision(clean: Array, planted: Array, prevalence: float = PREVALENCE) -> float:
    """Return the mean precision over the planted scores, each weighted so that `prevalence` of all cases are planted; higher is stranger.

    A score that is not a number counts as the lowest. Tied scores are taken together, as scikit-learn does.
    """
    scores, weights, is_planted = _weighted(clean, planted, prevalence)
    order = np.argsort(-scores, kind="stable")
    scores, weights, is_planted = scores[order], weights[order], is_planted[order]
    ends = np.flatnonzero(np.append(scores[1:] != scores[:-1], True))
    found = np.cumsum(weights * is_planted)[ends]
    precision = found / np.cumsum(weights)[ends]
    recall = found / found[-1]
    return float(np.sum(np.diff(recall, prepend=0.0) * precision))


def _weighted(clean: Array, planted: Array, prevalence: float) -> tuple[Array, Array, NDArray[np.bool_]]:
    scores = np.concatenate([clean, planted])
    is_planted = np.arange(len(scores)) >= len(clean)
    weights = np.where(is_planted, prevalence / len(planted), (1 - prevalence) / len(clean))
    return np.nan_to_num(scores, nan=-np.inf, posinf=np.inf, neginf=-np.inf), weights, is_planted


def recall_at(clean: Array, planted: Array, false_alarm_rate: float = 0.01) -> Rate:
    """Return the share of planted scores above the score that `false_alarm_rate` of the clean ones exceed."""
    limit = np.quantile(np.nan_to_num(clean, nan=-1e300), 1 - false_alarm_rate, method="higher")
    return measure_rate(np.nan_to_num(planted, nan=-np.inf) > limit)


def realised_discoveries(p_values: Array, is_planted: NDArray[np.bool_], level: float) -> tuple[float, float]:
    """Return the realised share of false discoveries and the power of Benjamini and Hochberg's (1995) procedure at `level`."""
    p = np.where(np.isfinite(p_values), p_values, 1.0)
    ordered = np.sort(p)
    passes = np.flatnonzero(ordered <= level * np.arange(1, len(p) + 1) / len(p))
    taken = p <= (ordered[passes[-1]] if len(passes) else -1.0)
    return float(np.sum(taken & ~is_planted) / max(taken.sum(), 1)), float(np.mean(taken[is_planted]))
