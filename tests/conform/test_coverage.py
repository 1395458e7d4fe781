"""Who has published what: silence is late, not zero, and nobody is late for a time before it began."""

from datetime import UTC, datetime
from itertools import product

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from tradeflow.conform import derive_commodity_coverage, derive_coverage
from tradeflow.conform.coverage import _DENSE_ROWS
from tradeflow.contract import load_contract

JANUARY, FEBRUARY = datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 2, 1, tzinfo=UTC)
SCHEMA = {
    "freq_code": pl.String, "period": pl.Int32, "reporter_code": pl.Int32, "flow_code": pl.String, "commodity_code": pl.String,
    "retrieved_at": pl.Datetime("us", "UTC"),
}  # fmt: skip

Row = tuple[str, int, int, str]


def frame(*rows: Row, code: str = "291411", at: datetime = JANUARY) -> pl.LazyFrame:
    return pl.LazyFrame([(*row, code, at) for row in rows], schema=SCHEMA, orient="row")


def statuses(*rows: Row) -> dict[Row, str]:
    found = derive_coverage(frame(*rows))
    assert found.schema == load_contract("coverage").schema
    return {(freq, period, reporter, flow): status for freq, period, reporter, flow, status in found.select(
        "freq_code", "period", "reporter_code", "flow_code", "coverage_status").rows()}  # fmt: skip


# --- reporters -----------------------------------------------------------------------------------------------------------------


def test_a_late_reporter_has_not_reported_yet_and_not_zero() -> None:
    found = derive_coverage(frame(("M", 202401, 484, "M"), ("M", 202402, 484, "M"), ("M", 202401, 842, "M"), ("M", 202401, 842, "M")))

    columns = ("period", "reporter_code", "coverage_status", "row_count", "retrieved_at")
    assert found.select(columns).rows() == [
        (202401, 484, "reported", 1, JANUARY),
        (202401, 842, "reported", 2, JANUARY),
        (202402, 484, "reported", 1, JANUARY),
        (202402, 842, "not_reported_yet", 0, None),
    ]


def test_a_gap_in_the_middle_is_not_reported_yet_either() -> None:
    found = statuses(("M", 202401, 484, "M"), ("M", 202403, 484, "M"), ("M", 202402, 842, "M"), ("M", 202401, 842, "M"))

    assert found["M", 202402, 484, "M"] == found["M", 202403, 842, "M"] == "not_reported_yet"


def test_a_reporter_that_joined_late_is_not_late_for_the_time_before() -> None:
    found = statuses(("M", 202401, 484, "M"), ("M", 202402, 484, "M"), ("M", 202402, 842, "M"))

    assert {key for key in found if key[2] == 842} == {("M", 202402, 842, "M")}


def test_imports_and_exports_are_late_each_for_itself_and_parts_of_them_are_not_asked_for() -> None:
    found = statuses(
        ("M", 202401, 484, "M"), ("M", 202402, 484, "M"), ("M", 202401, 484, "X"), ("M", 202402, 484, "RX"), ("M", 202403, 842, "RM")
    )

    assert found == {
        ("M", 202401, 484, "M"): "reported", ("M", 202402, 484, "M"): "reported",
        ("M", 202401, 484, "X"): "reported", ("M", 202402, 484, "X"): "not_reported_yet",
    }  # fmt: skip


def test_months_and_years_do_not_make_one_another_late() -> None:
    found = statuses(("M", 202401, 484, "M"), ("A", 2023, 842, "M"), ("A", 2022, 484, "M"))

    assert found == {
        ("M", 202401, 484, "M"): "reported", ("A", 2022, 484, "M"): "reported",
        ("A", 2023, 484, "M"): "not_reported_yet", ("A", 2023, 842, "M"): "reported",
    }  # fmt: skip


