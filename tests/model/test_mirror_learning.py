"""Trees that learn the ratio of both sides: what they see of a feature is its order."""

from dataclasses import replace

import numpy as np
import pytest

from tradeflow.model import mirror_learning
from tradeflow.model.mirror_learning import FOLDS, Examples, learn


def make_examples(rows: int = 3000) -> Examples:
    """The first feature tells the target; half of the second is missing."""
    random = np.random.default_rng(1)
    features = random.normal(0, 1, (rows, 2))
    features[::2, 1] = np.nan
    target = features[:, 0] + random.normal(0, 0.1, rows)
    fold, task = (np.arange(rows, dtype=np.uint64) % number for number in (FOLDS, 1))
    return Examples(features, target, random.uniform(0.1, 10, rows), fold, task)


@pytest.fixture(autouse=True)
def _few_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mirror_learning, "_TREES", 40)
    monkeypatch.setattr(mirror_learning, "_SHIFT_TREES", 5)
    monkeypatch.setattr(mirror_learning, "_SCALE_TREES", 5)


def test_only_the_order_of_a_feature_s_values_counts() -> None:
    given = make_examples()
    stretched = replace(given, features=np.exp(given.features))
    as_given, as_stretched = (learn(each).foretell(each.features) for each in (given, stretched))
    np.testing.assert_array_equal(as_given, as_stretched)


def test_what_lies_beyond_all_examples_is_foretold_as_the_outermost() -> None:
    given = make_examples()
    learnt, outermost = learn(given), np.nanmax(given.features, axis=0)
    centre, size = learnt.foretell(np.array([outermost, outermost * 1000]))
    assert centre[0] == centre[1] > 0.5
    assert size[0] == size[1]


def test_a_missing_value_is_learnt_from() -> None:
    given = make_examples()
    missing = np.isnan(given.features[:, 1])
    learnt = learn(replace(given, target=given.target + 3 * missing))
    (without, known), _ = learnt.foretell(np.array([[0.0, np.nan], [0.0, 0.0]]))
    assert without - known == pytest.approx(3, abs=0.5)
