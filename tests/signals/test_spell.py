import math

import polars as pl
import pytest

from tests.signals.tables import months
from tradeflow.signals.spell import best_window, interval_of_sum, log_spread_parts


def judge(scores: list[float], kg: list[float | None] | None = None, periods: list[int] | None = None) -> pl.DataFrame:
    rows = pl.DataFrame({"route": 1, "period": periods or months(len(scores)), "score": scores, "kg": kg or [1.0] * len(scores)})
    return best_window(rows, ["route"], ["kg"]).sort("period")


def slow_best(scores: list[float], place: int) -> tuple[float, int]:
    """Stouffer over 1, 3 and 6 months; the shorter window where two are as strange."""
    told = []
    for periods in (1, 3, 6):
        part = scores[max(0, place - periods + 1) : place + 1]
        told.append((sum(part) / math.sqrt(len(part)), -periods))
    best = max(told, key=lambda each: (round(each[0], 12), each[1]))
    return best[0], -best[1]


def test_windows_are_those_of_the_slow_loop() -> None:
    scores = [0.1, -0.4, 2.0, 2.2, 1.9, 2.1, -3.0, 0.5, 4.0, 0.3, 0.2, 0.1]
    told = judge(scores)
    assert told.select("score", "window_periods").rows() == [pytest.approx(slow_best(scores, place)) for place in range(len(scores))]


def test_a_lasting_deviation_adds_up_and_a_single_one_stands_alone() -> None:
    assert judge([2.0] * 6).row(5, named=True)["window_periods"] == 6
    assert judge([0.0] * 5 + [5.0]).row(5, named=True) | {"route": 1} == {
        "route": 1,
        "period": 202401,
        "score": 5.0,
        "kg": 1.0,
        "window_periods": 1,
    }


def test_noise_that_moves_trade_between_neighbours_cancels() -> None:
    assert judge([0.0, 0.0, 4.0, -4.0])["score"].to_list()[-1] == pytest.approx(0)


def test_later_periods_never_enter() -> None:
    scores = [0.3, 1.0, -2.0, 0.7]
    assert judge([*scores, 50.0]).head(4).equals(judge(scores, periods=months(5)[:4]))


def test_windows_reach_over_the_years_end_and_skip_gaps() -> None:
    told = judge([2.0, 2.0], [10.0, 5.0], periods=[202311, 202401])
    assert told.select("score", "kg", "window_periods").row(1) == (pytest.approx(4 / math.sqrt(2)), 15.0, 3)
    assert judge([2.0, 2.0], periods=[202306, 202401])["window_periods"].to_list() == [1, 1]


def test_annual_periods_are_neighbours_too() -> None:
    assert judge([2.0, 2.0, 2.0], [1.0, 1.0, 1.0], periods=[2021, 2022, 2023]).select("kg", "window_periods").row(2) == (3.0, 3)


def test_a_sum_of_which_a_part_is_unknown_is_unknown() -> None:
    assert judge([2.0, 2.0, 2.0], [1.0, None, 1.0])["kg"].to_list() == [1.0, None, None]


def test_series_are_kept_apart() -> None:
    rows = pl.DataFrame({"route": [1, 2], "period": [202312, 202401], "score": [3.0, 2.0], "kg": [1.0, 1.0]})
    assert best_window(rows, ["route"], ["kg"]).sort("route").select("score", "kg").rows() == [(3.0, 1.0), (2.0, 1.0)]


def test_interval_of_one_period_is_its_own() -> None:
    one = pl.DataFrame({"e": [100.0], "l": [25.0], "u": [300.0]})
    told = one.with_columns(log_spread_parts("e", "l", "u")).with_columns(interval_of_sum("e", "l", "u"))
    assert told.select("e", "l", "u").row(0) == pytest.approx((100.0, 25.0, 300.0))