def test_the_time_at_which_a_period_was_first_known_is_kept() -> None:
    rows = pl.concat([frame(("M", 202401, 484, "M"), at=FEBRUARY), frame(("M", 202401, 484, "M"), at=JANUARY)])

    assert derive_coverage(rows)["retrieved_at"].to_list() == [JANUARY]


def test_no_rows_cover_nothing() -> None:
    assert_frame_equal(derive_coverage(frame()), load_contract("coverage").empty_frame())
    assert_frame_equal(derive_commodity_coverage(frame()), load_contract("commodity_coverage").empty_frame())


_rows = st.lists(
    st.tuples(st.sampled_from("AM"), st.integers(2020, 2024), st.sampled_from([484, 842, 156]), st.sampled_from(["M", "X", "RX"])),
    max_size=15,
)


@settings(max_examples=60, deadline=None)
@given(_rows)
def test_coverage_is_what_the_slow_loop_says(rows: list[Row]) -> None:
    asked = [row for row in rows if row[3] != "RX"]
    expected = {}
    for (freq, _, reporter, flow), period in product(asked, {row[1] for row in asked}):
        first = min(row[1] for row in asked if (row[0], row[2], row[3]) == (freq, reporter, flow))
        if period >= first and period in {row[1] for row in asked if row[0] == freq}:
            key = (freq, period, reporter, flow)
            expected[key] = "reported" if key in asked else "not_reported_yet"

    assert statuses(*rows) == expected


# --- commodities ---------------------------------------------------------------------------------------------------------------


def covered(*parts: pl.LazyFrame) -> set[tuple[int, str, str]]:
    found = derive_commodity_coverage(pl.concat(parts))
    assert found.schema == load_contract("commodity_coverage").schema
    assert found.is_unique().all()
    return set(found.select("period", "commodity_code", "flow_code").rows())


def traded(period: int, rows: int, code: str, flow: str = "M") -> pl.LazyFrame:
    return frame(*[("M", period, 484, flow)] * rows, code=code)


ALL_MONTHS = [traded(period, 1, "999999") for period in range(202401, 202406)]


def months_of(code: str, *parts: pl.LazyFrame) -> list[int]:
    return sorted(period for period, of, _ in covered(*ALL_MONTHS, *parts) if of == code)


def test_a_quiet_month_of_a_rare_commodity_is_covered_and_that_of_a_dense_one_was_not_pulled() -> None:
    rare = [traded(period, _DENSE_ROWS - 1, "293336") for period in (202401, 202404)]
    dense = [traded(period, _DENSE_ROWS, "291411") for period in (202401, 202404)]

    assert months_of("293336", *rare, *dense) == [202401, 202402, 202403, 202404]
    assert months_of("291411", *rare, *dense) == [202401, 202404]


def test_a_commodity_is_covered_from_its_first_to_its_last_month_alone() -> None:
    assert months_of("293336", traded(202402, 1, "293336"), traded(202403, 1, "293336")) == [202402, 202403]


def test_a_dense_commodity_is_covered_in_a_thin_month() -> None:
    dense = [traded(period, _DENSE_ROWS * 2, "291411") for period in (202401, 202403, 202405)]

    assert months_of("291411", *dense, traded(202402, 1, "291411")) == [202401, 202402, 202403, 202405]


def test_each_direction_is_covered_for_itself() -> None:
    found = covered(*ALL_MONTHS, traded(202401, 1, "293336"), traded(202403, 1, "293336"), traded(202402, 1, "293336", "X"),
                    traded(202405, 1, "293336", "RX"))  # fmt: skip

    assert {(period, flow) for period, code, flow in found if code == "293336"} == {
        (202401, "M"),
        (202402, "M"),
        (202403, "M"),
        (202402, "X"),
    }


def test_a_month_in_which_nothing_at_all_was_pulled_is_covered_by_nobody() -> None:
    found = covered(traded(202401, 1, "293336"), traded(202403, 1, "293336"))

    assert {period for period, _, _ in found} == {202401, 202403}
