"""The smallest detectable excess against injection: what is stated to be seen in 80% of cases is."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from tradeflow.contract import load_contract
from tradeflow.model import measure_detectable_excess
from tradeflow.model.detectable import detectable_once, detectable_sustained
from tradeflow.model.excess import TAIL_DEGREES, deviation_exceeded, interval_reach, log_p_value, normal_deviate

THRESHOLD = 2.33


def called_once(log_sd: float, chance: float, excess: float, months: int = 200_000) -> float:
    """Plant the excess in so many months of a series with a hurdle, its noise as the model has it, and count the calls."""
    random = np.random.default_rng(5)
    noise = random.standard_t(TAIL_DEGREES, months) / np.sqrt(TAIL_DEGREES / (TAIL_DEGREES - 2))
    amounts = np.exp(log_sd * noise) * (random.random(months) < chance) + excess
    with np.errstate(divide="ignore"):
        score = normal_deviate(log_p_value(np.log(amounts) / log_sd, np.full(months, chance)))
    return float(np.mean((amounts > 0) & (score >= THRESHOLD)))


@pytest.mark.parametrize("log_sd", [0.1, 0.4, 1.0])
@pytest.mark.parametrize("chance", [1.0, 0.9])
def test_the_stated_excess_is_called_as_often_as_stated(log_sd: float, chance: float) -> None:
    excess = detectable_once(np.array([log_sd]), np.array([chance]), THRESHOLD, 0.8)[0]
    assert called_once(log_sd, chance, excess) == pytest.approx(0.8, abs=0.01)
    assert called_once(log_sd, chance, 0.8 * excess) < 0.77


def test_where_trade_is_mostly_silent_the_excess_alone_must_pass() -> None:
    excess = detectable_once(np.array([0.4]), np.array([0.3]), THRESHOLD, 0.8)[0]
    assert called_once(0.4, 0.3, excess * 1.0001) == 1.0
    assert called_once(0.4, 0.3, excess * 0.999) < 0.8


def test_any_trade_is_an_alarm_where_trade_is_all_but_impossible() -> None:
    assert detectable_once(np.array([0.4]), np.array([0.004]), THRESHOLD, 0.8)[0] == 0.0


@pytest.mark.parametrize("log_sd", [0.1, 0.4, 1.0])
def test_the_sustained_excess_is_called_as_often_as_stated(log_sd: float) -> None:
    excess = detectable_sustained(np.array([log_sd]), THRESHOLD, 0.8)[0]
    noise = np.random.default_rng(6).normal(size=(100_000, 6))
    scores = (np.log(np.exp(log_sd * noise) + excess) / log_sd).sum(axis=1) / np.sqrt(6)
    assert np.mean(scores >= THRESHOLD) == pytest.approx(0.8, abs=0.015)


@given(st.floats(0.02, 1.5), st.floats(0.02, 1.5), st.floats(0.5, 0.95))
def test_more_noise_hides_more_and_lasting_shows_less(first: float, second: float, power: float) -> None:
    log_sd = np.sort([first, second])
    once, sustained = detectable_once(log_sd, np.ones(2), THRESHOLD, power), detectable_sustained(log_sd, THRESHOLD, power)
    assert once[0] <= once[1] * (1 + 1e-9)
    assert sustained[0] <= sustained[1] * (1 + 1e-9)
    assert (sustained <= once * (1 + 1e-9)).all()


def baseline_row(importer_code: int, reach: float | None, **other: object) -> dict:
    expected = None if reach is None else 1000.0
    return {
        "series_level": "importer", "freq_code": "M", "period": 202401, "exporter_code": 0, "importer_code": importer_code,
        "commodity_code": "291411", "observed_kg": 900.0, "expected_kg": expected, "lower_kg": expected and expected / reach,
        "upper_kg": expected and expected * reach, "trade_probability": expected and 1.0, "z_seasonal": None, "history_periods": 60,
        "is_scored": True,
    } | other  # fmt: skip


def measure(*rows: dict, called_from: float = 0.0) -> pl.DataFrame:
    """Measure with a refit in which every series is called from `called_from` kg a month on."""
    baseline = pl.DataFrame(rows, schema=load_contract("baseline").schema)

    def refit(excess: pl.DataFrame) -> pl.DataFrame:
        score = pl.when(pl.col("excess_kg") >= called_from).then(9.0).otherwise(0.0)
        return excess.with_columns(score.alias("z_seasonal"), pl.lit("importer").alias("series_level"))

    return measure_detectable_excess(baseline, refit, false_alarm_rate=0.01, power=0.8)


def test_each_importer_and_code_gets_its_label_and_figures() -> None:
    silent = baseline_row(4, None)
    found = measure(
        baseline_row(1, 1.1), baseline_row(2, 1.25), baseline_row(3, 3.0), silent, baseline_row(5, 1.05, freq_code="A", period=2023)
    )
    assert dict(found.schema) == load_contract("detectable_excess").schema
    labels = dict(found.select("importer_code", "detectability").iter_rows())
    assert labels == {1: "in_one_period", 2: "if_sustained", 3: "too_noisy", 4: "too_short", 5: "in_one_period"}
    assert found.filter(freq_code="A")["sustained_excess_kg"].to_list() == [None]
    assert found["detectability_reason"].str.contains("25%").sum() == 4


def test_one_month_must_lack_no_more_than_its_excess() -> None:
    limit = np.exp(deviation_exceeded(np.array(0.01)) * np.log(1.1) / interval_reach())
    found = measure(baseline_row(1, 1.1)).row(0, named=True)
    assert found["detectable_excess_ratio"] == pytest.approx(limit - 0.9)
    assert found["detectable_excess_kg"] == pytest.approx(1000 * (limit - 0.9))


def test_a_lasting_excess_is_raised_until_the_refitted_series_are_called() -> None:
    rows = [baseline_row(1, 1.1, period=period) for period in range(202401, 202407)]
    closed = detectable_sustained(np.array([np.log(1.1) / interval_reach()]), -special.ndtri(0.01), 0.8)[0] * 1000
    kg = [measure(*rows, called_from=closed * times)["sustained_excess_kg"][0] for times in (1.5, 3.0, 9.0)]
    assert kg[0] == pytest.approx(closed * np.exp(np.log(1) + 0.8 * np.log(2)))
    assert kg[1] == pytest.approx(closed * np.exp(np.log(2) + 0.8 * np.log(2)))
    assert kg[2] is None


def test_the_newest_period_speaks_and_routes_do_not() -> None:
    rows = [baseline_row(1, 3.0, period=202312), baseline_row(1, 1.1), baseline_row(1, 1.1, series_level="flow", exporter_code=156)]
    assert measure(*rows).select("period", "detectability").rows() == [(202401, "in_one_period")]


def test_the_stated_excess_would_have_been_called_in_four_months_of_five() -> None:
    """Whatever the noise's tail: the limit is what one month in a hundred exceeds, and the excess what four in five lack at most."""
    noise = 0.1 * np.random.default_rng(1).standard_t(3, 400)
    periods = [year * 100 + month for year in range(1990, 2024) for month in range(1, 13)][:400]
    rows = [baseline_row(1, 1.1, period=period, observed_kg=1000 * np.exp(each)) for period, each in zip(periods, noise, strict=True)]
    ratio = measure(*rows)["detectable_excess_ratio"][0]
    limit = np.quantile(np.exp(noise), 0.99)
    assert np.mean(np.exp(noise) + ratio > limit) == pytest.approx(0.8, abs=0.01)


def test_no_series_no_rows() -> None:
    assert measure().is_empty()
