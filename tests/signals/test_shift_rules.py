"""The rules on trade that moved: their cases, what they say, and the source rows of every leg."""

import math
from typing import Any

import polars as pl
import pytest

from tests.signals.tables import ACETONE, CHINA, EPHEDRINE, INDIA, MEXICO, USA, candidate, candidates, evidence, months, shift
from tradeflow.contract import load_contract
from tradeflow.signals import Names, collect_evidence, propose_candidates, rule_meanings
from tradeflow.signals.sentence import write_reasons

NAMES = Names({CHINA: "China", INDIA: "India", MEXICO: "Mexico", USA: "the United States"}, {ACETONE: "Acetone", EPHEDRINE: "Ephedrine"})
KINDS = ["hub_detour", "displacement", "substitution"]


@pytest.mark.parametrize("rule", KINDS)
@pytest.mark.parametrize(
    "innocent",
    [{"shift_p_value": 0.4}, {"shift_kind": "other"}],
    ids=["a share that wanders as far by itself", "trade that moved in another way"],
)
def test_what_moved_scores_by_how_seldom_shares_go_so_far(rule: str, innocent: dict[str, Any]) -> None:
    others = [kind for kind in KINDS if kind != rule]
    look_alike = {key: others[0] if value == "other" else value for key, value in innocent.items()}
    tables = evidence(shifts=[shift(rule), shift(**{"shift_kind": rule, "exporter_code": INDIA} | look_alike)])
    told = {row["exporter_code"]: row for row in propose_candidates(tables, [rule]).iter_rows(named=True)}
    assert told[CHINA]["score"] == pytest.approx(-math.log(1e-3))
    assert told[CHINA]["excess_kg"] == 5000.0
    assert told[CHINA]["window_periods"] == 6
    assert INDIA not in told or told[INDIA]["score"] < 1


def test_a_substitution_is_about_the_importer_and_the_others_about_a_route() -> None:
    tables = evidence(shifts=[shift(kind) for kind in KINDS])
    told = propose_candidates(tables, KINDS)
    assert dict(told.select("rule", "subject").iter_rows()) == {"hub_detour": "flow", "displacement": "flow", "substitution": "importer"}


def told(rule: str, **other: Any) -> str:
    row = candidate(rule=rule, window_periods=6, comparison="900 earlier shifts", excess_kg=4000.0, **other)
    signals = candidates(row).with_columns(exposure=pl.lit("own"), is_slip=pl.lit(value=False))
    return str(write_reasons(signals, NAMES)["signal_reason"][0])


def test_each_sentence_gives_both_legs_with_what_was_to_be_expected_over_one_window() -> None:
    detour = told("hub_detour")
    assert detour.startswith(
        "5.00 t of Acetone (HS 2914.11) went from China to Mexico in the six months to January 2024, where the route's history led to "
        "expect 1.00 t, while 500 kg went from the United States to China, where 4.50 t was to be expected: up to 4.00 t from the United "
        "States may have come through China"
    )
    displaced = told("displacement")
    assert "from China to Mexico in the six months to January 2024, where the route's history led to expect 1.00 t" in displaced
    assert "while 500 kg went to nearby the United States, where 4.50 t was to be expected: up to 4.00 t may have moved" in displaced
    substituted = told("substitution", exporter_code=0, control_year=2022)
    assert (
        "and 500 kg of Ephedrine (HS 2939.41), more strictly controlled and of the same family, where 4.50 t was to be expected"
        in substituted
    )
    assert "came under international control in 2022." in substituted
    assert "international control" not in told("substitution", exporter_code=0)
    assert all(sentence.endswith("a lead to check, not a finding.") for sentence in (detour, displaced, substituted))


def source_row(flow_code: str, reporter: int, partner: int, place: int, code: str = ACETONE, period: int = 202401) -> dict[str, Any]:
    return {"freq_code": "M", "period": period, "flow_code": flow_code, "reporter_code": reporter, "partner_code": partner,
            "commodity_code": code, "snapshot_id": "0123456789abcdef", "row_number": place, "net_weight_kg": 10.0,
            "primary_value_usd": 10.0 * place}  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "exporter", "legs"),
    [
        ("displacement", CHINA, [("M", USA, CHINA, ACETONE), ("X", CHINA, USA, ACETONE)]),
        ("hub_detour", CHINA, [("M", CHINA, USA, ACETONE), ("X", USA, CHINA, ACETONE), ("M", MEXICO, USA, ACETONE)]),
        ("substitution", 0, [("M", MEXICO, INDIA, EPHEDRINE), ("X", USA, MEXICO, EPHEDRINE)]),
    ],
)
def test_the_rows_of_every_leg_are_evidence(rule: str, exporter: int, legs: list[tuple[str, int, int, str]]) -> None:
    """The lead is on China -> Mexico (or all of Mexico's imports), the related area is the United States, the related code ephedrine."""
    own = source_row("M", MEXICO, CHINA, 1)
    unrelated = [source_row("M", INDIA, CHINA, 90), source_row("M", MEXICO, CHINA, 91, period=months(4)[0])]
    related = [source_row(flow, reporter, partner, place, code) for place, (flow, reporter, partner, code) in enumerate(legs, 2)]
    schema = {name: dtype for name, dtype in load_contract("trade_flow").schema.items() if name in own}
    rows = pl.DataFrame([own, *related, *unrelated], schema=schema)
    signal = candidates(candidate(rule=rule, exporter_code=exporter, window_periods=3)).with_columns(signal_id=pl.lit("0" * 16))
    found = collect_evidence(signal, rows.lazy())
    assert dict(found.select("row_number", "evidence_role").iter_rows()) == {1: "observed"} | dict.fromkeys(
        range(2, 2 + len(legs)), "related"
    )
    assert found["row_number"][0] == 1


def test_no_meaning_accuses() -> None:
    assert all(rule_meanings()[kind] for kind in KINDS)
    words = " ".join([*rule_meanings().values(), *(told(kind) for kind in KINDS)]).lower()
    assert not any(word in words for word in ("smuggl", "crime", "illegal", "traffick", "guilt"))
