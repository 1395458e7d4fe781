"""The sentence of a lead on a company: what was declared, beside what, how sure. A lead, worded as such; names are as declared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import polars as pl

from tradeflow.amounts import name_period, say_count, say_number, say_share, say_value, say_weight
from tradeflow.signals.sentence import how_sure

_QUOTED = 90
"""Letters of a goods description that a sentence quotes."""
_LEAD = "a lead to check, not a finding."
_STOPPED = {"objected": "objected to", "withdrawn": "withdrawn"}
_WHITE = " The company stands on the white list for it, so this counts for less."


@dataclass(frozen=True)
class Called:
    """What codes are called: area_code -> name, substance_code -> name."""

    areas: dict[int, str]
    substances: dict[str, str]

    def substance(self, code: str) -> str:
        """Return a substance's name, or its code."""
        return self.substances.get(code, code)

    def goods(self, codes: list[str]) -> str:
        """Return the names of several substances as a list in words."""
        names = [self.substance(code) for code in codes]
        return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def write_company_reasons(signals: pl.DataFrame, areas: dict[int, str], substances: dict[str, str]) -> pl.DataFrame:
    """Add `signal_reason`. Only what is published passes here, so a loop over rows is affordable and reads best."""
    called = Called(areas, substances)
    reasons = [_write_reason(row, called) for row in signals.iter_rows(named=True)]
    return signals.with_columns(pl.Series("signal_reason", reasons, dtype=pl.String))


def _write_reason(row: dict[str, Any], called: Called) -> str:
    sure = how_sure(row) if row["p_value"] is not None else f"This rests on what is on record, not on a forecast; {_LEAD}"
    return f"{_TELLERS[row['rule']](row, called)} {sure}{_WHITE if row['is_white_listed'] else ''}"


def _tell_words(row: dict[str, Any], called: Called) -> str:
    others = (
        f" Of {_number(row['_others'], 'other company', 'other companies')} that had described goods so, {_few(row['_users'])} used "
        "that code."
        if row["_others"]
        else " No other company had described goods so."
    )
    codes = ", ".join(f"HS {code[:4]}.{code[4:]}" for code in row["_codes"] or ())
    return (
        f"{_verb(row)} {_kg(row)} of goods described as \u201c{_quote(row['description'])}\u201d under HS {row['hs6_code'][:4]}."
        f"{row['hs6_code'][4:]} {_on(row)}, where the words name {called.substance(row['substance_code'])} ({codes}).{others}"
        " A slip of the code, or a preparation that holds the substance, would explain it."
    )


def _tell_unit_value(row: dict[str, Any], called: Called) -> str:
    slip = "; so far off that a slip in the weight or the value comes before any other reading" if _is_slip(row) else ""
    return (
        f"{_verb(row)} {_kg(row)} of {called.substance(row['substance_code'])} at {say_value(row['unit_value_usd_per_kg'])} a kilogram "
        f"{_on(row)}, where earlier items of like size, and the company\u2019s own, lead to expect "
        f"{say_value(row['_usual_usd_per_kg'])}{slip}."
    )


def _tell_notification(row: dict[str, Any], called: Called) -> str:
    goods, area = called.substance(row["substance_code"]), called.areas.get(row["reporter_code"], str(row["reporter_code"]))
    others = _others(row, "exported", f"from {area} in the year", "under a notification on record")
    if row["_fact"] == "above":
        return (
            f"{_name(row)} exported {_kg(row)} of {goods} from {area} {_on(row)}; notifications on record near it in time announce "
            f"{say_weight(row['expected_kg'])}, and beside its other exports {say_weight(row['excess_kg'])} of it is beyond them.{others}"
        )
    stopped = f" Notification {row['_stopped_number']}, near it in time, was {_STOPPED[row['_stopped']]}." if row["_stopped"] else ""
    return (
        f"{_name(row)} exported {_kg(row)} of {goods} from {area} {_on(row)}; no notification of it within the tolerated days is on "
        f"record among those given to us.{stopped}{others}"
    )


def _tell_split(row: dict[str, Any], called: Called) -> str:
    limit = f"the threshold of {say_weight(row['_threshold_kg'])}" if row["_threshold_kg"] else f"the usual {say_weight(row['_usual_kg'])}"
    through = f", through {row['_brokers']} brokers" if row["_brokers"] > 1 else ""
    return (
        f"{_verb(row)} {_kg(row)} of {called.substance(row['substance_code'])} in {row['_items']} consignments from {row['_first_day']} to "
        f"{row['_last_day']}{through}, each below {limit} (the largest {say_weight(row['_largest_kg'])}), where its pace of the year "
        f"before leads to await {say_number(row['_awaited'])} in such a time."
    )


