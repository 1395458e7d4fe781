"""Anyone's table by months: both sides are brought to one time where goods take longer than a month's end, and only there."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tradeflow.evaluate.mirror_known import judge_known_trade
from tradeflow.evaluate.mirror_truth import KnownTrade, make_known_trade
from tradeflow.evaluate.mirror_world import World
from tradeflow.own_table.monthly import read_months
from tradeflow.own_table.reconcile_trade import reconcile_own_table
from tradeflow.reconcile.sides import ALIGNMENTS

KEY = ["exporter", "importer", "commodity", "period"]


def reconciled(folder: Path, reports: pl.DataFrame, distances: pl.DataFrame | None = None) -> pl.DataFrame:
    reports.write_parquet(folder / "in.parquet")
    if distances is not None:
        distances.write_parquet(folder / "km.parquet")
    reconcile_own_table(folder / "in.parquet", folder / "out.parquet", None if distances is None else folder / "km.parquet")
    return pl.read_parquet(folder / "out.parquet").with_columns(pl.col(*KEY).cast(pl.String))


@pytest.fixture(scope="module")
def late() -> KnownTrade:
    """Goods take a week to two months; nothing else is amiss but that a tenth of the flows is not recorded."""
    return make_known_trade(World(countries=24, codes=24, months=18, density=0.3, seed=35, forms=("lag_carry",)))


@pytest.fixture(scope="module")
def pairs(late: KnownTrade, tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    return reconciled(tmp_path_factory.mktemp("late"), late.reports, late.distances)


def test_the_estimate_beats_every_simple_method_and_the_score_the_index_and_no_row_is_lost(late: KnownTrade, pairs: pl.DataFrame) -> None:
    told = judge_known_trade(late.reports, late.truth, pairs)
    both = told["estimate"].filter((pl.col("flows") == "both sides") & (pl.col("measure") == "kg"))
    errors = dict(both.select("method", "rmse").iter_rows())
    simple = [error for method, error in errors.items() if method not in ("tradeflow", "oracle")]
    precision = dict(told["detection"].select("score", "average_precision").iter_rows())
    assert errors["tradeflow"] < min(simple)
    assert precision["1 - p_value"] > 3 * precision["discrepancy index (FAO rule)"]
    assert told["lost"].row(0)[1:] == (0, 0)


def test_each_row_says_how_it_was_brought_to_one_time_and_by_which_shares(pairs: pl.DataFrame) -> None:
    assert set(pairs["alignment_label"].cast(pl.String)) <= set(ALIGNMENTS)
    aligned = pairs.filter(pl.col("alignment_label").is_in(["aligned", "truncated"]))
    assert aligned.select(pl.col("import_aligned_value_usd", "timing_value_log_variance").null_count()).row(0) == (0, 0)
    assert aligned["z_value"].null_count() == 0
    rest = pairs.filter(~pl.col("alignment_label").is_in(["aligned", "truncated"]))
    assert rest["import_aligned_value_usd"].null_count() == rest.height
    shares = pairs.select("same_month_share", "next_month_share", "second_month_share").sum_horizontal().to_numpy()
    assert shares == pytest.approx(np.ones(pairs.height))


def test_the_last_month_waits_for_those_in_which_its_goods_arrive(pairs: pl.DataFrame) -> None:
    last = pairs.filter((pl.col("period") == pairs["period"].max()) & pl.col("export_value_usd").is_not_null())
    far = last.filter(pl.col("same_month_share") < 0.05)
    assert far.height > 10
    assert set(far["alignment_label"].cast(pl.String)) <= {"not_known", "not_recorded"}
    assert far["z_value"].null_count() == far.height
    assert (far["balanced_value_usd"] / far["export_value_usd"] - 1).abs().max() < 1e-9  # type: ignore[operator]


def test_shuffling_the_rows_changes_nothing_and_scaling_scales(late: KnownTrade, pairs: pl.DataFrame, tmp_path: Path) -> None:
    shuffled = late.reports.sample(fraction=1, shuffle=True, seed=3).with_columns(pl.col("value_usd", "net_weight_kg") * 1024)
    again = reconciled(tmp_path, shuffled, late.distances)
    scaled = pairs.with_columns(pl.col("^.*(_usd|_kg)$").exclude("z_kg") * 1024)
    # What is too small to be reported is a sum in US dollars.
    by_size = ["mirror_reason", "partner_report_probability"]
    assert_frame_equal(again.drop(by_size), scaled.drop(by_size), rel_tol=1e-6)


def test_where_no_lag_is_seen_months_are_compared_as_any_other_periods(tmp_path: Path) -> None:
    punctual = make_known_trade(World(countries=16, codes=12, months=12, density=0.3, seed=32)).reports
    by_month = reconciled(tmp_path, punctual)
    named = punctual.with_columns(pl.format("period {}", "period").alias("period"))
    by_name = reconciled(tmp_path, named).with_columns(pl.col("period").str.strip_prefix("period "))
    assert set(by_month["alignment_label"].cast(pl.String)) == {"same_period"}
    # Only of months is it known which follow one another: why a side is missing may be that it is recorded in the next.
    of_next = ["mirror_reason", "partner_report_probability"]
    assert_frame_equal(by_month.drop(of_next), by_name.drop(of_next), check_exact=True)


@pytest.mark.parametrize("labels", [["202412", "202501"], ["2024-12", "2025-01"], ["2024M12", "2025M01"]])
def test_a_month_is_read_in_the_usual_spellings(labels: list[str]) -> None:
    months = read_months(pl.Series("period", labels))
    assert months is not None
    assert months.to_list() == [202412, 202501]


def test_a_year_beside_the_months_changes_nothing_of_them_and_is_told(late: KnownTrade, pairs: pl.DataFrame, tmp_path: Path) -> None:
    year = late.reports.head(200).with_columns(pl.lit("2031").alias("period")).unique(["flow_code", "reporter", "partner", "commodity"])
    mixed = reconciled(tmp_path, pl.concat([late.reports.with_columns(pl.col("period").cast(pl.String)), year]), late.distances)
    months = mixed.filter(pl.col("period") != "2031")
    columns = ["alignment_label", "same_month_share"]
    assert_frame_equal(months.sort(KEY).select(*KEY, *columns), pairs.sort(KEY).select(*KEY, *columns))
    assert set(mixed.filter(pl.col("period") == "2031")["alignment_label"].cast(pl.String)) == {"same_period"}


@pytest.mark.parametrize("labels", [[], ["2024"], ["202413"], ["2024-Q1"]])
def test_other_periods_are_no_months(labels: list[str]) -> None:
    assert read_months(pl.Series("period", labels, dtype=pl.String)) is None
    beside = read_months(pl.Series("period", ["202401", *labels]))
    assert beside is not None
    assert beside.to_list() == [202401, *[None] * len(labels)]
