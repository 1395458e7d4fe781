"""The other goods that companies declare: each by its line of business, month by month, so that every company has a profile."""

import numpy as np
import polars as pl

from tradeflow.sample.business import load_goods
from tradeflow.sample.chance import Floats, Ints, hash_uniform
from tradeflow.sample.documents import EXPORT, IMPORT
from tradeflow.sample.goods_words import FIRST_ORDINARY
from tradeflow.sample.trading import Marketplace

ITEMS_PER_DECLARATION = 1.4
_OUTSIDE_LINE = 0.06
_NEWCOMERS = 0.15


def declare_ordinary_goods(
    market: Marketplace, reporter: int, month: int, days: tuple[int, int], count: int, rng: np.random.Generator
) -> pl.DataFrame:
    """About `count` declared items of one country and month: a row per declaration, `lines` goods on it.

    Columns: reporter, flow, month, day, partner_place, buyer_company, seller_company.
    """
    heads = max(int(count / ITEMS_PER_DECLARATION), 0)
    local = _active_companies(market, reporter, month, heads, rng)
    partner, abroad = _partners(market, reporter, local, rng)
    sells_abroad = rng.random(heads) < np.where(hash_uniform(market.seed, "sells abroad", local) < 0.2, 0.8, 0.06)
    return pl.DataFrame(
        {
            "reporter": np.full(heads, reporter, dtype=np.int64),
            "flow": np.where(sells_abroad, EXPORT, IMPORT),
            "month": np.full(heads, month, dtype=np.int64),
            "day": rng.integers(days[0], days[1], heads),
            "partner_place": partner,
            "buyer_company": np.where(sells_abroad, abroad, local),
            "seller_company": np.where(sells_abroad, local, abroad),
            "lines": np.minimum(rng.geometric(1 / ITEMS_PER_DECLARATION, heads), 9),
        }
    )


def activity_order(market: Marketplace, reporter: int) -> Ints:
    """The companies of a country, those that trade most first."""
    register, place = market.register, np.array([reporter])
    companies = register.first_of(place)[0] + np.arange(register.size_of(place)[0])
    order: Ints = companies[np.argsort(hash_uniform(market.seed, "rank", companies), kind="stable")]
    return order


def _active_companies(market: Marketplace, reporter: int, month: int, count: int, rng: np.random.Generator) -> Ints:
    """Companies of a country, a few of them with most of the trade; one that has not begun yet gives way to an older one."""
    order = activity_order(market, reporter)
    begins = first_month(market, order)
    drawn = np.floor(len(order) * rng.random(count) ** 2.0).astype(np.int64)
    for _ in range(3):
        drawn = np.where(begins[drawn] > month, drawn // 2, drawn)
    return order[drawn]


def first_month(market: Marketplace, company: Ints) -> Ints:
    """The month in which a company begins to trade; most of them long before the window."""
    is_new = hash_uniform(market.seed, "newcomer", company) < _NEWCOMERS
    month = np.floor(72 * hash_uniform(market.seed, "first month", company)).astype(np.int64)
    found: Ints = np.where(is_new, month, -1)
    return found


def _partners(market: Marketplace, reporter: int, local: Ints, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Where a company buys or sells and from whom: three houses that it knows, the first of them most often."""
    turn = np.digitize(rng.random(len(local)), [0.7, 0.92])
    weight = np.where(np.arange(len(market.areas.iso)) == reporter, 0.0, market.areas.weight**0.8)
    steps = np.cumsum(weight) / weight.sum()
    country = np.searchsorted(steps, hash_uniform(market.seed, "partner country", local, turn), side="right")
    line = market.register.line[local]
    return country, market.register.pick(country, line, hash_uniform(market.seed, "partner house", local, turn))


def choose_goods(market: Marketplace, company: Ints, rng: np.random.Generator) -> tuple[Ints, Floats, Floats]:
    """For each item: goods_key, kg, FOB USD, by the line of business, the size and the habits of its company."""
    lines, register, goods = market.register.lines, market.register, load_goods()
    line = register.line[company]
    own = np.floor(lines.width[line] * rng.random(len(line)) ** 1.4).astype(np.int64)
    other = rng.integers(0, len(goods), len(line))
    # A broker declares nothing of his own.
    is_outside = (rng.random(len(line)) < _OUTSIDE_LINE) | (lines.width[line] == 0)
    chosen = np.where(is_outside, other, lines.goods[line, np.minimum(own, np.maximum(lines.width[line] - 1, 0))])
    price = np.array([each.usd_per_kg for each in goods])[chosen]
    usual = np.array([each.usual_kg for each in goods])[chosen]
    size = np.exp(1.6 * hash_uniform(market.seed, "size", company) - 0.8)
    grade = np.exp(0.5 * (hash_uniform(market.seed, "grade", company, chosen) - 0.5))
    kg = np.round(usual * size * np.exp(rng.normal(-0.2, 0.7, len(line))), 1) + 0.1
    return FIRST_ORDINARY + chosen, kg, kg * price * grade * rng.gamma(60, 1 / 60, len(line))
