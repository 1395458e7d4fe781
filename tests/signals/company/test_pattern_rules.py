"""The rules on what a company does over time: runs of consignments, size and business, baskets, brokers."""

from typing import Any

import pytest

from tests.signals.company.tables import ACETONE, ANHYDRIDE, MEXICO, PERMANGANATE, company_tables, export, item, month
from tradeflow.signals.company.broker_rule import broker_bottleneck
from tradeflow.signals.company.profile_rules import family_basket, out_of_profile
from tradeflow.signals.company.split_rule import split_consignment
from tradeflow.signals.company.tables import Tolerances

USUAL = [item(f"C{number % 6}", f"2024-{1 + number % 5:02d}-{1 + number % 28:02d}", 800.0 + 10 * number) for number in range(40)]


def run_score(*rows: dict[str, Any], company: str = "RUN", **tolerances: Any) -> float:
    scored = split_consignment(company_tables([*USUAL, *rows], tolerances=Tolerances(**tolerances)))
    return max(scored.filter(entity_id=company)["score"], default=0.0)


@pytest.mark.parametrize(
    ("days", "kg", "is_run"),
    [
        ([3, 4, 5, 6], 300.0, True),
        ([3], 300.0, False),
        ([3, 4], 100.0, False),  # together far below the usual
        ([3, 4, 5, 6], 2000.0, False),  # each above it
        ([3, 13, 23], 400.0, True),
    ],
    ids=["four in a week", "one", "too little together", "each large", "ten days apart"],
)
def test_small_consignments_close_together_score(days: list[int], kg: float, is_run: bool) -> None:
    assert (run_score(*(item("RUN", f"2024-07-{day:02d}", kg) for day in days)) > 0) == is_run


def test_a_company_that_always_buys_so_scores_less() -> None:
    four = [item("RUN", f"2024-07-{day:02d}", 300.0) for day in (3, 4, 5, 6)]
    weekly = [item("RUN", f"2024-{month:02d}-{day:02d}", 300.0) for month in range(1, 7) for day in range(1, 28, 3)]
    assert run_score(*weekly, *four) < run_score(*four) / 2


def test_alike_ones_score_more_than_uneven_ones() -> None:
    even = run_score(*(item("RUN", f"2024-07-{day:02d}", 300.0) for day in (3, 4, 5)))
    uneven = run_score(*(item("RUN", f"2024-07-{3 + place:02d}", kg) for place, kg in enumerate((100.0, 200.0, 600.0))))
    assert uneven < even


def test_a_later_consignment_changes_no_earlier_month() -> None:
    rows = [item("RUN", f"2024-03-{day:02d}", 300.0) for day in (3, 4, 5)]
    later = [item(f"C{number}", "2024-11-05", 5000.0) for number in range(6)]
    scores = [split_consignment(company_tables([*USUAL, *rows, *more])).filter(entity_id="RUN")["score"].item() for more in ([], later)]
    assert scores[0] == pytest.approx(scores[1])


def test_items_of_one_declaration_are_one_consignment() -> None:
    assert run_score(*(item("RUN", "2024-07-03", 300.0, declaration_id="ONE", item_number=number) for number in range(1, 5))) == 0


def test_a_stated_threshold_goes_before_the_usual_size() -> None:
    rows = [item("RUN", f"2024-07-{day:02d}", 2000.0) for day in (3, 4, 5)]
    assert run_score(*rows) == 0
    assert run_score(*rows, threshold_kg={ACETONE: 2500.0}) > 0


def profile_score(**changed: Any) -> float:
    return out_of_profile(company_tables(months=[month(**changed)]))["score"].item()


def test_a_month_as_expected_scores_nothing_and_more_scores_more() -> None:
    assert profile_score() == 0
    assert profile_score(z_company=-3.0) == 0
    assert profile_score(z_company=3.0) == pytest.approx(4.5)


def test_a_month_is_as_strange_as_its_value_supports() -> None:
    usual = [item(f"C{day}", f"2024-05-{day:02d}") for day in range(1, 12)]

    def score(value_usd: float) -> float:
        odd = item("ODD", "2024-06-15", 64_000.0, value_usd=value_usd)
        months = [month("ODD", 202406, 64_000.0, z_company=4.0, value_usd=value_usd)]
        return out_of_profile(company_tables([*usual, odd], months=months))["score"].item()

    assert score(128_000.0) == pytest.approx(8.0)
    assert score(2000.0) == 0.0
    assert score(16_000.0) == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("changed", "score"),
    [
        ({"is_first_trade": True, "past_chapter_share_ratio": 0.0, "past_item_count": 98}, 2.485),
        ({"is_first_trade": True, "past_chapter_share_ratio": 1.0, "past_item_count": 98}, 0.087),
        ({"is_first_trade": True, "past_chapter_share_ratio": None, "past_item_count": 0}, 0.693),
        ({"months_since_last_trade": 13, "past_chapter_share_ratio": 0.0, "past_item_count": 98}, 2.485),
        ({"months_since_last_trade": 6, "past_chapter_share_ratio": 0.0, "past_item_count": 98}, 0.0),
    ],
    ids=["a stranger to the trade", "a chemist", "nothing known of it", "after long", "in the habit"],
)
def test_who_begins_is_held_against_its_business(changed: dict[str, Any], score: float) -> None:
    assert profile_score(**changed) == pytest.approx(score, abs=0.01)


