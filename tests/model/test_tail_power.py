"""Far tails by the length of what is known: groups, powers, and that ordinary months come out as often as they should."""

import numpy as np
import polars as pl
import pytest

from tradeflow.evaluate.series_truth import make_series
from tradeflow.evaluate.tail_power import fit_tail_powers
from tradeflow.model.own_series import MIN_HISTORY
from tradeflow.model.scoring import Series, score_months
from tradeflow.model.tail_power import POWERS, tail_power

RARE = np.log(0.01)


def test_a_short_history_makes_a_deviation_less_strange() -> None:
    powers = tail_power(np.array([6.0, 7.0, 8.0, 12.0, 20.0, 30.0, 120.0]))
    assert powers[0] == powers[1]
    assert (np.diff(powers[1:6]) > 0).all()
    assert powers[-1] == pytest.approx(1.0, abs=0.02)


def test_the_powers_lie_between_those_of_the_kinds() -> None:
    """Seeds apart from those that they were set on; long histories, of which a test can draw enough."""
    fitted = fit_tail_powers(1_000, seed=91).filter(pl.col("group") >= 4)
    assert fitted.height == len(POWERS) - 4
    for row in fitted.iter_rows(named=True):
        assert row["least"] < POWERS[row["group"]] < row["most"]


@pytest.mark.parametrize("months", [36, 60])
@pytest.mark.parametrize("kind", ["regular", "intermittent", "missing"])
def test_one_ordinary_month_in_a_hundred_is_that_strange(kind: str, months: int) -> None:
    amounts = make_series(kind, 6_000, months, seed=92)
    series = Series(amounts, amounts > 0, np.isfinite(amounts), 12)
    rows = np.arange(len(amounts))
    scores = score_months(series, rows, np.full(len(rows), months - 1), MIN_HISTORY)
    # Three standard errors of 6,000 series are 0.4 percent points.
    assert np.mean(scores.log_p <= RARE) == pytest.approx(0.01, abs=0.004)
