"""From each source's own layout to `trade_flow`: tables that a person reads, and what holds for any rows that keep a layout."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from tests.contract_strategies import valid_frames
from tradeflow.conform import conform_trade_flow
from tradeflow.contract import Contract, load_contract, source_layouts
from tradeflow.validate.gate import hold_to_contract

LEARNED = datetime(2024, 5, 1, 6, tzinfo=UTC)
SNAPSHOT = "0f3a9c1e5b7d2a46"
GROUPS_OF_REPORTERS = [97, 975]  # European Union, ASEAN
GIVEN = {"source": "files", "snapshot_id": SNAPSHOT, "retrieved_at": LEARNED}


def conform(layout_name: str, *rows: dict[str, Any]) -> pl.DataFrame:
    """The gate mends spellings, the layout's contract does the rest; all rows must pass."""
    layout = load_contract(layout_name)
    frame = pl.DataFrame(rows, schema_overrides={name: layout.schema[name] for name in rows[0]}, infer_schema_length=None)
    kept = hold_to_contract(frame.with_row_index("row_number", 1), layout).kept
    assert kept.height == len(rows)
    return conform_trade_flow(kept, layout, source="files", snapshot_id=SNAPSHOT, retrieved_at=LEARNED)


def said(frame: pl.DataFrame) -> list[dict[str, Any]]:
    """What each row says: its columns that are not empty, without those that every row of a snapshot has."""
    rows = [{name: value for name, value in row.items() if value is not None} for row in frame.to_dicts()]
    for row in rows:
        assert {name: row.pop(name) for name in GIVEN} == GIVEN
    return rows


# --- UN Comtrade's API and its twin with names_like_this -----------------------------------------------------------------------

API_ROW = {
    "typeCode": "C", "freqCode": "M", "refPeriodId": 20240301, "refYear": 2024, "refMonth": 3, "period": 202403,
    "reporterCode": 484, "reporterISO": "MEX", "reporterDesc": "Mexico", "flowCode": "M", "flowDesc": "Import",
    "partnerCode": 156, "partnerISO": "CHN", "partnerDesc": "China", "partner2Code": 0, "classificationCode": "H6",
    "classificationSearchCode": "HS", "isOriginalClassification": True, "cmdCode": "291411", "cmdDesc": "Acetone", "aggrLevel": 6,
    "isLeaf": True, "customsCode": "C00", "mosCode": "0", "motCode": 0, "qtyUnitCode": 8, "qtyUnitAbbr": "kg", "qty": 1500.0,
    "isQtyEstimated": False, "altQtyUnitCode": -1, "altQty": 0.0, "isAltQtyEstimated": False, "netWgt": 1400.0,
    "isNetWgtEstimated": False, "grossWgt": 1600.0, "isGrossWgtEstimated": False, "cifvalue": 2100.0, "fobvalue": 2000.0,
    "primaryValue": 2100.0, "legacyEstimationFlag": 0, "isReported": False, "isAggregate": True,
}  # fmt: skip

SNAKE_ROW = {
    "freq_code": "M", "period": 202403, "reporter_code": 484, "flow_code": "M", "partner_code": 156, "partner2code": 0,
    "classification_code": "H6", "cmd_code": "291411", "customs_code": "C00", "mot_code": 0, "qty_unit_code": 8, "qty": 1500.0,
    "is_qty_estimated": False, "net_wgt": 1400.0, "is_net_wgt_estimated": False, "gross_wgt": 1600.0, "cifvalue": 2100.0,
    "fobvalue": 2000.0, "primary_value": 2100.0, "legacy_estimation_flag": 0, "is_reported": False, "is_aggregate": True,
}  # fmt: skip

CONFORMED_ROW = {
    "row_number": 1, "freq_code": "M", "period": 202403, "reporter_code": 484, "flow_code": "M", "partner_code": 156,
    "second_partner_code": 0, "commodity_code": "291411", "commodity_level": 6, "commodity_chapter": "29", "hs_revision": "H6",
    "primary_value_usd": 2100.0, "cif_value_usd": 2100.0, "fob_value_usd": 2000.0, "net_weight_kg": 1400.0, "gross_weight_kg": 1600.0,
    "quantity": 1500.0, "quantity_unit_code": 8, "is_net_weight_estimated": False, "is_quantity_estimated": False,
    "is_reported": False, "is_aggregate": True,
}  # fmt: skip


