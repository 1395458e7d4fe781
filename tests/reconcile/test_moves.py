"""Neighbours, hubs and stricter codes; what moved between legs of a small world that a person can read."""

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradeflow.contract import load_codelist, load_contract
from tradeflow.reconcile import find_hubs, find_neighbours, find_share_shifts, find_step_downs, route_through_hubs

CHINA, MEXICO, USA, SINGAPORE, JAPAN = 156, 484, 842, 702, 392
P2P, PAA, ACETONE = "291431", "291634", "291411"
MONTHS = [year * 100 + month for year in (2021, 2022, 2023, 2024) for month in range(1, 13)]
NEIGHBOURS = pl.DataFrame(
    {"area_code": [USA, MEXICO], "neighbour_code": [MEXICO, USA]}, schema_overrides={"area_code": pl.Int32, "neighbour_code": pl.Int32}
)
NO_HUBS = pl.Series([], dtype=pl.Int32)
NO_STEPS = find_step_downs(load_codelist("substance")).clear()


def legs(exporter: int, importer: int, before: float, after: float, code: str = ACETONE, seed: int = 0) -> list[dict[str, Any]]:
    """A route's four years: `before` kg a month, and `after` in the last half-year, both with some unrest."""
    random = np.random.default_rng([seed, exporter, importer, int(code)])
    kg = random.gamma(20, 1 / 20, len(MONTHS)) * np.where(np.arange(len(MONTHS)) < len(MONTHS) - 6, before, after)
    return [
        {"freq_code": "M", "period": period, "exporter_code": exporter, "importer_code": importer, "commodity_code": code,
         "balanced_net_weight_kg": weight, "export_value_usd": 2 * weight}
        for period, weight in zip(MONTHS, kg.tolist(), strict=True) if weight > 0
    ]  # fmt: skip


def mirror_pair(*routes: list[dict[str, Any]]) -> pl.DataFrame:
    schema = load_contract("mirror_pair").schema
    rows = [{name: row.get(name) for name in schema} for route in routes for row in route]
    return pl.DataFrame(rows, schema=schema, orient="row")


def coverage(*reporters: int) -> pl.DataFrame:
    rows = [
        {"freq_code": "M", "period": period, "reporter_code": reporter, "flow_code": flow, "coverage_status": "reported"}
        for reporter in reporters for flow in ("X", "M") for period in MONTHS
    ]  # fmt: skip
    schema = load_contract("coverage").schema
    return pl.DataFrame([{name: row.get(name) for name in schema} for row in rows], schema=schema, orient="row")


def starts(pairs: pl.DataFrame, first: int = MONTHS[0]) -> pl.DataFrame:
    """All that is told begins with one period."""
    return pairs.select("freq_code", "commodity_code").unique().with_columns(pl.lit(first, pl.Int32).alias("first_period"))


def shifts(
    *routes: list[dict[str, Any]], hubs: pl.Series = NO_HUBS, steps: pl.DataFrame = NO_STEPS, first: int = MONTHS[0]
) -> pl.DataFrame:
    crowd = [legs(CHINA, area, 1000, 1000, seed=area) for area in range(900, 912)]
    told = coverage(CHINA, MEXICO, USA, SINGAPORE, JAPAN, *range(900, 912))
    pairs = mirror_pair(*routes, *crowd)
    return find_share_shifts(pairs, told, starts(pairs, first), NEIGHBOURS, hubs, steps)


def newest(found: pl.DataFrame, kind: str, importer: int) -> dict[str, Any]:
    at = found.filter((pl.col("shift_kind") == kind) & (pl.col("importer_code") == importer) & (pl.col("period") == MONTHS[-1]))
    return at.row(0, named=True) if at.height else {"shift_p_value": 1.0}


def test_sales_that_move_to_the_neighbour_are_told_and_growth_beside_a_steady_neighbour_is_not() -> None:
    moved = newest(shifts(legs(CHINA, MEXICO, 0, 900), legs(CHINA, USA, 1000, 100)), "displacement", MEXICO)
    assert moved["shift_p_value"] < 1e-3
    assert (moved["exporter_code"], moved["related_area_code"], moved["window_periods"]) == (CHINA, USA, 6)
    assert moved["moved_kg"] == pytest.approx(5400, rel=0.15)
    assert moved["related_expected_kg"] == pytest.approx(6000, rel=0.1)
    for innocent in (
        (legs(CHINA, MEXICO, 0, 900), legs(CHINA, USA, 1000, 1000)),
        (legs(CHINA, MEXICO, 500, 500), legs(CHINA, USA, 1000, 100)),
    ):
        assert newest(shifts(*innocent), "displacement", MEXICO)["shift_p_value"] > 0.02


