"""Judges on cases small enough to be worked out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from tradeflow.evaluate.judging import average_precision, measure_rate, realised_discoveries, recall_at

SCORES = st.lists(st.integers(0, 6), min_size=1, max_size=20).map(lambda values: np.array(values, dtype=float))


def test_average_precision_by_hand() -> None:
    """Planted 3 and 1 against clean 2 and 0 at half and half: precision 1 at the first, 2/3 at the second."""
    assert average_precision(np.array([2.0, 0.0]), np.array([3.0, 1.0]), 0.5) == pytest.approx((1 + 2 / 3) / 2)


def test_a_ranking_without_knowledge_is_worth_the_prevalence() -> None:
    assert average_precision(np.zeros(50), np.zeros(9), 0.02) == pytest.approx(0.02)


@given(SCORES, SCORES)
def test_average_precision_is_that_of_scikit_learn(clean: np.ndarray, planted: np.ndarray) -> None:
    truth = np.r_[np.zeros(len(clean)), np.ones(len(planted))]
    weight = np.where(truth == 1, 0.02 / len(planted), 0.98 / len(clean))
    expected = average_precision_score(truth, np.r_[clean, planted], sample_weight=weight)
    assert average_precision(clean, planted) == pytest.approx(expected)


def test_no_opinion_counts_as_the_lowest() -> None:
    assert average_precision(np.array([1.0]), np.array([np.nan]), 0.5) == pytest.approx(0.5)
    assert recall_at(np.array([0.0, np.nan]), np.array([np.nan, 1.0]), 0.01).share == 0.5


def test_recall_at_a_rate_of_false_alarms_by_hand() -> None:
    """One of a hundred clean scores may be exceeded: the limit is 99, which ties do not pass."""
    found = recall_at(np.arange(1.0, 102.0), np.array([99.5, 100.0, 101.0, 102.0]), 0.01)
    assert (found.share, found.cases) == (0.5, 4)


def test_a_rate_has_its_binomial_error() -> None:
    rate = measure_rate(np.array([True, False, False, False]))
    assert (rate.share, rate.standard_error, rate.cases) == (0.25, pytest.approx(np.sqrt(0.25 * 0.75 / 4)), 4)
    assert np.isnan(measure_rate(np.array([], dtype=bool)).share)


def test_discoveries_by_hand() -> None:
    """Of p = .01 .02 .03 .9 at level 5%: .03 <= 3/4 x 5%, so three are taken, one of them clean."""
    p = np.array([0.01, 0.02, 0.03, 0.9])
    assert realised_discoveries(p, np.array([True, True, False, True]), 0.05) == (pytest.approx(1 / 3), pytest.approx(2 / 3))
    assert realised_discoveries(np.array([0.5, np.nan]), np.array([True, False]), 0.05) == (0.0, 0.0)
