"""Orders become consignments: a supplier, a day of departure, a route, a weight, a price and freight."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from tradeflow.sample.chance import Floats, Ints, hash_uniform
from tradeflow.sample.commodities import Item
from tradeflow.sample.firms import Buyers
from tradeflow.sample.geography import Areas
from tradeflow.sample.orders import Orders
from tradeflow.sample.prices import freight_usd_per_kg, small_lot_factor, transit_days

_DOCUMENTS_PER_ORDER = 8
NO_HUB = -1
# Makers whose ports half close around the lunar new year.
_LUNAR_NEW_YEAR = ("CHN", "HKG", "VNM", "OAS", "KOR", "SGP")

CONSIGNMENT_COLUMNS = {
    "item": pl.Int32, "exporter": pl.Int32, "importer": pl.Int32, "hub": pl.Int32, "is_entrepot": pl.Boolean,
    "depart_day": pl.Int32, "transit_days": pl.Int32, "kg": pl.Float64, "fob_usd": pl.Float64,
    "freight_usd": pl.Float64, "exporter_sees": pl.Float64, "importer_sees": pl.Float64, "importer_slip": pl.Float64,
    "case": pl.Int32, "buyer": pl.Int32,
}  # fmt: skip


@dataclass(frozen=True)
class Market:
    """What consignments of one item need to know of prices and time; arrays by month of the window."""

    item: Item
    item_place: int
    price_usd_per_kg: Floats
    freight_index: Floats
    month_start: Ints


def ship_orders(market: Market, orders: Orders, buyers: Buyers, areas: Areas, seed: int, rng: np.random.Generator) -> pl.DataFrame:
    """One row per consignment document, in CONSIGNMENT_COLUMNS."""
    documents = np.clip(orders.packs // buyers.packs_per_document[orders.buyer], 1, _DOCUMENTS_PER_ORDER)
    order = np.repeat(np.arange(len(orders.buyer)), documents)
    number = np.arange(len(order)) - np.repeat(np.cumsum(documents) - documents, documents)
    buyer = orders.buyer[order]
    filled = rng.uniform(0.96, 1.0, len(order)) if market.item.is_bulk else np.ones(len(order))
    kg = (orders.packs * buyers.pack_kg[orders.buyer] / documents)[order] * filled
    exporter = _pick_supplier(buyers, orders, order, rng)
    importer = buyers.importer[buyer]
    month = orders.month[order]
    day = _day_of_month(market, month) + rng.integers(0, 28, len(order)) + number * rng.integers(0, 9, len(order))
    day += _holiday_delay(areas, exporter, month, market, rng)
    price = _agree_price(market, buyers, buyer, month, kg, rng)
    dressed = dress_consignments(market, areas, exporter, importer, day, kg, price, seed, rng)
    return dressed.with_columns(buyer=pl.Series(buyer, dtype=pl.Int32))


def dress_consignments(market: Market, areas: Areas, exporter: Ints, importer: Ints, day: Ints, kg: Floats,
                       usd_per_kg: Floats, seed: int, rng: np.random.Generator) -> pl.DataFrame:  # fmt: skip
    """Add route, freight and days under way to what was sold."""
    month = np.clip(np.searchsorted(market.month_start, day, side="right") - 1, 0, len(market.price_usd_per_kg) - 1)
    hub, is_entrepot = choose_hub(areas, market.item_place, exporter, importer, seed, rng)
    freight = freight_usd_per_kg(market.item, areas, exporter, importer, kg) * market.freight_index[month]
    days = transit_days(areas, exporter, importer, kg, rng) + np.where(hub == NO_HUB, 0, rng.integers(4, 40, len(kg)))
    fob = kg * usd_per_kg
    return pl.DataFrame(
        {
            "item": np.full(len(kg), market.item_place),
            "exporter": exporter,
            "importer": importer,
            "hub": hub,
            "is_entrepot": is_entrepot,
            "depart_day": day,
            "transit_days": days,
            "kg": kg,
            "fob_usd": fob,
            "freight_usd": kg * freight * rng.gamma(16, 1 / 16, len(kg)) + 0.004 * fob,
            "exporter_sees": np.ones(len(kg)),
            "importer_sees": np.ones(len(kg)),
            "importer_slip": np.ones(len(kg)),
            "case": np.full(len(kg), -1),
            "buyer": np.full(len(kg), -1),
        },
        schema_overrides=CONSIGNMENT_COLUMNS,
    )


def choose_hub(
    areas: Areas, item_place: int, exporter: Ints, importer: Ints, seed: int, rng: np.random.Generator
) -> tuple[Ints, np.ndarray]:
    """The hub that a consignment passes through, if one lies about on its way, and whether it is cleared and sold there."""
    hubs = np.flatnonzero(areas.is_hub)
    direct = areas.distance_km[exporter, importer]
    leg = areas.distance_km[np.ix_(np.arange(len(areas.code)), hubs)]
    detour = (leg[exporter] + leg[importer]) / np.maximum(direct, 300.0)[:, None]
    detour = np.where((hubs[None, :] == exporter[:, None]) | (hubs[None, :] == importer[:, None]), np.inf, detour)
    best = np.argmin(detour, axis=1)
    habit = hash_uniform(seed, "hub habit", item_place, exporter, importer)
    near = (detour[np.arange(len(direct)), best] < 1.35) & (direct > 2_500)
    goes = near & (rng.random(len(direct)) < 0.75 * habit**3)
    is_entrepot = goes & (rng.random(len(direct)) < 0.35)
    return np.where(goes, hubs[best], NO_HUB).astype(np.int64), is_entrepot


def _pick_supplier(buyers: Buyers, orders: Orders, order: Ints, rng: np.random.Generator) -> Ints:
    """The order's country of origin: mostly the first supplier, which may change places with the second for good."""
    buyer = orders.buyer
    width = buyers.suppliers.shape[1]
    chance = rng.random(len(buyer))
    share = buyers.primary_share[buyer]
    place = np.where(chance < share, 0, np.where(chance < share + 0.7 * (1 - share), 1, 2))
    has_switched = orders.month >= buyers.switch_month[buyer]
    place = np.where(has_switched & (place < 2), 1 - place, place)
    return np.asarray(buyers.suppliers[buyer, np.minimum(place, width - 1)][order], dtype=np.int64)


