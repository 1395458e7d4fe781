"""Peers on series whose forecast is known, and what every peer must bring."""

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from tradeflow.evaluate.series_detectors import NO_TRADE, forest_judge, in_sample_judge, join_cells, peer_judge
from tradeflow.evaluate.series_peers import PEERS, Peer, forecast_median, forecast_seasonal_naive, forecast_year_on_year
from tradeflow.evaluate.series_truth import make_series, plant
from tradeflow.evaluate.series_worlds import Cell

HERE = [peer for peer in PEERS if peer.is_there]


@pytest.mark.parametrize("peer", HERE, ids=lambda peer: peer.name)
def test_every_peer_forecasts_a_seasonal_series_to_within_its_noise(peer: Peer) -> None:
    months = np.arange(39)
    random = np.random.default_rng(1)
    log_kg = 10 + 0.3 * np.cos(2 * np.pi * months / 12) + random.normal(0, 0.05, (1, 39))
    with threadpool_limits(1):
        mean, sd = peer.forecast(log_kg[:, :36], 3)
    assert mean.shape == sd.shape == (1, 3)
    assert (sd > 0).all()
    assert np.abs(mean - log_kg[:, 36:]).max() < (0.7 if peer.forecast is forecast_median else 0.3)


@pytest.mark.parametrize("peer", HERE, ids=lambda peer: peer.name)
def test_no_peer_breaks_on_gaps_or_on_nothing(peer: Peer) -> None:
    log_kg = np.full((2, 40), np.nan)
    log_kg[0, ::2] = np.arange(20) / 10
    with threadpool_limits(1):
        mean, sd = peer.forecast(log_kg, 1)
    assert np.isfinite(mean[0, 0])
    assert np.isfinite(sd[0, 0])
    assert not np.isfinite(mean[1, 0])


def test_simple_peers_by_hand() -> None:
    """Twelve months of 1, twelve of 3 but one of 8: a year ago it was 3, the changes are 2 and once 7."""
    series = np.array([[1.0] * 12 + [3.0] * 11 + [8.0]])
    mean, sd = forecast_year_on_year(series, 1)
    assert (mean[0, 0], sd[0, 0]) == (5.0, 0.05)
    mean, sd = forecast_seasonal_naive(series, 1)
    assert (mean[0, 0], sd[0, 0]) == (3.0, pytest.approx(np.sqrt((11 * 4 + 49) / 12)))
    mean, sd = forecast_median(series, 2)
    assert mean[0].tolist() == [2.0, 2.0]
    assert sd[0, 1] == pytest.approx(1.4826)


def test_the_newest_known_same_month_is_a_year_ago() -> None:
    series = np.arange(36.0)[None, :].copy()
    series[0, 24] = np.nan
    mean, _ = forecast_seasonal_naive(series, 2)
    assert mean[0].tolist() == [12.0, 25.0]


@pytest.fixture(scope="module")
def cells() -> list[Cell]:
    amounts = make_series("intermittent", 60, 60, 9)
    return [Cell("intermittent", amounts, {name: plant(amounts, name, 9) for name in ("spike x5", "shift x2", "restart after silence")})]


def test_a_spike_scores_above_the_same_month_without_it(cells: list[Cell]) -> None:
    judged = join_cells([peer_judge(Peer("median", forecast_median))(cell) for cell in cells])
    clean, spiked = judged.clean[0].last_month, judged.planted["spike x5"][0].last_month
    has_trade = cells[0].amounts[:, -1] > 0
    assert (spiked[has_trade] > clean[has_trade]).all()
    assert (clean[~has_trade] == NO_TRADE).all()
    shifted, before = judged.planted["shift x2"][0].six_months["sum"], judged.clean[0].six_months["sum"]
    assert (shifted >= before).all()
    assert judged.planted["restart after silence"][0].last_month.shape == (60,)


def test_a_dear_peer_is_not_asked_to_fit_again(cells: list[Cell]) -> None:
    scores = peer_judge(Peer("dear", forecast_median, most_series=5))(cells[0])
    assert set(scores.planted) == {"spike x5", "shift x2"}
    has_history = [(cells[0].amounts[:, :-horizon] > 0).sum(axis=1) > 1 for horizon in (1, 6)]
    assert scores.fits == sum(int(each.sum()) for each in has_history)


def test_the_other_judges_score_spikes_alone(cells: list[Cell]) -> None:
    for judge in (forest_judge(), in_sample_judge(is_robust=False)):
        scores = judge(cells[0])
        assert set(scores.planted) == {"spike x5"}
        assert np.mean(scores.planted["spike x5"].last_month) > np.mean(scores.clean.last_month)
        assert scores.fits == 120
        assert scores.seconds > 0


def test_a_conformal_peer_leaves_the_plain_one_of_its_kind_as_it_was() -> None:
    """statsforecast's MSTL would hand its intervals on through an object that all of them share."""
    pytest.importorskip("statsforecast", reason="statsforecast comes with the extra peers")
    plain, conformal = (
        next(peer for peer in PEERS if peer.name == name) for name in ("MSTL (statsforecast)", "MSTL, conformal (statsforecast)")
    )
    log_kg = np.log(make_series("regular", 2, 60, 5))
    before = plain.forecast(log_kg, 6)
    conformal.forecast(log_kg, 1)
    np.testing.assert_array_equal(plain.forecast(log_kg, 6), before)
    assert (conformal.forecast(log_kg, 6)[1] != before[1]).all()
