from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradeflow.telling.score_parts import score_parts

SCORES = st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 99, allow_subnormal=False)), min_size=1, max_size=6)


def signals(scores: list[tuple[str, float]]) -> list[dict[str, object]]:
    return [{"rule": rule, "anomaly_score": score} for rule, score in scores]


def test_a_rule_counts_by_its_strongest_signal() -> None:
    parts = score_parts(signals([("mirror_gap", 50.0), ("mirror_gap", 20.0), ("new_route", 75.0)]))
    assert parts == [("new_route", 75.0, pytest.approx(2 / 3)), ("mirror_gap", 50.0, pytest.approx(1 / 3))]


def test_rules_that_tell_one_thing_count_once() -> None:
    parts = score_parts(signals([("excess_import", 50.0), ("excess_export", 60.0), ("new_route", 60.0)]))
    assert parts == [("excess_export", 60.0, pytest.approx(1 / 2)), ("new_route", 60.0, pytest.approx(1 / 2))]


@given(SCORES)
def test_shares_add_up(scores: list[tuple[str, float]]) -> None:
    parts = score_parts(signals(scores))
    assert sum(share for _, _, share in parts) == pytest.approx(1 if any(score for _, score in scores) else 0)
    strongest = {rule: max(score for each, score in scores if each == rule) for rule, _ in scores}
    assert {rule: score for rule, score, _ in parts} == strongest


@given(SCORES, st.sampled_from("abc"), st.floats(1, 99))
def test_a_rules_share_never_falls_when_its_own_score_rises(scores: list[tuple[str, float]], rule: str, more: float) -> None:
    before = {name: share for name, _, share in score_parts(signals(scores))}
    after = {name: share for name, _, share in score_parts(signals([*scores, (rule, more)]))}
    assert after[rule] >= before.get(rule, 0.0) - 1e-12


def test_a_sure_rule_leaves_the_others_their_share() -> None:
    (first, second) = score_parts(signals([("a", 100.0), ("b", 50.0)]))
    assert first[0] == "a"
    assert 0 < second[2] < 0.1
