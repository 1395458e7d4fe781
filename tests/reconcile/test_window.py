"""Windows: both sides' sums, what is in transit at either end, whether every month of it is known, and how strange they are."""

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reconcile.monthly_trade import exports, imports, lagged_trade, pairs_of, period_of, published
from tests.reconcile.trade_rows import CHINA, INDIA, MEXICO, NO_FOB_REPORTERS, USA, commodity_coverage_of, coverage_of, trade_flow
from tradeflow.contract import load_codelist, load_contract
from tradeflow.reconcile import ReconcileOptions, reconcile_trade_flow
from tradeflow.reconcile.pairs import ROUTE_NUMBER
from tradeflow.reconcile.window import addable_months, sum_windows
from tradeflow.reconcile.window_score import judge_windows

W = (0.5, 0.3, 0.2)
SPREAD = 0.5


def shares(*weights: float) -> pl.DataFrame:
    row = (CHINA, MEXICO, *weights, 400, "own_months", SPREAD)
    return pl.DataFrame([row], schema=load_contract("corridor_lag").schema, orient="row")


def windows(pairs: pl.DataFrame, months: range, size: int, unpublished: tuple[tuple[int, str, int], ...] = ()) -> pl.DataFrame:
    labelled = pairs.with_columns(export_weight_label=pl.lit("as_reported"), import_weight_label=pl.lit("as_reported"))
    return sum_windows(addable_months(labelled), shares(*W), *published(pairs, months, unpublished), size).sort("windows_ago")


def test_over_a_year_only_what_crosses_its_ends_is_in_transit() -> None:
    sent = [10.0 * (month + 1) for month in range(15)]
    found = windows(pairs_of(*exports(CHINA, MEXICO, sent), *imports(CHINA, MEXICO, sent)), range(15), 12).row(0, named=True)

    assert found["period"] == period_of(14)
    assert found["window_export_value_usd"] == sum(sent[3:])
    assert found["in_transit_start_net_weight_kg"] == pytest.approx(0.5 * sent[2] + 0.2 * sent[1])
    assert found["in_transit_end_value_usd"] == pytest.approx(0.5 * sent[14] + 0.2 * sent[13])
    crossing = [(0.5, sent[14]), (0.2, sent[13]), (0.5, sent[2]), (0.2, sent[1])]
    assert found["transit_variance_value_usd"] == pytest.approx(sum(SPREAD * share * (1 - share) * usd**2 for share, usd in crossing))
    assert found["window_label"] == "whole"


def test_a_window_says_whose_months_it_lacks() -> None:
    pairs = pairs_of(*exports(CHINA, MEXICO, [1.0] * 6), *imports(CHINA, MEXICO, [1.0] * 6))

    assert windows(pairs, range(6), 3, ((MEXICO, "M", 2),))["window_label"].to_list() == ["whole", "imports_lack_months"]
    late = ((CHINA, "X", 0), (MEXICO, "M", 2))
    assert windows(pairs, range(6), 3, late)["window_label"].to_list() == ["whole", "both_lack_months"]


def test_a_route_that_falls_silent_before_the_windows_end_has_its_window() -> None:
    other = [*exports(INDIA, MEXICO, [1.0] * 6), *imports(INDIA, MEXICO, [1.0] * 6)]
    found = windows(pairs_of(*exports(CHINA, MEXICO, [5.0] * 4), *other), range(6), 6)

    ended = found.filter(pl.col("exporter_code") == CHINA).row(0, named=True)
    assert (ended["period"], ended["window_export_value_usd"], ended["window_import_value_usd"]) == (period_of(5), 20, 0)


def test_a_weight_of_the_wrong_order_is_not_in_the_sum() -> None:
    both = [*exports(CHINA, MEXICO, [1.0, 2.0]), *imports(CHINA, MEXICO, [1.0, 2.0])]
    pairs = pairs_of(*both).with_columns(is_export_weight_out_of_scale=pl.col("period") == period_of(0))
    found = windows(pairs, range(2), 2).row(0, named=True)

    assert (found["window_export_net_weight_kg"], found["window_export_value_usd"], found["is_weighed"]) == (2, 3, False)


