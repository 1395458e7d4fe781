"""The batched fit against a slow oracle, and the pitfalls of METHOD section 3 that a fit can meet."""

import numpy as np
import pytest
from scipy import stats

from tests.model.slow_seasonal import slow_forecast
from tradeflow.model.seasonal import forecast_next


def panel(random: np.random.Generator, series: int, months: int, noise: float = 0.2) -> np.ndarray:
    """Log amounts of ordinary series, with one month more than asked for: the month to be forecast."""
    t = np.arange(months + 1)
    phase = random.uniform(0, 2 * np.pi, (series, 1))
    slope = random.normal(0, 0.05, (series, 1))
    level = random.normal(11, 1.5, (series, 1))
    return level + slope * t / 12 + 0.3 * np.cos(2 * np.pi * t / 12 + phase) + random.normal(0, noise, (series, months + 1))


def forecast_sd(forecast) -> np.ndarray:
    return np.sqrt(forecast.scale**2 * forecast.relative_variance + forecast.extra_variance)


@pytest.mark.parametrize(("months", "per_year", "horizon"), [(20, 12, 1), (47, 12, 1), (121, 12, 1), (60, 12, 4), (12, 1, 1)])
def test_batched_fit_equals_the_loop(months: int, per_year: int, horizon: int) -> None:
    random = np.random.default_rng(months)
    log_amounts = panel(random, 6, months - 1, 0.3)
    log_amounts[1, months // 2 :] += 1.0
    log_amounts[2, 3] += 3.0
    log_amounts[3, random.random(months) < 0.3] = np.nan
    log_amounts[4, -1] = np.nan
    log_amounts[5, : months // 3] = np.nan
    batch = forecast_next(log_amounts, per_year, horizon=horizon)
    for row, series in enumerate(log_amounts):
        expected = slow_forecast(series, per_year, horizon)
        found = (batch.mean[row], batch.scale[row], batch.relative_variance[row], batch.extra_variance[row])
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7)


def test_rows_of_a_batch_do_not_see_one_another() -> None:
    log_amounts = panel(np.random.default_rng(1), 40, 60)
    together = forecast_next(log_amounts, 12)
    for row in (0, 17, 39):
        alone = forecast_next(log_amounts[row : row + 1], 12)
        np.testing.assert_allclose(alone.mean, together.mean[row], rtol=1e-10)
        np.testing.assert_allclose(alone.scale, together.scale[row], rtol=1e-8)


@pytest.mark.parametrize("months", [18, 24, 36, 60, 120])
def test_interval_holds_what_it_promises(months: int) -> None:
    log_amounts = panel(np.random.default_rng(7), 1_500, months, 0.3)
    forecast = forecast_next(log_amounts[:, :-1], 12)
    z = (log_amounts[:, -1] - forecast.mean) / forecast_sd(forecast)
    reach = stats.t.ppf(0.95, forecast.degrees_of_freedom)
    assert 0.87 <= np.mean(np.abs(z) <= reach) <= 0.935


def test_noise_is_multiplicative() -> None:
    log_amounts = panel(np.random.default_rng(2), 200, 60)
    small, large = forecast_next(log_amounts, 12), forecast_next(log_amounts + 6.0, 12)
    np.testing.assert_allclose(large.mean - 6.0, small.mean, rtol=1e-7)
    np.testing.assert_allclose(forecast_sd(large), forecast_sd(small), rtol=1e-6)


def deviation(history: np.ndarray, clean: np.ndarray) -> float:
    """How far the damage moved the forecasts, in their own standard deviations, at the median series."""
    damaged, undamaged = forecast_next(history, 12), forecast_next(clean, 12)
    return float(np.median(np.abs(damaged.mean - undamaged.mean) / forecast_sd(undamaged)))


def test_a_past_spike_does_not_move_the_forecast_nor_widen_it() -> None:
    clean = panel(np.random.default_rng(3), 300, 59)
    spiked = clean.copy()
    spiked[:, [7, 30, 51]] += np.log(5)
    assert deviation(spiked, clean) < 0.3
    assert np.median(forecast_next(spiked, 12).scale / forecast_next(clean, 12).scale) < 1.35


def test_a_spike_in_the_newest_month_does_not_hide_itself_or_the_next() -> None:
    clean = panel(np.random.default_rng(4), 300, 59)
    spiked = clean.copy()
    spiked[:, -1] += np.log(5)
    assert deviation(spiked, clean) < 0.5


def test_one_month_in_tonnes_instead_of_kg_is_ignored() -> None:
    clean = panel(np.random.default_rng(5), 300, 59)
    slipped = clean.copy()
    slipped[:, 40] -= np.log(1000)
    assert deviation(slipped, clean) < 0.25


@pytest.mark.parametrize("factor", [0.4, 2.2, 1000.0], ids=["fall", "rise", "unit change"])
@pytest.mark.parametrize("months_ago", [9, 12, 30])
def test_a_lasting_change_of_level_is_learnt(factor: float, months_ago: int) -> None:
    clean = panel(np.random.default_rng(6), 300, 59)
    shifted = clean.copy()
    shifted[:, -months_ago:] += np.log(factor)
    assert np.median(np.abs(forecast_next(shifted, 12).mean - clean[:, -1] - np.log(factor))) < 0.45


def test_two_restated_years_are_survived() -> None:
    clean = panel(np.random.default_rng(8), 300, 83)
    restated = clean.copy()
    restated[:, -48:-24] += np.log(0.6)
    assert deviation(restated, clean) < 0.8


def test_missing_months_cost_little() -> None:
    random = np.random.default_rng(9)
    clean = panel(random, 300, 59)
    gappy = np.where(random.random(clean.shape) < 0.1, np.nan, clean)
    assert deviation(gappy, clean) < 0.35


def test_a_history_without_any_amount_gives_finite_numbers() -> None:
    forecast = forecast_next(np.full((3, 24), np.nan), 12)
    assert all(np.isfinite(values).all() for values in vars(forecast).values())


def test_no_series_at_all() -> None:
    assert forecast_next(np.empty((0, 24)), 12).mean.shape == (0,)
