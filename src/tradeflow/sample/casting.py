"""Who takes part in a planted case: corridors, importers and dates drawn from the licit trade that is already there."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from tradeflow.sample.chance import Ints
from tradeflow.sample.documents import Offices
from tradeflow.sample.firms import supplier_capacity
from tradeflow.sample.shipments import Market

_CASE_MONTHS = 12
_HISTORY_MONTHS = 30
_NEIGHBOUR_KM = 2000
_BEYOND_LARGEST_MONTH = 4
"""Largest months of the past that a consignment of a fixed weight is worth at the least: less would be ordinary trade of its buyer."""


@dataclass(frozen=True)
class Stage:
    """One item's market, the offices that will record it, and its licit consignments."""

    offices: Offices
    market: Market
    goods: pl.DataFrame
    taken: frozenset[int] = frozenset()

    @property
    def month_count(self) -> int:
        """Months of the window."""
        return len(self.offices.clock.periods)


@dataclass(frozen=True)
class Corridor:
    """An exporter and an importer (places in the list of areas) and what passes between them in a usual month."""

    exporter: int
    importer: int
    kg_per_month: float
    consignment_kg: float


def corridor_table(stage: Stage) -> pl.DataFrame:
    """Corridors of the months before the cases: kg a month, months with trade, the usual consignment."""
    start = stage.offices.clock.month_start[stage.month_count - _CASE_MONTHS - _HISTORY_MONTHS]
    end = stage.offices.clock.month_start[stage.month_count - _CASE_MONTHS]
    past = stage.goods.filter((pl.col("depart_day") >= start) & (pl.col("depart_day") < end))
    return (
        past.group_by("exporter", "importer")
        .agg(
            kg_per_month=pl.col("kg").sum() / _HISTORY_MONTHS,
            consignment_kg=pl.col("kg").median(),
            active_months=(pl.col("depart_day") // 30).n_unique(),
        )
        .sort("exporter", "importer")
    )


def free_reporters(stage: Stage) -> Ints:
    """Prompt reporters whose imports of the item hold no case yet: two cases on one spot would hide each other."""
    return np.setdiff1d(prompt_reporters(stage.offices), sorted(stage.taken))


def prompt_reporters(offices: Offices) -> Ints:
    """Reporters whose figures of the last months are out, so that a case can be seen at all."""
    seen = offices.releases.last_visible_month(int(offices.clock.pull_days[-1]))
    found: Ints = np.flatnonzero(seen >= len(offices.clock.periods) - 5)
    return found


def careful_importers(stage: Stage) -> Ints:
    """The free reporters that record their imports better than most."""
    free = free_reporters(stage)
    slack = stage.offices.habits.import_slackness[free]
    careful: Ints = free[slack <= np.median(slack)]
    return careful


def buyers_small_beside(stage: Stage, kg: float) -> Ints:
    """The free reporters that have bought, and never nearly so much in one month; else those that never bought, else the nearest."""
    free = free_reporters(stage)
    months = _month_totals(stage).filter(pl.col("importer").is_in(free.tolist()))
    buyers = months.group_by("importer").agg(pl.col("kg").max().alias("largest_kg")).sort("largest_kg", "importer")
    small = buyers.filter(pl.col("largest_kg") <= small_month_kg(kg))
    never = np.setdiff1d(free, buyers["importer"].to_numpy())
    if len(never) and not len(small):
        return never
    chosen = small if len(small) else buyers.head(1)
    found: Ints = np.sort(chosen["importer"].to_numpy()).astype(np.int64)
    return found


def small_month_kg(kg: float) -> float:
    """What a buyer takes in its largest month at the most, for a consignment of so many kg to be beyond its ordinary trade."""
    return kg / _BEYOND_LARGEST_MONTH


def _month_totals(stage: Stage) -> pl.DataFrame:
    month = pl.Series("month", stage.offices.clock.month_of(stage.goods["depart_day"].to_numpy()))
    return stage.goods.with_columns(month).group_by("importer", "month").agg(pl.col("kg").sum())


def pick_corridor(stage: Stage, rng: np.random.Generator, importers: Ints, exporters: Ints, prefers_small: bool = False) -> Corridor:
    """A well-used corridor between the areas named; one with the main maker is made up where there is none."""
    table = corridor_table(stage).filter(pl.col("exporter").is_in(exporters.tolist()) & pl.col("importer").is_in(importers.tolist()))
    if not len(table):
        importer = int(rng.choice(importers))
        return usual_corridor(stage, pick_maker(stage, rng, np.setdiff1d(exporters, [importer])), importer)
    if prefers_small:
        table = table.filter(pl.col("kg_per_month") <= pl.col("kg_per_month").median())
    busiest = table.sort("active_months", "kg_per_month", descending=True)
    row = busiest.row(int(rng.integers(0, max(1, min(12, len(busiest) // 3)))), named=True)
    return Corridor(row["exporter"], row["importer"], row["kg_per_month"], row["consignment_kg"])


def makers(stage: Stage) -> Ints:
    """The countries that make the item in quantity."""
    areas = stage.offices.areas
    places = [areas.index(iso) for iso, _ in stage.market.item.makers if iso in areas.iso]
    return np.array(sorted(places), dtype=np.int64)


def pick_maker(stage: Stage, rng: np.random.Generator, exporters: Ints) -> int:
    """A supplying country, by capacity."""
    areas = stage.offices.areas
    capacity = supplier_capacity(stage.market.item, stage.market.item_place, areas, stage.offices.seed)[exporters]
    share = capacity / capacity.sum() if capacity.sum() else np.full(len(exporters), 1 / len(exporters))
    return int(rng.choice(exporters, p=share))


def usual_corridor(stage: Stage, exporter: int, importer: int) -> Corridor:
    """A corridor without history takes its size from the importer's trade, or from a usual buyer's."""
    table = corridor_table(stage).filter(pl.col("importer") == importer)
    usual = stage.market.item.buyer_kg_per_year / 12
    kg = float(table["kg_per_month"].sum()) if len(table) else usual
    return Corridor(exporter, importer, max(kg, 0.1 * usual), max(kg, 0.1 * usual))


def free_reporters_with_neighbour(stage: Stage) -> Ints:
    """The free reporters that have another one near."""
    free = free_reporters(stage)
    found: Ints = free[(stage.offices.areas.distance_km[np.ix_(free, free)] < _NEIGHBOUR_KM).sum(axis=1) > 1]
    return found


def pick_neighbour(stage: Stage, exporter: int, importer: int) -> int:
    """Of the free reporters that lie next to an importer, the one that buys most from the same exporter."""
    free = np.setdiff1d(free_reporters(stage), [exporter, importer])
    distance = stage.offices.areas.distance_km[importer][free]
    near = free[np.argsort(distance, kind="stable")][: max(1, min(4, int((distance < _NEIGHBOUR_KM).sum())))]
    bought = corridor_table(stage).filter(pl.col("exporter") == exporter)
    kg = dict(bought.select("importer", "kg_per_month").iter_rows())
    return int(near[int(np.argmax([kg.get(place, 0.0) for place in near.tolist()]))])


def pick_stranger(stage: Stage, rng: np.random.Generator, importer: int, exporters: Ints) -> int:
    """An exporter from which the importer has never bought the item."""
    known = stage.goods.filter(pl.col("importer") == importer)["exporter"].unique().to_list()
    fresh = np.setdiff1d(exporters, [*known, importer])
    if not len(fresh):
        fresh = np.setdiff1d(prompt_reporters(stage.offices), [*known, importer])
    return int(rng.choice(fresh if len(fresh) else np.setdiff1d(exporters, [importer])))


def pick_days(stage: Stage, rng: np.random.Generator, exporter: int, importer: int, times: int, spare_days: int = 0) -> Ints:
    """Days of departure in the last year, early enough for both sides' figures of the arrival to be out, with days to spare."""
    offices = stage.offices
    seen = offices.releases.last_visible_month(int(offices.clock.pull_days[-1]))
    parties = [place for place in (exporter, importer) if place < offices.areas.reporter_count]
    last = min((int(seen[place]) for place in parties), default=stage.month_count - 1)
    voyage = int(25 + offices.areas.distance_km[exporter, importer] / 450) + spare_days
    earliest = int(offices.clock.month_start[stage.month_count - _CASE_MONTHS])
    latest = max(int(offices.clock.month_start[last + 1]) - 1 - voyage, earliest + 20)
    room = max(latest - earliest - 30 * (times - 1), 0)
    start = latest - 30 * (times - 1) - int(rng.integers(0, min(room, 90) + 1))
    days = start + 30 * np.arange(times) + rng.integers(0, 12, times)
    within: Ints = np.clip(days, earliest, latest).astype(np.int64)
    return within
