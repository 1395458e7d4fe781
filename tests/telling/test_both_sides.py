from __future__ import annotations

import math
from typing import Any

import polars as pl
import pytest

from tests.telling.test_lead_months import CHINA, INDIA, MEXICO, SIGNAL
from tradeflow.contract import load_contract
from tradeflow.telling.both_sides import explain_belief, explain_correction, tell_windows
from tradeflow.telling.standing import rank_reporters

MONTH: dict[str, Any] = {
    "period": 202404, "mirror_status": "both", "mirror_reason": None, "valuation_basis": "margin_estimated", "cif_fob_margin_rate": 0.06,
    "import_value_usd": 106_000.0, "import_fob_value_usd": 100_000.0, "export_net_weight_kg": 40_000.0, "import_net_weight_kg": 10_000.0,
    "corridor_gap_log": math.log(1.5), "route_gap_log": math.log(0.9), "route_change_log": math.log(0.25 / 0.9),
    "route_past_periods": 0, "gap_log_variance": math.log(1.25) ** 2,
    "z_kg": -5.77, "z_value": -5.5, "shortfall_p_value": 0.0000001, "export_weight_share": 0.96,
    "balanced_net_weight_kg": 38_000.0, "balanced_lower_kg": 30_000.0, "balanced_upper_kg": 48_000.0,
    "export_weight_label": "as_reported", "import_weight_label": "as_reported", "gap_explanation": "none",
    "alignment_label": "same_period", "import_aligned_net_weight_kg": None, "import_aligned_value_usd": None,
    "export_value_usd": 400_000.0,
    "export_nes_kg": None, "import_nes_kg": None, "export_converted_kg": None, "import_converted_kg": None,
}  # fmt: skip


def ranked(*rows: tuple[int, str, float], product_group: str = "all") -> pl.DataFrame:
    known = [
        {"reporter_code": code, "flow_code": flow, "measure": "net_weight", "product_group": product_group, "pair_count": 41,
         "log_error_sigma": math.log(1 + within), "log_error_sigma_se": 0.01, "observation_count": 1203}
        for code, flow, within in rows
    ]  # fmt: skip
    return rank_reporters(pl.DataFrame(known, schema=load_contract("reporter_reliability").schema))


def test_the_correction_says_what_was_done_and_what_came_out() -> None:
    assert explain_correction(MONTH) == [
        ("Period shown", "April 2024"),
        ("Importer's value", "USD 106,000 as published, USD 100,000 FOB: 6.0% taken off, freight and insurance estimated"),
        ("Usual difference", "on this route the importer usually records 90% of the exporter’s weight"),
        ("Usual scatter", "two thirds of such pairs lie within 25% of that"),
        (
            "Recorded",
            "the importer recorded 25% of the exporter’s weight, 28% of what is usual here: z -5.8, p of a shortfall <0.001",
        ),
        ("Balanced weight", "38.0 t (90% interval 30.0 t to 48.0 t)"),
    ]


@pytest.mark.parametrize(
    ("changed", "fact", "text"),
    [
        ({"valuation_basis": "importer_reports_fob", "cif_fob_margin_rate": 0.0}, "Importer's value",
         "The importer publishes FOB, nothing is taken off"),
        ({"valuation_basis": "no_import_report", "import_value_usd": None}, "Importer's value", "No import report to restate"),
        ({"route_gap_log": 0.001}, "Usual difference", "on this route both usually record the same weight"),
        ({"route_gap_log": math.log(3)}, "Usual difference",
         "on this route the importer usually records 3.00 times the exporter’s weight"),
        ({"route_past_periods": 24}, "Usual difference",
         "on this route the importer usually records 90% of the exporter’s weight (earlier periods of this route that tell: 24; in all "
         "goods between the two 150% of that weight)"),
        ({"z_kg": None, "z_value": None, "mirror_reason": "not_recorded"}, "Recorded", "other side recorded none"),
        ({"z_kg": None, "import_net_weight_kg": None, "shortfall_p_value": 0.004, "z_value": -2.6}, "Recorded",
         "no two weights to compare; the importer recorded 25% of the exporter’s value: z of the value -2.6, p of a shortfall 0.004"),
        ({"import_weight_label": "out_of_scale"}, "Importer's weight",
         "of another order of magnitude than the route's unit values: left out"),
        ({"export_weight_label": "corrected_by_1000"}, "Exporter's weight",
         "a thousand times off the route's usual unit value: read in the other unit before it was compared"),
        ({"alignment_label": "aligned", "import_aligned_net_weight_kg": 34e3}, "By arrival",
         "34.0 t found of these goods in the months in which they arrive: this is compared"),
        ({"alignment_label": "aligned", "import_aligned_net_weight_kg": 20e3, "import_net_weight_kg": None}, "Recorded",
         "the importer recorded 50% of the exporter’s weight, 28% of what is usual here: z -5.8, p of a shortfall <0.001"),
        ({"alignment_label": "truncated", "import_aligned_net_weight_kg": 900.0}, "By arrival",
         "900 kg found of these goods in the months in which they arrive: this is compared; not all of these months are known yet"),
        ({"alignment_label": "not_known", "z_kg": None}, "By arrival", "the months in which these goods arrive are not known yet"),
        ({"export_nes_kg": 500.0, "import_nes_kg": 20.0}, "Unnamed partners",
         "500 kg of the exporter’s and 20.0 kg of the importer’s stated for no named partner may belong here"),
        ({"import_converted_kg": 786.0}, "Other units", "786 kg of the importer’s follows from a quantity in another unit"),
        ({"import_net_weight_kg": 86.0, "route_change_log": math.log(0.00002)}, "Recorded",
         "the importer recorded 0.21% of the exporter’s weight, 0.002% of what is usual here: z -5.8, p of a shortfall <0.001"),
        ({"gap_explanation": "exports_of_another_partner"}, "Known reason",
         "the exporter seems to have booked here what it sent to another partner, whose report lacks a mirror"),
    ],
)  # fmt: skip
def test_every_state_of_a_pair_has_its_words(changed: dict[str, Any], fact: str, text: str) -> None:
    assert dict(explain_correction(MONTH | changed))[fact] == text


