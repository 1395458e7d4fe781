"""Deviations set right by earlier ones: standard normal where the past was, in the same order, and blind to the future."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tradeflow.model.past_tail import restate_by_past


def test_tails_that_a_model_gets_wrong_are_set_right_after_a_while() -> None:
    rng = np.random.default_rng(1)
    heavy, light = 1.4 * rng.standard_t(3, 20_000), 0.5 * rng.normal(size=20_000)
    period = np.tile(np.repeat(np.arange(40), 500), 2)
    restated = restate_by_past(np.r_[heavy, light], period, np.repeat([0, 1], 20_000))

    for part in (restated[2_500:20_000], restated[22_500:]):
        for tail in (part, -part):
            assert 0.042 < (tail > 1.645).mean() < 0.06
            assert 0.006 < (tail > 2.326).mean() < 0.017


def test_a_first_period_and_a_missing_figure_stay_as_they_are() -> None:
    z = np.array([0.5, np.nan, 2.0])
    assert np.array_equal(restate_by_past(z, np.zeros(3, dtype=np.int64), np.zeros(3, dtype=np.int64)), z, equal_nan=True)


@given(arrays.arrays(np.float64, 60, elements=st.floats(-8, 8)), st.integers(1, 5))
def test_order_within_a_period_is_kept_and_a_later_period_changes_nothing(z: np.ndarray, cut: int) -> None:
    period, group = np.repeat(np.arange(6), 10), np.zeros(60, dtype=np.int64)
    restated = restate_by_past(z, period, group)

    for each in range(6):
        now = period == each
        assert (np.diff(restated[now][np.argsort(z[now], kind="stable")]) >= -1e-9).all()
    earlier = period < cut
    assert np.array_equal(restate_by_past(z[earlier], period[earlier], group[earlier]), restated[earlier])
