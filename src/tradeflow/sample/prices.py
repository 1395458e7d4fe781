"""What goods and freight cost: a price path per item, dearer small lots, grades, and freight by ship, lorry or aircraft."""

import numpy as np

from tradeflow.sample.chance import Floats, Ints, named_generator
from tradeflow.sample.commodities import Item
from tradeflow.sample.geography import Areas

_AIR_BELOW_KG = 300.0


def draw_price_path(item: Item, month_count: int, seed: int) -> Floats:
    """World price in USD per kg by month: costs that return to their mean, feedstock jumps, and the dear years 2021-2022."""
    rng = named_generator(seed, "price path", item.name)
    cost = np.zeros(month_count)
    jumps = np.where(rng.random(month_count) < 0.03, rng.laplace(0, 0.12, month_count), 0.0)
    steps = rng.normal(0, 0.025, month_count) + jumps
    for month in range(1, month_count):
        cost[month] = 0.95 * cost[month - 1] + steps[month]
    middle, width = month_count * 0.47, month_count * 0.13
    scarcity = rng.uniform(0.05, 0.4) * np.exp(-(((np.arange(month_count) - middle) / width) ** 2))
    path: Floats = item.usd_per_kg * (1 + 0.002 * np.arange(month_count)) * np.exp(cost) * (1 + scarcity)
    return path


def draw_freight_index(month_count: int, seed: int) -> Floats:
    """Sea freight by month against a usual year: near 1, several times dearer in the middle of the window."""
    rng = named_generator(seed, "freight index")
    wave = 2.4 * np.exp(-(((np.arange(month_count) - month_count * 0.46) / (month_count * 0.09)) ** 2))
    index: Floats = (1 + wave) * np.exp(np.cumsum(rng.normal(0, 0.03, month_count)) * 0.5)
    return index


def freight_usd_per_kg(item: Item, areas: Areas, exporter: Ints, importer: Ints, kg: Floats) -> Floats:
    """Freight of a consignment in a usual month; a container or tanker is paid for even when it is half empty."""
    km = areas.distance_km[exporter, importer]
    if item.is_bulk:
        parcel = (9.0 + 0.0022 * km) / 1000.0
        tank = (450.0 + 0.07 * km) / 21_000.0
        sea = np.where(kg > 400_000, parcel, tank)
    else:
        sea = (350.0 + 0.06 * km) / np.clip(kg, 6_000.0, 18_000.0)
    road = (200.0 + 0.55 * km) / np.clip(kg, 5_000.0, 22_000.0)
    air = 1.6 + 0.00035 * km
    by_surface = np.where(areas.is_overland[exporter, importer], road, sea)
    usd: Floats = np.where((kg < _AIR_BELOW_KG) & (item.usd_per_kg > 3), np.minimum(air, by_surface * 4 + 0.6), by_surface)
    return usd


def small_lot_factor(kg: Floats, usual_kg: float) -> Floats:
    """How much dearer a kilogram is in a small order: packing, handling and finer grades."""
    factor: Floats = 1.0 + 0.9 / (1.0 + (np.maximum(kg, 0.5) / (0.02 * usual_kg + 5.0)) ** 0.8)
    return factor


def transit_days(areas: Areas, exporter: Ints, importer: Ints, kg: Floats, rng: np.random.Generator) -> Ints:
    """Days from the export declaration to the import declaration: voyage, waiting in port, clearance."""
    km = areas.distance_km[exporter, importer]
    sea = 6 + km * 1.25 / 620.0 + rng.gamma(2.0, 4.0, len(km))
    road = 1 + km / 550.0 + rng.gamma(1.5, 1.5, len(km))
    air = 2 + rng.gamma(1.5, 1.5, len(km))
    days = np.where(areas.is_overland[exporter, importer], road, np.where(kg < _AIR_BELOW_KG, air, sea))
    return np.asarray(np.ceil(days), dtype=np.int64)
