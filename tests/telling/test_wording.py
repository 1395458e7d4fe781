from __future__ import annotations

from tradeflow.contract import load_contract
from tradeflow.telling import wording


def test_rules_are_named_in_words() -> None:
    assert wording.say_rule("mirror_gap;new_route") == "The two sides differ, New or hardly used route"
    assert wording.say_rule("no_such_rule") == "no such rule"


def test_every_declared_value_has_its_words() -> None:
    assert set(wording.RULE_WORDS) >= set(load_contract("signal").column("rule").valid_values)
    assert set(wording.EVIDENCE_WORDS) == set(load_contract("signal_evidence").column("evidence_role").valid_values)
    assert set(wording.FLOW_WORDS) == set(load_contract("signal_evidence").column("flow_code").valid_values)
    assert set(wording.MIRROR_WORDS) == set(load_contract("mirror_pair").column("mirror_reason").valid_values)
    assert set(wording.BASIS_WORDS) == set(load_contract("mirror_pair").column("valuation_basis").valid_values)
    assert set(wording.GAP_WORDS) == set(load_contract("mirror_pair").column("gap_explanation").valid_values)
    assert set(wording.WEIGHT_LABEL_WORDS) == set(load_contract("mirror_pair").column("export_weight_label").valid_values)
    assert set(wording.UNLOCATED_WORDS) == set(load_contract("unlocated_trade").column("unlocated_kind").valid_values)
    assert {*wording.CHANGE_WORDS, "none"} == set(load_contract("own_series_change").column("change_kind").valid_values)
