"""What exporters report of their routes is judged by their own history, with nothing of the importers in it."""

from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tests.signals.tables import CHINA, MEXICO, coverage, months, pair, table
from tradeflow.contract import load_contract
from tradeflow.model import (
    find_export_changes,
    find_series_changes,
    fit_export_baseline,
    fit_seasonal_baseline,
    use_export_weights,
    use_import_weights,
)

WINDOW: dict[str, Any] = {"scored_periods": 3, "calibration_periods": 6, "min_history_periods": 18}
PERIODS = months(48)
WEIGHTS = [1000.0 + 50 * (place % 5) for place in range(47)] + [40_000.0]


def reports(reporter: int, flow_code: str) -> pl.DataFrame:
    return table("coverage", *coverage(48, reporter, flow_code))


def test_a_route_looks_to_its_exporter_as_it_would_to_an_importer() -> None:
    exported = table("mirror_pair", *(pair(kg, None, period=period) for period, kg in zip(PERIODS, WEIGHTS, strict=True)))
    imported = table("mirror_pair", *(pair(None, kg, period=period) for period, kg in zip(PERIODS, WEIGHTS, strict=True)))
    own = fit_export_baseline(use_export_weights(exported), reports(CHINA, "X"), **WINDOW)
    theirs = fit_seasonal_baseline(use_import_weights(imported), reports(MEXICO, "M"), **WINDOW, levels=("flow",))
    assert dict(own.schema) == load_contract("baseline").schema
    assert own["series_level"].unique().to_list() == ["export"]
    assert own.select("exporter_code", "importer_code").unique().rows() == [(CHINA, MEXICO)]
    assert_frame_equal(own.drop("series_level"), theirs.drop("series_level"))
    assert own.sort("period")["z_seasonal"][-1] > 5


def test_an_exporters_series_changes_as_an_importers_would() -> None:
    exported, imported = (
        table("mirror_pair", *(pair(*sides, period=period) for period, sides in zip(PERIODS, given, strict=True)))
        for given in ([(kg, None) for kg in WEIGHTS], [(None, kg) for kg in WEIGHTS])
    )
    half_year: dict[str, Any] = {"scored_periods": 6, "min_history_periods": 18}
    own = find_export_changes(use_export_weights(exported), reports(CHINA, "X"), **half_year)
    theirs = find_series_changes(use_import_weights(imported), reports(MEXICO, "M"), **half_year, levels=("flow",))
    assert dict(own.schema) == load_contract("series_change").schema
    assert own.select("series_level", "exporter_code", "importer_code").rows() == [("export", CHINA, MEXICO)]
    assert_frame_equal(own.drop("series_level"), theirs.drop("series_level"))
    assert own.select("change_kind", "change_period").row(0) == ("spike", PERIODS[-1])


def test_a_period_that_the_exporter_has_not_published_is_no_zero() -> None:
    exported = use_export_weights(
        table("mirror_pair", *(pair(kg, None, period=period) for period, kg in zip(PERIODS, WEIGHTS, strict=True)))
    )
    sparse = exported.filter(pl.col("period").is_in(PERIODS[::2]) | (pl.col("period") >= PERIODS[-3]))
    known = reports(CHINA, "X")
    chances = [
        fit_export_baseline(sparse, each, **WINDOW).sort("period")["trade_probability"][-1]
        for each in (known, known.filter(pl.col("period").is_in(sparse["period"].implode())))
    ]
    assert chances[0] < chances[1]


@pytest.mark.parametrize("given", [{"export_net_weight_kg": None}, {"export_net_weight_kg": 9.0, "is_export_weight_out_of_scale": True}])
def test_a_missing_weight_is_never_the_importers(given: dict[str, Any]) -> None:
    told = use_export_weights(table("mirror_pair", pair(1000.0, 900.0) | given)).row(0, named=True)
    assert (told["exporter_code"], told["importer_code"], told["net_weight_kg"], told["weight_basis"]) == (CHINA, MEXICO, None, None)
