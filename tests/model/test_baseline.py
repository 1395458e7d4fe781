"""The baseline as frames: what is zero and what is unknown, what a later month may not touch, and the contract."""

import functools

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tests.model.trade_world import CALENDAR, coverage_of, import_rows, many_routes, seasonal_kg
from tradeflow.contract import load_contract
from tradeflow.model.baseline import fit_seasonal_baseline
from tradeflow.model.series import importer_panel, make_calendar

FIT = functools.partial(fit_seasonal_baseline, scored_periods=6, calibration_periods=12, min_history_periods=18)
KEY = list(load_contract("baseline").unique_keys[0])


def one_route(kg: np.ndarray, **options) -> tuple[pl.DataFrame, pl.DataFrame]:
    return import_rows(kg, **options), coverage_of([484], CALENDAR.tolist())


def newest(baseline: pl.DataFrame, level: str = "importer") -> dict:
    return baseline.filter(pl.col("series_level") == level).sort("period").row(-1, named=True)


def test_keeps_its_contract() -> None:
    baseline = FIT(*many_routes(1))
    contract = load_contract("baseline")
    assert baseline.schema == contract.schema
    assert baseline.select(KEY).is_unique().all()
    for column in contract.columns:
        if column.is_required:
            assert baseline[column.name].null_count() == 0
    judged = baseline.filter(pl.col("expected_kg").is_not_null())
    assert judged.height > 400
    assert judged.select((pl.col("lower_kg") < pl.col("expected_kg")) & (pl.col("expected_kg") < pl.col("upper_kg"))).to_series().all()
    assert judged["trade_probability"].is_between(0, 1, closed="none").all()
    assert baseline.filter("is_scored")["period"].unique().sort().to_list() == CALENDAR[-6:].tolist()
    assert baseline.filter(~pl.col("is_scored"))["period"].unique().sort().to_list() == CALENDAR[-18:-6].tolist()


def test_importer_row_for_every_period_and_route_row_for_every_trade() -> None:
    imports, coverage = many_routes(1)
    baseline = FIT(imports, coverage)
    pairs = imports.select("importer_code", "commodity_code").unique().height
    assert baseline.filter(pl.col("series_level") == "importer").height == pairs * 18
    assert baseline.filter(pl.col("series_level") == "flow").height == imports.filter(pl.col("period") >= CALENDAR[-18]).height


def test_a_later_month_changes_no_earlier_score() -> None:
    imports, coverage = many_routes(2)
    later = pl.col("period") > CALENDAR[-4]
    before = FIT(imports.filter(~later), coverage.filter(~later))
    after = FIT(imports, coverage, calibration_periods=15)
    both = before.select(KEY).join(after, on=KEY)
    assert both.height == before.height
    assert_frame_equal(
        before.drop("is_scored").sort(KEY), both.select(before.columns).drop("is_scored").sort(KEY), rel_tol=1e-7, abs_tol=1e-9
    )


def test_shuffling_rows_changes_nothing() -> None:
    imports, coverage = many_routes(3)
    assert_frame_equal(
        FIT(imports, coverage), FIT(imports.sample(fraction=1, shuffle=True, seed=5), coverage.sample(fraction=1, shuffle=True, seed=6))
    )


def test_number_of_workers_changes_nothing() -> None:
    world = many_routes(3)
    assert_frame_equal(FIT(*world, workers=1), FIT(*world, workers=3))


