"""The world before anybody counts it: fixed facts drawn once, then the consignments of one item at a time."""

from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import polars as pl

from tradeflow.sample.casebook import load_plan
from tradeflow.sample.casting import Stage
from tradeflow.sample.chance import named_generator
from tradeflow.sample.commodities import CONFUSED_WITH, Item, load_items
from tradeflow.sample.diversions import PlantedCase, plant_case
from tradeflow.sample.documents import Offices, record_consignments, split_re_trade
from tradeflow.sample.firms import draw_buyers
from tradeflow.sample.geography import extra_reporter_limit, load_areas
from tradeflow.sample.innocence import InnocentEvent, let_happen
from tradeflow.sample.neighbour_codes import tail_codes
from tradeflow.sample.orders import place_orders
from tradeflow.sample.prices import draw_freight_index, draw_price_path
from tradeflow.sample.release import MONTH_COUNT, build_clock, plan_releases
from tradeflow.sample.reporters import draw_habits
from tradeflow.sample.shipments import Market, ship_orders
from tradeflow.sample.warehouse import add_up

_SMALL_WORLD_ROWS = 300_000
_PILOT_ITEMS = 8
_PILOT_RUNS = 5
_CLOSE_ENOUGH = 0.05
_FULL_PILOT_ROWS = 300_000
# Hidden partners are added up and some cells fall under the threshold on the reporter's own basis.
_PUBLISHED_SHARE = 0.94


@dataclass(frozen=True)
class World:
    """All that is fixed before the first consignment. `density` is the number of buyers in a usual market."""

    seed: int
    today: date
    items: tuple[Item, ...]
    offices: Offices
    density: float


def plan_world(size: int, seed: int, today: date) -> World:
    """Draw the fixed facts of a world of about `size` published rows, and find how many buyers that takes."""
    growth = max(size / _SMALL_WORLD_ROWS, 1.0)
    items = load_items(min(int(40 * (growth**0.6 - 1)), len(tail_codes())), seed)
    areas = load_areas(min(int(9 * (growth**0.5 - 1)), extra_reporter_limit()))
    clock = build_clock(today)
    habits = draw_habits(areas, len(clock.periods), seed)
    codes = np.array([item.codes for item in items], dtype=np.int64)
    offices = Offices(
        areas=areas,
        habits=habits,
        clock=clock,
        releases=plan_releases(habits, clock, seed),
        codes=codes,
        confused_codes=np.array([CONFUSED_WITH.get(int(row[2]), 0) for row in codes], dtype=np.int64),
        seed=seed,
    )
    return _fit_density(World(seed, today, items, offices, density=1.0), size)


def market_of(world: World, place: int) -> Market:
    """Prices and time for one item."""
    months = len(world.offices.clock.periods)
    return Market(
        item=world.items[place],
        item_place=place,
        price_usd_per_kg=draw_price_path(world.items[place], months, world.seed),
        freight_index=draw_freight_index(months, world.seed),
        month_start=world.offices.clock.month_start,
    )


def licit_consignments(world: World, place: int) -> pl.DataFrame:
    """All consignments of one item that ordinary buyers order; the same whenever it is asked."""
    rng = named_generator(world.seed, "item", place)
    item, areas = world.items[place], world.offices.areas
    months = len(world.offices.clock.periods)
    buyers = draw_buyers(item, place, areas, world.density, months, world.seed, rng)
    orders = place_orders(item, buyers, areas, months, world.offices.clock.periods[0] % 100 - 1, rng)
    return ship_orders(market_of(world, place), orders, buyers, areas, world.seed, rng)


def stage_item(world: World, place: int) -> tuple[pl.DataFrame, list[PlantedCase], list[InnocentEvent]]:
    """One item's consignments with the innocent events and the planted cases in them, and the truth about both."""
    stage = Stage(world.offices, market_of(world, place), licit_consignments(world, place))
    stage, events = let_happen(stage)
    code = world.items[place].codes[-1]
    cases = []
    for plan in sorted(load_plan(), key=lambda plan: plan.typology != "substitution"):
        is_faded = plan.typology == "substitution" and plan.other_code == code
        if plan.code == code or is_faded:
            stage, case = plant_case(stage, plan)
            if not is_faded:
                cases.append(case)
    return stage.goods, cases, events


def key_documents(world: World, consignments: pl.DataFrame, place: int) -> pl.DataFrame:
    """What all customs offices key of one item's consignments: one row per document and version."""
    return record_consignments(world.offices, consignments, named_generator(world.seed, "documents", place))


def count_cells(world: World, documents: pl.DataFrame) -> pl.DataFrame:
    """What the statistics make of the documents: one row per cell of their tables."""
    return add_up(split_re_trade(world.offices, documents))


def _published_rows(world: World, place: int) -> int:
    """Rows that one item would add to the answers, World rows included."""
    cells = count_cells(world, key_documents(world, stage_item(world, place)[0], place))
    reporter, month = cells["reporter"].to_numpy(), cells["month"].to_numpy()
    releases = world.offices.releases
    is_again = cells["version"].to_numpy() > 0
    day = np.where(is_again, releases.revised_day[reporter, month], releases.first_day[reporter, month])
    seen = cells.filter(pl.Series(day <= world.today.toordinal()) & (pl.col("cif") >= 1_000_000))
    return len(seen) + seen.select("reporter", "month", "version", "flow", "code").unique().height


def _fit_density(world: World, size: int) -> World:
    """Pilot runs until about as many rows can be expected as were asked for; the best of them is the world."""
    pairs = len(world.items) * world.offices.areas.reporter_count * len(world.offices.areas.code)
    density = 2.0 * (8.0 * size / pairs / MONTH_COUNT) ** 1.25
    trials: list[tuple[float, float]] = []
    for _ in range(_PILOT_RUNS):
        rows = _PUBLISHED_SHARE * _expected_rows(replace(world, density=density), size)
        trials.append((float(np.log(density)), float(np.log(max(rows, 1.0) / size))))
        if abs(trials[-1][1]) < _CLOSE_ENOUGH:
            break
        density = _next_density(trials)
    best = min(trials, key=lambda trial: abs(trial[1]))
    return replace(world, density=float(np.exp(best[0])))


def _next_density(trials: list[tuple[float, float]]) -> float:
    """The secant through the last two trials, in logs; more buyers share the same routes, so the slope is below one."""
    slope = 0.7
    if len(trials) > 1 and trials[-1][0] != trials[-2][0]:
        slope = (trials[-1][1] - trials[-2][1]) / (trials[-1][0] - trials[-2][0])
    return float(np.exp(trials[-1][0] - trials[-1][1] / np.clip(slope, 0.35, 1.2)))


def _expected_rows(world: World, size: int) -> float:
    """Rows of the whole world: counted on all items where it is small, scaled up from some of each kind where not."""
    rows = 0.0
    for is_tail in (False, True):
        places = [place for place, item in enumerate(world.items) if (item.family == "tail") == is_tail]
        chosen = places if size <= _FULL_PILOT_ROWS else places[:: max(1, len(places) // _PILOT_ITEMS)]
        if chosen:
            rows += len(places) / len(chosen) * sum(_published_rows(world, place) for place in chosen)
    return rows
