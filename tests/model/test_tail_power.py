"""Far tails by the length of what is known: groups, powers, and that ordinary months come out as often as they should."""

import numpy as np
import pytest

from tradeflow.evaluate.series_truth import make_series
from tradeflow.evaluate.series_worlds import POOLED_KINDS
from tradeflow.evaluate.tail_power import fit_tail_powers
from tradeflow.model.own_series import MIN_HISTORY
from tradeflow.model.scoring import Series, score_months
from tradeflow.model.tail_power import POWERS, tail_power

RARE = np.log(0.01)


def test_the_power_is_that_of_the_number_of_amounts() -> None:
    assert tail_power(np.array([6.0, 25.0, 26.0, 120.0])).tolist() == [*np.repeat(POWERS, 2)]


def test_the_powers_lie_between_those_of_the_kinds() -> None:
    """Seeds apart from those that they were set on."""
    fitted = fit_tail_powers(1_000, seed=91)
    assert fitted.height == len(POWERS)
    for row in fitted.iter_rows(named=True):
        assert row["least"] < POWERS[row["group"]] < row["most"]


@pytest.mark.parametrize("months", [36, 60])
@pytest.mark.parametrize("kind", POOLED_KINDS)
def test_one_ordinary_month_in_a_hundred_is_that_strange(kind: str, months: int) -> None:
    amounts = make_series(kind, 12_000, months, seed=92)
    series = Series(amounts, amounts > 0, np.isfinite(amounts), 12)
    rows = np.arange(len(amounts))
    scores = score_months(series, rows, np.full(len(rows), months - 1), MIN_HISTORY)
    assert 0.007 <= np.mean(scores.log_p <= RARE) <= 0.014