_amounts = st.lists(st.integers(0, 20).map(float), min_size=9, max_size=9)


@settings(max_examples=50, deadline=None)
@given(_amounts, _amounts, st.integers(3, 6))
def test_sums_are_the_slow_sums_and_what_leaves_a_window_enters_the_next(out: list[float], into: list[float], size: int) -> None:
    both = [month for month in range(9) if out[month] and into[month]]
    if not both:
        return
    pairs = pairs_of(*exports(CHINA, MEXICO, out), *imports(CHINA, MEXICO, into))
    found = {row["windows_ago"]: row for row in windows(pairs, range(9), size).iter_rows(named=True)}

    for ago, row in found.items():
        end = both[-1] - ago * size
        inside = slice(max(0, end - size + 1), end + 1)
        assert row["window_export_value_usd"] == sum(out[inside])
        assert row["window_import_net_weight_kg"] == sum(into[inside])
        before = found.get(ago + 1)
        assert before is None or row["in_transit_start_value_usd"] == pytest.approx(before["in_transit_end_value_usd"])


def judge(rows: list[dict[str, Any]]) -> tuple[pl.DataFrame, pl.DataFrame]:
    known = trade_flow(*rows)
    cover = coverage_of(known), commodity_coverage_of(known)
    pairs, _, lags = reconcile_trade_flow(known.lazy(), *cover, NO_FOB_REPORTERS, ReconcileOptions(), load_codelist("area"))
    numbered = pairs.with_columns(pl.struct("exporter_code", "importer_code", "commodity_code").rank("dense").alias(ROUTE_NUMBER))
    return pairs, judge_windows(numbered, lags, *cover, ReconcileOptions())


@pytest.fixture(scope="module")
def judged() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Six years of lumpy trade that arrives over two months; of one route the importer misses two fifths in each of the last six months."""
    random = np.random.default_rng(5)
    sides = [(e, i) for e in (CHINA, INDIA, USA) for i in (MEXICO, 276, 251, 842) if e != i]
    rows = [row for e, i in sides for row in lagged_trade(random, e, i, (0.5, 0.4, 0.1), noise=0.15)]
    cut = {"reporter_code": MEXICO, "partner_code": CHINA, "flow_code": "M", "commodity_code": "291410"}
    return judge([row | _cut(row, 0.6) if cut.items() <= row.items() and row["period"] > period_of(65) else row for row in rows])


def _cut(row: dict[str, Any], share: float) -> dict[str, float]:
    return {name: row[name] * share for name in ("primary_value_usd", "net_weight_kg")}


def test_a_lasting_shortfall_is_stranger_over_its_months_together_than_in_most_of_them(judged: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    route = (pl.col("exporter_code") == CHINA) & (pl.col("importer_code") == MEXICO) & (pl.col("commodity_code") == "291410")
    month = judged[0].filter(route & (pl.col("period") > period_of(65)))["z_kg"].median()
    half_year = judged[1].filter(route & (pl.col("window_months") == 6)).row(0, named=True)

    assert half_year["window_weight_z"] < month < 0  # type: ignore[operator]
    assert half_year["window_shortfall_p_value"] < 0.01
    others = judged[1].filter(~route & (pl.col("window_months") == 6))
    assert (others["window_shortfall_p_value"] > half_year["window_shortfall_p_value"]).all()


def test_a_window_that_lacks_months_or_a_side_has_no_z(judged: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    told = judged[1].filter(pl.col("window_value_z").is_not_null())
    assert (told["window_label"] == "whole").all()
    assert ((told["window_import_value_usd"] > 0) & (told["window_export_value_usd"] > 0)).all()
    assert told.height > 100
