"""At which level a lead is told: who stands beneath whom, case by case, on signals whose figures a person can read."""

from typing import Any

import polars as pl
import pytest

from tests.signals.tables import ACETONE, CHINA, EPHEDRINE, INDIA, MEXICO, USA, candidate, candidates
from tradeflow.signals import Names, RankOptions, rank_leads
from tradeflow.signals.level import choose_levels

WATCHED = pl.DataFrame({"commodity_code": [ACETONE], "substance_code": ["acetone"], "exposure": ["own"]})


def rank(*rows: dict[str, Any]) -> pl.DataFrame:
    return rank_leads(candidates(*rows), WATCHED, Names({MEXICO: "Mexico"}, {ACETONE: "Acetone"}), RankOptions())


def route(exporter: int = CHINA, kg: float = 1000.0, **other: Any) -> dict[str, Any]:
    return candidate(exporter_code=exporter, excess_kg=kg) | other


def importer(kg: float = 4000.0, **other: Any) -> dict[str, Any]:
    return candidate(subject="importer", exporter_code=0, excess_kg=kg) | other


def world(kg: float = 40_000.0, **other: Any) -> dict[str, Any]:
    """Everybody took half as much again."""
    figures = {"observed_kg": 120_000.0, "expected_kg": 80_000.0, "lower_kg": 70_000.0, "upper_kg": 90_000.0}
    return candidate(subject="world", importer_code=0, exporter_code=0, excess_kg=kg) | figures | other


def family(**other: Any) -> dict[str, Any]:
    return candidate(rule="excess_family", subject="family", exporter_code=0, family="amphetamine_type", excess_kg=9000.0) | other


def keys(*rows: dict[str, Any]) -> list[str]:
    corroborates = pl.Series([bool(row.get("is_corroborating")) for row in rows])
    signals = candidates(*rows).with_columns(pl.int_range(pl.len()).cast(pl.String).alias("signal_id"), is_corroborating=corroborates)
    return choose_levels(signals).sort("signal_id")["lead_key"].to_list()


OF_ROUTE, OF_IMPORTER, OF_WORLD = (f"lead|{who}|{ACETONE}" for who in (f"{MEXICO}|{CHINA}", f"{MEXICO}|0", "0|0"))
OF_FAMILY = f"lead|{MEXICO}|0|amphetamine_type"


@pytest.mark.parametrize(
    ("whole", "part", "told"),
    [
        (importer(), route(kg=2400.0), [OF_ROUTE, OF_ROUTE]),
        (importer(), route(kg=2300.0), [OF_IMPORTER, OF_IMPORTER]),
        (importer(), route(kg=2300.0, period=202310), [OF_IMPORTER, OF_ROUTE]),
        (importer(window_periods=6), route(kg=3000.0, period=202311), [OF_ROUTE, OF_ROUTE]),
        (importer(), route(kg=6000.0, window_periods=6), [OF_IMPORTER, OF_IMPORTER]),
        (importer(), route(kg=500.0, rule="new_route"), [OF_IMPORTER, OF_IMPORTER]),
        (importer(), route(kg=500.0, rule="mirror_gap"), [OF_IMPORTER, OF_ROUTE]),
        (importer(), route(kg=500.0, importer_code=USA), [OF_IMPORTER, f"lead|{USA}|{CHINA}|{ACETONE}"]),
    ],
    ids=["most", "a part", "another time", "one month of six", "a thousand a month", "a new route", "a gap is no excess", "another buyer"],
)  # fmt: skip
def test_a_route_and_its_importer(whole: dict[str, Any], part: dict[str, Any], told: list[str]) -> None:
    assert keys(whole, part) == told


def test_a_route_that_explains_its_importer_takes_no_other_route_with_it() -> None:
    assert keys(importer(), route(kg=3000.0), route(INDIA, kg=500.0)) == [OF_ROUTE, OF_ROUTE, f"lead|{MEXICO}|{INDIA}|{ACETONE}"]


def test_a_route_keeps_its_lead_where_another_rule_stands_with_it() -> None:
    assert keys(importer(), route(kg=500.0), route(kg=400.0, rule="mirror_gap")) == [OF_IMPORTER, OF_ROUTE, OF_ROUTE]


def test_what_only_corroborates_keeps_no_route_apart() -> None:
    beside = route(kg=400.0, rule="mirror_gap", is_corroborating=True)
    assert keys(importer(), route(kg=500.0), beside) == [OF_IMPORTER] * 3


