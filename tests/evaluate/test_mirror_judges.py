"""The judges on figures worked out by hand."""

import math

import numpy as np
import pytest

from tradeflow.evaluate.mirror_judges import (
    average_precision,
    false_flag_rate,
    false_p_rate,
    interval_coverage,
    recall_at,
    summarise_errors,
)

NAN = float("nan")


def test_errors_are_summarised() -> None:
    told = summarise_errors(np.array([1.0, -1.0, 3.0, NAN, math.inf]))
    assert told.rmse == pytest.approx(math.sqrt(11 / 3))
    assert (told.mad, told.bias, told.count) == (2.0, 1.0, 3)


def test_nothing_to_summarise_is_no_figure() -> None:
    told = summarise_errors(np.array([NAN]))
    assert told.count == 0
    assert math.isnan(told.rmse)


def test_average_precision_is_the_mean_precision_at_each_find() -> None:
    # found at places 1 and 3: (1/1 + 2/3) / 2
    assert average_precision(np.array([9.0, 8, 7, NAN]), np.array([True, False, True, False])) == pytest.approx((1 + 2 / 3) / 2)
    # nothing is told apart: precision is the share of the strange
    assert average_precision(np.zeros(4), np.array([True, False, False, False])) == pytest.approx(0.25)


def test_recall_counts_what_stands_above_the_bar() -> None:
    ordinary = np.arange(100.0)
    scores = np.append(ordinary, [98.5, 99.5, 50])
    is_strange = np.arange(103) >= 100
    # one in a hundred ordinary rows may be above: the bar is 99
    assert recall_at(scores, is_strange, 0.01) == pytest.approx(1 / 3)
    assert recall_at(scores, is_strange, 0.5) == pytest.approx(2 / 3)


def test_false_flags_are_the_ordinary_rows_in_the_lower_tail() -> None:
    z = np.array([-2.4, -2.3, -5.0, NAN, 3.0])
    is_strange = np.array([False, False, True, False, False])
    assert false_flag_rate(z, is_strange, 0.01) == pytest.approx(1 / 4)
    assert false_p_rate(np.array([0.004, 0.02, 0.001, NAN, 0.5]), is_strange, 0.01) == pytest.approx(1 / 4)


def test_coverage_counts_the_errors_inside() -> None:
    errors = np.array([0.5, -0.7, 1.5, 2.0, 3.0, NAN])
    covered = interval_coverage(errors, np.ones(6))
    assert covered == {0.5: pytest.approx(0.2), 0.8: pytest.approx(0.4), 0.9: pytest.approx(0.6), 0.99: pytest.approx(0.8)}
