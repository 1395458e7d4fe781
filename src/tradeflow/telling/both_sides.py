"""Why the two sides of a lead are set beside one another as they are: what was corrected, and how much each side is believed."""

from __future__ import annotations

import math
from typing import Any

import polars as pl

from tradeflow import amounts as say
from tradeflow.telling import wording
from tradeflow.telling.language import t
from tradeflow.telling.names import name_area, name_month
from tradeflow.telling.standing import say_standing, standing_of

Facts = list[tuple[str, str]]


def explain_correction(month: dict[str, Any]) -> Facts:
    """Take the lead's month as it was paired; return what was done before the sides were compared, and what came out."""
    facts = [
        (t("Period shown"), name_month(month["period"])),
        (t("Importer's value"), _say_basis(month)),
        (t("Exporter's weight"), _say_label(month["export_weight_label"])),
        (t("Importer's weight"), _say_label(month["import_weight_label"])),
        (t("Usual difference"), _say_habit(month)),
        (t("Usual scatter"), _say_scatter(month["gap_log_variance"])),
        (t("Recorded"), _say_gap(month)),
        (t("By arrival"), _say_timing(month)),
        (t("Unnamed partners"), _say_unnamed(month)),
        (t("Other units"), _say_converted(month)),
        (t("Known reason"), _say_reason(month["gap_explanation"])),
        (t("Balanced weight"), _say_balanced(month)),
    ]
    return [(fact, text) for fact, text in facts if text]


def explain_belief(month: dict[str, Any] | None, signal: dict[str, Any], ranked: pl.DataFrame) -> list[str]:
    """Say how steady each side's reports usually are, and how far the balanced weight therefore leans on which.

    ranked: `reporter_reliability` as rank_reporters returns it.
    """
    told = [_say_side(signal, side, flow_code, ranked) for side, flow_code in (("exporter", "X"), ("importer", "M"))]
    return [text for text in [*told, _say_lean(month, signal)] if text]


def tell_windows(signal: dict[str, Any], mirror_window: pl.DataFrame) -> list[dict[str, Any]]:
    """Return a route's rows of `mirror_window`, the shortest first, each with `window_words`: what keeps it from being judged."""
    route = ("freq_code", "exporter_code", "importer_code", "commodity_code")
    own = mirror_window.filter(pl.all_horizontal(pl.col(key) == signal[key] for key in route)).sort("window_months")
    return [row | {"window_words": _say_window(row)} for row in own.iter_rows(named=True)]


def _say_window(window: dict[str, Any]) -> str:
    words = wording.WINDOW_WORDS[window["window_label"]]
    silent = [side for side in ("exporter", "importer") if not window[f"window_{side.removesuffix('er')}_value_usd"]]
    words = words or (wording.SILENT_WORDS[silent[0]] if silent else "")
    return t(words) if words else ""


def _say_side(signal: dict[str, Any], side: str, flow_code: str, ranked: pl.DataFrame) -> str:
    reporter = signal[f"{side}_code"]
    if reporter == 0:
        return ""
    standing = standing_of(ranked, reporter, flow_code, signal["commodity_code"])
    if standing is None:
        untold = {
            "M": "No imports of {area} could be held against a partner’s weights so far.",
            "X": "No exports of {area} could be held against a partner’s weights so far.",
        }
        return t(untold[flow_code], area=name_area(reporter))
    return say_standing(standing)


def _say_lean(month: dict[str, Any] | None, signal: dict[str, Any]) -> str:
    if month is None or month["export_weight_share"] is None:
        return ""
    share = month["export_weight_share"]
    side, leans = ("exporter", share) if share >= 0.5 else ("importer", 1 - share)
    name = name_area(signal[f"{side}_code"])
    if leans == 1:
        return t(
            "In {period} only {area} gives a weight that can be used, so the balanced weight is its own.",
            period=name_month(month["period"]),
            area=name,
        )
    return t(
        "The balanced weight of {period} therefore leans {share} on {area}.",
        period=name_month(month["period"]),
        share=f"{leans:.0%}",
        area=name,
    )


def _say_basis(month: dict[str, Any]) -> str:
    words = t(wording.BASIS_WORDS[month["valuation_basis"]])
    if month["import_value_usd"] is None or not month["cif_fob_margin_rate"]:
        return words[0].upper() + words[1:]
    return t(
        "{published} as published, {fob} FOB: {margin} taken off, {basis}",
        published=wording.say_value(month["import_value_usd"]),
        fob=wording.say_value(month["import_fob_value_usd"]),
        margin=f"{month['cif_fob_margin_rate']:.1%}",
        basis=words,
    )