@pytest.mark.parametrize(
    ("layout_name", "row"),
    [("source_comtrade_api", API_ROW), ("source_comtrade_portal", API_ROW), ("source_comtrade_snake", SNAKE_ROW)],
)
def test_a_row_of_the_api_in_each_of_its_spellings(layout_name: str, row: dict[str, Any]) -> None:
    assert said(conform(layout_name, row)) == [CONFORMED_ROW]


API_SPELLINGS = {
    "source_comtrade_api": {},
    "source_comtrade_portal": {},
    "source_comtrade_snake": {
        "netWgt": "net_wgt", "grossWgt": "gross_wgt", "primaryValue": "primary_value", "isNetWgtEstimated": "is_net_wgt_estimated",
        "legacyEstimationFlag": "legacy_estimation_flag", "cmdCode": "cmd_code", "partnerCode": "partner_code", "freqCode": "freq_code",
        "flowCode": "flow_code",
    },
}  # fmt: skip
each_spelling = pytest.mark.parametrize("layout_name", API_SPELLINGS)


def conform_changed(layout_name: str, *changes: dict[str, Any]) -> pl.DataFrame:
    spelling: dict[str, str] = API_SPELLINGS[layout_name]
    row = SNAKE_ROW if spelling else API_ROW
    return conform(layout_name, *(row | {spelling.get(name, name): value for name, value in change.items()} for change in changes))


@each_spelling
def test_weight_or_quantity_zero_beside_a_value_means_not_stated(layout_name: str) -> None:
    changes = [
        {"netWgt": 0.0, "qty": 0.0},
        {"netWgt": 0.0, "qty": 0.0, "primaryValue": 0.0, "partnerCode": 276},
        {"netWgt": None, "qty": None, "partnerCode": 380},
        {"netWgt": 3.0, "qty": 2.0, "partnerCode": 392},
    ]
    found = conform_changed(layout_name, *changes).select("primary_value_usd", "net_weight_kg", "quantity", "missing_reason")

    assert found.rows() == [
        (2100.0, None, None, "zero_with_value"),
        (0.0, 0.0, 0.0, None),
        (2100.0, None, None, "not_stated"),
        (2100.0, 3.0, 2.0, None),
    ]


@each_spelling
def test_zero_means_not_stated_in_the_other_valuations_and_the_gross_weight(layout_name: str) -> None:
    found = conform_changed(layout_name, {"cifvalue": 0.0, "grossWgt": 0.0}, {"fobvalue": 0.0, "partnerCode": 276})

    columns = found.select("primary_value_usd", "cif_value_usd", "fob_value_usd", "gross_weight_kg", "missing_reason")
    assert columns.rows() == [(2100.0, None, 2000.0, None, None), (2100.0, 2100.0, None, 1600.0, None)]


@each_spelling
def test_a_weight_is_estimated_by_its_own_flag_or_by_the_weight_bit_of_the_old_one(layout_name: str) -> None:
    flags = [(own, legacy) for own in (False, True, None) for legacy in (0, 2, 4, 6, None)]
    partners = (156, 276, 380, 392, 410, 484, 528, 579, 608, 616, 620, 642, 643, 682, 702)
    changes = [
        {"isNetWgtEstimated": own, "legacyEstimationFlag": legacy, "partnerCode": partner}
        for (own, legacy), partner in zip(flags, partners, strict=True)
    ]
    found = conform_changed(layout_name, *changes)["is_net_weight_estimated"].to_list()

    assert dict(zip(flags, found, strict=True)) == {
        (False, 0): False, (False, 2): False, (False, 4): True, (False, 6): True, (False, None): False,
        (True, 0): True, (True, 2): True, (True, 4): True, (True, 6): True, (True, None): True,
        (None, 0): None, (None, 2): None, (None, 4): True, (None, 6): True, (None, None): None,
    }  # fmt: skip


@each_spelling
def test_every_level_of_commodity_keeps_its_code(layout_name: str) -> None:
    codes = ("TOTAL", "01", "0101", "010121", "9999AA", "9999", "999999")
    found = conform_changed(layout_name, *({"cmdCode": code} for code in codes))

    assert found.select("commodity_code", "commodity_level", "commodity_chapter").rows() == [
        ("TOTAL", 0, "00"), ("01", 2, "01"), ("0101", 4, "01"), ("010121", 6, "01"), ("9999AA", 6, "99"), ("9999", 4, "99"),
        ("999999", 6, "99"),
    ]  # fmt: skip


