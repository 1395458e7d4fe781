"""Chances that hold in anyone's table: false alarms by kind of series, and what a table's own past may and may not change."""

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tradeflow.evaluate.series_truth import KINDS, make_series
from tradeflow.evaluate.series_worlds import POOLED_KINDS
from tradeflow.model.own_series import score_series
from tradeflow.model.series import make_calendar

CALENDAR = make_calendar("M", 201501, 202412)
SCALED = ["lower_kg", "upper_kg", "p_value"]


def table(kg: np.ndarray, prefix: str = "s", group: str | None = None) -> pl.DataFrame:
    series, months = kg.shape
    ids = np.repeat([f"{prefix}{place:05}" for place in range(series)], months)
    rows = pl.DataFrame({"series_id": ids, "period": np.tile(CALENDAR[-months:], series), "net_weight_kg": kg.ravel()})
    return rows.with_columns(pl.col("net_weight_kg").fill_nan(None), group=pl.lit(group, pl.String))


def share_called(rows: pl.DataFrame) -> float:
    scores, _ = score_series(rows, last=1)
    return float(scores.select((pl.col("p_value") <= 0.01).mean()).item())


@pytest.mark.parametrize("months", [36, 60])
@pytest.mark.parametrize("kind", KINDS)
def test_one_ordinary_month_in_a_hundred_has_a_chance_of_a_hundredth(kind: str, months: int) -> None:
    assert 0.007 <= share_called(table(make_series(kind, 8_000, months, seed=92))) <= 0.014


def test_in_one_table_of_all_kinds_each_is_called_about_as_often() -> None:
    parts = [table(make_series(kind, 4_000, months, seed=101), f"{kind} {months} ") for kind in POOLED_KINDS for months in (36, 60)]
    scores, _ = score_series(pl.concat(parts), last=1)
    called = scores.group_by(kind=pl.col("series_id").str.extract(r"^(\w+)")).agg((pl.col("p_value") <= 0.01).mean())
    assert called["p_value"].is_between(0.007, 0.014).all(), called


def test_a_table_of_what_traded_alone_is_called_as_seldom() -> None:
    kg = make_series("intermittent", 9_000, 60, seed=102)
    assert 0.006 <= share_called(table(kg[kg[:, -1] > 0])) <= 0.014


def test_nine_tenths_of_ordinary_months_are_inside_the_interval() -> None:
    scores, _ = score_series(table(make_series("evolving", 3_000, 60, seed=93)), last=1)
    assert 0.88 <= scores.select(pl.col("observed_kg").is_between("lower_kg", "upper_kg").mean()).item() <= 0.92


def test_a_group_that_is_wilder_than_the_model_thinks_is_called_less_and_the_others_are_not() -> None:
    quiet, wild = make_series("regular", 400, 48, seed=94), make_series("evolving", 400, 48, seed=95)
    wild *= np.exp(np.random.default_rng(96).standard_t(3, wild.shape) * np.linspace(0, 0.4, 48))
    alone = score_series(pl.concat([table(quiet, "q"), table(wild, "w")]), last=1)[0]
    grouped = score_series(pl.concat([table(quiet, "q", "quiet"), table(wild, "w", "wild")]), last=1)[0]
    change = grouped.join(alone, on="series_id").with_columns(ratio=pl.col("p_value") / pl.col("p_value_right"))
    high = change.filter(pl.col("p_value_right") < 0.2)
    assert (high.filter(pl.col("series_id").str.starts_with("w"))["ratio"] > 1).all()
    assert high.filter(pl.col("series_id").str.starts_with("q"))["ratio"].mean() < 0.9
    assert_frame_equal(grouped.drop("group", *SCALED), alone.drop("group", *SCALED))


def test_what_is_planted_in_the_newest_six_months_changes_no_other_series() -> None:
    kg = make_series("regular", 200, 48, seed=97)
    planted = kg.copy()
    planted[::2, -6:] *= 5
    before, after = (score_series(table(each), last=1)[0].gather_every(2, offset=1) for each in (kg, planted))
    assert_frame_equal(after, before)


def test_a_month_is_scaled_by_what_came_before_it_alone() -> None:
    kg = make_series("evolving", 60, 60, seed=98)
    later = kg.copy()
    later[:, -10:] *= np.exp(np.random.default_rng(99).normal(0, 2, (60, 10)))
    before, after = (score_series(table(each))[0].filter(pl.col("period") <= CALENDAR[-11]) for each in (kg, later))
    assert_frame_equal(after, before)


def test_a_table_in_parts_and_its_newest_months_alone_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = table(make_series("intermittent", 90, 50, seed=100), group="g")
    whole, summary = score_series(rows)
    monkeypatch.setattr("tradeflow.model.own_series.CHUNK_SERIES", 17)
    parts, of_parts = score_series(rows.reverse(), last=3)
    assert_frame_equal(parts, whole.filter(pl.col("period").is_in(CALENDAR[-3:].tolist())), rel_tol=1e-9)
    assert_frame_equal(of_parts, summary, rel_tol=1e-9)