def test_a_route_that_turns_through_a_hub_is_told_and_new_custom_from_the_hubs_own_stock_is_not() -> None:
    hub = pl.Series([SINGAPORE], dtype=pl.Int32)
    others = [legs(JAPAN, MEXICO, 300, 300), legs(JAPAN, SINGAPORE, 300, 300)]
    moved = newest(
        shifts(legs(CHINA, MEXICO, 1000, 50), legs(CHINA, SINGAPORE, 100, 1050), legs(SINGAPORE, MEXICO, 0, 950), *others, hubs=hub),
        "hub_detour", MEXICO,
    )  # fmt: skip
    assert moved["shift_p_value"] < 0.02
    assert (moved["exporter_code"], moved["related_area_code"]) == (SINGAPORE, CHINA)
    assert moved["related_expected_kg"] == pytest.approx(600, rel=0.15)
    still = shifts(legs(CHINA, MEXICO, 1000, 1000), legs(CHINA, SINGAPORE, 100, 100), legs(SINGAPORE, MEXICO, 0, 950), *others, hubs=hub)
    assert newest(still, "hub_detour", MEXICO).get("moved_kg", 0) < 200
    grown = shifts(
        legs(CHINA, MEXICO, 1000, 3000), legs(CHINA, SINGAPORE, 100, 1050), legs(SINGAPORE, MEXICO, 0, 950), *others, hubs=hub
    )  # fmt: skip
    assert newest(grown, "hub_detour", MEXICO)["shift_p_value"] == 1.0


def test_a_stricter_code_that_gives_way_to_a_less_strict_one_is_told() -> None:
    steps = find_step_downs(load_codelist("substance"))
    crowd = [legs(CHINA, area, kg, kg, code, seed=area) for area in range(900, 912) for code, kg in ((P2P, 100), (PAA, 400))]
    moved = newest(
        shifts(legs(CHINA, MEXICO, 100, 10, P2P), legs(CHINA, MEXICO, 400, 760, PAA), *crowd, steps=steps), "substitution", MEXICO
    )
    assert (moved["exporter_code"], moved["commodity_code"], moved["related_commodity_code"]) == (0, PAA, P2P)
    assert moved["shift_p_value"] < 0.01
    assert moved["related_expected_kg"] == pytest.approx(600, rel=0.1)
    back = newest(
        shifts(legs(CHINA, MEXICO, 100, 190, P2P), legs(CHINA, MEXICO, 400, 40, PAA), *crowd, steps=steps), "substitution", MEXICO
    )
    assert back["shift_p_value"] == 1.0


def test_leaving_out_the_periods_before_the_start_changes_nothing_after_it() -> None:
    routes = (legs(CHINA, MEXICO, 0, 900), legs(CHINA, USA, 1000, 100), legs(CHINA, SINGAPORE, 100, 1050), legs(SINGAPORE, MEXICO, 0, 950))
    whole, cut = (shifts(*routes, hubs=pl.Series([SINGAPORE], dtype=pl.Int32), first=first) for first in (MONTHS[0], MONTHS[-4]))
    assert set(cut["shift_kind"]) == {"displacement", "hub_detour"}
    assert cut.equals(whole.filter(pl.col("period") >= MONTHS[-4]))
    assert cut.height < whole.height


def test_a_later_month_changes_no_earlier_shift() -> None:
    """But for what is drawn from all pairs of the code: the usual overdispersion, the drift, and how many kilograms of codes are worth."""
    routes = [legs(CHINA, MEXICO, 0, 900), legs(CHINA, USA, 1000, 100)]
    cut = [[row for row in route if row["period"] < MONTHS[-1]] for route in routes]
    whole, shorter = (shifts(*each).filter(pl.col("period") < MONTHS[-1]) for each in (routes, cut))
    figures = ["moved_kg", "observed_kg", "expected_kg", "related_expected_kg"]
    key = ["shift_kind", "period", "exporter_code", "importer_code", "window_periods", "related_area_code"]
    both = whole.join(shorter, on=key, how="inner")
    assert both.height > 0.7 * whole.height
    for name in figures:
        np.testing.assert_allclose(both[name], both[f"{name}_right"], rtol=1e-9)


def test_shuffled_rows_give_the_same_shifts() -> None:
    rows = mirror_pair(
        legs(CHINA, MEXICO, 0, 900), legs(CHINA, USA, 1000, 100), *[legs(CHINA, area, 1000, 1000) for area in range(900, 906)]
    )
    told = coverage(CHINA, MEXICO, USA, *range(900, 906))
    first, second = (
        find_share_shifts(each, told, starts(each), NEIGHBOURS, NO_HUBS, NO_STEPS)
        for each in (rows, rows.sample(fraction=1, shuffle=True, seed=1))
    )
    assert first.equals(second)
    assert first.schema == load_contract("share_shift").schema


def test_neighbours_are_mutual_over_land_and_islands_have_their_nearest() -> None:
    areas = load_codelist("area").filter(pl.col("area_class") == "country")
    near = find_neighbours(load_codelist("border"), areas)
    of = {code: set(part["neighbour_code"]) for (code,), part in near.partition_by("area_code", as_dict=True).items()}
    assert {USA, 320, 84} <= of[MEXICO]
    assert MEXICO in of[USA]
    assert len(of[JAPAN]) == 4
    assert 410 in of[JAPAN]
    assert all(code not in others for code, others in of.items())


