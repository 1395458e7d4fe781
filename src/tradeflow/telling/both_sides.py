"""Why the two sides of a lead are set beside one another as they are: what was corrected, and how much each side is believed."""

from __future__ import annotations

import math
from typing import Any

import polars as pl

from tradeflow import amounts as say
from tradeflow.telling import wording
from tradeflow.telling.names import name_area
from tradeflow.telling.standing import say_standing, standing_of

Facts = list[tuple[str, str]]


def explain_correction(month: dict[str, Any]) -> Facts:
    """Take the lead's month as it was paired; return what was done before the sides were compared, and what came out."""
    facts = [
        ("Importer's value", _say_basis(month)),
        *((f"{side.capitalize()}er's weight", _say_label(month[f"{side}_weight_label"])) for side in ("export", "import")),
        ("Usual difference", _say_habit(month["corridor_gap_log"])),
        ("Usual scatter", _say_scatter(month["gap_log_variance"])),
        (f"In {say.name_period(month['period'])}", _say_gap(month)),
        ("By arrival", _say_timing(month)),
        ("Unnamed partners", _say_amounts(month, "nes", "stated for no named partner may belong here")),
        ("Other units", _say_amounts(month, "converted", "follows from a quantity in another unit")),
        ("Known reason", wording.GAP_WORDS[month["gap_explanation"]]),
        ("Balanced weight", _say_balanced(month)),
    ]
    return [(fact, text) for fact, text in facts if text]


def explain_belief(month: dict[str, Any] | None, signal: dict[str, Any], ranked: pl.DataFrame) -> list[str]:
    """Say how steady each side's reports usually are, and how far the balanced weight therefore leans on which.

    ranked: `reporter_reliability` as rank_reporters returns it.
    """
    told = [_say_side(signal, side, flow_code, ranked) for side, flow_code in (("exporter", "X"), ("importer", "M"))]
    return [text for text in [*told, _say_lean(month, signal)] if text]


def _say_side(signal: dict[str, Any], side: str, flow_code: str, ranked: pl.DataFrame) -> str:
    reporter = signal[f"{side}_code"]
    if reporter == 0:
        return ""
    standing = standing_of(ranked, reporter, flow_code, signal["commodity_code"])
    if standing is None:
        return f"No {wording.ROLE_WORDS[flow_code]} of {name_area(reporter)} could be held against a partner’s weights so far."
    return say_standing(standing)


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


def _say_label(label: str | None) -> str:
    return wording.WEIGHT_LABEL_WORDS.get(label or "", "")


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
    if month["z_kg"] is None:
        return wording.MIRROR_WORDS.get(month["mirror_reason"] or "", "")
    factor, change = month["import_net_weight_kg"] / month["export_net_weight_kg"], math.exp(month["corridor_change_log"])
    return (
        f"the importer recorded {_say_multiple(factor)} the exporter’s weight, {_say_multiple(change)} what is usual here: "
        f"z {say.say_deviation(month['z_kg'])}, p of a shortfall {say.say_probability(month['shortfall_p_value'])}"
    )


def _say_timing(month: dict[str, Any]) -> str:
    """Say what the importer recorded in the months in which the goods arrive; a change that is gone then was one of timing."""
    if month["corridor_change_aligned_log"] is None:
        return ""
    change = _say_multiple(math.exp(month["corridor_change_aligned_log"]))
    partly = "; not all of these months are known yet" if month["alignment_label"] == "truncated" else ""
    arrived = say.say_weight(month["import_aligned_net_weight_kg"])
    return f"{arrived} recorded in the months in which these goods usually arrive, {change} what is usual here{partly}"


def _say_amounts(month: dict[str, Any], kind: str, words: str) -> str:
    stated = [f"{say.say_weight(kg)} of the {side}er’s" for side in ("export", "import") if (kg := month[f"{side}_{kind}_kg"])]
    return f"{' and '.join(stated)} {words}" if stated else ""


def _say_balanced(month: dict[str, Any]) -> str:
    if month["balanced_net_weight_kg"] is None:
        return ""
    lower, upper = say.say_weight(month["balanced_lower_kg"]), say.say_weight(month["balanced_upper_kg"])
    return f"{say.say_weight(month['balanced_net_weight_kg'])} (90% interval {lower} to {upper})"


def _say_multiple(factor: float) -> str:
    return f"{factor:.0%} of" if 0.005 <= factor < 2 else f"{say.say_number(factor)} times"
