"""Which features made a row easy to isolate: its path through every tree, split by split."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import IsolationForest

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
