"""Planted cases: each kind of diversion that trade figures can show, put into one item's consignments, with its truth."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from tradeflow.sample import casting
from tradeflow.sample.casebook import CasePlan
from tradeflow.sample.casting import Corridor, Stage
from tradeflow.sample.chance import Floats, Ints, named_generator
from tradeflow.sample.shipments import NO_HUB, dress_consignments


@dataclass(frozen=True)
class PlantedCase:
    """One row of the truth table. Periods run from the first departure to the last arrival."""

    case_id: str
    typology: str
    expected_rule: str
    importer_code: int
    exporter_code: int | None
    commodity_code: int
    first_period: int
    last_period: int
    excess_kg: float
    planted_text: str


Planted = tuple[Stage, PlantedCase]
SOME_CASE = 0
"""Marks a consignment of the case or event that is being put in, until it has its number; below zero is no case."""
_DAYS_LOST = 60
"""At a hub and on an importer's desk at the most, nearly always: a single consignment that comes later would leave no trace at all."""


def plant_case(stage: Stage, plan: CasePlan) -> Planted:
    """The stage with the case's consignments in it, and the truth about them."""
    rng = named_generator(stage.offices.seed, plan.case_id)
    staged, case = _TYPOLOGIES[plan.typology](stage, plan, rng)
    place = int(np.flatnonzero(stage.offices.areas.code == case.importer_code)[0])
    named = pl.when(pl.col("case") == SOME_CASE).then(pl.lit(plan.number, dtype=pl.Int32)).otherwise("case").alias("case")
    return replace(staged, goods=staged.goods.with_columns(named), taken=stage.taken | {place}), case


def sell(stage: Stage, corridor: Corridor, days: Ints, kg: Floats, price_factor: float, rng: np.random.Generator,
         importer_sees: float = 1.0) -> pl.DataFrame:  # fmt: skip
    """Extra consignments on a corridor at the market's price times a factor."""
    count = len(days)
    month = np.clip(stage.offices.clock.month_of(days), 0, stage.month_count - 1)
    price = stage.market.price_usd_per_kg[month] * price_factor * rng.gamma(150, 1 / 150, count)
    exporter, importer = np.full(count, corridor.exporter), np.full(count, corridor.importer)
    goods = dress_consignments(stage.market, stage.offices.areas, exporter, importer, days, kg, price, stage.offices.seed, rng)
    direct = {"hub": pl.lit(NO_HUB, dtype=pl.Int32), "is_entrepot": pl.lit(False)}
    return goods.with_columns(**direct, importer_sees=pl.lit(importer_sees), case=pl.lit(SOME_CASE, dtype=pl.Int32))


def with_goods(stage: Stage, extra: pl.DataFrame) -> Stage:
    """The stage with more consignments."""
    return replace(stage, goods=pl.concat([stage.goods, extra]))


def truth(stage: Stage, plan: CasePlan, corridor: Corridor, goods: pl.DataFrame, excess_kg: float, description: str) -> PlantedCase:
    """The truth row of a case whose consignments are `goods`; the last arrival has two weeks to be recorded."""
    clock, areas = stage.offices.clock, stage.offices.areas
    arrival = goods["depart_day"].to_numpy() + goods["transit_days"].to_numpy() + 14
    first = int(clock.month_of(goods["depart_day"].to_numpy()).min())
    last = min(int(clock.month_of(arrival).max()), stage.month_count - 1)
    return PlantedCase(
        case_id=plan.case_id,
        typology=plan.typology,
        expected_rule=plan.expected_rule,
        importer_code=int(areas.code[corridor.importer]),
        exporter_code=int(areas.code[corridor.exporter]),
        commodity_code=plan.code,
        first_period=clock.periods[first],
        last_period=clock.periods[last],
        excess_kg=round(excess_kg, 3),
        planted_text=description,
    )


def _amounts(plan: CasePlan, usual_kg: float, rng: np.random.Generator) -> Floats:
    """Weight of each consignment: kg as planned, or a multiple of the usual month with some spread."""
    kg = plan.amount if plan.amount > 1_000 else plan.amount * usual_kg
    spread = rng.uniform(0.8, 1.25, plan.times) if plan.times > 1 else np.ones(1)
    return np.asarray(kg * spread, dtype=np.float64)


