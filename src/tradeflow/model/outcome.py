"""Learns from outcomes: features, outcome and day in, a calibrated probability out. The same for declarations and for leads.

Gradient-boosted trees (scikit-learn's HistGradientBoostingClassifier); the last part of the time is never in the fit that its
probabilities are calibrated on (Platt 1999, on the log-odds: it keeps the order).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from tradeflow.model.past_record import Array, Whole

Inputs = NDArray[np.float32]
Flags = NDArray[np.bool_]

TRIAL_SHARE = 0.1
"""Share of the inspected rows in each trial block; the blocks end the learning period."""
TRIAL_BLOCKS = 2
MIN_OUTCOMES = 50
"""Rows of each outcome below which nothing can be learnt."""
BLOCK_ROWS = 50_000
MIN_SLOPE = 0.01
"""A model without skill out of time keeps its order and gives every row about the average rate."""


@dataclass(frozen=True)
class OutcomeModel:
    """Fitted trees and the line that turns their log-odds into calibrated ones."""

    trees: HistGradientBoostingClassifier
    intercept: float = 0.0
    slope: float = 1.0

    def probability(self, inputs: Inputs) -> Array:
        """Return the calibrated probability of the outcome for each row."""
        calibrated: Array = expit(self.intercept + self.slope * predict_log_odds(self.trees, inputs))
        return calibrated


@dataclass(frozen=True)
class Trial:
    """What the model said of the last blocks of the learning period before it had seen them.

    `rows`: their places; `block`: 0 for the first; `log_odds` uncalibrated; `probability` calibrated on the blocks before (NaN in block 0).
    `starts`: first day of each block.
    """

    rows: Whole
    block: Whole
    log_odds: Array
    probability: Array
    starts: tuple[int, ...]


def fit_trees(inputs: Inputs, outcome: Array, *, seed: int) -> HistGradientBoostingClassifier:
    """Fit the boosted trees to rows of known outcome (0 or 1).

    Shallow, strongly shrunk, each split from a fifth of the inputs: the inputs are many and alike. No early stopping: it would hold back
    random rows, whose neighbours in time the fit has seen. One thread: threads that wait for a busy machine cost more than they bring.
    """
    trees = HistGradientBoostingClassifier(
        learning_rate=0.1,
        max_iter=150,
        max_leaf_nodes=15,
        min_samples_leaf=40,
        l2_regularization=5.0,
        max_features=0.2,
        early_stopping=False,
        random_state=seed,
    )
    with threadpool_limits(1):
        return trees.fit(inputs, outcome)


def predict_log_odds(trees: HistGradientBoostingClassifier, inputs: Inputs) -> Array:
    """Return the uncalibrated log-odds of each row, a block at a time: scikit-learn doubles the inputs it is given."""
    blocks = [inputs[start : start + BLOCK_ROWS] for start in range(0, len(inputs), BLOCK_ROWS)]
    with threadpool_limits(1):
        return np.concatenate([np.zeros(0), *(trees.decision_function(block) for block in blocks)])


def fit_calibration(log_odds: Array, outcome: Array) -> tuple[float, float]:
    """Return intercept and slope of the log-odds of `outcome` on `log_odds` (Platt 1999)."""
    line = LogisticRegression(C=1e6).fit(log_odds[:, None], outcome)
    return float(line.intercept_[0]), max(MIN_SLOPE, float(line.coef_[0, 0]))


def learn_outcomes(describe: Callable[[Flags], Inputs], outcome: Array, days: Whole, *, seed: int) -> tuple[OutcomeModel, Trial]:
    """Fit on every row of known outcome, calibrated on the last blocks of time; ValueError where an outcome is too rare.

    `describe(is_known)` returns all rows' inputs as they were when only outcomes of the rows `is_known` were; inputs that rest on no
    outcome may ignore it. `outcome`: 0, 1 or NaN where not known; `days` in any order.
    """
    is_known = ~np.isnan(outcome)
    refuse_rare_outcomes(outcome[is_known])
    _refuse_short_time(outcome[is_known], days[is_known])
    trial = _try_out(describe, outcome, days, seed=seed)
    intercept, slope = fit_calibration(trial.log_odds, outcome[trial.rows])
    inputs = describe(is_known)
    return OutcomeModel(fit_trees(inputs[is_known], outcome[is_known], seed=seed), intercept, slope), trial


def refuse_rare_outcomes(outcome: Array) -> None:
    """Raise ValueError where rows of either outcome are too few to learn from."""
    positive = int(outcome.sum())
    if min(positive, len(outcome) - positive) < MIN_OUTCOMES:
        raise ValueError(
            f"{positive:,} of the {len(outcome):,} rows of known outcome are 1, the others 0; at least {MIN_OUTCOMES} of each are needed"
        )


def _refuse_short_time(outcome: Array, days: Whole) -> None:
    """Raise ValueError where the rows cannot be divided by time so that either part has both outcomes."""
    starts = trial_starts(days)
    parts = [outcome[days < starts[0]], outcome[days >= starts[0]]] if starts else [outcome[:0]]
    if not all(0 < part.sum() < len(part) for part in parts):
        raise ValueError(
            f"the {len(outcome):,} rows of known outcome are of {len(np.unique(days)):,} days and cannot be divided by time so that "
            "the earlier and the later ones have both outcomes; a longer time is needed"
        )


def trial_starts(days: Whole) -> tuple[int, ...]:
    """Return the first days of the trial blocks at the end of `days`: each has about TRIAL_SHARE of the rows and begins with a new day."""
    later = np.quantile(days, [1 - TRIAL_SHARE * (TRIAL_BLOCKS - number) for number in range(TRIAL_BLOCKS)], method="higher")
    return tuple(sorted({int(day) for day in later if day > days.min()}))


def _try_out(describe: Callable[[Flags], Inputs], outcome: Array, days: Whole, *, seed: int) -> Trial:
    is_known = ~np.isnan(outcome)
    starts = trial_starts(days[is_known])
    rows, block, log_odds = [], [], []
    for number, start in enumerate(starts):
        end = starts[number + 1] if number + 1 < len(starts) else int(days.max()) + 1
        before, within = is_known & (days < start), np.flatnonzero(is_known & (days >= start) & (days < end))
        inputs = describe(before)
        log_odds.append(predict_log_odds(fit_trees(inputs[before], outcome[before], seed=seed), inputs[within]))
        rows.append(within)
        block.append(np.full(len(within), number))
    return _calibrate_forward(np.concatenate(rows), np.concatenate(block), np.concatenate(log_odds), outcome, starts)


def _calibrate_forward(rows: Whole, block: Whole, log_odds: Array, outcome: Array, starts: tuple[int, ...]) -> Trial:
    """Calibrate each block on the blocks before it, for a forecast's reliability; not where those are all of one outcome."""
    probability = np.full(len(rows), np.nan)
    for number in range(1, len(starts)):
        before = block < number
        if len(np.unique(outcome[rows[before]])) < 2:
            continue
        intercept, slope = fit_calibration(log_odds[before], outcome[rows[before]])
        probability[block == number] = expit(intercept + slope * log_odds[block == number])
    return Trial(rows, block, log_odds, probability, starts)
