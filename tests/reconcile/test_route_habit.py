"""A route's own habit: told from its past alone, by medians, the more the longer it is; without a past nothing changes."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reconcile.arrays import sides_of
from tradeflow.contract import load_contract
from tradeflow.reconcile import scored_columns
from tradeflow.reconcile.measure import ReconcileOptions
from tradeflow.reconcile.route_habit import NO_LAWS, PAST_PERIODS, Rest, RouteLaw, RoutePast, fit_routes, read_pasts
from tradeflow.reconcile.sampled_fit import fit_to_sample
from tradeflow.reconcile.score import Scores, score_sides
from tradeflow.reconcile.sides import Floats, Sides

LAW = RouteLaw(level_share=0.4, scatter_variance=0.4, usual_scatter_log=-0.4)
LEAST_VARIANCE = 0.0018
COUNTRIES, CODES, MONTHS = 6, 12, 40
FAR = -2.3263


def routes_of(months: int, routes: int, seed: int) -> tuple[Sides, np.random.Generator]:
    """Each route in each month, month by month; one corridor and one code per route."""
    random = np.random.default_rng(seed)
    month, route = (axis.ravel() for axis in np.meshgrid(np.arange(months), np.arange(routes), indexing="ij"))
    usd = np.exp(random.normal(10, 1, len(route)))
    return replace(sides_of(usd, usd, route, route, route), route=route, market=month), random


def rest_of(gap: Floats, variance: float = 1.0) -> Rest:
    return Rest(gap, np.zeros(len(gap)), np.full(len(gap), variance), np.zeros(1))


def read(sides: Sides, gap: Floats) -> RoutePast:
    pasts = read_pasts(sides, (rest_of(gap),) * 3, (LAW,) * 3, LEAST_VARIANCE)
    assert pasts is not None
    return pasts[0]


def fit(sides: Sides, gap: Floats) -> RouteLaw:
    return fit_routes(sides, (rest_of(gap),) * 3, LEAST_VARIANCE)[0][0]


def figures(past: RoutePast) -> Floats:
    return np.column_stack([past.level_log, past.variance_factor, past.periods])


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), months=st.integers(2, 60), kept=st.integers(1, 59), silent=st.floats(0, 0.8))
def test_a_later_month_the_order_of_the_rows_and_the_roles_change_nothing(seed: int, months: int, kept: int, silent: float) -> None:
    sides, random = routes_of(months, 5, seed)
    gap = np.where(random.random(sides.size) < silent, np.nan, random.standard_t(3, sides.size))
    told = figures(read(sides, gap))
    earlier = np.flatnonzero(sides.market < kept)
    assert (figures(read(sides.take(earlier), gap[earlier])) == told[earlier]).all()
    order = random.permutation(sides.size)
    assert (figures(read(sides.take(order), gap[order])) == told[order]).all()
    assert figures(read(sides, -gap)) == pytest.approx(told * [-1, 1, 1], rel=1e-9, abs=1e-12)


def test_how_much_routes_differ_is_told_by_the_routes() -> None:
    sides, random = routes_of(60, 600, 1)
    level, log_scatter = random.normal(0, np.sqrt(0.4), 600), random.normal(0, 0.5, 600)
    noise = random.normal(0, 1, sides.size) * np.exp(log_scatter - 0.25)[sides.route]
    law = fit(sides, level[sides.route] + noise * np.sqrt(0.6))
    assert law.level_share == pytest.approx(0.4, abs=0.08)
    assert law.scatter_variance == pytest.approx(0.25, abs=0.08)
    alike = fit(sides, random.normal(0, 1, sides.size))
    assert (alike.level_share, alike.scatter_variance) == pytest.approx((0, 0), abs=0.02)


def test_one_period_or_no_second_report_of_a_route_makes_no_habit() -> None:
    sides, random = routes_of(1, 500, 2)
    gap = random.normal(0, 1, sides.size)
    for table in (sides, replace(sides, route=None)):
        assert fit_routes(table, (rest_of(gap),) * 3, LEAST_VARIANCE) == (NO_LAWS, None)
    past = read(sides, gap)
    assert (past.level_log == 0).all()
    assert (past.periods == 0).all()


def test_a_cut_flow_does_not_become_a_habit_and_a_change_does_once_it_has_lasted() -> None:
    sides, random = routes_of(60, 1, 3)
    gap = random.normal(0, 0.2, 60)
    cut = np.where(np.arange(60) == 30, -3.0, gap)
    assert np.abs(read(sides, cut).level_log - read(sides, gap).level_log).max() < 0.1
    lasting = np.where(np.arange(60) >= 30, gap - 1.4, gap)
    level = read(sides, lasting).level_log
    assert (level[30 : 30 + PAST_PERIODS // 2] > -0.5).all()
    assert level[30 + PAST_PERIODS] == pytest.approx(-1.4 * 0.91, abs=0.15)


def test_what_a_route_has_shown_counts_by_the_number_of_its_periods() -> None:
    sides, _ = routes_of(40, 1, 4)
    level = read(sides, np.full(40, -1.0)).level_log
    assert level[0] == 0
    assert (np.diff(level[:PAST_PERIODS]) < 0).all()
    assert -1.0 < level[-1] < -0.85


def monthly_trade(seed: int = 7) -> tuple[Sides, np.ndarray]:
    """Every route in every month; routes record shares of their own. Returns the sides and each pair's month."""
    random = np.random.default_rng(seed)
    e, i, k, month = (
        axis.ravel() for axis in np.meshgrid(np.arange(COUNTRIES), np.arange(COUNTRIES), np.arange(CODES), np.arange(MONTHS), indexing="ij")
    )
    apart = e != i
    e, i, k, month = e[apart], i[apart], k[apart], month[apart]
    route = (e * COUNTRIES + i) * CODES + k
    level = random.normal(0, 0.5, route.max() + 1)[route]
    usd = np.exp(random.normal(10, 1, len(e)))
    sides = sides_of(usd, usd * np.exp(level + random.normal(0, 0.2, len(e))), e, i, k)
    return replace(sides, market=k * MONTHS + month, route=route), month


