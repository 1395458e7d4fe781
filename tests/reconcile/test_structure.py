"""What structure adds: tables beside the pairs, each in its contract, and no reported figure touched."""

from typing import Any

import numpy as np
import polars as pl
import pytest

from tests.reconcile.monthly_trade import exports, imports, lagged_trade, period_of
from tests.reconcile.trade_rows import (
    ACETONE,
    CHINA,
    INDIA,
    MEXICO,
    NO_FOB_REPORTERS,
    USA,
    commodity_coverage_of,
    coverage_of,
    flow,
    trade_flow,
)
from tradeflow.contract import load_codelist, load_contract
from tradeflow.reconcile import CodeLists, ReconcileOptions, correct_by_structure, reconcile_trade_flow
from tradeflow.reconcile.window_score import WINDOW_MONTHS

LISTS = CodeLists(load_codelist("area"), load_codelist("quantity_unit"), load_codelist("density"))
KEY = ["freq_code", "period", "exporter_code", "importer_code", "commodity_code"]
LITRE, NOWHERE = 7, 899


def correct(*rows: dict[str, Any]) -> tuple[pl.DataFrame, dict[str, pl.DataFrame]]:
    known = trade_flow(*rows)
    published = coverage_of(known), commodity_coverage_of(known)
    pairs, _, lags = reconcile_trade_flow(known.lazy(), *published, NO_FOB_REPORTERS, ReconcileOptions())
    tables = correct_by_structure(pairs, lags, known.lazy(), known.lazy(), *published, LISTS, ReconcileOptions())
    return pairs, tables | {"corridor_lag": lags}


@pytest.fixture(scope="module")
def corrected() -> tuple[pl.DataFrame, dict[str, pl.DataFrame]]:
    """Two years of trade that arrives a month later; in the last month some without a partner, and some in litres."""
    random = np.random.default_rng(8)
    lagged = lagged_trade(random, CHINA, MEXICO, (0.0, 1.0, 0.0), months=24, noise=0.05)
    last = {"period": period_of(23), "commodity_code": ACETONE}
    special = [
        flow(INDIA, "X", NOWHERE, 500, 100, **last), flow(USA, "M", INDIA, 400, 80, **last),
        flow(INDIA, "X", MEXICO, 100, None, quantity=1000.0, quantity_unit_code=LITRE, **last),
    ]  # fmt: skip
    return correct(*lagged, *special)


def test_each_table_is_in_its_contract(corrected: tuple[pl.DataFrame, dict[str, pl.DataFrame]]) -> None:
    for name, table in corrected[1].items():
        contract = load_contract(name)
        assert table.schema == contract.schema, name
        assert not table.is_duplicated().any(), name
        assert not table.select(contract.unique_keys[0]).is_duplicated().any(), name
        assert [column.name for column in contract.columns if column.is_required and table[column.name].null_count()] == [], name


def test_a_correction_belongs_to_a_pair(corrected: tuple[pl.DataFrame, dict[str, pl.DataFrame]]) -> None:
    pairs, tables = corrected

    assert tables["mirror_correction"].join(pairs, on=KEY, how="anti").is_empty()


def test_a_month_of_passage_is_found_and_taken_out_of_the_change(corrected: tuple[pl.DataFrame, dict[str, pl.DataFrame]]) -> None:
    pairs, tables = corrected
    is_lagged = (pl.col("exporter_code") == CHINA) & (pl.col("importer_code") == MEXICO)
    corridor = tables["corridor_lag"].filter(is_lagged).row(0, named=True)
    compared = pairs.filter(is_lagged & (pl.col("alignment_label") == "aligned"))
    in_the_month = (compared["import_net_weight_kg"] / compared["export_net_weight_kg"]).log() - compared["corridor_gap_log"]

    assert corridor["next_month_share"] > 0.4
    assert compared.height > 15
    assert compared["corridor_change_log"].abs().median() < in_the_month.abs().median() / 2  # type: ignore[operator]


def test_trade_without_a_partner_and_other_units_are_labelled(corrected: tuple[pl.DataFrame, dict[str, pl.DataFrame]]) -> None:
    found = corrected[1]["mirror_correction"].filter((pl.col("exporter_code") == INDIA) & (pl.col("period") == period_of(23)))
    by_importer = {row["importer_code"]: row for row in found.iter_rows(named=True)}

    assert (by_importer[USA]["export_nes_kg"], by_importer[USA]["nes_label"]) == (80, "exporter_unspecified")
    assert by_importer[NOWHERE]["export_nes_kg"] == -80
    assert (by_importer[MEXICO]["export_converted_kg"], by_importer[MEXICO]["export_converted_label"]) == (786, "converted_by_density")
    rest = corrected[1]["unlocated_trade"].filter(pl.col("unlocated_kind") == "partner_pool").row(0, named=True)
    assert (rest["reporter_code"], rest["unlocated_net_weight_kg"]) == (INDIA, 20)


def test_windows_end_in_the_newest_month_that_both_sides_report(corrected: tuple[pl.DataFrame, dict[str, pl.DataFrame]]) -> None:
    windows = corrected[1]["mirror_window"]

    assert set(windows["window_months"]) == set(WINDOW_MONTHS)
    assert (
        windows.group_by("commodity_code").agg(pl.col("period").n_unique())["period"].to_list()
        == [1] * windows["commodity_code"].n_unique()
    )


def test_annual_figures_alone_have_neither_lag_nor_window() -> None:
    annual = {"freq_code": "A", "period": 2022}
    _, tables = correct(*[row | annual for row in [*exports(CHINA, MEXICO, [10.0]), *imports(CHINA, MEXICO, [9.0])]])

    assert [tables[name].height for name in ("corridor_lag", "mirror_window", "mirror_correction")] == [0, 0, 0]
