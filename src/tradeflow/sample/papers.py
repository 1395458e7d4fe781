"""The papers behind a country's figures: every document that its statistics count, with the companies and the habits behind it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from tradeflow.sample.chance import Ints, named_generator
from tradeflow.sample.documents import FIRST_RELEASE, REVISION, Offices
from tradeflow.sample.goods_words import Substance, load_substances, word_goods
from tradeflow.sample.register import build_register
from tradeflow.sample.simulation import World
from tradeflow.sample.trading import Marketplace, add_habits, cast_parties, known_partner
from tradeflow.sample.warehouse import load_documents, store_documents

_OPENING = (
    "ESP", "BRA", "COL", "FRA", "MEX", "CHL", "ITA", "IND", "ARG", "ZAF", "TUR", "PAN", "AUS", "GBR", "NLD", "DEU", "KOR", "JPN",
    "USA", "CHN",
)  # fmt: skip
"""Which countries' declarations are written: the first few in a small world, more and then all in a large one."""
_MASK = np.uint64(2**44 - 1)
_ODD_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_COUNTRIES_AT_10_000 = 3
_COUNTRIES_PER_DECADE = 4.5
_USUAL_ROWS = 150_000
"""A world of fewer trade rows has fewer papers in each country, and opens more countries for as many."""


@dataclass(frozen=True)
class Customs:
    """All that is fixed before the first declaration: countries that open theirs, months that are written, companies, goods, words."""

    world: World
    market: Marketplace
    opened: Ints
    months: range
    substances: dict[int, Substance]
    phrases: pl.DataFrame
    folder: Path

    @property
    def offices(self) -> Offices:
        """The customs offices of the world."""
        return self.world.offices

    @property
    def seed(self) -> int:
        """The world's seed."""
        return self.world.seed


def open_customs(world: World, folder: Path, size: int, items: int) -> Customs:
    """Choose the countries and months of a world of about so many trade rows and declared items, and found the companies."""
    areas, month_count = world.offices.areas, len(world.offices.clock.periods)
    opened = _opened_countries(world, size, items)
    register = build_register(areas, opened, items, world.seed)
    substances = load_substances(world.items)
    first = month_count - (36 if items <= 1_000_000 else 60)
    market = Marketplace(areas, world.items, register, world.seed)
    phrases = word_goods(world.items, substances, world.seed)
    return Customs(world, market, opened, range(first, month_count), substances, phrases, folder)


def _opened_countries(world: World, size: int, items: int) -> Ints:
    areas = world.offices.areas
    usual = _COUNTRIES_AT_10_000 + _COUNTRIES_PER_DECADE * float(np.log10(items / 10_000))
    count = round(usual * max(_USUAL_ROWS / size, 1.0) ** 0.6)
    order = [*(areas.index(iso) for iso in _OPENING), *range(areas.reporter_count)]
    return np.array(list(dict.fromkeys(order))[:count], dtype=np.int64)


def stage_papers(customs: Customs, goods: pl.DataFrame, documents: pl.DataFrame) -> None:
    """Keep one item's documents of the opened countries, each in its newest version, with the facts of its consignment."""
    offices = customs.offices
    reporter, month = documents["reporter"].to_numpy(), documents["month"].to_numpy()
    newest = np.where(offices.releases.is_revised()[reporter, month], REVISION, FIRST_RELEASE)
    is_kept = np.isin(reporter, customs.opened) & (month >= customs.months.start) & (documents["version"].to_numpy() == newest)
    kept = documents.filter(pl.Series(is_kept))
    facts = ("item", "exporter", "importer", "hub", "is_entrepot", "buyer", "depart_day", pl.col("kg").alias("sent_kg"))
    store_documents(customs.folder, pl.concat([kept, goods.select(facts)[kept["consignment"].to_numpy()]], how="horizontal"), offices.clock)


def read_papers(customs: Customs, reporter: int, year: int) -> pl.DataFrame:
    """A country's papers of one year with companies, broker, office and mode; the same whenever it is asked.

    What a case may change stands in columns of its own: goods_key (whose words are written), words, parts and span_days (one consignment
    on several declarations), notified_share and notified_status, tare_rate.
    """
    stored = load_documents(customs.folder, reporter, year).sort("month", "item", "flow", "consignment", maintain_order=True)
    cast = cast_parties(customs.market, stored.with_columns(pl.col("reporter", "month", "flow", "item").cast(pl.Int64)))
    placed = cast.with_columns(partner_place=pl.Series(known_partner(customs.market, cast["partner"].to_numpy().astype(np.int64))))
    rng = named_generator(customs.seed, "paper habits", reporter, year)
    return add_habits(customs.market, placed, rng).with_columns(
        goods_key=pl.col("item").cast(pl.Int32),
        words=pl.lit(None, pl.String),
        parts=pl.lit(1, pl.Int64),
        span_days=pl.lit(0, pl.Int64),
        notified_share=pl.lit(1.0),
        notified_status=pl.lit(None, pl.String),
        tare_rate=pl.lit(None, pl.Float64),
    )


def years_of(customs: Customs) -> list[int]:
    """The calendar years of the months that are written."""
    return sorted({customs.offices.clock.periods[month] // 100 for month in customs.months})


def months_of(customs: Customs, year: int) -> list[int]:
    """The months (places in the window) of a year that are written."""
    return [month for month in customs.months if customs.offices.clock.periods[month] // 100 == year]


def paper_number(part: pl.Expr) -> pl.Expr:
    """An even number that no other paper of the country has; ordinary goods have the odd ones. `part`: 0 to 15."""
    consignment = pl.col("item").cast(pl.Int64) * 10_000_000 + pl.col("consignment").cast(pl.Int64)
    return ((consignment * 4 + pl.col("flow").cast(pl.Int64)) * 16 + part.cast(pl.Int64)) * 2


def print_numbers(area_code: Ints, number: Ints) -> pl.Series:
    """Declaration numbers as the office prints them: country and 14 digits in no order; different numbers stay different."""
    # Modulo a power of two an odd factor permutes the whole numbers, and so does a shifted exclusive or.
    mixed = (number.astype(np.uint64) * _ODD_FACTOR) & _MASK
    mixed = ((mixed ^ (mixed >> np.uint64(22))) * _ODD_FACTOR) & _MASK
    areas = pl.Series(area_code, dtype=pl.Int64).cast(pl.String).str.zfill(3)
    return areas + pl.Series(mixed).cast(pl.String).str.zfill(14)
