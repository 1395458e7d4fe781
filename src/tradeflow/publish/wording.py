"""How figures, periods and rules are said to people; nothing here is read back by a machine."""

from __future__ import annotations

READING_NOTE = (
    "A lead is no finding: it says that figures of licit trade are odd and where to look first. "
    "Most odd figures have an innocent cause: a slip in reporting, a late report, a new buyer."
)
NOT_STATED = "–"

RULE_WORDS = {
    "excess_import": "Imports above expectation",
    "mirror_gap": "The two sides differ",
    "missing_mirror": "Other side is missing",
    "new_route": "New route",
    "unit_value_outlier": "Unusual unit value",
    "isolated_flow": "Unlike its peers",
}
FLOW_WORDS = {"M": "import", "X": "export", "RM": "re-import", "RX": "re-export"}
EVIDENCE_WORDS = {"observed": "what was observed", "mirror": "the other side"}
MIRROR_WORDS = {
    "not_reported_yet": "other side not reported yet",
    "partner_never_reports": "other side does not publish",
    "below_threshold": "below the reporting threshold",
    "recorded_later": "other side recorded it later",
    "recorded_earlier": "other side recorded it earlier",
    "not_recorded": "other side recorded none",
}


def say_rule(rule: str) -> str:
    """Return a rule's name in plain words; several joined by ";" are joined by commas."""
    return ", ".join(RULE_WORDS.get(each, each.replace("_", " ")) for each in rule.split(";"))


def say_period(period: int) -> str:
    """Write 202403 as 2024-03 and leave 2024 as it is."""
    return f"{period // 100}-{period % 100:02d}" if period > 9999 else str(period)


def say_count(count: float | None) -> str:
    """Write a count with thousands set apart."""
    return NOT_STATED if count is None else f"{count:,.0f}"


def say_weight(kg: float | None) -> str:
    """Write a weight in the unit in which it reads best, with three figures that count."""
    if kg is None:
        return NOT_STATED
    return f"{_three_figures(kg)} kg" if abs(kg) < 1000 else f"{_three_figures(kg / 1000)} t"


def say_value(usd: float | None) -> str:
    """Write a value in US dollars, from a million on with three figures that count."""
    if usd is None:
        return NOT_STATED
    return f"${_three_figures(usd)}" if abs(usd) < 1e6 else f"${_three_figures(usd / 1e6)} million"


def say_ratio(ratio: float | None) -> str:
    """Write a multiple: ×3.4."""
    return NOT_STATED if ratio is None else f"×{_three_figures(ratio)}"


def say_probability(share: float | None) -> str:
    """Write a probability with two figures that count; very small ones as a bound."""
    if share is None:
        return NOT_STATED
    return "<0.001" if 0 < share < 0.001 else f"{share:.2g}"


def say_share(share: float) -> str:
    """Write 0.42 as 42%."""
    return f"{share:.0%}"


def say_number(number: float | None) -> str:
    """Write a number of unknown size with three figures that count."""
    return NOT_STATED if number is None else _three_figures(number)


def _three_figures(number: float) -> str:
    decimals = 0 if abs(number) >= 100 else 1 if abs(number) >= 10 else 2
    return f"{number:,.{decimals}f}" if abs(number) >= 0.1 or number == 0 else f"{number:.3g}"
