"""The learner: what it is judged on it has not seen, and its figures are what they say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradeflow.model.outcome import MIN_SLOPE, fit_calibration, learn_outcomes, trial_starts
from tradeflow.model.outcome_figures import calibration_error, ranking_figures, reliability, top_rows


def learnable(rows: int = 1_500, seed: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    inputs = random.normal(size=(rows, 3)).astype(np.float32)
    outcome = (random.random(rows) < 1 / (1 + np.exp(-2 * inputs[:, 0]))).astype(float)
    return inputs, outcome, np.arange(rows) // 10


def test_what_can_be_learnt_is_learnt_and_its_probability_holds_on_new_rows() -> None:
    inputs, outcome, days = learnable()
    model, trial = learn_outcomes(lambda _: inputs, outcome, days, seed=1)
    new_inputs, new_outcome, _ = learnable(4_000, seed=2)
    probability = model.probability(new_inputs)
    assert ranking_figures(new_outcome, probability)["AUC"] > 0.75
    assert calibration_error(new_outcome, probability) < 0.07
    assert np.isnan(trial.probability[trial.block == 0]).all()
    assert np.isfinite(trial.probability[trial.block == 1]).all()


def test_a_trial_block_is_described_and_judged_without_its_own_outcomes() -> None:
    inputs, outcome, days = learnable()
    seen: list[np.ndarray] = []

    def describe(is_known: np.ndarray) -> np.ndarray:
        seen.append(is_known)
        return inputs

    _, trial = learn_outcomes(describe, outcome, days, seed=1)
    for number, start in enumerate(trial.starts):
        np.testing.assert_array_equal(seen[number], days < start)
        assert (days[trial.rows[trial.block == number]] >= start).all()
    changed = np.where(days >= trial.starts[0], 1 - outcome, outcome)
    _, again = learn_outcomes(lambda _: inputs, changed, days, seed=1)
    np.testing.assert_array_equal(again.log_odds[again.block == 0], trial.log_odds[trial.block == 0])


def test_rows_that_nobody_inspected_are_not_learnt_from() -> None:
    inputs, outcome, days = learnable()
    outcome[::2] = np.nan
    _, trial = learn_outcomes(lambda _: inputs, outcome, days, seed=1)
    assert (trial.rows % 2 == 1).all()


@pytest.mark.parametrize("positive", [0, 49, 1_451, 1_500])
def test_an_outcome_that_is_too_rare_is_refused(positive: int) -> None:
    inputs, _, days = learnable()
    with pytest.raises(ValueError, match=f"{positive:,} of the 1,500 rows of known outcome are 1"):
        learn_outcomes(lambda _: inputs, (np.arange(1_500) < positive).astype(float), days, seed=1)


@pytest.mark.parametrize("days", [np.zeros(1_500, dtype=int), np.repeat([0, 1], [1_499, 1])])
def test_too_short_a_time_is_refused(days: np.ndarray) -> None:
    inputs, outcome, _ = learnable()
    with pytest.raises(ValueError, match="cannot be divided by time"):
        learn_outcomes(lambda _: inputs, outcome, days, seed=1)


def test_a_first_block_of_one_outcome_calibrates_no_other() -> None:
    inputs, outcome, days = learnable()
    start, end = trial_starts(days)
    outcome[(days >= start) & (days < end)] = 0.0
    model, trial = learn_outcomes(lambda _: inputs, outcome, days, seed=1)
    assert np.isnan(trial.probability).all()
    assert np.isfinite(model.probability(inputs)).all()


def test_calibration_keeps_the_order_even_of_a_model_without_skill() -> None:
    log_odds = np.linspace(-3, 3, 200)
    assert fit_calibration(log_odds, (log_odds < 0).astype(float))[1] == MIN_SLOPE
    intercept, slope = fit_calibration(log_odds, (np.random.default_rng(1).random(200) < 1 / (1 + np.exp(-log_odds))).astype(float))
    assert (intercept, slope) == (pytest.approx(0, abs=0.5), pytest.approx(1, abs=0.4))


@given(st.lists(st.integers(0, 60), min_size=30, max_size=200).filter(lambda days: len(set(days)) > 5))
def test_trial_blocks_begin_with_a_new_day_in_the_later_part(days: list[int]) -> None:
    starts = trial_starts(np.array(days))
    assert list(starts) == sorted(set(starts))
    assert all(min(days) < start <= max(days) for start in starts)


def test_figures_of_a_small_ranking_by_hand() -> None:
    outcome = np.array([1.0, 0, 1, 0, 0, 0, 0, 0, 0, 0])
    figures = ranking_figures(outcome, np.arange(10, 0, -1.0))
    assert figures["precision at 10% inspected"] == 1
    assert figures["recall at 10% inspected"] == 0.5
    assert figures["AUC"] == pytest.approx(15 / 16)
    assert figures["rate of outcomes"] == 0.2
    assert top_rows(np.array([1.0, 2, 2, 0]), 0.5).tolist() == [1, 2]


def test_reliability_by_hand() -> None:
    outcome, probability = np.array([0.0, 1] * 10), np.repeat([0.2, 0.8], 10)
    assert reliability(outcome, probability) == [(pytest.approx(said), 0.5, 2) for said in [0.2] * 5 + [0.8] * 5]
    assert calibration_error(outcome, probability) == pytest.approx(0.3)
