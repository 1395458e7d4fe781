from datetime import date
from typing import Any

import polars as pl
import pytest

from tradeflow.contract import load_codelist
from tradeflow.signals import build_watch_list, group_families


def substances(*rows: dict[str, Any]) -> pl.DataFrame:
    names = ["substance_code", "commodity_code_hs2022", "has_own_commodity_code", "valid_from", "valid_to", "family"]
    schema = dict.fromkeys(names, pl.String) | {"has_own_commodity_code": pl.Boolean}
    return pl.DataFrame([dict.fromkeys(schema) | row for row in rows], schema=schema, orient="row")


def own(substance: str, code: str, **other: Any) -> dict[str, Any]:
    return {"substance_code": substance, "commodity_code_hs2022": code, "has_own_commodity_code": True} | other


@pytest.mark.parametrize(("day", "is_watched"), [(date(2013, 12, 31), False), (date(2014, 12, 31), True), (date(2026, 1, 1), True)])
def test_apaan_is_watched_from_its_year_of_control(day: date, is_watched: bool) -> None:
    listed = load_codelist("substance").filter(pl.col("substance_code") == "alpha_phenylacetoacetonitrile")
    assert listed.height == 1
    assert build_watch_list(listed, day).height == is_watched


@pytest.mark.parametrize(
    ("day", "is_watched"), [(date(2019, 12, 31), False), (date(2020, 1, 1), True), (date(2022, 6, 30), True), (date(2022, 7, 1), False)]
)
def test_a_substance_counts_while_its_dates_hold(day: date, is_watched: bool) -> None:
    listed = substances(own("a", "291411", valid_from="2020-01-01", valid_to="2022-06-30"))
    assert build_watch_list(listed, day).height == is_watched


def test_an_unknown_date_excludes_nothing() -> None:
    assert build_watch_list(substances(own("a", "291411")), date(1990, 1, 1)).height == 1


def test_a_code_of_several_names_no_substance() -> None:
    listed = substances(
        own("acetone", "291411"),
        own("ephedrine", "293941"), own("ephedrine salts", "293941"),
        {"substance_code": "apaan", "commodity_code_hs2022": "292690", "has_own_commodity_code": False},
        own("uncoded", None),
    )  # fmt: skip
    assert build_watch_list(listed, date(2024, 1, 1)).rows() == [
        ("291411", "acetone", "own"), ("292690", None, "shared"), ("293941", None, "own"),
    ]  # fmt: skip


def test_a_private_overlay_adds_codes_and_its_dates_hold_too() -> None:
    listed = pl.concat([load_codelist("substance"), substances(own("private", "999998", valid_from="2021-05-01"))], how="diagonal_relaxed")
    before, after = (set(build_watch_list(listed, day)["commodity_code"]) for day in (date(2021, 4, 30), date(2021, 5, 1)))
    assert after - before == {"999998"}


def test_every_watched_code_stands_once() -> None:
    watched = build_watch_list(load_codelist("substance"), date(2026, 1, 1))
    assert watched["commodity_code"].is_unique().all()
    assert watched["exposure"].is_in(["own", "shared"]).all()
    assert (
        watched.filter(pl.col("exposure") == "shared")["substance_code"].null_count()
        == watched.filter(pl.col("exposure") == "shared").height
    )


def test_a_family_holds_the_codes_that_its_substances_have_to_themselves() -> None:
    listed = substances(
        own("acetone", "291411", family="cocaine;heroin"), own("toluene", "290230", family="cocaine"), own("apart", "291812"),
        own("later", "290911", family="cocaine", valid_from="2030-01-01"),
        {"substance_code": "shares", "commodity_code_hs2022": "293299", "has_own_commodity_code": False, "family": "cocaine"},
    )  # fmt: skip
    assert group_families(listed, date(2024, 1, 1)).rows() == [("290230", "cocaine"), ("291411", "cocaine"), ("291411", "heroin")]
