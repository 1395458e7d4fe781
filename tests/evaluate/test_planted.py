from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tradeflow.contract import load_contract
from tradeflow.evaluate.planted import (
    match_planted_cases,
    read_innocent_events,
    read_planted_cases,
    tell_innocent_events,
    tell_planted_cases,
)

MEXICO, CHINA, INDIA = 484, 156, 699


def case(**other: Any) -> pl.DataFrame:
    row = {"case_id": "C1", "typology": "excess", "expected_rule": "excess_import", "importer_code": MEXICO, "exporter_code": CHINA,
           "commodity_code": "291411", "first_period": 202311, "last_period": 202401,
           "excess_kg": 5000.0, "planted_text": "a planted case"}  # fmt: skip
    return pl.DataFrame([row | other], schema=load_contract("planted_case").schema, orient="row")


def lead(rank: int = 3, **other: Any) -> dict[str, Any]:
    return {"importer_code": MEXICO, "exporter_code": CHINA, "commodity_code": "291411", "period": 202312, "lead_rank": rank,
            "rule": "excess_import"} | other  # fmt: skip


def signals(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema_overrides={name: pl.Int32 for name in ("importer_code", "exporter_code", "period", "lead_rank")})


@pytest.mark.parametrize(
    ("told", "is_found"),
    [
        ({}, True),
        ({"exporter_code": 0}, True),
        ({"exporter_code": INDIA}, False),
        ({"importer_code": INDIA}, False),
        ({"commodity_code": "291812"}, False),
        ({"period": 202310}, False),
        ({"period": 202311}, True),
        ({"period": 202404}, True),
        ({"period": 202405}, False),
    ],
    ids=["same route", "all origins", "another origin", "another importer", "another code", "before", "first month",
          "three months late", "later"],
)  # fmt: skip
def test_a_lead_tells_a_case(told: dict[str, Any], is_found: bool) -> None:
    matched = match_planted_cases(signals(lead(**told)), case())
    assert matched.select("lead_rank", "rule").rows() == [(3, "excess_import") if is_found else (None, None)]


def test_three_months_late_may_be_in_the_next_year() -> None:
    ended = case(first_period=202311, last_period=202312)
    assert match_planted_cases(signals(lead(period=202403)), ended)["lead_rank"].to_list() == [3]
    assert match_planted_cases(signals(lead(period=202404)), ended)["lead_rank"].to_list() == [None]


def test_a_case_without_exporter_is_told_by_any_route() -> None:
    assert match_planted_cases(signals(lead(exporter_code=INDIA)), case(exporter_code=None))["lead_rank"].to_list() == [3]


def test_the_best_rank_counts() -> None:
    told = match_planted_cases(signals(lead(9), lead(2, rule="mirror_gap"), lead(5)), case())
    assert told.select("case_id", "lead_rank", "rule").rows() == [("C1", 2, "mirror_gap")]


def test_what_was_found_is_told() -> None:
    cases = pl.concat([case(), case(case_id="C2", importer_code=INDIA), case(case_id="C3", typology="gap", commodity_code="291812")])
    matched = match_planted_cases(signals(lead(50), lead(51, importer_code=INDIA)), cases)
    assert list(tell_planted_cases(matched)) == [
        "1 of 3 planted diversions stand in the top 50 leads.",
        "  excess: 1 of 2",
        "  gap: 0 of 1",
        "Missed in the top 50:",
        "  C2 excess: a planted case (stands at 51)",
        "  C3 gap: a planted case (no lead)",
    ]


def test_nothing_missed_is_not_told() -> None:
    matched = match_planted_cases(signals(lead(1)), case())
    assert list(tell_planted_cases(matched)) == ["1 of 1 planted diversions stand in the top 50 leads.", "  excess: 1 of 1"]


def test_a_truth_table_is_read_in_its_contract(tmp_path: Any) -> None:
    case().write_csv(tmp_path / "cases.csv")
    assert read_planted_cases(tmp_path / "cases.csv").equals(case())


def test_innocent_events_in_the_top_leads_are_told_and_those_of_a_market_are_left_out(tmp_path: Path) -> None:
    header = "event_id,kind,importer_code,exporter_code,commodity_code,first_period,last_period,planted_text"
    rows = [
        f"event-01,new_factory,{MEXICO},{CHINA},291411,202311,202401,a new plant",
        f"event-02,unit_slip,{INDIA},{CHINA},291411,202311,202401,a slip",
        "event-03,price_spike,,,291411,202311,202401,a shortage",
    ]
    (tmp_path / "events.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    events = read_innocent_events(tmp_path / "events.csv")
    assert list(tell_innocent_events(signals(lead(50), lead(51, importer_code=INDIA)), events)) == [
        "1 of 2 innocent look-alikes stand there as well: new_factory."
    ]
    assert list(tell_innocent_events(signals(lead(51)), events)) == ["0 of 2 innocent look-alikes stand there as well."]
