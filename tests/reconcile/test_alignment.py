"""Alignment: what arrives later is gathered, what is not known yet is left open, and no month after the newest one counts."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reconcile.monthly_trade import exports, imports, pairs_of, period_of, published
from tests.reconcile.trade_rows import CHINA, MEXICO
from tradeflow.contract import load_contract
from tradeflow.reconcile.alignment import align_periods

W = (0.5, 0.3, 0.2)


def shares(*weights: float) -> pl.DataFrame:
    row = (CHINA, MEXICO, *weights, 400, "own_months")
    return pl.DataFrame([row], schema=load_contract("corridor_lag").schema, orient="row")


def align(pairs: pl.DataFrame, months: range, unpublished: tuple[tuple[int, str, int], ...] = ()) -> pl.DataFrame:
    return align_periods(pairs, shares(*W), *published(pairs, months, unpublished), "import_value_usd")


def row_of(aligned: pl.DataFrame, month: int) -> tuple[float | None, float | None, str]:
    found = aligned.filter(pl.col("period") == period_of(month)).select("_aligned", "_timing_variance", "alignment_label")
    return found.row(0)  # type: ignore[return-value]


def test_a_cargo_is_gathered_from_the_months_in_which_it_may_arrive() -> None:
    pairs = pairs_of(*exports(CHINA, MEXICO, [10.0, 0, 0, 0, 0]), *imports(CHINA, MEXICO, [4.0, 0, 6, 0, 0]))
    aligned, variance, label = row_of(align(pairs, range(5)), 0)

    mean = 0.5 * 4 + 0.2 * 6
    assert (aligned, label) == (pytest.approx(mean), "aligned")
    assert variance == pytest.approx((0.5 * 16 + 0.2 * 36) / mean**2 - 1)


def test_an_even_series_carries_no_uncertainty_of_timing() -> None:
    pairs = pairs_of(*exports(CHINA, MEXICO, [10.0] * 5), *imports(CHINA, MEXICO, [9.0] * 5))

    assert row_of(align(pairs, range(5)), 1) == (pytest.approx(9), pytest.approx(0, abs=1e-12), "aligned")


def test_near_the_newest_month_the_lag_is_cut_and_the_variance_says_so() -> None:
    pairs = pairs_of(*exports(CHINA, MEXICO, [10.0] * 5), *imports(CHINA, MEXICO, [9.0, 18, 9, 18, 9]))
    found = align(pairs, range(5))

    assert row_of(found, 4)[0] == pytest.approx(9)
    assert [row_of(found, month)[2] for month in range(5)] == ["aligned", "aligned", "aligned", "truncated", "truncated"]
    assert (
        row_of(found, 4)[1]
        > row_of(align(pairs_of(*exports(CHINA, MEXICO, [10.0] * 5), *imports(CHINA, MEXICO, [9.0] * 5)), range(5)), 4)[1]
    )


def test_a_month_that_the_importer_has_not_published_is_not_empty() -> None:
    pairs = pairs_of(*exports(CHINA, MEXICO, [10.0] * 4), *imports(CHINA, MEXICO, [9.0, 0, 9, 9]))

    assert row_of(align(pairs, range(4)), 0)[0] == pytest.approx(0.5 * 9 + 0.2 * 9)
    late = row_of(align(pairs, range(4), ((MEXICO, "M", 1),)), 0)
    assert (late[0], late[2]) == (pytest.approx(9), "truncated")


def test_what_nobody_recorded_or_published_has_no_aligned_side() -> None:
    pairs = pairs_of(*exports(CHINA, MEXICO, [10.0] * 3))

    assert align(pairs, range(3))["_aligned"].null_count() == 3
    unpublished = tuple((MEXICO, "M", month) for month in range(3))
    assert set(align(pairs, range(3), unpublished)["alignment_label"]) == {"not_known"}


def test_annual_figures_stay_as_they_are() -> None:
    annual = {"freq_code": "A", "period": 2020}
    pairs = pairs_of(*[row | annual for row in [*exports(CHINA, MEXICO, [10.0]), *imports(CHINA, MEXICO, [9.0])]])

    assert align(pairs, range(3)).select("_aligned", "_timing_variance", "alignment_label").row(0) == (9.0, 0.0, "annual")


_amounts = st.lists(st.integers(0, 20).map(float), min_size=6, max_size=6)


@settings(max_examples=60, deadline=None)
@given(_amounts, _amounts, st.sets(st.integers(0, 5), max_size=3))
def test_alignment_is_the_slow_sum_over_known_months(out: list[float], into: list[float], unknown: set[int]) -> None:
    into = [0.0 if month in unknown else amount for month, amount in enumerate(into)]
    rows = [*exports(CHINA, MEXICO, out), *imports(CHINA, MEXICO, into)]
    if not rows:
        return
    pairs = pairs_of(*rows)
    found = align(pairs, range(6), tuple((MEXICO, "M", month) for month in unknown))

    assert found.select(pairs.columns).equals(pairs)
    for month in range(6):
        rows_of_month = found.filter(pl.col("period") == period_of(month))
        known = [(W[lag], into[month + lag]) for lag in range(3) if month + lag < 6 and month + lag not in unknown]
        total, weight = sum(w * amount for w, amount in known), sum(w for w, _ in known)
        if not rows_of_month.is_empty():
            assert rows_of_month["_aligned"].item() == (pytest.approx(total / weight) if total else None)


@settings(max_examples=40, deadline=None)
@given(_amounts, _amounts, st.integers(1, 5))
def test_what_is_sent_or_arrives_later_changes_no_month_that_was_whole(out: list[float], into: list[float], newest: int) -> None:
    rows = [*exports(CHINA, MEXICO, [*out[:newest], 1.0]), *imports(CHINA, MEXICO, [*into[:newest], 1.0])]
    later = [*rows, *exports(CHINA, MEXICO, out, first=newest + 1), *imports(CHINA, MEXICO, into, first=newest + 1)]
    before, after = (align(pairs_of(*each), range(months)) for each, months in ((rows, newest + 1), (later, newest + 7)))
    whole = pl.col("period") <= period_of(newest - 2)

    assert before.filter(whole)["_aligned"].equals(after.filter(whole)["_aligned"])
