from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tradeflow.contract import load_contract
from tradeflow.publish import wording as say


@pytest.mark.parametrize(
    ("write", "figure", "text"),
    [
        (say.say_period, 202403, "2024-03"),
        (say.say_period, 2024, "2024"),
        (say.say_weight, None, "–"),
        (say.say_weight, 0, "0.00 kg"),
        (say.say_weight, 3.14159, "3.14 kg"),
        (say.say_weight, 0.004, "0.004 kg"),
        (say.say_weight, 999.4, "999 kg"),
        (say.say_weight, 12_345, "12.3 t"),
        (say.say_weight, 1_234_567_890, "1,234,568 t"),
        (say.say_weight, -4_200, "-4.20 t"),
        (say.say_value, 26_254.4, "$26,254"),
        (say.say_value, 1_240_000, "$1.24 million"),
        (say.say_value, None, "–"),
        (say.say_ratio, 8.4977, "×8.50"),
        (say.say_probability, 0.0, "0"),
        (say.say_probability, 0.0002, "<0.001"),
        (say.say_probability, 0.0421, "0.042"),
        (say.say_share, 0.425, "42%"),
        (say.say_count, 1_662_480, "1,662,480"),
        (say.say_rule, "mirror_gap;new_route", "The two sides differ, New route"),
        (say.say_rule, "hub_detour", "hub detour"),
    ],
)
def test_figures_are_said_as_people_say_them(write: Callable[[Any], str], figure: Any, text: str) -> None:
    assert write(figure) == text


def test_every_declared_value_has_its_words() -> None:
    assert set(say.RULE_WORDS) == set(load_contract("signal").column("rule").valid_values)
    assert set(say.EVIDENCE_WORDS) == set(load_contract("signal_evidence").column("evidence_role").valid_values)
    assert set(say.FLOW_WORDS) == set(load_contract("signal_evidence").column("flow_code").valid_values)
    assert set(say.MIRROR_WORDS) == set(load_contract("mirror_pair").column("mirror_reason").valid_values)
