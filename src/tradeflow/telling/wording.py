"""The words that stand for rules, flows, roles and reasons; nothing here is read back by a machine."""

from __future__ import annotations

from tradeflow import amounts as say
from tradeflow.telling.language import t
from tradeflow.telling.names import name_month

READING_NOTE = (
    "A lead is no finding: it says that figures of licit trade are odd and where to look first. "
    "Most odd figures have an innocent cause: a slip in reporting, a late report, a new buyer."
)

RANKING_WORDS = {
    "learner": "Most probable by earlier outcomes",
    "isolation_forest": "Most alone in the crowd",
    "audit_sample": "Drawn by chance: the honest sample",
}
RULE_WORDS = {
    "excess_import": "Imports above expectation",
    "excess_export": "Exports above expectation",
    "excess_family": "Several of a family above expectation",
    "mirror_gap": "The two sides differ",
    "missing_mirror": "Other side is missing",
    "new_route": "New or hardly used route",
    "unit_value_outlier": "Unusual unit value",
    "isolated_flow": "Unlike its peers",
    "hub_detour": "Detour through a hub",
    "displacement": "Moved to a neighbour",
    "substitution": "Shift within a family",
    "above_requirement": "Above the stated need",
}
COMPANY_RULE_WORDS = {
    "misdeclared_goods": "Words of another code",
    "unit_value_outlier": "Unusual unit value",
    "unnotified_export": "Beyond its notifications",
    "split_consignment": "Small consignments in a row",
    "unlicensed_importer": "Outside a licence",
    "out_of_profile": "Outside its size or business",
    "family_basket": "Several of one family",
    "broker_bottleneck": "Much through one broker",
    "isolated_declaration": "Unlike its peers",
}
COMPANY_ROLE_WORDS = {"importer": "importer", "exporter": "exporter", "broker": "broker", "consignee": "consignee"}
COMPANY_EVIDENCE_WORDS = {
    "observed": "declared",
    "notified": "notification",
    "licence": "permission",
    "incident": "incident",
}
FLOW_WORDS = {"M": "import", "X": "export", "RM": "re-import", "RX": "re-export"}
EVIDENCE_WORDS = {"observed": "what was observed", "mirror": "the other side", "related": "the other leg"}
MIRROR_WORDS = {
    "not_reported_yet": "other side not reported yet",
    "partner_never_reports": "other side does not publish",
    "no_record_of_code": "other side publishes no trade in this code",
    "suppressed": "other side may hold it under an unnamed partner",
    "below_threshold": "below the reporting threshold",
    "recorded_later": "other side recorded it later",
    "recorded_earlier": "other side recorded it earlier",
    "not_recorded": "other side recorded none",
}
ALIGNMENT_WORDS = {
    "not_recorded": "the months in which these goods would arrive hold no more than other months' goods: nothing to compare",
    "not_known": "the months in which these goods arrive are not known yet",
    "carried": "recorded here, but of goods that left in the months before",
}
WINDOW_WORDS = {
    "whole": "",
    "exports_lack_months": "the exporter has not published every month",
    "imports_lack_months": "the importer has not published every month",
    "both_lack_months": "neither has published every month",
}
SILENT_WORDS = {"exporter": "the exporter recorded none", "importer": "the importer recorded none"}
NO_TRADE_WORDS = {
    (True, True): "neither side recorded any",
    (True, False): "exporter recorded none, importer has not reported",
    (False, True): "importer recorded none, exporter has not reported",
    (False, False): "neither side has reported",
}
"""Of a period without a figure: whether the exporter, and whether the importer, has published it."""
ROLE_WORDS = {"M": "imports", "X": "exports"}
BASIS_WORDS = {
    "both_values_reported": "freight and insurance as the importer's own rows with both values show them",
    "margin_estimated": "freight and insurance estimated",
    "importer_reports_fob": "the importer publishes FOB, nothing is taken off",
    "no_import_report": "no import report to restate",
}
UNLOCATED_WORDS = {
    "partner_pool": "no named partner",
    "code_detail": "a heading less its subheadings",
    "world_less_partners": "World less the partners",
}
CHANGE_WORDS = {
    "spike": "a spike in {period}",
    "level_shift": "another level from {period}",
    "ramp": "rising from {period}",
    "front_loading": "bought ahead from {period}",
    "first_trade_after_silence": "first trade after silence in {period}",
}
WEIGHT_LABEL_WORDS = {
    "as_reported": "",
    "corrected_by_1000": "a thousand times off the route's usual unit value: read in the other unit before it was compared",
    "out_of_scale": "of another order of magnitude than the route's unit values: left out",
}
GAP_WORDS = {
    "none": "",
    "exports_of_another_partner": "the exporter seems to have booked here what it sent to another partner, whose report lacks a mirror",
    "imports_of_another_partner": "the importer seems to have booked this under another partner, in a report that lacks a mirror",
}


def say_change(kind: str, period: int) -> str:
    """Say a kind of change and when it began, in the language of the moment."""
    return t(CHANGE_WORDS[kind], period=name_month(period))


def say_value(usd: float | None) -> str:
    """Write a value in US dollars in the language of the moment."""
    return say.say_value(usd).replace("million", t("million"))


def say_spread_interval(lower: float, upper: float) -> str:
    """Write an interval of spreads in the language of the moment."""
    least, most = say.say_spread_interval(lower, upper).split(" to ")
    return t("{lower} to {upper}", lower=least, upper=t("over {amount}", amount=most[5:]) if most.startswith("over ") else most)


def say_company_rule(rule: str) -> str:
    """Return the name of a rule on companies in plain words."""
    return t(COMPANY_RULE_WORDS.get(rule, rule.replace("_", " ")))


def say_family(family: str | None) -> str:
    """Return what several substances are called that control lists name beside one class of drug: never the drug's own name alone."""
    return t("chemicals of the {family} family", family=t(family.replace("_", " ").replace(";", " and "))) if family else ""


def say_rule(rule: str) -> str:
    """Return a rule's name in plain words; several joined by ";" are joined by commas."""
    return ", ".join(t(RULE_WORDS.get(each, each.replace("_", " "))) for each in rule.split(";"))