def _day_of_month(market: Market, month: Ints) -> Ints:
    # Before the window a month is taken as 30 days: those orders only matter when they arrive inside it.
    inside = market.month_start[np.clip(month, 0, len(market.month_start) - 1)]
    return np.where(month >= 0, inside, market.month_start[0] + 30 * month)


def _holiday_delay(areas: Areas, exporter: Ints, month: Ints, market: Market, rng: np.random.Generator) -> Ints:
    first_month = int(np.datetime64(int(market.month_start[0]) - 719163, "D").astype("datetime64[M]").astype(int)) % 12
    makers = [areas.index(iso) for iso in _LUNAR_NEW_YEAR]
    waits = np.isin(exporter, makers) & ((month + first_month) % 12 == 1) & (rng.random(len(month)) < 0.45)
    return np.where(waits, rng.integers(14, 40, len(month)), 0)


def _agree_price(market: Market, buyers: Buyers, buyer: Ints, month: Ints, kg: Floats, rng: np.random.Generator) -> Floats:
    """FOB price per kg: the market some months ago, the buyer's grade, the size of the order, and haggling."""
    lag = np.where(rng.random(len(kg)) < 0.3, rng.integers(1, 4, len(kg)), 0)
    base = market.price_usd_per_kg[np.clip(month - lag, 0, len(market.price_usd_per_kg) - 1)]
    usual = market.item.buyer_kg_per_year / 12
    price: Floats = base * buyers.grade[buyer] * small_lot_factor(kg, usual) * rng.gamma(120, 1 / 120, len(kg))
    return price
