"""Imports against a stated need: cases by hand, and what must hold for any."""

from datetime import date

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradeflow.contract import load_contract
from tradeflow.model import measure_requirement_use

MEXICO, ACETONE = 484, "291411"


def month(period: int, observed_kg: float | None, expected_kg: float | None = 100.0, reach: float = 1.2, **other: object) -> dict:
    ends = (None, None) if expected_kg is None else (expected_kg / reach, expected_kg * reach)
    return {
        "series_level": "importer", "freq_code": "M", "period": period, "exporter_code": 0, "importer_code": MEXICO,
        "commodity_code": ACETONE, "observed_kg": observed_kg, "expected_kg": expected_kg, "lower_kg": ends[0],
        "upper_kg": ends[1], "trade_probability": 1.0,
        "z_seasonal": None, "history_periods": 40, "is_scored": True,
    } | other  # fmt: skip


def year_of(year: int, *observed: float | None, expected_kg: float = 100.0) -> list[dict]:
    return [month(year * 100 + number, kg, expected_kg) for number, kg in enumerate(observed, 1)]


def requirement(kg: float, year: int = 2024) -> dict:
    return {
        "importer_code": MEXICO, "commodity_code": ACETONE, "requirement_year": year, "requirement_kg": kg,
        "requirement_source": "a letter",
    }  # fmt: skip


def measure(rows: list[dict], *needs: dict) -> pl.DataFrame:
    schema = load_contract("requirement_use").schema
    stated = pl.DataFrame(list(needs), schema={name: schema[name] for name in requirement(0.0)})
    return measure_requirement_use(pl.DataFrame(rows, schema=load_contract("baseline").schema), stated)


def test_a_year_at_an_even_pace_is_passed_when_a_ruler_says_so() -> None:
    """600 kg in six months where 100 a month were expected: 850 kg is passed in the middle of the ninth month."""
    found = measure(year_of(2023, *[100.0] * 12) + year_of(2024, *[100.0] * 6), requirement(850)).row(0, named=True)
    assert (found["period"], found["window_periods"], found["cumulated_kg"]) == (202406, 6, 600.0)
    assert found["year_kg"] == pytest.approx(1200.0)
    assert found["passing_date"] == date(2024, 9, 16)
    assert date(2024, 7, 1) < found["earliest_passing_date"] < found["passing_date"]
    assert found["lower_year_kg"] < 1200 < found["upper_year_kg"]
    assert found["within_requirement_probability"] < 1e-4


def test_the_pace_of_this_year_and_the_season_of_the_last_carry_the_rest() -> None:
    """Twice what was expected so far; the months to come were expected at 300 kg a year before: 400 + 10 x 600."""
    last_year = [month(202300 + number, 1.0, 100.0 if number <= 2 else 300.0) for number in range(1, 13)]
    found = measure(last_year + year_of(2024, 200.0, 200.0), requirement(1e9)).row(0, named=True)
    assert found["year_kg"] == pytest.approx(6400.0)
    assert found["within_requirement_probability"] == pytest.approx(1.0)
    assert found["passing_date"] is None


def test_a_requirement_that_is_passed_is_passed_on_its_day_and_for_certain() -> None:
    found = measure(year_of(2024, 100.0, 0.0, 300.0), requirement(250)).row(0, named=True)
    assert found["passing_date"] == date(2024, 3, 16)
    assert found["within_requirement_probability"] == 0.0


def test_a_whole_year_leaves_nothing_to_guess() -> None:
    within, above = (measure(year_of(2023, *[100.0] * 12), requirement(kg, 2023)).row(0, named=True) for kg in (1200.0, 1199.0))
    assert within["within_requirement_probability"] == 1.0
    assert within["lower_year_kg"] == within["year_kg"] == within["upper_year_kg"] == 1200.0
    assert (above["within_requirement_probability"], above["passing_date"]) == (0.0, date(2023, 12, 31))


def test_a_short_history_goes_on_as_its_reported_months_did() -> None:
    rows = [month(202400 + number, kg, None) for number, kg in enumerate([100.0, 200.0, 300.0, *[None] * 9], 1)]
    found = measure(rows, requirement(3000)).row(0, named=True)
    assert found["year_kg"] == pytest.approx(2400.0)
    assert found["lower_year_kg"] < 2400 < found["upper_year_kg"]
    assert 0.5 < found["within_requirement_probability"] < 1


def test_a_month_that_is_not_reported_is_expected_and_not_zero() -> None:
    found = measure(year_of(2024, 100.0, None, 100.0, *[None] * 9), requirement(5000)).row(0, named=True)
    assert (found["period"], found["cumulated_kg"]) == (202403, 200.0)
    assert found["year_kg"] == pytest.approx(1200.0)


def test_what_says_nothing_gives_no_row() -> None:
    route = month(202401, 5.0, series_level="flow", exporter_code=156)
    annual = month(2024, 5.0, freq_code="A")
    assert measure([route, annual, *year_of(2024, None)], requirement(1)).is_empty()
    assert measure(year_of(2024, 1.0)).is_empty()
    assert dict(measure([]).schema) == load_contract("requirement_use").schema


@settings(deadline=None, max_examples=30)
@given(st.lists(st.floats(1, 1e6), min_size=1, max_size=12), st.floats(1, 1e7), st.floats(0.1, 10))
def test_a_larger_need_is_never_passed_earlier(observed: list[float], need: float, times: float) -> None:
    rows = year_of(2023, *[100.0] * 12) + year_of(2024, *observed)
    less, more = (measure(rows, requirement(kg)).row(0, named=True) for kg in sorted((need, need * times)))
    assert less["within_requirement_probability"] <= more["within_requirement_probability"] + 1e-12
    assert (less["passing_date"] or date.max) <= (more["passing_date"] or date.max)
    assert less["lower_year_kg"] <= less["year_kg"] <= less["upper_year_kg"]
    assert less["cumulated_kg"] == pytest.approx(sum(observed))


def test_the_year_rests_on_the_least_sure_of_its_weights() -> None:
    bases = ("as_reported", "value_over_unit_value")
    months = [*(month(202401 + place, 50.0, weight_basis=basis) for place, basis in enumerate(bases)), month(202403, 0.0)]
    assert measure(months, requirement(850))["weight_basis"].to_list() == ["value_over_unit_value"]
    assert measure(months[2:], requirement(850))["weight_basis"].to_list() == [None]
