"""The generator: what each kind and each anomaly must look like, and that a seed is a seed."""

import numpy as np
import pytest

from tradeflow.evaluate.series_truth import KINDS, LAST_MONTH, SILENT_MONTHS, SIX_MONTHS, WINDOW, make_series, plant, typical_amount


@pytest.mark.parametrize("kind", KINDS)
def test_a_seed_gives_the_same_series_and_another_seed_others(kind: str) -> None:
    first, again, other = (make_series(kind, 5, 48, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other, equal_nan=True)
    assert first.shape == (5, 48)


def test_each_kind_is_what_it_says() -> None:
    kinds = {kind: make_series(kind, 300, 60, 3) for kind in KINDS}
    assert all((kinds[kind] > 0).all() for kind in ("regular", "contaminated", "evolving"))
    silent = (kinds["intermittent"] == 0).mean(axis=1)
    assert 0.3 < silent.mean() < 0.45
    absent = np.isnan(kinds["missing"])
    assert 0.05 < absent.mean() < 0.09
    assert not absent[:, -WINDOW - 1 :].any()


def test_contamination_keeps_away_from_the_judged_months() -> None:
    clean, spoiled = (make_series(kind, 2_000, 60, 3) for kind in ("regular", "contaminated"))
    changes = [np.abs(np.diff(np.log(each), axis=1)) for each in (clean, spoiled)]
    late, early = ([float((change[:, part] > 1.5).mean()) for change in changes] for part in (slice(-7, None), slice(0, -8)))
    assert early[1] > 3 * early[0]
    assert late[1] < 2 * late[0] + 0.002


@pytest.mark.parametrize("kind", ["regular", "intermittent", "missing"])
@pytest.mark.parametrize("anomaly", [*LAST_MONTH, *SIX_MONTHS])
def test_planting_touches_only_its_own_months(kind: str, anomaly: str) -> None:
    amounts = make_series(kind, 40, 48, 5)
    before, planted = amounts.copy(), plant(amounts, anomaly, 5)
    np.testing.assert_array_equal(amounts, before)
    touched = {"spike": 1, "new r": 48, "resta": SILENT_MONTHS + 1}.get(anomaly[:5], WINDOW)
    np.testing.assert_array_equal(planted[:, :-touched], amounts[:, :-touched])
    if anomaly in LAST_MONTH:
        assert (planted[:, -1] > 0).all()


def test_anomalies_by_hand() -> None:
    amounts = np.tile(np.array([[10.0], [4.0]]), (1, 40))
    amounts[1, -1] = 0.0
    assert plant(amounts, "spike x3")[:, -1].tolist() == [30.0, 12.0]
    assert plant(amounts, "shift +25%")[0, -7:].tolist() == [10.0] + [12.5] * 6
    np.testing.assert_allclose(plant(amounts, "ramp to x2")[0, -7:], [10, 70 / 6, 80 / 6, 15, 100 / 6, 110 / 6, 20])
    assert sorted(plant(amounts, "one-off x3")[0, -6:]) == [10.0] * 5 + [30.0]
    restarted = plant(amounts, "restart after silence")
    assert restarted[1].tolist() == [4.0] * 15 + [0.0] * 24 + [4.0]
    assert plant(amounts, "new route")[0].tolist() == [0.0] * 39 + [10.0]


def test_the_typical_amount_is_the_median_traded_month_before_the_window() -> None:
    amounts = np.array([[2.0, 0.0, np.nan, 4.0, 6.0, *[99.0] * 6], [0.0] * 11])
    assert typical_amount(amounts).tolist() == [4.0, 1.0]


def test_what_is_unknown_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown kind 'odd'"):
        make_series("odd", 1, 36, 0)
    with pytest.raises(ValueError, match="unknown anomaly 'odd'"):
        plant(np.ones((1, 36)), "odd")
