"""The average over models against Gaussian conditioning, and the pitfalls of METHOD section 3 that a forecast can meet."""

import numpy as np
import pytest

from tests.model.slow_seasonal import slow_expectation
from tests.model.test_seasonal import panel
from tradeflow.model import expectation
from tradeflow.model.excess import interval_reach
from tradeflow.model.expectation import Expectation, expect_months
from tradeflow.model.noise_models import noise_models


def expect_after(log_amounts: np.ndarray, per_year: int = 12, ahead: int = 1) -> Expectation:
    """Expect the periods after the last column."""
    series, periods = log_amounts.shape
    return expect_months(log_amounts, np.arange(series), np.full(series, periods), per_year, ahead=ahead)


@pytest.mark.parametrize(("periods", "per_year", "ahead"), [(14, 12, 1), (31, 12, 6), (12, 1, 2)])
def test_average_over_models_equals_one_conditioning_each(periods: int, per_year: int, ahead: int) -> None:
    random = np.random.default_rng(periods)
    histories = random.normal(0, 0.3, (3, periods))
    counted = random.random((3, periods)) < 0.8
    found = expectation._average_models(histories, counted, noise_models(periods, per_year, ahead, 40))
    for row in range(3):
        for batch, slow in zip(found, slow_expectation(histories[row], counted[row], per_year, ahead), strict=True):
            np.testing.assert_allclose(batch[row], slow, rtol=1e-6, atol=1e-9)


def test_neither_neighbours_nor_their_number_nor_later_months_matter() -> None:
    log_amounts = panel(np.random.default_rng(1), 230, 60)
    log_amounts[:100, :17] = np.nan
    rows = np.array([3, 99, 100, 229, 3])
    columns = np.array([60, 40, 60, 61, 45])
    together = expect_months(log_amounts, np.arange(230), np.full(230, 60), 12)
    for row, column, mean, sd in zip(rows, columns, *_figures(expect_months(log_amounts, rows, columns, 12)), strict=True):
        alone = expect_after(log_amounts[row : row + 1, :column])
        np.testing.assert_allclose((mean, sd), (alone.mean[0, 0], alone.sd[0, 0]), rtol=1e-9)
        if column == 60:
            np.testing.assert_allclose(together.mean[row, 0], mean, rtol=1e-9)


def _figures(found: Expectation) -> tuple[np.ndarray, np.ndarray]:
    return found.mean[:, 0], found.sd[:, 0]


@pytest.mark.parametrize("months", [14, 24, 36, 60, 120])
@pytest.mark.parametrize("noise", [0.1, 0.4])
def test_interval_holds_what_it_promises(months: int, noise: float) -> None:
    log_amounts = panel(np.random.default_rng(7), 800, months, noise)
    found = expect_after(log_amounts[:, :-1])
    z = (log_amounts[:, -1] - found.mean[:, 0]) / found.sd[:, 0]
    assert 0.87 <= np.mean(np.abs(z) <= interval_reach()) <= 0.965


def test_several_months_ahead_agree_with_one_and_grow_less_sure() -> None:
    log_amounts = panel(np.random.default_rng(11), 100, 59)
    one, six = expect_after(log_amounts), expect_after(log_amounts, ahead=6)
    np.testing.assert_allclose(six.mean[:, 0], one.mean[:, 0], rtol=1e-9)
    assert (np.diff(six.sd.mean(axis=0)) > 0).all()


def test_noise_is_multiplicative() -> None:
    log_amounts = panel(np.random.default_rng(2), 100, 60)
    small, large = expect_after(log_amounts), expect_after(log_amounts + 6.0)
    np.testing.assert_allclose(large.mean - 6.0, small.mean, rtol=1e-7)
    np.testing.assert_allclose(large.sd, small.sd, rtol=1e-6)


def deviation(history: np.ndarray, clean: np.ndarray) -> float:
    """How far the damage moved the forecasts, in their own standard deviations, at the median series."""
    damaged, undamaged = expect_after(history), expect_after(clean)
    return float(np.median(np.abs(damaged.mean - undamaged.mean) / undamaged.sd))


def test_a_past_spike_does_not_move_the_forecast_nor_widen_it() -> None:
    clean = panel(np.random.default_rng(3), 200, 59)
    spiked = clean.copy()
    spiked[:, [7, 30, 51]] += np.log(5)
    assert deviation(spiked, clean) < 0.3
    assert np.median(expect_after(spiked).sd / expect_after(clean).sd) < 1.2


def test_a_spike_in_the_newest_month_does_not_hide_itself_or_the_next() -> None:
    clean = panel(np.random.default_rng(4), 200, 59)
    spiked = clean.copy()
    spiked[:, -1] += np.log(5)
    assert deviation(spiked, clean) < 0.5


def test_one_month_in_tonnes_instead_of_kg_is_ignored() -> None:
    clean = panel(np.random.default_rng(5), 200, 59)
    slipped = clean.copy()
    slipped[:, 40] -= np.log(1000)
    assert deviation(slipped, clean) < 0.25


@pytest.mark.parametrize("factor", [0.4, 2.2, 1000.0], ids=["fall", "rise", "unit change"])
@pytest.mark.parametrize("months_ago", [9, 12, 30])
def test_a_lasting_change_of_level_is_learnt(factor: float, months_ago: int) -> None:
    clean = panel(np.random.default_rng(6), 200, 59)
    shifted = clean.copy()
    shifted[:, -months_ago:] += np.log(factor)
    assert np.median(np.abs(expect_after(shifted).mean[:, 0] - clean[:, -1] - np.log(factor))) < 0.45


def test_two_restated_years_are_survived() -> None:
    clean = panel(np.random.default_rng(8), 200, 83)
    restated = clean.copy()
    restated[:, -48:-24] += np.log(0.6)
    assert deviation(restated, clean) < 0.8


def test_missing_months_cost_little_and_make_less_sure() -> None:
    random = np.random.default_rng(9)
    clean = panel(random, 200, 59)
    gappy = np.where(random.random(clean.shape) < 0.1, np.nan, clean)
    assert deviation(gappy, clean) < 0.35
    sparse = np.where(random.random(clean.shape) < 0.6, np.nan, clean)
    assert np.median(expect_after(sparse).sd / expect_after(clean).sd) > 1.02


def test_a_wandering_level_is_followed() -> None:
    random = np.random.default_rng(10)
    wandering = panel(random, 300, 119, 0.15) + np.cumsum(random.normal(0, 0.05, (300, 120)), axis=1)
    found = expect_after(wandering[:, :-1])
    flat = np.nanmedian(wandering[:, -37:-1], axis=1)
    error = np.abs(wandering[:, -1] - found.mean[:, 0])
    assert np.median(error) < 0.6 * np.median(np.abs(wandering[:, -1] - flat))


def test_without_an_amount_before_there_is_no_expectation() -> None:
    log_amounts = np.full((3, 24), np.nan)
    log_amounts[1, 20:] = 5.0
    found = expect_months(log_amounts, np.array([0, 1, 1, 2]), np.array([24, 20, 22, 0]), 12)
    assert np.isfinite(found.mean[:, 0]).tolist() == [False, False, True, False]
    assert expect_after(np.empty((0, 24))).mean.shape == (0, 1)
