"""The rule on a stated need: its candidates, their chance, and what the sentence says."""

from datetime import date
from typing import Any

import polars as pl
import pytest

from tests.signals.tables import ACETONE, MEXICO, table
from tradeflow.model import calibrate
from tradeflow.signals import Evidence, Names, RankOptions, Window, propose_candidates, rank_leads

OWN = pl.DataFrame({"commodity_code": [ACETONE], "substance_code": ["acetone"], "exposure": ["own"]})
NAMES = Names({MEXICO: "Mexico"}, {ACETONE: "Acetone"})


def use(**other: Any) -> dict[str, Any]:
    """Six months that brought 900 kg where the year may bring a tonne."""
    return {
        "importer_code": MEXICO, "commodity_code": ACETONE, "requirement_year": 2024, "requirement_kg": 1000.0, "period": 202406,
        "requirement_source": "a letter", "window_periods": 6, "cumulated_kg": 900.0, "year_kg": 1800.0, "lower_year_kg": 1500.0,
        "upper_year_kg": 2100.0, "within_requirement_probability": 1e-5, "passing_date": date(2024, 7, 21),
        "earliest_passing_date": date(2024, 7, 15),
    } | other  # fmt: skip


def lead_of(*rows: dict[str, Any]) -> pl.DataFrame:
    starts = pl.DataFrame(
        {"freq_code": ["M"], "commodity_code": [ACETONE], "_calibration_start": [202201], "_scored_start": [202401], "_newest": [202412]},
        schema_overrides={"_calibration_start": pl.Int32, "_scored_start": pl.Int32, "_newest": pl.Int32},
    )
    empty = [table(name) for name in ("mirror_pair", "baseline", "flow_score", "share_shift", "coverage")]
    tables = Evidence(*empty, Window(starts, 18), table("requirement_use", *rows))
    return rank_leads(calibrate(propose_candidates(tables, ["above_requirement"])), OWN, NAMES, RankOptions())


@pytest.mark.parametrize(
    ("changed", "is_lead"),
    [
        ({}, True),
        ({"year_kg": 1000.0}, False),
        ({"year_kg": 1000.1, "within_requirement_probability": 0.49}, False),
        ({"year_kg": 1200.0, "within_requirement_probability": 0.3}, True),
        ({"period": 202312}, False),
    ],
    ids=["far above", "as much as needed", "about as much, immaterial", "probably above", "before the scored window"],
)
def test_cases(changed: dict[str, Any], is_lead: bool) -> None:
    assert lead_of(use(**changed)).height == is_lead


def test_the_lead_says_the_need_the_pace_the_day_and_the_chance() -> None:
    lead = lead_of(use()).row(0, named=True)
    assert (lead["observed_kg"], lead["excess_kg"], lead["p_value"], lead["window_periods"]) == (900.0, 800.0, 1e-5, 6)
    assert lead["is_flagged"]
    for told in ("Mexico", "Acetone (HS 2914.11)", "900 kg", "stated need of the year is 1.00 t", "passing it about 21 July 2024"):
        assert told in lead["signal_reason"]
    assert lead["signal_reason"].endswith("put at 1e-05; a lead to check, not a finding.")


@pytest.mark.parametrize(("basis", "told"), [("as_reported", False), ("value_over_unit_value", True), ("other_side", True)])
def test_the_lead_says_where_weights_were_derived(basis: str, told: bool) -> None:
    lead = lead_of(use(weight_basis=basis)).row(0, named=True)
    assert lead["weight_basis"] == basis
    assert ("Not all of these weights were reported" in lead["signal_reason"]) == told


def test_a_need_that_is_passed_is_told_as_passed() -> None:
    passed = use(cumulated_kg=1200.0, passing_date=date(2024, 5, 3), within_requirement_probability=0.0)
    reason = lead_of(passed)["signal_reason"][0]
    assert "this was passed about 3 May 2024, and at this pace" in reason
    assert reason.endswith("The months up to then pass it without any forecast; a lead to check, not a finding.")
    assert "passed about 3 May 2024." in lead_of(passed | {"period": 202412, "window_periods": 12})["signal_reason"][0]
