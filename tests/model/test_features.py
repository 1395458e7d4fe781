"""The features of a flow against plain loops over its past."""

import numpy as np
import polars as pl
import pytest

from tests.model.trade_world import CALENDAR, import_rows, many_routes
from tradeflow.contract import load_contract
from tradeflow.model.baseline import fit_seasonal_baseline
from tradeflow.model.features import describe_flows

NO_MIRROR = load_contract("mirror_pair").empty_frame()


def window_of(imports: pl.DataFrame, periods: list[int]) -> pl.DataFrame:
    """Return a baseline that says no more than which periods are looked at."""
    keys = {"exporter_code": 0, "importer_code": 484, "series_level": "importer", "freq_code": "M", "history_periods": 0, "is_scored": True}
    rows = [{**keys, "period": period, "commodity_code": code} for period in periods for code in imports["commodity_code"].unique()]
    return pl.DataFrame(rows, schema=load_contract("baseline").schema)


@pytest.fixture(scope="module")
def world() -> tuple[pl.DataFrame, pl.DataFrame]:
    imports, _ = many_routes(21)
    return imports, describe_flows(imports, NO_MIRROR, window_of(imports, CALENDAR[20:].tolist()))


def month(period: int) -> int:
    return period // 100 * 12 + period % 100


def test_every_flow_of_the_window_is_described_once(world) -> None:
    imports, described = world
    assert described.height == imports.filter(pl.col("period") >= CALENDAR[20]).height
    assert described.select("period", "importer_code", "exporter_code", "commodity_code").is_unique().all()


def test_features_equal_the_loop(world) -> None:
    imports, described = world
    past = imports.rows(named=True)
    for row in described.sample(60, seed=1).iter_rows(named=True):
        same_code = [p for p in past if p["commodity_code"] == row["commodity_code"]]
        age = {id(p): month(row["period"]) - month(p["period"]) for p in same_code}
        route = [p for p in same_code if (p["importer_code"], p["exporter_code"]) == (row["importer_code"], row["exporter_code"])]
        earlier = [age[id(p)] for p in route if age[id(p)] > 0]
        assert row["months_since_last_trade"] == (min(earlier) if earlier else None)

        def kg(rows, age=age):
            return sum(p["net_weight_kg"] or 0.0 for p in rows if 1 <= age[id(p)] <= 12)

        of_importer = kg([p for p in same_code if p["importer_code"] == row["importer_code"]])
        of_exporter = kg([p for p in same_code if p["exporter_code"] == row["exporter_code"]])
        assert row["exporter_share_ratio"] == pytest.approx(kg(route) / of_importer)
        assert row["importer_share_ratio"] == pytest.approx(kg(route) / of_exporter)
        values = [p["primary_value_usd"] / p["net_weight_kg"] for p in same_code if 0 <= age[id(p)] <= 11 and p["net_weight_kg"]]
        if row["log_kg"] is None:
            assert row["unit_value_ratio"] is None
        else:
            assert row["unit_value_ratio"] == pytest.approx(np.log(row["unit_value_usd_per_kg"] / np.median(values)), abs=1e-12)


def test_each_commodity_has_a_window_of_its_own(world) -> None:
    imports, described = world
    later = pl.col("commodity_code") == "291812"
    window = window_of(imports, CALENDAR[20:].tolist()).filter(~later | (pl.col("period") >= int(CALENDAR[40])))
    shorter = describe_flows(imports, NO_MIRROR, window)
    assert shorter.height == described.filter(~later | (pl.col("period") >= int(CALENDAR[40]))).height < described.height


def test_a_first_flow_has_no_last_trade_and_no_share() -> None:
    kg = np.zeros(60)
    kg[58] = 1_000.0
    imports = pl.concat([import_rows(kg, exporter=156), import_rows(np.full(60, 500.0), exporter=276)])
    row = (
        describe_flows(imports, NO_MIRROR, window_of(imports, CALENDAR[50:].tolist()))
        .filter(pl.col("exporter_code") == 156)
        .row(0, named=True)
    )
    assert row["months_since_last_trade"] is None
    assert row["exporter_share_ratio"] == 0.0
    assert row["importer_share_ratio"] is None


def test_a_flow_of_no_weight_and_no_value_is_no_trade() -> None:
    imports = import_rows(np.full(60, 500.0)).with_columns(
        net_weight_kg=pl.when(pl.col("period") == int(CALENDAR[-2])).then(0.0).otherwise("net_weight_kg")
    )
    described = describe_flows(imports, NO_MIRROR, window_of(imports, CALENDAR[-3:].tolist())).sort("period")
    assert described["period"].to_list() == [CALENDAR[-3], CALENDAR[-1]]
    assert described["months_since_last_trade"].to_list() == [1, 2]


def test_mirror_and_seasonal_deviations_are_joined_by_the_whole_key() -> None:
    imports, coverage = many_routes(22)
    baseline = fit_seasonal_baseline(imports, coverage, scored_periods=6, calibration_periods=6, min_history_periods=18)
    chosen = imports.filter(pl.col("period") == int(CALENDAR[-1])).row(0, named=True)
    pair = {name: chosen[name] for name in ("freq_code", "period", "exporter_code", "importer_code", "commodity_code")}
    mirror = pl.DataFrame([{**pair, "z_kg": 3.5}], schema={name: NO_MIRROR.schema[name] for name in [*pair, "z_kg"]})
    described = describe_flows(imports, mirror, baseline)
    assert described["z_kg"].drop_nulls().to_list() == [3.5]
    flows = baseline.filter(pl.col("series_level") == "flow")
    assert described["z_seasonal"].drop_nulls().sort().to_list() == flows["z_seasonal"].drop_nulls().sort().to_list()
    assert described.filter(pl.col("z_kg").is_not_null()).select(list(pair)).row(0, named=True) == pair
