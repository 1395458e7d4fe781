from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from tests.telling.test_lead_months import MEXICO, SIGNAL
from tradeflow.contract import load_contract
from tradeflow.telling.detectability import detectable_codes, say_detectable

NOISY = "Too noisy."


def detectable(*rows: dict[str, Any]) -> pl.DataFrame:
    usual = {"freq_code": "M", "importer_code": MEXICO, "commodity_code": "291411", "period": 202404, "expected_kg": 4000.0,
             "detectable_excess_kg": 12_000.0, "detectable_excess_ratio": 3.0, "sustained_excess_kg": 2000.0,
             "sustained_excess_ratio": 0.5, "detectability": "too_noisy", "detectability_reason": NOISY}  # fmt: skip
    return pl.DataFrame([usual | row for row in rows], schema=load_contract("detectable_excess").schema, orient="row")


def test_a_code_is_summed_over_its_importers() -> None:
    (code,) = detectable_codes(
        detectable(
            {},
            {"importer_code": 76, "expected_kg": 9000.0, "detectable_excess_ratio": 1.0, "detectability": "if_sustained"},
            {"importer_code": 170, "expected_kg": None, "detectable_excess_ratio": None, "detectability": "too_short"},
            {"importer_code": 32, "freq_code": "A"},
        )
    )
    assert (code.commodity_code, code.median_once, code.median_sustained) == ("291411", 3.0, 1.5)
    assert code.counts == {"too_noisy": 1, "if_sustained": 1, "too_short": 1}
    assert [row["importer"] for row in code.importers] == ["Brazil", "Mexico", "Colombia"]


def test_watched_codes_are_shown_and_others_only_where_none_is_watched() -> None:
    foreign = {"commodity_code": "070970"}
    assert [code.commodity_code for code in detectable_codes(detectable({}, foreign))] == ["291411"]
    assert [code.commodity_code for code in detectable_codes(detectable(foreign))] == ["070970"]
    assert detectable_codes(detectable()) == []


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({}, "12.0 t too much in one period, 2.00 t in each of six, over all origins. Too noisy."),
        ({"sustained_excess_kg": None}, "12.0 t too much in one period, over all origins. Too noisy."),
        ({"detectable_excess_kg": None}, "Too noisy."),
        ({"importer_code": 76}, ""),
    ],
)
def test_a_lead_says_from_what_weight_on_it_could_be_seen(changed: dict[str, Any], text: str) -> None:
    assert say_detectable(SIGNAL, detectable(changed)) == text
