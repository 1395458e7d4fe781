"""Noise and silence: what a series' scale and its chance of trade are made of."""

import numpy as np
import pytest
from scipy import special, stats

from tradeflow.model.hurdle import deviation_with_hurdle, restart_chance, silent_periods, trade_probability
from tradeflow.model.scale import huber_scale, median_scale


def test_scales_estimate_a_normal_standard_deviation() -> None:
    draws = np.random.default_rng(1).normal(0, 0.3, (50, 2_000))
    known = np.ones(draws.shape, dtype=bool)
    _, rough = median_scale(draws, known)
    fine = huber_scale(draws, known, rough, np.zeros(50))
    assert np.mean(rough) == pytest.approx(0.3, rel=0.02)
    assert np.mean(fine) == pytest.approx(0.3, rel=0.01)
    assert np.std(fine) < np.std(rough)


def test_median_ignores_what_is_unknown() -> None:
    values = np.array([[1.0, 99.0, 2.0, 4.0], [5.0, 5.0, 5.0, 5.0]])
    known = np.array([[True, False, True, True], [False, False, False, False]])
    np.testing.assert_array_equal(median_scale(values, known)[0], [2.0, 0.0])


def test_trade_probability_equals_the_loop() -> None:
    random = np.random.default_rng(4)
    traded, known = random.random((5, 40)) < 0.4, random.random((5, 40)) < 0.9
    targets = np.array([25, 39])
    found = trade_probability(traded, known, targets, 12)
    for row in range(5):
        for place, target in enumerate(targets):
            memory = {t: 0.5 ** ((target - t) / 36) for t in range(target) if known[row, t]}
            overall = (sum(w for t, w in memory.items() if traded[row, t]) + 0.5) / (sum(memory.values()) + 1)
            same = {t: w for t, w in memory.items() if (target - t) % 12 == 0}
            expected = (sum(w for t, w in same.items() if traded[row, t]) + 6 * overall) / (sum(same.values()) + 6)
            assert found[row, place] == pytest.approx(expected)


def test_seasonal_trade_is_expected_in_its_season() -> None:
    months = np.arange(96)
    traded = np.isin(months % 12, [5, 6])[None, :]
    in_season, out_of_season = trade_probability(traded, np.ones((1, 96), dtype=bool), np.array([89, 92]), 12)[0]
    assert in_season > 2.5 * out_of_season


def test_a_certain_trade_leaves_the_deviation_alone_and_a_rare_one_raises_it() -> None:
    deviations = np.linspace(-3, 3, 13)
    degrees = np.full(13, 1e9)
    np.testing.assert_allclose(deviation_with_hurdle(deviations, degrees, np.ones(13)), deviations, atol=1e-6)
    rare = deviation_with_hurdle(deviations, degrees, np.full(13, 0.1))
    assert (rare > deviations).all()
    np.testing.assert_allclose(stats.norm.sf(rare), 0.1 * stats.norm.sf(deviations), rtol=1e-6)


def test_far_tails_stay_finite_and_ordered() -> None:
    far = deviation_with_hurdle(np.array([50.0, 500.0, 5_000.0]), np.full(3, 30.0), np.full(3, 1e-3))
    assert np.isfinite(far).all()
    assert (np.diff(far) > 0).all()
    assert special.log_ndtr(-far[0]) == pytest.approx(stats.t.logsf(50.0, 30.0) + np.log(1e-3), rel=1e-6)


def test_silence_is_counted_in_known_periods() -> None:
    traded = np.array([[True, False, False, False, True], [False, False, False, False, False]])
    known = np.array([[True, True, False, True, True], [True, True, True, True, False]])
    assert silent_periods(traded, known).tolist() == [[0, 0, 1, 1, 2, 0], [0, 1, 2, 3, 4, 4]]
    assert restart_chance(np.array([0, 22])).tolist() == [0.5, 1 / 24]
