"""How strange one high month is: chances that hold, evidence that grows with the amount, and what silence adds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from tradeflow.model import excess


def test_log_p_is_the_tail_of_students_t_times_the_chance_of_trade() -> None:
    found = excess.log_p_value(np.array([2.0]), np.array([0.81]))
    assert np.exp(found[0]) == pytest.approx(stats.t.sf(2.0 * np.sqrt(7 / 5), 7) * 0.9)


def test_a_normal_deviate_has_its_p_value() -> None:
    assert stats.norm.sf(excess.normal_deviate(np.log([0.2, 1e-3, 1e-9]))) == pytest.approx([0.2, 1e-3, 1e-9])


def test_interval_holds_nine_tenths() -> None:
    draws = stats.t.rvs(7, size=200_000, random_state=1) / np.sqrt(7 / 5)
    assert np.std(draws) == pytest.approx(1, abs=0.02)
    assert np.mean(np.abs(draws) <= excess.interval_reach()) == pytest.approx(0.9, abs=0.005)


def test_presence_says_half_where_trade_is_usual_and_all_after_silence() -> None:
    chance = np.array([1.0, 0.25, 0.01])
    assert excess.presence_chance(chance) == pytest.approx([1.0, 0.5, 0.02])
    assert (np.diff(excess.presence_chance(np.linspace(0.001, 1, 500))) > 0).all()


@given(sd=st.floats(0.05, 1.5), chance=st.floats(0.05, 1.0))
def test_more_trade_is_never_less_strange(sd: float, chance: float) -> None:
    """Up to a hundred thousand times what was expected; a tenth is what the steps between sizes leave."""
    above = np.linspace(0.0, 11.5, 241)
    evidence = excess.one_off_evidence(above, np.zeros(241), np.full(241, sd), np.full(241, chance))
    assert (np.maximum.accumulate(evidence) - evidence).max() < 0.1
    log_p = excess.log_p_value(above / sd, np.full(241, chance))
    assert (np.diff(log_p) < 0).all()


def test_evidence_is_a_mean_over_sizes() -> None:
    """On average over ordinary months a Bayes factor is 1 (Kass and Raftery 1995): wider kernels must keep their area."""
    above = np.linspace(-40, 40, 400_001)
    sd = 0.3
    density = stats.t.pdf(above / sd * np.sqrt(3), 3) * np.sqrt(3) / sd
    factor = np.exp(excess._size_factor(above, np.full(above.size, sd)))
    inside = above < 14
    assert np.sum((density * factor)[inside]) * (above[1] - above[0]) == pytest.approx(1, abs=0.02)


def test_what_never_falls_is_the_factor_itself_where_that_rises() -> None:
    above, sd = np.linspace(-1.0, 1.0, 21), np.full(21, 0.3)
    found = excess.one_off_evidence(above, np.zeros(21), sd, np.ones(21))
    assert found == pytest.approx(excess._size_factor(above, sd))


def test_a_threefold_month_of_a_quiet_series_is_stranger_than_a_wild_month_of_a_wild_one() -> None:
    quiet = excess.one_off_evidence(np.log([3.0]), np.zeros(1), np.array([0.275]), np.ones(1))
    wild = excess.one_off_evidence(np.array([4 * 0.6]), np.zeros(1), np.array([0.6]), np.ones(1))
    assert quiet > wild


def test_a_score_is_a_chance_in_percent() -> None:
    assert excess.as_score(np.array([0.0])) == pytest.approx(100 * excess.CHANGE_CHANCE)
    assert excess.as_score(special.logit(np.array([0.5])) - special.logit(excess.CHANGE_CHANCE)) == pytest.approx(50)
    assert excess.as_score(np.array([-np.inf])) == 0