def scored(sides: Sides) -> Scores:
    return score_sides(sides, fit_to_sample(sides, pl.Series(range(COUNTRIES), dtype=pl.Int32), ReconcileOptions()))


def with_cut(sides: Sides, rows: np.ndarray, factor: float) -> Sides:
    cut = np.where(rows, factor, 1.0)
    return replace(sides, import_usd=sides.import_usd * cut, import_kg=sides.import_kg * cut)


def test_a_standing_difference_of_a_route_is_not_flagged_month_after_month() -> None:
    sides, month = monthly_trade()
    own = (sides.exporter == 1) & (sides.importer == 2) & (sides.commodity == 3)
    standing = with_cut(sides, own, 0.2)
    with_past, without = scored(standing), scored(replace(standing, route=None))
    late = own & (month >= 12)
    assert (without.z_value[late] < FAR).mean() > 0.9
    assert (with_past.z_value[late] < FAR).mean() < 0.1


def test_a_diversion_that_goes_on_is_seen_in_each_of_its_first_months() -> None:
    sides, month = monthly_trade()
    diverted = (sides.exporter == 1) & (sides.importer == 2) & (sides.commodity == 3) & (month >= 30)
    z = scored(with_cut(sides, diverted, 0.3)).z_value[diverted & (month < 36)]
    assert (z < FAR).all()


def test_the_scores_of_some_rows_are_those_of_all() -> None:
    sides, month = monthly_trade()
    model = fit_to_sample(sides, pl.Series(range(COUNTRIES), dtype=pl.Int32), ReconcileOptions())
    newest = np.flatnonzero(month == MONTHS - 1)
    every, some = score_sides(sides, model), score_sides(sides, model, newest)
    assert (some.z_value == every.z_value[newest]).all()


def test_the_columns_tell_the_corridors_habit_and_the_routes_apart() -> None:
    sides, _ = monthly_trade()
    scores = scored(sides)
    columns = scored_columns.score_columns(sides, scores)
    gap = pl.Series(scores.gaps.weight)
    for level in ("corridor", "route"):
        assert (columns[f"{level}_gap_log"] + columns[f"{level}_change_log"] - gap).abs().max() < 1e-12  # type: ignore[operator]
    first = columns.filter(pl.col("route_past_periods") == 0)
    assert first["usual_gap_label"].unique().to_list() == ["of_corridor"]
    assert (first["route_gap_log"] == first["corridor_gap_log"]).all()
    assert columns["route_past_periods"].max() == PAST_PERIODS
    assert load_contract("mirror_pair").column("usual_gap_label").valid_values == tuple(scored_columns.HABIT_LABELS)
