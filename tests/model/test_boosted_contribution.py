"""The account of a boosted model's log-odds, split by split."""

import numpy as np

from tradeflow.model.contribution import boosted_contributions
from tradeflow.model.outcome import fit_trees


def test_contributions_equal_the_slow_walk_and_sum_to_the_log_odds() -> None:
    random = np.random.default_rng(1)
    inputs = random.normal(size=(600, 4)).astype(np.float32)
    inputs[random.random(inputs.shape) < 0.1] = np.nan
    trees = fit_trees(inputs, (np.nan_to_num(inputs[:, 2]) + random.normal(0, 0.3, 600) > 0.4).astype(float), seed=1)
    found = boosted_contributions(trees, inputs[:50])
    np.testing.assert_allclose(found[:5], [slow_account(trees, row) for row in inputs[:5]], atol=1e-9)
    rest = trees.decision_function(inputs[:50]) - found.sum(axis=1)
    np.testing.assert_allclose(rest, rest[0], atol=1e-9)
    assert (np.abs(found).sum(axis=0).argmax()) == 2


def slow_account(trees, row: np.ndarray) -> np.ndarray:
    account = np.zeros(len(row))
    for (tree,) in trees._predictors:
        at = 0
        while not tree.nodes[at]["is_leaf"]:
            node = tree.nodes[at]
            amount = row[node["feature_idx"]]
            goes_left = node["missing_go_to_left"] if np.isnan(amount) else amount <= node["num_threshold"]
            child = node["left"] if goes_left else node["right"]
            account[node["feature_idx"]] += slow_mean(tree.nodes, child) - slow_mean(tree.nodes, at)
            at = child
    return account


def slow_mean(nodes: np.ndarray, at: int) -> float:
    if nodes[at]["is_leaf"]:
        return float(nodes[at]["value"])
    sides = [(slow_mean(nodes, nodes[at][side]), int(nodes[nodes[at][side]]["count"])) for side in ("left", "right")]
    return sum(mean * rows for mean, rows in sides) / sum(rows for _, rows in sides)
