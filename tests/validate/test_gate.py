"""The gate, case by case, on a contract small enough to be read."""

import dataclasses
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import polars as pl
import pytest

from tradeflow.contract import Contract, load_contract
from tradeflow.validate.gate import Verdict, hold_to_contract

GOOD = {"port": "Namibia", "month": "202403", "net_weight_kg": "1.5"}


def judge(contract: Contract, *rows: dict[str, Any]) -> Verdict:
    frame = pl.DataFrame(list(rows), infer_schema_length=None).with_row_index("row_number", 1)
    return hold_to_contract(frame, contract)


@pytest.mark.parametrize(
    ("column", "written", "read"),
    [
        ("month", " 202403 ", 202403),
        ("month", "202403.0", 202403),
        ("month", 202403.0, 202403),
        ("month", "2.02403e5", 202403),
        ("net_weight_kg", "1e3", 1000.0),
        ("net_weight_kg", "NaN", None),
        ("net_weight_kg", float("nan"), None),
        ("net_weight_kg", "NA", None),
        ("net_weight_kg", " ", None),
        ("net_weight_kg", 7, 7.0),
        ("is_estimated", "TRUE", True),
        ("is_estimated", "0", False),
        ("is_estimated", 1, True),
        ("is_estimated", 0.0, False),
        ("seen_at", "2024-03-01T10:00:00Z", datetime(2024, 3, 1, 10, tzinfo=UTC)),
        ("seen_at", "2024-03-01 12:00:00+02:00", datetime(2024, 3, 1, 10, tzinfo=UTC)),
        ("seen_at", "2024-03-01T10:00:00.25", datetime(2024, 3, 1, 10, 0, 0, 250_000, UTC)),
        ("seen_at", datetime(2024, 3, 1, 10), datetime(2024, 3, 1, 10, tzinfo=UTC)),
        ("seen_at", datetime(2024, 3, 1, 12, tzinfo=timezone(timedelta(hours=2))), datetime(2024, 3, 1, 10, tzinfo=UTC)),
        ("remark", " as is ", "as is"),
        ("remark", "", None),
        ("remark", 12.0, "12"),
        ("remark", "NA", "NA"),
    ],
)
def test_a_value_is_read_as_the_declared_type(shipment: Contract, column: str, written: Any, read: Any) -> None:
    verdict = judge(shipment, GOOD | {column: written})

    assert verdict.counts == {}
    assert verdict.kept[column].to_list() == [read]


@pytest.mark.parametrize(
    ("column", "written"),
    [
        ("month", "2024.5"),
        ("month", 202403.5),
        ("month", "March"),
        ("month", "99999999999"),
        ("month", True),
        ("net_weight_kg", "1,234"),
        ("net_weight_kg", "inf"),
        ("net_weight_kg", float("inf")),
        ("net_weight_kg", {"kg": 1}),
        ("is_estimated", "maybe"),
        ("is_estimated", 2),
        ("seen_at", "yesterday"),
        ("seen_at", 20240301),
    ],
)
def test_a_value_that_cannot_be_read_breaks_the_type_and_nothing_else(shipment: Contract, column: str, written: Any) -> None:
    verdict = judge(shipment, GOOD | {column: written})

    assert verdict.counts == {f"{column}:type": 1}


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("COTE  D'IVOIRE", 4),
        ("Ivory Coast", 4),
        ("na", 8),
        ("nam", 8),
        ("8", 8),
        (8.0, 8),
        ("356", 8),
        ("IVC", 4),
        ("isle of vic", 20),
        ("Twin", None),
        ("Atlantis", None),
        ("5", None),
    ],
)
def test_a_spelling_becomes_its_code_or_is_unknown(shipment: Contract, written: Any, code: int | None) -> None:
    verdict = judge(shipment, GOOD | {"port": written})

    assert verdict.kept.schema["port"] == pl.Int32
    assert verdict.kept["port"].to_list() == ([] if code is None else [code])
    assert verdict.counts == ({"port:known_code": 1} if code is None else {})


def test_na_is_namibia_among_names_and_missing_among_numbers(shipment: Contract) -> None:
    as_number = dataclasses.replace(shipment.columns[0], dtype=pl.Int32())
    numbered = dataclasses.replace(shipment, columns=(as_number, *shipment.columns[1:]))

    assert judge(shipment, GOOD | {"port": "NA"}).kept["port"].to_list() == [8]
    assert judge(numbered, GOOD | {"port": "NA"}).counts == {"port:required": 1}
    assert judge(numbered, GOOD | {"port": "NAM"}).kept["port"].to_list() == [8]


