"""What the importer recorded of one month's goods: against the plain definition, and in the cases that a person can do in the head."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from tradeflow.reconcile.arrival import NEIGHBOURS, Arrivals, find_departed
from tradeflow.reconcile.sides import Floats

QUIET = np.zeros((1, len(NEIGHBOURS)))


def found(
    recorded: list[float], shares: list[float], *, known: tuple[bool, ...] = (True,) * 3, neighbours: Floats = QUIET
) -> tuple[float, ...]:
    """Return the part found of a month (not its log), its timing variance and the chance that it is not recorded."""
    by_lag = np.array([shares])
    arrivals = Arrivals(np.where([known], by_lag, 0.0), np.where([known], [recorded], 0.0), neighbours, neighbours**2 * 1.1)
    departed = find_departed(arrivals, by_lag, 0.2, np.array([0.1]), np.array([0.05]))
    return float(np.exp(departed.gap_log[0])), float(departed.timing_variance[0]), float(departed.unrecorded_chance[0])


def test_goods_of_the_month_alone_are_what_is_recorded() -> None:
    part, variance, unrecorded = found([0.8, 0.0, 0.0], [1.0, 0.0, 0.0])
    assert part == pytest.approx(0.8, rel=0.01)
    assert variance < 1e-3
    assert unrecorded < 0.01


def test_shares_that_arrive_later_are_gathered_again() -> None:
    part, variance, _ = found([0.24, 0.56, 0.0], [0.3, 0.7, 0.0])
    assert part == pytest.approx(0.8, rel=0.02)
    assert variance < 0.01


def test_a_quarter_among_usual_neighbours_is_found_short_with_the_variance_that_timing_adds() -> None:
    neighbours = np.ones((1, len(NEIGHBOURS)))
    short, variance, _ = found([0.7 + 0.3 / 4, 0.7 / 4 + 0.3, 1.0], [0.3, 0.7, 0.0], neighbours=neighbours)
    whole, _, _ = found([1.0, 1.0, 1.0], [0.3, 0.7, 0.0], neighbours=neighbours)
    assert short < 0.5 < whole
    assert variance > 0.05


def test_what_the_neighbours_explain_is_not_taken_for_the_months_own() -> None:
    neighbours = np.array([[0.0, 0.2, 0.2, 0.0]])
    _, _, unrecorded = found([0.14, 0.06, 0.14], [0.3, 0.7, 0.0], neighbours=neighbours)
    assert unrecorded > 0.8


def test_arrival_months_that_are_not_known_tell_nothing() -> None:
    _, variance, unrecorded = found([0.3, 0.0, 0.0], [0.3, 0.7, 0.0], known=(False, False, False))
    assert variance > 1e5
    assert unrecorded == pytest.approx(0.05)


def test_the_solution_is_that_of_the_gaussian_written_out() -> None:
    random = np.random.default_rng(4)
    for _ in range(20):
        shares = random.dirichlet([2, 2, 2])
        mean = random.gamma(1, 1, (1, len(NEIGHBOURS)))
        square, recorded = mean**2 * (1 + random.gamma(1, 0.2)), random.gamma(1, 1, (1, 3))
        spread, variance = random.uniform(0.02, 1), random.uniform(0.05, 1)
        by_lag = shares[None]
        departed = find_departed(Arrivals(by_lag, recorded, mean, square), by_lag, spread, np.array([variance]), np.array([0.1]))
        about, covariance = _moments_of_others(shares, mean[0], square[0], spread)
        likelihoods = []
        for own, own_variance in ((1.0, np.expm1(variance)), (0.0, 0.0), (0.5, 1 / 12)):
            of_own = own_variance * np.outer(shares, shares)
            of_own += spread * (own**2 + own_variance) * (np.diag(shares) - np.outer(shares, shares))
            law = multivariate_normal(about + own * shares, covariance + of_own + 1e-4 * np.eye(3))
            likelihoods.append(law.pdf(recorded[0]))
        weighed = np.array([1 - 0.1 - 0.01, 0.1, 0.01]) * likelihoods
        assert departed.unrecorded_chance[0] == pytest.approx(weighed[1] / weighed.sum(), rel=1e-6)


def _moments_of_others(shares: Floats, mean: Floats, square: Floats, spread: float) -> tuple[Floats, Floats]:
    """Every neighbour's goods, month by month, as the model states them."""
    about, covariance = np.zeros(3), np.zeros((3, 3))
    for neighbour, first, second in zip(NEIGHBOURS, mean, square, strict=True):
        arriving = np.array([shares[month - neighbour] if 0 <= month - neighbour <= 2 else 0.0 for month in range(3)])
        about += first * arriving
        covariance += (second - first**2) * np.outer(arriving, arriving)
        covariance += spread * second * (np.diag(arriving) - np.outer(arriving, arriving))
    return about, covariance