def _tell_licence(row: dict[str, Any], called: Called) -> str:
    goods, area = called.substance(row["substance_code"]), called.areas.get(row["reporter_code"], str(row["reporter_code"]))
    if row["_fact"] == "above_limit":
        return (
            f"{_name(row)} declared {_kg(row)} of {goods} for import into {area} in {row['period'] // 100} up to {row['_last_day']}, "
            f"where the licences on record allow {say_weight(row['expected_kg'])} a year: {say_weight(row['excess_kg'])} more."
        )
    ended = f" Its last one on record ended on {row['_ended_on']}." if row["_ended_on"] else ""
    elsewhere = f" It has permissions for {_number(row['_elsewhere'], 'other substance', 'other substances')}." if row["_elsewhere"] else ""
    return (
        f"{_name(row)} declared {_kg(row)} of {goods} for import into {area} in {_items(row)} in the twelve months to "
        f"{name_period(row['period'])}; no permission that covers them is on record among those given to us.{ended}{elsewhere}"
        f"{_others(row, 'imported', 'there in these months', 'covered')}"
    )


def _others(row: dict[str, Any], did: str, where: str, held: str) -> str:
    """Say how complete the record is, by the substance or, where nobody else trades it, by all watched goods."""
    goods, count, covered = "of it", row["_others"], row["_others_held"]
    if not count:
        goods, count, covered = "of watched goods", row["_of_area"], row["_held_of_area"]
    if not count:
        return f" Nobody else {did} any {where}."
    return f" Others {did} {_number(count, 'item', 'items')} {goods} {where}, {_few(covered)} of them {held}."


def _tell_profile(row: dict[str, Any], called: Called) -> str:
    goods, when = called.substance(row["substance_code"]), name_period(row["period"])
    expected = (
        f", where its own past and companies of its size lead to expect {say_weight(row['expected_kg'])} (90% interval "
        f"{say_weight(row['lower_kg'])} to {say_weight(row['upper_kg'])})"
        if row["expected_kg"] is not None
        else ""
    )
    told = f"{_verb(row)} {_kg(row)} of {goods} in {when}{expected}."
    if not row["_begins"]:
        return told
    since = f"after {row['months_since_last_trade']} months without" if row["months_since_last_trade"] else "for the first time"
    return f"{told} It trades it {since}; {_past(row)}{_line(row)}."


def _past(row: dict[str, Any]) -> str:
    if not row["past_item_count"]:
        return "nothing is on record that it declared before"
    share = say_share(row["past_chapter_share_ratio"])
    return f"of its {say_count(row['past_item_count'])} earlier declared items {share} are of the substance's HS chapters"


def _line(row: dict[str, Any]) -> str:
    if row["_main_chapter"] is None:
        return ""
    return (
        f", and of {_number(row['_line_companies'], 'other company', 'other companies')} with goods mostly of HS chapter "
        f"{row['_main_chapter']}, {_few(row['_line_traders'])} traded anything watched"
    )


def _tell_basket(row: dict[str, Any], called: Called) -> str:
    new = called.goods(row["_new_substances"])
    return (
        f"{_verb(row)} {called.goods(row['_substances'])}, {_kg(row)} together, in the half year to {name_period(row['period'])}: "
        f"{row['_in_family']} of the {row['_all']} watched substances that it then traded are listed for one class of drug "
        f"({_family_words(row['family'])}), and {new} {'is' if row['_new'] == 1 else 'are'} new to it."
    )


def _tell_broker(row: dict[str, Any], called: Called) -> str:
    area = called.areas.get(row["reporter_code"], str(row["reporter_code"]))
    return (
        f"{say_share(row['_share'])} of the {called.substance(row['substance_code'])} declared in {area} in the twelve months to "
        f"{name_period(row['period'])} passed through {_name(row)} as broker, for {say_count(row['company_count'])} companies, where its "
        f"part in all goods and its own past lead to expect {say_share(row['_expected_share'])}."
    )


def _tell_isolated(row: dict[str, Any], called: Called) -> str:
    return (
        f"The {_kg(row)} of {called.substance(row['substance_code'])} that {_name(row)} declared {_on(row)} stand apart from comparable "
        "declarations in their combination of size, price, goods, route and companies."
    )


_TELLERS: dict[str, Callable[[dict[str, Any], Called], str]] = {
    "misdeclared_goods": _tell_words,
    "unit_value_outlier": _tell_unit_value,
    "unnotified_export": _tell_notification,
    "split_consignment": _tell_split,
    "unlicensed_importer": _tell_licence,
    "out_of_profile": _tell_profile,
    "family_basket": _tell_basket,
    "broker_bottleneck": _tell_broker,
    "isolated_declaration": _tell_isolated,
}


def _name(row: dict[str, Any]) -> str:
    name: str = row["entity_name"] or row["entity_id"]
    return name


def _verb(row: dict[str, Any]) -> str:
    return f"{_name(row)} declared as {row['party_role']}"


def _kg(row: dict[str, Any]) -> str:
    return say_weight(row["observed_kg"], "an unstated weight")


def _on(row: dict[str, Any]) -> str:
    return f"on {row['declaration_date']} (declaration {row['declaration_id']})"


def _number(count: int, one: str, several: str) -> str:
    return f"{say_count(count)} {one if count == 1 else several}"


def _few(count: int) -> str:
    return say_count(count) if count else "none"


def _items(row: dict[str, Any]) -> str:
    return _number(row["_items"], "item", "items")


def _family_words(family: str) -> str:
    return family.replace("_", " ")


def _quote(description: str) -> str:
    return description if len(description) <= _QUOTED else f"{description[:_QUOTED].rstrip()}\u2026"


def _is_slip(row: dict[str, Any]) -> bool:
    return bool(row["_is_slip"])