def test_all_broken_rules_of_a_row_are_named_with_the_row_as_it_came(shipment: Contract) -> None:
    bad = {"port": "Atlantis", "month": "202413", "net_weight_kg": "-1"}

    verdict = judge(shipment, GOOD, bad)

    assert verdict.broken.rows() == [
        (2, "port:known_code;net_weight_kg:minimum;month_exists", False, json.dumps(bad, separators=(",", ":")))
    ]
    assert verdict.kept["row_number"].to_list() == [1]


def test_a_row_rule_does_not_judge_by_a_column_that_failed_already(shipment: Contract) -> None:
    assert judge(shipment, GOOD | {"month": "soon"}).counts == {"month:type": 1}
    assert judge(shipment, GOOD | {"month": None}).counts == {"month:required": 1}


def test_a_row_is_set_aside_only_if_all_that_it_broke_sets_aside(shipment: Contract) -> None:
    transit = GOOD | {"remark": "transit"}

    verdict = judge(shipment, transit, transit | {"net_weight_kg": "-1"})

    assert verdict.broken["rule"].to_list() == ["not_transit", "net_weight_kg:minimum;not_transit"]
    assert verdict.broken["is_set_aside"].to_list() == [True, False]


def test_a_missing_required_column_breaks_every_row_and_a_missing_optional_one_is_empty(shipment: Contract) -> None:
    verdict = judge(shipment, {"port": "Namibia"}, {"port": "Ivory coast"})

    assert verdict.counts == {"month:required": 2}
    assert judge(shipment, GOOD).kept["seen_at"].to_list() == [None]


def test_a_repeat_is_set_aside_and_contradicting_rows_all_break_the_key(shipment: Contract) -> None:
    heavier = GOOD | {"net_weight_kg": "2.5"}
    other_remark = GOOD | {"month": "202404", "remark": "first"}

    verdict = judge(shipment, GOOD, heavier, GOOD, other_remark, other_remark | {"remark": "again"}, GOOD | {"month": "202405"})

    assert verdict.kept["row_number"].to_list() == [4, 6]
    assert verdict.broken.select("row_number", "rule", "is_set_aside").rows() == [
        (1, "key_is_unique", False),
        (2, "key_is_unique", False),
        (3, "duplicate_row", True),
        (5, "duplicate_row", True),
    ]


def test_two_spellings_of_one_key_contradict_each_other(shipment: Contract) -> None:
    verdict = judge(shipment, GOOD, GOOD | {"port": "NAM", "net_weight_kg": "9"})

    assert verdict.counts == {"key_is_unique": 2}


def test_a_row_that_failed_takes_no_other_row_with_it(shipment: Contract) -> None:
    verdict = judge(shipment, GOOD, GOOD | {"net_weight_kg": "-2"})

    assert verdict.counts == {"net_weight_kg:minimum": 1}


@pytest.mark.parametrize("frame", [pl.DataFrame(), pl.DataFrame({"port": []}), pl.DataFrame(schema={"row_number": pl.Int64})])
def test_a_frame_without_rows_gives_no_rows(shipment: Contract, frame: pl.DataFrame) -> None:
    verdict = hold_to_contract(frame, shipment)

    assert (verdict.kept.height, verdict.broken.height, verdict.counts) == (0, 0, {})
    assert {"rule", "is_set_aside", "raw_row"} <= set(verdict.broken.columns)


def test_columns_of_another_table_break_every_row(shipment: Contract) -> None:
    verdict = hold_to_contract(pl.DataFrame({"row_number": [1, 2]}), shipment)

    assert verdict.counts == {"port:required": 2, "month:required": 2}
    assert verdict.broken["raw_row"].to_list() == ["{}", "{}"]


def test_infinity_and_nan_stand_in_the_raw_row(shipment: Contract) -> None:
    verdict = judge(shipment, {"port": "Namibia", "month": None, "net_weight_kg": float("inf")})

    assert json.loads(verdict.broken["raw_row"][0]) == {"port": "Namibia", "month": None, "net_weight_kg": "inf"}


def test_many_answers_are_judged_at_once_each_within_itself() -> None:
    contract = load_contract("coverage")
    row = {"freq_code": "M", "period": 202401, "reporter_code": 484, "flow_code": "M", "coverage_status": "reported", "row_count": 3}
    rows = [row | {"snapshot_id": "a"}, row | {"snapshot_id": "b"}, row | {"snapshot_id": "b"}, row | {"snapshot_id": "c", "row_count": 9}]

    apart = hold_to_contract(pl.DataFrame(rows), contract, within=("snapshot_id",))
    together = hold_to_contract(pl.DataFrame(rows), contract)

    assert apart.kept["snapshot_id"].to_list() == ["a", "b", "c"]
    assert apart.broken.select("snapshot_id", "rule", "is_set_aside").rows() == [("b", "duplicate_row", True)]
    assert together.kept.is_empty()
