"""Every sentence that the rules write into a release can be told in Spanish, with nothing of the English left."""

from __future__ import annotations

import itertools
import re
from datetime import date
from typing import Any

import polars as pl
import pytest
import yaml

from tests.serve.test_translations import SOURCE, braces
from tests.signals.tables import ACETONE, CHINA, EPHEDRINE, MEXICO, candidate, candidates
from tradeflow.model.calibration import STATED_NEED
from tradeflow.model.detectable import _reason as word_detectability
from tradeflow.model.grouping import describe_group
from tradeflow.resolve.wording import _RULES as RULE_WORDS
from tradeflow.resolve.wording import word_links
from tradeflow.serve.translations import retell
from tradeflow.serve.translations.sentences import LONGEST, load_patterns
from tradeflow.signals import RULES
from tradeflow.signals.company.sentence import _TELLERS as COMPANY_TELLERS
from tradeflow.signals.company.sentence import Called
from tradeflow.signals.company.sentence import _write_reason as write_company_reason
from tradeflow.signals.sentence import Names, write_reasons

ENGLISH = re.compile(r"\b(the|of|and|with|where|reported|declared|from|in|earlier|looks?|this|its|other|none|months?|HS)\b")
NAMES = Names({MEXICO: "Mexico", CHINA: "China"}, {ACETONE: "Acetone", EPHEDRINE: "Ephedrine and its salts"})
CALLED = Called({484: "Mexico"}, {"acetone": "Acetone", "toluene": "Toluene", "sulphuric_acid": "Sulphuric acid"})
COMPANY_ROW: dict[str, Any] = {
    "entity_name": "Qaro S.A. de C.V.", "entity_id": "0" * 16, "party_role": "importer", "observed_kg": 5000.0, "expected_kg": 1000.0,
    "lower_kg": 500.0, "upper_kg": 2000.0, "excess_kg": 4000.0, "substance_code": "acetone", "family": "amphetamine_type", "period": 202401,
    "reporter_code": 484, "declaration_id": "24 0001. A", "declaration_date": date(2024, 1, 31), "hs6_code": "291411", "rule": "",
    "description": "ACETONA. 99% (TAMBOR)", "unit_value_usd_per_kg": 0.0158, "company_count": 1204, "p_value": 1e-4, "q_value": 0.02,
    "comparison": "2,048 earlier company months of all watched substances", "is_white_listed": True, "months_since_last_trade": 7,
    "past_item_count": 25, "past_chapter_share_ratio": 0.12, "_codes": ["291411", "291412"], "_others": 1, "_users": 0, "_others_held": 0,
    "_of_area": 3, "_held_of_area": 3, "_usual_usd_per_kg": 1.2e6, "_is_slip": True, "_fact": "above", "_stopped": "withdrawn",
    "_stopped_number": "PEN-1", "_threshold_kg": 250.0, "_usual_kg": 240.0, "_brokers": 2, "_items": 4, "_first_day": date(2024, 1, 2),
    "_last_day": date(2024, 1, 30), "_largest_kg": 249.0, "_awaited": 1.5, "_ended_on": date(2023, 12, 31), "_elsewhere": 2,
    "_begins": True,
    "_main_chapter": "64", "_line_companies": 352, "_line_traders": 0, "_substances": ["acetone", "toluene", "sulphuric_acid"],
    "_new_substances": ["acetone", "toluene"], "_new": 2, "_in_family": 3, "_all": 4, "_share": 0.64, "_expected_share": 0.3,
}  # fmt: skip
OTHERWISE: dict[str, list[Any]] = {
    "observed_kg": [None, 12.0], "_others": [0, 5], "_users": [2], "_is_slip": [False], "_fact": ["above_limit", "missing"],
    "_stopped": [None, "objected"], "_threshold_kg": [None], "_brokers": [1], "_ended_on": [None], "_elsewhere": [0, 1], "_begins": [False],
    "_main_chapter": [None], "months_since_last_trade": [None], "past_item_count": [0], "expected_kg": [None, 2e6], "_new": [1],
    "p_value": [None, 0.004, 0.0], "is_white_listed": [False], "_of_area": [0], "_items": [1], "_line_companies": [1],
    "party_role": ["broker"],
}  # fmt: skip
"""Other values that lead to other branches of the sentences."""


DAY = date(2024, 5, 3)
IN_ONE = "An excess of 25% can be seen in a single period."
KINDS = {
    "route series", "export series", "importer series", "world series", "pairs", "one-sided exports", "one-sided imports",
    "first shipments", "flows", "shipments on hardly used routes", "mirrored unit values", "unmirrored unit values",
    "rises in step at hubs", "shifts between neighbours", "shifts within families",
}  # fmt: skip


def assert_told(english: str, kind: str = "sentences") -> None:
    told = retell(english, "es", kind)
    assert told is not None, english
    quoted = re.sub("«.*?»", "", told)
    assert not ENGLISH.search(quoted), told
    assert "{" not in told


