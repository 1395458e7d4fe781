"""Far tails by what is known of a series: groups, powers, and that ordinary months come out as often as they should."""

import numpy as np
import polars as pl
import pytest

from tradeflow.evaluate.series_truth import make_series
from tradeflow.evaluate.tail_power import fit_tail_powers
from tradeflow.model.own_series import MIN_HISTORY
from tradeflow.model.scoring import Series, score_months
from tradeflow.model.tail_power import POWERS, tail_power

RARE = np.log(0.01)


def test_a_short_history_and_doubted_months_make_a_deviation_less_strange() -> None:
    powers = tail_power(np.array([6.0, 9.0, 12.0, 20.0, 60.0, 60.0, 60.0]), np.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.02, 0.1]))
    assert (np.diff(powers[:5]) > 0).all()
    assert (np.diff(powers[4:]) < 0).all()


def test_the_powers_are_those_of_ordinary_series() -> None:
    """Seeds apart from those that they were set on; groups with enough of the few series that a test can draw."""
    fitted = fit_tail_powers(1_000, seed=91)
    for row in fitted.filter(pl.col("series") >= 2_000).iter_rows(named=True):
        assert row["power"] == pytest.approx(POWERS[row["amounts_group"], row["doubted_group"]], abs=0.08)


@pytest.mark.parametrize("months", [36, 60])
@pytest.mark.parametrize("kind", ["regular", "intermittent", "missing"])
def test_one_ordinary_month_in_a_hundred_is_that_strange(kind: str, months: int) -> None:
    amounts = make_series(kind, 6_000, months, seed=92)
    series = Series(amounts, amounts > 0, np.isfinite(amounts), 12)
    rows = np.arange(len(amounts))
    scores = score_months(series, rows, np.full(len(rows), months - 1), MIN_HISTORY)
    # Three standard errors of 6,000 series are 0.4 percent points.
    assert np.mean(scores.log_p <= RARE) == pytest.approx(0.01, abs=0.004)