def test_a_line_of_business_that_trades_nothing_watched_makes_a_beginning_stranger() -> None:
    def begins(traders: int) -> float:
        shoes = [{"entity_id": f"S{number}", "party_role": "importer", "main_chapter": "64"} for number in range(20)]
        months = [month(f"S{number}", 202301) for number in range(traders)]
        odd = month("ODD", is_first_trade=True, past_chapter_share_ratio=0.0, past_item_count=4)
        profiles = [*shoes, {"entity_id": "ODD", "party_role": "importer", "main_chapter": "64"}]
        return out_of_profile(company_tables(months=[*months, odd], profiles=profiles)).filter(entity_id="ODD")["score"].item()

    assert begins(0) > begins(10) + 2


def test_of_a_company_abroad_only_this_side_is_seen() -> None:
    bought = export(on="2024-06-15")
    tables = company_tables([bought], months=[month("ABROAD", z_company=5.0), month("EXP", party_role="exporter", z_company=5.0)])
    assert out_of_profile(tables)["entity_id"].to_list() == ["EXP"]


def basket(*rows: dict[str, Any]) -> dict[tuple[str, int], float]:
    others = [month(f"C{number}", 202301 + number, substance_code=ACETONE) for number in range(8)]
    told = family_basket(company_tables(months=[*others, *rows])).filter(entity_id="BAS")
    return {(family, period): score for family, period, score in told.select("family", "period", "score").rows()}


def test_new_substances_of_one_family_make_a_basket() -> None:
    scores = basket(month("BAS", 202405), month("BAS", 202406, substance_code=ANHYDRIDE), month("BAS", 202407, substance_code=PERMANGANATE))
    assert scores["heroin", 202405] == 0
    assert scores["heroin", 202406] > 0
    assert set(scores) == {("heroin", 202405), ("cocaine", 202405), ("heroin", 202406), ("cocaine", 202407)}
    assert scores["cocaine", 202407] < scores["heroin", 202406] * 2


def test_what_it_long_bought_makes_no_basket() -> None:
    long = [month("BAS", period, substance_code=code) for period in (202301, 202401, 202406) for code in (ACETONE, ANHYDRIDE)]
    assert basket(*long)["heroin", 202406] == 0


def test_a_common_substance_adds_less_than_a_rare_one() -> None:
    common = basket(month("BAS", 202301, substance_code=ANHYDRIDE), month("BAS", 202406), month("BAS", 202406, substance_code=ANHYDRIDE))
    rare = basket(month("BAS", 202301), month("BAS", 202406), month("BAS", 202406, substance_code=ANHYDRIDE))
    assert common["heroin", 202406] < rare["heroin", 202406]


def share(broker: str = "BRO", ratio: float = 0.5, **other: Any) -> dict[str, Any]:
    return {
        "broker_entity_id": broker, "substance_code": ACETONE, "reporter_code": MEXICO, "period": 202406, "share_ratio": ratio,
        "expected_share_ratio": 0.05, "past_share_ratio": 0.05, "net_weight_kg": 10_000.0 * ratio, "declaration_count": round(100 * ratio),
        "company_count": 5,
    } | other  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "is_more"),
    [
        ({}, True),
        ({"expected_share_ratio": 0.6}, False),
        ({"past_share_ratio": 0.6}, False),
        ({"company_count": 1}, False),
        ({"declaration_count": 2}, False),
    ],
    ids=["an hourglass", "simply large", "always so", "one customer", "one large consignment"],
)
def test_a_brokers_share_is_held_against_its_size_and_its_past(changed: dict[str, Any], is_more: bool) -> None:
    rest = [share(f"B{number}", 0.05) for number in range(10)]
    scored = broker_bottleneck(company_tables(shares=[share(**changed), *rest])).filter(entity_id="BRO")
    assert (scored["score"].item() > 1) == is_more


def test_neighbouring_windows_are_told_once() -> None:
    rest = [share(f"B{number}", 0.05, period=period) for number in range(10) for period in range(202401, 202413)]
    scored = broker_bottleneck(company_tables(shares=[*(share(period=period) for period in range(202401, 202413)), *rest]))
    assert scored.filter(entity_id="BRO").height == 1