def test_what_is_not_known_is_left_out() -> None:
    unknown = dict.fromkeys(("route_gap_log", "gap_log_variance", "z_kg", "z_value", "balanced_net_weight_kg", "import_weight_label"))
    assert [fact for fact, _ in explain_correction(MONTH | unknown)] == ["Period shown", "Importer's value"]


def test_each_side_is_told_with_its_rank_and_the_estimate_leans_on_the_steadier() -> None:
    told = explain_belief(MONTH, SIGNAL, ranked((CHINA, "X", 0.12), (INDIA, "X", 0.3), (MEXICO, "M", 0.65)))
    assert told == [
        "China’s exports usually lie within 12% of the true weight (90% interval 10% to 14%), judged by 41 partners and 1,203 two-sided "
        "flows: place 1 of 2, the steadiest first.",
        "Mexico’s imports usually lie within a factor of 1.6 of the true weight (90% interval ×1.6 to ×1.7), judged by 41 partners and "
        "1,203 two-sided flows: place 1 of 1, the steadiest first.",
        "The balanced weight of April 2024 therefore leans 96% on China.",
    ]


def test_the_chapter_of_the_code_comes_before_all_chapters_together() -> None:
    both = pl.concat(
        [ranked((CHINA, "X", 0.5)), ranked((CHINA, "X", 0.12), product_group="29"), ranked((CHINA, "X", 0.9), product_group="28")]
    )
    assert explain_belief(None, SIGNAL, both)[0].startswith("China’s exports of HS chapter 29 usually lie within 12% of")
    assert explain_belief(None, SIGNAL | {"commodity_code": "070970"}, both)[0].startswith("China’s exports usually lie within 50% of")


def test_a_side_that_nothing_is_known_of_is_said_to_be_so() -> None:
    told = explain_belief(None, SIGNAL, ranked((CHINA, "X", 0.12)))
    assert told[1:] == ["No imports of Mexico could be held against a partner’s weights so far."]


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.3, "The balanced weight of April 2024 therefore leans 70% on Mexico."),
        (1.0, "In April 2024 only China gives a weight that can be used, so the balanced weight is its own."),
        (0.0, "In April 2024 only Mexico gives a weight that can be used, so the balanced weight is its own."),
    ],
)
def test_the_lean_names_the_side(share: float, text: str) -> None:
    assert explain_belief(MONTH | {"export_weight_share": share}, SIGNAL, ranked())[-1] == text


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({}, ""),
        ({"window_label": "imports_lack_months"}, "the importer has not published every month"),
        ({"window_import_value_usd": 0.0}, "the importer recorded none"),
        ({"window_export_value_usd": 0.0}, "the exporter recorded none"),
    ],
)
def test_a_window_says_what_keeps_it_from_being_judged(changed: dict[str, Any], words: str) -> None:
    route = {name: SIGNAL[name] for name in ("freq_code", "exporter_code", "importer_code", "commodity_code")}
    window = route | {"window_label": "whole", "window_import_value_usd": 5.0, "window_export_value_usd": 9.0} | changed
    rows = [window | {"window_months": months} for months in (12, 3)] + [window | {"window_months": 6, "exporter_code": INDIA}]
    told = tell_windows(SIGNAL, pl.DataFrame(rows, schema=load_contract("mirror_window").schema))

    assert [(row["window_months"], row["window_words"]) for row in told] == [(3, words), (12, words)]


def test_all_exporters_together_have_no_standing() -> None:
    told = explain_belief(None, SIGNAL | {"exporter_code": 0}, ranked((MEXICO, "M", 0.1)))
    assert len(told) == 1
    assert told[0].startswith("Mexico’s imports")
