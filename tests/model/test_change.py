"""Shapes of change told apart, with the month in which they began."""

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tests.model.test_seasonal import panel
from tests.model.trade_world import CALENDAR, many_routes
from tradeflow.contract import load_contract
from tradeflow.model.change import KIND_CHANCE, KINDS, WINDOW, make_shapes
from tradeflow.model.scoring import Series, score_newest_window
from tradeflow.model.series_change import find_series_changes

MONTHS = 60
STARTS = {"spike": range(6), "level_shift": range(4), "ramp": range(2), "front_loading": range(3)}


def series_of(kg: np.ndarray) -> Series:
    return Series(kg, kg > 0, np.isfinite(kg), 12)


def world(seed: int, series: int = 250) -> np.ndarray:
    return np.exp(panel(np.random.default_rng(seed), series, MONTHS - 1, 0.15))


def profile(kind: str, start: int) -> np.ndarray:
    """What the kind multiplies each month of the window by, written out."""
    times = np.ones(WINDOW)
    if kind == "spike":
        times[start] = 4.0
    elif kind == "level_shift":
        times[start:] = 2.5
    elif kind == "ramp":
        times[start:] = 1 + 2.0 * np.arange(1, WINDOW - start + 1) / (WINDOW - start)
    else:
        times[start : start + 2] = 2.5
        times[start + 2 :] = 0.4
    return times


@pytest.mark.parametrize("kind", STARTS)
def test_kinds_are_told_apart_and_dated_within_a_month(kind: str) -> None:
    kinds, errors = [], []
    for start in STARTS[kind]:
        kg = world(start)
        kg[:, -WINDOW:] *= profile(kind, start)
        changes, is_judged = score_newest_window(series_of(kg), 12)
        assert is_judged.all()
        kinds.append(changes.kind)
        errors.append(np.abs(changes.start - start)[changes.kind == kind])
    named = np.concatenate(kinds)
    others = {other: float(np.mean(named == other)) for other in KINDS if other != kind}
    assert np.mean(named == kind) > (0.6 if kind == "ramp" else 0.8), others
    assert np.mean(np.concatenate(errors) <= 1) > 0.9


@pytest.mark.parametrize("month", range(1, WINDOW + 1))
def test_a_month_out_of_all_proportion_is_a_spike(month: int) -> None:
    """Kilograms put down as grams, or worse, are of no shape's size; heavy tails alone would come to say that they tell nothing."""
    kg = np.repeat(world(4, 40), 3, axis=0)
    kg[:, -month] *= np.tile([1e3, 1e6, 1e9], 40)
    changes, _ = score_newest_window(series_of(kg), 12)
    thousandfold, millionfold, beyond = changes.log_evidence.reshape(40, 3).T
    assert (thousandfold > np.log(1000)).all()
    assert (millionfold > thousandfold).all()
    assert (beyond > thousandfold).all()
    assert np.mean(changes.kind == "spike") > 0.95


def test_one_raised_month_between_months_without_trade_is_a_spike_of_that_month() -> None:
    kg = world(5, 200)
    kg[:, -WINDOW:] = np.where(np.arange(WINDOW) == 3, kg[:, -WINDOW:] * 6, 0.0)
    changes, _ = score_newest_window(series_of(kg), 12)
    assert np.mean(changes.kind == "spike") > 0.95
    assert (changes.start[changes.kind == "spike"] == 3).all()


def test_a_level_that_shifted_while_nothing_was_traded_shows_from_the_first_trade() -> None:
    kg = world(6, 200)
    kg[:, -WINDOW:] *= 4
    kg[:, -WINDOW : -WINDOW + 2] = 0.0
    changes, _ = score_newest_window(series_of(kg), 12)
    assert np.mean(changes.kind == "level_shift") > 0.8
    assert (changes.start[changes.kind == "level_shift"] == 2).mean() > 0.9


def test_an_ordinary_half_year_is_no_change() -> None:
    changes, _ = score_newest_window(series_of(world(9, 600)), 12)
    assert np.mean(changes.kind == "none") > 0.98
    assert (changes.start[changes.kind == "none"] == -1).all()


def test_trade_after_long_silence_is_named_even_where_there_never_was_any() -> None:
    kg = world(3, 3)
    kg[0, -30:] = 0.0
    kg[0, -2] = kg[0, :30].mean()
    kg[1, :] = 0.0
    kg[1, -3:] = 1e5
    kg[2, -30:-1] = np.nan
    changes, is_judged = score_newest_window(series_of(kg), 12)
    assert changes.kind[:2].tolist() == ["first_trade_after_silence"] * 2
    assert changes.start[:2].tolist() == [4, 3]
    assert is_judged.tolist() == [True, True, True]
    assert changes.kind[2] != "first_trade_after_silence"


