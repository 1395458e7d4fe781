"""The whole order of reconciliation on tables that mix what it knows apart."""

import numpy as np

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