@each_spelling
def test_world_and_pools_are_kept_as_partners_and_every_flow_as_its_own(layout_name: str) -> None:
    pairs = [(0, "M"), (899, "X"), (490, "RM"), (838, "RX")]
    found = conform_changed(layout_name, *({"partnerCode": partner, "flowCode": flow} for partner, flow in pairs))

    assert found.select("partner_code", "flow_code").rows() == pairs


def test_an_annual_row_keeps_its_year_whatever_its_month_says() -> None:
    found = conform("source_comtrade_api", API_ROW | {"freqCode": "A", "period": 2023, "refMonth": 52, "refPeriodId": 20230101})

    assert found.select("freq_code", "period").rows() == [("A", 2023)]


def test_a_file_without_optional_columns_is_read_and_they_are_empty() -> None:
    needed = {column.name for column in load_contract("source_comtrade_api").columns if column.is_required}
    row = {name: value for name, value in API_ROW.items() if name in {*needed, "customsCode", "motCode"}}

    (found,) = said(conform("source_comtrade_api", row))

    absent = {
        "cif_value_usd", "fob_value_usd", "net_weight_kg", "gross_weight_kg", "quantity", "quantity_unit_code",
        "is_net_weight_estimated", "is_quantity_estimated", "is_reported", "is_aggregate",
    }  # fmt: skip
    assert found == {name: value for name, value in CONFORMED_ROW.items() if name not in absent} | {"missing_reason": "not_stated"}


# --- the older layouts ---------------------------------------------------------------------------------------------------------


def legacy(flow: str, reporter: str, partner: str, code: str, weight: float | None, value: float, period: int = 201403) -> dict[str, Any]:
    return {
        "period": period, "trade_flow_code": 1, "trade_flow": flow, "reporter": reporter, "partner": partner, "commodity_code": code,
        "commodity": "a name", "net_weight_kg": weight, "trade_value_usd": value,
    }  # fmt: skip


def test_the_layout_of_names_becomes_codes() -> None:
    found = conform(
        "source_comtrade_legacy",
        legacy("Imports", "Mexico", "China", "282760", 250.0, 900.0),
        legacy("Exports", "USA", "Viet Nam", "282760", 0.0, 900.0),
        legacy("Re-Export", "China, Hong Kong SAR", "Other Asia, nes", "2827", None, 0.0),
        legacy("Re-Import", "Côte d'Ivoire", "World", "TOTAL", 0.0, 0.0, period=200801),
    )

    columns = (
        "row_number", "freq_code", "period", "reporter_code", "flow_code", "partner_code", "second_partner_code", "commodity_code",
        "commodity_level", "commodity_chapter", "net_weight_kg", "primary_value_usd", "missing_reason",
    )  # fmt: skip
    assert found.select(columns).rows() == [
        (1, "M", 201403, 484, "M", 156, 0, "282760", 6, "28", 250.0, 900.0, None),
        (2, "M", 201403, 842, "X", 704, 0, "282760", 6, "28", None, 900.0, "zero_with_value"),
        (3, "M", 201403, 344, "RX", 490, 0, "2827", 4, "28", None, 0.0, "not_stated"),
        (4, "M", 200801, 384, "RM", 0, 0, "TOTAL", 0, "00", 0.0, 0.0, None),
    ]
    given = {*columns, *GIVEN}
    assert found.select(pl.exclude(given)).null_count().row(0) == (4,) * (found.width - len(given))


def legacy_api(**change: Any) -> dict[str, Any]:
    row = {
        "classification": "H4", "year": 2014, "period": 201403, "aggrlevel": 6, "isleaf": 1, "flowcode": 1, "flow": "Import",
        "reportercode": 484, "reporter": "Mexico", "partnercode": 156, "partner": "China", "productcode": "291411", "unitcode": 8,
        "unit": "Weight in kilograms", "quantity": 1500.0, "weight": 1400.0, "tradevalue": 2100.0, "flag": 0,
    }  # fmt: skip
    return row | change