@pytest.mark.parametrize("factor", [0.001, 1000.0])
def test_scaling_all_weights_leaves_z_alone(factor: float) -> None:
    imports, coverage = many_routes(4)
    plain, scaled = FIT(imports, coverage), FIT(imports.with_columns(pl.col("net_weight_kg") * factor), coverage)
    np.testing.assert_allclose(scaled["z_seasonal"].drop_nulls(), plain["z_seasonal"].drop_nulls(), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(scaled["expected_kg"].drop_nulls(), factor * plain["expected_kg"].drop_nulls(), rtol=1e-5)


def test_a_planted_excess_stands_out_and_a_usual_month_does_not() -> None:
    kg = seasonal_kg(np.random.default_rng(5))
    usual = newest(FIT(*one_route(kg)))
    kg[-1] *= 4
    strange = newest(FIT(*one_route(kg)))
    assert abs(usual["z_seasonal"]) < 2.5
    assert strange["z_seasonal"] > 3.5
    assert strange["expected_kg"] == pytest.approx(usual["expected_kg"])
    assert usual["lower_kg"] < usual["observed_kg"] < usual["upper_kg"] < strange["observed_kg"]


def test_not_reported_yet_is_missing_and_never_zero() -> None:
    kg = seasonal_kg(np.random.default_rng(6))
    imports, coverage = one_route(np.r_[kg[:50], np.zeros(4), kg[54:]])
    silent = pl.col("period").is_in(CALENDAR[50:54].tolist())
    not_listed = coverage.filter(~silent)
    not_yet = coverage.with_columns(coverage_status=pl.when(silent).then(pl.lit("not_reported_yet")).otherwise("coverage_status"))
    reported, unlisted, late = FIT(imports, coverage), FIT(imports, not_listed), FIT(imports, not_yet)
    assert_frame_equal(unlisted, late)
    gap = pl.col("period") == int(CALENDAR[51])
    assert reported.filter(gap)["observed_kg"].to_list() == [0.0]
    assert unlisted.filter(gap)["observed_kg"].to_list() == [None]
    assert newest(reported)["trade_probability"] < newest(unlisted)["trade_probability"] - 0.03
    assert newest(unlisted)["history_periods"] == newest(reported)["history_periods"] - 4


def test_zero_months_do_not_drag_the_amount_down() -> None:
    kg = seasonal_kg(np.random.default_rng(7))
    sometimes = np.where(np.random.default_rng(8).random(60) < 0.5, 0.0, kg)
    sometimes[-1] = kg[-1]
    full, sparse = newest(FIT(*one_route(kg))), newest(FIT(*one_route(sometimes)))
    assert sparse["expected_kg"] == pytest.approx(full["expected_kg"], rel=0.3)
    assert sparse["trade_probability"] == pytest.approx(0.5, abs=0.25)


def test_trade_of_a_normally_silent_series_is_more_surprising_than_of_a_regular_one() -> None:
    kg = seasonal_kg(np.random.default_rng(9), noise=0.1)
    silent = np.where(np.arange(60) % 7 == 0, kg, 0.0)
    silent[-1] = kg[-1]
    assert newest(FIT(*one_route(silent)))["z_seasonal"] > newest(FIT(*one_route(kg)))["z_seasonal"] + 0.5


def test_a_month_without_trade_has_an_expectation_and_no_deviation() -> None:
    kg = seasonal_kg(np.random.default_rng(10))
    kg[55] = 0.0
    row = FIT(*one_route(kg)).filter(pl.col("period") == int(CALENDAR[55]), pl.col("series_level") == "importer").row(0, named=True)
    assert row["observed_kg"] == 0.0
    assert row["z_seasonal"] is None
    assert row["expected_kg"] > 0


def test_too_short_a_history_gets_no_expectation() -> None:
    kg = seasonal_kg(np.random.default_rng(11))
    kg[:45] = 0.0
    imports, coverage = one_route(kg)
    baseline = FIT(imports, coverage.filter(pl.col("period") >= CALENDAR[45])).sort("period")
    assert baseline["history_periods"].max() == 14
    assert baseline["expected_kg"].null_count() == baseline.height


def test_a_code_is_not_zero_before_its_edition_existed() -> None:
    kg = seasonal_kg(np.random.default_rng(12))
    kg[:30] = 0.0
    imports, coverage = one_route(kg)
    births = pl.DataFrame(
        {"importer_code": [484], "commodity_code": ["291411"], "first_period": [int(CALENDAR[30])]},
        schema_overrides={"importer_code": pl.Int32, "first_period": pl.Int32},
    )
    with_birth, without = newest(FIT(imports, coverage, births=births)), newest(FIT(imports, coverage))
    assert with_birth["history_periods"] == 29
    assert without["history_periods"] == 59
    assert with_birth["trade_probability"] > 0.97 > without["trade_probability"]


def test_a_sum_with_too_little_usable_weight_is_missing() -> None:
    weights = pl.Series([100.0, None, 100.0, None, 100.0, None])
    values = [80.0, 20.0, 79.0, 21.0, 0.0, 0.0]
    periods = [202001, 202001, 202002, 202002, 202003, 202003]
    imports = pl.DataFrame({"net_weight_kg": weights, "primary_value_usd": values, "period": periods}).with_columns(
        pl.col("period").cast(pl.Int32),
        importer_code=pl.lit(484, pl.Int32),
        commodity_code=pl.lit("291411"),
        exporter_code=pl.lit(1, pl.Int32),
    )
    panel = importer_panel(imports, coverage_of([484], [202001, 202002, 202003, 202004]), None, make_calendar("M", 202001, 202004))
    np.testing.assert_array_equal(panel.kg, [[100.0, np.nan, 100.0, 0.0]])
    np.testing.assert_array_equal(panel.has_traded, [[True, True, True, False]])


def test_annual_series_are_judged_from_five_years() -> None:
    random = np.random.default_rng(13)
    years = make_calendar("A", 2010, 2022)
    frames = [import_rows(np.exp(random.normal(10, 0.2, 13)), importer, freq_code="A", calendar=years) for importer in range(1, 30)]
    baseline = FIT(pl.concat(frames), coverage_of(list(range(1, 30)), years.tolist(), "A"), scored_periods=2, calibration_periods=8)
    judged = baseline.filter(pl.col("expected_kg").is_not_null(), pl.col("series_level") == "importer")
    assert judged["history_periods"].min() == 6  # five years, and six amounts without which no amount is expected
    assert judged["period"].max() == 2022
    assert judged.select(pl.col("observed_kg").is_between("lower_kg", "upper_kg").mean()).item() > 0.8


def test_annual_and_monthly_rows_do_not_mix() -> None:
    monthly, coverage = many_routes(14)
    years = make_calendar("A", 2010, 2022)
    annual = import_rows(np.exp(np.random.default_rng(1).normal(10, 0.2, 13)), 1, freq_code="A", calendar=years)
    both = FIT(pl.concat([monthly, annual]), pl.concat([coverage, coverage_of([1], years.tolist(), "A")]))
    assert_frame_equal(both.filter(pl.col("freq_code") == "M"), FIT(monthly, coverage))


def test_no_rows_in_no_rows_out() -> None:
    imports, coverage = many_routes(1)
    assert_frame_equal(FIT(imports.clear(), coverage), load_contract("baseline").empty_frame())


@pytest.mark.parametrize(
    ("freq_code", "first", "last", "expected"),
    [("M", 201911, 202002, [201911, 201912, 202001, 202002]), ("A", 2019, 2021, [2019, 2020, 2021]), ("M", 202001, 202001, [202001])],
)
def test_calendar_leaves_no_gap(freq_code: str, first: int, last: int, expected: list[int]) -> None:
    assert make_calendar(freq_code, first, last).tolist() == expected
