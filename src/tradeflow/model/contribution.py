"""Which features drove a score: the row's path through every tree of a forest or of a boosted model, split by split."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, IsolationForest

Array = NDArray[np.float64]


def average_path_length(rows: NDArray[np.int64]) -> Array:
    """Return c(n), the mean path length of an unsuccessful search in a binary search tree of n rows (Liu, Ting and Zhou 2008, eq. 1)."""
    n = rows.astype(np.float64)
    length = 2.0 * (np.log(np.maximum(n - 1, 1)) + np.euler_gamma) - 2.0 * (n - 1) / np.maximum(n, 1)
    return np.where(n > 2, length, np.where(n == 2, 1.0, 0.0))


def path_contributions(forest: IsolationForest, inputs: Array) -> Array:
    """Return (rows, inputs): how much each input shortened the row's mean path; positive isolates, negative hides it in the crowd.

    A split adds c(n_parent) - (1 + c(n_child)) to its input, so that a row's contributions sum to c(n_root) less its mean path length,
    the quantity that the forest's score is made of: the split is exact, not a sampled approximation.
    """
    values = np.ascontiguousarray(inputs, dtype=np.float32)
    total = np.zeros(inputs.shape)
    for tree in forest.estimators_:
        _add_tree(tree.tree_, values, total)
    return total / len(forest.estimators_)


def _add_tree(tree: object, values: NDArray[np.float32], total: Array) -> None:
    """Walk all rows down one tree, a level at a time, and add what each split contributed."""
    left, right, feature, threshold, rows_in = (
        getattr(tree, name) for name in ("children_left", "children_right", "feature", "threshold", "n_node_samples")
    )
    length = average_path_length(rows_in)
    walking = np.arange(len(values))
    node = np.zeros(len(values), dtype=np.int64)
    while len(walking):
        is_inner = left[node] >= 0
        walking, node = walking[is_inner], node[is_inner]
        column = feature[node]
        child = np.where(values[walking, column] <= threshold[node], left[node], right[node])
        total[walking, column] += length[node] - 1.0 - length[child]
        node = child


def boosted_contributions(trees: HistGradientBoostingClassifier, inputs: NDArray[np.float32]) -> Array:
    """Return (rows, inputs): what each input added to the row's log-odds on its path through every tree.

    A split adds the mean of the child that the row goes to less the mean of its parent, so that a row's contributions sum to its log-odds
    less the mean of the fit (the additive account of Saabas 2014). Two classes, no categorical splits.
    """
    total = np.zeros(inputs.shape)
    for (tree,) in trees._predictors:  # scikit-learn shows the fitted trees nowhere else
        _add_boosted_tree(tree.nodes, inputs, total)
    return total


def _add_boosted_tree(nodes: np.ndarray, inputs: NDArray[np.float32], total: Array) -> None:
    mean = _node_means(nodes)
    walking = np.arange(len(inputs))
    node = np.zeros(len(inputs), dtype=np.int64)
    while len(walking):
        is_inner = nodes["is_leaf"][node] == 0
        walking, node = walking[is_inner], node[is_inner]
        column = nodes["feature_idx"][node]
        amount = inputs[walking, column]
        goes_left = np.where(np.isnan(amount), nodes["missing_go_to_left"][node] == 1, amount <= nodes["num_threshold"][node])
        child = np.where(goes_left, nodes["left"][node], nodes["right"][node]).astype(np.int64)
        total[walking, column] += mean[child] - mean[node]
        node = child


def _node_means(nodes: np.ndarray) -> Array:
    """Return each node's mean over the fitted rows that reached it; children stand after their parent."""
    mean = nodes["value"].astype(np.float64)
    for at in np.flatnonzero(nodes["is_leaf"] == 0)[::-1]:
        children = [nodes["left"][at], nodes["right"][at]]
        mean[at] = np.average(mean[children], weights=nodes["count"][children])
    return mean
