"""The whole order of reconciliation on tables that mix what it knows apart."""

import numpy as np
import polars as pl

from tests.reconcile.monthly_trade import lagged_trade
from tests.reconcile.trade_rows import CHINA, GERMANY, INDIA, MEXICO, USA, flow, reconcile, trade_flow


def test_annual_figures_of_other_routes_stand_beside_months_that_arrive_late() -> None:
    months = lagged_trade(np.random.default_rng(1), CHINA, MEXICO, (0.3, 0.7), noise=0.1)
    year = [
        flow(GERMANY, "X", USA, 1e6, 1e6, freq_code="A", period=2020),
        flow(USA, "M", GERMANY, 1.1e6, 1e6, freq_code="A", period=2020),
        flow(INDIA, "X", USA, 2e6, 2e6, freq_code="A", period=2020),
    ]
    both, alone = reconcile(trade_flow(*months, *year))[0], reconcile(trade_flow(*months))[0]
    assert (alone["alignment_label"] == "aligned").sum() > 100
    told = ["exporter_code", "importer_code", "commodity_code", "period", "alignment_label"]
    assert both.filter(freq_code="A")["alignment_label"].to_list() == ["same_period"] * 2
    assert both.filter(freq_code="M").select(told).equals(alone.select(told))


def test_trade_stated_as_worth_nothing_is_no_part_of_anything() -> None:
    months = lagged_trade(np.random.default_rng(2), CHINA, MEXICO, (0.3, 0.7), noise=0.1)
    rows = [each | ({"primary_value_usd": 0.0} if place % 9 in (1, 4, 7) else {}) for place, each in enumerate(months)]
    only_in = [flow(MEXICO, "M", CHINA, 0, 0, period=period, commodity_code="291419") for period in (202003, 202004)]
    pairs = reconcile(trade_flow(*rows, *only_in))[0]
    worthless = pairs.filter(pl.col("export_value_usd") == 0)
    assert worthless.height > 50
    assert worthless["z_value"].null_count() == worthless.height
    assert pairs.filter(pl.col("import_value_usd") == 0).height > 50
    assert (pairs["alignment_label"] == "aligned").sum() > 50
