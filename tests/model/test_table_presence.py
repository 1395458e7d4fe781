"""The chance of trade in a table: moved to where as many series trade as do, and no further than they tell."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradeflow.model.table_presence import restate_presence


def drawn(count: int, shift: float, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    chance = random.uniform(0.2, 0.8, count)
    odds = chance / (1 - chance) * np.exp(shift)
    return chance, (random.random(count) < odds / (1 + odds)).astype(float)


def restated(chance: np.ndarray, has_traded: np.ndarray) -> np.ndarray:
    one = np.zeros(len(chance), dtype=np.int64)
    return restate_presence(chance, has_traded, one, one)


@pytest.mark.parametrize("shift", [-1.0, 0.0, 1.0])
def test_as_many_are_expected_to_trade_as_do(shift: float) -> None:
    chance, has_traded = drawn(4_000, shift)
    assert restated(chance, has_traded).mean() == pytest.approx(has_traded.mean(), abs=0.005)


@given(st.floats(0.15, 0.85), st.booleans())
def test_one_series_moves_itself_little_and_towards_what_it_did(chance: float, has_traded: bool) -> None:
    moved = restated(np.array([chance]), np.array([float(has_traded)]))[0]
    assert (moved > chance) == has_traded
    assert abs(np.log(moved / (1 - moved) / (chance / (1 - chance)))) < 1.0


def test_series_that_nearly_always_trade_and_months_not_known_say_nothing() -> None:
    chance = np.array([0.97, 0.98, 0.02, 0.5, np.nan])
    moved = restated(chance, np.array([1.0, 0.0, 1.0, np.nan, 1.0]))
    np.testing.assert_allclose(moved, chance)


def test_a_group_and_a_month_have_their_own_and_a_small_group_that_of_its_month() -> None:
    (often, did_often), (seldom, did_seldom), (few, did_few) = drawn(3_000, 1.0), drawn(3_000, -1.0), drawn(2, 0.0)
    chance, has_traded = np.concatenate([often, few, seldom]), np.concatenate([did_often, did_few, did_seldom])
    group = np.repeat([0, 1, 2], [3_000, 2, 3_000])
    moved = restate_presence(chance, has_traded, np.where(group == 2, 1, 0), group)
    assert (moved[group == 0] > often).all()
    assert (moved[group == 1] > few).all()
    assert (moved[group == 2] < seldom).all()


def test_an_empty_table_stays_empty() -> None:
    assert len(restated(np.array([]), np.array([]))) == 0
