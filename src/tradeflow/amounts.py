"""How weights, values, periods, multiples and chances are written for people; nothing here is read back by a machine."""

from __future__ import annotations

import math

NOT_STATED = "–"
_PERCENT_BELOW = 1.595
"""Factors from which a spread is said as a factor and no longer in per cent."""
_LARGEST_SPREAD = math.log(100)
"""Spreads beyond it are as good as unknown."""
_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December")


def say_weight(kg: float | None, unstated: str = NOT_STATED) -> str:
    """Write a weight in kilograms below a tonne and in tonnes above, with three figures that count."""
    if kg is None or math.isnan(kg):
        return unstated
    return f"{say_number(kg)} kg" if abs(kg) < 1000 else f"{say_number(kg / 1000)} t"


def say_value(usd: float | None, unstated: str = NOT_STATED) -> str:
    """Write a value in US dollars, from a million on in millions."""
    if usd is None or math.isnan(usd):
        return unstated
    return f"USD {say_number(usd)}" if abs(usd) < 1e6 else f"USD {say_number(usd / 1e6)} million"


def say_number(number: float | None) -> str:
    """Write a number of any size with three figures that count; thousands are set apart and never rounded."""
    if number is None or math.isnan(number):
        return NOT_STATED
    if number == 0:
        return "0"
    decimals = max(0, 2 - math.floor(math.log10(abs(number))))
    return f"{number:,.{decimals}f}" if decimals <= 6 else f"{number:.3g}"


def say_count(count: float | None) -> str:
    """Write a count with thousands set apart."""
    return NOT_STATED if count is None else f"{count:,.0f}"


def say_ratio(ratio: float | None) -> str:
    """Write a multiple: ×3.40."""
    return NOT_STATED if ratio is None else f"×{say_number(ratio)}"


def say_share(share: float | None) -> str:
    """Write 0.42 as 42%."""
    return NOT_STATED if share is None else f"{share:.0%}"


def say_deviation(z: float | None) -> str:
    """Write a number of standard deviations with one decimal."""
    return NOT_STATED if z is None else f"{round(z, 1) + 0:.1f}"


def say_probability(share: float | None) -> str:
    """Write a probability with two figures that count; very small ones as a bound."""
    if share is None:
        return NOT_STATED
    return "<0.001" if 0 < share < 0.001 else f"{share:.2g}"


def say_chance(probability: float) -> str:
    """Write a small probability as "About 1 in 2,300"."""
    return f"About 1 in {round(1 / probability):,}" if probability > 0 else "None"


def say_spread(sigma: float | None, multiple: str = "a factor of ") -> str:
    """Write the standard deviation of a natural log as the span that holds two thirds: "12%", from 60% on "a factor of 2.1"."""
    if sigma is None:
        return NOT_STATED
    factor = math.exp(sigma)
    return f"{factor - 1:.0%}" if factor < _PERCENT_BELOW else f"{multiple}{factor:,.1f}"


def say_spread_interval(lower: float, upper: float) -> str:
    """Write an interval of spreads, both ends alike: "10% to 15%" or "×1.2 to ×2.1"."""
    if upper < math.log(_PERCENT_BELOW):
        return f"{math.exp(lower) - 1:.0%} to {math.exp(upper) - 1:.0%}"
    end = f"×{math.exp(upper):,.1f}" if upper < _LARGEST_SPREAD else f"over ×{math.exp(_LARGEST_SPREAD):,.0f}"
    return f"×{math.exp(min(lower, _LARGEST_SPREAD)):,.1f} to {end}"


def say_period(period: int) -> str:
    """Write 202403 as 2024-03 and leave 2024 as it is."""
    return f"{period // 100}-{period % 100:02d}" if period > 9999 else str(period)


def name_period(period: int) -> str:
    """Write 202403 as March 2024 and leave 2024 as it is."""
    return f"{_MONTHS[period % 100 - 1]} {period // 100}" if period > 9999 else str(period)
