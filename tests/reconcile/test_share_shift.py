"""A share's change against how much such shares usually wander: the test, its calibration, its limits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import betabinom

from tradeflow.reconcile.share_shift import Array, Sums, shift_p_values, sum_legs


def p_of(leg: Array, other: Array, window: int = 6) -> Array:
    """The chance of each pair's newest window, the two legs sharing a constant total."""
    sums = sum_legs(leg, other, np.ones(leg.shape, dtype=bool))[window]
    moved = sums.leg_kg - sums.leg_expected_kg
    return shift_p_values(sums, moved, sums.other_expected_kg - moved)[:, -1]


def wandering(pairs: int, seed: int, periods: int = 36, share: float = 0.3, overdispersion: float = 0.1) -> tuple[Array, Array]:
    """Two legs of ten tonnes a month whose share is Beta in each month: a Dirichlet-multinomial of very many kilograms."""
    random = np.random.default_rng(seed)
    size = 1 / overdispersion - 1
    monthly = random.beta(share * size, (1 - share) * size, (pairs, periods))
    return 1e4 * monthly, 1e4 * (1 - monthly)


@pytest.mark.parametrize("overdispersion", [0.02, 0.1, 0.4])
def test_by_chance_the_stated_share_is_met(overdispersion: float) -> None:
    sums_p = p_of(*wandering(4000, 3, overdispersion=overdispersion))
    for level in (0.01, 0.05, 0.2):
        # A little careful where shares hardly wander, for the half period that is added to a share's mean.
        assert 0.3 * level < np.mean(np.nan_to_num(sums_p, nan=1.0) <= level) < 1.3 * level


def test_a_leg_that_takes_over_from_the_other_stands_out() -> None:
    leg, other = wandering(200, 4)
    leg[0, -6:], other[0, -6:] = 9e3, 1e3
    found = p_of(leg, other)
    assert np.nanargmin(found) == 0
    assert found[0] < 1e-3


def test_growth_of_both_legs_is_no_shift() -> None:
    leg, other = wandering(200, 5)
    both = p_of(leg, other)
    leg[0, -6:] *= 3
    other[0, -6:] *= 3
    sums = sum_legs(leg, other, np.ones(leg.shape, dtype=bool))[6]
    moved = np.minimum(sums.leg_kg - sums.leg_expected_kg, sums.other_expected_kg - sums.other_kg)
    assert np.isnan(shift_p_values(sums, moved, sums.other_expected_kg - moved)[0, -1])
    assert np.isfinite(both).any()


def test_one_large_shipment_is_one_observation() -> None:
    """The same kilograms in one month say less than in six."""
    leg, other = wandering(200, 6)
    leg[:2, -6:], other[:2, -6:] = 0.0, 0.0
    leg[0, -1], leg[1, -6:] = 6e4, 1e4
    found = p_of(leg, other)
    assert found[0] > 10 * found[1]


def test_months_that_nobody_has_published_are_no_zeros() -> None:
    leg, other = wandering(50, 7)
    is_known = np.ones(leg.shape, dtype=bool)
    is_known[:, -2:] = False
    blank_leg, blank_other = leg.copy(), other.copy()
    blank_leg[:, -2:], blank_other[:, -2:] = 0, 0
    known, blank = (sum_legs(one, two, is_known)[6] for one, two in ((leg, other), (blank_leg, blank_other)))
    np.testing.assert_array_equal(known.leg_kg[:, -1], blank.leg_kg[:, -1])
    np.testing.assert_allclose(known.leg_expected_kg[:, -1], leg[:, 6:30].mean(axis=1) * 4)


def test_too_short_a_history_is_not_judged() -> None:
    leg, other = wandering(20, 8, periods=17)
    assert np.isnan(p_of(leg, other)).all()


def test_small_months_beside_large_ones_are_not_lost() -> None:
    """Sums that are differences of running totals made a window of nothing of these: no evidence, and a division by zero."""
    leg, other = wandering(40, 9, periods=60)
    leg[0, :24] *= 1e6
    leg[0, 24:], other[0, 24:] = 1e-3, 2e-3
    sums = sum_legs(leg, other, np.ones(leg.shape, dtype=bool))[6]
    assert sums.evidence[0, -1] == pytest.approx(6)
    assert sums.leg_kg[0, -1] == pytest.approx(6e-3)


def test_a_pair_that_stands_several_times_is_summed_once_and_counts_as_often() -> None:
    leg, other = wandering(30, 10)
    times = np.arange(30) % 4 + 1
    place = np.repeat(np.arange(30), times)
    is_known = np.ones(leg.shape, dtype=bool)
    once, repeated = sum_legs(leg, other, is_known, first_told=30, times=times), sum_legs(leg[place], other[place], is_known[place])
    for window, sums in once.items():
        np.testing.assert_array_equal(sums.at(place).spread_factor, repeated[window].spread_factor[:, 30:])
        np.testing.assert_array_equal(sums.at(place).expected_share, repeated[window].expected_share[:, 30:])


@given(factor=st.floats(1e-3, 1e6), seed=st.integers(0, 20))
def test_another_unit_of_weight_changes_no_chance(factor: float, seed: int) -> None:
    leg, other = wandering(30, seed)
    np.testing.assert_allclose(p_of(factor * leg, factor * other), p_of(leg, other), rtol=0.01)


def test_the_tail_is_that_of_the_beta_binomial_of_many_units() -> None:
    """The Dirichlet-multinomial of two classes for many units goes over into the Beta that is used."""
    sums = Sums(*(np.array([[value]]) for value in (60.0, 30.0, 40.0, 70.0, 0.3, 0.1, 6.0, True)))  # type: ignore[arg-type]
    found = shift_p_values(sums, np.array([[30.0]]), np.array([[40.0]]))[0, 0]
    shifted, size = 0.3 + 0.3 * 6 / 7, 1 / (0.1 * (6 / 7) ** 2) - 1
    units = 200_000
    assert found == pytest.approx(betabinom.sf(shifted * units - 1, units, 0.3 * size, 0.7 * size), rel=1e-3)
