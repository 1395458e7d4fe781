"""Why the two sides of a lead are set beside one another as they are: what was corrected, and how much each side is believed."""

from __future__ import annotations

import math
from typing import Any

import polars as pl

from tradeflow import amounts as say
from tradeflow.publish import wording
from tradeflow.publish.names import name_area
from tradeflow.publish.standing import rank_reporters, say_standing

Facts = list[tuple[str, str]]


def explain_correction(month: dict[str, Any]) -> Facts:
    """Take the lead's month as it was paired; return what was done before the sides were compared, and what came out."""
    facts = [
        ("Importer's value", _say_basis(month)),
        ("Usual difference", _say_habit(month["corridor_gap_log"])),
        ("Usual scatter", _say_scatter(month["gap_log_variance"])),
        (f"In {say.name_period(month['period'])}", _say_gap(month)),
        ("Balanced weight", _say_balanced(month)),
    ]
    return [(fact, text) for fact, text in facts if text]


def explain_belief(month: dict[str, Any] | None, signal: dict[str, Any], reporter_reliability: pl.DataFrame) -> list[str]:
    """Say how steady each side's reports usually are, and how far the balanced weight therefore leans on which."""
    told = [
        _say_side(signal[f"{side}_code"], flow_code, reporter_reliability) for side, flow_code in (("exporter", "X"), ("importer", "M"))
    ]
    return [text for text in [*told, _say_lean(month, signal)] if text]


def _say_side(reporter: int, flow_code: str, reporter_reliability: pl.DataFrame) -> str:
    if reporter == 0:
        return ""
    ranked = rank_reporters(reporter_reliability.filter(pl.col("measure") == "net_weight"))
    rows = ranked.filter((pl.col("reporter_code") == reporter) & (pl.col("flow_code") == flow_code))
    if rows.is_empty():
        return f"No {wording.ROLE_WORDS[flow_code]} of {name_area(reporter)} could be held against a partner’s weights so far."
    return say_standing(rows.row(0, named=True))


def _say_lean(month: dict[str, Any] | None, signal: dict[str, Any]) -> str:
    if month is None or month["export_weight_share"] is None:
        return ""
    share = month["export_weight_share"]
    side, leans = ("exporter", share) if share >= 0.5 else ("importer", 1 - share)
    name = name_area(signal[f"{side}_code"])
    if leans == 1:
        return f"Only {name} gives a weight that can be used, so the balanced weight is its own."
    return f"The balanced weight therefore leans {leans:.0%} on {name}."


def _say_basis(month: dict[str, Any]) -> str:
    words = wording.BASIS_WORDS[month["valuation_basis"]]
    if month["import_value_usd"] is None or not month["cif_fob_margin_rate"]:
        return words[0].upper() + words[1:]
    return (
        f"{say.say_value(month['import_value_usd'])} as published, {say.say_value(month['import_fob_value_usd'])} FOB: "
        f"{month['cif_fob_margin_rate']:.1%} taken off, {words}"
    )


def _say_habit(corridor_gap_log: float | None) -> str:
    if corridor_gap_log is None:
        return ""
    factor = math.exp(corridor_gap_log)
    if 0.98 < factor < 1.02:
        return "on this route both usually record the same weight"
    return f"on this route the importer usually records {_say_multiple(factor)} the exporter’s weight"


def _say_scatter(gap_log_variance: float | None) -> str:
    if gap_log_variance is None:
        return ""
    return f"two thirds of such pairs lie within {say.say_spread(math.sqrt(gap_log_variance))} of that"


def _say_gap(month: dict[str, Any]) -> str:
    for side in ("exporter", "importer"):
        if month[f"is_{side.removesuffix('er')}_weight_out_of_scale"]:
            return f"the {side}’s weight is of another order of magnitude than the route’s and is left out"
    if month["z_kg"] is None:
        return wording.MIRROR_WORDS.get(month["mirror_reason"] or "", "")
    factor = month["import_net_weight_kg"] / month["export_net_weight_kg"]
    return f"the importer recorded {_say_multiple(factor)} the exporter’s weight, {abs(month['z_kg']):.1f} standard deviations from usual"


def _say_balanced(month: dict[str, Any]) -> str:
    if month["balanced_net_weight_kg"] is None:
        return ""
    lower, upper = say.say_weight(month["balanced_lower_kg"]), say.say_weight(month["balanced_upper_kg"])
    return f"{say.say_weight(month['balanced_net_weight_kg'])} (90% interval {lower} to {upper})"


def _say_multiple(factor: float) -> str:
    return f"{factor:.0%} of" if factor < 2 else f"{say.say_number(factor)} times"
