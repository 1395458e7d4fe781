"""Who stands behind a document: buyer, seller and the trader in a hub, each one's broker, office, and way of sending goods."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from tradeflow.sample.business import BROKERAGE, CALENDAR_LINES, DISTRIBUTION, TRADING
from tradeflow.sample.chance import Ints, hash_uniform
from tradeflow.sample.commodities import Item
from tradeflow.sample.documents import IMPORT, RE_EXPORT, RE_IMPORT
from tradeflow.sample.geography import Areas
from tradeflow.sample.register import Register
from tradeflow.sample.shipments import NO_HUB

_MAKER = "chemical manufacture"
_AIR_BELOW_KG = 300.0
_LARGEST_OFFICE_COUNT = 12
BY_SEA, BY_ROAD, BY_AIR = range(3)


@dataclass(frozen=True)
class Marketplace:
    """Where declarations are made and by whom: the world's places and goods, and the register of companies."""

    areas: Areas
    items: tuple[Item, ...]
    register: Register
    seed: int


def cast_parties(market: Marketplace, documents: pl.DataFrame) -> pl.DataFrame:
    """Return the documents with `buyer_company`, `seller_company` (places in the register), the same on every paper of a consignment.

    On the way into a hub the trader there is the buyer, on the way out the seller; what comes back is sent by its buyer.
    """
    item, exporter, importer, hub, buyer = (
        documents[name].to_numpy().astype(np.int64) for name in ("item", "exporter", "importer", "hub", "buyer")
    )
    flow, reporter = documents["flow"].to_numpy(), documents["reporter"].to_numpy()
    buys = _buyers(market, item, importer, buyer)
    sells = _sellers(market, item, exporter, buyer)
    trades = _traders(market, item, exporter, np.where(hub == NO_HUB, exporter, hub))
    passes_trader = documents["is_entrepot"].to_numpy() & (hub != NO_HUB)
    is_inner = passes_trader & (reporter != importer)
    is_outer = passes_trader & ((flow == RE_EXPORT) | ((flow == IMPORT) & (reporter == importer)))
    buyer_company = np.where(is_inner & (flow != RE_EXPORT), trades, buys)
    seller_company = np.where(is_outer, trades, sells)
    goes_back = flow == RE_IMPORT
    return documents.with_columns(
        buyer_company=pl.Series(np.where(goes_back, sells, buyer_company)),
        seller_company=pl.Series(np.where(goes_back, buys, seller_company)),
    )


def _buyers(market: Marketplace, item: Ints, country: Ints, buyer: Ints) -> Ints:
    """The company that runs a buyer's plant: in most cases of the item's own line of business."""
    seed, lines = market.seed, market.register.lines
    own = np.array([lines.index(CALENDAR_LINES[each.buyer_calendar]) for each in market.items])[item]
    kind = hash_uniform(seed, "buyer line", item, country, buyer)
    line = np.select([kind < 0.62, kind < 0.9], [own, lines.index(DISTRIBUTION)], default=lines.index(_MAKER))
    return market.register.pick(country, line, hash_uniform(seed, "buyer company", item, country, buyer))


def _sellers(market: Marketplace, item: Ints, country: Ints, buyer: Ints) -> Ints:
    """The maker or distributor from whom a buyer has the goods; few of a country sell one item."""
    seed, lines = market.seed, market.register.lines
    desk = np.floor(4 * hash_uniform(seed, "seller desk", item, country, buyer) ** 2).astype(np.int64)
    kind = hash_uniform(seed, "seller line", item, country, desk)
    line = np.where(kind < 0.65, lines.index(_MAKER), lines.index(DISTRIBUTION))
    return market.register.pick(country, line, hash_uniform(seed, "seller company", item, country, desk))


def _traders(market: Marketplace, item: Ints, exporter: Ints, hub: Ints) -> Ints:
    lines = market.register.lines
    line = np.where(hash_uniform(market.seed, "trader line", item, exporter) < 0.6, lines.index(DISTRIBUTION), lines.index(TRADING))
    return market.register.pick(hub, line, hash_uniform(market.seed, "trader company", item, exporter, hub))


def add_habits(market: Marketplace, trade: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Return trade with `broker_company`, `office` and `mode` as its company in the country is used to have them.

    Needs reporter, flow, partner_place, kg and the two companies.
    """
    flow, reporter, partner = trade["flow"].to_numpy(), trade["reporter"].to_numpy().astype(np.int64), trade["partner_place"].to_numpy()
    local = np.where(np.isin(flow, (IMPORT, RE_IMPORT)), trade["buyer_company"].to_numpy(), trade["seller_company"].to_numpy())
    is_overland = market.areas.is_overland[reporter, partner]
    flies = (trade["kg"].to_numpy() < _AIR_BELOW_KG) & (hash_uniform(market.seed, "flies", local, partner) < 0.6)
    return trade.with_columns(
        local_company=pl.Series(local),
        broker_company=pl.Series(_usual_broker(market, reporter, local, rng)),
        office=pl.Series(_usual_office(market, reporter, local, partner, rng)),
        mode=pl.Series(np.select([flies, is_overland], [BY_AIR, BY_ROAD], default=BY_SEA)),
    )


def _usual_broker(market: Marketplace, reporter: Ints, local: Ints, rng: np.random.Generator) -> Ints:
    """Most companies have one broker for years, a second one for when he is busy, and seldom any other."""
    line = np.full(len(local), market.register.lines.index(BROKERAGE))
    turn = rng.random(len(local))
    usual = hash_uniform(market.seed, "broker", local, np.digitize(turn, [0.86, 0.96]))
    return market.register.pick(reporter, line, np.where(turn < 0.99, usual, rng.random(len(local))))


def office_count(market: Marketplace, reporter: Ints) -> Ints:
    """Customs offices of a country; larger economies have more."""
    found: Ints = np.clip(3 + market.areas.weight[reporter] ** 0.5, 3, _LARGEST_OFFICE_COUNT).astype(np.int64)
    return found


def _usual_office(market: Marketplace, reporter: Ints, local: Ints, partner: Ints, rng: np.random.Generator) -> Ints:
    offices = office_count(market, reporter)
    usual = hash_uniform(market.seed, "office", local) ** 1.5
    by_route = hash_uniform(market.seed, "office of route", local, partner)
    turn = rng.random(len(local))
    found: Ints = np.floor(offices * np.select([turn < 0.8, turn < 0.97], [usual, by_route], default=rng.random(len(local)))).astype(
        np.int64
    )
    return found


def known_partner(market: Marketplace, partner_code: Ints) -> Ints:
    """The place of each M49 code in the list of areas."""
    order = np.argsort(market.areas.code)
    found: Ints = order[np.searchsorted(market.areas.code[order], partner_code)]
    return found
