"""Windows: both sides' sums, what is in transit at either end, and whether every month of it is known."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reconcile.monthly_trade import exports, imports, pairs_of, period_of, published
from tests.reconcile.trade_rows import CHINA, MEXICO
from tradeflow.contract import load_contract
from tradeflow.reconcile.window import sum_windows

W = (0.5, 0.3, 0.2)


def shares(*weights: float) -> pl.DataFrame:
    row = (CHINA, MEXICO, *weights, 400, "own_months")
    return pl.DataFrame([row], schema=load_contract("corridor_lag").schema, orient="row")


def window(pairs: pl.DataFrame, months: range, size: int, unpublished: tuple[tuple[int, str, int], ...] = ()) -> pl.DataFrame:
    return sum_windows(pairs, shares(*W), *published(pairs, months, unpublished), size)


def test_over_a_year_only_what_crosses_its_ends_is_in_transit() -> None:
    sent = [10.0 * (month + 1) for month in range(15)]
    pairs = pairs_of(*exports(CHINA, MEXICO, sent), *imports(CHINA, MEXICO, sent))
    found = window(pairs, range(15), 12)

    december = found.filter(pl.col("period") == period_of(14)).row(0, named=True)
    assert found.schema == load_contract("mirror_window").schema
    assert december["window_export_value_usd"] == sum(sent[3:])
    assert december["in_transit_start_net_weight_kg"] == pytest.approx(0.5 * sent[2] + 0.2 * sent[1])
    assert december["in_transit_end_value_usd"] == pytest.approx(0.5 * sent[14] + 0.2 * sent[13])
    assert december["window_label"] == "whole"


def test_a_window_says_whose_months_it_lacks() -> None:
    pairs = pairs_of(*exports(CHINA, MEXICO, [1.0] * 6), *imports(CHINA, MEXICO, [1.0] * 6))
    late = ((CHINA, "X", 0), (MEXICO, "M", 2))

    assert window(pairs, range(6), 3, late)["window_label"].to_list() == [
        "both_lack_months", "both_lack_months", "both_lack_months", "imports_lack_months", "imports_lack_months", "whole",
    ]  # fmt: skip


def test_a_weight_of_the_wrong_order_is_not_in_the_sum() -> None:
    pairs = pairs_of(*exports(CHINA, MEXICO, [1.0, 2.0])).with_columns(is_export_weight_out_of_scale=pl.col("period") == period_of(0))

    assert window(pairs, range(2), 2)["window_export_net_weight_kg"].to_list() == [0, 2]


_amounts = st.lists(st.integers(0, 20).map(float), min_size=9, max_size=9)


@settings(max_examples=50, deadline=None)
@given(_amounts, _amounts, st.integers(1, 6))
def test_sums_are_the_slow_sums_and_what_leaves_a_window_enters_the_next(out: list[float], into: list[float], size: int) -> None:
    rows = [*exports(CHINA, MEXICO, out), *imports(CHINA, MEXICO, into)]
    if not rows:
        return
    found = {row["period"]: row for row in window(pairs_of(*rows), range(9), size).iter_rows(named=True)}

    for month in range(9):
        if row := found.get(period_of(month)):
            inside = slice(max(0, month - size + 1), month + 1)
            assert row["window_export_value_usd"] == sum(out[inside])
            assert row["window_import_net_weight_kg"] == sum(into[inside])
            before = found.get(period_of(month - size))
            assert before is None or row["in_transit_start_value_usd"] == pytest.approx(before["in_transit_end_value_usd"])
