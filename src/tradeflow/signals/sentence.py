"""The sentence of a lead: what was odd, against what, how sure; for an investigator to paste. Never an accusation."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import polars as pl

from tradeflow.amounts import name_period, say_chance, say_value, say_weight
from tradeflow.signals.route_rule import FIRST_SHIPMENTS

_DERIVED = {
    "value_over_unit_value": " Not all of these weights were reported: some are the value over the usual value per kilogram.",
    "other_side": " Not all of these weights were reported by the importer: some are the exporter's.",
}
"""What is said of weights that were derived, by weight_basis."""
_CONTRADICTED = " The exporter's record is so far below it, and as usual, that a slip in the importer's comes before any other reading."
_COUNTS = {3: "three", 6: "six", 12: "twelve"}


@dataclass(frozen=True)
class Names:
    """What codes are called: area_code -> name, commodity_code -> name."""

    areas: dict[int, str]
    commodities: dict[str, str]

    def area(self, code: int) -> str:
        """Return an area's name, or its code where it has none."""
        return "all origins together" if code == 0 else self.areas.get(code, f"area {code}")

    def commodity(self, code: str) -> str:
        """Return a commodity's name with its HS code in the usual spelling."""
        spelled = f"HS {code[:4]}.{code[4:]}" if len(code) == 6 else f"HS {code}"
        name = self.commodities.get(code)
        return f"{name} ({spelled})" if name else spelled


def write_reasons(signals: pl.DataFrame, names: Names) -> pl.DataFrame:
    """Add `signal_reason` to signals with `is_slip`. Only what is published passes here, so a loop over rows is affordable."""
    reasons = [_write_reason(row, names) for row in signals.iter_rows(named=True)]
    return signals.with_columns(pl.Series("signal_reason", reasons, dtype=pl.String))


def _write_reason(row: dict[str, Any], names: Names) -> str:
    told = _TELLERS[row["rule"]](row, names)
    shared = ""
    if row["exposure"] == "shared":
        shared = " The code also holds other goods: this is exposure at code level, not trade in one substance."
    return f"{told}{_DERIVED.get(row['weight_basis'], '')} {how_sure(row)}{shared}"


def how_sure(row: dict[str, Any]) -> str:
    """Say how many of those that a lead was compared with look as unusual, and that it is a lead."""
    if row["rule"] == "above_requirement":
        if row["p_value"] == 0:
            return "The months up to then pass it without any forecast; a lead to check, not a finding."
        return f"The chance that the year stays within it is put at {row['p_value']:.2g}; a lead to check, not a finding."
    ending = f"this unusual (q {row['q_value']:.2g}); a lead to check, not a finding."
    counted = re.match(r"[\d,]+", row["comparison"])
    compared = int(counted[0].replace(",", "")) if counted else math.inf
    if row["p_value"] * (compared + 1) <= 1:
        return f"Not one of {row['comparison']} looks {ending}"
    return f"{say_chance(row['p_value'])} of {row['comparison']} look {ending}"


def _tell_excess(row: dict[str, Any], names: Names) -> str:
    if row["subject"] == "world":
        return _tell_world(row, names)
    origin = "" if row["exporter_code"] == 0 else f" from {names.area(row['exporter_code'])}"
    # Windows add up the months with trade; the months without say nothing and are not expected to have any.
    traded = "" if row["window_periods"] == 1 else " for those of them with trade"
    return (
        f"{_subject(row, names)} reported importing {_kg(row['observed_kg'])} of {names.commodity(row['commodity_code'])}{origin} in "
        f"{_when(row)}, where its own history led to expect {_kg(row['expected_kg'])}{traded} "
        f"(90% interval {_kg(row['lower_kg'])} to {_kg(row['upper_kg'])}): {_kg(row['excess_kg'])} more."
        f"{_mirror_of_excess(row, names)}{_CONTRADICTED if row['is_slip'] else ''}"
    )


def _tell_export(row: dict[str, Any], names: Names) -> str:
    traded = "" if row["window_periods"] == 1 else " for those of them with trade"
    arrived = ""
    if row["mirror_net_weight_kg"] is not None:
        arrived = f" {_subject(row, names)} reported importing {_kg(row['mirror_net_weight_kg'])} of it."
    return (
        f"{names.area(row['exporter_code'])} reported exporting {_kg(row['observed_kg'])} of {names.commodity(row['commodity_code'])} to "
        f"{_subject(row, names)} in {_when(row)}, where its own history of the route led to expect {_kg(row['expected_kg'])}{traded} "
        f"(90% interval {_kg(row['lower_kg'])} to {_kg(row['upper_kg'])}): {_kg(row['excess_kg'])} more.{arrived}"
    )