@pytest.mark.parametrize(
    ("in_kg", "out_kg", "rx_usd", "is_hub"),
    [(1000, 900, 0, True), (1000, 100, 0, False), (100, 5000, 0, False), (100, 5000, 6000, True)],
    ids=["as much out as in", "a consumer", "a maker", "most of its exports published as re-exports"],
)
def test_a_hub_is_found_from_its_figures(in_kg: float, out_kg: float, rx_usd: float, is_hub: bool) -> None:
    pairs = mirror_pair(legs(CHINA, SINGAPORE, in_kg, in_kg), legs(SINGAPORE, MEXICO, out_kg, out_kg))
    rx = pl.DataFrame({"reporter_code": [SINGAPORE], "primary_value_usd": [48.0 * rx_usd]}, schema_overrides={"reporter_code": pl.Int32})
    assert (SINGAPORE in find_hubs(pairs, rx, NO_HUBS).to_list()) == is_hub
    assert JAPAN in find_hubs(pairs, rx, pl.Series([JAPAN], dtype=pl.Int32)).to_list()


def test_goods_that_a_hub_takes_back_and_those_it_makes_are_one_origin() -> None:
    pairs = mirror_pair(legs(SINGAPORE, SINGAPORE, 5, 5), legs(CHINA, SINGAPORE, 50, 50), legs(SINGAPORE, MEXICO, 100, 100))
    found = route_through_hubs(pairs, load_contract("trade_flow").empty_frame(), pl.Series([SINGAPORE], dtype=pl.Int32), starts(pairs))
    assert not found.select(load_contract("hub_route").unique_keys[0]).is_duplicated().any()


AMOUNTS = st.dictionaries(st.integers(1, 6), st.floats(1, 1e6), min_size=1, max_size=5)


@settings(max_examples=60, deadline=None)
@given(inward=AMOUNTS, outward=AMOUNTS)
def test_every_kilogram_into_and_out_of_a_hub_is_placed_once(inward: dict[int, float], outward: dict[int, float]) -> None:
    rows = [{"exporter_code": area, "importer_code": 9, "balanced_net_weight_kg": kg} for area, kg in inward.items()]
    rows += [{"exporter_code": 9, "importer_code": area, "balanced_net_weight_kg": kg} for area, kg in outward.items()]
    given_rows = [row | {"freq_code": "A", "period": 2022, "commodity_code": ACETONE} for row in rows]
    no_re_exports = load_contract("trade_flow").empty_frame()
    pairs = mirror_pair(given_rows)
    found = route_through_hubs(pairs, no_re_exports, pl.Series([9], dtype=pl.Int32), starts(pairs, 2022))
    assert (found["exporter_code"] != found["importer_code"]).all()
    arrived = dict(found.filter(pl.col("exporter_code") != 9).group_by("exporter_code").agg(pl.col("through_kg").sum()).iter_rows())
    left = dict(found.filter(pl.col("importer_code") != 9).group_by("importer_code").agg(pl.col("through_kg").sum()).iter_rows())
    assert arrived == pytest.approx(inward, rel=1e-4)
    assert left == pytest.approx(outward, rel=1e-4)
    through = found.filter((pl.col("exporter_code") != 9) & (pl.col("importer_code") != 9))["through_kg"].sum()
    assert through <= min(sum(inward.values()), sum(outward.values())) * (1 + 1e-6)


def test_the_allocation_is_the_independent_one_where_nothing_forbids_it() -> None:
    rows = [*legs(1, SINGAPORE, 300, 300), *legs(2, SINGAPORE, 100, 100), *legs(SINGAPORE, 3, 200, 200), *legs(SINGAPORE, 4, 600, 600)]
    pairs, hub = mirror_pair(rows), pl.Series([SINGAPORE], dtype=pl.Int32)
    found = route_through_hubs(pairs, load_contract("trade_flow").empty_frame(), hub, starts(pairs))
    told = route_through_hubs(pairs, load_contract("trade_flow").empty_frame(), hub, starts(pairs, 202206))
    assert told.equals(found.filter(pl.col("period") >= 2022))
    year = found.filter((pl.col("period") == 2022) & (pl.col("exporter_code").is_in([1, 2])) & (pl.col("importer_code").is_in([3, 4])))
    kg = {(row["exporter_code"], row["importer_code"]): row["through_kg"] for row in year.iter_rows(named=True)}
    assert kg[1, 3] / kg[1, 4] == pytest.approx(kg[2, 3] / kg[2, 4])
    assert kg[1, 3] / kg[2, 3] == pytest.approx(3, rel=0.2)


def test_control_makes_a_code_stricter_from_its_year_on() -> None:
    steps = find_step_downs(load_codelist("substance"))
    apaan, nitriles_of_the_family = "292640", "292690"
    eras = steps.filter((pl.col("falling_code") == apaan) & (pl.col("rising_code") == nitriles_of_the_family))
    assert eras["from_year"].min() == 2014
    assert 2014 in eras["control_years"][0]
    assert steps.filter((pl.col("falling_code") == PAA) & (pl.col("rising_code") == P2P)).is_empty()
    assert (steps["from_year"] < steps["until_year"]).all()
    assert (steps["falling_code"].str.head(2) == steps["rising_code"].str.head(2)).all()
