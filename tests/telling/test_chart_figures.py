from __future__ import annotations

import math
from typing import Any

import polars as pl
import pytest

from tests.telling.test_lead_months import SIGNAL, history, pair, tables_of
from tradeflow.contract import load_contract
from tradeflow.telling.chart_figures import history_figures, mirror_figures
from tradeflow.telling.lead_months import Change, lead_months

PERIODS = [202301 + month for month in range(12)] + [202401, 202402, 202403]


def months_of(usual_kg: float, lead_kg: float, **signal: Any) -> tuple[dict[str, Any], pl.DataFrame]:
    lead = SIGNAL | {"observed_kg": lead_kg} | signal
    rows = [history(period, usual_kg) for period in PERIODS] + [history(202404, lead_kg)]
    return lead, lead_months(lead, tables_of(trade_history=rows))


@pytest.mark.parametrize(("kg", "unit", "drawn"), [(400.0, "kg", 400.0), (6000.0, "t", 6.0)])
def test_the_unit_suits_the_figures(kg: float, unit: str, drawn: float) -> None:
    figures = history_figures(*months_of(kg, kg), "M")
    assert figures["unit"] == unit
    assert figures["observed"] == [drawn] * 16
    assert figures["lead"] == [None] * 15 + [drawn]
    assert figures["beyond"] == [None] * 16


def test_a_slip_of_unit_is_drawn_at_the_edge_with_its_figure() -> None:
    figures = history_figures(*months_of(6_000.0, 6_000_000.0), "M")
    assert figures["lead"][-1] == figures["observed"][-1] == pytest.approx(6.0 * 1.3)
    assert figures["beyond"][-1] == "6,000 t"
    assert figures["observed"][0] == 6.0


def test_a_lead_that_can_be_drawn_is_drawn_where_it_is() -> None:
    figures = history_figures(*months_of(6_000.0, 70_000.0), "M")
    assert figures["lead"][-1] == 70.0
    assert figures["beyond"] == [None] * 16


def test_a_sum_over_periods_is_drawn_as_its_parts() -> None:
    figures = history_figures(*months_of(100.0, 300.0, window_periods=2), "M")
    assert figures["flagged"][-3:] == [False, True, True]
    assert figures["lead"][-3:] == [None, 100.0, 300.0]


@pytest.mark.parametrize(("trading", "is_regular"), [(16, True), (8, False)])
def test_points_are_joined_only_where_most_months_have_trade(trading: int, is_regular: bool) -> None:
    periods = [*PERIODS, 202404]
    rows = [history(period, 5.0 if at < trading else 0.0) for at, period in enumerate(periods)]
    figures = history_figures(SIGNAL, lead_months(SIGNAL, tables_of(trade_history=rows)), "M")
    assert figures["regular"] is is_regular


def test_a_side_that_says_nothing_is_marked_and_not_drawn_as_zero() -> None:
    tables = tables_of(mirror_pair=[pair(202403, 80.0, 75.0, "both"), pair(202404, 90.0, None, "exporter_only", "not_reported_yet")])
    figures = mirror_figures(lead_months(SIGNAL, tables))
    assert (figures["exporter"], figures["importer"], figures["silent"]) == ([80.0, 90.0], [75.0, None], [False, True])
    assert figures["tip"][1] == "2024-04: importer –, exporter 90.0 kg"


def test_the_other_side_stands_in_the_history_and_at_its_edge_where_it_is_far_larger() -> None:
    rows = [history(period, 50.0) for period in (202402, 202403, 202404)]
    pairs = [pair(202402, 40.0, 50.0, "both"), pair(202403, 9_000.0, 50.0, "both"), pair(202404, None, 50.0, "importer_only")]
    figures = history_figures(SIGNAL, lead_months(SIGNAL, tables_of(trade_history=rows, mirror_pair=pairs)), "M")
    assert figures["above"] == [False, True, False]
    assert figures["other"] == [40.0, figures["lead"][2], None]


def test_the_balanced_weight_is_drawn_with_the_interval_that_its_variance_gives() -> None:
    balanced = {"balanced_net_weight_kg": 85.0, "balanced_net_weight_log_variance": math.log(1.2) ** 2}
    figures = mirror_figures(lead_months(SIGNAL, tables_of(mirror_pair=[pair(202404, 90.0, 80.0, "both") | balanced])))
    assert figures["balanced"] == [85.0]
    assert figures["lower"] == [pytest.approx(85 / 1.2**1.645, rel=1e-3)]
    assert figures["upper"] == [pytest.approx(85 * 1.2**1.645, rel=1e-3)]


@pytest.mark.parametrize(("months_beyond", "is_cut"), [(1, True), (2, True), (3, False)])
def test_lone_figures_are_cut_but_not_a_spell(months_beyond: int, is_cut: bool) -> None:
    lead = SIGNAL | {"period": 202101, "observed_kg": 6.0}
    kg = [6.0] * 30 + [900.0] * months_beyond + [6.0]
    rows = [history(2021 * 100 + at // 12 * 100 + at % 12 + 1, weight) for at, weight in enumerate(kg)]
    figures = history_figures(lead, lead_months(lead, tables_of(trade_history=rows)), "M")
    assert [amount for amount in figures["beyond"] if amount] == ([", ".join(["900 kg"] * months_beyond)] if is_cut else [])


def test_amounts_beyond_the_scale_stand_each_at_its_place_where_there_is_room() -> None:
    lead = SIGNAL | {"period": 202101, "observed_kg": 6.0}
    kg = [900.0] + [6.0] * 30 + [900.0]
    rows = [history(2021 * 100 + at // 12 * 100 + at % 12 + 1, weight) for at, weight in enumerate(kg)]
    figures = history_figures(lead, lead_months(lead, tables_of(trade_history=rows)), "M")
    assert [at for at, amount in enumerate(figures["beyond"]) if amount == "900 kg"] == [0, 31]


def test_an_interval_is_cut_where_it_dwarfs_every_figure() -> None:
    band = SIGNAL | {"series_level": "flow", "observed_kg": 50.0, "expected_kg": 40.0, "lower_kg": 10.0, "upper_kg": 9_000.0}
    columns = load_contract("baseline").column_names
    rows = [{name: value for name, value in band.items() if name in columns}]
    figures = history_figures(SIGNAL | {"observed_kg": 50.0}, lead_months(SIGNAL, tables_of(baseline=rows)), "M")
    assert (figures["lower"], figures["upper"], figures["expected"]) == ([10.0], [125.0], [40.0])


def test_where_neither_side_had_trade_one_mark_is_enough() -> None:
    rows = [history(202403, 0.0), history(202404, 50.0)]
    pairs = [pair(202403, 0.0, 0.0, "both"), pair(202404, 0.0, 50.0, "both")]
    figures = history_figures(SIGNAL, lead_months(SIGNAL, tables_of(trade_history=rows, mirror_pair=pairs)), "M")
    assert figures["other"] == [None, 0.0]


def test_a_change_of_the_series_stands_at_the_period_in_which_it_began() -> None:
    lead, months = months_of(400.0, 400.0)
    figures = history_figures(lead, months, "M", Change("level_shift", 202306, 40.0))
    assert [(period, words) for period, words in zip(figures["date"], figures["change"], strict=True) if words] == [
        (202306, "another level from June 2023")
    ]
