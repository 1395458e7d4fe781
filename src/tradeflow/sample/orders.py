"""Month by month, what each buyer's plant uses, when it orders, and how many packs."""

from dataclasses import dataclass

import numpy as np

from tradeflow.sample.chance import Floats, Ints
from tradeflow.sample.commodities import Item, production_calendar
from tradeflow.sample.firms import CONTRACT, REORDER, Buyers
from tradeflow.sample.geography import Areas

_WARM_UP_MONTHS = 14


@dataclass(frozen=True)
class Orders:
    """One place per order: which buyer, which month (may be before the window), how many packs."""

    buyer: Ints
    month: Ints
    packs: Ints


def draw_demand_paths(areas: Areas, month_count: int, rng: np.random.Generator) -> Floats:
    """Country by month: industrial activity against its usual level, with the stop of spring 2020 and its catching up."""
    count = len(areas.code)
    path = np.zeros((count, month_count + _WARM_UP_MONTHS))
    for month in range(1, path.shape[1]):
        path[:, month] = 0.85 * path[:, month - 1] + rng.normal(0, 0.035, count)
    activity: Floats = np.exp(path)
    stop = _WARM_UP_MONTHS + 15
    depth = rng.uniform(0.0, 0.45, count)
    activity[:, stop : stop + 2] *= 1 - depth[:, None]
    activity[:, stop + 3 : stop + 8] *= 1 + 0.3 * depth[:, None]
    return activity


def place_orders(item: Item, buyers: Buyers, areas: Areas, month_count: int, first_month_of_year: int,
                 rng: np.random.Generator) -> Orders:  # fmt: skip
    """Run every buyer's stock through the window; a buyer orders by its own policy."""
    activity = draw_demand_paths(areas, month_count, rng)
    calendars = np.stack([production_calendar(item.buyer_calendar, south) for south in (False, True)])
    hemisphere = areas.is_south[buyers.importer].astype(np.int64)
    target = buyers.cover_months * buyers.kg_per_month + buyers.pack_kg
    safety = 0.6 * buyers.kg_per_month
    stock = target * rng.random(len(buyers)) + safety
    found: list[tuple[Ints, Ints, Ints]] = []
    for month in range(-_WARM_UP_MONTHS, month_count):
        level = _plant_level(buyers, month)
        use = (
            buyers.kg_per_month
            * level
            * calendars[hemisphere, (first_month_of_year + month) % 12]
            * activity[buyers.importer, month + _WARM_UP_MONTHS]
            * rng.gamma(9.0, 1 / 9.0, len(buyers))
        )
        stock = np.maximum(stock - use, -buyers.kg_per_month)
        packs = _packs_wanted(buyers, stock, safety, target, level, month)
        stock = stock + packs * buyers.pack_kg
        who = np.flatnonzero(packs > 0)
        found.append((who, np.full(len(who), month, dtype=np.int64), packs[who]))
    buyer, when, packs = (np.concatenate(part) for part in zip(*found, strict=True))
    return Orders(buyer=buyer, month=when, packs=packs)


def _plant_level(buyers: Buyers, month: int) -> Floats:
    """Size of each plant against its start: yearly decisions, and nothing before it opens or after it closes."""
    year = np.maximum((month + buyers.phase) // 12 + 1, 0)
    grown = np.cumsum(buyers.growth, axis=1)[np.arange(len(buyers)), np.minimum(year, buyers.growth.shape[1] - 1)]
    is_open = (month >= buyers.first_month) & (month <= buyers.last_month)
    level: Floats = np.where(is_open, np.maximum(1 + grown, 0.15), 0.0)
    return level


def _packs_wanted(buyers: Buyers, stock: Floats, safety: Floats, target: Floats, level: Floats, month: int) -> Ints:
    """Packs ordered this month: stock policy, call-off under a contract, or tender."""
    short = np.ceil((safety + target - stock) / buyers.pack_kg)
    by_stock = np.where(stock < safety, short, 0)
    cycle = np.maximum(np.round(buyers.cover_months), 1).astype(np.int64)
    is_turn = (month + buyers.phase) % cycle == 0
    agreed = np.round(buyers.kg_per_month * level * cycle / buyers.pack_kg)
    by_contract = np.where(is_turn, np.where(stock > 2 * target, 0, np.maximum(agreed, 1)), 0)
    by_tender = np.where(is_turn, np.maximum(short, 0), 0)
    packs = np.where(buyers.policy == REORDER, by_stock, np.where(buyers.policy == CONTRACT, by_contract, by_tender))
    return np.asarray(np.where(level > 0, packs, 0), dtype=np.int64)