def _tell_world(row: dict[str, Any], names: Names) -> str:
    return (
        f"The importing countries that publish steadily took {_kg(row['observed_kg'])} of {names.commodity(row['commodity_code'])} "
        f"together in {_when(row)}, the one that rose most counted with its usual amount, where their joint history led to expect "
        f"{_kg(row['expected_kg'])} (90% interval {_kg(row['lower_kg'])} to {_kg(row['upper_kg'])}): {_kg(row['excess_kg'])} more."
    )


def _tell_family(row: dict[str, Any], names: Names) -> str:
    family = row["family"].replace("_", " ")
    both = f"{names.commodity(row['commodity_code'])} and {names.commodity(row['related_commodity_code'])}"
    return (
        f"{_subject(row, names)} reported importing {_kg(row['observed_kg'])} of several chemicals of the {family} family in {_when(row)}, "
        f"where the history of each led to expect {_kg(row['expected_kg'])} of them together (90% interval {_kg(row['lower_kg'])} to "
        f"{_kg(row['upper_kg'])}) for the months with trade; in the last month {both} rose most."
    )


def _mirror_of_excess(row: dict[str, Any], names: Names) -> str:
    if row["mirror_net_weight_kg"] is None:
        return ""
    return f" {names.area(row['exporter_code'])} reported exporting {_kg(row['mirror_net_weight_kg'])} of it."


def _tell_gap(row: dict[str, Any], names: Names) -> str:
    usual = f"{_kg(row['lower_kg'])} to {_kg(row['upper_kg'])}"
    return (
        f"{names.area(row['exporter_code'])} reported exporting {_kg(row['mirror_net_weight_kg'])} of "
        f"{names.commodity(row['commodity_code'])} to {_subject(row, names)} in {_when(row)}, "
        "which reported importing "
        f"{_kg(row['observed_kg'])}; given how these two usually differ, {usual} "
        f"was to be expected{_missing_part(row)}."
    )


def _missing_part(row: dict[str, Any]) -> str:
    missing = _kg(row["excess_kg"])
    if row["lower_kg"] is not None and row["observed_kg"] is not None and row["observed_kg"] >= row["lower_kg"]:
        return f": {missing} below the likeliest amount, though within that range"
    if row["lower_kg"] is not None and row["mirror_net_weight_kg"] is not None and row["lower_kg"] > row["mirror_net_weight_kg"]:
        return f", more than what left, as on this route before; now {missing} of what left is not accounted for"
    return f", so {missing} is not accounted for"


def _tell_missing(row: dict[str, Any], names: Names) -> str:
    exporter, importer = names.area(row["exporter_code"]), _subject(row, names)
    goods = f"{_amount(row)} of {names.commodity(row['commodity_code'])}"
    if row["mirror_status"] == "importer_only":
        told, silent = f"{importer} reported importing {goods} from {exporter}", exporter
    else:
        told, silent = f"{exporter} reported exporting {goods} to {importer}", importer
    if row["window_periods"] == 1:
        return f"{told} in {_when(row)}; {silent} had published that period and usually records this trade, but reports none."
    return (
        f"{told} in those of {_when(row)} for which {silent} reports none, although it had published them and usually records this trade."
    )


def _tell_route(row: dict[str, Any], names: Names) -> str:
    exporter, importer = names.area(row["exporter_code"]), _subject(row, names)
    goods = f"{_amount(row)} of {names.commodity(row['commodity_code'])}"
    told = f"{importer} reported importing {goods} from {exporter}"
    if row["mirror_status"] == "exporter_only":
        told = f"{exporter} reported exporting {goods} to {importer}"
    before, read = "hardly ever carried it before", "its few shipments and what its two ends usually trade"
    if row["comparable_group"].startswith(FIRST_SHIPMENTS):
        before, read = "carried none before, or none for two years", "what its two ends usually trade"
    return f"{told} in {_when(row)}, a route that had {before}; {read} would lead to expect about {_kg(row['expected_kg'])}."


def _tell_unit_value(row: dict[str, Any], names: Names) -> str:
    usual = row["observed_value_usd"] / row["expected_kg"] if row["expected_kg"] else math.nan
    slip = ", so far off that a slip in the weight or the value comes before any other reading" if row["is_slip"] else ""
    return (
        f"{_subject(row, names)} reported importing {_amount(row)} of {names.commodity(row['commodity_code'])} from "
        f"{names.area(row['exporter_code'])} in {_when(row)} at {_usd(row['unit_value_usd_per_kg'])} a kilogram, "
        f"where the code's median of the year is {_usd(usual)}{slip}."
    )