def _excess_import(stage: Stage, plan: CasePlan, rng: np.random.Generator) -> Planted:
    prompt = casting.prompt_reporters(stage.offices)
    is_fixed = plan.amount > 1_000
    importers = casting.buyers_small_beside(stage, plan.amount) if is_fixed else casting.free_reporters(stage)
    corridor = casting.pick_corridor(stage, rng, importers, prompt)
    if is_fixed:
        stage = _with_regular_purchases(stage, corridor, rng, casting.small_month_kg(plan.amount))
    whole = casting.usual_corridor(stage, corridor.exporter, corridor.importer)
    days = casting.pick_days(stage, rng, corridor.exporter, corridor.importer, plan.times, _DAYS_LOST if is_fixed else 0)
    extra = sell(stage, corridor, days, _amounts(plan, whole.kg_per_month, rng), 1.0, rng)
    text = f"{plan.times} consignments beyond the importer's usual purchases, recorded alike by both sides"
    return with_goods(stage, extra), truth(stage, plan, corridor, extra, float(extra["kg"].sum()), text)


def _mirror_gap(stage: Stage, plan: CasePlan, rng: np.random.Generator) -> Planted:
    prompt = casting.prompt_reporters(stage.offices)
    corridor = casting.pick_corridor(stage, rng, casting.free_reporters(stage), prompt)
    days = casting.pick_days(stage, rng, corridor.exporter, corridor.importer, plan.times)
    extra = sell(stage, corridor, days, _amounts(plan, corridor.kg_per_month, rng), 1.0, rng, plan.factor)
    is_hit = (
        (pl.col("exporter") == corridor.exporter)
        & (pl.col("importer") == corridor.importer)
        & pl.col("depart_day").is_between(int(days.min()), int(days.max()))
    )
    cut = stage.goods.with_columns(importer_sees=pl.when(is_hit).then(plan.factor).otherwise("importer_sees"))
    gone = (float(extra["kg"].sum()) + float(cut.filter(is_hit)["kg"].sum())) * (1 - plan.factor)
    text = f"the exporter records all that left, the importer {plan.factor:.0%} of it"
    return with_goods(replace(stage, goods=cut), extra), truth(stage, plan, corridor, extra, gone, text)


def _missing_mirror(stage: Stage, plan: CasePlan, rng: np.random.Generator) -> Planted:
    prompt = casting.prompt_reporters(stage.offices)
    importer = int(rng.choice(casting.careful_importers(stage)))
    exporter = casting.pick_stranger(stage, rng, importer, np.intersect1d(prompt, casting.makers(stage)))
    corridor = casting.usual_corridor(stage, exporter, importer)
    days = casting.pick_days(stage, rng, exporter, importer, plan.times)
    extra = sell(stage, corridor, days, _amounts(plan, corridor.kg_per_month, rng), 1.0, rng, 0.0)
    text = "exports to a country that records its imports well and records none of these"
    return with_goods(stage, extra), truth(stage, plan, corridor, extra, float(extra["kg"].sum()), text)


def _new_route(stage: Stage, plan: CasePlan, rng: np.random.Generator) -> Planted:
    prompt = casting.prompt_reporters(stage.offices)
    importer = int(rng.choice(casting.free_reporters(stage)))
    corridor = casting.usual_corridor(stage, casting.pick_stranger(stage, rng, importer, prompt), importer)
    days = casting.pick_days(stage, rng, corridor.exporter, importer, plan.times)
    extra = sell(stage, corridor, days, _amounts(plan, corridor.kg_per_month, rng), 1.0, rng)
    text = "an exporter from which this importer had never bought the goods"
    return with_goods(stage, extra), truth(stage, plan, corridor, extra, float(extra["kg"].sum()), text)


