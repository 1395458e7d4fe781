"""How well a ranking found what inspections found: area under the ROC curve, precision and recall of the top, reliability."""

from __future__ import annotations

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score

from tradeflow.model.past_record import Array

INSPECTED_SHARES = (0.01, 0.02, 0.05, 0.10)
RELIABILITY_BINS = 10


def top_rows(score: Array, share: float) -> np.ndarray:
    """Return the places of the `share` of rows that score highest, one at the least; of equal ones the earlier."""
    return np.argsort(-score, kind="stable")[: max(1, round(share * len(score)))]


def ranking_figures(outcome: Array, score: Array) -> dict[str, float]:
    """Return the figures of a ranking by name; `outcome` of 0 and 1, both present."""
    figures = {
        "rows": float(len(outcome)),
        "rate of outcomes": float(outcome.mean()),
        "AUC": float(roc_auc_score(outcome, score)),
        "average precision": float(average_precision_score(outcome, score)),
    }
    for share in INSPECTED_SHARES:
        found = outcome[top_rows(score, share)].sum()
        figures[f"precision at {share:.0%} inspected"] = float(found / max(1, round(share * len(score))))
        figures[f"recall at {share:.0%} inspected"] = float(found / outcome.sum())
    return figures


def reliability(outcome: Array, probability: Array) -> list[tuple[float, float, int]]:
    """Return (mean probability, rate of outcomes, rows) of equally large groups of rows, from the least to the most probable."""
    groups = np.array_split(np.argsort(probability, kind="stable"), min(RELIABILITY_BINS, len(outcome)))
    return [(float(probability[group].mean()), float(outcome[group].mean()), len(group)) for group in groups]


def calibration_error(outcome: Array, probability: Array) -> float:
    """Return the expected calibration error: the mean distance of probability and rate over the groups of `reliability`."""
    return float(sum(rows * abs(said - found) for said, found, rows in reliability(outcome, probability)) / len(outcome))