def _say_label(label: str | None) -> str:
    words = wording.WEIGHT_LABEL_WORDS.get(label or "", "")
    return t(words) if words else ""


def _say_habit(month: dict[str, Any]) -> str:
    if month["route_gap_log"] is None:
        return ""
    factor = math.exp(month["route_gap_log"])
    told = t("on this route the importer usually records {multiple} the exporter’s weight", multiple=_say_multiple(factor))
    if 0.98 < factor < 1.02:
        told = t("on this route both usually record the same weight")
    if not month["route_past_periods"]:
        return told
    in_all_goods = _say_multiple(math.exp(month["corridor_gap_log"]))
    return told + t(
        " (earlier periods of this route that tell: {number}; in all goods between the two {multiple} that weight)",
        number=str(month["route_past_periods"]),
        multiple=in_all_goods,
    )


def _say_scatter(gap_log_variance: float | None) -> str:
    if gap_log_variance is None:
        return ""
    return t("two thirds of such pairs lie within {spread} of that", spread=say.say_spread(math.sqrt(gap_log_variance), t("a factor of ")))


def _say_gap(month: dict[str, Any]) -> str:
    if month["z_kg"] is None:
        return _say_gap_of_value(month) if month["z_value"] is not None else _say_reason_of_silence(month["mirror_reason"])
    # What is compared: of goods that arrive later, what was found of them in the months of arrival.
    imported = month["import_aligned_net_weight_kg"] or month["import_net_weight_kg"]
    factor, change = imported / month["export_net_weight_kg"], math.exp(month["route_change_log"])
    return t(
        "the importer recorded {multiple} the exporter’s weight, {change} what is usual here: z {z}, p of a shortfall {p}",
        multiple=_say_multiple(factor),
        change=_say_multiple(change),
        z=say.say_deviation(month["z_kg"]),
        p=say.say_probability(month["shortfall_p_value"]),
    )


def _say_gap_of_value(month: dict[str, Any]) -> str:
    imported = month["import_aligned_value_usd"] or month["import_fob_value_usd"]
    return t(
        "no two weights to compare; the importer recorded {multiple} the exporter’s value: z of the value {z}, p of a shortfall {p}",
        multiple=_say_multiple(imported / month["export_value_usd"]),
        z=say.say_deviation(month["z_value"]),
        p=say.say_probability(month["shortfall_p_value"]),
    )


def _say_timing(month: dict[str, Any]) -> str:
    """Say what was found of the goods that left in this month in the months in which they arrive."""
    if words := wording.ALIGNMENT_WORDS.get(month["alignment_label"]):
        return t(words)
    if month["import_aligned_net_weight_kg"] is None:
        return ""
    partly = t("; not all of these months are known yet") if month["alignment_label"] == "truncated" else ""
    arrived = say.say_weight(month["import_aligned_net_weight_kg"])
    return t("{amount} found of these goods in the months in which they arrive: this is compared", amount=arrived) + partly


def _say_unnamed(month: dict[str, Any]) -> str:
    amounts = _say_amounts(month, "nes")
    return t("{amounts} stated for no named partner may belong here", amounts=amounts) if amounts else ""


def _say_converted(month: dict[str, Any]) -> str:
    amounts = _say_amounts(month, "converted")
    return t("{amounts} follows from a quantity in another unit", amounts=amounts) if amounts else ""


def _say_amounts(month: dict[str, Any], kind: str) -> str:
    words = {"export": "{amount} of the exporter’s", "import": "{amount} of the importer’s"}
    stated = [t(words[side], amount=say.say_weight(kg)) for side in words if (kg := month[f"{side}_{kind}_kg"])]
    return t(" and ").join(stated)


def _say_reason(gap_explanation: str) -> str:
    words = wording.GAP_WORDS[gap_explanation]
    return t(words) if words else ""


def _say_reason_of_silence(mirror_reason: str | None) -> str:
    words = wording.MIRROR_WORDS.get(mirror_reason or "", "")
    return t(words) if words else ""


def _say_balanced(month: dict[str, Any]) -> str:
    if month["balanced_net_weight_kg"] is None:
        return ""
    lower, upper = say.say_weight(month["balanced_lower_kg"]), say.say_weight(month["balanced_upper_kg"])
    return t("{amount} (90% interval {lower} to {upper})", amount=say.say_weight(month["balanced_net_weight_kg"]), lower=lower, upper=upper)


def _say_multiple(factor: float) -> str:
    if factor < 2:
        return t("{share} of", share=f"{factor:.0%}" if factor >= 0.005 else f"{100 * factor:.2g}%")
    return t("{number} times", number=say.say_number(factor))