def _hub_detour(stage: Stage, plan: CasePlan, rng: np.random.Generator) -> Planted:
    areas, prompt = stage.offices.areas, casting.prompt_reporters(stage.offices)
    importer = int(rng.choice(np.setdiff1d(casting.free_reporters(stage), np.flatnonzero(areas.is_hub))))
    hub = casting.pick_stranger(stage, rng, importer, np.flatnonzero(areas.is_hub))
    maker = casting.pick_maker(stage, rng, np.setdiff1d(prompt, [importer, hub]))
    onward = casting.usual_corridor(stage, hub, importer)
    days = casting.pick_days(stage, rng, hub, importer, plan.times)
    kg = _amounts(plan, onward.kg_per_month, rng)
    inward = sell(stage, replace(onward, exporter=maker, importer=hub), days - 40, kg, 1.0, rng)
    extra = sell(stage, onward, days, kg, 1.12, rng)
    text = f"bought from {areas.iso[maker]} by a re-export hub and sold on to a country that the hub had not supplied"
    staged = with_goods(with_goods(stage, inward), extra)
    return staged, truth(stage, plan, onward, extra, float(kg.sum()), text)


def _unit_value_outlier(stage: Stage, plan: CasePlan, rng: np.random.Generator) -> Planted:
    prompt = casting.prompt_reporters(stage.offices)
    corridor = casting.pick_corridor(stage, rng, casting.free_reporters(stage), prompt)
    days = casting.pick_days(stage, rng, corridor.exporter, corridor.importer, plan.times)
    kg = _amounts(plan, corridor.kg_per_month, rng)
    extra = sell(stage, corridor, days, kg, plan.factor, rng)
    text = f"sold at {plan.factor:g} times the market's price on a usual corridor"
    return with_goods(stage, extra), truth(stage, plan, corridor, extra, float(kg.sum()), text)


def _substitution(stage: Stage, plan: CasePlan, rng: np.random.Generator) -> Planted:
    prompt = casting.prompt_reporters(stage.offices)
    importer = int(rng.choice(prompt[stage.offices.areas.weight[prompt] >= 4]))
    maker = casting.pick_maker(stage, rng, np.setdiff1d(prompt, [importer]))
    corridor = casting.usual_corridor(stage, maker, importer)
    days = casting.pick_days(stage, rng, maker, importer, plan.times)
    if plan.code not in stage.market.item.codes:
        return _fade(stage, plan, corridor, days)
    stage = _with_regular_purchases(stage, corridor, rng)
    extra = sell(stage, corridor, days, _amounts(plan, corridor.kg_per_month, rng), 1.0, rng)
    text = f"imports of {plan.other_code} fall to {plan.factor:.0%} and those of {plan.code} rise at the same time"
    return with_goods(stage, extra), truth(stage, plan, corridor, extra, float(extra["kg"].sum()), text)


def _fade(stage: Stage, plan: CasePlan, corridor: Corridor, days: Ints) -> Planted:
    """The other half of a substitution: the controlled code's imports shrink from the first month on."""
    rng = named_generator(stage.offices.seed, plan.case_id, "fade")
    stage = _with_regular_purchases(stage, corridor, rng)
    is_hit = (pl.col("importer") == corridor.importer) & (pl.col("depart_day") >= int(days.min()))
    shrink = [pl.when(is_hit).then(pl.col(name) * plan.factor).otherwise(name).alias(name)
              for name in ("kg", "fob_usd", "freight_usd")]  # fmt: skip
    faded = replace(stage, goods=stage.goods.with_columns(shrink))
    return faded, truth(stage, plan, corridor, stage.goods.head(1), 0.0, "")


def _with_regular_purchases(stage: Stage, corridor: Corridor, rng: np.random.Generator, most_kg: float = np.inf) -> Stage:
    """Purchases all through the window, where the importer's own are too few to be seen falling; no month gets above `most_kg` by them."""
    own = stage.goods.filter(pl.col("importer") == corridor.importer)
    if len(own) > stage.month_count // 2:
        return stage
    clock = stage.offices.clock
    days = clock.month_start[:-1] + rng.integers(0, 28, stage.month_count)
    days = days[rng.random(len(days)) < 0.75]
    bought = np.bincount(clock.month_of(own["depart_day"].to_numpy()) + 1, own["kg"].to_numpy(), minlength=stage.month_count + 2)
    room = np.maximum(most_kg - bought[clock.month_of(days) + 1], 0)
    kg = np.minimum(corridor.kg_per_month * rng.gamma(4, 1 / 4, len(days)), room)
    ordinary = sell(stage, corridor, days, kg, 1.0, rng).with_columns(case=pl.lit(-1, dtype=pl.Int32))
    return with_goods(stage, ordinary.filter(pl.col("kg") > 0))


