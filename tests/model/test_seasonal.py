"""The batched robust fit against a slow oracle."""

import numpy as np
import pytest

from tests.model.slow_seasonal import slow_fit
from tradeflow.model.seasonal import fit_robustly


def panel(random: np.random.Generator, series: int, months: int, noise: float = 0.2) -> np.ndarray:
    """Log amounts of ordinary series, with one month more than asked for: the month to be forecast."""
    t = np.arange(months + 1)
    phase = random.uniform(0, 2 * np.pi, (series, 1))
    slope = random.normal(0, 0.05, (series, 1))
    level = random.normal(11, 1.5, (series, 1))
    return level + slope * t / 12 + 0.3 * np.cos(2 * np.pi * t / 12 + phase) + random.normal(0, noise, (series, months + 1))


@pytest.mark.parametrize(("months", "per_year"), [(20, 12), (47, 12), (121, 12), (12, 1)])
def test_batched_fit_equals_the_loop(months: int, per_year: int) -> None:
    random = np.random.default_rng(months)
    log_amounts = panel(random, 6, months - 1, 0.3)
    log_amounts[1, months // 2 :] += 1.0
    log_amounts[2, 3] += 3.0
    log_amounts[3, random.random(months) < 0.3] = np.nan
    log_amounts[4, -1] = np.nan
    log_amounts[5, : months // 3] = np.nan
    batch = fit_robustly(log_amounts, per_year)
    for row, series in enumerate(log_amounts):
        expected = slow_fit(series, per_year)
        known = np.isfinite(series)
        np.testing.assert_allclose(batch.fitted[row, known], expected.pop("fitted")[known], rtol=1e-5, atol=1e-6)
        for name, value in expected.items():
            np.testing.assert_allclose(getattr(batch, name)[row], value, rtol=1e-5, atol=1e-6, err_msg=name)


def test_rows_of_a_batch_do_not_see_one_another() -> None:
    log_amounts = panel(np.random.default_rng(1), 40, 60)
    together = fit_robustly(log_amounts, 12)
    for row in (0, 17, 39):
        alone = fit_robustly(log_amounts[row : row + 1], 12)
        np.testing.assert_allclose(alone.fitted[0], together.fitted[row], rtol=1e-8, atol=1e-10)
        np.testing.assert_allclose(alone.scale, together.scale[row], rtol=1e-8)


def test_a_history_without_any_amount_gives_finite_numbers() -> None:
    fit = fit_robustly(np.full((3, 24), np.nan), 12)
    assert all(np.isfinite(values).all() for values in vars(fit).values())


def test_no_series_at_all() -> None:
    assert fit_robustly(np.empty((0, 24)), 12).centre.shape == (0,)