def test_missing_months_and_silence_are_not_a_change() -> None:
    kg = world(5, 40)
    kg[:20, -3:] = np.nan
    kg[20:, -3:] = 0.0
    changes, is_judged = score_newest_window(series_of(kg), 12)
    assert is_judged.all()
    assert np.mean(changes.kind == "none") > 0.95
    kg[:, -WINDOW:] = np.nan
    assert not score_newest_window(series_of(kg), 12)[1].any()


def test_a_control_date_says_where_front_loading_ends() -> None:
    kg = world(6, 100)
    kg[:, -WINDOW:] *= profile("front_loading", 1)
    right, _ = score_newest_window(series_of(kg), 12, control_month=3)
    wrong, _ = score_newest_window(series_of(kg), 12, control_month=5)
    assert np.mean(right.kind == "front_loading") > 0.9
    assert np.mean(wrong.kind == "front_loading") < 0.4


def test_evidence_of_a_lasting_change_grows_with_its_months() -> None:
    kg = world(7, 200)
    kg[:, -WINDOW:-1] *= 2.0
    partly, _ = score_newest_window(series_of(kg[:, :-3]), 12)
    later, _ = score_newest_window(series_of(kg[:, :-1]), 12)
    assert np.median(later.log_evidence) > np.median(partly.log_evidence) + 2


def test_chances_of_kinds_sum_to_one_and_every_shape_has_one() -> None:
    assert sum(KIND_CHANCE.values()) == pytest.approx(1)
    assert set(make_shapes().kind) | {"first_trade_after_silence", "none"} == set(KINDS)
    for kind in set(make_shapes().kind):
        assert make_shapes().chance[make_shapes().kind == kind].sum() == pytest.approx(1)
    assert set(make_shapes(2).kind) == {"spike", "level_shift", "ramp", "front_loading"}


def test_the_pipelines_series_have_a_row_each_with_what_changed() -> None:
    imports, coverage = many_routes(4)
    newest = pl.col("period") > CALENDAR[-4]
    raised = imports.with_columns(
        pl.when(newest & (pl.col("importer_code") == 1)).then(pl.col("net_weight_kg") * 8).otherwise("net_weight_kg")
    )
    changes = find_series_changes(raised, coverage, scored_periods=6, min_history_periods=18)
    table = load_contract("series_change")
    assert changes.schema == table.schema
    assert changes.select(table.unique_keys[0]).is_unique().all()
    assert changes["change_kind"].is_in(KINDS).all()
    assert set(changes["series_level"]) == {"importer", "flow", "world"}
    importers = changes.filter(pl.col("series_level") == "importer")
    assert importers.height == imports.select("importer_code", "commodity_code").unique().height
    struck = importers.filter(pl.col("importer_code") == 1)
    assert (struck["change_kind"] != "none").all()
    assert struck["change_period"].is_between(CALENDAR[-5], CALENDAR[-1]).all()
    assert struck["six_month_score"].min() > importers.filter(pl.col("importer_code") != 1)["six_month_score"].max()
    assert find_series_changes(imports.clear(), coverage, scored_periods=6, min_history_periods=18).is_empty()


def test_a_year_of_leads_is_judged_in_half_years_each_by_what_was_known_before_it() -> None:
    imports, coverage = many_routes(4)
    both = find_series_changes(imports, coverage, scored_periods=12, min_history_periods=18)
    assert both["period"].unique().sort().to_list() == [CALENDAR[-7], CALENDAR[-1]]
    newest, earlier = (both.filter(pl.col("period") == CALENDAR[-at]) for at in (1, 7))
    assert set(newest["series_level"]) == set(earlier["series_level"]) == {"importer", "flow", "world"}
    newest_alone = find_series_changes(imports, coverage, scored_periods=6, min_history_periods=18)
    assert_frame_equal(newest.join(newest_alone, on=newest_alone.columns[:6], how="semi"), newest_alone)
    before = imports.filter(pl.col("period") <= CALENDAR[-7])
    as_it_was = find_series_changes(before, coverage, scored_periods=6, min_history_periods=18)
    key = as_it_was.columns[:6]
    assert_frame_equal(earlier.join(as_it_was, on=key, how="semi"), as_it_was.join(earlier, on=key, how="semi"))
