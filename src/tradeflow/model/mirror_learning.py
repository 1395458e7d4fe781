"""Learns ln(hidden / shown) of many pairs with weights: features in, a centre and the size of its error out.

Gradient boosted trees (Friedman 2001; scikit-learn's histogram form), three times, each without a third of the routes' years: the third
tells how wrong the others are. The centre is where most outcomes lie near, not the mean: trees with absolute loss find the median, and a
step of the mean shift (Fukunaga and Hostetler 1975) on what they leave moves it to the densest place.

The features are binned here, once: of weighted columns scikit-learn (1.9) sorts each anew for every bin of every model, which takes far
longer than its trees.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor

Floats = NDArray[np.float64]
Ints = NDArray[np.uint64]

FOLDS = 3
_BINS = 255
_SMALLEST_RESIDUAL = 0.02
_TREES, _SHIFT_TREES, _SCALE_TREES = 250, 60, 50
_SHIFT_STEP = 2.0
"""A normal kernel as wide as the median error moves a third of the way at once: twice its step still stops short of the goal."""
_GROWTH: dict[str, Any] = {
    "learning_rate": 0.06, "max_leaf_nodes": 32, "min_samples_leaf": 100, "max_features": 0.4, "random_state": 0, "early_stopping": False,
}  # fmt: skip


@dataclass(frozen=True)
class Examples:
    """One row per pair to learn from; `fold` (0 to `FOLDS` - 1) keeps together what errs alike, `task` tells the questions apart."""

    features: Floats
    target: Floats
    weight: Floats
    fold: Ints
    task: Ints


@dataclass(frozen=True)
class Learnt:
    """Models by fold, and what they left of the examples that they had not seen, over its predicted size."""

    used: NDArray[np.bool_]
    """Features that the models were given."""
    edges: Floats
    """What parts the bins of each of these: `_BINS` - 1 rows, one column per feature."""
    centres: list[HistGradientBoostingRegressor]
    shifts: list[HistGradientBoostingRegressor]
    scales: list[HistGradientBoostingRegressor]
    standardised: Floats
    weight: Floats
    task: Ints

    def foretell(self, features: Floats) -> tuple[Floats, Floats]:
        """Return the centre of ln(hidden / shown) and the size of its error."""
        given = _bin(features[:, self.used], self.edges)
        centre = _mean_prediction(self.centres, given) + _SHIFT_STEP * _mean_prediction(self.shifts, given)
        return centre, np.exp(_mean_prediction(self.scales, given))

    def quantile(self, share: float, task: int) -> float:
        """Return a weighted quantile of a task's errors over their sizes."""
        own = self.task == task
        return float(np.quantile(self.standardised[own], share, weights=self.weight[own], method="inverted_cdf"))


def learn(given: Examples) -> Learnt:
    """Fit the centre, its shift to the densest place, and the size of the error, each on what the one before leaves."""
    used = _find_known_features(given)
    edges = _find_edges(given.features[:, used], given.weight)
    given = replace(given, features=_bin(given.features[:, used], edges))
    centres, left = _fit_folds(given, given.target, given.weight, "absolute_error", _TREES)
    near = np.exp(-0.5 * (left / _weighted_median(np.abs(left), given.weight)) ** 2)
    shifts, _ = _fit_folds(given, left, given.weight * near, "squared_error", _SHIFT_TREES)
    left = left - _SHIFT_STEP * _predict_own_fold(shifts, given)
    size = np.log(np.abs(left) + _SMALLEST_RESIDUAL)
    scales, unexplained = _fit_folds(given, size, given.weight, "absolute_error", _SCALE_TREES)
    return Learnt(used, edges, centres, shifts, scales, left / np.exp(size - unexplained), given.weight, given.task)


def _find_known_features(given: Examples) -> NDArray[np.bool_]:
    """Return which features have a value in every fold's learning rows: trees cannot be given a column without one."""
    known = [~np.isnan(given.features[given.fold != number]).all(axis=0) for number in range(FOLDS)]
    used: NDArray[np.bool_] = np.logical_and.reduce(known)
    return used


def _find_edges(features: Floats, weight: Floats) -> Floats:
    """Return the weighted quantiles that part each feature into `_BINS` bins of equal weight."""
    shares = np.linspace(0, 1, _BINS + 1)[1:-1]
    weights = np.broadcast_to(weight[:, np.newaxis], features.shape)
    edges: Floats = np.nanquantile(features, shares, axis=0, weights=weights, method="inverted_cdf")
    return edges


def _bin(features: Floats, edges: Floats) -> Floats:
    """Return the number of each value's bin; nan stays nan."""
    numbers = [np.searchsorted(*each) for each in zip(edges.T, features.T, strict=True)]
    return np.where(np.isnan(features), np.nan, np.column_stack(numbers))


def _fit_folds(
    given: Examples, target: Floats, weight: Floats, loss: str, trees: int
) -> tuple[list[HistGradientBoostingRegressor], Floats]:
    """Return one model per fold, grown without it, and what each leaves of its own fold."""
    models = []
    for number in range(FOLDS):
        others = given.fold != number
        model = HistGradientBoostingRegressor(loss=loss, max_iter=trees, **_GROWTH)
        models.append(model.fit(given.features[others], target[others], sample_weight=weight[others]))
    return models, target - _predict_own_fold(models, given)


def _predict_own_fold(models: list[HistGradientBoostingRegressor], given: Examples) -> Floats:
    predicted = np.empty(len(given.target))
    for number, model in enumerate(models):
        own = given.fold == number
        if own.any():
            predicted[own] = model.predict(given.features[own])
    return predicted


def _mean_prediction(models: list[HistGradientBoostingRegressor], features: Floats) -> Floats:
    predicted: Floats = np.mean([model.predict(features) for model in models], axis=0)
    return predicted


def _weighted_median(amounts: Floats, weight: Floats) -> float:
    return max(float(np.quantile(amounts, 0.5, weights=weight, method="inverted_cdf")), _SMALLEST_RESIDUAL)
