"""Months out of the ordinary: found where they stand alone, not where the level moved, and not among ordinary tails."""

import numpy as np
import pytest

from tradeflow.model.noise_models import noise_models
from tradeflow.model.odd_month import believe_months

MONTHS = 48


def believe(amounts: np.ndarray, known: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    known = np.ones(amounts.shape, dtype=bool) if known is None else known
    start = np.where(known, np.clip(amounts, -1.0, 1.0), 0.0)
    return believe_months(amounts, known, start, np.full(len(amounts), 0.4), noise_models(MONTHS, 12, 1, 120).precision)


def noise(sd: float, series: int = 200) -> np.ndarray:
    return np.random.default_rng(5).normal(0, sd, (series, MONTHS))


@pytest.mark.parametrize("size", [np.log(5), -np.log(5), np.log(1_000)], ids=["spike", "hole", "another unit"])
def test_a_month_far_from_those_around_it_is_not_believed(size: float) -> None:
    amounts = noise(0.2)
    amounts[:, 20] += size
    history, belief = believe(amounts)
    assert np.median(belief[:, 20]) < 0.1
    assert np.median(np.abs(history[:, 20])) < 0.4
    assert np.median(np.delete(belief, 20, axis=1)) > 0.95


def test_ordinary_months_are_believed() -> None:
    _, belief = believe(noise(0.3))
    assert belief.mean() > 0.97


def test_one_that_had_clear_spikes_is_doubted_sooner() -> None:
    once = noise(0.35)
    once[:, 20] += np.log(3)
    often = once.copy()
    often[:, [8, 33]] += np.log(20)
    assert believe(often)[1][:, 20].mean() < believe(once)[1][:, 20].mean() - 0.1


def test_a_level_that_moved_is_believed() -> None:
    amounts = noise(0.2)
    amounts[:, :24] += 1.0
    start = amounts.copy()
    known = np.ones(amounts.shape, dtype=bool)
    _, belief = believe_months(amounts, known, start, np.full(len(amounts), 0.4), noise_models(MONTHS, 12, 1, 120).precision)
    assert np.median(belief[:, 20:28]) > 0.9


def test_gaps_keep_what_they_were_filled_with_and_count_for_nothing() -> None:
    amounts = noise(0.2)
    known = np.random.default_rng(6).random(amounts.shape) > 0.2
    history, belief = believe(np.where(known, amounts, 7.0), known)
    assert (history[~known] == 0).all()
    assert (belief[~known] == 0).all()
