"""The sentence of a lead: what was odd, against what, how sure; for an investigator to paste. Never an accusation."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import polars as pl

from tradeflow.signals.slip import is_likely_slip

_COUNTS = {3: "three", 6: "six"}
_MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"]


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
    """Add `signal_reason`. Only what is published passes here, so a loop over rows is affordable and reads best."""
    told = signals.with_columns(is_likely_slip().alias("_is_slip"))
    reasons = [_write_reason(row, names) for row in told.iter_rows(named=True)]
    return signals.with_columns(pl.Series("signal_reason", reasons, dtype=pl.String))


def _write_reason(row: dict[str, Any], names: Names) -> str:
    told = _TELLERS[row["rule"]](row, names)
    shared = ""
    if row["exposure"] == "shared":
        shared = " The code also holds other goods: this is exposure at code level, not trade in one substance."
    return f"{told} {_how_sure(row)}{shared}"


def _how_sure(row: dict[str, Any]) -> str:
    ending = f"this unusual (q {row['q_value']:.2g}); a lead to check, not a finding."
    counted = re.match(r"[\d,]+", row["comparison"])
    compared = int(counted[0].replace(",", "")) if counted else math.inf
    if row["p_value"] * (compared + 1) <= 1:
        return f"Not one of {row['comparison']} looks {ending}"
    return f"{format_chance(row['p_value'])} of {row['comparison']} look {ending}"


def _tell_excess(row: dict[str, Any], names: Names) -> str:
    origin = "" if row["exporter_code"] == 0 else f" from {names.area(row['exporter_code'])}"
    # Windows add up the months with trade; the months without say nothing and are not expected to have any.
    traded = "" if row["window_periods"] == 1 else " for those of them with trade"
    return (
        f"{_subject(row, names)} reported importing {format_kg(row['observed_kg'])} of {names.commodity(row['commodity_code'])}{origin} in "
        f"{_when(row)}, where its own history led to expect {format_kg(row['expected_kg'])}{traded} "
        f"(90% interval {format_kg(row['lower_kg'])} to {format_kg(row['upper_kg'])}): {format_kg(row['excess_kg'])} more."
        f"{_mirror_of_excess(row, names)}"
    )


def _mirror_of_excess(row: dict[str, Any], names: Names) -> str:
    if row["mirror_net_weight_kg"] is None:
        return ""
    return f" {names.area(row['exporter_code'])} reported exporting {format_kg(row['mirror_net_weight_kg'])} of it."


def _tell_gap(row: dict[str, Any], names: Names) -> str:
    usual = f"{format_kg(row['lower_kg'])} to {format_kg(row['upper_kg'])}"
    return (
        f"{names.area(row['exporter_code'])} reported exporting {format_kg(row['mirror_net_weight_kg'])} of "
        f"{names.commodity(row['commodity_code'])} to {_subject(row, names)} in {_when(row)}, "
        "which reported importing "
        f"{format_kg(row['observed_kg'])}; given how these two usually differ, {usual} "
        f"was to be expected, so {format_kg(row['excess_kg'])} is not accounted for."
    )


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
    return (
        f"{_subject(row, names)} reported importing {_amount(row)} of {names.commodity(row['commodity_code'])} from "
        f"{names.area(row['exporter_code'])} in {_when(row)}, a route that had carried none before, "
        "or none for two years; first shipments of this code are rarely so large."
    )


def _tell_unit_value(row: dict[str, Any], names: Names) -> str:
    usual = row["observed_value_usd"] / row["expected_kg"] if row["expected_kg"] else math.nan
    slip = ", so far off that a slip in the weight or the value comes before any other reading" if row["_is_slip"] else ""
    return (
        f"{_subject(row, names)} reported importing {_amount(row)} of {names.commodity(row['commodity_code'])} from "
        f"{names.area(row['exporter_code'])} in {_when(row)} at {format_usd(row['unit_value_usd_per_kg'])} a kilogram, "
        f"where the code's median of the year is {format_usd(usual)}{slip}."
    )


def _tell_isolated(row: dict[str, Any], names: Names) -> str:
    return (
        f"The {_amount(row)} of {names.commodity(row['commodity_code'])} that {_subject(row, names)} reported importing from "
        f"{names.area(row['exporter_code'])} in {_when(row)} stand apart from comparable flows in their "
        "combination of size, price, route and mirror figures."
    )


_TELLERS: dict[str, Callable[[dict[str, Any], Names], str]] = {
    "excess_import": _tell_excess,
    "mirror_gap": _tell_gap,
    "missing_mirror": _tell_missing,
    "new_route": _tell_route,
    "unit_value_outlier": _tell_unit_value,
    "isolated_flow": _tell_isolated,
}


def _when(row: dict[str, Any]) -> str:
    told = format_period(row["period"])
    if row["window_periods"] == 1:
        return told
    unit = "months" if row["period"] > 9999 else "years"
    return f"the {_COUNTS[row['window_periods']]} {unit} to {told}"


def _subject(row: dict[str, Any], names: Names) -> str:
    return names.area(row["importer_code"])


def _amount(row: dict[str, Any]) -> str:
    return format_kg(row["observed_kg"]) if row["observed_kg"] is not None else f"{format_usd(row['observed_value_usd'])} worth"


def format_kg(kg: float | None) -> str:
    """Return a weight as people say it: kilograms below a tonne, tonnes above, three figures."""
    if kg is None or math.isnan(kg):
        return "an unstated weight"
    if abs(kg) < 1000:
        return f"{_three_figures(kg)} kg"
    return f"{_three_figures(kg / 1000)} t"


def format_usd(usd: float | None) -> str:
    """Return a value in US dollars with three figures."""
    return "USD ?" if usd is None or math.isnan(usd) else f"USD {_three_figures(usd)}"


def _three_figures(number: float) -> str:
    if number == 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(number))))
    return f"{number:,.{digits}f}"


def format_period(period: int) -> str:
    """Return "March 2024" for 202403 and "2024" for 2024."""
    return f"{_MONTHS[period % 100 - 1]} {period // 100}" if period > 9999 else str(period)


def format_chance(p: float) -> str:
    """Return a small probability as "about 1 in 2,300"."""
    return f"About 1 in {round(1 / p):,}" if p > 0 else "None"