def _tell_isolated(row: dict[str, Any], names: Names) -> str:
    return (
        f"The {_amount(row)} of {names.commodity(row['commodity_code'])} that {_subject(row, names)} reported importing from "
        f"{names.area(row['exporter_code'])} in {_when(row)} stand apart from comparable flows in their "
        "combination of size, price, route and mirror figures."
    )


def _tell_detour(row: dict[str, Any], names: Names) -> str:
    goods, hub = names.commodity(row["commodity_code"]), names.area(row["exporter_code"])
    origin = names.area(row["related_area_code"])
    return (
        f"{_kg(row['observed_kg'])} of {goods} went from {hub} to {_subject(row, names)} in {_when(row)}, where the route's history led "
        f"to expect {_kg(row['expected_kg'])}, while {_kg(row['related_observed_kg'])} went from {origin} to {hub}, where "
        f"{_kg(row['related_expected_kg'])} was to be expected: up to {_kg(row['excess_kg'])} from {origin} may have come through "
        f"{hub}, and no more than usual came directly."
    )


def _tell_displacement(row: dict[str, Any], names: Names) -> str:
    exporter, neighbour = names.area(row["exporter_code"]), names.area(row["related_area_code"])
    return (
        f"{_kg(row['observed_kg'])} of {names.commodity(row['commodity_code'])} went from {exporter} to {_subject(row, names)} in "
        f"{_when(row)}, where the route's history led to expect {_kg(row['expected_kg'])}, while {_kg(row['related_observed_kg'])} "
        f"went to nearby {neighbour}, where {_kg(row['related_expected_kg'])} was to be expected: up to "
        f"{_kg(row['excess_kg'])} may have moved from the one to the other."
    )


def _tell_substitution(row: dict[str, Any], names: Names) -> str:
    related = names.commodity(row["related_commodity_code"])
    control = f" A substance of that code came under international control in {row['control_year']}." if row["control_year"] else ""
    return (
        f"{_subject(row, names)} imported {_kg(row['observed_kg'])} of {names.commodity(row['commodity_code'])} in {_when(row)}, where "
        f"its own history led to expect {_kg(row['expected_kg'])}, and {_kg(row['related_observed_kg'])} of {related}, more "
        f"strictly controlled and of the same family, where {_kg(row['related_expected_kg'])} was to be expected: up to "
        f"{_kg(row['excess_kg'])} may have taken its place.{control}"
    )


def _tell_requirement(row: dict[str, Any], names: Names) -> str:
    """Tell a need that was passed, or will be."""
    year = row["period"] // 100
    pace = f"at this pace and season the year will bring {say_weight(row['year_kg'])}"
    day = row["passing_date"]
    if day is not None:
        about = f"about {day.day} {name_period(day.year * 100 + day.month)}"
        is_passed = row["observed_kg"] > row["requirement_kg"]
        rest = f", and {pace}" if row["period"] % 100 < 12 else ""
        pace = f"this was passed {about}{rest}" if is_passed else f"{pace}, passing it {about}"
    return (
        f"{_subject(row, names)} reported importing {say_weight(row['observed_kg'])} of {names.commodity(row['commodity_code'])} in {year} "
        f"up to {name_period(row['period'])}, where its stated need of the year is {say_weight(row['requirement_kg'])}: {pace}."
    )


_TELLERS: dict[str, Callable[[dict[str, Any], Names], str]] = {
    "excess_import": _tell_excess,
    "excess_export": _tell_export,
    "excess_family": _tell_family,
    "mirror_gap": _tell_gap,
    "missing_mirror": _tell_missing,
    "new_route": _tell_route,
    "unit_value_outlier": _tell_unit_value,
    "isolated_flow": _tell_isolated,
    "hub_detour": _tell_detour,
    "displacement": _tell_displacement,
    "substitution": _tell_substitution,
    "above_requirement": _tell_requirement,
}


def _when(row: dict[str, Any]) -> str:
    told = name_period(row["period"])
    if row["window_periods"] == 1:
        return told
    unit = "months" if row["period"] > 9999 else "years"
    return f"the {_COUNTS[row['window_periods']]} {unit} to {told}"


def _subject(row: dict[str, Any], names: Names) -> str:
    return names.area(row["importer_code"])


def _amount(row: dict[str, Any]) -> str:
    return _kg(row["observed_kg"]) if row["observed_kg"] is not None else f"{_usd(row['observed_value_usd'])} worth"


def _kg(kg: float | None) -> str:
    return say_weight(kg, "an unstated weight")


def _usd(usd: float | None) -> str:
    return say_value(usd, "USD ?")
