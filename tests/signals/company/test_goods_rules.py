from typing import Any

import numpy as np
import pytest

from tests.signals.company.tables import ACETONE, company_tables, item
from tradeflow.signals.company.goods_rules import isolated_declaration, misdeclared_goods
from tradeflow.signals.company.unit_value_rule import unit_value_outlier

WRONG = {"named_by": "words", "is_code_of_substance": False, "hs6_code": "392310"}


def described(row: dict[str, Any], match_kind: str = "name") -> dict[str, Any]:
    return row | {"matched_name": "acetone", "match_kind": match_kind}


def odd_words(*rows: dict[str, Any], match_kind: str = "name") -> list[tuple[str, float]]:
    tables = company_tables(list(rows), words=[described(row, match_kind) for row in rows])
    return sorted(misdeclared_goods(tables).select("entity_id", "_strength").rows())


@pytest.mark.parametrize(
    ("declared", "is_proposed"),
    [
        (WRONG, True),
        ({}, False),
        ({"named_by": "words"}, False),  # a code that several goods share, and one of the substance's
        ({"named_by": "words", "is_code_of_substance": None, "hs6_code": None}, False),
        (WRONG | {"flow_code": "X"}, True),
        (WRONG | {"importer_entity_id": None}, False),
    ],
    ids=["another code", "its own code", "a shared code of it", "no code", "an export", "nobody named"],
)
def test_words_that_belong_to_another_code_are_proposed(declared: dict[str, Any], is_proposed: bool) -> None:
    assert bool(odd_words(item(**declared))) == is_proposed


def test_an_export_is_told_of_its_exporter() -> None:
    assert odd_words(item(flow_code="X", **WRONG))[0][0] == "EXP"


def test_a_rare_code_says_more_than_one_that_many_use() -> None:
    honest = [item(f"C{number}", "2024-03-01") for number in range(8)]
    rare = dict(odd_words(*honest, item("ODD", **WRONG)))["ODD"]
    common = dict(odd_words(*honest, *(item(f"U{number}", "2024-04-01", **WRONG) for number in range(8)), item("ODD", **WRONG)))["ODD"]
    assert rare == pytest.approx(0.9)
    assert common == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("changed", "kind", "share"),
    [({"hs6_code": "291419"}, "name", 0.5), ({}, "misspelling", 0.8), ({}, "cas_number", 1.0)],
    ids=["the next subheading", "a misspelling", "a CAS number"],
)
def test_what_may_be_a_slip_says_less(changed: dict[str, Any], kind: str, share: float) -> None:
    plain = odd_words(item(**WRONG))[0][1]
    assert odd_words(item(**(WRONG | changed)), match_kind=kind)[0][1] == pytest.approx(plain * share)


def test_a_later_month_changes_no_earlier_strength() -> None:
    odd, later = item("ODD", **WRONG), item("NEW", "2024-09-01", **WRONG)
    assert dict(odd_words(odd))["ODD"] == dict(odd_words(odd, later))["ODD"]


def far_off(*rows: dict[str, Any]) -> dict[str, float]:
    ordinary = [
        item(f"C{number % 5}", f"2024-{1 + number % 5:02d}-10", 900.0 + number, value_usd=(1.9 + 0.01 * (number % 20)) * (900 + number))
        for number in range(60)
    ]
    scored = unit_value_outlier(company_tables([*ordinary, *rows]))
    return dict(scored.filter(scored["entity_id"].is_in(["ODD", "DEAR"])).sort("period").select("entity_id", "score").rows())


@pytest.mark.parametrize(("usd", "is_far"), [(2000.0, False), (20.0, True), (200_000.0, True)], ids=["usual", "given away", "paid dearly"])
def test_a_unit_value_is_held_against_earlier_items(usd: float, is_far: bool) -> None:
    assert (far_off(item("ODD", "2024-07-01", value_usd=usd))["ODD"] > 5) == is_far


def test_a_buyer_that_always_pays_more_is_held_against_itself() -> None:
    earlier = [item("DEAR", f"2024-{1 + number // 2:02d}-20", value_usd=6000.0) for number in range(12)]
    once, always = far_off(item("ODD", "2024-07-01", value_usd=6000.0)), far_off(*earlier, item("DEAR", "2024-07-01", value_usd=6000.0))
    assert always["DEAR"] < once["ODD"] / 2


def test_a_parcel_is_held_against_parcels() -> None:
    parcels = [item(f"P{number % 5}", f"2024-{1 + number % 5:02d}-12", 5.0, value_usd=250.0 + number) for number in range(30)]
    assert far_off(*parcels, item("ODD", "2024-07-01", 5.0, value_usd=260.0))["ODD"] < 1
    assert far_off(item("ODD", "2024-07-01", 5.0, value_usd=260.0))["ODD"] > 5


def test_later_items_change_no_earlier_score() -> None:
    odd = item("ODD", "2024-07-01", value_usd=200.0)
    later = [item(f"C{number}", "2024-08-01", value_usd=200.0) for number in range(40)]
    assert far_off(odd) == far_off(odd, *later)


def test_an_isolated_item_keeps_the_forests_score() -> None:
    row = item("ODD")
    alone = {name: row[name] for name in ("snapshot_id", "row_number", "substance_code")}
    tables = company_tables([row], isolation=[alone | {"isolation_score": 0.7, "comparable_group": "declarations of HS chapter 29"}])
    told = isolated_declaration(tables)
    assert told.select("entity_id", "subject", "score", "substance_code").row(0) == ("ODD", "declaration", 0.7, ACETONE)


def test_who_used_a_code_before_is_counted_as_one_by_one() -> None:
    random = np.random.default_rng(5)
    rows = [
        item(
            f"C{random.integers(6)}",
            f"2024-{random.integers(1, 9):02d}-10",
            **(WRONG | {"hs6_code": str(random.choice(["392310", "340111"]))}),
        )
        for _ in range(60)
    ]
    told = misdeclared_goods(company_tables(rows, words=[described(row) for row in rows])).sort("row_number")
    for row, found in zip(rows, told.iter_rows(named=True), strict=True):
        before = [each for each in rows if each["period"] < row["period"] and each["importer_entity_id"] != row["importer_entity_id"]]
        users = {each["importer_entity_id"] for each in before if each["hs6_code"] == row["hs6_code"]}
        others = {each["importer_entity_id"] for each in before}
        assert (found["_users"], found["_others"]) == (len(users), len(others))
