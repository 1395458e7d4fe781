"""Parts of the simulated world on their own: chance, places, dates, sums, answers cut by code, and what its reporters are like."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradeflow.sample import answers
from tradeflow.sample.casebook import load_plan
from tradeflow.sample.chance import hash_uniform, named_generator
from tradeflow.sample.commodities import CONFUSED_WITH, load_items, production_calendar
from tradeflow.sample.geography import extra_reporter_limit, great_circle_km, load_areas
from tradeflow.sample.neighbour_codes import tail_codes
from tradeflow.sample.prices import draw_price_path, freight_usd_per_kg
from tradeflow.sample.release import build_clock, plan_releases
from tradeflow.sample.reporters import draw_habits
from tradeflow.sample.warehouse import add_up


@given(st.integers(0, 2**31 - 1), st.lists(st.integers(-1, 10**6), min_size=1, max_size=50))
def test_a_hash_draw_depends_on_its_keys_alone(seed: int, keys: list[int]) -> None:
    drawn = hash_uniform(seed, "name", keys)
    assert ((drawn > 0) & (drawn < 1)).all()
    assert [float(hash_uniform(seed, "name", [key])[0]) for key in keys] == drawn.tolist()


def test_hash_draws_are_uniform_and_unlike_each_other() -> None:
    first, second = (hash_uniform(1, name, np.arange(20_000)) for name in ("one", "two"))
    assert abs(float(first.mean()) - 0.5) < 0.01
    assert abs(float(np.quantile(first, 0.9)) - 0.9) < 0.01
    assert abs(float(np.corrcoef(first, second)[0, 1])) < 0.03


def test_named_generators_differ_by_name_and_seed() -> None:
    draws = {float(named_generator(seed, name).random()) for seed in (1, 2) for name in ("a", "b")}
    assert len(draws) == 4


@given(st.lists(st.tuples(st.floats(-90, 90), st.floats(-180, 180)), min_size=3, max_size=3))
def test_distances_are_a_metric_on_the_globe(places: list[tuple[float, float]]) -> None:
    km = great_circle_km(np.array([place[0] for place in places]), np.array([place[1] for place in places]))
    assert np.allclose(km, km.T)
    assert np.allclose(np.diag(km), 0)
    assert km[0, 2] <= km[0, 1] + km[1, 2] + 1e-6
    assert km.max() <= 20_016


def test_areas_and_codes_are_named_once() -> None:
    areas = load_areas(extra_reporter_limit())
    assert len(set(areas.code.tolist())) == len(set(areas.iso)) == len(areas.code)
    assert load_areas().reporter_count == 30
    assert {842, 251, 757, 699, 579, 490} <= set(load_areas().code.tolist())
    codes = tail_codes()
    assert len(set(codes)) == len(codes) > 1_000
    assert all(len(code) == 6 and code.isdigit() for code in codes)
    assert not set(map(int, codes)) & {code for item in load_items(0, 1) for code in item.codes}


def test_the_25_watched_items_and_their_neighbours() -> None:
    items = load_items(0, seed=1)
    assert sum(item.is_watched for item in items) == 25
    known = {code for item in items for code in item.codes}
    assert set(CONFUSED_WITH) | set(CONFUSED_WITH.values()) <= known
    assert {plan.code for plan in load_plan()} <= known
    born = {item.codes for item in items if len(set(item.codes)) > 1}
    assert born == {(292690, 292640, 292640), (293339, 293339, 293336), (293339, 293339, 293337)}


@pytest.mark.parametrize("kind", sorted({item.buyer_calendar for item in load_items(0, 1)}))
def test_a_year_of_production_is_about_twelve_months(kind: str) -> None:
    for is_south in (False, True):
        assert 10.5 < production_calendar(kind, is_south).sum() < 13.5


@given(st.dates(date(2021, 1, 1), date(2035, 12, 31)))
def test_the_window_is_72_months_and_ends_where_a_prompt_reporter_can_be_out(today: date) -> None:
    clock = build_clock(today)
    assert len(clock.periods) == len(set(clock.periods)) == 72
    ends = date.fromordinal(int(clock.month_start[-1]))
    assert timedelta(days=44) <= today - ends <= timedelta(days=80)
    assert len(clock.pull_days) == 13
    assert (np.diff(clock.pull_days) > 0).all()
    assert clock.pull_days[-1] == today.toordinal()
    middle = clock.month_start[:-1] + 14
    assert clock.month_of(middle).tolist() == list(range(72))


@settings(max_examples=20)
@given(st.integers(0, 10_000))
def test_revisions_follow_first_releases_and_care_is_continuous(seed: int) -> None:
    clock = build_clock(date(2025, 2, 20))
    habits = draw_habits(load_areas(), 72, seed)
    releases = plan_releases(habits, clock, seed)
    assert (releases.revised_day > releases.first_day).all() | (releases.revised_day == releases.first_day).any()
    assert (releases.first_day > clock.month_start[1:]).all()
    slackness = np.concatenate([habits.import_slackness, habits.export_slackness])
    assert len(set(slackness.tolist())) == 60
    assert slackness.min() > 0
    assert habits.restates_two_years.sum() == 1
    assert (habits.silent_from < 72).sum() == 1


def test_freight_grows_with_distance_and_prices_stay_positive() -> None:
    areas, item = load_areas(), load_items(0, 1)[0]
    near, far = areas.index("BEL"), areas.index("AUS")
    home = np.array([areas.index("DEU")] * 2)
    usd = freight_usd_per_kg(item, areas, home, np.array([near, far]), np.array([18_000.0, 18_000.0]))
    assert 0 < usd[0] < usd[1]
    assert (draw_price_path(item, 72, 1) > 0).all()


@given(st.permutations(range(12)))
def test_sums_do_not_depend_on_the_order_of_documents(order: list[int]) -> None:
    documents = pl.DataFrame(
        {
            "reporter": [0] * 12, "month": [1] * 12, "version": [0] * 12, "flow": [0] * 12, "partner": [4] * 12,
            "code": [291524, 291411] * 6, "kg": [0.1 * n for n in range(12)], "fob": [1e9 + n / 7 for n in range(12)],
            "cif": [1e-3 * n for n in range(12)],
        }
    )  # fmt: skip
    assert add_up(documents[order]).equals(add_up(documents))
    assert add_up(documents)["fob"].sum() == sum(round(1000 * (1e9 + n / 7)) for n in range(12))


def test_a_long_answer_is_cut_by_code_and_loses_no_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "ROWS_PER_ANSWER", 10)
    codes = [f"29{number:04d}" for number in range(9)]
    rows = pl.DataFrame({"cmdCode": [code for code in codes for _ in range(4)]})
    parts = list(answers._split_by_code(rows, codes))
    assert [code for asked, _ in parts for code in asked] == codes
    assert sum(part.height for _, part in parts) == rows.height
    assert all(part.height <= 10 and set(part["cmdCode"]) <= set(asked) for asked, part in parts)