def test_the_strangest_signal_decides_for_all_of_an_importers() -> None:
    strange, other = importer(p_value=1e-5), importer(kg=1500.0, period=202312, p_value=1e-3)
    assert keys(strange, other, route(kg=1000.0, period=202312)) == [OF_IMPORTER] * 3


def gap(buyer: int, p_value: float = 1e-3, **other: Any) -> dict[str, Any]:
    return route(rule="mirror_gap", importer_code=buyer, p_value=p_value) | other


@pytest.mark.parametrize(
    ("others", "is_one"),
    [
        ((gap(USA), gap(INDIA)), True),
        ((gap(USA),), False),
        ((gap(USA), gap(INDIA, exporter_code=124)), False),
        ((gap(USA), gap(INDIA, period=202310)), False),
        ((gap(USA), route(importer_code=INDIA)), False),
    ],
    ids=["three importers", "two", "another exporter", "another time", "another rule"],
)  # fmt: skip
def test_what_an_exporters_routes_show_at_once_is_told_of_the_strangest(others: tuple[dict[str, Any], ...], is_one: bool) -> None:
    told = keys(gap(MEXICO, 1e-4), *others)
    assert told[0] == OF_ROUTE
    assert (len(set(told)) == 1) == is_one


def test_what_came_into_a_hub_stands_beneath_what_went_on_from_it() -> None:
    detour = route(rule="hub_detour", related_area_code=USA)
    into_hub = route(USA, importer_code=CHINA)
    assert keys(detour, into_hub) == [OF_ROUTE, OF_ROUTE]
    assert keys(detour, into_hub, into_hub | {"rule": "mirror_gap"}) == [OF_ROUTE, *[f"lead|{CHINA}|{USA}|{ACETONE}"] * 2]


@pytest.mark.parametrize(
    ("observed", "told"),
    [(2900.0, OF_WORLD), (3100.0, OF_IMPORTER)],
    ids=["within the interval times the growth", "beyond it"],
)
def test_an_importer_that_grows_as_the_world_does_stands_beneath_it(observed: float, told: str) -> None:
    """Up to 2,000 kg were to be expected, and the world took half as much again."""
    assert keys(world(), importer(observed_kg=observed, excess_kg=observed - 1000.0)) == [OF_WORLD, told]


def test_the_worlds_excess_is_told_of_the_importer_that_holds_most_of_it() -> None:
    assert keys(world(), importer(kg=30_000.0, observed_kg=31_000.0)) == [OF_IMPORTER, OF_IMPORTER]


@pytest.mark.parametrize(("p_value", "told"), [(1e-3, OF_FAMILY), (1e-5, OF_IMPORTER)], ids=["stranger together", "stranger alone"])
def test_goods_and_their_family(p_value: float, told: str) -> None:
    assert keys(family(), importer(p_value=p_value)) == [told, told]


def test_only_the_goods_that_rose_stand_beneath_a_family() -> None:
    other, unlike = importer(commodity_code=EPHEDRINE, p_value=1e-3), importer(commodity_code="284161", p_value=1e-3)
    assert keys(family(), other, unlike) == [OF_FAMILY, OF_FAMILY, f"lead|{MEXICO}|0|284161"]


def test_the_head_is_of_the_level_that_the_lead_is_told_at_and_what_stands_beneath_adds_nothing() -> None:
    alone = rank(importer(p_value=1e-3))
    told = rank(importer(p_value=1e-3), route(kg=1500.0, rule="displacement"), route(INDIA, kg=1500.0, rule="displacement"))
    assert told["lead_id"].n_unique() == 1
    assert told.filter("is_lead_head")["subject"].to_list() == ["importer"]
    assert told["lead_score"][0] == max(told["anomaly_score"].max(), alone["lead_score"][0])


def test_sentences_of_the_world_and_of_a_family() -> None:
    told = dict(rank(world(), family()).select("subject", "signal_reason").iter_rows())
    assert told["world"].startswith(
        "The importing countries that publish steadily took 120 t of Acetone (HS 2914.11) together in January 2024"
    )
    assert "Mexico reported importing 5.00 t of several chemicals of the amphetamine type family in January 2024" in told["family"]
    assert "Acetone (HS 2914.11) and HS 2939.41 rose most" in told["family"]
    assert all(reason.endswith("a lead to check, not a finding.") for reason in told.values())
