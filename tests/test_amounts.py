from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradeflow import amounts as say


@pytest.mark.parametrize(
    ("write", "amount", "text"),
    [
        (say.say_weight, None, "–"),
        (say.say_weight, math.nan, "–"),
        (say.say_weight, 0, "0 kg"),
        (say.say_weight, 0.00412, "0.00412 kg"),
        (say.say_weight, 0.512, "0.512 kg"),
        (say.say_weight, 7, "7.00 kg"),
        (say.say_weight, 999.4, "999 kg"),
        (say.say_weight, 1000, "1.00 t"),
        (say.say_weight, 38_421, "38.4 t"),
        (say.say_weight, 1_234_567_890, "1,234,568 t"),
        (say.say_weight, -4_200, "-4.20 t"),
        (say.say_value, None, "–"),
        (say.say_value, 0.0153, "USD 0.0153"),
        (say.say_value, 26_254.4, "USD 26,254"),
        (say.say_value, 1_240_000, "USD 1.24 million"),
        (say.say_number, 3e-12, "3e-12"),
        (say.say_ratio, 8.4977, "×8.50"),
        (say.say_probability, 0.0, "0"),
        (say.say_probability, 0.0002, "<0.001"),
        (say.say_probability, 0.0421, "0.042"),
        (say.say_share, 0.425, "42%"),
        (say.say_count, 1_662_480, "1,662,480"),
        (say.say_chance, 1 / 2345.6, "About 1 in 2,346"),
        (say.say_chance, 0.0, "None"),
        (say.say_spread, 0.12, "13%"),
        (say.say_spread, 1.2, "a factor of 3.3"),
        (say.say_deviation, -0.04, "0.0"),
        (say.say_deviation, -2.57, "-2.6"),
        (say.say_deviation, None, "–"),
        (say.say_period, 202403, "2024-03"),
        (say.say_period, 2024, "2024"),
        (say.name_period, 202403, "March 2024"),
        (say.name_period, 202412, "December 2024"),
        (say.name_period, 2024, "2024"),
    ],
)
def test_amounts_are_written_as_people_say_them(write: Callable[[Any], str], amount: Any, text: str) -> None:
    assert write(amount) == text


@given(st.floats(1e-3, 1e12), st.sampled_from([1, -1]))
def test_no_weight_is_rounded_by_more_than_half_a_percent(kg: float, sign: int) -> None:
    figure, unit = say.say_weight(sign * kg).split()
    told = float(figure.replace(",", "")) * (1000 if unit == "t" else 1)
    assert told == pytest.approx(sign * kg, rel=0.00501)


@given(st.floats(0.01, 5), st.floats(0.01, 5))
def test_a_wider_spread_is_never_said_as_a_narrower_one(one: float, other: float) -> None:
    def width(sigma: float) -> float:
        said = say.say_spread(sigma)
        return float(said.rstrip("%")) / 100 + 1 if said.endswith("%") else float(said.removeprefix("a factor of "))

    narrow, wide = sorted((one, other))
    assert width(narrow) <= width(wide)


def test_what_is_unstated_is_said_in_the_callers_words() -> None:
    assert say.say_weight(None, "an unstated weight") == "an unstated weight"
    assert say.say_value(math.nan, "USD ?") == "USD ?"


@pytest.mark.parametrize(
    ("lower", "upper", "text"),
    [(0.1, 0.2, "11% to 22%"), (0.1, 0.9, "×1.1 to ×2.5"), (1.0, 1.2, "×2.7 to ×3.3"), (0.5, 900.0, "×1.6 to over ×100")],
)
def test_both_ends_of_an_interval_are_said_alike(lower: float, upper: float, text: str) -> None:
    assert say.say_spread_interval(lower, upper) == text