def test_the_old_api_becomes_codes_with_its_lost_zeros_and_flag_bits() -> None:
    found = conform(
        "source_comtrade_legacy_api",
        legacy_api(),
        legacy_api(period=2014, productcode="1", flag=2),
        legacy_api(productcode="101", flag=4, weight=0.0, quantity=0.0),
        legacy_api(productcode="10121", flag=6, weight=None),
        legacy_api(productcode="TOTAL", flag=None, partnercode=0),
        legacy_api(productcode="0101", flow="Re-Export", reportercode=251),
    )

    columns = (
        "freq_code", "period", "reporter_code", "flow_code", "partner_code", "commodity_code", "commodity_level", "hs_revision",
        "net_weight_kg", "quantity", "is_net_weight_estimated", "is_quantity_estimated", "missing_reason",
    )  # fmt: skip
    assert found.select(columns).rows() == [
        ("M", 201403, 484, "M", 156, "291411", 6, "H4", 1400.0, 1500.0, False, False, None),
        ("A", 2014, 484, "M", 156, "01", 2, "H4", 1400.0, 1500.0, False, True, None),
        ("M", 201403, 484, "M", 156, "0101", 4, "H4", None, None, True, False, "zero_with_value"),
        ("M", 201403, 484, "M", 156, "010121", 6, "H4", None, 1500.0, True, True, "not_stated"),
        ("M", 201403, 484, "M", 0, "TOTAL", 0, "H4", 1400.0, 1500.0, False, False, None),
        ("M", 201403, 251, "RX", 156, "0101", 4, "H4", 1400.0, 1500.0, False, False, None),
    ]


# --- for any rows that keep a layout -------------------------------------------------------------------------------------------


def test_the_moment_of_learning_is_kept_whatever_zone_it_is_told_in() -> None:
    layout = load_contract("source_comtrade_api")
    kept = hold_to_contract(pl.DataFrame([API_ROW | {"row_number": 1}]), layout).kept
    in_tokyo = LEARNED.astimezone(timezone(timedelta(hours=9)))

    found = conform_trade_flow(kept, layout, source="files", snapshot_id=SNAPSHOT, retrieved_at=in_tokyo)

    assert found["retrieved_at"].to_list() == [LEARNED]
    assert found.schema == load_contract("trade_flow").schema


@pytest.mark.parametrize("layout", source_layouts(), ids=lambda layout: layout.name)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_one_row_out_for_each_row_in_in_the_same_order_and_good_enough_for_the_gate(layout: Contract, data: st.DataObject) -> None:
    drawn = data.draw(valid_frames(layout, max_rows=5))
    numbers = data.draw(st.permutations(range(1, drawn.height + 1)))
    kept = hold_to_contract(drawn.with_columns(row_number=pl.Series(numbers, dtype=pl.UInt32)), layout).kept

    found = conform_trade_flow(kept, layout, source="files", snapshot_id=SNAPSHOT, retrieved_at=datetime(2101, 1, 1, tzinfo=UTC))

    target = load_contract("trade_flow")
    assert found.schema == target.schema
    assert found["row_number"].to_list() == kept["row_number"].to_list() == list(numbers)
    verdict = hold_to_contract(found, target)
    # A layout need not say which flows are parts of a total and which reporters are groups of countries: the target's contract does.
    assert set(verdict.counts) <= {"flow_code:valid_values", "reporter_group"}
    is_part = ~pl.col("flow_code").is_in(["M", "X", "RM", "RX"])
    assert_frame_equal(verdict.kept, found.filter(~is_part & ~pl.col("reporter_code").is_in(GROUPS_OF_REPORTERS)))
    reasons = found.select(pl.col("net_weight_kg").is_null() == pl.col("missing_reason").is_not_null()).to_series()
    assert reasons.all()


def test_a_period_that_had_not_begun_when_the_source_answered_is_refused() -> None:
    rows = conform("source_comtrade_api", *(API_ROW | {"period": period, "freqCode": freq} for freq, period in PERIODS))

    verdict = hold_to_contract(rows, load_contract("trade_flow"))

    assert verdict.kept["period"].to_list() == [202405, 2024]
    assert set(verdict.broken["rule"]) == {"period_is_past"}


PERIODS = [("M", 202405), ("M", 202406), ("A", 2024), ("A", 2025), ("M", 209901)]