@pytest.mark.parametrize("rule", list(RULES))
def test_each_rule_on_countries_is_told_in_spanish(rule: str) -> None:
    branches = itertools.product(
        ["exporter_only", "importer_only", "both"], [1, 3, 6], [5000.0, None], [0, CHINA], [None, 1100.0], [1e-5, 0.004, 0.0], [None, DAY]
    )
    names = ("mirror_status", "window_periods", "observed_kg", "exporter_code", "mirror_net_weight_kg", "p_value", "passing_date")
    rows = [candidate(rule=rule, control_year=2016, **dict(zip(names, branch, strict=True))) for branch in branches]
    if rule == "above_requirement":
        rows = [row for row in rows if row["observed_kg"] is not None]  # what was not weighed is not held against a need
    else:
        rows.append(candidate(rule=rule, period=2023, freq_code="A", window_periods=3))
    rows += [candidate(rule=rule, weight_basis=basis) for basis in ("value_over_unit_value", "other_side")]
    rows += [
        candidate(rule=rule, comparable_group="first shipments of HS 291411", mirror_status=status) for status in ("both", "exporter_only")
    ]
    rows += [candidate(rule=rule, importer_code=999, expected_kg=100.0)]
    rows += [candidate(rule=rule, observed_kg=12.0, passing_date=DAY, period=202412)]
    for exposure in ("own", "shared"):
        for is_slip in (False, True):
            told = write_reasons(candidates(*rows).with_columns(exposure=pl.lit(exposure), is_slip=pl.lit(is_slip)), NAMES)
            for sentence in told["signal_reason"].unique():
                assert_told(sentence)


@pytest.mark.parametrize("rule", list(COMPANY_TELLERS))
def test_each_rule_on_companies_is_told_in_spanish(rule: str) -> None:
    changes = [(name, value) for name, values in OTHERWISE.items() for value in values]
    pairs = itertools.combinations([*changes, ("rule", rule)], 2)
    for one, other in pairs:
        assert_told(write_company_reason(COMPANY_ROW | {"rule": rule} | dict([one, other]), CALLED))


def test_what_could_be_seen_is_told_in_spanish() -> None:
    known = pl.DataFrame({"detectability": ["too_short", "in_one_period", "if_sustained", "too_noisy"]})
    for sentence in known.select(word_detectability()).to_series():
        assert_told(sentence)


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("place", ["29", "29/291411", "29/291411/large importers", "all commodities"])
def test_what_a_lead_is_compared_with_is_told_in_spanish(kind: str, place: str) -> None:
    assert_told(f"1,204 earlier {describe_group(f'{kind} of {place}')}", "comparison")


@pytest.mark.parametrize("comparison", ["a plain fact, beside 3 companies", "a plain fact, beside 0 items of others", STATED_NEED])
def test_what_a_fact_stands_beside_is_told_in_spanish(comparison: str) -> None:
    assert_told(comparison, "comparison")


def test_why_names_were_joined_is_told_in_spanish() -> None:
    rules = [*RULE_WORDS, "another"]
    rows = itertools.product(rules, [(None, None), ("A-1", "A-1"), ("A-1", "B 2")], [None, 0.97], [None, True])
    links = pl.DataFrame(
        [(rule, *numbers, address, same) for rule, numbers, address, same in rows],
        schema=["link_rule", "_number_l", "_number_r", "address_similarity", "has_same_address"],
        orient="row",
    ).with_columns(name_similarity=0.987, core_similarity=1.0)
    for reason in links.select(word_links())["link_reason"].unique():
        assert_told(reason, "link")


def test_nothing_that_a_name_holds_is_lost() -> None:
    for name in (
        "Qaro {0} S.A.",
        "Qaro. It trades it for the first time; x",
        "Qa “quoted” under HS 2914",
        "Qaro declared as importer 1 kg of x",
    ):
        row = COMPANY_ROW | {"rule": "out_of_profile", "entity_name": name}
        told = retell(write_company_reason(row, CALLED), "es")
        assert told is not None
        assert told.startswith(f"{name} declaró como importador 5.00 t de Acetona en enero de 2024")


def test_what_is_not_known_stays_as_it_is() -> None:
    assert retell("Mexico went swimming.", "es") is None
    assert retell(f"{IN_ONE} Mexico went swimming.", "es") is None
    assert retell(IN_ONE, "en") is None
    assert retell(IN_ONE * LONGEST, "es") is None


def test_the_braces_of_the_patterns_agree() -> None:
    text = (SOURCE / "serve" / "translations" / "es_sentences.yaml").read_text(encoding="utf-8")
    written = {english: spanish for known in yaml.safe_load(text).values() for english, spanish in known.items()}
    assert {english for english, spanish in written.items() if braces(english) != braces(spanish)} == set()
    assert {english for english, spanish in written.items() if english.count("[") != spanish.count("[")} == set()
    assert all(load_patterns("es").values())
