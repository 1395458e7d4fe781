"""Events that look odd in the figures and are not diversions: a good method leaves them alone or explains them."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from tradeflow.sample import casting
from tradeflow.sample.casting import Corridor, Stage
from tradeflow.sample.chance import named_generator
from tradeflow.sample.diversions import SOME_CASE, sell, with_goods

# kind, code: which innocent events happen in which market.
_PLAN = (
    ("new_factory", 291634), ("new_factory", 291411), ("new_factory", 284161),
    ("price_spike", 290911), ("price_spike", 293942),
    ("unit_slip", 291812), ("unit_slip", 290230), ("unit_slip", 291524),
    ("new_supplier", 293293), ("new_supplier", 292243),
    ("stock_building", 291412), ("stock_building", 293332),
    ("hub_distributor", 291634), ("plant_moves", 291812),
    ("reformulation", 284161), ("reformulation", 284169),
)  # fmt: skip


@dataclass(frozen=True)
class InnocentEvent:
    """One row of `innocent_event.csv`. An empty country means that it is not about one."""

    event_id: str
    kind: str
    importer_code: int | None
    exporter_code: int | None
    commodity_code: int
    first_period: int
    last_period: int
    planted_text: str


def let_happen(stage: Stage) -> tuple[Stage, list[InnocentEvent]]:
    """The stage after the innocent events of its market; the goods of event n are marked -1 - n, which is no case."""
    found = []
    for number, (kind, code) in enumerate(_PLAN, start=1):
        if stage.market.item.codes[-1] == code:
            rng = named_generator(stage.offices.seed, "innocent", number)
            stage, event = _KINDS[kind](stage, rng)
            named = pl.when(pl.col("case") == SOME_CASE).then(pl.lit(-1 - number, dtype=pl.Int32)).otherwise("case").alias("case")
            stage = replace(stage, goods=stage.goods.with_columns(named), taken=stage.taken | _importer_of(stage, event))
            found.append(replace(event, event_id=f"event-{number:02d}", kind=kind, commodity_code=code))
    return stage, found


def kind_of_event(number: int) -> str:
    """The kind of the event of that number, from 1."""
    return _PLAN[number - 1][0]


def _importer_of(stage: Stage, event: InnocentEvent) -> frozenset[int]:
    return frozenset(np.flatnonzero(stage.offices.areas.code == event.importer_code).tolist())


def _event(stage: Stage, corridor: Corridor | None, first: int, last: int, description: str) -> InnocentEvent:
    clock, codes = stage.offices.clock, stage.offices.areas.code
    return InnocentEvent(
        event_id="",
        kind="",
        importer_code=int(codes[corridor.importer]) if corridor else None,
        exporter_code=int(codes[corridor.exporter]) if corridor else None,
        commodity_code=0,
        first_period=clock.periods[first],
        last_period=clock.periods[min(last, stage.month_count - 1)],
        planted_text=description,
    )


def _host(stage: Stage, rng: np.random.Generator) -> Corridor:
    prompt = casting.prompt_reporters(stage.offices)
    return casting.pick_corridor(stage, rng, casting.free_reporters(stage), prompt)


def _new_factory(stage: Stage, rng: np.random.Generator) -> tuple[Stage, InnocentEvent]:
    corridor = _host(stage, rng)
    first = stage.month_count - int(rng.integers(9, 16))
    days = stage.offices.clock.month_start[first:-1] + rng.integers(0, 25, stage.month_count - first)
    ramp = np.minimum(1.0, (1 + np.arange(len(days))) / 4)
    kg = 1.6 * corridor.kg_per_month * ramp * rng.uniform(0.85, 1.15, len(days))
    extra = sell(stage, corridor, days, kg, 0.97, rng)
    text = "a new plant: a lasting rise, seen alike by both sides"
    return with_goods(stage, extra), _event(stage, corridor, first, stage.month_count - 1, text)


def _price_spike(stage: Stage, rng: np.random.Generator) -> tuple[Stage, InnocentEvent]:
    first = stage.month_count - int(rng.integers(8, 12))
    start = stage.offices.clock.month_start
    is_dear = pl.col("depart_day").is_between(int(start[first]), int(start[first + 4]) - 1)
    factor = float(rng.uniform(1.8, 2.6))
    dear = stage.goods.with_columns(fob_usd=pl.when(is_dear).then(pl.col("fob_usd") * factor).otherwise("fob_usd"))
    text = f"a shortage: {factor:.1f} times the price, for everybody"
    return replace(stage, goods=dear), _event(stage, None, first, first + 3, text)


def _unit_slip(stage: Stage, rng: np.random.Generator) -> tuple[Stage, InnocentEvent]:
    corridor = _host(stage, rng)
    days = casting.pick_days(stage, rng, corridor.exporter, corridor.importer, 1)
    slip = float(rng.choice([1000.0, 0.001]))
    extra = sell(stage, corridor, days, np.array([corridor.consignment_kg]), 1.0, rng)
    extra = extra.with_columns(importer_slip=pl.lit(slip))
    first = int(stage.offices.clock.month_of(days)[0])
    text = f"one import document with {slip:g} times its weight and the right value"
    return with_goods(stage, extra), _event(stage, corridor, first, first + 2, text)


def _new_supplier(stage: Stage, rng: np.random.Generator) -> tuple[Stage, InnocentEvent]:
    prompt = casting.prompt_reporters(stage.offices)
    buyers = rng.choice(prompt, size=3, replace=False)
    seller = casting.pick_stranger(stage, rng, int(buyers[0]), np.setdiff1d(prompt, buyers))
    first = stage.month_count - int(rng.integers(8, 13))
    for buyer in buyers.tolist():
        corridor = casting.usual_corridor(stage, seller, buyer)
        days = stage.offices.clock.month_start[first:-1] + rng.integers(0, 25, stage.month_count - first)
        kg = 0.35 * corridor.kg_per_month * rng.gamma(5, 1 / 5, len(days))
        extra = sell(stage, corridor, days, kg, 0.9, rng)
        stage = with_goods(stage, extra)
    text = "a country begins to make the goods and sells to several importers, and goes on doing so"
    return stage, _event(stage, Corridor(seller, int(buyers[0]), 0.0, 0.0), first, stage.month_count - 1, text)


def _stock_building(stage: Stage, rng: np.random.Generator) -> tuple[Stage, InnocentEvent]:
    corridor = _host(stage, rng)
    days = casting.pick_days(stage, rng, corridor.exporter, corridor.importer, 2)
    kg = 1.5 * corridor.kg_per_month * rng.uniform(0.9, 1.1, 2)
    extra = sell(stage, corridor, days, kg, 1.0, rng)
    rest = pl.col("depart_day").is_between(int(days.max()) + 1, int(days.max()) + 75)
    mine = (pl.col("importer") == corridor.importer) & (pl.col("exporter") == corridor.exporter)
    paused = replace(stage, goods=stage.goods.filter(~(rest & mine)))
    first = int(stage.offices.clock.month_of(days).min())
    text = "stock is built before a plant stops for repair, then nothing is bought for a while"
    return with_goods(paused, extra), _event(stage, corridor, first, first + 4, text)


def _hub_distributor(stage: Stage, rng: np.random.Generator) -> tuple[Stage, InnocentEvent]:
    areas, prompt = stage.offices.areas, casting.prompt_reporters(stage.offices)
    hub = int(rng.choice(np.flatnonzero(areas.is_hub)))
    maker = casting.pick_maker(stage, rng, np.setdiff1d(prompt, [hub]))
    buyers = rng.choice(np.setdiff1d(prompt, [hub, maker]), size=3, replace=False)
    first = stage.month_count - int(rng.integers(8, 13))
    days = stage.offices.clock.month_start[first:-1] + rng.integers(0, 25, stage.month_count - first)
    for buyer in buyers.tolist():
        onward = casting.usual_corridor(stage, hub, buyer)
        kg = 0.3 * onward.kg_per_month * rng.gamma(5, 1 / 5, len(days))
        into = sell(stage, replace(onward, exporter=maker, importer=hub), days - 40, kg, 1.0, rng)
        out = sell(stage, onward, days, kg, 1.08, rng)
        stage = with_goods(stage, pl.concat([into, out]))
    text = "a distributor opens in a hub and serves several countries from there, and goes on doing so"
    return stage, _event(stage, Corridor(hub, int(buyers[0]), 0.0, 0.0), first, stage.month_count - 1, text)


def _plant_moves(stage: Stage, rng: np.random.Generator) -> tuple[Stage, InnocentEvent]:
    old = casting.pick_corridor(stage, rng, casting.free_reporters_with_neighbour(stage), casting.prompt_reporters(stage.offices))
    new = casting.pick_neighbour(stage, old.exporter, old.importer)
    first = stage.month_count - int(rng.integers(9, 13))
    is_hit = (pl.col("importer") == old.importer) & (pl.col("exporter") != new)
    is_hit &= pl.col("depart_day") >= int(stage.offices.clock.month_start[first])
    moves = is_hit & pl.Series(rng.random(len(stage.goods)) < 0.5)
    moved = stage.goods.with_columns(importer=pl.when(moves).then(pl.lit(new, dtype=pl.Int32)).otherwise("importer"))
    text = "a plant moves to the country next door: all its suppliers go with it"
    return replace(stage, goods=moved), _event(stage, replace(old, importer=new), first, stage.month_count - 1, text)


def _reformulation(stage: Stage, rng: np.random.Generator) -> tuple[Stage, InnocentEvent]:
    is_left = stage.market.item.codes[-1] == _LEFT_CODE
    first = stage.month_count - int(named_generator(stage.offices.seed, "reformulation").integers(9, 13))
    is_later = pl.col("depart_day") >= int(stage.offices.clock.month_start[first])
    factor = 0.7 if is_left else 1.6
    changed = [pl.when(is_later).then(pl.col(name) * factor).otherwise(name).alias(name) for name in ("kg", "fob_usd", "freight_usd")]
    text = f"industry everywhere takes {'less of this and more of 284169' if is_left else f'more of this and less of {_LEFT_CODE}'}"
    return replace(stage, goods=stage.goods.with_columns(changed)), _event(stage, None, first, stage.month_count - 1, text)


_LEFT_CODE = 284161
_KINDS: dict[str, Callable[[Stage, np.random.Generator], tuple[Stage, InnocentEvent]]] = {
    "new_factory": _new_factory,
    "price_spike": _price_spike,
    "unit_slip": _unit_slip,
    "new_supplier": _new_supplier,
    "stock_building": _stock_building,
    "hub_distributor": _hub_distributor,
    "plant_moves": _plant_moves,
    "reformulation": _reformulation,
}
