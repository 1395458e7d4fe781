"""Buyers: plants and traders that use an item, how they keep stock, how they order, and whom they buy from."""

from dataclasses import dataclass

import numpy as np

from tradeflow.sample.chance import Floats, Ints, hash_uniform
from tradeflow.sample.commodities import Item
from tradeflow.sample.geography import Areas
from tradeflow.sample.prices import freight_usd_per_kg

SUPPLIERS_PER_BUYER = 3
REORDER, CONTRACT, TENDER = 0, 1, 2
_FEWEST_BUYERS = 2
_PACKS_KG = np.array([0.1, 1.0, 5.0, 25.0, 200.0, 1_000.0, 6_000.0, 20_000.0])
_BULK_PACKS_KG = np.array([1.0, 25.0, 160.0, 1_000.0, 21_000.0, 500_000.0, 3_000_000.0])


@dataclass(frozen=True)
class Buyers:
    """One place per firm. Months count from the first of the window; weights in kg."""

    importer: Ints
    suppliers: Ints
    kg_per_month: Floats
    pack_kg: Floats
    packs_per_document: Ints
    policy: Ints
    cover_months: Floats
    phase: Ints
    first_month: Ints
    last_month: Ints
    growth: Floats
    grade: Floats
    primary_share: Floats
    switch_month: Ints

    def __len__(self) -> int:
        return len(self.importer)


def supplier_capacity(item: Item, item_place: int, areas: Areas, seed: int) -> Floats:
    """Relative capacity to export: makers, and a long tail of countries that sell a little."""
    places = np.arange(len(areas.code))
    chance = hash_uniform(seed, "small seller", item_place, places)
    capacity: Floats = np.where(chance < 0.35, 0.12 * (chance / 0.35) ** 2 * areas.weight**0.4, 0.0)
    for iso, strength in item.makers:
        if iso in areas.iso:
            capacity[areas.index(iso)] = strength
    return capacity


def draw_buyers(item: Item, item_place: int, areas: Areas, density: float, month_count: int, seed: int, rng: np.random.Generator) -> Buyers:
    """The item's buyers in all countries: more in large economies, few or none in most; sizes with a long tail."""
    places = np.arange(len(areas.code))
    # Squared: a few countries hold most of the buyers of an item, and many have none.
    appetite = 0.5 * np.log(hash_uniform(seed, "appetite", item_place, places)) ** 2
    expected = density * item.breadth * areas.weight**0.65 * appetite
    importer = np.repeat(places, rng.poisson(expected)).astype(np.int64)
    # A watched item is bought by somebody even in the smallest world.
    few = max(_FEWEST_BUYERS - len(importer), 0) if item.is_watched else 0
    importer = np.concatenate([importer, rng.choice(places, size=few, p=expected / expected.sum())])
    count = len(importer)
    kg_per_month = item.buyer_kg_per_year / 12 * np.exp(rng.normal(-0.7, 1.25, count)) * areas.weight[importer] ** 0.25
    policy = rng.choice([REORDER, CONTRACT, TENDER], size=count, p=[0.62, 0.28, 0.10])
    cover = np.where(policy == TENDER, rng.choice([6, 12], count), np.exp(rng.normal(0.75, 0.9, count)))
    first = np.where(rng.random(count) < 0.25, rng.integers(0, month_count, count), -100)
    stays = rng.random(count) < 0.75
    return Buyers(
        importer=importer,
        suppliers=_choose_suppliers(item, item_place, areas, importer, kg_per_month, seed, rng),
        kg_per_month=kg_per_month,
        pack_kg=_choose_pack(item, kg_per_month, rng),
        packs_per_document=rng.integers(1, 9, count),
        policy=policy.astype(np.int64),
        cover_months=np.maximum(cover, 0.4),
        phase=rng.integers(0, 12, count),
        first_month=first,
        last_month=np.where(stays, 10**6, np.maximum(first, 0) + rng.geometric(1 / 30, count)),
        growth=rng.normal(0.02, 0.16, (count, month_count // 12 + 3)),
        grade=np.exp(rng.laplace(0, 0.2, count)),
        primary_share=rng.beta(5, 1.5, count),
        switch_month=rng.integers(0, 4 * month_count, count),
    )


def _choose_pack(item: Item, kg_per_month: Floats, rng: np.random.Generator) -> Floats:
    """The largest usual pack that a buyer's plant empties in some weeks."""
    packs = _BULK_PACKS_KG if item.is_bulk else _PACKS_KG
    place = np.searchsorted(packs, kg_per_month * np.exp(rng.normal(-0.4, 0.6, len(kg_per_month)))) - 1
    chosen: Floats = packs[np.clip(place, 0, len(packs) - 1)]
    return chosen


def _choose_suppliers(item: Item, item_place: int, areas: Areas, importer: Ints, kg: Floats, seed: int, rng: np.random.Generator) -> Ints:
    """Each buyer's first, second and third supplying country: capacity, delivered cost and taste."""
    capacity = supplier_capacity(item, item_place, areas, seed)
    sellers = np.flatnonzero(capacity > 0)
    rows = np.repeat(importer[:, None], len(sellers), axis=1)
    cols = np.broadcast_to(sellers[None, :], rows.shape)
    cost = freight_usd_per_kg(item, areas, cols, rows, np.broadcast_to(kg[:, None], rows.shape)) / item.usd_per_kg
    ties = 3.0 * hash_uniform(seed, "old ties", item_place, rows.ravel(), cols.ravel()).reshape(rows.shape) ** 3
    taste = rng.gumbel(0, 0.9, rows.shape)
    appeal = np.log(capacity[sellers])[None, :] - 2.5 * cost - areas.distance_km[rows, cols] / 9_000 + ties + taste
    appeal = np.where(rows == cols, -np.inf, appeal)
    best = np.argsort(-appeal, axis=1, kind="stable")[:, :SUPPLIERS_PER_BUYER]
    return np.asarray(sellers[best], dtype=np.int64)
