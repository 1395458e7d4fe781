"""The world's series: who belongs to it, what stands in for an unpublished month, and what one importer alone cannot do to it."""

import functools

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tests.model.trade_world import CALENDAR, coverage_of, import_rows, seasonal_kg
from tradeflow.contract import load_contract
from tradeflow.model.world import fit_world_baseline

FIT = functools.partial(fit_world_baseline, scored_periods=6, calibration_periods=6, min_history_periods=18)
IMPORTERS = range(1, 9)
LAST = int(CALENDAR[-1])


def everybody(growth: float = 1.0, grown: range = IMPORTERS, seed: int = 1) -> dict[int, np.ndarray]:
    """Eight like importers; those of `grown` take `growth` times as much in the last month."""
    random = np.random.default_rng(seed)
    amounts = {importer: seasonal_kg(random, len(CALENDAR)) for importer in IMPORTERS}
    for importer in grown:
        amounts[importer][-1] *= growth
    return amounts


def fit(amounts: dict[int, np.ndarray], coverage: pl.DataFrame | None = None) -> pl.DataFrame:
    imports = pl.concat(import_rows(kg, importer) for importer, kg in amounts.items())
    return FIT(imports, coverage_of(list(amounts), CALENDAR.tolist()) if coverage is None else coverage)


def last(baseline: pl.DataFrame) -> dict:
    return baseline.filter(period=LAST).row(0, named=True)


def test_one_series_for_each_code_in_the_contract() -> None:
    baseline = fit(everybody())
    assert baseline.schema == load_contract("baseline").schema
    assert baseline["period"].to_list() == CALENDAR[-12:].tolist()
    assert baseline.select("importer_code", "exporter_code", "series_level").unique().rows() == [(0, 0, "world")]
    assert baseline["is_scored"].sum() == 6


def test_the_sum_is_that_of_a_slow_loop() -> None:
    """Steady importers' amounts; the one that rose most above its mean of twelve months counts with that mean."""
    amounts = everybody(growth=1.5)
    rises = {importer: kg[-1] - kg[-13:-1].mean() for importer, kg in amounts.items()}
    expected = sum(kg[-1] for kg in amounts.values()) - max(rises.values())
    assert last(fit(amounts))["observed_kg"] == pytest.approx(expected)


def test_what_all_take_is_strange_and_what_one_takes_is_not() -> None:
    ordinary, all_of_them = last(fit(everybody())), last(fit(everybody(2.0)))
    one = last(fit(everybody(1000.0, range(1, 2))))
    assert all_of_them["z_seasonal"] > 4 > ordinary["z_seasonal"] + 2
    assert one["z_seasonal"] < 2
    assert one["observed_kg"] == pytest.approx(ordinary["observed_kg"], rel=0.2)


def test_who_comes_late_is_not_taken_for_growth() -> None:
    amounts = everybody()
    late = everybody(seed=2)[1].copy() * 20
    covered = pl.concat([coverage_of(list(amounts), CALENDAR.tolist()), coverage_of([99], CALENDAR[-8:].tolist())])
    late[:-8] = 0.0
    assert last(fit(amounts | {99: late}, covered))["observed_kg"] == pytest.approx(last(fit(amounts))["observed_kg"])


@pytest.mark.parametrize(("silent", "is_judged"), [([1], True), ([1, 2, 3], False)], ids=["an eighth", "three eighths"])
def test_an_unpublished_month_counts_as_usual_until_too_much_is_unpublished(silent: list[int], is_judged: bool) -> None:
    amounts = everybody()
    for importer in silent:
        amounts[importer][-1] = 0.0
    covered = coverage_of(list(amounts), CALENDAR.tolist()).filter(~(pl.col("reporter_code").is_in(silent) & (pl.col("period") == LAST)))
    row = last(fit(amounts, covered))
    assert (row["observed_kg"] is not None) == is_judged
    if is_judged:
        assert row["observed_kg"] == pytest.approx(last(fit(everybody()))["observed_kg"], rel=0.2)


def test_a_later_month_changes_no_earlier_figure() -> None:
    amounts = everybody(3.0)
    imports, coverage = (
        pl.concat(import_rows(kg, importer) for importer, kg in amounts.items()),
        coverage_of(list(amounts), CALENDAR.tolist()),
    )
    earlier = pl.col("period") < LAST
    before, after = FIT(imports.filter(earlier), coverage.filter(earlier)), FIT(imports, coverage, calibration_periods=7)
    shared = after.filter(earlier)
    assert shared.height == before.height
    assert_frame_equal(before.drop("is_scored"), shared.drop("is_scored"), rel_tol=1e-7)


def test_a_code_that_nobody_reports_is_no_series() -> None:
    assert FIT(import_rows(np.zeros(60)), coverage_of([484], CALENDAR.tolist())).is_empty()