def _displacement(stage: Stage, plan: CasePlan, rng: np.random.Generator) -> Planted:
    areas, prompt = stage.offices.areas, casting.prompt_reporters(stage.offices)
    old = casting.pick_corridor(stage, rng, casting.free_reporters_with_neighbour(stage), prompt)
    new = replace(old, importer=casting.pick_neighbour(stage, old.exporter, old.importer))
    days = casting.pick_days(stage, rng, new.exporter, new.importer, plan.times)
    is_hit = (pl.col("exporter") == old.exporter) & (pl.col("importer") == old.importer)
    is_hit &= pl.col("depart_day") >= int(days.min())
    shrink = [pl.when(is_hit).then(pl.col(name) * plan.factor).otherwise(name).alias(name)
              for name in ("kg", "fob_usd", "freight_usd")]  # fmt: skip
    faded = replace(stage, goods=stage.goods.with_columns(shrink))
    kg = (1 - plan.factor) * 1.15 * old.kg_per_month * rng.uniform(0.8, 1.25, plan.times)
    extra = sell(stage, new, days, kg, 1.0, rng)
    text = f"what {areas.iso[old.importer]} bought from this exporter goes to its neighbour instead"
    return with_goods(faded, extra), truth(stage, plan, new, extra, float(kg.sum()), text)


def _isolated_flow(stage: Stage, plan: CasePlan, rng: np.random.Generator) -> Planted:
    areas, free = stage.offices.areas, casting.free_reporters(stage)
    small = free[np.argsort(areas.weight[free], kind="stable")[: max(3, len(free) // 3)]]
    importer = int(rng.choice(small))
    others = np.setdiff1d(np.arange(areas.reporter_count), casting.makers(stage))
    exporter = casting.pick_stranger(stage, rng, importer, others)
    corridor = Corridor(exporter, importer, stage.market.item.buyer_kg_per_year / 12, 0.0)
    days = casting.pick_days(stage, rng, exporter, importer, plan.times)
    kg = _amounts(plan, corridor.kg_per_month, rng)
    extra = sell(stage, corridor, days, kg, plan.factor, rng)
    text = "a small importer, an origin that makes none of it, an unusual price: strange only together"
    return with_goods(stage, extra), truth(stage, plan, corridor, extra, float(kg.sum()), text)


def _misdeclared(stage: Stage, plan: CasePlan, rng: np.random.Generator) -> Planted:
    prompt = casting.prompt_reporters(stage.offices)
    corridor = casting.pick_corridor(stage, rng, casting.free_reporters(stage), prompt, prefers_small=True)
    days = casting.pick_days(stage, rng, corridor.exporter, corridor.importer, plan.times)
    price_ratio = plan.factor * _OTHER_USD_PER_KG[plan.other_code] / stage.market.item.usd_per_kg
    kg = np.maximum(_amounts(plan, corridor.kg_per_month, rng), 30.0)
    extra = sell(stage, corridor, days, kg, price_ratio, rng)
    text = f"goods of {plan.other_code} declared under {plan.code}: the price is that of the other goods"
    return with_goods(stage, extra), truth(stage, plan, corridor, extra, float(kg.sum()), text)


# What the hidden goods cost; kept apart from the price paths so that a case does not follow its cover's market.
_OTHER_USD_PER_KG = {292640: 90.0, 293336: 900.0, 293941: 70.0, 291524: 11.0}
_TYPOLOGIES: dict[str, Callable[[Stage, CasePlan, np.random.Generator], Planted]] = {
    "excess_import": _excess_import,
    "mirror_gap": _mirror_gap,
    "missing_mirror": _missing_mirror,
    "new_route": _new_route,
    "hub_detour": _hub_detour,
    "unit_value_outlier": _unit_value_outlier,
    "substitution": _substitution,
    "displacement": _displacement,
    "isolated_flow": _isolated_flow,
    "misdeclared": _misdeclared,
}
